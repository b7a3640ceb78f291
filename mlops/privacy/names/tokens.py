"""Sentences and words of a text, with their places."""

from __future__ import annotations

import re
from typing import NamedTuple

# Words with inner apostrophes and hyphens, single capitals with their stop, numbers, and every other sign by itself.
_TOKEN = re.compile(r"[^\W\d_](?:[^\W\d_]|['’\-](?=[^\W\d_]))*|\d+(?:[.,:/\-]\d+)*|[^\w\s]|_")
_POSSESSIVE = re.compile(r"['’][sS]$")
# A sentence may end at a line break, at a stop before white space, and at a stop between a word and a capital.
# Possessive, and never begun inside a run of stops: a megabyte of them is read once.
_END = re.compile(r"\n+|(?<![.!?])[.!?]++(?:[)\"'”]*+\s+|(?=[A-Z][a-z]))")
# Stops that end no sentence: behind an initial or an abbreviation that stands before names.
_ABBREVIATIONS = frozenset({"Dr", "Mr", "Mrs", "Ms", "Jr", "Sr", "St", "Sra", "Hr", "Fr", "Prof", "Sig", "Dott", "Mme"})
_LAST_WORD = re.compile(r"[^\W_]+$")
MOST_TOKENS = 160


class Token(NamedTuple):
    """A word and where it stands: `start` inclusive, `end` exclusive, in code points of the text."""

    text: str
    start: int
    end: int


def sentences(text: str) -> list[tuple[int, int]]:
    """Start and end of each sentence; together they cover the text."""
    found, start = [], 0
    for match in _END.finditer(text):
        if not _goes_on(text, match):
            found.append((start, match.end()))
            start = match.end()
    if start < len(text):
        found.append((start, len(text)))
    return found


def _goes_on(text: str, match: re.Match[str]) -> bool:
    """Whether a full stop belongs to an initial or an abbreviation, or stands inside a web address."""
    if text[match.start()] == "\n":
        return False
    before = _LAST_WORD.search(text, max(0, match.start() - 12), match.start())
    word = before.group() if before else ""
    if not match.group()[-1].isspace():
        return not (len(word) > 2 and word.islower())
    return match.group()[0] == "." and (word in _ABBREVIATIONS or (len(word) == 1 and word.isupper()))


def tokens(text: str, start: int = 0, end: int | None = None) -> list[Token]:
    """Words of `text[start:end]`; a possessive 's is a word of its own."""
    found = []
    for match in _TOKEN.finditer(text, start, len(text) if end is None else end):
        word, first, last = match.group(), match.start(), match.end()
        if len(word) > 2 and _POSSESSIVE.search(word):
            found.append(Token(word[:-2], first, last - 2))
            found.append(Token(word[-2:], last - 2, last))
        else:
            found.append(Token(word, first, last))
    return found
