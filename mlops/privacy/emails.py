"""E-mail addresses: as they are, in words ("anna at example dot org"), or half in words, with a sign of intent."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlops.privacy.digit_runs import Tally
from mlops.privacy.spans import Finding

_AT_WORD = re.compile(
    r"[\s\[({<*]*(?<![A-Za-z0-9])(?:[\-_]{1,2}at[\-_]{1,2}|@|at|arroba|arobase|chiocciola|klammeraffe|apenstaartje|małpa)"
    r"(?![A-Za-z0-9])[\s\])}>*]*",
    re.IGNORECASE,
)
_DOT_WORD = re.compile(
    r"[\s\[({<*]*(?:[\-_]{1,2}dot[\-_]{1,2}|\b(?:dot|punto|punkt|point|ponto|punt|kropka)\b|\.)[\s\])}>*]*",
    re.IGNORECASE,
)
_MAIL_CUE = re.compile(
    r"\be-?mail|\bmailbox|\bcorreo|\bcourriel|\badres|\baddress\b|\bcontact|\breach me|\bwrite (?:to )?me",
    re.IGNORECASE,
)
_MAIL_HOST = re.compile(
    r"(?:gmail|googlemail|yahoo|hotmail|outlook|live|msn|icloud|aol|gmx|web|proton(?:mail)?|mail|zoho|yandex|orange|free"
    r"|libero|wp|onet|ziggo|t-online)\s?\.\s?[a-z.]{2,6}$",
    re.IGNORECASE,
)


def email(view: str, start: int, end: int, tally: Tally) -> Iterator[Finding]:
    """An address as mail programs write it."""
    start += len(view[start:end]) - len(view[start:end].lstrip(".-'+%"))
    if view[start:end].find("@") > 0:
        yield Finding(start, end, "EMAIL_ADDRESS", 0.95, "email", False, view[start:end].casefold(), view[start:end])


def _plain_address(words: str) -> str:
    return _DOT_WORD.sub(".", _AT_WORD.sub("@", words.casefold(), count=1)).replace(" ", "")


def in_words(view: str, start: int, end: int, tally: Tally) -> Iterator[Finding]:
    """An address with words or brackets for its marks; its shape tells enough."""
    surface = view[start:end]
    yield Finding(start, end, "EMAIL_ADDRESS", 0.8, "email-in-words", False, _plain_address(surface), surface)


def spoken(view: str, start: int, end: int, tally: Tally) -> Iterator[Finding]:
    """An address half in words: "anna.smith at example.org" is one, "meet me at example.org" is none."""
    surface = view[start:end]
    local = re.split(r"[\s@]", surface, maxsplit=1)[0]
    named = re.search(r"[A-Za-z][._+\-]?[0-9]|[A-Za-z0-9][._+][A-Za-z]|[a-z][A-Z]", local) is not None
    spaced = " . " in surface and "@" in surface
    if named or spaced or _MAIL_HOST.search(surface) or _MAIL_CUE.search(view[max(0, start - 32) : start]):
        yield Finding(start, end, "EMAIL_ADDRESS", 0.7, "email-spoken", False, _plain_address(surface), surface)
