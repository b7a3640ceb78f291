"""Typed placeholders, numbered per conversation: they stand for values while rows are masked, and mostly afterwards."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence

from mlops.privacy.normalisation import PLACEHOLDER
from mlops.privacy.spans import Finding

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_LITERAL = re.compile(r'[^\s,:\[\]{}"]+')
_DECODER = json.JSONDecoder()


class BrokenJsonError(ValueError):
    """A message that began with JSON would no longer do so after masking. The row has to be quarantined."""


class Numbering:
    """Numbers of the entities of one conversation, given out in the order in which they are asked for.

    Args:
        texts: all messages of the conversation; numbers of placeholders that stand in them already are not reused.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._last: dict[str, int] = {}
        self._numbers: dict[tuple[str, ...], int] = {}
        for text in texts:
            for kind, number in PLACEHOLDER.findall(text):
                self._last[kind] = max(self._last.get(kind, 0), int(number))

    def placeholder(self, key: tuple[str, ...]) -> str:
        """``<TYPE_N>`` for an entity key: type, canonical value, and what else has a number of its own."""
        if key not in self._numbers:
            self._last[key[0]] = self._numbers[key] = self._last.get(key[0], 0) + 1
        return f"<{key[0]}_{self._numbers[key]}>"


def replace(text: str, findings: Sequence[Finding], placeholder: Callable[[Finding, str, bool], str]) -> str:
    """Replace every finding. A text that begins with a JSON value still does so afterwards.

    Args:
        text: the original message.
        findings: sorted, without overlap, offsets into `text`.
        placeholder: gives the replacement of a finding, of the text that it stands for, and of whether that is a bare
            literal of JSON, which gets quotes; called in order of position.

    Raises:
        BrokenJsonError: if the JSON at the start of `text` would not survive.
    """
    json_end = _json_end(text) if findings else 0
    literals = _literals(text, json_end)
    parts, cursor = [], 0
    for finding in findings:
        start, end = finding.start, finding.end
        place = bisect_right(literals, (start, len(text))) - 1
        # A number outside quotes: the whole literal becomes a string.
        bare = place >= 0 and start < literals[place][1]
        if bare:
            start, end = literals[place]
        label = placeholder(finding, text[start:end], bare)
        label = f'"{label}"' if bare else label
        if start >= cursor:
            parts += [text[cursor:start], label]
            cursor = max(end, finding.end)
    masked = "".join([*parts, text[cursor:]])
    if json_end and not _json_end(masked):
        raise BrokenJsonError
    return masked


def begins_with_json(text: str) -> bool:
    """Whether a JSON object or array stands at the start of `text`."""
    return _json_end(text) > 0


def _json_end(text: str) -> int:
    """Where the JSON object or array at the start of `text` ends; 0 if there is none."""
    start = len(text) - len(text.lstrip())
    if text[start : start + 1] not in {"{", "["}:
        return 0
    try:
        return _DECODER.raw_decode(text, start)[1]
    except ValueError:
        return 0


def _literals(text: str, end: int) -> list[tuple[int, int]]:
    """Spans of numbers and words outside strings in ``text[:end]``."""
    spans, cursor = [], 0
    for string in _STRING.finditer(text, 0, end):
        spans += [match.span() for match in _LITERAL.finditer(text, cursor, string.start())]
        cursor = string.end()
    return spans + [match.span() for match in _LITERAL.finditer(text, cursor, end)]
