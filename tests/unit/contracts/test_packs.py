"""The rule packs: one contract that satisfies every rule of all three, and for each rule what breaks it.

A case is one line of a table, so lines are long here.
"""
# ruff: noqa: E501

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops.contracts.contract import Contract, load_contract
from mlops.contracts.diff import diff
from mlops.contracts.packs.run import PACK_RULES, pack_findings

SHIPPED = Path(__file__).parents[3] / "data_contracts"

GOOD = """\
apiVersion: v3.1.0
kind: DataContract
id: urn:dc:test:visits
name: visits
version: 1.0.0
status: active
description: {purpose: to learn how notes are written, usage: training, limitations: no decision about a person}
schema:
- name: visits
  properties:
  - {name: visit_id, logicalType: string, primaryKey: true, primaryKeyPosition: 1, classification: internal, description: digest of the source row}
  - name: seen_at
    logicalType: date
    classification: internal
    description: the day from which retention runs
    customProperties: [{property: mlops.masking, value: required}]
- name: notes
  properties:
  - {name: visit_id, logicalType: string, classification: internal, description: the visit it belongs to}
  - name: note
    logicalType: string
    classification: restricted
    tags: ['pii:health']
    customProperties: [{property: mlops.masking, value: required}]
slaProperties:
- {id: keep, property: retention, value: 2, unit: y, element: visits.seen_at}
- {id: papers, property: documentationRetention, value: 6, unit: y}
roles:
- {role: ml-engineer, access: read, firstLevelApprovers: data-owner}
authoritativeDefinitions:
- {type: dpia, url: 'https://example.com/dpia/1'}
- {type: audit, url: 'https://example.com/ledger'}
- {type: service-provider-terms, url: 'https://example.com/terms'}
customProperties:
- {property: mlops.legalBasis, value: gdpr-6-1-a}
- {property: mlops.specialCategoryBasis, value: gdpr-9-2-a}
- {property: mlops.permittedPurposes, value: [fine-tuning]}
- {property: mlops.prohibitedPurposes, value: [profiling, resale, sharing, marketing]}
- {property: mlops.residency, value: [EU, US]}
- {property: mlops.transferMechanism, value: scc}
- {property: mlops.regulations, value: [GDPR, CCPA, HIPAA]}
- {property: mlops.dataSubjects, value: [patients]}
- {property: mlops.deletion, value: {keyField: visit_id, maxDays: 30}}
- {property: mlops.deidentification, value: safe-harbor}
"""
NOTE_MASKING = "tags: ['pii:health']\n    customProperties: [{property: mlops.masking, value: required}]"
SEEN_MASKING = "retention runs\n    customProperties: [{property: mlops.masking, value: required}]"
RETENTION = "- {id: keep, property: retention, value: 2, unit: y, element: visits.seen_at}\n"
DELETION = "- {property: mlops.deletion, value: {keyField: visit_id, maxDays: 30}}\n"
ROLE = "- {role: ml-engineer, access: read, firstLevelApprovers: data-owner}"
PROHIBITED = "[profiling, resale, sharing, marketing]"
AUDIT = "- {type: audit, url: 'https://example.com/ledger'}\n"
BASES = "- {property: mlops.legalBasis, value: gdpr-6-1-a}\n"

# (what is wrong, old snippet, new snippet, every code that says so). The first case of a code is the one it is for.
BROKEN = [
    ("GDPR-01", "both ways", "[fine-tuning]", "[fine-tuning, Profiling]", "GDPR-01 CCPA-07"),
    ("GDPR-01", "any purpose", "[fine-tuning]", "[any]", "GDPR-01 CCPA-01"),
    ("GDPR-02", "nobody says what for", ", description: the visit it belongs to", "", "GDPR-02"),
    ("GDPR-02", "not classified", "classification: internal, description: the visit", "description: the visit", "GDPR-02"),
    ("GDPR-03", "kept for ever", RETENTION, "", "GDPR-03 CCPA-02"),
    ("GDPR-03", "no period", "value: 2, unit: y", "value: long, unit: y", "GDPR-03 CCPA-02 GDPR-03 CCPA-02"),
    ("GDPR-03", "no such column", "visits.seen_at", "visits.left_at", "GDPR-03 CCPA-02 GDPR-03 CCPA-02"),
    ("GDPR-03", "another table", "primaryKey: true, primaryKeyPosition: 1, ", "", "GDPR-03 CCPA-02"),
    ("GDPR-04", "no such ground", "gdpr-6-1-a", "gdpr-6-1-g", "GDPR-04"),
    ("GDPR-04", "a licence", "gdpr-6-1-a", "licence-cc-by-4", "GDPR-04"),
    ("GDPR-05", "no second basis", "- {property: mlops.specialCategoryBasis, value: gdpr-9-2-a}\n", "", "GDPR-05"),
    ("GDPR-05", "no such second basis", "gdpr-9-2-a", "gdpr-6-1-a", "GDPR-05"),
    ("GDPR-05", "no such letter", "gdpr-9-2-a", "gdpr-9-2-k", "GDPR-05"),
    ("GDPR-06", "late", "maxDays: 30", "maxDays: 31", "GDPR-06"),
    ("GDPR-06", "never said", ", maxDays: 30", "", "GDPR-06 CCPA-08"),
    ("GDPR-06", "before it is asked", "maxDays: 30", "maxDays: 0", "GDPR-06 CCPA-08"),
    ("GDPR-07", "not deleted", DELETION, "", "GDPR-07 CCPA-05"),
    ("GDPR-07", "not found", "keyField: visit_id", "keyField: seen_at", "GDPR-07 CCPA-05"),
    ("GDPR-08", "not masked", NOTE_MASKING, "tags: ['pii:health']", "GDPR-08 HIPAA-06"),
    ("GDPR-08", "masked by nothing", NOTE_MASKING, NOTE_MASKING.replace("required", "none"), "GDPR-08 HIPAA-06"),
    ("GDPR-09", "nobody", "value: [patients]", "value: []", "GDPR-09"),
    ("GDPR-10", "everybody", "role: ml-engineer", "role: everyone", "GDPR-10 HIPAA-04"),
    ("GDPR-10", "wildcard", "role: ml-engineer", "role: 'ml-*'", "GDPR-10 HIPAA-04"),
    ("GDPR-10", "no role", f"roles:\n{ROLE}\n", "", "GDPR-10 HIPAA-04"),
    ("GDPR-11", "no assessment", "type: dpia", "type: glossary", "GDPR-11"),
    ("GDPR-11", "link to nowhere", "'https://example.com/dpia/1'", "' '", "GDPR-11"),
    ("GDPR-12", "no ground", "value: scc", "value: hope", "GDPR-12"),
    ("GDPR-12", "ground for another region", "value: scc", "value: {GB: adequacy}", "GDPR-12"),
    ("CCPA-01", "no purpose", "purpose: to learn how notes are written, ", "", "CCPA-01 GDPR-01"),
    ("CCPA-02", "kept for ever", RETENTION, "", "GDPR-03 CCPA-02"),
    ("CCPA-03", "no end", ", limitations: no decision about a person", "", "CCPA-03"),
    ("CCPA-04", "no terms", "type: service-provider-terms", "type: glossary", "CCPA-04"),
    ("CCPA-05", "not deleted", DELETION, "", "GDPR-07 CCPA-05"),
    ("CCPA-06", "sold", "resale, ", "", "CCPA-06 HIPAA-05"),
    ("CCPA-06", "shared", "sharing, ", "", "CCPA-06"),
    ("CCPA-06", "shared all the same", "[fine-tuning]", "[fine-tuning, advertising]", "CCPA-06"),
    ("CCPA-07", "profiled", "profiling, ", "", "CCPA-07"),
    ("CCPA-08", "late", "maxDays: 30", "maxDays: 46", "CCPA-08 GDPR-06"),
    ("HIPAA-01", "nobody grants it", ", firstLevelApprovers: data-owner", "", "HIPAA-01"),
    ("HIPAA-02", "not recorded", AUDIT, "", "HIPAA-02"),
    ("HIPAA-03", "not documented", "documentationRetention", "availability", "HIPAA-03"),
    ("HIPAA-03", "documented too short", "value: 6, unit: y", "value: 71, unit: m", "HIPAA-03"),
    ("HIPAA-03", "too short in days", "value: 6, unit: y", "value: 2190, unit: d", "HIPAA-03"),
    ("HIPAA-04", "may write", "access: read", "access: write", "HIPAA-04"),
    ("HIPAA-05", "marketed", "sharing, marketing", "sharing", "HIPAA-05"),
    ("HIPAA-06", "not masked", NOTE_MASKING, "tags: ['pii:health']", "GDPR-08 HIPAA-06"),
    ("HIPAA-07", "no method", "value: safe-harbor", "value: trust-us", "HIPAA-07"),
    ("HIPAA-08", "exact dates", SEEN_MASKING, "retention runs", "HIPAA-08"),
]  # fmt: skip

# Another way to satisfy a rule: it still finds nothing.
LAWFUL = [
    ("GDPR-01", "prohibited only", "[fine-tuning]", "[evaluation]"),
    ("GDPR-02", "tags say what for", ", description: the visit it belongs to", ", tags: [key]"),
    ("GDPR-03", "a clause for each object", "element: visits.seen_at", "element: 'visits.seen_at, notes.visit_id'"),
    ("GDPR-03", "its own clause and no key", "element: visits.seen_at", "element: 'visits.seen_at, notes.visit_id'"),
    ("GDPR-04", "another ground", "gdpr-6-1-a", "gdpr-6-1-f"),
    ("GDPR-05", "no special category", "pii:health", "pii:free-text"),
    ("GDPR-06", "faster", "maxDays: 30", "maxDays: 1"),
    ("GDPR-11", "nothing at risk", "type: dpia", "type: DPIA"),
    ("GDPR-12", "a ground for each region", "value: scc", "value: {US: bcr}"),
    ("GDPR-12", "within the EEA", "[EU, US]", "[EU, NO]"),
    ("CCPA-04", "nobody reads it", "type: service-provider-terms", "type: glossary"),
    ("CCPA-06", "opt-out", "resale, sharing, ", ""),
    ("CCPA-07", "limit is linked", "profiling, ", ""),
    ("CCPA-08", "45 days", "maxDays: 30", "maxDays: 45"),
    ("HIPAA-01", "second level only", "firstLevelApprovers", "secondLevelApprovers"),
    ("HIPAA-03", "in days", "value: 6, unit: y", "value: 2192, unit: d"),
    ("HIPAA-05", "authorised", "sharing, marketing", "sharing"),
    ("HIPAA-07", "by an expert", "value: safe-harbor", "value: expert-determination"),
    ("HIPAA-08", "by an expert", f"{SEEN_MASKING}", "retention runs"),
]  # fmt: skip
ALSO = {
    "GDPR-03 its own clause and no key": ("primaryKey: true, primaryKeyPosition: 1, ", ""),
    "CCPA-04 nobody reads it": (f"roles:\n{ROLE}\n", ""),
    "CCPA-06 opt-out": (DELETION, f"{DELETION}- {{property: mlops.optOut, value: 'https://example.com/opt-out'}}\n"),
    "CCPA-07 limit is linked": (AUDIT, f"{AUDIT}- {{type: limit-use, url: 'https://example.com/limit'}}\n"),
    "HIPAA-05 authorised": (AUDIT, f"{AUDIT}- {{type: authorization, url: 'https://example.com/form'}}\n"),
    "HIPAA-08 by an expert": ("value: safe-harbor", "value: expert-determination"),
    "GDPR-12 within the EEA": ("- {property: mlops.transferMechanism, value: scc}\n", ""),
}


@pytest.fixture
def changed(tmp_path: Path) -> Callable[..., Contract]:
    """The good contract with snippets replaced."""

    def build(*changes: tuple[str, str]) -> Contract:
        text = GOOD
        for old, new in changes:
            assert text.count(old) == 1, "the snippet names one place"
            text = text.replace(old, new)
        path = tmp_path / "visits.odcs.yaml"
        path.write_text(text, encoding="utf-8")
        return load_contract(path)

    return build


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    path = tmp_path_factory.mktemp("packs") / "visits.odcs.yaml"
    path.write_text(GOOD, encoding="utf-8")
    return load_contract(path)


def codes(contract: Contract) -> list[str]:
    return [found.code for found in pack_findings(contract)]


def test_the_good_contract_satisfies_every_rule(good: Contract) -> None:
    assert pack_findings(good) == []


@pytest.mark.parametrize(
    ("code", "old", "new", "expected"),
    [(code, old, new, expected) for code, _, old, new, expected in BROKEN],
    ids=[f"{code} {what}" for code, what, *_ in BROKEN],
)
def test_what_breaks_a_rule_is_found(
    code: str, old: str, new: str, expected: str, changed: Callable[..., Contract]
) -> None:
    found = codes(changed((old, new)))
    assert sorted(found) == sorted(expected.split())
    assert code in found


@pytest.mark.parametrize(
    ("code", "changes"),
    [(code, [(old, new), *([ALSO[f"{code} {what}"]] if f"{code} {what}" in ALSO else [])]) for code, what, old, new in LAWFUL],
    ids=[f"{code} {what}" for code, what, *_ in LAWFUL],
)  # fmt: skip
def test_another_way_satisfies_a_rule_too(
    code: str, changes: list[tuple[str, str]], changed: Callable[..., Contract]
) -> None:
    assert code not in codes(changed(*changes))


def test_every_rule_has_a_contract_that_breaks_it() -> None:
    assert {rule.code for rule in PACK_RULES} == {code for code, *_ in BROKEN}


def test_codes_are_in_order_and_each_rule_cites_its_law() -> None:
    per_pack: dict[str, list[str]] = {}
    for rule in PACK_RULES:
        per_pack.setdefault(rule.regulation, []).append(rule.code)
        assert re.search({"GDPR": r"^GDPR Art\. \d+", "CCPA": r"^Cal\. Civ\. Code § 1798\.1\d\d", "HIPAA": r"^45 CFR 164\.\d{3}"}[rule.regulation], rule.article)  # fmt: skip
        assert rule.title.endswith(".")
        assert len(rule.title) < 120
    for regulation, numbers in per_pack.items():
        assert numbers == [f"{regulation}-{number:02}" for number in range(1, len(numbers) + 1)]


@pytest.mark.parametrize("declared", ["[]", "[LGPD]", "GDPR", "{GDPR: yes}", "null"])
def test_no_regulation_no_findings(declared: str, changed: Callable[..., Contract]) -> None:
    broken = (NOTE_MASKING, "tags: ['pii:health']"), (DELETION, ""), (RETENTION, "")
    assert codes(changed(*broken, ("[GDPR, CCPA, HIPAA]", declared))) == []


@pytest.mark.parametrize("regulation", ["GDPR", "CCPA", "HIPAA"])
def test_only_the_packs_that_are_named_apply(regulation: str, changed: Callable[..., Contract]) -> None:
    broken = (NOTE_MASKING, "tags: ['pii:health']"), (DELETION, ""), (RETENTION, "")
    found = codes(changed(*broken, ("[GDPR, CCPA, HIPAA]", f"[{regulation}]")))
    assert found
    assert all(code.startswith(regulation) for code in found)


def test_a_finding_names_its_line_its_article_and_what_to_do(changed: Callable[..., Contract]) -> None:
    contract = changed(("gdpr-6-1-a", "licence-cc-by-4"))
    (found,) = pack_findings(contract)
    line = contract.path.read_text().splitlines().index("- {property: mlops.legalBasis, value: licence-cc-by-4}") + 1
    assert found.line == line
    assert found.severity == "error"
    assert found.message.endswith("(GDPR Art. 6(1))")
    assert "column notes.note (and 1 more)" in found.message
    assert found.at(contract.path).startswith(f"{contract.path}:{line}: GDPR-04 ")


def test_warnings_do_not_block(changed: Callable[..., Contract]) -> None:
    (found,) = pack_findings(changed(("maxDays: 30", "maxDays: 31")))
    assert not found.blocks


LICENSED = [
    (BASES, "- {property: mlops.legalBasis, value: licence-cc-by-4}\n"),
    (NOTE_MASKING, "tags: [text]"),
    ("value: [patients]", "value: []"),
    ("[GDPR, CCPA, HIPAA]", "[GDPR, CCPA]"),
    ("classification: restricted", "classification: public"),
]


def test_a_licence_is_enough_where_nothing_is_personal(changed: Callable[..., Contract]) -> None:
    nothing_else = (RETENTION, ""), (DELETION, ""), (f"roles:\n{ROLE}\n", ""), ("value: scc", "value: hope")
    assert codes(changed(*LICENSED, *nothing_else)) == []


@pytest.mark.parametrize(
    "personal",
    [("tags: [text]", "tags: [PII]"), ("value: []", "value: [patients]"), ("licence-cc-by-4", "gdpr-6-1-f")],
    ids=["a tag", "data subjects", "a ground"],
)
def test_any_sign_of_people_brings_the_rules_back(personal: tuple[str, str], changed: Callable[..., Contract]) -> None:
    found = codes(changed(*LICENSED, (DELETION, ""), personal))
    assert "GDPR-07" in found
    assert "CCPA-05" in found


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("{name: who, logicalType: object, tags: [pii], properties: [{name: first, logicalType: string}]}", ["column notes.who.first"]),
        ("{name: who, logicalType: object, tags: [pii], customProperties: [{property: mlops.masking, value: required}], properties: [{name: first, logicalType: string}]}", []),
        ("{name: who, logicalType: array, items: {logicalType: string, tags: [pii]}}", ["column notes.who[]"]),
        ("{name: who, logicalType: string, tags: ['phi:name']}", ["column notes.who"]),
        ("{name: who, logicalType: string, tags: [philosophy, public]}", []),
    ],
    ids=["inherited tag", "inherited masking", "entries of an array", "health information", "other tags"],
)  # fmt: skip
def test_personal_columns_are_found_wherever_they_are_nested(
    column: str, expected: list[str], changed: Callable[..., Contract]
) -> None:
    contract = changed(("  - name: note\n", f"  - {column}\n  - name: note\n"))
    found = [each.message for each in pack_findings(contract) if each.code == "GDPR-08"]
    assert [message.split(" is tagged")[0] for message in found] == expected


@pytest.mark.parametrize(
    ("old", "expected"),
    [("- name: visits\n", 1), ("status: active\n", 2)],
    ids=["object", "contract"],
)
def test_a_tag_of_the_whole_asks_for_masking_of_every_column(
    old: str, expected: int, changed: Callable[..., Contract]
) -> None:
    indent = "  " if old.startswith("-") else ""
    found = codes(changed((old, f"{old}{indent}tags: [pii]\n")))
    assert found.count("GDPR-08") == expected


@pytest.mark.parametrize(
    "only",
    [("classification: restricted", "classification: internal"), ("pii:health", "pii:mail")],
    ids=["special category", "restricted"],
)
def test_either_reason_asks_for_an_assessment(only: tuple[str, str], changed: Callable[..., Contract]) -> None:
    assert codes(changed(("type: dpia", "type: glossary"), only)) == ["GDPR-11"]


_WORD = st.sampled_from(["GDPR", "CCPA", "HIPAA", "pii", "pii:health", "phi:", ":", "read", "*", "scc", "EU", "dpia", "licence-x", "gdpr-6-1-a", "records", "records.a", "y", "", "☃"])  # fmt: skip
_LEAF = st.none() | st.booleans() | st.integers() | st.floats() | _WORD | st.text(max_size=5)
_KEYS = st.sampled_from(["name", "tags", "properties", "items", "role", "access", "property", "value", "unit", "element", "keyField", "maxDays", "type", "url", "classification", "primaryKey", "customProperties", "authoritativeDefinitions", "purpose"])  # fmt: skip
_ODD = st.recursive(_LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4), max_leaves=12)  # fmt: skip
_PROPERTIES = [f"mlops.{name}" for name in ("legalBasis", "permittedPurposes", "prohibitedPurposes", "residency", "dataSubjects", "deletion", "masking", "transferMechanism", "specialCategoryBasis", "optOut", "deidentification")]  # fmt: skip
_TOP = ["schema", "slaProperties", "roles", "authoritativeDefinitions", "description", "tags"]
_MANY = settings(max_examples=100, deadline=None)


def _with(contract: Contract, **data: Any) -> Contract:
    return replace(contract, document=replace(contract.document, data={**contract.document.data, **data}))


@_MANY
@given(odd=st.dictionaries(st.sampled_from(_TOP), _ODD | st.lists(_ODD, max_size=3), max_size=6), values=st.dictionaries(st.sampled_from(_PROPERTIES), _ODD, max_size=8))  # fmt: skip
def test_no_shape_makes_a_rule_raise(odd: dict[str, Any], values: dict[str, Any], good: Contract) -> None:
    named = [{"property": "mlops.regulations", "value": ["GDPR", "CCPA", "HIPAA"]}]
    custom = [*named, *({"property": name, "value": value} for name, value in values.items())]
    for found in pack_findings(_with(good, **odd, customProperties=custom)):
        assert found.line >= 1
        assert found.todo


@_MANY
@given(odd=_ODD)
def test_no_custom_properties_make_a_rule_raise(odd: Any, good: Contract) -> None:
    for found in pack_findings(_with(good, customProperties=odd)):
        assert found.line >= 1
        assert found.todo


@_MANY
@given(kinds=st.lists(st.sampled_from(["pii", "pii:mail", "phi", "text", " PII:Health"]), max_size=3), masked=st.booleans())  # fmt: skip
def test_a_column_is_refused_exactly_when_it_is_personal_and_not_masked(
    kinds: list[str], masked: bool, good: Contract
) -> None:
    said = [{"property": "mlops.masking", "value": "required" if masked else "none"}]
    column = {"name": "note", "logicalType": "string", "tags": kinds, "customProperties": said}
    found = codes(_with(good, schema=[{"name": "notes", "properties": [column]}]))
    personal = any(kind != "text" for kind in kinds)
    assert ("GDPR-08" in found) == ("HIPAA-06" in found) == (personal and not masked)


@pytest.mark.parametrize("mark", ["pii:health", "phi"])
def test_a_mark_of_personal_data_does_not_go_without_data_protection(
    mark: str, changed: Callable[..., Contract]
) -> None:
    old = changed(("pii:health", mark))
    new = replace(changed(("['pii:health']", "[]")), version="2.0.0")
    assert [(change.kind, change.grade) for change in diff(old, new).changes] == [
        ("pii_tag_removed", "major_governance")
    ]


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.odcs.yaml")), ids=lambda path: path.name.split(".")[0])
def test_shipped_contracts_break_no_rule_with_an_error(path: Path) -> None:
    assert [each.at(path) for each in pack_findings(load_contract(path)) if each.blocks] == []
