"""A value planted in bad rows is found in no report, message, log or output."""

from __future__ import annotations

import datetime
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from mlops.artifacts import canonical_json
from mlops.contracts.check import NamedOutcome, check
from mlops.contracts.contract import load_contract
from mlops.contracts.errors import ContractError
from mlops.contracts.verdict import verdict

TRACER = "tracer-7f3a@leak.example"

# Every engine, every way to fail and every way to raise that quotes a cell when it is left alone.
SCHEMA = """\
- name: records
  quality:
  - {id: pair, metric: duplicateValues, arguments: {properties: [record_id, text]}, mustBe: 0}
  - {id: cast, type: sql, query: SELECT count(*) FROM records WHERE CAST(text AS INTEGER) > 0, mustBe: 0}
  - id: ids
    type: sql
    query: SELECT count(*) FROM records
    mustBe: 0
    customProperties: [{property: mlops.offendingRecords, value: SELECT text FROM records}]
  properties:
  - name: record_id
    logicalType: string
    required: true
    unique: true
    logicalTypeOptions: {pattern: '^[0-9a-f]{16}$'}
  - name: text
    logicalType: string
    required: true
    unique: true
    enum: [{value: fine}]
    logicalTypeOptions: {minLength: 1, maxLength: 4, pattern: '^fine$'}
    quality:
    - {id: missing, metric: missingValues, arguments: {missingValues: [fine]}, mustBe: 9}
    - id: common
      type: custom
      engine: greatExpectations
      implementation: {type: expect_column_most_common_value_to_be_in_set, kwargs: {value_set: [fine]}}
    - id: distinct
      type: custom
      engine: greatExpectations
      implementation: {type: expect_column_distinct_values_to_be_in_set, kwargs: {value_set: [fine]}}
    - id: largest
      type: custom
      engine: greatExpectations
      implementation: {type: expect_column_max_to_be_between, kwargs: {max_value: 3}}
    - id: json
      type: custom
      engine: greatExpectations
      implementation: {type: expect_column_values_to_be_json_parseable, kwargs: {}}
    - id: dates
      type: custom
      engine: greatExpectations
      implementation: {type: expect_column_values_to_be_dateutil_parseable, kwargs: {}}
    - id: deviation
      type: custom
      engine: greatExpectations
      implementation: {type: expect_column_stdev_to_be_between, kwargs: {min_value: 1}}
    - {id: named, type: custom, engine: mlops, implementation: {check: raises}}
"""


def raises(tables: object, arguments: object) -> NamedOutcome:
    raise RuntimeError(TRACER)


def test_tracer_is_nowhere(
    write_contract: Callable[..., Path], caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    values = [TRACER, TRACER, None, "fine"]
    table = pa.table({"record_id": [TRACER, TRACER, None, "0123456789abcdef"], "text": values})
    report = check(load_contract(write_contract(SCHEMA)), {"records": table}, {"raises": raises})
    decision = verdict(report, table.num_rows)
    outcomes = {rule.id.rsplit(".", 1)[-1]: rule.outcome for rule in report.rules}
    # The rules did see the tracer: they failed, or raised on it.
    assert outcomes["enum"] == outcomes["unique"] == outcomes["distinct"] == outcomes["ids"] == "fail"
    assert outcomes["cast"] == outcomes["deviation"] == outcomes["named"] == "error"
    assert TRACER in report.offending
    captured = capfd.readouterr()
    places = {
        "json": canonical_json(report.to_json()).decode(),
        "report": repr(report),
        "rules": repr(report.rules),
        "verdict": repr(decision) + decision.reason,
        "out": captured.out,
        "err": captured.err,
        "log": caplog.text + "".join(str(record.__dict__) for record in caplog.records),
    }
    leaks = [name for name, text in places.items() if TRACER in text or "leak.example" in text]
    assert leaks == []


CARD = "4111111111111111"


@pytest.mark.parametrize(
    ("query", "offending"),
    [
        ("SELECT count(*) FROM records", "SELECT text FROM records"),
        ("SELECT count(*) FROM records", f"SELECT '{CARD}'"),
        ("SELECT max(CAST(text AS BIGINT)) FROM records", None),
        ("SELECT sum(CAST(text AS BIGINT)) FROM records", None),
        ("SELECT (SELECT CAST(text AS BIGINT) FROM records LIMIT 1) + count(*) FROM records", None),
    ],
    ids=["cells for ids", "a constant for ids", "largest", "sum", "cell beside a count"],
)
def test_a_query_shows_no_cell(query: str, offending: str | None, write_contract: Callable[..., Path]) -> None:
    """A card number looks like a record id: it is 16 hex digits. It is one only where it stands in ``record_id``."""
    named = f'customProperties: [{{property: mlops.offendingRecords, value: "{offending}"}}]' if offending else ""
    schema = f"""\
    - name: records
      quality: [{{id: rule, type: sql, query: "{query}", mustBe: 0, severity: error, {named}}}]
      properties: [{{name: record_id, logicalType: string}}, {{name: text, logicalType: string}}]
    """
    contract = load_contract(write_contract(schema))
    table = pa.table({"record_id": ["0123456789abcdef"], "text": [CARD]})
    if offending is None:
        with pytest.raises(ContractError, match="CONTRACT-014") as refused:
            check(contract, {"records": table})
        assert CARD not in str(refused.value)
        return
    report = check(contract, {"records": table})
    assert CARD not in repr(report) + str(report.offending) + canonical_json(report.to_json()).decode()
    assert [rule.id for rule in report.failed_table_rules] == ["records.rule"]


def test_a_card_number_in_the_column_of_ids_is_shown_as_its_digest(write_contract: Callable[..., Path]) -> None:
    schema = """\
    - name: records
      properties: [{name: record_id, logicalType: string}, {name: text, logicalType: string, required: true}]
    """
    table = pa.table({"record_id": [CARD, "4111111111111112"], "text": pa.nulls(2, pa.string())})
    report = check(load_contract(write_contract(schema)), {"records": table})
    assert CARD in report.offending
    shown = canonical_json(report.to_json()).decode() + repr(report)
    assert (CARD in shown, "4111111111111112" in shown) == (False, True)


def test_nothing_is_written_and_nothing_is_imported_before_it_is_needed(tmp_path: Path) -> None:
    """The library and its command load no heavy package; a check leaves no file behind."""
    code = (
        "import os, sys\n"
        "import mlops.governance.commands, mlops.contracts.check, mlops.contracts.policy, mlops.contracts.verdict\n"
        "print([name for name in ('great_expectations', 'pandas', 'duckdb') if name in sys.modules])\n"
        "import pyarrow as pa, pathlib\n"
        "from mlops.contracts.contract import load_contract\n"
        "report = mlops.contracts.check.check(load_contract(pathlib.Path(sys.argv[1])), "
        "{'records': pa.table({'record_id': ['x']})})\n"
        "print(sorted({rule.outcome for rule in report.rules}), os.environ['GX_ANALYTICS_ENABLED'])\n"
    )
    contract = tmp_path / "contracts" / "x.odcs.yaml"
    contract.parent.mkdir()
    contract.write_text(MINIMAL)
    place = tmp_path / "home"
    place.mkdir()
    environment = {**os.environ, "HOME": str(place), "TMPDIR": str(place), "GX_ANALYTICS_ENABLED": "true"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(contract)],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["[]", "['pass'] false"]
    assert done.stderr == ""
    assert list(place.rglob("*")) == []


MINIMAL = f"""\
apiVersion: v3.1.0
kind: DataContract
id: urn:dc:test:minimal
name: minimal
version: 1.0.0
status: active
description: {{purpose: written {datetime.date(2024, 1, 1)}}}
schema:
- {{name: records, properties: [{{name: record_id, logicalType: string, required: true}}]}}
customProperties:
- {{property: mlops.legalBasis, value: gdpr-6-1-f}}
- {{property: mlops.permittedPurposes, value: [fine-tuning]}}
- {{property: mlops.residency, value: [EU]}}
"""
