"""What may be put in a value's place, each as a function of the value alone; keyed ones take a key or a draw."""

from __future__ import annotations

import re

from mlops.privacy.date_shift import shift_dates
from mlops.privacy.keys import Draw, Key

DAYS = 182
"""Most days that dates are moved by unless a profile says otherwise: half a year, so that a season may change."""
LAST = 4
"""Characters of a masked value that stay unless a profile says otherwise."""

# Three-digit ZIP areas of 20,000 people or fewer, after the census of 2000, as the guidance of the US Department of
# Health on 45 CFR 164.514(b)(2)(i)(B) lists them: they become 000.
_SMALL = "036 059 063 102 203 556 692 790 821 823 830 831 878 879 884 890 893"
SMALL_ZIP_AREAS = frozenset(_SMALL.split())
_ZIP = re.compile(r"([0-9]{3})[0-9]{2}(?:-[0-9]{4})?")
_YEAR = re.compile(r"(?<![0-9])((?:1[0-9]|20)[0-9]{2})(?![0-9])")
_AGE = re.compile(r"[0-9]{1,3}")
_OLDEST = 90


def redact(kind: str) -> str:
    """``<TYPE>``: neither the value nor which of them it is."""
    return f"<{kind}>"


def mask_all_but(text: str, last: int = LAST) -> str:
    """Letters and digits as ``*``, but for the ``last`` of them; never more than half of them stay.

    Separators stay where they are. What is masked already stays as it is.
    """
    places = [place for place, character in enumerate(text) if character.isalnum() or character == "*"]
    kept = set(places[len(places) - min(last, len(places) // 2) :])
    hidden = set(places) - kept
    return "".join("*" if place in hidden else character for place, character in enumerate(text))


def token(kind: str, canonical: str, scope: str, key: Key) -> str:
    """``<TYPE:h1:16 hex digits>``: 64 bits of HMAC-SHA256 over key id, type, canonical value and the scope's id.

    Equal values have equal tokens within the scope. Two of a million values share one with probability 3e-8.
    """
    return f"<{kind}:h1:{key.digest('token', kind, canonical, scope).hex()[:16]}>"


def shifted_date(surface: str, scope: str, key: Key, days: int = DAYS) -> str | None:
    """The date moved by 1 to ``days`` days back or forth, alike for all dates of the scope; None if it is no date."""
    drawn = Draw(key, "date_shift", scope).below(2 * days) - days
    return shift_dates(surface, drawn if drawn < 0 else drawn + 1)


def generalise(kind: str, surface: str, no_year_before: int | None = None) -> str | None:
    """A date as its year, a ZIP code as three digits, an age over 89 as 90; None where nothing of it may stay.

    Args:
        kind: entity type; DATE_TIME, LOCATION and AGE have something that may stay.
        surface: the value, normalised.
        no_year_before: earlier years tell an age over 89, so that they do not stay.
    """
    if kind == "DATE_TIME":
        years = set(_YEAR.findall(surface))
        return next(iter(years)) if len(years) == 1 and int(min(years)) >= (no_year_before or 0) else None
    if kind == "LOCATION":
        code = _ZIP.fullmatch(surface)
        return None if code is None else "000" if code.group(1) in SMALL_ZIP_AREAS else code.group(1)
    if kind == "AGE":
        return _AGE.sub(lambda number: str(min(int(number.group()), _OLDEST)), surface)
    return None
