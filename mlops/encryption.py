"""Deterministic encryption of files before they leave this machine (AES-SIV, RFC 5297).

Same key, name and bytes give the same ciphertext, so that a digest of the ciphertext names the content. The price:
who reads the ciphertexts sees which files are equal and how long they are, and nothing else.

A sealed file is a header (magic, version, id of the key) and pieces. Each piece is bound to the header, the file's
name, its own position and whether it is the last one: a flipped byte, a cut, a swap of pieces or of files is refused.
"""

from __future__ import annotations

import hashlib
import logging
import os
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from mlops.artifacts import storage_error
from mlops.errors import MlopsError

_MAGIC = b"MLOPSSIV"
_VERSION = b"\x01"
_ID_BYTES = 16
_HEADER_BYTES = len(_MAGIC) + len(_VERSION) + _ID_BYTES
_TAG_BYTES = 16
KEY_BYTES = 64
PIECE = 4 << 20
"""Bytes of plaintext in each piece but the last."""

log = logging.getLogger(__name__)


class EncryptionError(MlopsError):
    """A key is missing, exposed or another one, or a sealed file is not what was sealed."""


@dataclass(frozen=True)
class RawKey:
    """A key for AES-SIV-512 and its public identifier (``aes-siv:`` and 32 hex digits)."""

    key_id: str
    cipher: AESSIV = field(repr=False)

    @property
    def header(self) -> bytes:
        """The first bytes of every file sealed under this key."""
        return _MAGIC + _VERSION + bytes.fromhex(self.key_id.partition(":")[2])


def load_key(path: Path) -> RawKey:
    """Read a key: a file of 64 random bytes that only its owner can read.

    Raises:
        EncryptionError: no such file, others can read it, or it has another length.
    """
    path = Path(path)
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        content = path.read_bytes()
    except OSError as error:
        raise EncryptionError(
            "ENCRYPTION-001",
            f"expected the key of the raw remote, could not read it ({error.strerror})",
            where=str(path),
            todo="put the key there or set MLOPS_RAW_KEY; without it raw artifacts can be neither read nor written",
        ) from None
    if mode & 0o077:
        raise EncryptionError(
            "ENCRYPTION-002",
            f"expected a key that only its owner can read (mode 0600), found mode {mode:04o}",
            where=str(path),
            todo=f"treat the key as exposed if others used this machine; otherwise chmod 600 {path.name}",
        )
    if len(content) != KEY_BYTES:
        raise EncryptionError(
            "ENCRYPTION-003",
            f"expected a key of {KEY_BYTES} bytes, found {len(content)}",
            where=str(path),
            todo="restore the key from its backup",
        )
    identifier = hashlib.sha256(b"mlops raw key id/1\n" + content).digest()[:_ID_BYTES]
    return RawKey("aes-siv:" + identifier.hex(), AESSIV(content))


def create_key(path: Path) -> None:
    """Make a key unless one is there; of two processes that do so at once, one wins and both use its key.

    Raises:
        StorageError: the folder refuses a write.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600 from the start
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(AESSIV.generate_key(KEY_BYTES * 8))
                stream.flush()
                os.fsync(stream.fileno())
            os.link(temporary, path)
        except FileExistsError:
            return
        finally:
            os.unlink(temporary)
    except OSError as error:
        raise storage_error(error, path) from error
    log.warning("made a new key of the raw remote at %s: back it up, what it sealed is lost without it", path)


def encrypt_file(source: Path, target: Path, name: str, key: RawKey) -> None:
    """Write ``source`` sealed to ``target``.

    Args:
        name: path of the file inside its artifact, POSIX; it must be known to open the file again.
    """
    with source.open("rb") as plain, target.open("wb") as sealed:
        sealed.write(key.header)
        for index, piece, last in _pieces(plain, PIECE):
            sealed.write(key.cipher.encrypt(piece, _bound_to(key.header, name, index, last)))


def decrypt_file(source: Path, target: Path, name: str, key: RawKey) -> None:
    """Open a sealed file; nothing is written to ``target`` that was not authenticated, but it may end early.

    Raises:
        EncryptionError: not a sealed file, sealed under another key, or changed in any way; ``target`` is unusable.
    """
    with source.open("rb") as sealed, target.open("wb") as plain:
        header = sealed.read(_HEADER_BYTES)
        _check_header(header, name, key)
        index = -1
        for index, piece, last in _pieces(sealed, PIECE + _TAG_BYTES):
            try:
                plain.write(key.cipher.decrypt(piece, _bound_to(header, name, index, last)))
            except (InvalidTag, ValueError):
                raise _changed(name, f"piece {index} does not hold") from None


def _check_header(header: bytes, name: str, key: RawKey) -> None:
    if len(header) < _HEADER_BYTES or not header.startswith(_MAGIC + _VERSION):
        raise _changed(name, "it does not begin as a sealed file")
    if header != key.header:
        raise EncryptionError(
            "ENCRYPTION-004",
            f"expected a file sealed under {key.key_id}, found aes-siv:{header[-_ID_BYTES:].hex()}",
            where=name,
            todo="set MLOPS_RAW_KEY to the key that it was sealed under",
        )


def _changed(name: str, what: str) -> EncryptionError:
    return EncryptionError(
        "ENCRYPTION-005",
        f"the sealed file was changed, cut or exchanged: {what}",
        where=name,
        todo="restore the remote from a backup and find out who wrote to it; nothing of the file was used",
    )


def _bound_to(header: bytes, name: str, index: int, last: bool) -> list[bytes]:
    return [header, name.encode(), index.to_bytes(8, "big"), b"last" if last else b"more"]


def _pieces(stream: BinaryIO, size: int) -> Iterator[tuple[int, bytes, bool]]:
    """Position, bytes and whether it is the last one; an empty stream has one empty piece."""
    index, piece = 0, stream.read(size)
    while True:
        following = stream.read(size)
        yield index, piece, not following
        if not following:
            return
        index, piece = index + 1, following
