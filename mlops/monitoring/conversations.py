"""What a monitor looks at: a few figures per conversation.

The conversation is the unit, because messages and records of one conversation are alike: counting each as an
independent observation would raise alarms where nothing has changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mlops.monitoring.config import MonitoringSection
from mlops.monitoring.errors import MonitoringError

COLUMNS: tuple[str, ...] = ("record_id", "conversation_id", "language", "created_at", "messages")
_MISSING = float("nan")


@dataclass(frozen=True)
class Conversations:
    """One entry per conversation in each list; NaN or None where there is no value.

    Attributes:
        words: mean number of words (separated by white space) per message; system messages do not count.
        messages: messages of the longest record, system messages excluded.
        placeholders: placeholders of masked values per message.
        languages: of the first record.
        outside_window: records that were older than the window.
    """

    words: list[float]
    messages: list[float]
    placeholders: list[float]
    languages: list[str | None]
    outside_window: int = 0

    @property
    def count(self) -> int:
        """Number of conversations."""
        return len(self.words)


def conversations(table: pa.Table, section: MonitoringSection, *, window: int | None = None) -> Conversations:
    """Summarise each conversation of a chat table.

    Args:
        table: the canonical chat schema, or at least the columns in `COLUMNS`.
        section: holds the placeholder pattern.
        window: keep this many newest records (by created_at, then record id; records without a time are oldest).

    Raises:
        MonitoringError: MONITORING-002 when a column is missing or of another type.
    """
    _check_columns(table)
    rows = table.select(list(COLUMNS))
    outside = 0
    if window is not None and rows.num_rows > window:
        outside = rows.num_rows - window
        rows = _newest(rows, window)
    pattern = re.compile(section.placeholder_pattern)
    grouped: dict[Any, list[Mapping[str, Any]]] = {}
    for row in rows.sort_by("record_id").to_pylist():
        key = row["conversation_id"] if row["conversation_id"] is not None else ("no conversation", row["record_id"])
        grouped.setdefault(key, []).append(row)
    figures = [_figures(records, pattern) for records in grouped.values()]
    return Conversations(
        words=[figure[0] for figure in figures],
        messages=[figure[1] for figure in figures],
        placeholders=[figure[2] for figure in figures],
        languages=[records[0]["language"] for records in grouped.values()],
        outside_window=outside,
    )


def _check_columns(table: pa.Table) -> None:
    for name in COLUMNS:
        expected = {"messages": pa.types.is_list, "created_at": pa.types.is_timestamp}.get(name, pa.types.is_string)
        found = table.schema.field(name).type if name in table.column_names else None
        if found is None or not (expected(found) or pa.types.is_null(found)):
            raise MonitoringError(
                "MONITORING-002",
                f"expected the chat schema, found {found or 'no column'}",
                where=f"column {name}",
                todo="pass a table in the canonical chat schema, as the curate stage writes it",
            )


def _newest(rows: pa.Table, window: int) -> pa.Table:
    order = [("created_at", "descending", "at_end"), ("record_id", "descending", "at_end")]
    return rows.take(pc.sort_indices(rows, sort_keys=order).slice(0, window))


def _figures(records: Iterable[Mapping[str, Any]], pattern: re.Pattern[str]) -> tuple[float, float, float]:
    """Words per message, messages and placeholders per message of one conversation; NaN where text is missing."""
    texts: list[str] = []
    longest = 0
    for record in records:
        spoken = [message for message in record["messages"] or () if message is None or message["role"] != "system"]
        if not spoken or any(message is None or message["content"] is None for message in spoken):
            return _MISSING, _MISSING, _MISSING
        texts += [message["content"] for message in spoken]
        longest = max(longest, len(spoken))
    words = sum(len(text.split()) for text in texts)
    marks = sum(len(pattern.findall(text)) for text in texts)
    return words / len(texts), float(longest), marks / len(texts)
