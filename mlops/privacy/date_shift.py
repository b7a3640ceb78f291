"""Dates moved by whole days, written as they were.

All dates of one subject move together, so that the days between them stay (the method of the clinical sets of MIMIC,
Johnson et al. 2016, doi 10.1038/sdata.2016.35). Times of day stay, weekdays by name alone cannot be moved.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta

# Months by language, in order; the first three letters tell them apart within a language, save the French ones.
_LANGUAGES = (
    "january february march april may june july august september october november december",
    "januar februar märz april mai juni juli august september oktober november dezember",
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "januari februari maart april mei juni juli augustus september oktober november december",
    "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia",
)
_MONTHS = tuple(tuple(language.split()) for language in _LANGUAGES)

_YEAR_FIRST = re.compile(r"\b([0-9]{4})([\-/.])([0-9]{1,2})\2([0-9]{1,2})(?![0-9])")
_YEAR_LAST = re.compile(r"\b([0-9]{1,2})([\-/.])([0-9]{1,2})\2([0-9]{4}|[0-9]{2})\b")
_DAY_MONTH = re.compile(
    r"\b([0-9]{1,2})((?:st|nd|rd|th|er|º|ª|\.)?(?: (?:of|de|di|del))?[ \-])([^\W\d_]{3,12})"
    r"(\.?,?(?: (?:of|de|di|del))?[ \-])([0-9]{4})\b"
)
_MONTH_DAY = re.compile(r"\b([^\W\d_]{3,12})(\.? )([0-9]{1,2})((?:st|nd|rd|th)?,? )([0-9]{4})\b")


def shift_dates(text: str, days: int) -> str | None:
    """``text`` with its date moved by ``days``; None where it holds no whole date in a known writing."""
    for pattern, move in _WRITINGS:
        match = pattern.search(text)
        if match is not None:
            moved = _moved(match, days, move)
            if moved is not None:
                return text[: match.start()] + moved + text[match.end() :]
    return None


def _moved(match: re.Match[str], days: int, move: Callable[[re.Match[str], int], str | None]) -> str | None:
    try:
        return move(match, days)
    except (ValueError, OverflowError):  # no such day, or one outside of the calendar
        return None


def _year_first(match: re.Match[str], days: int) -> str | None:
    year, mark, month, day = match.groups()
    new = date(int(year), int(month), int(day)) + timedelta(days)
    return f"{new.year:04d}{mark}{_as_wide(new.month, month)}{mark}{_as_wide(new.day, day)}"


def _year_last(match: re.Match[str], days: int) -> str | None:
    first, mark, second, year = match.groups()
    # Month first only where slashes part the numbers, as in North America, and the first can be a month.
    month_first = int(second) > 12 or (mark == "/" and int(first) <= 12)
    day, month = (second, first) if month_first else (first, second)
    full = int(year) if len(year) == 4 else _century(int(year))
    new = date(full, int(month), int(day)) + timedelta(days)
    parts = [_as_wide(new.day, day), _as_wide(new.month, month)]
    ending = f"{new.year:04d}" if len(year) == 4 else f"{new.year % 100:02d}"
    return mark.join([*(reversed(parts) if month_first else parts), ending])


def _century(year: int) -> int:
    return 2000 + year if year < 50 else 1900 + year


def _day_month(match: re.Match[str], days: int) -> str | None:
    day, middle, name, before, year = match.groups()
    found = _month(name)
    if found is None:
        return None
    new = date(int(year), found[0], int(day)) + timedelta(days)
    return f"{_as_zero(new.day, day)}{_ordinal(middle, new.day)}{_named(new.month, name, found[1])}{before}{new.year}"


def _month_day(match: re.Match[str], days: int) -> str | None:
    name, middle, day, before, year = match.groups()
    found = _month(name)
    if found is None:
        return None
    new = date(int(year), found[0], int(day)) + timedelta(days)
    return f"{_named(new.month, name, found[1])}{middle}{_as_zero(new.day, day)}{_ordinal(before, new.day)}{new.year}"


_WRITINGS = (
    (_YEAR_FIRST, _year_first),
    (_YEAR_LAST, _year_last),
    (_DAY_MONTH, _day_month),
    (_MONTH_DAY, _month_day),
)


def _month(name: str) -> tuple[int, tuple[str, ...]] | None:
    """Number of a month, and the months of its language; whole names before abbreviations."""
    plain = name.casefold()
    for whole in (True, False):
        for months in _MONTHS:
            for number, month in enumerate(months, start=1):
                if month == plain or (not whole and month.startswith(plain)):
                    return number, months
    return None


def _named(month: int, like: str, months: tuple[str, ...]) -> str:
    """A month's name, whole, abbreviated and large or small as another one was written."""
    whole = like.casefold() in months
    name = months[month - 1] if whole else months[month - 1][: max(3, min(len(like), 4))]
    if like.isupper():
        return name.upper()
    return name.capitalize() if like[:1].isupper() else name


def _ordinal(text: str, day: int) -> str:
    if text[:2] not in {"st", "nd", "rd", "th"}:
        return text
    ending = "th" if 11 <= day <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return ending + text[2:]


def _as_zero(number: int, written: str) -> str:
    """With a leading zero where the other one had one."""
    return f"{number:02d}" if written.startswith("0") else str(number)


def _as_wide(number: int, written: str) -> str:
    """With a leading zero where the other one had two digits."""
    return f"{number:02d}" if len(written) == 2 else str(number)
