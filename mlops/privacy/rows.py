"""Read the rows of a chat table one by one, so that one unreadable row costs no other."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from mlops.privacy.errors import PrivacyError

MAX_ROW_CHARACTERS = 100_000
MESSAGES = pa.list_(pa.struct([pa.field("role", pa.string()), pa.field("content", pa.string())]))
COLUMNS = {"record_id": pa.string(), "conversation_id": pa.string(), "messages": MESSAGES}


@dataclass(slots=True)
class Row:
    """One readable row; `texts` are replaced in place while it is masked. Its repr shows no text."""

    index: int
    record_id: str
    roles: list[str]
    texts: list[str] = field(repr=False)

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


def unreadable(record_id: object, labels: Collection[object], content: object) -> str | None:
    """Why a row cannot be read, or None."""
    if any(isinstance(value, UnicodeDecodeError) for value in (*labels, content)):
        return "undecodable"
    if record_id is None:
        return "no-record-id"
    if not isinstance(content, list) or any(one is None or None in one.values() for one in content):
        return "missing-content"
    return "too-long" if sum(len(one["content"]) for one in content) > MAX_ROW_CHARACTERS else None
