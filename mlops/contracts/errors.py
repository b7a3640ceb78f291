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
013       two files of one folder with the same name or id
014       a query whose result is no count and no share: it could be a cell of the data
020       two files that are not versions of one contract
021       git does not know the revision, or cannot be asked
022       contract diff: neither two files nor --git REVISION
030       a file of approvals cannot be read or has another shape
031       the approved text beside an approval is missing or was changed
032       an approval without a statement
033       the version step is too small, or the version was approved with another text
034       a person or a role approves a version for the second time
035       the author of a version is not known, or would be its only approver
036       a role that the contract does not ask for, or that the account does not hold
037       a contract to approve that does not lie in data_contracts/ itself
040       data that cannot be matched to the contract's objects, or no file
041       a Parquet file that is damaged or ends too early
042       Parquet files of one table that differ in columns or types
043       a JSONL or CSV file without a declared column, or with an undeclared one
044       more columns than a table may have
045       a line that is not UTF-8, JSON or CSV, or is too long
046       a cell that is not of its column's logical type
047       an empty file
048       a logical type that a text file cannot hold
050-059   what the project's profile asks of classification, masking, retention, roles, deletion, custom properties
060       a key of v3.2.0 of the standard in a file of v3.1.0
061       a service level that nobody knows
062       a named check that nobody has, or arguments that it does not take
063       a waiver is not whole: rule, owner, reason, expires
064       a waiver of a rule that is not run
065       a waiver of a critical rule
066       a rule is waived twice
067       a waiver has expired
068       a query that asks for the time or for chance
069       a role that names nobody who grants it
070       a purpose that is both permitted and prohibited
080       the folder for the catalog holds something that is no catalog
========  ==========================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mlops.errors import MlopsError


class ContractError(MlopsError):
    """A contract file, or the way it is used, is wrong."""


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that is wrong in a contract file.

    Attributes:
        line: line in the file, from 1; 0 where the file as a whole is meant.
        code: ``CONTRACT-0NN``, or that of a rule pack, for example ``GDPR-01``.
        message: what was expected and what was found; quotes the contract, never data.
        todo: what to do about it.
        severity: an ``error`` keeps the contract from being used, a ``warning`` is for the reviewer.
    """

    line: int
    code: str
    message: str
    todo: str
    severity: Literal["error", "warning"] = "error"

    @property
    def blocks(self) -> bool:
        """Whether the contract cannot be used like this."""
        return self.severity == "error"

    def at(self, path: Path) -> str:
        """The finding as one line of text, ``file:line: CODE message — what to do``; a warning says so."""
        return " ".join(str(self.error(path)).split())  # names in a contract may hold line breaks

    def error(self, path: Path) -> ContractError:
        """The finding as an exception."""
        where = f"{path}:{self.line}" if self.line else str(path)
        message = self.message if self.blocks else f"warning: {self.message}"
        return ContractError(self.code, message, where=where, todo=self.todo)


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
