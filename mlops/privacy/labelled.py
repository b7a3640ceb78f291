"""Labelled samples: JSONL, one object a line, `{"text": …, "spans": [{"start", "end", "type"}, …]}`.

Offsets count code points of `text` from 0, `end` is one past the last. Other keys are left alone. What is wrong is
named by file and line, never quoted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlops.privacy.errors import PrivacyError
from mlops.privacy.evaluation import Label, Labelled

_TYPE = re.compile(r"[A-Z][A-Z0-9_]{1,63}")


def read_labelled(path: Path) -> Iterator[Labelled]:
    """The rows of a labelled sample, in order; blank lines are skipped.

    Raises:
        PrivacyError: PRIVACY-004 unreadable file, PRIVACY-020 no object with text and spans, PRIVACY-021 a span that
            is none, lies outside its text or repeats another, PRIVACY-022 no row at all.
    """
    number = 0
    rows = 0
    try:
        with path.open(encoding="utf-8-sig", newline="\n") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    rows += 1
                    yield _row(line, f"{path.name}:{number}")
    except (OSError, UnicodeDecodeError) as problem:
        raise PrivacyError(
            "PRIVACY-004",
            f"expected a readable UTF-8 file, found {type(problem).__name__}",
            where=f"{path.name}:{number + 1}" if number else path.name,
            todo="check the path, the permissions and the encoding",
        ) from None
    if not rows:
        raise PrivacyError(
            "PRIVACY-022",
            "expected labelled texts, found none",
            where=path.name,
            todo="give one JSON object per line with text and spans",
        )


def _row(line: str, where: str) -> Labelled:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        row = None
    if not (isinstance(row, dict) and isinstance(row.get("text"), str) and isinstance(row.get("spans"), list)):
        # The problem that json raised is left out on purpose: it holds the line.
        raise PrivacyError(
            "PRIVACY-020",
            "expected an object with a text and a list of spans, found something else",
            where=where,
            todo='write {"text": …, "spans": [{"start": 0, "end": 4, "type": "PERSON"}]} on one line',
        ) from None
    labels = tuple(_label(span, len(row["text"]), f"{where}, span {place}") for place, span in enumerate(row["spans"]))
    if len(set(labels)) < len(labels):
        raise PrivacyError(
            "PRIVACY-021",
            "expected each span once, found one twice",
            where=where,
            todo="remove the one that repeats",
        )
    return Labelled(row["text"], labels)


def _label(span: Any, length: int, where: str) -> Label:
    problem = _problem(span, length)
    if problem:
        raise PrivacyError(
            "PRIVACY-021",
            f"expected a span inside its text with start, end and type, found {problem}",
            where=where,
            todo="give offsets in code points, 0 <= start < end <= length, and a type such as EMAIL_ADDRESS",
        )
    return Label(span["start"], span["end"], span["type"])


def _problem(span: Any, length: int) -> str | None:
    """What is wrong with a span, or None; without any value of it."""
    if not isinstance(span, dict):
        return "no object"
    start, end = span.get("start"), span.get("end")
    if type(start) is not int or type(end) is not int:
        return "an offset that is no whole number"
    if not 0 <= start < end <= length:
        return "offsets outside it or in the wrong order"
    if not isinstance(span.get("type"), str) or not _TYPE.fullmatch(span["type"]):
        return "a type that is not in capitals, digits and underscores"
    return None
