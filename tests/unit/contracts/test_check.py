"""Outcomes, coverage, quarantine and verdicts, on tables of the shape that the pipeline checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from mlops.artifacts import canonical_json
from mlops.contracts.check import NamedOutcome, check
from mlops.contracts.contract import Contract, load_contract
from mlops.contracts.errors import ContractError
from mlops.contracts.report import printable_id
from mlops.contracts.verdict import verdict

PLAIN = "{name: value, logicalType: string, required: true}"
NAMED = (
    "[{id: topic, type: custom, engine: mlops, severity: %s, implementation: {check: relevance, least: 0.5}},"
    " {id: read, type: text, description: someone read it}]"
)


@pytest.mark.parametrize("values", [[], ["a"]], ids=["empty", "one row"])
def test_an_empty_table_never_passes(
    values: list[str], one_column: Callable[..., Contract], table_of: Callable[..., Any]
) -> None:
    report = check(one_column(PLAIN), table_of(values))
    assert [rule.id for rule in report.failed_table_rules] == ([] if values else ["records.rows"])
    assert verdict(report, len(values)).outcome == ("pass" if values else "blocked")


def test_percent_of_no_rows_is_an_error(
    one_column: Callable[..., Contract], table_of: Callable[..., Any], run_rule: Callable[..., Any]
) -> None:
    rule = "{id: few, metric: nullValues, unit: percent, mustBeLessThan: 5}"
    contract = one_column(f"{{name: value, logicalType: string, quality: [{rule}]}}")
    result, _ = run_rule(contract, table_of([]), "records.value.few")
    assert (result.outcome, result.observed) == ("error", None)


def test_a_missing_table_makes_every_rule_an_error(one_column: Callable[..., Contract]) -> None:
    report = check(one_column(PLAIN), {})
    assert {rule.outcome for rule in report.rules} == {"error"}
    assert not report.coverage.complete
    assert verdict(report, 10).outcome == "blocked"


@pytest.mark.parametrize(
    ("columns", "detail"),
    [
        (["record_id"], "missing: value"),
        (["record_id", "value", "Ada Lovelace"], "1 undeclared"),
        (["record_id", "value", "value"], "1 repeated"),
    ],
    ids=["missing", "undeclared", "repeated"],
)
def test_columns_are_exact_and_undeclared_names_stay_unsaid(
    columns: list[str], detail: str, one_column: Callable[..., Contract]
) -> None:
    table = pa.table([pa.array(["a"])] * len(columns), names=columns)
    report = check(one_column(PLAIN), {"records": table})
    failed = {rule.id: rule.detail for rule in report.failed_table_rules}
    assert failed["records.columns"] == detail
    assert b"Ada" not in canonical_json(report.to_json())
    assert verdict(report, 1).outcome == "blocked"


@pytest.mark.parametrize(
    ("allowed", "bad", "total", "outcome"),
    [
        (0.0, 0, 10, "pass"),
        (0.0, 1, 10, "blocked"),
        (0.1, 1, 10, "pass"),
        (0.1, 2, 10, "blocked"),
        (0.3, 3, 10, "pass"),
        (0.99, 10, 10, "blocked"),
        (0.99, 9, 10, "pass"),
    ],
)
def test_quarantine_up_to_the_allowed_share(
    allowed: float,
    bad: int,
    total: int,
    outcome: str,
    one_column: Callable[..., Contract],
    table_of: Callable[..., Any],
) -> None:
    values = [None] * bad + ["a"] * (total - bad)
    report = check(one_column(PLAIN, quarantine=allowed), table_of(values))
    decision = verdict(report, total)
    assert (decision.outcome, len(decision.quarantined)) == (outcome, bad)
    assert all(rules == ("records.value.required",) for rules in report.offending.values())
    assert report.failed_table_rules == ()


def test_rows_that_share_an_id_are_all_counted(one_column: Callable[..., Contract]) -> None:
    table = pa.table({"record_id": ["x", "x", "x", "y"], "value": ["a", None, "a", "b"]})
    report = check(one_column(PLAIN, quarantine=0.5), {"records": table})
    assert (dict(report.offending), report.quarantined_rows) == ({"x": ("records.value.required",)}, 3)
    assert verdict(report, 4).outcome == "blocked"


def test_an_offending_row_without_id_fails_the_table(one_column: Callable[..., Contract]) -> None:
    table = pa.table({"record_id": ["x", None], "value": ["a", None]})
    report = check(one_column(PLAIN, quarantine=0.9), {"records": table})
    assert {rule.id for rule in report.failed_table_rules} == {"records.record_id.required", "records.value.required"}
    assert not report.offending
    assert verdict(report, 2).outcome == "blocked"


@pytest.mark.parametrize(("severity", "outcome"), [("critical", "blocked"), ("error", "blocked"), ("warning", "pass")])
@pytest.mark.parametrize("level", ["rows", "table"])
def test_severity_decides_whether_a_failure_blocks(
    severity: str, outcome: str, level: str, one_column: Callable[..., Contract], table_of: Callable[..., Any]
) -> None:
    bound = "mustBe: 0" if level == "rows" else "mustBeLessThan: 2"
    rule = f"{{id: rule, metric: duplicateValues, {bound}, severity: {severity}}}"
    contract = one_column(f"{{name: value, logicalType: string, quality: [{rule}]}}")
    report = check(contract, table_of(["a", "a", "b"]))
    assert verdict(report, 3).outcome == outcome
    assert bool(report.offending) is (level == "rows" and outcome == "blocked")
    assert [rule.id for rule in report.warnings] == ([] if outcome == "blocked" else ["records.value.rule"])


def relevance(passed: bool, offending: tuple[str, ...] = ()) -> Callable[..., NamedOutcome]:
    def run(tables: Mapping[str, pa.Table], arguments: Mapping[str, Any]) -> NamedOutcome:
        assert arguments == {"least": 0.5}
        return NamedOutcome(passed, observed=float(tables["records"].num_rows), offending=offending)

    return run


def broken(tables: Mapping[str, pa.Table], arguments: Mapping[str, Any]) -> NamedOutcome:
    raise ValueError(f"cannot read {tables['records']['value'].to_pylist()}")


@pytest.mark.parametrize(
    ("checks", "outcome", "decision"),
    [
        ({"relevance": relevance(True)}, "pass", "pass"),
        ({"relevance": relevance(False)}, "fail", "blocked"),
        ({"relevance": relevance(False, ("0000000000000001",))}, "fail", "pass"),
        ({"relevance": relevance(False, ("0000000000000001", "000000000000000f"))}, "fail", "blocked"),
        ({"relevance": broken}, "error", "blocked"),
        ({"other": relevance(True)}, "error", "blocked"),
    ],
    ids=["passes", "fails", "names a row", "names a stranger", "raises", "absent"],
)
def test_named_checks(
    checks: Any,
    outcome: str,
    decision: str,
    one_column: Callable[..., Contract],
    table_of: Callable[..., Any],
    run_rule: Callable[..., Any],
) -> None:
    contract = one_column(PLAIN, rules=NAMED % "error", quarantine=0.5)
    result, report = run_rule(contract, table_of(["tracer", "b"]), "records.topic", checks)
    assert (result.outcome, verdict(report, 2).outcome) == (outcome, decision)
    assert report.coverage.declared == 8
    assert report.coverage.human == 1
    assert report.coverage.complete is (outcome != "error")
    assert b"tracer" not in canonical_json(report.to_json())


def test_only_engine_errors_are_errors(
    one_column: Callable[..., Contract], table_of: Callable[..., Any], run_rule: Callable[..., Any]
) -> None:
    """A mean of text cannot be taken: that is an error, where a mean outside its bounds is a failure."""
    implementation = "{type: expect_column_mean_to_be_between, kwargs: {min_value: 5}}"
    rule = f"{{id: mean, type: custom, engine: great-expectations, implementation: {implementation}}}"
    for kind, values, outcome in (
        ("string", ["x", "y"], "error"),
        ("integer", [1, 2], "fail"),
        ("integer", [5], "pass"),
    ):
        contract = one_column(f"{{name: value, logicalType: {kind}, quality: [{rule}]}}")
        tables = table_of(values, pa.string() if kind == "string" else pa.int64())
        result, report = run_rule(contract, tables, "records.value.mean")
        assert (result.outcome, result.observed) == (outcome, None), "a mean of one row is a cell"
        assert [each.id for each in report.errors] == (["records.value.mean"] if outcome == "error" else [])


def test_agreements_and_text_rules_are_left_to_people(write_contract: Callable[..., Path]) -> None:
    schema = "- {name: records, properties: [{name: record_id, logicalType: string}]}\n"
    agreements = "".join(f"- {{id: {name}, property: retention, value: 2, unit: y}}\n" for name in ("keep", "warm"))
    path = write_contract(schema)
    path.write_text(f"{path.read_text()}slaProperties:\n{agreements}")
    report = check(load_contract(path), {"records": pa.table({"record_id": ["x"]})})
    assert [(item.id, item.text) for item in report.human] == [
        ("sla.keep", "retention 2 y"),
        ("sla.warm", "retention 2 y"),
    ]
    assert str(report.coverage) == "5 declared = 3 executed + 2 human + 0 waived"


def test_the_same_input_gives_the_same_report(
    one_column: Callable[..., Contract], table_of: Callable[..., Any]
) -> None:
    contract, tables = one_column(PLAIN), table_of(["a", None, "b"])
    first, second = (canonical_json(check(contract, tables).to_json()) for _ in range(2))
    assert first == second


def test_chunked_tables_name_the_right_rows(one_column: Callable[..., Contract], table_of: Callable[..., Any]) -> None:
    whole = table_of(["a", None, "b", None, "c"])["records"]
    chunked = pa.concat_tables([whole.slice(0, 2), whole.slice(2, 1), whole.slice(3)])
    assert chunked["value"].num_chunks == 3
    report = check(one_column(PLAIN), {"records": chunked})
    assert sorted(int(key, 16) for key in report.offending) == [1, 3]


def test_verdict_refuses_a_negative_number(one_column: Callable[..., Contract], table_of: Callable[..., Any]) -> None:
    with pytest.raises(ContractError, match="CONTRACT-012"):
        verdict(check(one_column(PLAIN), table_of(["a"])), -1)


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("0123456789abcdef", True),
        ("0000000000000000", True),
        ("1234567812345678", True),
        ("4111111111111112", True),
        ("4111111111111111", False),
        ("6304000000000000000", False),
        ("Ada", False),
        ("0123", False),
    ],
)
def test_ids_that_may_be_values_are_printed_as_digests(written: str, printed: bool) -> None:
    assert (printable_id(written) == written) is printed
    assert printable_id(written).startswith("sha256:") is not printed


THRESHOLDS = [
    ("expect_column_values_to_be_between, kwargs: {min_value: 0, max_value: 1}", "at least 0, at most 1, in every row"),
    (
        "expect_column_values_to_be_between, kwargs: {min_value: 0, strict_min: true, mostly: 0.9}",
        "above 0, in at least 90% of the rows judged",
    ),
    ("expect_column_max_to_be_between, kwargs: {max_value: 1234567.5}", "at most 1234567.5"),
    ("expect_column_mean_to_be_between, kwargs: {min_value: 2, max_value: 3}", "at least 2, at most 3"),
    (
        "expect_column_kl_divergence_to_be_less_than,"
        " kwargs: {partition_object: {bins: [0, 1], weights: [1.0]}, threshold: 0.05}",
        "at most 0.05, partition object",
    ),
    ("expect_column_values_to_be_in_set, kwargs: {value_set: [1, 2]}", "value set 1, 2, in every row"),
    ("expect_column_values_to_be_increasing", "column values to be increasing"),
]


@pytest.mark.parametrize(("expectation", "words"), THRESHOLDS)
def test_a_rule_that_its_engine_judges_says_by_what(
    expectation: str, words: str, one_column: Callable[..., Contract], table_of: Callable[..., Any]
) -> None:
    rule = f"{{id: rule, type: custom, engine: greatExpectations, implementation: {{type: {expectation}}}}}"
    contract = one_column(f"{{name: value, logicalType: number, quality: [{rule}]}}")
    report = check(contract, table_of([0.5, 1.0], pa.float64()))
    found = {result.id: result.threshold for result in report.rules}
    assert found["records.value.rule"] == words
    assert found["records.columns"] == "as declared"
    assert found["records.value.type"] == "logicalType number"
    assert all(found.values())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("check: rows, min: 10003, max: 10003", "at least 10003, at most 10003"),
        ("check: rows, columns: [text], max_share: 0.2", "columns text, max share 0.2"),
        ("check: rows, min_share_above: {score: 0.2, share: 0.95}", "min share above score 0.2 and share 0.95"),
        ("check: rows", "as the check rows judges"),
    ],
    ids=["bounds", "share", "pair", "nothing"],
)
def test_a_named_check_says_by_what_it_judges(
    arguments: str, words: str, one_column: Callable[..., Contract], table_of: Callable[..., Any]
) -> None:
    rules = f"[{{id: rule, type: custom, engine: mlops, implementation: {{{arguments}}}}}]"
    report = check(one_column(PLAIN, rules=rules), table_of(["a"]), {"rows": lambda tables, given: NamedOutcome(True)})
    assert next(rule.threshold for rule in report.rules if rule.id == "records.rule") == words
