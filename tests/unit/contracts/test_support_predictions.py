"""The contract of the prediction log: satisfied by what a gateway writes, broken by each thing that must not be."""

from __future__ import annotations

import datetime
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from mlops.contracts.check import check
from mlops.contracts.contract import load_contract
from mlops.contracts.lint import lint
from mlops.contracts.policy import Use, refusals
from mlops.contracts.report import ContractReport
from mlops.contracts.retention import keep_until
from mlops.contracts.verdict import verdict

DAY = datetime.datetime(2026, 5, 1, tzinfo=datetime.UTC)
FILE = "data_contracts/support_predictions.odcs.yaml"
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("request_id", "conversation_id")),
        ("created_at", pa.timestamp("us", tz="UTC")),
        *((name, pa.string()) for name in ("use_case", "release", "model", "input", "output")),
        ("schema_valid", pa.bool_()),
        ("latency_ms", pa.float64()),
        ("prompt_tokens", pa.int32()),
        ("completion_tokens", pa.int32()),
        ("feedback", pa.string()),
    ]
)


def prediction(number: int, **change: Any) -> dict[str, Any]:
    row = {
        "request_id": f"{number:032x}",
        "conversation_id": f"c{number // 2}",
        "created_at": DAY + datetime.timedelta(seconds=number),
        "use_case": "support_triage",
        "release": "support_triage-0123456789ab",
        "model": "base_models/sample",
        "input": "user: Order <ORDER_1> has not arrived, write to <EMAIL_ADDRESS_1>",
        "output": '{"intent": "delivery"}',
        "schema_valid": True,
        "latency_ms": 412.5,
        "prompt_tokens": 90 + number % 7,
        "completion_tokens": 12,
        "feedback": ("accepted", "corrected", "rejected", None)[number % 4],
    }
    return {**row, **change}


def judge(root: Path, rows: list[dict[str, Any]]) -> tuple[str, ContractReport]:
    report = check(load_contract(root / FILE), {"predictions": pa.Table.from_pylist(rows, schema=SCHEMA)})
    return verdict(report, len(rows)).outcome, report


def test_a_good_log_passes_without_a_warning(project_root: Path) -> None:
    outcome, report = judge(project_root, [prediction(number) for number in range(100)])
    assert (outcome, report.warnings, report.errors) == ("pass", (), ())
    assert report.coverage.complete
    assert [item.id for item in report.human] == ["sla.sla_retention", "predictions.input.masking_reviewed"]


BAD_ROWS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "same id": ({"request_id": f"{1:032x}"}, ["request_id.unique"]),
    "other id": ({"request_id": "abc"}, ["request_id.pattern"]),
    "logged twice": ({"conversation_id": "c0", "created_at": prediction(1)["created_at"]}, ["request_once"]),
    "other use case": ({"use_case": "triage"}, ["release_of_use_case"]),
    "release without digest": ({"release": "support_triage-latest"}, ["release_of_use_case", "release.pattern"]),
    "no time": ({"created_at": None}, ["created_at.required"]),
    "from the future": ({"created_at": datetime.datetime(2999, 1, 1, tzinfo=datetime.UTC)}, ["created_plausible"]),
    "no input": ({"input": ""}, ["input.length"]),
    "address in the input": ({"input": "write to ada@mail.example.org"}, ["input.input_no_email"]),
    "address in the output": ({"output": "ada@mail.example.org"}, ["output.output_no_email"]),
    "output is null": ({"output": None}, ["output.required"]),
    "no judgement": ({"schema_valid": None}, ["schema_valid.required"]),
    "negative latency": ({"latency_ms": -1.0}, ["latency_ms.range"]),
    "endless latency": ({"latency_ms": float("inf")}, ["latency_ms.range", "latency_ms.finite"]),
    "no prompt tokens": ({"prompt_tokens": 0}, ["prompt_tokens.range"]),
    "too many tokens": ({"completion_tokens": 4097}, ["completion_tokens.range"]),
    "unknown feedback": ({"feedback": "fine"}, ["feedback.feedback_known"]),
}


def test_each_bad_row_breaks_the_rules_that_it_should(project_root: Path) -> None:
    rows = [prediction(number) for number in range(1_000)]
    for number, (change, _) in enumerate(BAD_ROWS.values(), start=10):
        rows[number] |= change
    outcome, report = judge(project_root, rows)
    found = {rule.id.removeprefix("predictions."): rule.observed for rule in report.rules if rule.outcome == "fail"}
    expected = Counter(rule for _, broken in BAD_ROWS.values() for rule in broken)
    assert found == {**expected, "request_id.unique": 2, "request_once": 2}  # both rows of a pair count
    assert (outcome, report.errors, report.offending) == ("blocked", (), {})


@pytest.mark.parametrize(
    ("change", "rule", "observed"),
    [
        ({"feedback": None}, "predictions.feedback.feedback_complete", 88),
        ({"schema_valid": False}, "predictions.mostly_valid", 16),
        ({"output": ""}, "predictions.output.mostly_answered", 84),
    ],
    ids=["little feedback", "broken answers", "empty answers"],
)
def test_what_only_warns(project_root: Path, change: dict[str, Any], rule: str, observed: float) -> None:
    rows = [prediction(number) for number in range(200)]
    for number in range(32, 200):
        rows[number] |= change
    outcome, report = judge(project_root, rows)
    assert (outcome, [(each.id, each.observed) for each in report.warnings]) == ("pass", [(rule, observed)])


def test_what_people_were_promised(project_root: Path) -> None:
    path = project_root / FILE
    assert lint(path) == []
    contract = load_contract(path)
    rows = pa.Table.from_pylist([prediction(0), prediction(1)], schema=SCHEMA)
    assert keep_until(contract, {"predictions": rows})["sla_retention"]["until"] == "2026-07-30"
    for purpose, allowed in {"monitoring": True, "offline-evaluation": True, "fine-tuning": False}.items():
        assert (refusals(contract, Use(purpose, "gdpr-6-1-f", "EU", "ml-engineer")) == ()) is allowed
