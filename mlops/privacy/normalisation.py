"""A plain view of a text for the detectors, with a map back to the text as it was written.

People and programs hide values without meaning to: full-width digits, no-break spaces between card groups, zero-width
characters from a web page, JSON escapes in tool messages. The view undoes that one source piece at a time, so that
every character of the view belongs to one exact piece of the source and a span can always be mapped back whole.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from mlops.privacy.config import ENTITY_TYPES
from mlops.privacy.lookalikes import LOOKALIKES

# Stands in the view for a placeholder that is already in the text. No pattern may match it.
BLANK = "\ue000"

_TYPES = "|".join(sorted(ENTITY_TYPES))
PLACEHOLDER = re.compile(rf"<({_TYPES})_([0-9]{{1,6}})>")
# What else stands for a value: redacted, a keyed token, sealed in the vault.
_MARK = rf"<(?:{_TYPES})(?::h1:[0-9a-f]{{16}}|:v1:[0-9a-f]{{16}}:[A-Za-z0-9_-]{{22,}}={{0,2}})?>"

_ESCAPES = {"n": "\n", "r": "\n", "t": " ", "b": " ", "f": " ", '"': '"', "/": "/"}
_ENTITIES = {
    "commat": "@", "period": ".", "nbsp": " ", "ensp": " ", "emsp": " ", "thinsp": " ", "hyphen": "-", "dash": "-",
    "ndash": "-", "minus": "-", "plus": "+", "lowbar": "_", "num": "#", "colon": ":", "sol": "/", "equals": "=",
    "shy": "", "zwj": "", "zwnj": "", "ZeroWidthSpace": "",
}  # fmt: skip
_PERCENT = "%(?:40|2[BbDdEe]|5[Ff])"
_CODE = "%[2-7][0-9A-Fa-f]"
_ASCII_SPECIAL = re.compile(rf"\\|{_PERCENT}|{_CODE}{_CODE}|&#|&(?:{'|'.join(_ENTITIES)});|<[A-Z]")
# One source piece each: a placeholder, an escape (JSON in JSON doubles the backslashes), a percent code (one that may
# be plain text only beside another), an entity, or one character outside ASCII.
_PIECE = re.compile(
    rf"{PLACEHOLDER.pattern}|{_MARK}"
    + r"|\\+(?:u[0-9A-Fa-f]{4}|u\{[0-9A-Fa-f]{1,6}\}|x[0-7][0-9A-Fa-f]|[nrtbf\"/])|\\\\"
    + rf"|{_PERCENT}|{_CODE}(?={_CODE})|(?<={_CODE}){_CODE}"
    + rf"|&#[0-9]{{1,7}};|&#[xX][0-9A-Fa-f]{{1,6}};|&(?:{'|'.join(_ENTITIES)});|[^\x00-\x7f]"
)
_DASHES = frozenset("\u2212\u2043\ufe63\uff0d")
_QUOTES = {"\u2018": "'", "\u2019": "'", "\u201b": "'", "\u02bc": "'", "\u201c": '"', "\u201d": '"', "\u201e": '"'}
_FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\ufe0e\ufe0f" + BLANK)
_INVISIBLE = "\u00ad\u200b-\u200f\u2060-\u2064\ufeff"
_WORD = re.compile(rf"[\w{_INVISIBLE}]+")
_LOOKALIKE = re.compile(f"[{''.join(LOOKALIKES)}]")
# What a letter stands for in a word that is otherwise digits.
_AMONG_DIGITS = {
    "\u043e": "0",
    "\u041e": "0",
    "\u03bf": "0",
    "\u039f": "0",
    "\u0417": "3",
    "\u0437": "3",
    "\u0431": "6",
}


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
    if piece[0] == "<":
        return BLANK
    if len(piece) == 1:
        return fold_character(piece)
    if piece[0] == "\\":
        return _unescape(piece)
    if piece[0] == "%":
        return chr(int(piece[1:], 16)).replace("\x7f", " ")
    return _entity(piece) if piece[1] == "#" else _ENTITIES[piece[1:-1]]


def _unescape(piece: str) -> str:
    body = piece.lstrip("\\")
    if not body:
        return "\\"
    return _character(int(body[1:].strip("{}"), 16)) if body[0] in "ux" else _ESCAPES[body]


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

    Each source piece is folded by itself or inside its own word, so the view of a text hardly changes where another
    part of it is masked.
    """
    if is_its_own_view(text):
        return View(text)
    alike = _lookalikes(text)
    return replaced(
        text, ((*match.span(), alike.get(match.start()) or _fold(match)) for match in _PIECE.finditer(text))
    )


def replaced(text: str, pieces: Iterable[tuple[int, int, str]]) -> View:
    """The view of a text in which pieces (start, end, what is read there) are read in another way.

    Args:
        text: the source.
        pieces: sorted, without overlap; one that is read as it stands changes nothing.
    """
    parts: list[str] = []
    runs: list[tuple[int, int, int]] = []
    whole: list[bool] = []
    cursor = length = 0
    for start, end, folded in pieces:
        if folded == text[start:end]:
            continue
        if cursor < start:
            runs.append((length, cursor, start - cursor))
            whole.append(False)
            parts.append(text[cursor:start])
            length += start - cursor
        if folded:
            runs.append((length, start, end - start))
            whole.append(True)
            parts.append(folded)
            length += len(folded)
        cursor = end
    if not runs and cursor == 0:
        return View(text)
    if cursor < len(text):
        runs.append((length, cursor, len(text) - cursor))
        whole.append(False)
        parts.append(text[cursor:])
    return View("".join(parts), tuple(runs), tuple(whole))


def _lookalikes(text: str) -> dict[int, str]:
    """Place → Latin letter or digit for letters of other scripts that pass for one, in words that mix scripts.

    Only words of which every letter is Latin or looks like it, so that no word of another language is touched
    (Unicode Technical Standard 39, section 5: mixed-script confusables).
    """
    found: dict[int, str] = {}
    if text.isascii() or not _LOOKALIKE.search(text):
        return found
    for word in _WORD.finditer(text):
        outside = [letter for letter in word.group() if letter > "\x7f" and letter.isalpha()]
        if not outside or not all(letter in LOOKALIKES for letter in outside):
            continue
        letters = any(letter.isascii() and letter.isalpha() for letter in word.group())
        if not letters and not any(letter.isdecimal() for letter in word.group()):
            continue
        for place, letter in enumerate(word.group(), word.start()):
            if letter in LOOKALIKES and letter > "\x7f":
                found[place] = LOOKALIKES[letter] if letters else _AMONG_DIGITS.get(letter, LOOKALIKES[letter])
    return found
