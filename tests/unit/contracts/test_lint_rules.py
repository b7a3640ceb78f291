"""The governance rules of lint: a contract that satisfies all of them, and one fault for each."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from mlops.contracts.contract import load_contract
from mlops.contracts.lint import errors, lint
from mlops.contracts.lint_rules import LINT_RULES
from mlops.stages.checks.arguments import argument_problems

GOOD = """\
apiVersion: v3.1.0
kind: DataContract
id: urn:dc:test:things
name: things
version: 1.2.3
status: active
schema:
- name: records
  quality:
  - {id: enough, description: few prove little, metric: rowCount, mustBeGreaterOrEqualTo: 5}
  - {id: late, description: a clock, type: sql, query: "SELECT count(*) FROM {object} WHERE made IS NULL", mustBe: 0}
  - id: known
    description: a check of the stages
    type: custom
    engine: mlops
    implementation: {check: row_count, object: records, min: 5}
  properties:
  - {name: record_id, logicalType: string, classification: internal}
  - name: text
    logicalType: string
    classification: confidential
    customProperties: [{property: mlops.masking, value: required}]
  - {name: made, logicalType: timestamp, classification: internal}
slaProperties:
- {id: keep, property: retention, value: 2, unit: y, element: records.made}
roles:
- {role: ml-engineer, access: read, firstLevelApprovers: data-owner}
- {role: data-steward, access: read, secondLevelApprovers: privacy}
customProperties:
- {property: mlops.legalBasis, value: gdpr-6-1-f}
- {property: mlops.permittedPurposes, value: [fine-tuning]}
- {property: mlops.residency, value: [EU]}
- {property: mlops.regulations, value: []}
- {property: mlops.dataSubjects, value: []}
- {property: mlops.auditAxes, value: [text]}
- {property: mlops.dataProtectionRole, value: privacy}
- {property: mlops.deletion, value: {keyField: record_id, maxDays: 30}}
- {property: mlops.waivers, value: [{rule: records.late, owner: steward, reason: a pilot, expires: 2027-06-30}]}
- {property: another.key, value: 3}
"""
APPROVERS = ", firstLevelApprovers: data-owner", ", secondLevelApprovers: privacy"
LEVELS = "slaProperties:\n- {id: keep, property: retention, value: 2, unit: y, element: records.made}\n"


def change(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, f"{old} has to be there once"
    return GOOD.replace(old, new)


# What is broken, as old and new text; the code; a word of the line at which it is told.
FAULTS = {
    "a typing error": ("mlops.dataSubjects", "mlops.dataSubject", "050", "dataSubject,"),
    "another case": ("mlops.dataSubjects", "mlops.DataSubjects", "050", "DataSubjects"),
    "a key of the contract at a column": ("property: mlops.masking", "property: mlops.deletion", "050", "value: req"),
    "a key of a column at the contract": (
        "mlops.auditAxes, value: [text]",
        "mlops.masking, value: x",
        "050",
        "value: x",
    ),
    "a key at a role": ("access: read, f", "customProperties: [{property: mlops.x, value: 1}], f", "050", "mlops.x"),
    "no class": (", classification: internal}\n  - name: text", "}\n  - name: text", "051", "name: record_id, l"),
    "another class": ("classification: confidential", "classification: Secret", "051", "- name: text"),
    "another masking": ("value: required", "value: requird", "052", "- name: text"),
    "no number": ("value: 2,", "value: two,", "053", "id: keep"),
    "a part of a year": ("value: 2,", "value: 1.5,", "053", "id: keep"),
    "no time at all": ("value: 2,", "value: 0,", "053", "id: keep"),
    "no unit": ("unit: y, ", "", "053", "id: keep"),
    "another unit": ("unit: y", "unit: moons", "053", "id: keep"),
    "no such column": ("element: records.made", "element: records.when", "053", "id: keep"),
    "a column without times": ("element: records.made", "element: records.text", "053", "id: keep"),
    "no retention": (LEVELS, "", "054", "apiVersion"),
    "a retention of nothing": (", element: records.made", "", "054", "id: keep"),
    "another regulation": ("mlops.regulations, value: []", "mlops.regulations, value: [PIPL]", "055", "PIPL"),
    "a word for a list": ("mlops.regulations, value: []", "mlops.regulations, value: GDPR", "055", "value: GDPR"),
    "subjects as a word": ("mlops.dataSubjects, value: []", "mlops.dataSubjects, value: all", "056", "value: all"),
    "an empty subject": ("mlops.dataSubjects, value: []", "mlops.dataSubjects, value: ['']", "056", "value: ['']"),
    "a role that is none": ("Role, value: privacy", "Role, value: 3", "056", "Role, value: 3"),
    "an axis that is no column": ("value: [text]", "value: [colour]", "056", "[colour]"),
    "no key": ("keyField: record_id, ", "", "058", "maxDays"),
    "a key that is no column": ("keyField: record_id", "keyField: customer", "058", "maxDays"),
    "deletion for ever": ("maxDays: 30", "maxDays: 0", "058", "maxDays"),
    "deletion some day": ("maxDays: 30", "maxDays: soon", "058", "maxDays"),
    "deletion with more": ("maxDays: 30", "maxDays: 30, note: x", "058", "maxDays"),
    "a rule without words": ("description: few prove little, ", "", "059", "id: enough"),
    "a key of v3.2": ("Type: timestamp", "Type: timestamp, deprecated: true", "060", "timestamp"),
    "a vendor of v3.2": ("another.key", "another.key, vendor: x", "060", "vendor"),
    "an agreement's key of v3.2": ("unit: y", "unit: y, customProperties: []", "060", "unit: y"),
    "another level": ("roles:\n", "- {id: fast, property: speed, value: 3}\nroles:\n", "061", "id: fast"),
    "an unknown check": ("check: row_count", "check: row_counts", "062", "id: known"),
    "an unknown argument": ("object: records", "object: records, note: x", "062", "id: known"),
    "a word for a number": ("min: 5", "min: few", "062", "id: known"),
    "a waiver of a rule's part": ("rule: records.late", "rule: records.la", "064", "mlops.waivers"),
    "a waiver that ended": ("2027-06-30", "2026-11-20", "067", "mlops.waivers"),
    "now": ("WHERE made IS NULL", "WHERE made > now ()", "068", "id: late"),
    "today": ("WHERE made IS NULL", "WHERE made > Current_Date", "068", "id: late"),
    "chance": ("WHERE made IS NULL", "WHERE random() > 0.5", "068", "id: late"),
    "a purpose both ways": (
        "value: [fine-tuning]}",
        "value: [fine-tuning]}\n- {property: mlops.prohibitedPurposes, value: [resale, Fine-Tuning]}",
        "070",
        "prohibited",
    ),
    "a role without approver": (APPROVERS[1], "", "069", "data-steward"),
}
TODAY = date(2026, 11, 21)


def findings(path: Path, text: str) -> list[tuple[str, int]]:
    path.write_text(text, encoding="utf-8")
    found = lint(path, argument_problems=argument_problems, on=TODAY)
    return [(finding.code.removeprefix("CONTRACT-"), finding.line) for finding in found]


def test_a_contract_that_says_everything_is_clean(tmp_path: Path) -> None:
    assert findings(tmp_path / "things.odcs.yaml", GOOD) == []


@pytest.mark.parametrize(("old", "new", "code", "place"), FAULTS.values(), ids=FAULTS)
def test_one_fault_is_one_finding_at_its_line(old: str, new: str, code: str, place: str, tmp_path: Path) -> None:
    text = change(old, new)
    (line,) = (number for number, each in enumerate(text.splitlines(), start=1) if place in each)
    assert findings(tmp_path / "things.odcs.yaml", text) == [(code, line)]


def test_without_any_approver_nobody_could_approve(tmp_path: Path) -> None:
    text = change(APPROVERS[0], "").replace(APPROVERS[1], "")
    assert [code for code, _ in findings(tmp_path / "things.odcs.yaml", text)] == ["057", "069", "069"]


def test_every_rule_is_broken_by_some_fault() -> None:
    tried = {f"CONTRACT-{code}" for _, _, code, _ in FAULTS.values()} | {"CONTRACT-057"}
    assert {rule.code for rule in LINT_RULES} <= tried


def test_a_typing_error_is_answered_with_the_word_that_was_meant(tmp_path: Path) -> None:
    path = tmp_path / "things.odcs.yaml"
    for old, new, meant in (
        ("mlops.dataSubjects", "mlops.dataSubject", "mlops.dataSubjects"),
        ("property: retention", "property: retentoin", "retention"),
    ):
        path.write_text(change(old, new))
        assert any(f"write {meant}," in finding.todo for finding in lint(path, on=TODAY))


def test_what_is_found_may_be_read_but_not_approved(tmp_path: Path) -> None:
    path = tmp_path / "things.odcs.yaml"
    path.write_text(change("value: required", "value: requird"))
    assert errors(lint(path, on=TODAY))
    assert load_contract(path).name == "things"


@pytest.mark.parametrize("version", ["v3.1.0", "v3.2.0"])
def test_each_version_of_the_standard_is_read_as_itself(version: str, tmp_path: Path) -> None:
    """v3.2.0 allows what v3.1.0 refuses, and both refuse what neither knows."""
    path = tmp_path / "things.odcs.yaml"
    text = GOOD.replace("v3.1.0", version)
    assert findings(path, text) == []
    newer = text.replace("Type: timestamp", "Type: timestamp, semanticType: dimension, synonyms: [{synonym: when}]")
    assert {code for code, _ in findings(path, newer)} == ({"060"} if version == "v3.1.0" else set())
    unknown = text.replace("Type: timestamp", "Type: timestamp, semanticTyp: dimension")
    assert [code for code, _ in findings(path, unknown)] == ["005"]
    wrong = newer.replace("semanticType: dimension", "semanticType: 3")
    assert "005" in {code for code, _ in findings(path, wrong)}


@pytest.mark.parametrize("version", ["v3.0.2", "v3.3.0", "3.1.0"])
def test_another_version_of_the_standard_is_refused(version: str, tmp_path: Path) -> None:
    codes = {code for code, _ in findings(tmp_path / "things.odcs.yaml", GOOD.replace("v3.1.0", version))}
    assert "006" in codes
