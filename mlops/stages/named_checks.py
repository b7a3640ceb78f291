"""The checks that a contract may name: ``type: custom, engine: mlops, implementation: {check: NAME, …}``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from mlops.contracts.check import NamedCheck, NamedOutcome
from mlops.stages.checks.arguments import argument_problems
from mlops.stages.checks.errors import NamedCheckError
from mlops.stages.checks.held_out import ngram_overlap
from mlops.stages.checks.row_checks import exact_duplicates, row_count, text_length

_WITHOUT_FILES: Mapping[str, NamedCheck] = {
    "row_count": row_count,
    "text_length": text_length,
    "exact_duplicates": exact_duplicates,
}


def named_checks(root: Path) -> Mapping[str, NamedCheck]:
    """Every named check, ready for :func:`mlops.contracts.check.check`.

    Each one first looks at its arguments (``argument_problems`` of :mod:`mlops.stages.checks.arguments`) and raises
    NamedCheckError, CHECK-001, where the rule gives wrong ones. Errors are those of the rule alone.

    Args:
        root: the project, below which rules name files.
    """
    checks: dict[str, NamedCheck] = {**_WITHOUT_FILES, "ngram_overlap": partial(ngram_overlap, root)}
    return {name: partial(_run, name, check) for name, check in checks.items()}


def _run(name: str, check: NamedCheck, tables: Mapping[str, pa.Table], arguments: Mapping[str, Any]) -> NamedOutcome:
    if problems := argument_problems(name, arguments):
        raise NamedCheckError("CHECK-001", "; ".join(problems), todo="correct the rule's implementation")
    return check(tables, arguments)
