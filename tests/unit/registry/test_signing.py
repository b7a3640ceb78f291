"""Promise: a key is private, a signature has one spelling, and trust is a decision that can be taken back."""

from __future__ import annotations

import hashlib
import logging
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mlops.registry.errors import RegistryError
from mlops.registry.signing import (
    SigningKey,
    load_or_create_key,
    load_trusted,
    public_key_id,
    sign,
    signature_holds,
)

STATEMENT = {"type": "test", "digest": "sha256:00"}


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return load_or_create_key(tmp_path / "signing.pem", tmp_path / "trusted")


def test_the_first_use_makes_a_private_key_trusts_it_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        made = load_or_create_key(tmp_path / "keys" / "signing.pem", tmp_path / "trusted")
    assert stat.S_IMODE((tmp_path / "keys" / "signing.pem").stat().st_mode) == 0o600
    assert list(load_trusted(tmp_path / "trusted")) == [made.key_id]
    assert "made a new signing key" in caplog.text
    assert "PRIVATE" not in caplog.text
    assert load_or_create_key(tmp_path / "keys" / "signing.pem", tmp_path / "trusted").key_id == made.key_id


def test_withdrawn_trust_stays_withdrawn(tmp_path: Path) -> None:
    load_or_create_key(tmp_path / "signing.pem", tmp_path / "trusted")
    for path in (tmp_path / "trusted").iterdir():
        path.unlink()
    load_or_create_key(tmp_path / "signing.pem", tmp_path / "trusted")
    assert load_trusted(tmp_path / "trusted") == {}


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    load_or_create_key(tmp_path / "signing.pem", tmp_path / "trusted")
    (tmp_path / "signing.pem").chmod(mode)
    with pytest.raises(RegistryError) as caught:
        load_or_create_key(tmp_path / "signing.pem", tmp_path / "trusted")
    assert caught.value.code == "REGISTRY-002"


@pytest.mark.parametrize(
    "content", [b"", b"not a key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_a_file_that_is_no_key_is_refused_on_both_sides(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "signing.pem").write_bytes(content)
    (tmp_path / "signing.pem").chmod(0o600)
    with pytest.raises(RegistryError) as caught:
        load_or_create_key(tmp_path / "signing.pem", tmp_path / "trusted")
    assert caught.value.code == "REGISTRY-003"
    with pytest.raises(RegistryError) as caught:
        load_trusted(tmp_path)
    assert caught.value.code == "REGISTRY-001"


def test_two_that_make_a_key_at_once_get_the_same_one(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        futures = [
            pool.submit(load_or_create_key, tmp_path / "k" / "signing.pem", tmp_path / "trusted") for _ in range(8)
        ]
        made = {future.result().key_id for future in futures}
    assert len(made) == 1
    assert set(load_trusted(tmp_path / "trusted")) == made
    assert [path.name for path in (tmp_path / "k").iterdir()] == ["signing.pem"]


def test_a_signature_is_deterministic_and_bound_to_its_statement(key: SigningKey) -> None:
    public = key.private.public_key()
    signature = sign(key, STATEMENT)
    assert signature == sign(key, dict(reversed(STATEMENT.items())))
    assert signature_holds(public, STATEMENT, signature)
    assert not signature_holds(public, {**STATEMENT, "digest": "sha256:01"}, signature)
    assert not signature_holds(public, {**STATEMENT, "type": "other"}, signature)
    assert not signature_holds(Ed25519PrivateKey.generate().public_key(), STATEMENT, signature)


@pytest.mark.parametrize(
    "spelling", [str.upper, lambda s: s + " ", lambda s: " " + s, lambda s: s[:-2], lambda s: s + "00"]
)
def test_another_spelling_of_a_signature_does_not_hold(key: SigningKey, spelling: object) -> None:
    assert callable(spelling)
    assert not signature_holds(key.private.public_key(), STATEMENT, spelling(sign(key, STATEMENT)))


def test_the_public_key_of_rfc_8032_has_the_identifier_of_its_raw_bytes() -> None:
    """RFC 8032, section 7.1, test 2: seed, public key and signature over the one byte 0x72."""
    seed = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
    private = Ed25519PrivateKey.from_private_bytes(seed)
    raw = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    assert raw.hex() == "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    assert public_key_id(private.public_key()) == "ed25519:" + hashlib.sha256(raw).hexdigest()
    assert private.sign(b"\x72").hex().startswith("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da")
