"""Values that can be had back: AES-SIV (RFC 5297), deterministic, so that equal values have equal tokens.

``<TYPE:v1:KEY ID:BASE64>`` holds the value as it was written. The type is bound to it: a token whose type, key id or
content was changed does not open. The price of determinism is that who reads the tokens sees which values are equal
and how long they are.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from mlops.privacy.keys import Key, KeyRing

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

TOKEN = re.compile(r"<([A-Z][A-Z0-9_]*):v1:([0-9a-f]{16}):([A-Za-z0-9_-]{22,}={0,2})>")
_DOMAIN = b"mlops privacy vault/1"
# First byte of what is sealed: whether the value was a bare number of a JSON text, where the token stands in quotes.
_PLAIN, _BARE = b"\x00", b"\x01"


@dataclass(slots=True)
class Opened:
    """What became of the tokens of a text: how many of each type were opened, and how many no key opens."""

    opened: Counter[str] = field(default_factory=Counter)
    refused: int = 0


def seal(kind: str, value: str, key: Key, *, bare: bool = False) -> str:
    """The token of a value.

    Args:
        kind: entity type.
        value: the text as it was written.
        bare: the value is a number or word of a JSON text outside quotes, and its token is put in quotes.
    """
    sealed = _cipher(key).encrypt((_BARE if bare else _PLAIN) + value.encode(), _bound_to(kind, key.id))
    return f"<{kind}:v1:{key.id}:{base64.urlsafe_b64encode(sealed).decode()}>"


def reveal(text: str, ring: KeyRing, account: Opened) -> str:
    """``text`` with every token that a key of the ring opens replaced by its value; the others stay and are counted."""
    parts, cursor = [], 0
    for token in TOKEN.finditer(text):
        found = _opened(token, ring)
        if found is None:
            account.refused += 1
            continue
        account.opened[token.group(1)] += 1
        value, bare = found
        start, end = token.span()
        if bare and text[start - 1 : start] == '"' == text[end : end + 1]:
            start, end = start - 1, end + 1
        parts += [text[cursor:start], value]
        cursor = end
    return "".join([*parts, text[cursor:]])


def _opened(token: re.Match[str], ring: KeyRing) -> tuple[str, bool] | None:
    from cryptography.exceptions import InvalidTag

    kind, key_id, body = token.groups()
    key = ring.find(key_id)
    if key is None:
        return None
    try:
        plain = _cipher(key).decrypt(base64.urlsafe_b64decode(body), _bound_to(kind, key_id))
    except (InvalidTag, ValueError, binascii.Error):
        return None
    return plain[1:].decode(), plain[:1] == _BARE


def _bound_to(kind: str, key_id: str) -> list[bytes]:
    return [_DOMAIN, kind.encode(), key_id.encode()]


@lru_cache(maxsize=64)
def _cipher(key: Key) -> AESSIV:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

    return AESSIV(key.encryption)
