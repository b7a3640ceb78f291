"""Chat rows out of a table and back into one, so that one unreadable row costs no other."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mlops.privacy.errors import PrivacyError

MAX_ROW_CHARACTERS = 100_000
MESSAGES = pa.list_(pa.struct([pa.field("role", pa.string()), pa.field("content", pa.string())]))
COLUMNS = {"record_id": pa.string(), "conversation_id": pa.string(), "messages": MESSAGES}


@dataclass(slots=True)
class Row:
    """One readable row; `texts` are replaced in place while it is masked. Its repr shows no text.

    Attributes:
        index: place in the table.
        changed: whether a text was replaced by another one.
    """

    index: int
    record_id: str
    roles: list[str]
    texts: list[str] = field(repr=False)
    changed: bool = False

    def order(self) -> tuple[str, list[str], list[str]]:
        return self.record_id, self.roles, self.texts


def require_columns(table: pa.Table) -> None:
    """Raise PRIVACY-001 unless the table has the columns that masking reads."""
    for name, kind in COLUMNS.items():
        found = table.schema.field(name).type if name in table.column_names else "no such column"
        if found != kind:
            raise PrivacyError(
                "PRIVACY-001",
                f"expected a column {name} of type {kind}, found {found}",
                where=f"column {name}",
                todo="read the rows with the datasets room, which gives the chat schema",
            )


def text_columns(table: pa.Table) -> list[str]:
    """Identifiers and labels: every text column outside the messages."""
    return [column.name for column in table.schema if pa.types.is_string(column.type)]


def values(column: pa.ChunkedArray) -> list[Any]:
    """Python values; a cell whose bytes are no UTF-8 becomes the error that says so."""
    try:
        return list(column.to_pylist())
    except UnicodeDecodeError:
        return [_value(cell) for cell in column]


def _value(cell: pa.Scalar) -> Any:
    try:
        return cell.as_py()
    except UnicodeDecodeError as problem:
        return problem


def messages_of(column: pa.ChunkedArray) -> Iterator[tuple[list[Any], list[Any]] | None]:
    """Roles and contents of each row's messages, in order; None for a row that has no list of messages.

    Read as two columns of text rather than as one object per message. A role or content that is missing is None; one
    whose bytes are no UTF-8 is the error that says so.
    """
    for chunk in column.chunks:
        flat = chunk.flatten()
        roles, contents = (values(pa.chunked_array([pc.struct_field(flat, name)])) for name in ("role", "content"))
        cursor = 0
        for length in pc.list_value_length(chunk).to_pylist():
            if length is None:
                yield None
                continue
            yield roles[cursor : cursor + length], contents[cursor : cursor + length]
            cursor += length


def unreadable(
    record_id: object, labels: Collection[object], messages: tuple[list[Any], list[Any]] | None
) -> str | None:
    """Why a row cannot be read, or None."""
    cells = [*messages[0], *messages[1]] if messages else []
    if any(isinstance(value, UnicodeDecodeError) for value in chain(labels, cells)):
        return "undecodable"
    if record_id is None:
        return "no-record-id"
    if messages is None or None in cells:
        return "missing-content"
    return "too-long" if sum(map(len, messages[1])) > MAX_ROW_CHARACTERS else None


def with_texts(table: pa.Table, rows: Sequence[Row]) -> pa.Table:
    """The rows of the table that are given, in its order, with their own texts; all other columns as they are."""
    position = table.column_names.index("messages")
    field_of = table.schema.field("messages")
    offsets = pa.array([0, *accumulate(len(row.texts) for row in rows)], pa.int32())
    parts = [list(chain.from_iterable(row.roles for row in rows)), list(chain.from_iterable(row.texts for row in rows))]
    flat = pa.StructArray.from_arrays([pa.array(part, pa.string()) for part in parts], names=["role", "content"])
    messages = pa.ListArray.from_arrays(offsets, flat).cast(field_of.type)
    taken = table.take(pa.array([row.index for row in rows], pa.int64()))
    return taken.set_column(position, field_of, pa.chunked_array([messages]))
