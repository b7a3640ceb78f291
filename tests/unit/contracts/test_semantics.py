"""What each clause means, on tables small enough to count by hand. Rows are numbered from 0; so are record ids."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from mlops.contracts.check import check
from mlops.contracts.verdict import verdict

TEXT = "{name: value, logicalType: string%s}"


def offenders(report: Any, rule: str) -> list[int]:
    return sorted(int(key, 16) for key, rules in report.offending.items() if rule in rules)


CLAUSES = [
    pytest.param("string, required: true", ["a", None, ""], None, "required", [1], id="empty text is not null"),
    pytest.param(
        "string, unique: true", ["a", "b", "a", None, None], None, "unique", [0, 2], id="all members, no nulls"
    ),
    pytest.param(
        "string, logicalTypeOptions: {pattern: '^a+$'}",
        ["aa", "ba", "aa\n", None, "", "A"],
        None,
        "pattern",
        [1, 2, 4, 5],
        id="dollar is the end of the text",
    ),
    pytest.param(
        "string, logicalTypeOptions: {pattern: 'b'}", ["abc", "ac"], None, "pattern", [1], id="patterns are unanchored"
    ),
    pytest.param(
        "string, logicalTypeOptions: {pattern: '^\\d$'}", ["1", "٣"], None, "pattern", [1], id="RE2 digits are ASCII"
    ),
    pytest.param(
        "string, logicalTypeOptions: {minLength: 1, maxLength: 3}",
        ["", "ééé", "abcd", None, "😀😀😀"],
        None,
        "length",
        [0, 2],
        id="lengths count code points",
    ),
    pytest.param(
        "integer, logicalTypeOptions: {minimum: 1, maximum: 3}",
        [0, 1, 3, 4, None],
        pa.int64(),
        "range",
        [0, 3],
        id="bounds belong to the range",
    ),
    pytest.param(
        "number, logicalTypeOptions: {exclusiveMinimum: 1, exclusiveMaximum: 3}",
        [1.0, 1.5, 3.0],
        pa.float64(),
        "range",
        [0, 2],
        id="exclusive bounds do not",
    ),
    pytest.param("number", [1.0, math.nan, None, math.inf], pa.float64(), "finite", [1, 3], id="NaN is not a number"),
    pytest.param(
        "number, required: true", [1.0, math.nan, None], pa.float64(), "required", [1, 2], id="NaN is no value either"
    ),
    pytest.param(
        "string, enum: [{value: a}, {value: 'no'}]", ["a", "no", "b", None], None, "enum", [2], id="enumeration"
    ),
    pytest.param(
        "integer, unique: true", [2**53, 2**53 + 1, None], pa.int64(), "unique", [], id="large keys stay distinct"
    ),
    pytest.param("boolean, required: true", [True, None], pa.bool_(), "required", [1], id="boolean with null"),
    pytest.param(
        "timestamp, required: true", [0, None], pa.timestamp("us", tz="UTC"), "required", [1], id="timestamp with null"
    ),
    pytest.param("array, required: true", [[1], None, []], pa.list_(pa.int64()), "required", [1], id="lists with null"),
]


@pytest.mark.parametrize(("column", "values", "kind", "clause", "expected"), CLAUSES)
def test_clause_offends_exactly(
    column: str,
    values: list[Any],
    kind: pa.DataType | None,
    clause: str,
    expected: list[int],
    one_column: Callable[..., Any],
    table_of: Callable[..., Any],
    run_rule: Callable[..., Any],
) -> None:
    contract = one_column(f"{{name: value, logicalType: {column}}}")
    result, report = run_rule(contract, table_of(values, kind), f"records.value.{clause}")
    assert offenders(report, result.id) == expected
    assert (result.outcome, result.observed) == ("fail" if expected else "pass", len(expected))
    assert result.total == len(values)


def metric(text: str) -> str:
    return TEXT % f", quality: [{{id: rule, {text}}}]"


METRICS = [
    pytest.param("metric: nullValues, mustBe: 0", ["a", None], "fail", 1, [1], id="nulls"),
    pytest.param("metric: nullValues, mustBeLessThan: 1", ["a", None], "fail", 1, [1], id="below one allows none"),
    pytest.param(
        "metric: nullValues, unit: percent, mustBeLessOrEqualTo: 50", ["a", None], "pass", 50, [], id="percent boundary"
    ),
    pytest.param(
        "metric: nullValues, unit: percent, mustBeLessThan: 1",
        ["a", None],
        "fail",
        50,
        [],
        id="tolerance fails the table",
    ),
    pytest.param(
        "metric: invalidValues, unit: percent, mustBeLessThan: 25, arguments: {validValues: [a]}",
        ["a", "b", None, None],
        "fail",
        25,
        [],
        id="percent is of all rows, nulls included",
    ),
    pytest.param(
        "metric: missingValues, mustBe: 0, arguments: {missingValues: [null, '', n/a]}",
        ["a", "", None, "n/a"],
        "fail",
        3,
        [1, 2, 3],
        id="missing is null or a marker",
    ),
    pytest.param(
        "metric: invalidValues, mustBe: 0, arguments: {pattern: '^a'}", ["ab", "b", None], "fail", 1, [1], id="pattern"
    ),
    pytest.param(
        "metric: duplicateValues, mustBe: 0",
        ["a", "b", "a", "a", None, None],
        "fail",
        3,
        [0, 2, 3],
        id="all members count",
    ),
    pytest.param(
        "metric: duplicateValues, mustBeBetween: [2, 3]", ["a", "a", "b"], "pass", 2, [], id="between includes"
    ),
    pytest.param("metric: duplicateValues, mustNotBe: 2", ["a", "a", "b"], "fail", 2, [], id="must not be"),
    pytest.param("metric: nullValues, mustBe: 0, severity: warning", ["a", None], "warn", 1, [], id="warning"),
    pytest.param("metric: nullValues, mustBe: 0, severity: info", ["a", None], "warn", 1, [], id="info"),
]


@pytest.mark.parametrize(("rule", "values", "outcome", "observed", "expected"), METRICS)
def test_library_metric(
    rule: str,
    values: list[Any],
    outcome: str,
    observed: float,
    expected: list[int],
    one_column: Callable[..., Any],
    table_of: Callable[..., Any],
    run_rule: Callable[..., Any],
) -> None:
    result, report = run_rule(one_column(metric(rule)), table_of(values), "records.value.rule")
    assert (result.outcome, result.observed) == (outcome, observed)
    assert offenders(report, result.id) == expected
    assert result.row_level is bool(expected) or result.outcome in ("pass", "warn")


def test_duplicates_over_several_columns(
    one_column: Callable[..., Any], table_of: Callable[..., Any], run_rule: Callable[..., Any]
) -> None:
    rule = "[{id: pair, metric: duplicateValues, arguments: {properties: [record_id, value]}, mustBe: 0}]"
    tables = table_of(["a", "a", "b"])
    ids = pa.array(["x", "x", "x"])
    tables = {"records": tables["records"].set_column(0, "record_id", ids)}
    result, report = run_rule(one_column(TEXT % "", rules=rule), tables, "records.pair")
    assert (result.observed, list(report.offending), report.quarantined_rows) == (2, ["x"], 3)


@pytest.mark.parametrize(
    ("query", "outcome", "observed"),
    [
        ("SELECT count(*) FROM {object} WHERE value = 'a'", "pass", 2),
        ("SELECT count(${property}) FROM ${object}", "fail", 3),
        ("SELECT sum(length(value)) FROM records WHERE false", "error", None),
        ("SELECT 'nan'::DOUBLE", "error", None),
        ("SELECT length(value) FROM records", "error", None),
        ("SELECT count(*) FROM records WHERE CAST(value AS INTEGER) > 0", "error", None),
        ("SELECT 2.0::DECIMAL(4,1)", "pass", 2),
    ],
    ids=["count", "placeholders", "null", "nan", "rows", "raises", "decimal"],
)
def test_sql_counts_only_one_finite_number(
    query: str,
    outcome: str,
    observed: float | None,
    one_column: Callable[..., Any],
    table_of: Callable[..., Any],
    run_rule: Callable[..., Any],
) -> None:
    contract = one_column(metric(f'type: sql, query: "{query}", mustBe: 2'))
    result, report = run_rule(contract, table_of(["a", "a", "b"]), "records.value.rule")
    assert (result.outcome, result.observed) == (outcome, observed)
    assert not report.offending


def test_sql_names_offending_records(
    one_column: Callable[..., Any], table_of: Callable[..., Any], run_rule: Callable[..., Any]
) -> None:
    rule = (
        "type: sql, query: \"SELECT count(*) FROM {object} WHERE value = 'b'\", mustBe: 0, customProperties: ["
        "{property: mlops.offendingRecords, value: \"SELECT record_id FROM {object} WHERE value = 'b'\"}]"
    )
    result, report = run_rule(one_column(metric(rule)), table_of(["a", "b"]), "records.value.rule")
    assert (result.row_level, offenders(report, result.id)) == (True, [1])


@pytest.mark.parametrize(
    ("offending", "expected"),
    [
        ("SELECT record_id FROM records WHERE value = 'b';", [1, 2]),
        ("SELECT DISTINCT record_id FROM records WHERE value = 'b' -- once", [1, 2]),
        ("SELECT record_id FROM records WHERE value <> 'a'", [1, 2, 3]),
        ("SELECT record_id FROM records WHERE value = 'b' UNION ALL SELECT 'nobody'", [1, 2]),
        ("SELECT record_id FROM records WHERE value = 'b' LIMIT 1", []),
        ("SELECT record_id FROM records WHERE value <> 'b'", []),
        ("SELECT value FROM records WHERE value = 'b'", []),
        ("SELECT repeat('f', 16) FROM records WHERE value = 'b'", []),
        ("SELECT record_id FROM records WHERE false", []),
    ],
    ids=["all", "each once", "more", "and a stranger", "fewer", "as many others", "cells", "a constant", "none"],
)
def test_records_that_do_not_account_for_a_failure_leave_it_to_the_table(
    offending: str,
    expected: list[int],
    one_column: Callable[..., Any],
    table_of: Callable[..., Any],
    run_rule: Callable[..., Any],
) -> None:
    """Without the rows of the records that a rule names, its query has to hold; else bad rows would pass."""
    rule = (
        "type: sql, query: \"SELECT count(*) FROM {object} WHERE value = 'b' -- bad\", mustBe: 0, customProperties: ["
        f'{{property: mlops.offendingRecords, value: "{offending}"}}]'
    )
    tables = table_of(["a", "b", "b", "c", "a", "a", "a"])
    result, report = run_rule(one_column(metric(rule), quarantine=0.5), tables, "records.value.rule")
    assert (result.outcome, result.observed, offenders(report, result.id)) == ("fail", 2, expected)
    assert verdict(report, 7).outcome == ("pass" if expected else "blocked")
    assert bool(report.failed_table_rules) is not bool(expected)


def test_a_row_without_id_is_accounted_for_by_nobody(
    one_column: Callable[..., Any], run_rule: Callable[..., Any]
) -> None:
    rule = (
        "type: sql, query: \"SELECT count(*) FROM {object} WHERE value = 'b'\", mustBe: 0, customProperties: ["
        "{property: mlops.offendingRecords, value: \"SELECT record_id FROM {object} WHERE value = 'b'\"}]"
    )
    tables = {"records": pa.table({"record_id": ["x", None, "y"], "value": ["b", "b", "a"]})}
    result, report = run_rule(one_column(metric(rule)), tables, "records.value.rule")
    assert (result.observed, result.row_level, offenders(report, result.id)) == (2, False, [])


def gx(implementation: str, severity: str = "error") -> str:
    return metric(f"type: custom, engine: greatExpectations, severity: {severity}, implementation: {implementation}")


@pytest.mark.parametrize(
    ("implementation", "outcome", "expected"),
    [
        ("{type: expect_column_values_to_not_match_regex, kwargs: {regex: '@'}}", "fail", [2]),
        ("'{type: expect_column_values_to_not_match_regex, kwargs: {regex: \"@\"}}'", "fail", [2]),
        ("{type: expect_column_values_to_be_in_set, kwargs: {value_set: [a, b]}}", "fail", [2]),
        ("{type: expect_column_values_to_be_in_set, kwargs: {value_set: [a, b], mostly: 0.6}}", "pass", []),
        ("{type: expect_column_values_to_be_in_set, kwargs: {value_set: [a, b], mostly: 0.7}}", "fail", []),
        ("{type: expect_column_unique_value_count_to_be_between, kwargs: {min_value: 3}}", "pass", []),
        ("{type: expect_column_mean_to_be_between, kwargs: {min_value: 3}}", "error", []),
    ],
    ids=["mapping", "text", "rows", "mostly holds", "mostly fails", "statistic", "no mean of texts"],
)
def test_great_expectations_rules(
    implementation: str,
    outcome: str,
    expected: list[int],
    one_column: Callable[..., Any],
    table_of: Callable[..., Any],
    run_rule: Callable[..., Any],
) -> None:
    result, report = run_rule(one_column(gx(implementation)), table_of(["a", "b", "c@d"]), "records.value.rule")
    assert result.outcome == outcome
    assert offenders(report, result.id) == expected
    # One bad rule leaves the others alone.
    others = [rule.outcome for rule in report.rules if rule.id != result.id]
    assert set(others) == {"pass"}


def test_a_column_of_another_type_makes_its_rules_errors_and_only_those(
    one_column: Callable[..., Any], table_of: Callable[..., Any]
) -> None:
    report = check(one_column("{name: value, logicalType: string, required: true}"), table_of([1, 2], pa.int64()))
    outcomes = {rule.id: rule.outcome for rule in report.rules}
    assert outcomes == {
        "records.columns": "pass",
        "records.rows": "pass",
        "records.record_id.type": "pass",
        "records.record_id.required": "pass",
        "records.value.type": "fail",
        "records.value.required": "error",
    }


def test_dictionary_encoding_is_not_a_type(one_column: Callable[..., Any], table_of: Callable[..., Any]) -> None:
    tables = table_of(["a", "b"])
    encoded = tables["records"].set_column(1, "value", tables["records"]["value"].dictionary_encode())
    report = check(one_column("{name: value, logicalType: string, unique: true}"), {"records": encoded})
    assert {rule.outcome for rule in report.rules} == {"pass"}


def test_composite_primary_key(
    write_contract: Callable[..., Any], table_of: Callable[..., Any], run_rule: Callable[..., Any]
) -> None:
    from mlops.contracts.contract import load_contract

    schema = """\
    - name: records
      properties:
      - {name: record_id, logicalType: string, primaryKey: true, primaryKeyPosition: 1}
      - {name: value, logicalType: string, primaryKey: true, primaryKeyPosition: 2}
    """
    ids = pa.array(["x", "x", "y", "y"])
    table = table_of(["a", "b", "a", "a"])["records"].set_column(0, "record_id", ids)
    result, report = run_rule(load_contract(write_contract(schema)), {"records": table}, "records.primaryKey")
    assert (result.outcome, result.observed, list(report.offending)) == ("fail", 2, ["y"])


UNIQUE = [
    pytest.param([0.0, -0.0, 1.0], pa.float64(), [0, 1], id="zero has no sign"),
    pytest.param([math.nan, math.nan, 2.0], pa.float64(), [], id="NaN is as null"),
    pytest.param(["a", "A", "a ", "e\u0301", "é"], pa.string(), [], id="texts are compared code point by code point"),
    pytest.param(["", "", None], pa.string(), [0, 1], id="empty text is a value"),
    pytest.param([1, 2, 2**40], pa.timestamp("ns", "UTC"), [], id="nanoseconds count"),
    pytest.param([True, False, True], pa.bool_(), [0, 2], id="booleans"),
    pytest.param([["a"], ["a"], ["b"]], pa.list_(pa.string()), [0, 1], id="lists"),
]
_LOGICAL = {"double": "number", "string": "string", "bool": "boolean", "list": "array"}


@pytest.mark.parametrize(("values", "kind", "expected"), UNIQUE)
def test_what_counts_as_the_same_value(
    values: list[Any],
    kind: pa.DataType,
    expected: list[int],
    one_column: Callable[..., Any],
    table_of: Callable[..., Any],
    run_rule: Callable[..., Any],
) -> None:
    logical = next((word for start, word in _LOGICAL.items() if str(kind).startswith(start)), "timestamp")
    contract = one_column(f"{{name: value, logicalType: {logical}, unique: true}}")
    result, report = run_rule(contract, table_of(values, kind), "records.value.unique")
    assert (result.observed, offenders(report, result.id)) == (len(expected), expected)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (["a", "a", "a"], ["x", "x", "y"], 2),
        ([None, None, "a"], ["x", "x", "x"], 2),
        ([None, None, "a"], [None, None, None], 0),
        (["a", "a", None], [None, None, "a"], 2),
    ],
    ids=["values", "null beside a value equals null", "rows of nulls alone", "null is no value"],
)
def test_what_counts_as_the_same_pair(
    left: list[Any],
    right: list[Any],
    expected: int,
    write_contract: Callable[..., Any],
    run_rule: Callable[..., Any],
) -> None:
    from mlops.contracts.contract import load_contract

    schema = """\
    - name: records
      quality: [{id: pair, metric: duplicateValues, arguments: {properties: [left, right]}, mustBe: 0}]
      properties: [{name: left, logicalType: string}, {name: right, logicalType: string}]
    """
    table = pa.table({"left": pa.array(left, pa.string()), "right": pa.array(right, pa.string())})
    result, _ = run_rule(load_contract(write_contract(schema)), {"records": table}, "records.pair")
    assert (result.observed, result.denominator) == (expected, 3)


def test_a_timestamp_without_a_time_zone_is_of_another_type(
    one_column: Callable[..., Any], table_of: Callable[..., Any], run_rule: Callable[..., Any]
) -> None:
    contract = one_column("{name: value, logicalType: timestamp}")
    for kind, outcome in ((pa.timestamp("us"), "fail"), (pa.timestamp("s", "Europe/Berlin"), "pass")):
        result, _ = run_rule(contract, table_of([1], kind), "records.value.type")
        assert result.outcome == outcome


def test_a_rule_that_tolerates_some_rows_names_a_sample_of_too_many(
    one_column: Callable[..., Any], table_of: Callable[..., Any], run_rule: Callable[..., Any]
) -> None:
    """The sample helps to look; nothing is set aside, since it is the table that fails."""
    few = metric("metric: nullValues, unit: percent, mustBeLessThan: 50")
    for values, expected in ((["a", None, None], 2), (["a", "b", None], 0)):
        result, report = run_rule(one_column(few), table_of(values), "records.value.rule")
        assert (len(result.sample), result.row_level, dict(report.offending)) == (expected, False, {})


def test_a_table_of_a_hundred_thousand_columns_is_judged_by_its_names(one_column: Callable[..., Any]) -> None:
    ids = pa.array([f"{number:016x}" for number in range(2)])
    other = pa.nulls(2, pa.bool_())
    names = ["record_id", "value", *(f"c{number}" for number in range(10**5))]
    table = pa.Table.from_arrays([ids, ids, *[other] * 10**5], names=names)
    report = check(one_column(TEXT % ", unique: true"), {"records": table})
    outcomes = {rule.id: rule.outcome for rule in report.rules}
    assert outcomes.pop("records.columns") == "fail"
    assert set(outcomes.values()) == {"pass"}
    assert next(rule.detail for rule in report.rules) == "100000 undeclared"
