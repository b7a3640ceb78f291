"""What a rule may say to each named check, as data: so a contract can be judged before anything runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal

from mlops.text.ngrams import MOST_WORDS

HELD_OUT_SUFFIXES = (".jsonl", ".parquet")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Argument:
    """One argument of a check.

    Attributes:
        kind: ``text``; ``texts``, a list of different ones; ``whole``, a whole number; ``number``; ``file``, a path
            below the project's root; ``digest``, ``sha256:`` and 64 hex digits.
        required: a rule has to give it.
        least, most: bounds of a number; both belong to the range.
        choices: of a text; any where empty.
    """

    kind: Literal["text", "texts", "whole", "number", "file", "digest"]
    required: bool = False
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()

    @property
    def expected(self) -> str:
        """What is expected, in words."""
        if self.choices:
            return " or ".join(self.choices)
        words = {
            "text": "text",
            "texts": "a list of different texts",
            "whole": "a whole number",
            "number": "a number",
            "file": f"a {' or '.join(HELD_OUT_SUFFIXES)} file below the project's root",
            "digest": "sha256: and 64 hex digits",
        }[self.kind]
        low = "" if self.least is None else f" from {self.least:g}"
        return words + low + ("" if self.most is None else f" to {self.most:g}")

    def fits(self, value: Any) -> bool:
        """Whether a rule may give this value."""
        if self.kind in ("whole", "number"):
            kinds = (int,) if self.kind == "whole" else (int, float)
            low = float("-inf") if self.least is None else self.least
            high = float("inf") if self.most is None else self.most
            return type(value) in kinds and low <= value <= high
        if self.kind == "texts":
            return (
                isinstance(value, list) and bool(value) and all(map(_is_word, value)) and len(set(value)) == len(value)
            )
        if not _is_word(value) or (self.choices and value not in self.choices):
            return False
        if self.kind == "file":
            path = PurePosixPath(value)
            return (
                not path.is_absolute() and not {"..", "\0"} & {*path.parts, *value} and path.suffix in HELD_OUT_SUFFIXES
            )
        return self.kind != "digest" or bool(_DIGEST.fullmatch(value))


@dataclass(frozen=True)
class CheckArguments:
    """All arguments of one check.

    Attributes:
        arguments: name → what it may be.
        some_of: a rule gives at least one of these.
        at_most_one_of: a rule gives no two of these.
    """

    arguments: Mapping[str, Argument]
    some_of: tuple[str, ...] = ()
    at_most_one_of: tuple[str, ...] = ()


_OBJECT = Argument("text")
_COUNT = Argument("whole", least=0)
_BOUNDS = {"min": _COUNT, "max": _COUNT}

CHECK_ARGUMENTS: Mapping[str, CheckArguments] = {
    "row_count": CheckArguments({"object": _OBJECT, **_BOUNDS}, some_of=("min", "max")),
    "text_length": CheckArguments(
        {
            "object": _OBJECT,
            "column": Argument("text", required=True),
            "unit": Argument("text", required=True, choices=("words", "characters")),
            **_BOUNDS,
        },
        some_of=("min", "max"),
    ),
    "exact_duplicates": CheckArguments(
        {
            "object": _OBJECT,
            "columns": Argument("texts", required=True),
            "max_rows": _COUNT,
            "max_share": Argument("number", least=0, most=1),
        },
        at_most_one_of=("max_rows", "max_share"),
    ),
    "ngram_overlap": CheckArguments(
        {
            "object": _OBJECT,
            "column": Argument("text", required=True),
            "against": Argument("file", required=True),
            "against_column": Argument("text", required=True),
            "digest": Argument("digest", required=True),
            "n": Argument("whole", required=True, least=1, most=MOST_WORDS),
            "max_hits": _COUNT,
        }
    ),
}
"""Name of a check → what it takes. Left out, ``object`` is the only table that has the columns."""


def argument_problems(check: str, arguments: Mapping[str, Any]) -> list[str]:
    """What is wrong with a rule's arguments for the named check, one sentence each; empty where nothing is.

    Args:
        check: the ``check`` of the rule's ``implementation``.
        arguments: the rest of it.
    """
    if check not in CHECK_ARGUMENTS:
        return [f"unknown check {check}, expected one of {', '.join(CHECK_ARGUMENTS)}"]
    return list(_problems(CHECK_ARGUMENTS[check], arguments))


def _problems(known: CheckArguments, given: Mapping[str, Any]) -> Iterator[str]:
    for name in given:
        if name not in known.arguments:
            yield f"unknown argument {name}, expected some of {', '.join(known.arguments)}"
    for name, argument in known.arguments.items():
        if name in given and not argument.fits(given[name]):
            yield f"argument {name}: expected {argument.expected}"
        elif argument.required and name not in given:
            yield f"argument {name} is missing: expected {argument.expected}"
    if known.some_of and not set(known.some_of) & set(given):
        yield f"expected at least one of {', '.join(known.some_of)}"
    if len(set(known.at_most_one_of) & set(given)) > 1:
        yield f"expected one of {', '.join(known.at_most_one_of)}, not both"
    if all(_COUNT.fits(given.get(end)) for end in ("min", "max")) and given["min"] > given["max"]:
        yield "expected min up to max"


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())
