"""The table and the columns of text that a named check reads, and the records it finds at fault."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mlops.contracts.arrow_checks import is_text
from mlops.contracts.measurement import RECORD_ID
from mlops.contracts.row_rules import names_records
from mlops.contracts.sources import plain_type
from mlops.stages.checks.errors import NamedCheckError

Mask = npt.NDArray[np.bool_]


def table_of(tables: Mapping[str, pa.Table], arguments: Mapping[str, Any], columns: Sequence[str] = ()) -> pa.Table:
    """The table that the argument ``object`` names; without it the only one that has all ``columns``.

    Raises:
        NamedCheckError: CHECK-002, no such table, or several where none is named.
    """
    if "object" not in arguments:
        found = [table for table in map(tables.__getitem__, tables) if set(columns) <= set(table.column_names)]
        if len(found) == 1:
            return found[0]
        message = f"expected the argument object: {len(found) or 'no'} tables have the columns that the rule names"
        raise NamedCheckError("CHECK-002", message, todo="name an object that the contract declares")
    if (name := arguments["object"]) not in tables:
        raise NamedCheckError("CHECK-002", f"no table {name}", todo="name an object that the contract declares")
    return tables[name]


def text_columns(table: pa.Table, names: Sequence[str]) -> list[pa.ChunkedArray]:
    """Columns of text, in the order of ``names``.

    Raises:
        NamedCheckError: CHECK-002, a column is not there exactly once, or holds no text.
    """
    for name in names:
        places = table.schema.get_all_field_indices(name)
        if len(places) != 1 or not is_text(plain_type(table.schema.field(places[0]).type)):
            message = f"expected one column {name} of text"
            raise NamedCheckError("CHECK-002", message, todo="name a column of logicalType string")
    return [table[name] for name in names]


def records_at(table: pa.Table, bad: Mask) -> tuple[str, ...]:
    """Record ids of the rows where ``bad``, shape (rows,), is True; empty where rows have no record id."""
    if not names_records(table.schema) or not bad.any():
        return ()
    return tuple(table[RECORD_ID].filter(pa.array(bad)).to_pylist())
