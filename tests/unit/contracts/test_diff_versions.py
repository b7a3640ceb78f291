"""Identity, versions and order in the comparison of contracts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from mlops.contracts.contract import Contract, load_contract
from mlops.contracts.diff import ContractDiff, diff
from mlops.contracts.errors import ContractError

BASE_FILE = Path(__file__).with_name("diff_base.odcs.yaml")
BASE = BASE_FILE.read_text(encoding="utf-8")
KEEP = "- {id: keep_all, property: retention, value: 90, unit: d, element: chat.record_id}\n"
TEXT = """\
- name: text
    logicalType: string
    physicalType: varchar
    required: true
    classification: confidential
"""

Write = Callable[..., Contract]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """The base contract with snippets replaced, each of which names one place."""

    def _write(*replacements: tuple[str, str]) -> Contract:
        text = BASE
        for old, new in replacements:
            assert text.count(old) == 1
            text = text.replace(old, new)
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.odcs.yaml"
        path.write_text(text, encoding="utf-8")
        return load_contract(path)

    return _write


def seen(found: ContractDiff) -> list[tuple[str, str, str]]:
    return [(change.kind, change.grade, change.id) for change in found.changes]


def test_one_retention_clause_does_not_hide_another(write: Write) -> None:
    found = diff(
        write(), write(("value: 2, unit: y", "value: 1, unit: y"), ("value: 90, unit: d", "value: 900, unit: d"))
    )
    assert seen(found) == [
        ("retention_lengthened", "major_governance", "slaProperties.keep_all"),
        ("retention_shortened", "minor", "slaProperties.keep_text"),
    ]


def test_a_new_id_does_not_hide_what_else_changed(write: Write) -> None:
    renamed = TEXT.replace("- name: text\n", "- name: text\n    id: other\n").replace("confidential", "public")
    assert seen(diff(write(), write((TEXT, renamed)))) == [
        ("classification_lowered", "major_governance", "chat.text"),
        ("id_changed", "major", "chat.text"),
    ]


def test_an_id_that_repeats_the_name_means_nothing_new(write: Write) -> None:
    found = diff(write(), write((TEXT, TEXT.replace("- name: text\n", "- name: text\n    id: text\n"))))
    assert seen(found) == [("respelled", "patch", "chat.text")]


def test_a_renamed_property_is_told_by_its_id(write: Write) -> None:
    before = write(("{name: mood,", "{id: mood, name: mood,"))
    after = write(("{name: mood,", "{id: mood, name: feeling,"))
    assert seen(diff(before, after)) == [("property_renamed", "major", "chat.mood")]


def test_a_rule_that_moves_to_another_property_is_removed_and_added(write: Write) -> None:
    rule = ", quality: [{id: known, metric: invalidValues, arguments: {validValues: [en, de]}, mustBe: 0}]"
    there = "{name: mood, logicalType: string, classification: public"
    assert seen(diff(write(), write((rule, ""), (there, there + rule)))) == [
        ("rule_removed", "major", "chat.lang.known"),
        ("rule_added", "major", "chat.mood.known"),
    ]


def test_a_new_server_shows_who_reads_there(write: Write) -> None:
    server = "- {server: far, type: local, path: x, format: json, roles: [{role: guest, access: read}]}\n"
    assert seen(diff(write(), write(("schema:\n", f"{server}schema:\n")))) == [
        ("role_added", "major_governance", "servers.far.roles.guest"),
        ("server_added", "major", "servers.far"),
    ]


@pytest.mark.parametrize("role", ["dpo", "data-protection-officer", "Data Protection Officer", "guard", "Owner "])
@pytest.mark.parametrize("after", ["", ", {username: guard, role: adviser}"], ids=["gone", "another role"])
def test_who_answers_for_the_data_does_not_just_leave(role: str, after: str, write: Write) -> None:
    """The contract names guard as its data-protection role."""
    member = ", {username: guard, role: dpo}"
    before = write((member, f", {{username: guard, role: '{role}'}}"))
    (change,) = diff(before, write((member, after))).changes
    assert change.grade == "major_governance"


@pytest.mark.parametrize(("old", "new"), [("1234567", "1234568"), ("0.1234567", "0.1234568"), ("1e15", "1e16")])
def test_bounds_are_told_exactly(old: str, new: str, write: Write) -> None:
    rule = "mustBeGreaterOrEqualTo: 100"
    found = diff(write((rule, f"mustBeGreaterOrEqualTo: {old}")), write((rule, f"mustBeGreaterOrEqualTo: {new}")))
    bounds = [repr(json.loads(each)) for each in (new, old)]
    said = "accepts mustBeGreaterOrEqualTo {} instead of mustBeGreaterOrEqualTo {}:".format(*bounds)
    assert said in found.changes[0].message


def test_team_as_a_plain_list_means_the_same_members(write: Write, tmp_path: Path) -> None:
    data = yaml.load(BASE, yaml.BaseLoader)
    members = json.dumps(data["team"]["members"])
    start, end = BASE.index("team:\n"), BASE.index("roles:\n- {role: trainer")
    found = diff(write(), write((BASE[start:end], f"team: {members}\n")))
    assert seen(found) == [("team_name_changed", "patch", "team")]


@pytest.mark.parametrize("key", ["id: urn:dc:test:things", "name: things"])
def test_the_contract_must_be_the_same(write: Write, key: str) -> None:
    with pytest.raises(ContractError) as caught:
        diff(write(), write((key, f"{key}2")))
    assert caught.value.code == "CONTRACT-020"


def test_the_same_bytes_are_no_change(write: Write) -> None:
    contract = write()
    assert diff(contract, contract) == ContractDiff((), "none", "none", True)


def test_a_clause_that_changes_its_kind_is_one_that_went_and_one_that_came(write: Write) -> None:
    found = diff(write(), write((KEEP, KEEP.replace("retention", "freshness"))))
    assert seen(found) == [
        ("retention_lengthened", "major_governance", "slaProperties.keep_all"),
        ("freshness_tightened", "minor", "slaProperties.keep_all"),
    ]


CHANGES = {
    "major": ("physicalType: varchar", "physicalType: text"),
    "major_governance": ("value: [EU]", "value: [EU, US]"),
    "minor": ("slaProperties:\n", "  - {name: new, logicalType: string}\nslaProperties:\n"),
    "patch": ("what was said", "what people said"),
    "none": ("domain: support", "domain:  support"),
}


@pytest.mark.parametrize(
    ("change", "version", "required", "actual", "ok"),
    [
        ("none", "1.2.3", "none", "none", True),
        ("none", "1.2.4", "none", "patch", True),
        ("none", "1.2.2", "none", "none", False),
        ("patch", "1.2.3", "patch", "none", False),
        ("patch", "1.2.4", "patch", "patch", True),
        ("patch", "1.10.0", "patch", "minor", True),
        ("patch", "0.9.9", "patch", "none", False),
        ("minor", "1.2.4", "minor", "patch", False),
        ("minor", "1.3.0", "minor", "minor", True),
        ("minor", "2.0.0", "minor", "major", True),
        ("major", "1.99.0", "major", "minor", False),
        ("major", "2.0.0", "major", "major", True),
        ("major", "10.0.0", "major", "major", True),
        ("major_governance", "1.3.0", "major", "minor", False),
        ("major_governance", "2.1.1", "major", "major", True),
    ],
)
def test_the_version_must_be_raised_far_enough(
    write: Write, change: str, version: str, required: str, actual: str, ok: bool
) -> None:
    found = diff(write(), write(CHANGES[change], ("version: 1.2.3", f"version: {version}")))
    assert (found.required_bump, found.actual_bump, found.ok) == (required, actual, ok)


def test_changes_come_weightiest_first(write: Write) -> None:
    changes = [CHANGES[name] for name in ("patch", "minor", "major", "major_governance")]
    grades = [change.grade for change in diff(write(), write(*changes)).changes]
    assert grades == ["major_governance", "major", "minor", "patch"]


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("365, unit: d", "1, unit: y", "retention_lengthened"),
        ("1, unit: y", "365, unit: d", "retention_shortened"),
        ("30, unit: d", "1, unit: m", "retention_lengthened"),
        ("1, unit: m", "30, unit: d", "retention_lengthened"),
        ("52, unit: w", "1, unit: y", "retention_lengthened"),
    ],
)
def test_a_period_is_longer_unless_it_surely_is_not(write: Write, old: str, new: str, kind: str) -> None:
    before, after = (write(("value: 2, unit: y", f"value: {period}")) for period in (old, new))
    assert [change.kind for change in diff(before, after).changes] == [kind]
