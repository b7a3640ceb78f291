"""Telephone numbers: what the numbering plans allow, and what a cue makes of a bare run of digits."""

from __future__ import annotations

import re
from functools import lru_cache

# Plans that a national number is tried against, in this order; the first that accepts it gives the canonical form.
REGIONS = ("US", "GB", "DE", "FR", "ES", "IT", "NL", "PL", "SE", "CH", "AT", "AU", "IN", "BR", "MX")

_NORTH_AMERICAN = re.compile(
    r"(?:\+?1[ .\-]?)?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[.\-])[2-9][0-9]{2}[.\-][0-9]{4}(?: ?(?:x|ext)\.? ?[0-9]+)?",
    re.IGNORECASE,
)
_TRUNK_GROUPED = re.compile(r"\(?0[0-9]{1,5}\)?[ .\-/][0-9]{2,8}(?:[ .\-/]?[0-9]{2,5})*")
_BRACKETED = re.compile(r"\(\+?[0-9]{2,4}\) ?[0-9]{2,9}(?:[ .\-][0-9]{2,5}){0,3}")
_EXTENSION = re.compile(r" ?(?:x|ext\.?|extension) ?[0-9]{1,6}$", re.IGNORECASE)


@lru_cache(maxsize=16_384)
def canonical(text: str) -> str | None:
    """`+COUNTRY NATIONAL` when some numbering plan accepts the number, else None.

    A number that starts with + or 00 is read as international and tried against no national plan.
    """
    import phonenumbers

    plain = _EXTENSION.sub("", text).replace("(0)", "")
    if plain.startswith("00"):
        plain = "+" + plain[2:]
    for region in (None,) if plain.startswith("+") else REGIONS:
        try:
            number = phonenumbers.parse(plain, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return f"+{number.country_code} {phonenumbers.national_significant_number(number)}"
    return None


def digits_of(text: str) -> str:
    """The number's digits without extension, for a number no plan accepts."""
    return "".join(character for character in _EXTENSION.sub("", text) if character.isdigit())


def telling_shape(text: str) -> bool:
    """A spelling that hardly anything but a telephone number has: North American groups, a grouped trunk 0, or an area
    in brackets.
    """
    if _NORTH_AMERICAN.fullmatch(text):
        return True
    count = len(digits_of(text))
    if 9 <= count <= 12 and _BRACKETED.fullmatch(text):
        return True
    return 9 <= count <= 12 and _TRUNK_GROUPED.fullmatch(text) is not None and sum(map(text.count, " .-/")) >= 1


def international(text: str) -> bool:
    return text.startswith("+") or (text.startswith("00") and len(digits_of(text)) >= 11)
