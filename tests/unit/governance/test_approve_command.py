"""``mlops contract approve`` as a reviewer uses it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from threading import Thread

import pytest
from click.testing import Result
from typer.testing import CliRunner

from mlops.contracts.approvals import find_record, predecessor, standing
from mlops.contracts.contract import load_contract
from mlops.errors import MlopsError
from mlops.governance.commands import app
from mlops.ledger.events import events
from mlops.ledger.store import open_ledger
from mlops.policy_refusals import approval_refusals
from mlops.settings import Settings

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: urn:dc:test:things
name: things
version: 1.0.0
status: active
schema:
- name: records
  id: records
  properties: [{name: record_id, id: record_id, logicalType: string, classification: internal}]
roles:
- {role: ml-engineer, access: read, firstLevelApprovers: data-owner, secondLevelApprovers: privacy}
customProperties:
- {property: mlops.dataProtectionRole, value: privacy}
- {property: mlops.legalBasis, value: gdpr-6-1-f}
- {property: mlops.permittedPurposes, value: [fine-tuning]}
- {property: mlops.residency, value: [EU]}
"""


@pytest.fixture
def contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The contract of a project that lies in no repository."""
    (tmp_path / "use_cases").mkdir()
    path = tmp_path / "data_contracts" / "things.odcs.yaml"
    path.parent.mkdir()
    path.write_text(CONTRACT)
    monkeypatch.chdir(tmp_path)
    return path


def approve(
    contract: Path, who: str, role: str, *more: str, author: str = "writer", statement: str = "read it"
) -> Result:
    written = ["--author", author] if author else []
    return CliRunner().invoke(
        app, ["approve", str(contract), "--approver", who, "--role", role, "--statement", statement, *written, *more]
    )


def refused(result: Result) -> MlopsError:
    assert isinstance(result.exception, MlopsError), result.output
    assert result.exception.exit_code == 20
    return result.exception


def test_two_roles_make_a_version_active(contract: Path) -> None:
    first = approve(contract, "owner-account", "data-owner")
    assert first.exit_code == 0, first.output
    assert "lacks the approval of privacy" in first.output
    assert "next      mlops contract approve" in first.output
    assert not standing(load_contract(contract)).approved

    second = approve(contract, "privacy-account", "privacy", author="")
    assert "things 1.0.0: approved" in second.output
    found = standing(load_contract(contract))
    assert found.approved
    assert found.record is not None
    assert found.record.text.read_bytes() == contract.read_bytes()
    assert [given.approver for given in found.record.approvals] == ["owner-account", "privacy-account"]


def test_each_approval_is_in_the_ledger_once(contract: Path, tmp_path: Path) -> None:
    for _ in range(2):
        approve(contract, "owner-account", "data-owner")
    approve(contract, "privacy-account", "privacy")
    ledger = open_ledger(f"sqlite:///{tmp_path / 'workspace' / 'ledger.db'}", create=False)
    found = events(ledger, kinds=["contract_approved"])
    assert [(event.body["approver"], event.body["role"]) for event in found] == [
        ("owner-account", "data-owner"),
        ("privacy-account", "privacy"),
    ]
    assert found[0].body["digest"] == load_contract(contract).digest
    ledger.engine.dispose()


@pytest.mark.parametrize(
    ("who", "role", "more", "code"),
    [
        ("owner-account", "data-owner", {"statement": " "}, "CONTRACT-032"),
        ("Owner-Account", "privacy", {}, "CONTRACT-034"),
        ("another-account", "data-owner", {}, "CONTRACT-034"),
        ("another-account", "data-owner", {"author": "somebody-else"}, "CONTRACT-035"),
        ("another-account", "intern", {}, "CONTRACT-036"),
        ("owner-acc\u200bount", "privacy", {}, "CONTRACT-036"),
        ("another-account", " ", {}, "CONTRACT-036"),
    ],
    ids=[
        "no statement",
        "one person in two roles",
        "a role twice",
        "another author",
        "a role nobody asks for",
        "an invisible letter",
        "a blank",
    ],
)
def test_what_cannot_count_is_refused_and_changes_nothing(
    who: str, role: str, more: dict[str, str], code: str, contract: Path
) -> None:
    approve(contract, "owner-account", "data-owner")
    before = find_record(load_contract(contract))
    assert refused(approve(contract, who, role, **more)).code == code
    assert find_record(load_contract(contract)) == before


def test_who_approves_waits_for_another_who_does(contract: Path) -> None:
    other = os.open(contract.parent, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    second = Thread(target=approve, args=(contract, "owner", "data-owner"))
    second.start()
    second.join(1)
    waited = second.is_alive() and find_record(load_contract(contract)) is None
    os.close(other)
    second.join()
    assert waited
    assert find_record(load_contract(contract)) is not None


@pytest.mark.parametrize("place", ["copies", "data_contracts/copies", "."])
def test_a_copy_elsewhere_is_not_approved_for_the_real_one(place: str, contract: Path, tmp_path: Path) -> None:
    _approved(contract)
    copy = tmp_path / place / "things.odcs.yaml"
    copy.parent.mkdir(exist_ok=True)
    copy.write_text(CONTRACT.replace("1.0.0", "9.0.0"))
    assert refused(approve(copy, "owner-account", "data-owner")).code == "CONTRACT-037"
    assert not (copy.parent / "approvals").exists()
    settings = Settings(root=tmp_path)
    ledger = open_ledger(settings.ledger, create=False)
    assert approval_refusals(load_contract(contract), settings, ledger) == []
    ledger.engine.dispose()


def test_a_second_file_of_the_same_contract_is_not_approved(contract: Path) -> None:
    copy = contract.with_name("zz.odcs.yaml")
    copy.write_text(CONTRACT.replace("1.0.0", "9.0.0"))
    for each in (copy, contract):
        assert refused(approve(each, "owner-account", "data-owner")).code == "CONTRACT-013"


def test_the_author_cannot_be_the_only_one(contract: Path) -> None:
    one = CONTRACT.replace(", secondLevelApprovers: privacy", "").replace("value: privacy", "value: data-owner")
    contract.write_text(one)
    assert refused(approve(contract, "Writer", "data-owner")).code == "CONTRACT-035"
    assert approve(contract, "owner-account", "data-owner").exit_code == 0


def test_somebody_has_to_say_who_wrote_it(contract: Path) -> None:
    assert refused(approve(contract, "owner-account", "data-owner", author="")).code == "CONTRACT-035"


def test_a_named_file_of_approvers_has_to_be_there(
    contract: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLOPS_APPROVERS", str(tmp_path / "absent.yaml"))
    assert refused(approve(contract, "owner-account", "data-owner")).code.startswith("APPROVERS-")


def test_roles_are_held_against_the_file_of_approvers(contract: Path, tmp_path: Path) -> None:
    (tmp_path / "approvers.yaml").write_text("data-owner: [owner-account]\n")
    assert refused(approve(contract, "another-account", "data-owner")).code == "CONTRACT-036"
    assert approve(contract, "owner-account", "data-owner").exit_code == 0


def test_a_contract_that_lint_refuses_cannot_be_approved(contract: Path) -> None:
    contract.write_text(CONTRACT.replace("value: [EU]", "value: []"))
    assert refused(approve(contract, "owner-account", "data-owner")).code == "CONTRACT-006"


def _approved(contract: Path) -> None:
    for who, role in (("owner-account", "data-owner"), ("privacy-account", "privacy")):
        assert approve(contract, who, role).exit_code == 0


def test_an_approved_version_cannot_be_given_another_text(contract: Path) -> None:
    _approved(contract)
    contract.write_text(CONTRACT + "domain: things\n")
    assert refused(approve(contract, "owner-account", "data-owner")).code == "CONTRACT-033"


def test_approvals_of_an_unfinished_text_are_void_when_it_changes(contract: Path) -> None:
    approve(contract, "owner-account", "data-owner")
    contract.write_text(CONTRACT + "domain: things\n")
    approve(contract, "privacy-account", "privacy")
    assert standing(load_contract(contract)).missing == ("data-owner",)


def test_the_step_of_the_version_must_be_large_enough(contract: Path) -> None:
    _approved(contract)
    contract.write_text(CONTRACT.replace("[EU]", "[EU, US]").replace("version: 1.0.0", "version: 1.1.0"))
    error = refused(approve(contract, "owner-account", "data-owner"))
    assert error.code == "CONTRACT-033"
    assert "the changes ask for major" in str(error)

    contract.write_text(contract.read_text().replace("version: 1.1.0", "version: 2.0.0"))
    _approved(contract)
    found = standing(load_contract(contract))
    assert found.approved
    before = predecessor(load_contract(contract))
    assert before is not None
    assert before.version == "1.0.0"
