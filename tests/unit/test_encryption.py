"""What is sealed for the raw remote: the same each time, readable with the key alone, and refused after any change."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops import encryption
from mlops.encryption import EncryptionError, RawKey, create_key, decrypt_file, encrypt_file, load_key

PIECE = 32
SEALED_PIECE = PIECE + 16
HEADER = 25


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encryption, "PIECE", PIECE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sealed")


@pytest.fixture(scope="module")
def key(folder: Path) -> RawKey:
    create_key(folder / "raw.key")
    return load_key(folder / "raw.key")


def seal(folder: Path, content: bytes, key: RawKey, name: str = "data/part-0.parquet") -> bytes:
    (folder / "plain").write_bytes(content)
    encrypt_file(folder / "plain", folder / "sealed", name, key)
    return (folder / "sealed").read_bytes()


def unseal(folder: Path, sealed: bytes, key: RawKey, name: str = "data/part-0.parquet") -> bytes:
    (folder / "sealed").write_bytes(sealed)
    decrypt_file(folder / "sealed", folder / "opened", name, key)
    return (folder / "opened").read_bytes()


@given(content=st.one_of(st.binary(max_size=200), st.sampled_from([b"", b"x" * PIECE, b"x" * 2 * PIECE])))
@settings(max_examples=80, deadline=None)
def test_what_was_sealed_opens_again_and_sealing_twice_gives_the_same_bytes(
    folder: Path, key: RawKey, content: bytes
) -> None:
    sealed = seal(folder, content, key)
    assert sealed == seal(folder, content, key)
    assert unseal(folder, sealed, key) == content
    assert len(content) < 8 or content not in sealed[HEADER:]


@given(content=st.binary(max_size=150), data=st.data())
@settings(max_examples=80, deadline=None)
def test_a_flipped_byte_or_a_cut_anywhere_is_refused(
    folder: Path, key: RawKey, content: bytes, data: st.DataObject
) -> None:
    sealed = seal(folder, content, key)
    position = data.draw(st.integers(0, len(sealed) - 1))
    flipped = bytes([*sealed[:position], sealed[position] ^ data.draw(st.integers(1, 255)), *sealed[position + 1 :]])
    for changed in (flipped, sealed[:position], sealed + b"\0"):
        with pytest.raises(EncryptionError):
            unseal(folder, changed, key)


def test_pieces_cannot_be_moved_repeated_or_left_out(folder: Path, key: RawKey) -> None:
    sealed = seal(folder, bytes(range(PIECE)) + bytes(PIECE) + b"end", key)
    header, body = sealed[:HEADER], sealed[HEADER:]
    one, two, last = body[:SEALED_PIECE], body[SEALED_PIECE : 2 * SEALED_PIECE], body[2 * SEALED_PIECE :]
    assert unseal(folder, header + one + two + last, key)
    for changed in (two + one + last, one + one + last, one + last, one + two, one, last, one + two + last + last, b""):
        with pytest.raises(EncryptionError) as caught:
            unseal(folder, header + changed, key)
        assert caught.value.code == "ENCRYPTION-005"


def test_two_files_cannot_take_each_others_place(folder: Path, key: RawKey) -> None:
    sealed = seal(folder, b"rows of january", key, "data/january.parquet")
    assert sealed != seal(folder, b"rows of january", key, "data/february.parquet")
    with pytest.raises(EncryptionError) as caught:
        unseal(folder, sealed, key, "data/february.parquet")
    assert "data/february.parquet" in str(caught.value)


def test_another_key_is_named(folder: Path, key: RawKey, tmp_path: Path) -> None:
    create_key(tmp_path / "other.key")
    other = load_key(tmp_path / "other.key")
    sealed = seal(folder, b"rows", key)
    assert sealed != seal(folder, b"rows", other)
    with pytest.raises(EncryptionError) as caught:
        unseal(folder, sealed, other)
    assert caught.value.code == "ENCRYPTION-004"
    assert key.key_id in str(caught.value)


def test_a_missing_an_open_and_a_short_key_are_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "raw.key"
    with pytest.raises(EncryptionError, match="MLOPS_RAW_KEY"):
        load_key(path)
    create_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o640)
    with pytest.raises(EncryptionError, match="0640"):
        load_key(path)
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(EncryptionError, match="found 63"):
        load_key(path)


def test_a_key_is_made_once_and_never_shown(tmp_path: Path) -> None:
    path = tmp_path / "raw.key"
    threads = [threading.Thread(target=create_key, args=(path,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    content = path.read_bytes()
    create_key(path)
    assert path.read_bytes() == content
    assert os.listdir(tmp_path) == ["raw.key"]
    shown = repr(load_key(path))
    assert content.hex()[:16] not in shown
    assert load_key(path).key_id in shown
