"""Rules that are set aside for now: not run, counted, and never without owner, reason and last day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from mlops.contracts.check import check
from mlops.contracts.compile import compile_contract
from mlops.contracts.contract import load_contract
from mlops.contracts.errors import ContractError
from mlops.contracts.lint import lint
from mlops.contracts.waivers import Waiver, expired_waivers
from tests.unit.contracts.conftest import POLICY

SCHEMA = """\
- name: records
  quality:
  - {id: enough, metric: rowCount, mustBeGreaterOrEqualTo: 500}
  - {id: vital, metric: rowCount, mustBeGreaterOrEqualTo: 1, severity: critical}
  - {id: seen, type: text, description: a person looked}
  properties:
  - {name: record_id, logicalType: string, required: true}
"""
WAIVER = "{rule: records.enough, owner: data-steward, reason: a pilot with few records, expires: 2027-06-30}"
TABLES = {"records": pa.table({"record_id": pa.array(["0" * 16])})}


@pytest.fixture
def waive(write_contract: Callable[..., Path]) -> Callable[[str], Path]:
    """A contract with these waivers, as flow-style YAML."""

    def write(waivers: str) -> Path:
        return write_contract(SCHEMA, policy=f"{POLICY}- {{property: mlops.waivers, value: {waivers}}}\n")

    return write


def test_a_waived_rule_is_not_run_and_is_counted(waive: Callable[[str], Path]) -> None:
    blocked = check(load_contract(waive("[]")), TABLES)
    assert [rule.id for rule in blocked.failed_table_rules] == ["records.enough"]
    contract = load_contract(waive(f"[{WAIVER}]"))
    report = check(contract, TABLES)
    assert "records.enough" not in {rule.id for rule in report.rules}
    assert report.failed_table_rules == ()
    assert (report.coverage.declared, report.coverage.waived, report.coverage.complete) == (7, 1, True)
    expected = Waiver("records.enough", "data-steward", "a pilot with few records", date(2027, 6, 30))
    assert compile_contract(contract).waived == (expected,)


def test_the_last_day_belongs_to_the_waiver(waive: Callable[[str], Path]) -> None:
    path = waive(f"[{WAIVER}]")
    contract = load_contract(path)
    assert expired_waivers(contract, date(2027, 6, 30)) == ()
    assert [waiver.rule for waiver in expired_waivers(contract, date(2027, 7, 1))] == ["records.enough"]
    assert compile_contract(contract).waived, "compilation does not ask for the day"


@pytest.mark.parametrize(
    ("waivers", "code"),
    [
        ("all", "063"),
        ("[all]", "063"),
        ("[" + WAIVER.replace("owner: data-steward, ", "") + "]", "063"),
        ("[" + WAIVER.replace("data-steward", "' '") + "]", "063"),
        ("[" + WAIVER.replace("a pilot with few records", "3") + "]", "063"),
        ("[" + WAIVER.replace("2027-06-30", "2027-06-31") + "]", "063"),
        ("[" + WAIVER.replace("2027-06-30", "20270630") + "]", "063"),
        ("[" + WAIVER.replace("expires", "until") + "]", "063"),
        ("[" + WAIVER.replace("reason", "note: x, reason") + "]", "063"),
        ("[" + WAIVER.replace("records.enough", "enough") + "]", "064"),
        ("[" + WAIVER.replace("records.enough", "records.seen") + "]", "064"),
        ("[" + WAIVER.replace("records.enough", "records.vital") + "]", "065"),
        ("[" + WAIVER.replace("records.enough", "records.record_id.required") + "]", "065"),
        (f"[{WAIVER}, {WAIVER.replace('a pilot', 'another pilot')}]", "066"),
    ],
    ids=[
        "a word", "list of words", "no owner", "empty owner", "a number as reason", "no such day", "no dashes",
        "no expiry", "unknown key", "unknown rule", "a person's item", "critical rule", "own clause", "twice",
    ],
)  # fmt: skip
def test_a_waiver_that_cannot_be_honoured_is_an_error(waivers: str, code: str, waive: Callable[[str], Path]) -> None:
    path = waive(waivers)
    assert code in {finding.code.removeprefix("CONTRACT-") for finding in lint(path)}
    with pytest.raises(ContractError, match=f"CONTRACT-{code}") as caught:
        compile_contract(load_contract(path))
    assert caught.value.where == f"{path}:{path.read_text().count(chr(10))}"


def test_a_report_names_no_waived_rule_as_checked(waive: Callable[[str], Path]) -> None:
    content: dict[str, Any] = check(load_contract(waive(f"[{WAIVER}]")), TABLES).to_json()
    assert all(rule["id"] != "records.enough" for rule in content["rules"])
