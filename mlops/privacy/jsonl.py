"""Rows of a JSONL file for the command line: one text field per row."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from mlops.privacy.errors import PrivacyError
from mlops.privacy.rows import MESSAGES


def read_rows(path: Path, field: str) -> Iterator[dict[str, Any]]:
    """JSON objects that hold text under `field`, in order.

    Raises:
        PrivacyError: PRIVACY-004 unreadable file, PRIVACY-002 no JSON object, PRIVACY-003 no text under `field`.
    """
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            # The problem that json raised is left out on purpose: it holds the line.
            raise PrivacyError(
                "PRIVACY-002",
                "expected a JSON object, found something else",
                where=f"{path.name} line {number}",
                todo="give one JSON object per line",
            ) from None
        if not isinstance(row.get(field), str):
            raise PrivacyError(
                "PRIVACY-003",
                f"expected text under the field named, found {type(row.get(field)).__name__}",
                where=f"{path.name} line {number}",
                todo="name a field that holds text in every row",
            )
        yield row


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        raise PrivacyError(
            "PRIVACY-004",
            f"expected a readable UTF-8 file, found {type(problem).__name__}",
            where=path.name,
            todo="check the path, the permissions and the encoding",
        ) from None
    # Not splitlines(): JSON strings may hold U+2028 and others that it would cut at.
    return text.split("\n")


def as_table(rows: list[dict[str, Any]], field: str) -> pa.Table:
    """One-message chat rows. A text `conversation_id` groups rows; without it each row is its own conversation."""
    conversations = [
        row["conversation_id"] if isinstance(row.get("conversation_id"), str) else f"row-{index:012d}"
        for index, row in enumerate(rows)
    ]
    return pa.table(
        {
            "record_id": pa.array([f"{index:016x}" for index in range(len(rows))], pa.string()),
            "conversation_id": pa.array(conversations, pa.string()),
            "messages": pa.array([[{"role": "user", "content": row[field]}] for row in rows], MESSAGES),
        }
    )
