"""Promise: killed at any moment, the rerun gives the same one release, and a proof is never signed over a lie."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlops.artifacts import store_path
from mlops.ledger.events import append, events
from mlops.registry import attestation
from mlops.registry.actions import Desk, approve_release
from mlops.registry.dossier import release_id
from mlops.registry.errors import RegistryError
from mlops.registry.registration import register_release
from mlops.registry.signing import load_or_create_key

from .conftest import USE_CASE, Bench, all_files
from .test_verification import change_ledger

KILLED_AT = {
    "before the event": ("mlops.registry.registration", "append_once"),
    "between event and export": ("mlops.registry.registration", "export_release"),
    "before a file is written": ("mlops.registry.attestation", "write_atomic"),
    "before the folder is in place": ("mlops.registry.attestation", "_replace"),
    "at the first rename": ("os", "rename"),
    "after the rename": ("mlops.registry.attestation", "_sync_directory"),
}

REGISTER = """
import importlib, os, signal, sys
from pathlib import Path
from mlops.ledger.store import open_ledger
from mlops.registry.registration import register_release
from mlops.registry.signing import load_or_create_key
module, name, workspace, digest = sys.argv[1:]
work = Path(workspace)
ledger = open_ledger(f"sqlite:///{work / 'ledger.db'}")
key = load_or_create_key(work / "keys" / "signing.pem", work / "keys" / "trusted")
setattr(importlib.import_module(module), name, lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL))
register_release(ledger, work, digest, key=key, run="run-1")
"""


@pytest.mark.parametrize("where", KILLED_AT)
def test_a_kill_during_registration_and_a_rerun_give_one_release(bench: Bench, where: str) -> None:
    digest = bench.run("run-1")
    command = [sys.executable, "-c", REGISTER, *KILLED_AT[where], str(bench.workspace), digest]
    killed = subprocess.run(command, capture_output=True, timeout=120)
    assert killed.returncode == -9, killed.stderr
    release = register_release(bench.ledger, bench.workspace, digest, key=bench.desk.key, run="run-2")
    assert release == release_id(USE_CASE, digest)
    assert len(events(bench.ledger, kinds=["registered"])) == 1
    assert bench.failed(release, online=True) == {}
    left = [path.name for path in (bench.workspace / "releases").iterdir()]
    assert sorted(left) == [".lock", release]


def test_the_same_work_again_is_the_same_release(bench: Bench) -> None:
    first, second = bench.release("run-1"), bench.release("run-2")
    assert first == second
    assert len(events(bench.ledger, kinds=["registered"])) == 1
    assert bench.failed(first, online=True) == {}


def test_the_dossier_says_nothing_of_the_run(bench: Bench) -> None:
    digest = bench.run("run-with-a-name")
    for path in all_files(store_path(bench.store, digest)):
        if path.name != "measurements.json":
            assert b"run-with-a-name" not in path.read_bytes()


def test_an_export_is_renewed_by_its_own_events_and_by_no_others(bench: Bench) -> None:
    release = bench.release(verdict="INCONCLUSIVE")
    before = (bench.folder(release) / "attestation.json").read_bytes()
    append(bench.ledger, "run_finished", {"outcome": "done", "seconds": 1.0})
    bench.desk.export(release)
    assert (bench.folder(release) / "attestation.json").read_bytes() == before
    approve_release(bench.desk, release, approver="second-account", statement="fine")
    after = bench.attestation(release)
    assert after["head"]["seq"] == events(bench.ledger)[-1].seq
    bench.desk.export(release)
    assert bench.attestation(release) == after
    assert bench.failed(release, online=True) == {}


def test_a_killed_renewal_leaves_the_old_proof_within_reach(bench: Bench) -> None:
    """Killed between the two renames: the old folder is aside, the new one not in place."""
    release = bench.release()
    folder = bench.folder(release)
    os.rename(folder, folder.with_name(f".{release}.previous"))
    (folder.with_name(f".{release}.fresh-abc")).mkdir()
    bench.desk.export(release)
    assert bench.failed(release, online=True) == {}
    assert sorted(path.name for path in folder.parent.iterdir()) == [".lock", release]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET actor = 'nobody' WHERE seq = 3",
        "DELETE FROM events WHERE seq = 3",
        "DELETE FROM events WHERE seq = (SELECT max(seq) FROM events)",
    ],
    ids=["changed", "deleted", "cut tail"],
)
def test_a_tampered_ledger_is_not_signed(bench: Bench, statement: str) -> None:
    release = bench.release()
    append(bench.ledger, "promoted", {"release": release, "previous": None}, use_case=USE_CASE)
    bench.desk.export(release)
    before = (bench.folder(release) / "attestation.json").read_bytes()
    change_ledger(bench, statement)
    with pytest.raises(RegistryError) as caught:
        bench.desk.export(release)
    assert caught.value.code in ("REGISTRY-020", "REGISTRY-022")
    assert (bench.folder(release) / "attestation.json").read_bytes() == before


@pytest.mark.parametrize("name", ["attestation.json", "events.jsonl"])
def test_a_tampered_export_is_not_healed_in_silence(bench: Bench, name: str) -> None:
    release = bench.release()
    path = bench.folder(release) / name
    content = path.read_bytes()
    for changed in (b"", content[:-1], content.replace(b"1", b"2", 1), content + b"{}\n"):
        path.write_bytes(changed)
        with pytest.raises(RegistryError) as caught:
            bench.desk.export(release)
        assert caught.value.code == "REGISTRY-022"
    path.write_bytes(content)
    bench.desk.export(release)


def test_a_new_key_signs_the_same_history(bench: Bench, tmp_path: Path) -> None:
    release = bench.release()
    key = load_or_create_key(tmp_path / "second.pem", bench.desk.trusted)
    Desk(bench.ledger, bench.workspace, bench.root, bench.desk.trusted, key).export(release)
    assert bench.attestation(release)["public_key"] == key.key_id
    assert bench.failed(release, online=True) == {}


def test_a_damaged_dossier_is_not_registered(bench: Bench) -> None:
    digest = bench.run("run-1")
    (store_path(bench.store, digest) / "README.md").write_text("better")
    with pytest.raises(Exception, match="ARTIFACT-010"):
        register_release(bench.ledger, bench.workspace, digest, key=bench.desk.key, run="run-1")
    assert events(bench.ledger, kinds=["registered"]) == []


def test_an_unregistered_release_is_not_exported(bench: Bench) -> None:
    digest = bench.run("run-1")
    with pytest.raises(RegistryError) as caught:
        bench.desk.export(release_id(USE_CASE, digest))
    assert caught.value.code == "REGISTRY-021"
    assert attestation.ATTESTATION not in [path.name for path in all_files(bench.workspace / "releases")]
