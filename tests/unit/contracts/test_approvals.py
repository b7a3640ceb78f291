"""Whether a contract version may rule: who approved these bytes, in which role, after which version."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from mlops.contracts.approvals import ApprovalRecord, predecessor, read_record, record_path, standing
from mlops.contracts.contract import Contract, load_contract
from mlops.contracts.errors import ContractError

SCHEMA = "- {name: records, id: records, properties: [{name: record_id, id: record_id, logicalType: string}]}\n"
POLICY = """\
roles:
- {role: ml-engineer, access: read, firstLevelApprovers: data-owner, secondLevelApprovers: privacy}
customProperties:
- {property: mlops.legalBasis, value: gdpr-6-1-f}
- {property: mlops.permittedPurposes, value: [fine-tuning]}
- {property: mlops.residency, value: [EU]}
- {property: mlops.dataProtectionRole, value: dpo}
"""


def record(contract: Contract, *given: tuple[str, str], author: str = "writer", digest: str = "") -> Path:
    """Write the file of approvals: pairs of account and role."""
    path = record_path(contract)
    path.parent.mkdir(exist_ok=True)
    lines = [f"contract: {contract.name}", f"version: {contract.version}", f"digest: {digest or contract.digest}"]
    lines += [f"author: {author}", "approvals:" if given else "approvals: []"]
    lines += [
        f"- {{approver: {who}, role: {role}, at: 2026-01-01T00:00:00+00:00, statement: read}}" for who, role in given
    ]
    path.write_text("\n".join(lines) + "\n")
    ApprovalRecord(path, contract.name, contract.version, "", "").text.write_bytes(contract.path.read_bytes())
    return path


@pytest.fixture
def contract(write_contract: Callable[..., Path]) -> Contract:
    return load_contract(write_contract(SCHEMA, policy=POLICY))


BOTH = (("first", "data-owner"), ("second", "privacy"), ("third", "dpo"))


@pytest.mark.parametrize(
    ("given", "author", "missing", "said"),
    [
        (BOTH, "writer", (), ""),
        (BOTH, "first", (), ""),
        (BOTH[::2], "writer", ("privacy",), "lacks the approval of privacy"),
        (BOTH[:2], "writer", ("dpo",), "lacks the approval of dpo"),
        ((), "writer", ("data-owner", "dpo", "privacy"), "lacks the approval of data-owner, dpo, privacy"),
        ((("one", "data-owner"), ("One", "privacy"), ("two", "dpo")), "writer", (), "approved twice by one person"),
        ((("one", "data-owner"), ("ONE", "privacy"), ("oNe", "dpo")), "one", (), "approved by its author only"),
    ],
    ids=[
        "all",
        "the author and others",
        "one is missing",
        "no data protection",
        "none",
        "one twice",
        "only the author",
    ],
)
def test_every_role_has_to_approve(
    given: Sequence[tuple[str, str]], author: str, missing: tuple[str, ...], said: str, contract: Contract
) -> None:
    record(contract, *given, author=author)
    found = standing(contract)
    assert (found.approved, found.missing) == (not said, missing)
    assert said in found.reason
    assert bool(found.reason) == bool(said)


def test_without_a_file_nobody_approved(contract: Contract) -> None:
    found = standing(contract)
    assert (found.approved, found.missing) == (False, ("data-owner", "dpo", "privacy"))
    assert "was approved by nobody" in found.reason


def test_one_changed_byte_is_another_contract(contract: Contract) -> None:
    record(contract, *BOTH)
    contract.path.write_text(contract.path.read_text() + "# a remark\n")
    found = standing(load_contract(contract.path))
    assert not found.approved
    assert "was changed after it was approved" in found.reason


def test_a_damaged_approved_text_is_an_error(contract: Contract) -> None:
    path = record(contract, *BOTH)
    read_record(path).text.write_text("id: other\n")
    with pytest.raises(ContractError, match=r"CONTRACT-0"):
        standing(contract)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.replace("author: writer\n", ""),
        lambda text: text.replace("version: 1.2.3", "version: 1.2.4"),
        lambda text: text + "more: 1\n",
        lambda text: text.replace("statement: read", "statement: 3"),
        lambda text: text.replace("author: writer", "author: writer\nauthor: other"),
        lambda text: text.replace("approver: first", "approver: f\u0456rst"),
        lambda text: text.replace("author: writer", "author: wri\u200bter"),
        lambda text: text.replace("2026-01-01T00:00:00+00:00", "yesterday"),
        lambda text: text.replace("2026-01-01T00:00:00+00:00", "2026-01-01T00:00:00"),
        lambda text: "[",
    ],
    ids=[
        "no author",
        "other version",
        "unknown key",
        "a number",
        "a key twice",
        "a look-alike",
        "an invisible letter",
        "no time",
        "no zone",
        "not YAML",
    ],
)
def test_a_damaged_file_of_approvals_is_an_error(damage: Callable[[str], str], contract: Contract) -> None:
    path = record(contract, *BOTH)
    path.write_text(damage(path.read_text()))
    with pytest.raises(ContractError, match="CONTRACT-030"):
        standing(contract)


def _next(contract: Contract, version: str, before: str, after: str) -> Contract:
    text = contract.path.read_text()
    assert before in text
    contract.path.write_text(text.replace(f"version: {contract.version}", f"version: {version}").replace(before, after))
    return load_contract(contract.path)


def test_a_change_of_what_people_were_promised_needs_data_protection(contract: Contract) -> None:
    record(contract, *BOTH)
    wider = _next(contract, "2.0.0", "[fine-tuning]", "[fine-tuning, profiling]")
    before = predecessor(wider)
    assert before is not None
    assert before.version == "1.2.3"
    assert standing(wider).required == ("data-owner", "dpo", "privacy")
    record(wider, *BOTH[:2])
    assert standing(wider).missing == ("dpo",)
    record(wider, *BOTH)
    assert standing(wider).approved


def test_a_harmless_change_does_not(contract: Contract) -> None:
    record(contract, *BOTH)
    again = _next(contract, "1.2.4", "kind: DataContract\n", "kind: DataContract\ndomain: things\n")
    assert standing(again).required == ("data-owner", "privacy")


def test_a_role_that_a_new_version_drops_still_has_its_say_through_data_protection(contract: Contract) -> None:
    record(contract, *BOTH)
    fewer = _next(contract, "2.0.0", ", secondLevelApprovers: privacy", "")
    assert standing(fewer).required == ("data-owner", "dpo")


@pytest.mark.parametrize("given", [(), BOTH[:2]], ids=["nobody approved it", "data protection did not"])
def test_a_version_that_lacked_approval_is_no_predecessor(given: Sequence[tuple[str, str]], contract: Contract) -> None:
    record(contract, *BOTH)
    between = _next(contract, "1.3.0", "[EU]", "[EU, US]")
    record(between, *given)
    last = _next(between, "1.4.0", "[EU, US]", "[EU, US]")
    found = predecessor(last)
    assert found is not None
    assert found.version == "1.2.3"
    assert "dpo" in standing(last).required


def test_the_role_that_answers_is_the_one_of_the_version_before(contract: Contract) -> None:
    record(contract, *BOTH)
    mine = _next(contract, "2.0.0", "mlops.dataProtectionRole, value: dpo", "mlops.dataProtectionRole, value: intern")
    assert "dpo" in standing(mine).required


def test_an_older_version_does_not_rule_once_a_newer_is_approved(contract: Contract) -> None:
    record(contract, *BOTH)
    first = contract.path.read_text()
    second = _next(contract, "2.0.0", "[EU]", "[DE]")
    record(second, *BOTH)
    contract.path.write_text(first)
    found = standing(load_contract(contract.path))
    assert not found.approved
    assert "was replaced by 2.0.0" in found.reason


def test_a_new_name_does_not_hide_what_was_approved(contract: Contract) -> None:
    record(contract, *BOTH)
    renamed = _next(contract, "1.2.3", "name: things\n", "name: matters\n")
    record(renamed, *BOTH)
    assert "belongs to the contract things" in standing(renamed).reason


def test_the_approvals_of_another_contract_do_not_disturb(contract: Contract) -> None:
    record(contract, *BOTH)
    folder = record_path(contract).parent
    (folder / "things@other@1.0.0.yaml").write_text("[")
    (folder / "notes.yaml").write_text("[")
    assert standing(contract).approved
