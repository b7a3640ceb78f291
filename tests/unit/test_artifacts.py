"""Sealed directories: what is sealed can be proved byte by byte, and what is not sealed does not exist."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlops.artifacts import (
    MANIFEST,
    MEASUREMENTS,
    ArtifactError,
    StorageError,
    canonical_json,
    publish,
    seal,
    store_path,
    verify,
    write_atomic,
)


def _payload(folder: Path) -> Path:
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "rows.txt").write_bytes(b"first\nsecond\n")
    (folder / "empty.txt").write_bytes(b"")
    return folder


def test_the_same_content_has_the_same_digest_and_a_measurement_does_not_change_it(tmp_path: Path) -> None:
    one = seal(_payload(tmp_path / "one"), {"key": "k"})
    other = _payload(tmp_path / "other")
    write_atomic(other / MEASUREMENTS, b"{}\n")
    two = seal(other, {"key": "k"})
    assert one.digest == two.digest
    assert verify(other, one.digest).manifest["files"].keys() == {"data/rows.txt", "empty.txt"}
    assert seal(_payload(tmp_path / "third"), {"key": "other"}).digest != one.digest


@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
def test_any_flipped_byte_is_found(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = _payload(tmp_path_factory.mktemp("flip") / "a")
    digest = seal(folder, {"key": "k"}).digest
    target = data.draw(st.sampled_from([folder / "data" / "rows.txt", folder / MANIFEST]))
    content = bytearray(target.read_bytes())
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= data.draw(st.integers(1, 255))
    target.write_bytes(bytes(content))
    with pytest.raises(ArtifactError):
        verify(folder, digest)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda folder: (folder / "extra.txt").write_text("x"), "ARTIFACT-009"),
        (lambda folder: (folder / "empty.txt").unlink(), "ARTIFACT-008"),
        (lambda folder: os.symlink("/etc/hostname", folder / "link"), "ARTIFACT-004"),
        (lambda folder: (folder / ".hidden").write_text("x"), "ARTIFACT-004"),
        (lambda folder: (folder / MANIFEST).unlink(), "ARTIFACT-001"),
        (lambda folder: (folder / MANIFEST).write_text("no json"), "ARTIFACT-002"),
        (lambda folder: os.mkfifo(folder / "pipe"), "ARTIFACT-005"),
    ],
    ids=["extra", "missing", "link", "dotfile", "no manifest", "broken manifest", "fifo"],
)
def test_what_does_not_belong_is_named(tmp_path: Path, change: object, code: str) -> None:
    folder = _payload(tmp_path / "a")
    seal(folder, {})
    change(folder)  # type: ignore[operator]
    with pytest.raises(ArtifactError) as caught:
        verify(folder)
    assert caught.value.code == code


def test_publishing_twice_keeps_the_first_and_repairs_a_damaged_one(tmp_path: Path) -> None:
    store = tmp_path / "store"
    first, fresh = publish(seal(_payload(tmp_path / "one"), {}), store)
    again, fresh_again = publish(seal(_payload(tmp_path / "two"), {}), store)
    assert (fresh, fresh_again) == (True, False)
    assert first.path == again.path == store_path(store, first.digest)
    (first.path / "data" / "rows.txt").write_bytes(b"flipped")
    repaired, fresh_repair = publish(seal(_payload(tmp_path / "three"), {}), store)
    assert fresh_repair
    assert verify(repaired.path, first.digest).digest == first.digest


def test_not_a_number_is_never_written() -> None:
    with pytest.raises(ValueError):
        canonical_json({"value": math.nan})


def test_a_full_disk_keeps_the_old_bytes_and_says_what_to_do(tmp_path: Path) -> None:
    target = tmp_path / "state.json"
    write_atomic(target, b"old")
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    import signal

    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, before[1]))
    try:
        with pytest.raises(StorageError) as caught:
            write_atomic(target, b"x" * 4096)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert "free space" in str(caught.value)
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError) as caught:
        write_atomic(tmp_path / "file" / "state.json", b"x")
    assert "state.json" in str(caught.value)


def test_a_folder_that_was_removed_is_no_empty_artifact(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        seal(tmp_path / "gone", {"key": "k"})
    assert not (tmp_path / "gone").exists()
