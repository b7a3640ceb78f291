"""A plain view of a text for the detectors, with a map back to the text as it was written.

People and programs hide values without meaning to: full-width digits, no-break spaces between card groups, zero-width
characters from a web page, JSON escapes in tool messages. The view undoes that one source piece at a time, so that
every character of the view belongs to one exact piece of the source and a span can always be mapped back whole.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache

from mlops.privacy.config import ENTITY_TYPES

# Stands in the view for a placeholder that is already in the text. No pattern may match it.
BLANK = "\ue000"

PLACEHOLDER = re.compile(r"<(" + "|".join(sorted(ENTITY_TYPES)) + r")_([0-9]{1,6})>")

_ESCAPES = {"n": "\n", "r": "\n", "t": " ", "b": " ", "f": " ", '"': '"', "/": "/"}
_ASCII_SPECIAL = re.compile(r"\\|%40|%2[Bb]|&#|&commat;|_[0-9]{1,6}>")
# One source piece each: a placeholder, an escape (JSON in JSON doubles the backslashes), a percent code, an entity, or
# one character outside ASCII.
_PIECE = re.compile(
    PLACEHOLDER.pattern
    + r"|\\+(?:u[0-9A-Fa-f]{4}|[nrtbf\"/])|\\\\|%40|%2[Bb]|&#[0-9]{1,7};|&#[xX][0-9A-Fa-f]{1,6};|&commat;|[^\x00-\x7f]"
)
_DASHES = frozenset("\u2212\u2043\ufe63\uff0d")
_QUOTES = {"\u2018": "'", "\u2019": "'", "\u201b": "'", "\u02bc": "'", "\u201c": '"', "\u201d": '"', "\u201e": '"'}
_FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\ufe0e\ufe0f" + BLANK)


@dataclass(frozen=True, slots=True)
class View:
    """A normalised text and its offset map.

    Attributes:
        text: what the detectors read.
        pieces: (view start, source start, source length) of each run; empty when view and source are the same. A run
            whose lengths differ between view and source, or of a single piece, maps as a whole.
        whole: for each run, True when it maps as a whole (a replaced piece), False when character by character.
    """

    text: str
    pieces: tuple[tuple[int, int, int], ...] = ()
    whole: tuple[bool, ...] = ()

    def source(self, start: int, end: int) -> tuple[int, int]:
        """Map a non-empty view span to the shortest source span that covers all of it."""
        if not self.pieces:
            return start, end
        first_start, _ = self._bounds(start)
        _, last_end = self._bounds(end - 1)
        return first_start, last_end

    def _bounds(self, index: int) -> tuple[int, int]:
        place = bisect_right(self.pieces, index, key=lambda piece: piece[0]) - 1
        view_start, source_start, length = self.pieces[place]
        if self.whole[place]:
            return source_start, source_start + length
        offset = source_start + index - view_start
        return offset, offset + 1


@lru_cache(maxsize=65_536)
def fold_character(character: str) -> str:
    """One character outside ASCII as the detectors see it: any script's digit as ASCII, NFKC, invisible ones gone."""
    category = unicodedata.category(character)
    if category == "Cf" or character in _FILLERS:
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category == "Pd" or character in _DASHES:
        return "-"
    if category in {"Zs", "Zl", "Zp"}:
        return " " if category == "Zs" else "\n"
    if character in _QUOTES:
        return _QUOTES[character]
    # An unpaired surrogate cannot be encoded, so the engine could not read it.
    return "\ufffd" if category == "Cs" else unicodedata.normalize("NFKC", character)


def _fold(match: re.Match[str]) -> str:
    piece = match.group()
    if match.group(1):
        return BLANK
    if len(piece) == 1:
        return fold_character(piece)
    if piece[0] == "\\":
        return _unescape(piece)
    if piece[0] == "%":
        return "@" if piece == "%40" else "+"
    return "@" if piece == "&commat;" else _entity(piece)


def _unescape(piece: str) -> str:
    body = piece.lstrip("\\")
    if not body:
        return "\\"
    return _character(int(body[1:], 16)) if body[0] == "u" else _ESCAPES[body]


def _entity(piece: str) -> str:
    digits = piece[2:-1]
    return _character(int(digits[1:], 16) if digits[0] in "xX" else int(digits))


def _character(code: int) -> str:
    if code > 0x10FFFF:
        return "\ufffd"
    return chr(code) if code < 0x80 else fold_character(chr(code))


def is_its_own_view(text: str) -> bool:
    """Whether nothing in the text is written in another way than detectors read it."""
    return text.isascii() and not _ASCII_SPECIAL.search(text)


def normalise(text: str) -> View:
    """Build the view. ASCII text without escapes is its own view and costs one scan.

    Each source piece is folded by itself, so the view of a text does not change where another part of it is masked.
    """
    if is_its_own_view(text):
        return View(text)
    parts: list[str] = []
    pieces: list[tuple[int, int, int]] = []
    whole: list[bool] = []
    cursor = length = 0
    for match in _PIECE.finditer(text):
        folded = _fold(match)
        if folded == match.group():
            continue
        start, end = match.span()
        if cursor < start:
            pieces.append((length, cursor, start - cursor))
            whole.append(False)
            parts.append(text[cursor:start])
            length += start - cursor
        if folded:
            pieces.append((length, start, end - start))
            whole.append(True)
            parts.append(folded)
            length += len(folded)
        cursor = end
    if not pieces and cursor == 0:
        return View(text)
    if cursor < len(text):
        pieces.append((length, cursor, len(text) - cursor))
        whole.append(False)
        parts.append(text[cursor:])
    return View("".join(parts), tuple(pieces), tuple(whole))
