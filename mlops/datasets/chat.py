"""The canonical chat schema and the two flat views that contracts are written against."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mlops.datasets.errors import DatasetError

ROLES: tuple[str, ...] = ("system", "user", "assistant", "tool")

MESSAGE_TYPE = pa.struct([pa.field("role", pa.string()), pa.field("content", pa.string())])

CHAT_SCHEMA: pa.Schema = pa.schema(
    [
        pa.field("record_id", pa.string()),
        pa.field("conversation_id", pa.string()),
        pa.field("source", pa.string()),
        pa.field("language", pa.string()),
        pa.field("created_at", pa.timestamp("us", tz="UTC")),
        pa.field("messages", pa.list_(MESSAGE_TYPE)),
    ]
)

RECORDS_SCHEMA: pa.Schema = pa.schema(
    [*(CHAT_SCHEMA.field(name) for name in CHAT_SCHEMA.names[:-1]), pa.field("message_count", pa.int32())]
)

MESSAGES_SCHEMA: pa.Schema = pa.schema(
    [
        pa.field("record_id", pa.string()),
        pa.field("turn", pa.int32()),
        pa.field("role", pa.string()),
        pa.field("content", pa.string()),
    ]
)


def conform(table: pa.Table) -> pa.Table:
    """Return `table` with exactly `CHAT_SCHEMA`: column order, types, no metadata, contiguous chunks.

    Raises:
        DatasetError: DATASET-001 when a column is missing, extra, or of a type that does not cast without loss.
    """
    if sorted(table.column_names) != sorted(CHAT_SCHEMA.names):
        raise DatasetError(
            "DATASET-001",
            f"expected the columns {', '.join(CHAT_SCHEMA.names)}, found {', '.join(table.column_names) or 'none'}",
            todo="build the table with mlops.datasets.chat.CHAT_SCHEMA",
        )
    ordered = table.select(CHAT_SCHEMA.names)
    if not ordered.schema.equals(CHAT_SCHEMA, check_metadata=True):
        try:
            ordered = ordered.cast(CHAT_SCHEMA)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as problem:
            found = ", ".join(f"{field.name}: {field.type}" for field in ordered.schema)
            raise DatasetError(
                "DATASET-001",
                f"expected columns that cast to the chat schema, found {found}",
                todo="build the table with mlops.datasets.chat.CHAT_SCHEMA",
            ) from problem
    return ordered.combine_chunks()


def records_view(table: pa.Table) -> pa.Table:
    """One row per record: the contract object `records`.

    Shape: as many rows as `table`, in the same order; columns of `RECORDS_SCHEMA`. `message_count` counts
    messages, system messages included; it is null where `messages` is null.
    """
    chat = conform(table)
    counts = pc.list_value_length(chat["messages"]).cast(pa.int32())
    return chat.drop_columns(["messages"]).append_column(RECORDS_SCHEMA.field("message_count"), counts)


def messages_view(table: pa.Table) -> pa.Table:
    """One row per message: the contract object `messages`.

    Shape: as many rows as messages in all, in the order of `table`; columns of `MESSAGES_SCHEMA`. `turn` counts
    from 0 within a record. A record with an empty or null list has no row here.
    """
    chat = conform(table)
    messages = _single_array(chat["messages"])
    flat = messages.flatten()
    parents = pc.list_parent_indices(messages)
    positions = parents.to_numpy()
    # The first row of each record in the flat order: rows of one record are adjacent, so a search gives it.
    turns = np.arange(len(positions), dtype=np.int64) - np.searchsorted(positions, positions, side="left")
    columns = [
        _single_array(chat["record_id"]).take(parents),
        pa.array(turns.astype(np.int32)),
        pc.struct_field(flat, "role"),
        pc.struct_field(flat, "content"),
    ]
    return pa.Table.from_arrays(columns, schema=MESSAGES_SCHEMA)


def _single_array(column: pa.ChunkedArray) -> pa.Array:
    combined = column.combine_chunks()
    return pa.concat_arrays(combined.chunks) if isinstance(combined, pa.ChunkedArray) else combined
