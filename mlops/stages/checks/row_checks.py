"""Named checks on one table: how many rows, how long its texts, how many of them the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mlops.contracts.check import NamedOutcome
from mlops.stages.checks.errors import NamedCheckError
from mlops.stages.checks.tables import Mask, records_at, table_of, text_columns
from mlops.text.ngrams import word_counts
from mlops.text.normalise import large_text, normalise_column


def row_count(tables: Mapping[str, pa.Table], arguments: Mapping[str, Any]) -> NamedOutcome:
    """``object`` has from ``min`` to ``max`` rows, both included; either may be left out. Observed: the rows.

    Raises:
        NamedCheckError: CHECK-002, no such table.
    """
    rows = table_of(tables, arguments).num_rows
    return NamedOutcome(arguments.get("min", 0) <= rows <= arguments.get("max", rows), rows)


def text_length(tables: Mapping[str, pa.Table], arguments: Mapping[str, Any]) -> NamedOutcome:
    """Every text of ``column`` has from ``min`` to ``max`` words or characters (``unit``), both included.

    Characters are Unicode code points of the text as it stands; words are those of :mod:`mlops.text.ngrams`. Null is
    no text and not judged; a text without a word has length 0; an empty table passes. Observed: rows that are too
    short or too long; offending: their records.

    Raises:
        NamedCheckError: CHECK-002, no such table, or a column that holds no text.
    """
    table = table_of(tables, arguments, [arguments["column"]])
    (column,) = text_columns(table, [arguments["column"]])
    lengths = word_counts(column) if arguments["unit"] == "words" else _characters(column)
    bad = _present(column) & ((lengths < arguments.get("min", 0)) | (lengths > arguments.get("max", np.inf)))
    return NamedOutcome(not bad.any(), int(bad.sum()), records_at(table, bad))


def exact_duplicates(tables: Mapping[str, pa.Table], arguments: Mapping[str, Any]) -> NamedOutcome:
    """At most ``max_rows`` rows (0 where left out), or a share of ``max_share``, are the same in all ``columns``.

    Texts are compared as :func:`mlops.text.normalise.normalise` writes them. All members of a group count, the first
    one too. A row of nulls alone is no duplicate; beside a text, null equals null. Observed: the rows, or with
    ``max_share`` their share of all rows, 0 to 1. Offending: their records, where not one row is allowed; else it is
    the table that fails.

    Raises:
        NamedCheckError: CHECK-002, no such table, or a column that holds no text; CHECK-005, a share of no rows.
    """
    table = table_of(tables, arguments, arguments["columns"])
    bad = _same(text_columns(table, arguments["columns"]), table.num_rows)
    found: float = int(bad.sum())
    most = arguments.get("max_share", arguments.get("max_rows", 0))
    if "max_share" in arguments:
        if not table.num_rows:
            raise NamedCheckError("CHECK-005", "there is no share of no rows", todo="give max_rows instead")
        found /= table.num_rows
    return NamedOutcome(found <= most, found, () if most else records_at(table, bad))


def _characters(column: pa.ChunkedArray) -> Any:
    return pc.fill_null(pc.utf8_length(large_text(column)), 0).to_numpy()


def _present(column: pa.ChunkedArray) -> Mask:
    return np.asarray(column.is_valid().to_numpy(), dtype=np.bool_)


def _same(columns: list[pa.ChunkedArray], rows: int) -> Mask:
    """Rows that are equal to another row in all columns, null included, but not null in all."""
    groups, present = np.zeros(rows, np.int64), np.zeros(rows, np.bool_)
    for column in columns:
        coded = normalise_column(column).combine_chunks().dictionary_encode(null_encoding="encode")
        codes = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        # Numbered anew after each column, so that the product stays far below 2^63.
        _, groups = np.unique(groups * (len(coded.dictionary) + 1) + codes, return_inverse=True)
        present |= _present(column)
    sizes = np.bincount(groups, minlength=1)
    return present & (sizes[groups] > 1)
