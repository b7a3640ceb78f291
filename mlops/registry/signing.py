"""Ed25519 signatures (RFC 8032) over small canonical statements.

The private key is a PEM file that only its owner can read. The public keys that count as trusted are the PEM files of
one folder: adding one is a decision to trust, deleting one takes the trust back.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from mlops.artifacts import canonical_json, storage_error, write_atomic
from mlops.registry.errors import RegistryError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SigningKey:
    """A private key and the identifier of its public half (``ed25519:`` and 64 hex digits)."""

    key_id: str
    private: Ed25519PrivateKey


def public_key_id(public: Ed25519PublicKey) -> str:
    """``ed25519:`` and the SHA-256 of the 32 raw public bytes in hex."""
    return "ed25519:" + hashlib.sha256(public.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()


def release_statement(release: str, dossier: str) -> dict[str, Any]:
    """What is signed when a release is attested: its name and its dossier's digest."""
    return {"type": "mlops-release/1", "release": release, "dossier": dossier}


def head_statement(release: str, seq: int, digest: str) -> dict[str, Any]:
    """What is signed to anchor the ledger: the last exported event, bound to the release it was exported with."""
    return {"type": "mlops-ledger-head/1", "release": release, "seq": seq, "digest": digest}


def sign(key: SigningKey, statement: Mapping[str, Any]) -> str:
    """Sign the canonical JSON of a statement: 128 hex digits, the same on every call (Ed25519 is deterministic)."""
    return key.private.sign(canonical_json(dict(statement))).hex()


def signature_holds(public: Ed25519PublicKey, statement: Mapping[str, Any], signature: str) -> bool:
    """Whether ``signature`` (lower-case hex, no other spelling) belongs to the statement and the key."""
    try:
        raw = bytes.fromhex(signature)
        public.verify(raw, canonical_json(dict(statement)))
    except (ValueError, InvalidSignature):
        return False
    return raw.hex() == signature


def load_trusted(folder: Path) -> dict[str, Ed25519PublicKey]:
    """All public keys (``*.pem``) of a folder by their identifier; an absent folder trusts nobody.

    Raises:
        RegistryError: a file there is not an Ed25519 public key.
    """
    keys: dict[str, Ed25519PublicKey] = {}
    for path in sorted(Path(folder).glob("*.pem")):
        try:
            key = load_pem_public_key(path.read_bytes())
        except (ValueError, UnsupportedAlgorithm, OSError):
            key = None
        if not isinstance(key, Ed25519PublicKey):
            raise RegistryError(
                "REGISTRY-001",
                "expected an Ed25519 public key in PEM form, found something else",
                where=str(path),
                todo="remove the file, or put the right key there",
            )
        keys[public_key_id(key)] = key
    return keys


def load_or_create_key(path: Path, trusted: Path) -> SigningKey:
    """Read the private key; on first use make one and put its public half into the trusted folder.

    Args:
        path: PEM file, unencrypted PKCS 8, mode 0600.
        trusted: folder of trusted public keys; written only when the key is made, so a withdrawn trust stays withdrawn.

    Raises:
        RegistryError: others can read the file, or it holds no Ed25519 private key.
        StorageError: the folder refuses a write.
    """
    path = Path(path)
    if not path.exists():
        try:
            _create(path, Path(trusted))
        except OSError as error:
            raise storage_error(error, path) from error
    return _load(path)


def _load(path: Path) -> SigningKey:
    where = str(path)
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise RegistryError(
            "REGISTRY-002",
            f"expected a signing key that only its owner can read (mode 0600), found mode {mode:04o}",
            where=where,
            todo=f"treat the key as exposed if others used this machine; otherwise chmod 600 {path.name}",
        )
    try:
        private = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        private = None
    if not isinstance(private, Ed25519PrivateKey):
        raise RegistryError(
            "REGISTRY-003",
            "expected an unencrypted Ed25519 private key in PEM form, found something else",
            where=where,
            todo="restore the key, or move the file away to have a new one made",
        )
    return SigningKey(public_key_id(private.public_key()), private)


def _create(path: Path, trusted: Path) -> None:
    """The public half goes first: a crash leaves a trusted key nobody holds, never a key nobody trusts."""
    private = Ed25519PrivateKey.generate()
    key_id = public_key_id(private.public_key())
    public_file = trusted / f"{key_id.removeprefix('ed25519:')[:16]}.pem"
    write_atomic(public_file, private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600 from the start
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            stream.flush()
            os.fsync(stream.fileno())
        try:
            os.link(temporary, path)  # fails where another process was faster: its key counts
        except FileExistsError:
            with contextlib.suppress(FileNotFoundError):
                public_file.unlink()
            return
    finally:
        os.unlink(temporary)
    log.warning(
        "made a new signing key at %s and trusted its public half at %s: back the key up and keep it private",
        path,
        public_file,
        extra={"key_id": key_id},
    )
