"""Promise: a release verifies from source to approver, and any changed byte, event or key makes it fail."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlops.artifacts import canonical_json, seal, store_path
from mlops.errors import MlopsError
from mlops.ledger.chain import event_digest
from mlops.ledger.events import append, events
from mlops.ledger.store import open_ledger
from mlops.registry.actions import approve_release, promote_release
from mlops.registry.config import ApprovalSection
from mlops.registry.dossier import release_id
from mlops.registry.errors import RegistryError
from mlops.registry.registration import registration_body
from mlops.registry.signing import head_statement, load_or_create_key, release_statement, sign
from mlops.registry.verification import CHECKS

from .conftest import Bench, all_files, approvals_text


@pytest.fixture(scope="module")
def proven(shared_bench: Bench) -> tuple[Bench, str]:
    release = shared_bench.release()
    promote_release(shared_bench.desk, release, expected_champion=None)
    assert shared_bench.verify(release).ok
    return shared_bench, release


def evidence_files(bench: Bench, release: str) -> list[Path]:
    return all_files(bench.folder(release)) + all_files(bench.store)


def test_an_untouched_release_verifies_offline_and_online(bench: Bench) -> None:
    release = bench.release()
    offline, online = bench.verify(release), bench.verify(release, online=True)
    assert [check for check in (*offline.checks, *online.checks) if not check.ok] == []
    assert offline.ok
    assert online.ok
    assert [check.name for check in offline.checks] == [name for name, _ in CHECKS]
    assert online.checks[-1].name == "live ledger"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_one_flipped_bit_anywhere_fails(proven: tuple[Bench, str], data: st.DataObject) -> None:
    bench, release = proven
    files = evidence_files(bench, release)
    path = files[data.draw(st.integers(0, len(files) - 1), label="file")]
    content = path.read_bytes()
    offset = data.draw(st.integers(0, len(content) - 1), label="offset")
    bit = data.draw(st.integers(0, 7), label="bit")
    try:
        path.write_bytes(content[:offset] + bytes([content[offset] ^ (1 << bit)]) + content[offset + 1 :])
        assert not bench.verify(release).ok, path
    finally:
        path.write_bytes(content)


def test_one_flipped_byte_in_each_file_fails_and_is_named(proven: tuple[Bench, str]) -> None:
    bench, release = proven
    for path in evidence_files(bench, release):
        content = path.read_bytes()
        path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
        failed = bench.failed(release)
        path.write_bytes(content)
        assert failed, path
        assert not any("Traceback" in detail for detail in failed.values())
    assert bench.verify(release).ok


def test_every_byte_of_the_attestation_counts(proven: tuple[Bench, str]) -> None:
    bench, release = proven
    path = bench.folder(release) / "attestation.json"
    content = path.read_bytes()
    survivors = []
    for offset, byte in enumerate(content):
        mask = 0x20 if chr(byte).isalpha() else 0x01  # another case of the same letter, or another digit
        path.write_bytes(content[:offset] + bytes([byte ^ mask]) + content[offset + 1 :])
        if {"attestation", "signature", "dossier", "event chain"}.isdisjoint(bench.failed(release)):
            survivors.append(offset)
    path.write_bytes(content)
    assert survivors == []


@pytest.mark.parametrize("how", ["removed", "emptied", "cut", "added", "linked"])
def test_a_missing_empty_cut_additional_or_linked_file_fails(
    proven: tuple[Bench, str], tmp_path: Path, how: str
) -> None:
    bench, release = proven
    for path in evidence_files(bench, release):
        content = path.read_bytes()
        other = path.with_name("additional.json") if how == "added" else path
        try:
            if how == "removed":
                path.unlink()
            elif how == "linked":
                (tmp_path / "elsewhere").write_bytes(content)
                path.unlink()
                path.symlink_to(tmp_path / "elsewhere")
            else:
                other.write_bytes({"emptied": b"", "cut": content[:-1], "added": b"{}"}[how])
            assert not bench.verify(release).ok, (how, path)
        finally:
            other.unlink(missing_ok=True)
            path.write_bytes(content)
    assert bench.verify(release).ok


def test_a_changed_base_model_fails(bench: Bench) -> None:
    release = bench.release()
    (bench.root / "base_models/tiny/config.json").write_bytes(b"{}")
    assert set(bench.failed(release)) == {"base model"}


def test_a_checkout_that_moved_on_still_verifies(bench: Bench) -> None:
    release = bench.release()
    (bench.root / "data_contracts/tickets.yaml").write_text("id: other\n")
    shutil.rmtree(bench.root / "use_cases")
    report = bench.verify(release, online=True)
    assert report.ok
    assert "data_contracts/tickets.yaml" in next(check.detail for check in report.checks if check.name == "contracts")


def test_a_key_that_is_not_trusted_fails(bench: Bench, tmp_path: Path) -> None:
    release = bench.release()
    for path in bench.desk.trusted.glob("*.pem"):
        path.unlink()
    assert set(bench.failed(release)) == {"signature", "event chain"}
    load_or_create_key(tmp_path / "other.pem", bench.desk.trusted)
    assert set(bench.failed(release)) == {"signature", "event chain"}


def test_a_forger_with_his_own_key_fails(bench: Bench, tmp_path: Path) -> None:
    release = bench.release()
    forger = load_or_create_key(tmp_path / "forger.pem", tmp_path / "his")
    found = bench.attestation(release)
    head = found["head"]
    forged = {
        **found,
        "public_key": forger.key_id,
        "signature": sign(forger, release_statement(release, found["dossier"])),
        "head": {**head, "signature": sign(forger, head_statement(release, head["seq"], head["digest"]))},
    }
    (bench.folder(release) / "attestation.json").write_bytes(canonical_json(forged))
    assert set(bench.failed(release)) == {"signature", "event chain"}
    kept_id = {**forged, "public_key": found["public_key"]}
    (bench.folder(release) / "attestation.json").write_bytes(canonical_json(kept_id))
    assert set(bench.failed(release)) == {"signature", "event chain"}


def test_an_attestation_of_another_release_fails(bench: Bench) -> None:
    first, second = bench.release("run-1", variant="a"), bench.release("run-2", variant="b")
    shutil.copytree(bench.folder(first), bench.folder(second), dirs_exist_ok=True)
    assert {"attestation", "name"} <= set(bench.failed(second))


def exported(bench: Bench, release: str) -> tuple[Path, list[bytes]]:
    path = bench.folder(release) / "events.jsonl"
    return path, path.read_bytes().splitlines(keepends=True)


def rechained(lines: list[bytes]) -> bytes:
    """Number, link and digest the events anew, as somebody would who knows the format and has no key."""
    previous, out = "sha256:" + "0" * 64, b""
    for number, line in enumerate(lines, start=1):
        fields = {**json.loads(line), "seq": number, "previous": previous}
        del fields["digest"]
        previous = event_digest(fields)
        out += canonical_json({**fields, "digest": previous})
    return out


@pytest.mark.parametrize("at", [0, 4, -1], ids=["first", "middle", "last"])
def test_a_deleted_event_fails_even_when_the_chain_is_forged_anew(bench: Bench, at: int) -> None:
    path, lines = exported(bench, release := bench.release())
    del lines[at]
    path.write_bytes(b"".join(lines))
    assert "event chain" in bench.failed(release)
    path.write_bytes(rechained(lines))
    assert "event chain" in bench.failed(release)


def test_an_appended_event_fails(bench: Bench) -> None:
    path, lines = exported(bench, release := bench.release())
    event = {**json.loads(lines[-1]), "kind": "approved"}
    path.write_bytes(rechained([*lines, canonical_json(event)]))
    assert "event chain" in bench.failed(release)


def test_swapped_events_fail(bench: Bench) -> None:
    path, lines = exported(bench, release := bench.release())
    lines[2], lines[3] = lines[3], lines[2]
    path.write_bytes(b"".join(lines))
    assert "event chain" in bench.failed(release)


def change_ledger(bench: Bench, statement: str) -> None:
    """Change events as somebody would who owns the database and takes its triggers away first."""
    with sqlite3.connect(bench.workspace / "ledger.db") as connection:
        for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f'DROP TRIGGER "{trigger}"')
        connection.execute(statement)
    connection.close()


def test_a_live_ledger_with_a_cut_tail_fails_online(bench: Bench) -> None:
    release = bench.release()
    change_ledger(bench, "DELETE FROM events WHERE seq = (SELECT max(seq) FROM events)")
    assert bench.verify(release).ok
    assert set(bench.failed(release, online=True)) == {"live ledger"}


def test_a_live_ledger_with_rewritten_history_fails_online(bench: Bench) -> None:
    release = bench.release()
    change_ledger(bench, "UPDATE events SET actor = 'nobody' WHERE seq = 3")
    assert set(bench.failed(release, online=True)) == {"live ledger"}


def test_another_sound_ledger_fails_online(bench: Bench, tmp_path: Path) -> None:
    """History written anew from the start: its own chain holds, but it is not the exported one."""
    release = bench.release()
    other = open_ledger(f"sqlite:///{tmp_path / 'other.db'}")
    for _ in range(len(events(bench.ledger)) + 3):
        append(other, "run_finished", {"outcome": "done", "seconds": 1.0})
    bench.desk = replace(bench.desk, ledger=other)
    assert set(bench.failed(release, online=True)) == {"live ledger"}


def test_a_live_ledger_that_goes_on_verifies_and_a_changed_later_event_fails(bench: Bench) -> None:
    release = bench.release()
    append(bench.ledger, "run_finished", {"outcome": "done", "seconds": 1.0})
    append(bench.ledger, "run_finished", {"outcome": "done", "seconds": 2.0})
    assert bench.verify(release, online=True).ok
    change_ledger(bench, "UPDATE events SET actor = 'nobody' WHERE seq = (SELECT max(seq) FROM events)")
    assert set(bench.failed(release, online=True)) == {"live ledger"}


def test_a_live_ledger_that_says_more_of_the_release_is_named(bench: Bench) -> None:
    release = bench.release()
    body = {"release": release, "previous": None}
    append(bench.ledger, "promoted", body, use_case="support_triage")
    answer = bench.verify(release, online=True).checks[-1]
    assert answer.ok
    assert "1 of them about this release" in answer.detail


def test_a_promotion_past_the_registry_is_exposed(bench: Bench) -> None:
    """Somebody with access to the ledger and the key promotes a release that still needs approval."""
    release = bench.release(verdict="INCONCLUSIVE")
    append(bench.ledger, "promoted", {"release": release, "previous": None}, use_case="support_triage")
    bench.desk.export(release)
    assert set(bench.failed(release)) == {"decisions"}


def test_an_approval_by_the_owner_past_the_registry_is_exposed(bench: Bench) -> None:
    release = bench.release(verdict="INCONCLUSIVE")
    body = {
        "release": release,
        "dossier": bench.attestation(release)["dossier"],
        "approver": "Support-Platform",
        "role": None,
        "statement": "fine",
    }
    append(bench.ledger, "approved", body, use_case="support_triage")
    bench.desk.export(release)
    assert set(bench.failed(release)) == {"decisions"}


def test_approvers_are_named_in_the_report(bench: Bench) -> None:
    release = bench.release(verdict="INCONCLUSIVE")
    approve_release(bench.desk, release, approver="second-account", statement="read the report")
    decisions = next(check for check in bench.verify(release).checks if check.name == "decisions")
    assert decisions.ok
    assert "second-account" in decisions.detail


def test_measurements_that_were_rewritten_later_fail(bench: Bench) -> None:
    release = bench.release()
    train = next(e for e in events(bench.ledger, kinds=["stage_done"]) if e.stage == "train")
    path = store_path(bench.store, train.body["artifact"]) / "measurements.json"
    path.write_bytes(canonical_json({"seconds": 0.1}))
    assert set(bench.failed(release)) == {"measurements"}


def edited(*path: str, value: object) -> Callable[[Path], None]:
    """Set one value in dossier.json."""

    def forge(folder: Path) -> None:
        dossier = json.loads((folder / "dossier.json").read_bytes())
        place = dossier
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
        (folder / "dossier.json").write_bytes(canonical_json(dossier))

    return forge


def appended(name: str) -> Callable[[Path], None]:
    """Add a line to a file that the dossier carries."""

    def forge(folder: Path) -> None:
        with (folder / name).open("ab") as stream:
            stream.write(b"# added\n")

    return forge


CONTRACT = "data_contracts/tickets.yaml"
FORGERIES = {
    "owner": (edited("use_case", "owner", value="somebody-else"), {"use case"}),
    "use-case file": (appended("use_case.yaml"), {"use case"}),
    "contract file": (appended("contracts/data_contracts--tickets.yaml"), {"contracts"}),
    "contract version": (
        edited("contracts", CONTRACT, "version", value="9.9.9"),
        {"contracts", "contract approvals"},
    ),
    "no contracts": (edited("contracts", value={}), {"dossier", "contracts", "contract approvals"}),
    "approvals": (appended("contracts/data_contracts--approvals--tickets.yaml"), {"contract approvals"}),
    "nobody approved": (edited("contracts", CONTRACT, "approval", value=None), {"dossier", "contract approvals"}),
    "roles that had to approve": (
        edited("contracts", CONTRACT, "approval", "required", value=[]),
        {"contract approvals"},
    ),
    "additional file": (appended("more.txt"), {"dossier"}),
    "verdict": (edited("gate", "verdict", value="INCONCLUSIVE"), {"gate verdict", "registration"}),
    "verdict report": (edited("gate", "report", "metrics", value=[]), {"gate verdict"}),
    "verdict digest": (edited("gate", "digest", value="sha256:" + "0" * 64), {"gate verdict"}),
    "harness": (edited("harness", value="sha256:" + "0" * 64), {"gate verdict"}),
    "champion": (edited("champion", value="support_triage-0123456789ab"), {"gate verdict"}),
    "figures": (edited("artifacts", "train", "figures", value={"loss": 0.0}), {"inputs and keys"}),
    "base model path": (edited("base_model", "path", value="../elsewhere"), {"base model"}),
    "format": (edited("format", value="mlops-dossier/0"), {"dossier"}),
}


APPROVALS = {
    "a role that the contract names": (
        {"roles": ("data-protection-officer",)},
        "an approval of data_contracts/tickets.yaml is missing",
    ),
    "a role that its change asked for": (
        {"roles": ("data-owner",)},
        "an approval of data_contracts/tickets.yaml is missing",
    ),
    "another text": ({"contract": b"id: urn:other\nname: tickets\n"}, "another text or version"),
}


@pytest.mark.parametrize("case", APPROVALS)
def test_a_release_under_a_contract_that_lacks_approval_fails(bench: Bench, case: str) -> None:
    change, said = APPROVALS[case]
    contract = (bench.root / CONTRACT).read_bytes()
    file = bench.root / "data_contracts" / "approvals" / "tickets.yaml"
    file.write_text(approvals_text(**{"contract": contract, **change}))
    failed = bench.failed(bench.release())
    assert set(failed) == {"contract approvals"}
    assert said in failed["contract approvals"]


def test_the_author_alone_is_not_enough(bench: Bench) -> None:
    contract = (bench.root / CONTRACT).read_bytes()
    file = bench.root / "data_contracts" / "approvals" / "tickets.yaml"
    one = json.loads(approvals_text(contract, author="one-account"))
    one["approvals"] = [{**each, "approver": "one-account"} for each in one["approvals"]]
    file.write_text(json.dumps(one))
    assert "only its author approved" in bench.failed(bench.release())["contract approvals"]


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_dossier_fails_though_the_signature_holds(bench: Bench, forgery: str) -> None:
    forge, expected = FORGERIES[forgery]
    release = bench.release(forge=forge)
    assert set(bench.failed(release)) == expected


def test_an_artifact_from_another_run_fails_though_the_signature_holds(bench: Bench) -> None:
    bench.run("run-1", variant="b")
    other = next(e for e in events(bench.ledger, kinds=["stage_done"]) if e.stage == "mask").body
    facts = {"digest": other["artifact"], **{k: other[k] for k in ("key", "rows_in", "rows_out", "figures")}}
    release = bench.release("run-2", forge=edited("artifacts", "mask", value=facts))
    assert set(bench.failed(release)) == {"inputs and keys"}


def test_another_sealed_base_model_fails_though_the_signature_holds(bench: Bench) -> None:
    other = bench.root / "base_models" / "other"
    other.mkdir()
    (other / "config.json").write_bytes(b"{}")
    facts = {"path": "base_models/other", "digest": seal(other, {"name": "other"}).digest}
    release = bench.release(forge=edited("base_model", value=facts))
    assert set(bench.failed(release)) == {"base model"}


def test_a_verdict_that_no_event_recorded_fails(bench: Bench) -> None:
    assert set(bench.failed(bench.release(record_verdict=False))) == {"registration"}


def test_a_key_that_does_not_follow_from_its_parts_fails(bench: Bench) -> None:
    assert set(bench.failed(bench.release(key="sha256:" + "1" * 64))) == {"inputs and keys"}


def test_a_registration_with_other_facts_than_the_dossier_fails(bench: Bench) -> None:
    """Somebody with the key registers the dossier by hand and leaves the approval out."""
    digest = bench.run("run-1", approval=ApprovalSection(required="always"))
    release = release_id("support_triage", digest)
    dossier = json.loads((store_path(bench.store, digest) / "dossier.json").read_bytes())
    body = registration_body(release, digest, {**dossier, "approval": ApprovalSection().model_dump(mode="json")})
    append(bench.ledger, "registered", body, use_case="support_triage", run="run-1")
    bench.desk.export(release)
    assert set(bench.failed(release)) == {"registration"}


@pytest.mark.parametrize("content", [b"", b"null", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"head":{}}\n'])
@pytest.mark.parametrize("name", ["attestation.json", "events.jsonl"])
def test_garbage_is_a_failed_check_and_never_an_exception(proven: tuple[Bench, str], name: str, content: bytes) -> None:
    bench, release = proven
    path = bench.folder(release) / name
    before = path.read_bytes()
    path.write_bytes(content)
    failed = bench.failed(release)
    path.write_bytes(before)
    assert failed


@pytest.mark.parametrize("name", ["support_triage-0123456789ab", "../../keys", "a", "", "support_triage-0123456789AB"])
def test_an_unknown_release_is_wrong_input(bench: Bench, name: str) -> None:
    with pytest.raises(RegistryError) as caught:
        bench.verify(name)
    assert caught.value.exit_code == MlopsError.exit_code == 20
