"""Which texts can hold anything, and of what kind: cheap questions, so that only few texts need the full look.

RE2 answers them at hundreds of megabytes a second over one long buffer, and at a tenth of that text by text.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from functools import cache
from itertools import accumulate
from typing import Any

from mlops.privacy import cues, dates, persons, secrets
from mlops.privacy.national_ids import IDENTIFIERS
from mlops.privacy.normalisation import is_its_own_view, normalise
from mlops.privacy.patterns import STRUCTURED, Alternation, compile_bytes, compile_pattern
from mlops.privacy.respelling import RESPELLED
from mlops.privacy.vendor_keys import VENDOR

# Answered with yes where one of the alternations matches. One question for all would do, but its automaton takes
# seconds to build.
QUESTIONS: dict[str, tuple[Alternation, ...]] = {
    "structured": (STRUCTURED,),
    "streets": (cues.STREETS,),
    "cued": (VENDOR, secrets.CUED, cues.CUED),
    "identifiers": (IDENTIFIERS,),
    "persons": (persons.PERSONS,),
    "respelled": RESPELLED,
    "dates": (dates.DATES,),
    "urls": (dates.URLS,),
}
_GROUP_NAME = re.compile(r"\(\?P<[a-z0-9_]+>")
_BUFFER = 1 << 18
_LONG = 1 << 13


def answered(view: str, wanted: Collection[str] = tuple(QUESTIONS)) -> frozenset[str]:
    """Those of the wanted questions that one normalised text answers with yes; without any it holds nothing."""
    return frozenset(name for name in wanted if _pattern(name).search(view) is not None)


def answered_by_each(texts: Sequence[str], wanted: Collection[str] = tuple(QUESTIONS)) -> dict[int, set[str]]:
    """Place of a text → wanted questions that it may answer with yes; the other texts answer all of them with no.

    The texts, normalised, are joined by empty lines: every pattern matches in the joined text where it matches in one
    of its parts. A match may reach from one text into the next and so hide one that begins there: it counts for both.
    """
    found: dict[int, set[str]] = {}
    long = {place for place, text in enumerate(texts) if len(text) > _LONG}
    if long:
        # In a long text one match after another may take quadratic time; the first of each takes linear time.
        alone = {place: set(answered(normalise(texts[place]).text, wanted)) for place in long}
        found = {place: asked for place, asked in alone.items() if asked}
        texts = ["" if place in long else text for place, text in enumerate(texts)]
    for first, buffer, ends in _buffers(texts):
        for name in wanted:
            for match in _bytes_pattern(name).finditer(buffer):
                low, high = match.span()
                place = bisect_right(ends, low)
                while True:
                    found.setdefault(first + place, set()).add(name)
                    place += 1
                    if place == len(ends) or high <= ends[place - 1]:
                        break
    return found


def _buffers(texts: Sequence[str]) -> Iterator[tuple[int, bytes, list[int]]]:
    """The place of the first text of a buffer, the buffer, and where in it each text ends, its line breaks included."""
    first, size = 0, 0
    for place, text in enumerate(texts):
        size += len(text) + 2
        if size >= _BUFFER or place == len(texts) - 1:
            yield first, *_buffer(texts[first : place + 1])
            first, size = place + 1, 0


def _buffer(texts: Sequence[str]) -> tuple[bytes, list[int]]:
    joined = "\n\n".join(texts)
    if is_its_own_view(joined):
        return joined.encode(), list(accumulate(len(text) + 2 for text in texts))
    views = [normalise(text).text.encode() for text in texts]
    return b"\n\n".join(views), list(accumulate(len(view) + 2 for view in views))


def _source(name: str) -> str:
    members = QUESTIONS[name]
    return "|".join(
        f"(?:{_GROUP_NAME.sub('(?:', source)})" for member in members for source in member.branches.values()
    )


@cache
def _pattern(name: str) -> Any:
    return compile_pattern(_source(name))


@cache
def _bytes_pattern(name: str) -> Any:
    return compile_bytes(_source(name))
