"""The breaking-change list, row by row: what each change of a contract is called and how much it weighs.

A row is one line of the table, so lines are long here.
"""
# ruff: noqa: E501

from __future__ import annotations

from pathlib import Path

import pytest

from mlops.contracts.contract import Contract, load_contract
from mlops.contracts.diff import ContractDiff, diff

BASE_FILE = Path(__file__).with_name("diff_base.odcs.yaml")
BASE = BASE_FILE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def base() -> Contract:
    return load_contract(BASE_FILE)


def changed(folder: Path, old: str, new: str) -> Contract:
    """The base contract with one snippet replaced; the version is left alone."""
    assert BASE.count(old) == 1, "the snippet names one place"
    path = folder / "changed.odcs.yaml"
    path.write_text(BASE.replace(old, new), encoding="utf-8")
    return load_contract(path)


def seen(found: ContractDiff) -> list[tuple[str, str, str]]:
    return [(change.kind, change.grade, change.id) for change in found.changes]


RULE = "- {id: enough, metric: rowCount, mustBeGreaterOrEqualTo: 100}"
STEWARD = "- {role: steward, access: read, firstLevelApprovers: data-owner}\n"
KEEP = "- {id: keep_all, property: retention, value: 90, unit: d, element: chat.record_id}\n"
SCORE = "- {name: score, logicalType: number, logicalTypeOptions: {minimum: 0, exclusiveMaximum: 10}}"
LANG = "  - {name: lang, logicalType: string, classification: internal, quality: [{id: known, metric: invalidValues, arguments: {validValues: [en, de]}, mustBe: 0}]}\n"
FRESH = "- {id: fresh, property: freshness, value: 7, unit: d}\n"
DELETION = "- {property: mlops.deletion, value: {keyField: record_id, maxDays: 30}}\n"
WAIVER = "{rule: chat.lang.known, owner: steward, reason: a new desk, expires: 2027-01-31}"
MASKED = "[{property: mlops.masking, value: required, description: before training}]"
MEMBER = "{username: guard, role: dpo}"

# id → (old snippet, new snippet, id of the change, kind and grade from old to new, kind and grade back).
ROWS = {
    # MAJOR, structural
    "property removed": (LANG, "", "chat.lang", "property_removed major", "property_added major"),
    "required property added": (SCORE, f"{SCORE}\n  - {{name: new, logicalType: string, required: true}}", "chat.new", "property_added major", "property_removed major"),
    "part of the key added": (SCORE, f"{SCORE}\n  - {{name: new, logicalType: string, primaryKey: true, primaryKeyPosition: 2}}", "chat.new", "property_added major", "property_removed major"),
    "property with a blocking rule added": (SCORE, f"{SCORE}\n  - {{name: new, logicalType: string, quality: [{{id: z, type: sql, query: select 0, mustBe: 0}}]}}", "chat.new", "property_added major", "property_removed major"),
    "unique property added": (SCORE, f"{SCORE}\n  - {{name: new, logicalType: string, unique: true}}", "chat.new", "property_added major", "property_removed major"),
    "property with a required part added": (SCORE, f"{SCORE}\n  - {{name: new, logicalType: object, properties: [{{name: a, logicalType: string, required: true}}]}}", "chat.new", "property_added major", "property_removed major"),
    "object added": ("slaProperties:\n", "- {name: notes, properties: [{name: a, logicalType: string}]}\nslaProperties:\n", "notes", "object_added major", "object_removed major"),
    "type changed": ("name: lang, logicalType: string", "name: lang, logicalType: date", "chat.lang", "type_changed major", "type_changed major"),
    "physical type changed": ("physicalType: varchar", "physicalType: text", "chat.text", "type_changed major", "type_changed major"),
    "physical type of the object changed": ("physicalType: table", "physicalType: file", "chat", "type_changed major", "type_changed major"),
    "physical name changed": ("{name: lang,", "{name: lang, physicalName: language,", "chat.lang", "physical_name_changed major", "physical_name_changed major"),
    "no longer required": ("    required: true\n    classification", "    required: false\n    classification", "chat.text", "required_loosened major", "required_tightened minor"),
    "no longer unique": ("unique: true", "unique: false", "chat.record_id", "unique_changed major", "unique_changed major"),
    "key position changed": ("primaryKeyPosition: 1", "primaryKeyPosition: 2", "chat.record_id", "primary_key_changed major", "primary_key_changed major"),
    "no longer a key": ("primaryKey: true, primaryKeyPosition: 1", "primaryKey: false", "chat.record_id", "primary_key_changed major", "primary_key_changed major"),
    "enum value added": ("{value: bad}", "{value: bad}, {value: ugly}", "chat.mood", "allowed_value_added major", "allowed_value_removed major"),
    "enum added": ("exclusiveMaximum: 10}", "exclusiveMaximum: 10}, enum: [{value: 1}]", "chat.score", "allowed_value_added major", "allowed_value_removed major"),
    "valid value added": ("[en, de]", "[en, de, fr]", "chat.lang.known", "allowed_value_added major", "allowed_value_removed major"),
    "threshold loosened": ("mustBeGreaterOrEqualTo: 100", "mustBeGreaterOrEqualTo: 90", "chat.enough", "bound_loosened major", "bound_tightened minor"),
    "operator loosened": ("mustBeLessThan: 5", "mustBeLessOrEqualTo: 5", "chat.similar", "bound_loosened major", "bound_tightened minor"),
    "quarantine share raised": ("mlops.maxQuarantineShare, value: 0.1", "mlops.maxQuarantineShare, value: 0.2", "mlops.maxQuarantineShare", "bound_loosened major", "bound_tightened minor"),
    "shorter text allowed": ("minLength: 1", "minLength: 0", "chat.text", "bound_loosened major", "bound_tightened minor"),
    "longer text allowed": ("maxLength: 200", "maxLength: 300", "chat.text", "bound_loosened major", "bound_tightened minor"),
    "upper end removed": ("maxLength: 200", "", "chat.text", "bound_loosened major", "bound_tightened minor"),
    "smaller number allowed": ("minimum: 0", "minimum: -1", "chat.score", "bound_loosened major", "bound_tightened minor"),
    "end belongs to the range": ("exclusiveMaximum: 10", "maximum: 10", "chat.score", "bound_loosened major", "bound_tightened minor"),
    "blocking rule removed": (f"  {RULE}\n", "", "chat.enough", "rule_removed major", "rule_added major"),
    "human check removed": ("  - {id: read, type: text, description: a person read ten messages}\n", "", "chat.read", "rule_removed major", "rule_added major"),
    "human check worded differently": ("a person read ten", "a person read two", "chat.read", "measure_changed major", "measure_changed major"),
    "blocking rule downgraded": ("severity: critical", "severity: warning", "chat.text.no_email", "severity_downgraded major", "severity_upgraded minor"),
    "default severity downgraded": ("mustBeGreaterOrEqualTo: 100}", "mustBeGreaterOrEqualTo: 100, severity: info}", "chat.enough", "severity_downgraded major", "severity_upgraded minor"),
    "rule id changed": ("id: similar,", "id: alike,", "chat.similar", "id_changed major", "id_changed major"),
    "unit changed": ("unit: percent, severity", "unit: rows, severity", "chat.similar", "unit_changed major", "unit_changed major"),
    "unit dropped": ("unit: percent, severity", "severity", "chat.similar", "unit_changed major", "unit_changed major"),
    "metric changed": ("{id: enough, metric: rowCount", "{id: enough, metric: nullValues", "chat.enough", "measure_changed major", "measure_changed major"),
    "properties of a metric changed": ("[text, lang]", "[text]", "chat.similar", "measure_changed major", "measure_changed major"),
    "expectation changed": ("regex: '@'", "regex: '@x'", "chat.text.no_email", "measure_changed major", "measure_changed major"),
    "pattern changed": ("'^[0-9a-f]+$'", "'^[0-9a-f]*$'", "chat.record_id", "pattern_changed major", "pattern_changed major"),
    "pattern removed": ("{pattern: '^[0-9a-f]+$'}", "{}", "chat.record_id", "pattern_changed major", "pattern_changed major"),
    "freshness loosened": ("freshness, value: 7", "freshness, value: 8", "slaProperties.fresh", "freshness_loosened major", "freshness_tightened minor"),
    "freshness in weeks": ("freshness, value: 7, unit: d", "freshness, value: 2, unit: w", "slaProperties.fresh", "freshness_loosened major", "freshness_tightened minor"),
    "freshness removed": (FRESH, "", "slaProperties.fresh", "freshness_loosened major", "freshness_tightened minor"),
    "waiver added": (f"[{WAIVER}]", f"[{WAIVER}, {{rule: chat.enough, owner: steward, reason: few, expires: 2027-01-31}}]", "mlops.waivers.chat.enough", "waiver_added major", "waiver_removed minor"),
    "waiver for longer": ("expires: 2027-01-31", "expires: 2027-02-28", "mlops.waivers.chat.lang.known", "waiver_lengthened major", "waiver_shortened minor"),
    "status changed": ("status: active", "status: deprecated", "status", "status_changed major", "status_changed major"),
    "server moved": ("path: ./data", "path: ./other", "servers.ci", "unknown major", "unknown major"),
    "other service level changed": ("value: 99.9", "value: 90", "slaProperties.up", "unknown major", "unknown major"),
    "unknown custom property changed": ("value: blue", "value: red", "house.colour", "unknown major", "unknown major"),
    "unknown custom property removed": ("- {property: house.colour, value: blue}\n", "", "house.colour", "unknown major", "unknown major"),
    "unknown key changed": ("domain: support", "domain: sales", "domain", "unknown major", "unknown major"),
    "plain tag removed": ("tags: [desk]", "tags: []", "tags", "tag_removed major", "tag_added major"),
    "other document changed": ("example.com/words", "example.com/names", "authoritativeDefinitions.words", "link_changed major", "link_changed major"),
    "purpose no longer permitted": ("[fine-tuning, evaluation]", "[fine-tuning]", "mlops.permittedPurposes", "purpose_removed major", "purpose_added major_governance"),
    "masking introduced": ("classification: internal, quality:", "classification: internal, customProperties: [{property: mlops.masking, value: required}], quality:", "chat.lang.mlops.masking", "masking_added major", "masking_removed major_governance"),
    # MAJOR + data protection
    "classification lowered": ("classification: confidential", "classification: internal", "chat.text", "classification_lowered major_governance", "classification_raised minor"),
    "classification removed": ("name: mood, logicalType: string, classification: public", "name: mood, logicalType: string", "chat.mood", "classification_lowered major_governance", "classification_raised minor"),
    "classification without order": ("classification: confidential", "classification: secret", "chat.text", "classification_changed major_governance", "classification_changed major_governance"),
    "personal tag removed": ("['pii:free-text', body]", "[body]", "chat.text", "pii_tag_removed major_governance", "pii_tag_added minor"),
    "masking removed": (MASKED, "[]", "chat.text.mlops.masking", "masking_removed major_governance", "masking_added major"),
    "masking switched off": ("mlops.masking, value: required", "mlops.masking, value: none", "chat.text.mlops.masking", "masking_removed major_governance", "masking_added major"),
    "masking by another word": ("mlops.masking, value: required", "mlops.masking, value: partial", "chat.text.mlops.masking", "masking_changed major_governance", "masking_changed major_governance"),
    "protected property removed": ("  - {name: mood, logicalType: string, classification: public,", "  - {name: feeling, logicalType: string, classification: restricted}\n  - {name: mood, logicalType: string, classification: public,", "chat.feeling", "property_added minor", "property_removed major_governance"),
    "prohibited purpose removed": ("[resale, profiling]", "[resale]", "mlops.prohibitedPurposes", "prohibition_removed major_governance", "prohibition_added major"),
    "legal basis changed": ("gdpr-6-1-f", "gdpr-6-1-a", "mlops.legalBasis", "legal_basis_changed major_governance", "legal_basis_changed major_governance"),
    "residency widened": ("value: [EU]", "value: [EU, US]", "mlops.residency", "residency_added major_governance", "residency_removed major"),
    "retention lengthened": ("value: 2, unit: y", "value: 9, unit: y", "slaProperties.keep_text", "retention_lengthened major_governance", "retention_shortened minor"),
    "second retention lengthened": ("value: 90, unit: d", "value: 14, unit: w", "slaProperties.keep_all", "retention_lengthened major_governance", "retention_shortened minor"),
    "retention removed": (KEEP, "", "slaProperties.keep_all", "retention_lengthened major_governance", "retention_shortened minor"),
    "retention from another time": ("element: chat.text", "element: chat.lang", "slaProperties.keep_text", "retention_changed major_governance", "retention_changed major_governance"),
    "retention in an unknown unit": ("value: 2, unit: y", "value: 2, unit: moons", "slaProperties.keep_text", "retention_changed major_governance", "retention_changed major_governance"),
    "deletion lengthened": ("maxDays: 30", "maxDays: 31", "mlops.deletion", "deletion_lengthened major_governance", "deletion_shortened minor"),
    "deletion by another key": ("keyField: record_id", "keyField: text", "mlops.deletion", "deletion_changed major_governance", "deletion_changed major_governance"),
    "role removed": (STEWARD, "", "roles.steward", "role_removed major_governance", "role_added major_governance"),
    "role may write": ("role: trainer, access: read", "role: trainer, access: write", "roles.trainer", "access_changed major_governance", "access_changed major_governance"),
    "role of a server removed": (", roles: [{role: reader, access: read}]", "", "servers.ci.roles.reader", "role_removed major_governance", "role_added major_governance"),
    "approver removed": (", secondLevelApprovers: data-protection-officer", "", "roles.trainer", "approver_changed major_governance", "approver_changed major_governance"),
    "approver changed": ("secondLevelApprovers: data-protection-officer", "secondLevelApprovers: data-owner", "roles.trainer", "approver_changed major_governance", "approver_changed major_governance"),
    "data-protection officer gone": (f", {MEMBER}", "", "team.members.guard", "member_removed major_governance", "member_added patch"),
    "owner is no longer owner": ("role: owner", "role: adviser", "team.members.lead", "member_changed major_governance", "member_changed patch"),
    "impact assessment changed": ("dpia/1", "dpia/2", "authoritativeDefinitions.dpia", "governed_link_changed major_governance", "governed_link_changed major_governance"),
    "licence changed": ("licence/1", "licence/2", "authoritativeDefinitions.terms", "governed_link_changed major_governance", "governed_link_changed major_governance"),
    "licence removed": ("- {id: terms, type: license, url: 'https://example.com/licence/1'}\n", "", "authoritativeDefinitions.terms", "governed_link_removed major_governance", "governed_link_added major_governance"),
    "regulation removed": ("[GDPR, CCPA]", "[GDPR]", "mlops.regulations", "regulation_removed major_governance", "regulation_added major"),
    "other people": ("value: [customers]", "value: [customers, agents]", "mlops.dataSubjects", "data_subject_added major_governance", "data_subject_removed major_governance"),
    "other data-protection role": ("mlops.dataProtectionRole, value: guard", "mlops.dataProtectionRole, value: lead", "mlops.dataProtectionRole", "data_protection_role_changed major_governance", "data_protection_role_changed major_governance"),
    # MINOR
    "optional property added": (SCORE, f"{SCORE}\n  - {{name: new, logicalType: string}}", "chat.new", "property_added minor", "property_removed major"),
    "property with a warning rule added": (SCORE, f"{SCORE}\n  - {{name: new, logicalType: string, quality: [{{id: z, metric: nullValues, mustBe: 0, severity: warning}}]}}", "chat.new", "property_added minor", "property_removed major"),
    "warning rule added": (f"  {RULE}\n", f"  {RULE}\n  - {{id: many, metric: rowCount, mustBeGreaterThan: 9, severity: warning}}\n", "chat.many", "rule_added minor", "rule_removed major"),
    # PATCH
    "description": ("what was said", "what people said", "chat.text", "text_changed patch", "text_changed patch"),
    "purpose in words": ("purpose: to test", "purpose: to try", "description", "text_changed patch", "text_changed patch"),
    "example": ("examples: [hello]", "examples: [hi]", "chat.text", "text_changed patch", "text_changed patch"),
    "label of a value": ("label: fine", "label: well", "chat.mood", "text_changed patch", "text_changed patch"),
    "name of a rule": ("name: similar", "name: alike", "chat.similar", "text_changed patch", "text_changed patch"),
    "team name": ("name: desk\n", "name: front desk\n", "team", "team_name_changed patch", "team_name_changed patch"),
    "member": (", {username: hand, role: engineer}", "", "team.members.hand", "member_removed patch", "member_added patch"),
    "default written out": ("{name: lang, logicalType: string,", "{name: lang, logicalType: string, required: false,", "chat.lang", "respelled patch", "respelled patch"),
    "the same period": ("value: 2, unit: y", "value: 24, unit: months", "slaProperties.keep_text", "respelled patch", "respelled patch"),
    "about a custom property": ("before training}]", "before any training}]", "chat.text.mlops.masking", "text_changed patch", "text_changed patch"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "what", "there", "back"), ROWS.values(), ids=ROWS.keys())
def test_each_row_of_the_list_in_both_directions(
    base: Contract, tmp_path: Path, old: str, new: str, what: str, there: str, back: str
) -> None:
    other = changed(tmp_path, old, new)
    forward, backward = diff(base, other), diff(other, base)
    assert seen(forward) == [(*there.split(), what)]
    assert seen(backward) == [(*back.split(), what)]
    assert [change.path for change in forward.changes] == [change.path for change in backward.changes]
    for change in (*forward.changes, *backward.changes):
        assert what in change.message
        assert change.message.endswith(".")
        assert change.message.isprintable()


@pytest.mark.parametrize(
    ("name", "back", "advice"),
    [
        ("threshold loosened", True, "re-test the current data"),
        ("shorter text allowed", True, "re-test the current data"),
        ("no longer required", True, "re-test the current data"),
        ("quarantine share raised", True, "re-test the current data"),
        ("warning rule added", False, "re-test the current data"),
        ("retention lengthened", True, "schedule a purge"),
        ("retention removed", True, "schedule a purge"),
    ],
)
def test_what_is_tightened_says_what_to_do(base: Contract, tmp_path: Path, name: str, back: bool, advice: str) -> None:
    other = changed(tmp_path, *ROWS[name][:2])
    (change,) = (diff(other, base) if back else diff(base, other)).changes
    assert change.grade == "minor"
    assert advice in change.message
