"""Keys of tokens, surrogates and the vault: where they come from, what may be said of them, what is drawn from them.

A key is 32 random bytes. It lies in the variable ``MLOPS_PRIVACY_KEY`` or in a file that only its owner can read, never
beside the data. Several keys make a rotation: the newest, which stands last, masks; the others only reveal.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from mlops.privacy.errors import PrivacyError

VARIABLE = "MLOPS_PRIVACY_KEY"
KEY_BYTES = 32
_ID_LABEL = b"mlops privacy key id/1\n"


@dataclass(frozen=True)
class Key:
    """One key; its repr shows the id only.

    Attributes:
        id: first 16 hex digits of SHA-256 over a label and the key: names the key, and tells nothing of it.
    """

    id: str
    material: bytes = field(repr=False)

    def digest(self, *parts: str) -> bytes:
        """HMAC-SHA256 (RFC 2104) over the key's id and ``parts``, each with its length, so that no two lists agree."""
        framed = b"".join(len(part).to_bytes(8, "big") + part for part in (_bytes(one) for one in (self.id, *parts)))
        return hmac.digest(self._authentication, framed, "sha256")

    @cached_property
    def _authentication(self) -> bytes:
        return self._derived(b"mlops privacy hmac/1", 32)

    @cached_property
    def encryption(self) -> bytes:
        """The 64 bytes that AES-SIV takes, derived by HKDF (RFC 5869) apart from those of HMAC."""
        return self._derived(b"mlops privacy aes-siv/1", 64)

    def _derived(self, purpose: bytes, length: int) -> bytes:
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        return HKDF(SHA256(), length, None, purpose).derive(self.material)


def _bytes(part: str) -> bytes:
    return part.encode("utf-8", "surrogatepass")


@dataclass(frozen=True)
class KeyRing:
    """Keys in the order in which they were made, at least one."""

    keys: tuple[Key, ...]

    @property
    def newest(self) -> Key:
        return self.keys[-1]

    def find(self, key_id: str) -> Key | None:
        """The key of that id, or None."""
        return next((key for key in self.keys if key.id == key_id), None)


class Draw:
    """Numbers that a key, a purpose and a value decide: the same in every process and on every machine.

    Args:
        key: the key.
        parts: what the numbers are drawn for.
    """

    def __init__(self, key: Key, *parts: str) -> None:
        self._numbers = _numbers(key, parts)

    def below(self, limit: int) -> int:
        """A whole number from 0 to ``limit`` - 1; ``limit`` up to 2**32, so that no number is favoured noticeably."""
        return next(self._numbers) % limit


def _numbers(key: Key, parts: tuple[str, ...]) -> Iterator[int]:
    block = 0
    while True:
        digest = key.digest(*parts, str(block))
        for first in range(0, len(digest), 8):
            yield int.from_bytes(digest[first : first + 8], "big")
        block += 1


def key_id(material: bytes) -> str:
    """The public name of a key."""
    return hashlib.sha256(_ID_LABEL + material).hexdigest()[:16]


def load_keys(path: Path | None = None) -> KeyRing:
    """Keys of a file, or of ``MLOPS_PRIVACY_KEY`` where none is named.

    A key is written as 64 hex digits or as base64 of at least 32 bytes; one per line in a file (lines that begin with
    ``#`` are no keys), parted by commas in the variable. The newest stands last.

    Raises:
        PrivacyError: PRIVACY-030 there is none; 031 others can read the file; 032 one is too short or written in
            another way.
    """
    if path is not None:
        return _ring(_file_lines(path), str(path))
    written = os.environ.get(VARIABLE, "")
    if not written.strip():
        raise PrivacyError(
            "PRIVACY-030",
            "expected a key, because the profile makes values that only a key can make again; found none",
            where=VARIABLE,
            todo="set the variable or name a key file; mlops privacy key FILE makes one",
        )
    return _ring(written.split(","), VARIABLE)


def _file_lines(path: Path) -> list[str]:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        content = path.read_bytes().decode("ascii", "replace")
    except OSError as problem:
        raise PrivacyError(
            "PRIVACY-030",
            f"expected a key file, could not read it ({problem.strerror})",
            where=str(path),
            todo="name a key file that is there; mlops privacy key FILE makes one",
        ) from None
    if mode & 0o077:
        raise PrivacyError(
            "PRIVACY-031",
            f"expected a key file that only its owner can read (mode 0600), found mode {mode:04o}",
            where=str(path),
            todo=f"take the key for exposed if others use this machine; otherwise chmod 600 {path.name}",
        )
    return content.splitlines()


def _ring(lines: Iterable[str], where: str) -> KeyRing:
    written = [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
    keys = tuple(Key(key_id(material), material) for material in (_material(one, where) for one in written))
    if not keys:
        raise PrivacyError(
            "PRIVACY-030", "expected a key, found none", where=where, todo="mlops privacy key FILE makes one"
        )
    return KeyRing(keys)


def _material(written: str, where: str) -> bytes:
    try:
        hexadecimal = all(character in "0123456789abcdefABCDEF" for character in written)
        material = bytes.fromhex(written) if hexadecimal else base64.b64decode(written, altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        material = b""
    if len(material) < KEY_BYTES:
        raise PrivacyError(
            "PRIVACY-032",
            f"expected a key of at least {KEY_BYTES} random bytes as hex digits or base64, found less or other text",
            where=where,
            todo="make one with mlops privacy key FILE",
        )
    return material


def add_key(path: Path) -> Key:
    """Append a new random key to a key file, which is made (mode 0600) where there is none: a rotation.

    Raises:
        PrivacyError: as `load_keys`; PRIVACY-033 the file cannot be written.
    """
    if path.exists():
        load_keys(path)
    material = secrets.token_bytes(KEY_BYTES)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as stream:
            stream.write(material.hex() + "\n")
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as problem:
        raise PrivacyError(
            "PRIVACY-033",
            f"the key file cannot be written ({problem.strerror})",
            where=str(path),
            todo="name a place that you may write to",
        ) from None
    return Key(key_id(material), material)


def require_apart(path: Path, *data: Path) -> None:
    """Refuse a key file in the folder of the data that it opens: who takes the one would have the other.

    Raises:
        PrivacyError: PRIVACY-034.
    """
    if any(path.resolve().parent == one.resolve().parent for one in data):
        raise PrivacyError(
            "PRIVACY-034",
            "expected the key apart from the data, found both in one folder",
            where=str(path),
            todo="move the key to a folder of its own, which is never copied or backed up with the data",
        )
