"""The errors of this room, and the findings they are made of.

Codes, stable and unique:

========  ==========================================================================
001       the contract file is missing or cannot be read
002       not YAML, not UTF-8, too large, too deep, or of a type that JSON cannot hold
003       a key is written twice in one mapping
004       aliases beyond the limit, or an alias that contains itself
005       refused by the JSON Schema of the Open Data Contract Standard
006       refused by the project's profile (identity, ``mlops.*`` custom properties)
007       an id or a name is used twice in one list, or a rule has no id
008       a rule does not have exactly one operator with numbers
009       a pattern is not an RE2 pattern
010       a rule or an option cannot be compiled to a check
011       a query cannot be bound to the declared columns
012       nothing to check: no contract files, or no total number of records
========  ==========================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mlops.errors import MlopsError


class ContractError(MlopsError):
    """A contract file, or the way it is used, is wrong."""


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that is wrong in a contract file.

    Attributes:
        line: line in the file, from 1; 0 where the file as a whole is meant.
        code: ``CONTRACT-0NN``.
        message: what was expected and what was found; quotes the contract, never data.
        todo: what to do about it.
    """

    line: int
    code: str
    message: str
    todo: str

    def at(self, path: Path) -> str:
        """The finding as one line of text, ``file:line: CODE message — what to do``."""
        return str(self.error(path))

    def error(self, path: Path) -> ContractError:
        """The finding as an exception."""
        where = f"{path}:{self.line}" if self.line else str(path)
        return ContractError(self.code, self.message, where=where, todo=self.todo)


def first_error(path: Path, findings: Sequence[Finding]) -> ContractError:
    """One exception for all findings: the first by line, with the number of the others.

    Raises:
        ValueError: ``findings`` is empty.
    """
    first, *others = sorted(findings)
    if not others:
        return first.error(path)
    todo = f"{first.todo} ({len(others)} more: mlops contract lint {path})"
    return Finding(first.line, first.code, first.message, todo).error(path)
