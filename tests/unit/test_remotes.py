"""Artifacts in DVC remotes: what was pushed is proved to be there, what comes back is proved to be what was sealed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mlops import dvc_repository
from mlops.artifacts import MEASUREMENTS, digest_file, store_path, verify
from mlops.dvc_repository import Remote, RemoteError, RemoteUnavailableError, add_and_push, check_pushed
from mlops.encryption import EncryptionError
from mlops.errors import MlopsError, RetryableError
from mlops.ledger.chain import verify_chain
from mlops.ledger.events import events
from mlops.remotes import PUSHED, fetch_artifact, fetch_missing, pushed
from tests.machine import MARKER, Place


@pytest.fixture
def here(tmp_path: Path) -> Place:
    return Place(tmp_path / "here", tmp_path)


@pytest.fixture
def there(here: Place, tmp_path: Path) -> Place:
    """Another machine: an empty workspace, the same ledger, remotes and key."""
    return Place(tmp_path / "there", tmp_path)


@contextmanager
def rewritten(path: Path, content: bytes | None) -> Iterator[None]:
    """An object with other bytes, or without any file, for a while."""
    before, mode = path.read_bytes(), path.stat().st_mode
    path.unlink()
    if content is not None:
        path.write_bytes(content)
        path.chmod(mode)
    yield
    path.unlink(missing_ok=True)
    path.write_bytes(before)
    path.chmod(mode)


# -- push -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["ingest", "mask"])
def test_a_pushed_artifact_comes_back_byte_by_byte_on_another_machine(here: Place, there: Place, stage: str) -> None:
    artifact = here.make(stage)
    assert here.push(artifact)
    assert not here.push(artifact), "pushed once, recorded once"
    assert fetch_missing(there.settings, there.ledger, [artifact.digest, artifact.digest]) == (artifact.digest,)
    copy = verify(store_path(there.settings.store, artifact.digest), artifact.digest)
    assert digest_file(copy.path / MEASUREMENTS) == digest_file(artifact.path / MEASUREMENTS)
    assert fetch_missing(there.settings, there.ledger, [artifact.digest]) == ()
    assert not list(there.settings.dvc.glob("fetch-*"))
    [event] = events(here.ledger, kinds=[PUSHED])
    assert event.body["files"] == 5
    assert ("key_id" in event.body) == (stage == "ingest")
    assert copy.path.stat().st_mode & 0o077 == (0 if stage == "ingest" else copy.path.stat().st_mode & 0o077)
    assert not verify_chain(events(here.ledger))


@pytest.mark.postgres
def test_two_machines_share_a_ledger_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    one = Place(tmp_path / "one", tmp_path, ledger_url=postgres_url)
    two = Place(tmp_path / "two", tmp_path, ledger_url=postgres_url)
    artifacts = [one.make("ingest"), one.make("mask")]
    for artifact in artifacts:
        assert one.push(artifact)
        assert not two.push(artifact), "the ledger says that it is there"
    assert len(fetch_missing(two.settings, two.ledger, [artifact.digest for artifact in artifacts])) == 2
    for place in (one, two):
        place.ledger.engine.dispose()


def test_the_same_artifact_has_the_same_dvc_digest_wherever_it_is_pushed_from(here: Place, tmp_path: Path) -> None:
    for stage in ("ingest", "mask"):
        here.push(here.make(stage))
    elsewhere = Place(tmp_path / "elsewhere", tmp_path, ledger_url=f"sqlite:///{tmp_path}/other.db")
    for stage in ("ingest", "mask"):
        elsewhere.push(elsewhere.make(stage, run="run-2"), run="run-2")
    first, second = ([e.body for e in events(place.ledger, kinds=[PUSHED])] for place in (here, elsewhere))
    assert first == second


def test_neither_the_raw_remote_nor_dvcs_folders_hold_a_readable_raw_value(here: Place) -> None:
    here.push(here.make("ingest"))
    here.push(here.make("mask"))
    assert MARKER in b"".join(path.read_bytes() for path in here.objects("clean"))
    clean = {path.name for path in here.objects("clean")}
    for path in (*here.objects("raw"), *here.settings.dvc.rglob("*")):
        if path.is_file() and path.name not in clean:
            assert MARKER[:20] not in path.read_bytes(), path


def test_what_a_blocked_masking_left_is_still_raw(here: Place, tmp_path: Path) -> None:
    here.push(here.make("mask", outcome="blocked"))
    here.push(here.make("gate", b"verdict", outcome="blocked"))
    assert [event.body["remote"] for event in events(here.ledger, kinds=[PUSHED])] == ["raw", "clean"]
    assert MARKER[:20] not in b"".join(path.read_bytes() for path in here.objects("raw"))
    trainer = Place(tmp_path / "trainer", tmp_path, remote_raw=None)
    assert not trainer.push(trainer.make("mask", outcome="blocked"))


def test_the_key_must_not_lie_where_it_protects(here: Place, tmp_path: Path) -> None:
    inside = Place(tmp_path / "inside", tmp_path, raw_key=tmp_path / "raw" / "keys" / "raw.key")
    with pytest.raises(RemoteError, match="MLOPS_RAW_KEY"):
        inside.push(inside.make("ingest"))
    assert not (tmp_path / "raw").exists()


def test_without_a_remote_nothing_is_pushed_and_dvc_is_not_even_imported(here: Place, tmp_path: Path) -> None:
    alone = Place(tmp_path / "alone", tmp_path, remote_clean=None)
    assert not alone.push(alone.make())
    assert not alone.settings.dvc.exists()


@pytest.mark.parametrize("content", [None, b"short", b"flipped"], ids=["deleted", "cut", "flipped"])
def test_an_object_that_is_not_in_the_remote_as_it_was_pushed_is_seen(
    here: Place, tmp_path: Path, content: bytes | None
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "rows").write_bytes(MARKER)
    repository, cache, remote = tmp_path / "repository", tmp_path / "cache", Remote("clean", str(tmp_path / "clean"))
    shutil.copytree(folder, repository / "folder")
    tracked = add_and_push(repository, cache, remote, [repository / "folder"])
    check_pushed(repository, cache, remote, tracked)
    for path in here.objects("clean"):
        size = path.stat().st_size
        with (
            rewritten(path, b"x" * size if content == b"flipped" else content),
            pytest.raises(RemoteError, match="mlops data push") as caught,
        ):
            check_pushed(repository, cache, remote, tracked)
        assert caught.value.code == "REMOTE-001"
    check_pushed(repository, cache, remote, tracked)


def test_pushing_again_restores_a_lost_object_and_refuses_a_changed_one(here: Place, there: Place) -> None:
    artifact = here.make()
    here.push(artifact)
    for path in here.objects("clean"):
        path.unlink()
    assert here.push(artifact, again=True)
    assert fetch_artifact(there.settings, there.ledger, artifact.digest)
    largest = max(here.objects("clean"), key=lambda path: path.stat().st_size)
    with rewritten(largest, b"x" * largest.stat().st_size), pytest.raises(RemoteError, match="its bytes are others"):
        here.push(artifact, again=True)
    assert len(events(here.ledger, kinds=[PUSHED])) == 1


def test_a_damaged_copy_in_dvcs_cache_is_never_pushed(here: Place, tmp_path: Path) -> None:
    artifact = here.make()
    here.push(artifact)
    shutil.rmtree(tmp_path / "clean")
    cached = max(
        (here.settings.dvc / "cache").rglob("*"), key=lambda path: path.stat().st_size if path.is_file() else 0
    )
    cached.chmod(0o644)
    cached.write_bytes(b"x" * cached.stat().st_size)
    cached.chmod(0o444)
    with pytest.raises(RemoteUnavailableError, match="run again"):
        here.push(artifact, again=True)
    assert not here.objects("clean")
    assert here.push(artifact, again=True)


# -- fetch ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["ingest", "mask"])
def test_nothing_that_came_from_a_remote_is_believed(here: Place, there: Place, stage: str) -> None:
    artifact = here.make(stage)
    here.push(artifact)
    for path in here.objects("raw" if stage == "ingest" else "clean"):
        whole = path.read_bytes()
        for content in {b"x" * len(whole), whole[:-1], None} - {whole}:
            with rewritten(path, content), pytest.raises(MlopsError) as caught:
                fetch_artifact(there.settings, there.ledger, artifact.digest)
            assert not isinstance(caught.value, RetryableError), "trying again cannot help"
            assert not store_path(there.settings.store, artifact.digest).exists()
    assert fetch_artifact(there.settings, there.ledger, artifact.digest)


def test_a_listing_that_leaves_its_folder_writes_nothing(here: Place, there: Place) -> None:
    artifact = here.make()
    here.push(artifact)
    [listing] = [path for path in here.objects("clean") if path.suffix == ".dir"]
    changed = listing.read_bytes().replace(b"empty.txt", b"../../out")
    with rewritten(listing, changed), pytest.raises(MlopsError):
        fetch_artifact(there.settings, there.ledger, artifact.digest)
    assert not [path for path in there.settings.work.rglob("*out*")]


def test_a_damaged_artifact_in_the_store_is_replaced(here: Place) -> None:
    artifact = here.make()
    here.push(artifact)
    (artifact.path / "data" / "rows.bin").write_bytes(b"flipped")
    assert fetch_artifact(here.settings, here.ledger, artifact.digest)
    verify(artifact.path, artifact.digest)


def test_what_was_never_pushed_is_left_to_the_caller(here: Place, there: Place) -> None:
    artifact = here.make()
    assert fetch_missing(there.settings, there.ledger, [artifact.digest]) == ()
    assert pushed(there.ledger, artifact.digest) is None


def test_a_process_without_the_raw_remote_or_key_reads_clean_artifacts_only(here: Place, tmp_path: Path) -> None:
    raw, clean = here.make("ingest"), here.make("curate")
    for artifact in (raw, clean):
        here.push(artifact)
    trainer = Place(tmp_path / "trainer", tmp_path, remote_raw=None, raw_key=tmp_path / "no.key")
    assert fetch_artifact(trainer.settings, trainer.ledger, clean.digest)
    with pytest.raises(RemoteError, match="MLOPS_REMOTE_RAW"):
        fetch_artifact(trainer.settings, trainer.ledger, raw.digest)
    keyless = Place(tmp_path / "keyless", tmp_path, raw_key=tmp_path / "no.key")
    with pytest.raises(EncryptionError, match="MLOPS_RAW_KEY"):
        fetch_artifact(keyless.settings, keyless.ledger, raw.digest)
    assert not (tmp_path / "no.key").exists()


def test_a_second_key_is_never_used_for_the_same_remote(here: Place, tmp_path: Path) -> None:
    here.push(here.make("ingest"))
    other = Place(tmp_path / "other", tmp_path, raw_key=tmp_path / "other.key")
    artifact = other.make("validate")
    with pytest.raises(EncryptionError, match="ENCRYPTION-001"):
        other.push(artifact)
    (tmp_path / "other.key").write_bytes(os.urandom(64))
    (tmp_path / "other.key").chmod(0o600)
    with pytest.raises(RemoteError) as caught:
        other.push(artifact)
    assert caught.value.code == "REMOTE-010"


# -- others at the same time ------------------------------------------------------------------------------------------


def test_two_runs_push_at_once_over_one_cache(here: Place, there: Place) -> None:
    artifacts = [here.make("mask", MARKER * 20000 + bytes([number])) for number in range(4)]
    script = (
        "import sys; from pathlib import Path; from mlops.artifacts import verify\n"
        "from mlops.settings import Settings\n"
        "from mlops.ledger.store import open_ledger; from mlops.remotes import push_artifact\n"
        "settings = Settings(root=Path(sys.argv[1])); ledger = open_ledger(settings.ledger)\n"
        "for path in sys.argv[3:]:\n"
        "    push_artifact(settings, ledger, verify(Path(path)), {'run': sys.argv[2], 'stage': 'mask'}, again=True)\n"
    )
    variables = {
        "MLOPS_WORKSPACE": str(here.settings.work),
        "MLOPS_LEDGER_URL": here.settings.ledger,
        "MLOPS_REMOTE_CLEAN": str(here.settings.remote_clean),
    }
    paths = [str(artifact.path) for artifact in artifacts]
    started = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(here.settings.root), run, *order], env={**os.environ, **variables}
        )
        for run, order in (("run-1", paths), ("run-2", paths[::-1]))
    ]
    assert [process.wait(timeout=120) for process in started] == [0, 0]
    assert len(events(here.ledger, kinds=[PUSHED])) == 4
    fetched = fetch_missing(there.settings, there.ledger, [artifact.digest for artifact in artifacts])
    assert len(fetched) == 4


_HOLD = """
import sys, time, zc.lockfile
lock = zc.lockfile.LockFile(sys.argv[1])
print("held", flush=True)
time.sleep(float(sys.argv[2]))
"""


@contextmanager
def _locked(place: Place, seconds: float) -> Iterator[None]:
    """DVC's own lock of the run's repository, held by another process."""
    lock = place.settings.dvc / "runs" / "run-1" / "clean" / ".dvc" / "tmp" / "lock"
    lock.parent.mkdir(parents=True)
    holder = subprocess.Popen([sys.executable, "-c", _HOLD, str(lock), str(seconds)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    yield
    holder.kill()
    holder.wait()
    holder.stdout.close()


def test_a_push_waits_for_dvcs_lock_longer_than_dvc_does(here: Place) -> None:
    artifact = here.make()
    with _locked(here, seconds=4.5):
        assert here.push(artifact)


def test_a_lock_that_is_never_given_back_ends_in_an_error_that_may_be_retried(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dvc_repository, "LOCK_WAITS", (0.1,))
    artifact = here.make()
    with _locked(here, seconds=60), pytest.raises(RemoteUnavailableError, match="stayed locked"):
        here.push(artifact)
    assert here.push(artifact)


def test_what_a_killed_dvc_left_half_written_does_not_stop_the_next_push(here: Place) -> None:
    artifact = here.make()
    repository = here.settings.dvc / "runs" / "run-1" / "clean"
    (repository / ".dvc" / "tmp").mkdir(parents=True)
    (repository / ".dvc" / "tmp" / "rwlock").write_text('{"write": {"')
    (repository / "mask" / "artifact" / "data").mkdir(parents=True)
    (repository / "mask" / "artifact" / "data" / "half").write_bytes(b"half")
    assert here.push(artifact)
    [event] = events(here.ledger, kinds=[PUSHED])
    assert event.body["files"] == 5


def test_dvc_leaves_nothing_in_the_home_or_the_systems_folders(here: Place, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    artifact = here.make()
    script = (
        "import sys; from pathlib import Path; from mlops.artifacts import verify\n"
        "from mlops.settings import Settings\n"
        "from mlops.ledger.store import open_ledger; from mlops.remotes import *\n"
        "settings = Settings(root=Path(sys.argv[1])); ledger = open_ledger(settings.ledger)\n"
        "names = {'run': 'run-1', 'stage': 'mask'}\n"
        "push_artifact(settings, ledger, verify(Path(sys.argv[2])), names)\n"
    )
    variables = {
        "HOME": str(home),
        "MLOPS_WORKSPACE": str(here.settings.work),
        "MLOPS_LEDGER_URL": here.settings.ledger,
        "MLOPS_REMOTE_CLEAN": str(here.settings.remote_clean),
    }
    before = set(Path("/var/tmp").glob("dvc*"))
    command = [sys.executable, "-c", script, str(here.settings.root), str(artifact.path)]
    subprocess.run(command, env={**os.environ, **variables}, check=True, timeout=60)
    assert list(home.rglob("*")) == []
    assert set(Path("/var/tmp").glob("dvc*")) == before
    assert os.environ.get("DVC_GLOBAL_CONFIG_DIR") is None


def test_a_remote_that_cannot_be_used_says_which_setting(here: Place, tmp_path: Path) -> None:
    lost = Place(tmp_path / "lost", tmp_path, remote_clean="nowhere://bucket/path")
    with pytest.raises(RemoteError, match="MLOPS_REMOTE_CLEAN"):
        lost.push(lost.make())
    (tmp_path / "file").write_text("in the way")
    blocked = Place(tmp_path / "blocked", tmp_path, remote_clean=str(tmp_path / "file"))
    with pytest.raises(RemoteUnavailableError, match="run again"):
        blocked.push(blocked.make())


def test_two_processes_that_fetch_the_same_leaves_one_whole_artifact(here: Place, there: Place) -> None:
    artifact = here.make()
    here.push(artifact)
    script = (
        "import sys; from pathlib import Path; from mlops.settings import Settings\n"
        "from mlops.ledger.store import open_ledger; from mlops.remotes import fetch_artifact\n"
        "settings = Settings(root=Path(sys.argv[1]))\n"
        "fetch_artifact(settings, open_ledger(settings.ledger), sys.argv[2])\n"
    )
    variables = {
        "MLOPS_WORKSPACE": str(there.settings.work),
        "MLOPS_LEDGER_URL": there.settings.ledger,
        "MLOPS_REMOTE_CLEAN": str(there.settings.remote_clean),
    }
    command = [sys.executable, "-c", script, str(there.settings.root), artifact.digest]
    started = [subprocess.Popen(command, env={**os.environ, **variables}) for _ in range(2)]
    assert [process.wait(timeout=60) for process in started] == [0, 0]
    verify(store_path(there.settings.store, artifact.digest), artifact.digest)
