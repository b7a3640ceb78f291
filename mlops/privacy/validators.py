"""Checksums and numbering rules. Each takes a candidate in the view's spelling and says whether it can be real."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)

# Issuer ranges (ISO/IEC 7812): lowest and highest prefix, and the lengths that are issued there.
_ISSUERS: tuple[tuple[int, int, range], ...] = (
    (4, 4, range(13, 20)),  # Visa: 13, 16, 19
    (51, 55, range(16, 17)),  # Mastercard
    (2221, 2720, range(16, 17)),  # Mastercard
    (34, 34, range(15, 16)),  # American Express
    (37, 37, range(15, 16)),  # American Express
    (300, 305, range(14, 20)),  # Diners Club
    (3095, 3095, range(14, 20)),  # Diners Club
    (36, 36, range(14, 20)),  # Diners Club
    (38, 39, range(14, 20)),  # Diners Club
    (6011, 6011, range(16, 20)),  # Discover
    (644, 659, range(16, 20)),  # Discover
    (3528, 3589, range(16, 20)),  # JCB
    (1800, 1800, range(15, 16)),  # JCB
    (2131, 2131, range(15, 16)),  # JCB
    (62, 62, range(16, 20)),  # UnionPay
    (2200, 2204, range(16, 20)),  # Mir
    (50, 50, range(12, 20)),  # Maestro
    (56, 61, range(12, 20)),  # Maestro
    (63, 69, range(12, 20)),  # Maestro
)
_VISA_LENGTHS = frozenset({13, 16, 19})


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1 check digit over ASCII digits."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        total += _DOUBLED[ord(digit) - 48] if place % 2 else ord(digit) - 48
    return total % 10 == 0


def issued(digits: str) -> bool:
    """Whether the prefix belongs to a card scheme that issues numbers of this length."""
    if digits[0] == "4":
        return len(digits) in _VISA_LENGTHS
    for low, high, lengths in _ISSUERS:
        prefix = int(digits[: len(str(low))])
        if low <= prefix <= high and len(digits) in lengths:
            return True
    return False


def credit_card(digits: str) -> bool:
    """12 to 19 digits with a valid check digit and a known issuer, not all the same digit."""
    return 12 <= len(digits) <= 19 and len(set(digits)) > 1 and luhn(digits) and issued(digits)


@lru_cache(maxsize=4096)
def iban(compact: str) -> bool:
    """ISO 13616: country, length, structure and the mod 97 checksum. `compact` has no separators, upper case."""
    rearranged = compact[4:] + compact[:4]
    if not compact.isascii() or not compact.isalnum():
        return False
    if int("".join(str(int(character, 36)) for character in rearranged)) % 97 != 1:
        return False
    from stdnum import iban as registry

    return bool(registry.is_valid(compact))


def us_ssn(digits: str) -> bool:
    """Nine digits that the US Social Security Administration can have assigned (no 000, 666, 9xx area; no zeros)."""
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    return len(digits) == 9 and area not in {"000", "666"} and area[0] != "9" and group != "00" and serial != "0000"


def us_itin(digits: str) -> bool:
    """Nine digits of the ranges in which the US tax authority numbers people without a social security number."""
    group = int(digits[3:5])
    return digits[0] == "9" and (50 <= group <= 65 or 70 <= group <= 88 or 90 <= group <= 92 or 94 <= group <= 99)


def ipv4(text: str) -> bool:
    """Four decimal octets without leading zeros; not the unspecified address or a netmask."""
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return not address.is_unspecified and not text.startswith("255.")


def ipv6(text: str) -> bool:
    """A full or compressed address with enough digits not to be a scope operator of some programming language."""
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return False
    digits = sum(character not in ":." for character in text)
    return digits >= 3 and any(character.isdigit() for character in text) and not address.is_unspecified


@lru_cache(maxsize=1024)
def crypto_address(text: str) -> bool:
    """A Bitcoin address with a valid Base58Check or Bech32 checksum, or an Ethereum address (shape only)."""
    if text.startswith("0x"):
        return len(text) == 42 and len(set(text[2:].lower())) > 4
    from stdnum import bitcoin

    return bool(bitcoin.is_valid(text))
