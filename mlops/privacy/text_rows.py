"""Rows of a JSONL, CSV, Parquet or plain text file, read and written one after the other in bounded memory."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mlops.privacy.errors import PrivacyError
from mlops.privacy.text_parts import text_parts

CONVERSATION = "conversation_id"
KINDS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet", ".txt": "text"}
_LONGEST_LINE = 16 << 20
_PARQUET_ROWS = 4_096


@dataclass(frozen=True)
class TextRow:
    """One row of a file.

    Attributes:
        number: place in the file, from 0, empty lines not counted.
        conversation: rows of one conversation are masked together; None is one of its own.
        parts: (role, text) of each text of the field.
        content: the row as it was read. Never shown in a repr.
        reason: why it cannot be looked at; None where it can.
    """

    number: int
    conversation: str | None
    parts: list[tuple[str, str]] = field(repr=False)
    content: Any = field(repr=False)
    reason: str | None = None


def kind_of(path: Path) -> str:
    """``jsonl``, ``csv``, ``parquet`` or ``text``, by the file's ending.

    Raises:
        PrivacyError: PRIVACY-004, another ending.
    """
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        message = f"expected a file that ends with {', '.join(KINDS)}, found {path.suffix or 'no ending'}"
        raise PrivacyError("PRIVACY-004", message, where=path.name, todo="name the file after what it holds")
    return kind


def read_text_rows(path: Path, name: str) -> Iterator[TextRow]:
    """Rows in order. A line whose bytes are no UTF-8 is a row with a reason.

    Args:
        name: of the field or column that holds a text or a list of chat messages; plain text has none.

    Raises:
        PrivacyError: PRIVACY-002, a line is no JSON object or has more cells than the header; PRIVACY-003, a row has
            no text there; PRIVACY-004, the file cannot be read.
    """
    kind = kind_of(path)
    try:
        yield from {"jsonl": _json_rows, "csv": _csv_rows, "parquet": _parquet_rows, "text": _lines}[kind](path, name)
    except (OSError, pa.ArrowException, csv.Error) as problem:
        raise _unreadable(path, problem) from None


def _unreadable(path: Path, problem: Exception) -> PrivacyError:
    return PrivacyError(
        "PRIVACY-004",
        f"expected a readable {kind_of(path)} file, found {type(problem).__name__}",
        where=path.name,
        todo="check the path, the permissions and the file",
    )


def _raw_lines(path: Path) -> Iterator[tuple[int, int, str | None]]:
    """(row, line from 1, text or None where its bytes are no UTF-8) of each line that is not blank."""
    row = 0
    with path.open("rb") as stream:
        for line, raw in enumerate(stream, start=1):
            content = raw.removeprefix(b"\xef\xbb\xbf") if line == 1 else raw
            if not content.strip():
                continue
            if len(content) > _LONGEST_LINE:
                yield row, line, None
            else:
                try:
                    yield row, line, content.decode().rstrip("\r\n")
                except UnicodeDecodeError:
                    yield row, line, None
            row += 1


def _json_rows(path: Path, name: str) -> Iterator[TextRow]:
    for row, line, text in _raw_lines(path):
        if text is None:
            yield TextRow(row, None, [], None, "undecodable")
            continue
        where = f"{path.name} line {line}"
        try:
            content = json.loads(text)
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            # The problem that json raised is left out on purpose: it holds the line.
            raise PrivacyError(
                "PRIVACY-002",
                "expected a JSON object, found something else",
                where=where,
                todo="give one JSON object per line",
            )
        yield _row(row, content, name, where)


def _row(number: int, content: dict[str, Any], name: str, where: str) -> TextRow:
    parts = text_parts(content.get(name))
    if parts is None:
        message = f"expected text or chat messages under the field named, found {type(content.get(name)).__name__}"
        raise PrivacyError("PRIVACY-003", message, where=where, todo="name a field that holds text in every row")
    conversation = content.get(CONVERSATION)
    return TextRow(number, conversation if isinstance(conversation, str) else None, parts, content)


def _csv_rows(path: Path, name: str) -> Iterator[TextRow]:
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        reader = csv.DictReader(stream, strict=True)
        for number, content in enumerate(reader):
            where = f"{path.name} line {reader.line_num}"
            if None in content or None in content.values():
                message = "expected as many cells as the header has, found another number"
                raise PrivacyError("PRIVACY-002", message, where=where, todo="correct the line")
            if any(not _is_encodable(cell) for cell in content.values()):
                yield TextRow(number, None, [], None, "undecodable")
                continue
            yield _row(number, content, name, where)


def _is_encodable(cell: str) -> bool:
    try:
        cell.encode()
    except UnicodeEncodeError:
        return False
    return True


def _parquet_rows(path: Path, name: str) -> Iterator[TextRow]:
    number = 0
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(_PARQUET_ROWS):
            for content in _cells(batch):
                if content is None:
                    yield TextRow(number, None, [], None, "undecodable")
                else:
                    yield _row(number, content, name, f"{path.name} row {number}")
                number += 1


def _cells(batch: pa.RecordBatch) -> Iterator[dict[str, Any] | None]:
    """Rows of a batch as objects; None for one of which some bytes are no UTF-8."""
    try:
        yield from batch.to_pylist()
    except UnicodeDecodeError:
        for place in range(batch.num_rows):
            try:
                yield batch.slice(place, 1).to_pylist()[0]
            except UnicodeDecodeError:
                yield None


def _lines(path: Path, name: str) -> Iterator[TextRow]:
    for row, _, text in _raw_lines(path):
        if text is None:
            yield TextRow(row, None, [], None, "undecodable")
        else:
            yield TextRow(row, None, [("user", text)], text)


def last_rows(path: Path, name: str) -> dict[str, int]:
    """Conversation → number of its last row; empty where the file names no conversation.

    Raises:
        PrivacyError: as `read_text_rows`.
    """
    kind = kind_of(path)
    if kind == "text" or (kind == "parquet" and CONVERSATION not in _columns(path)):
        return {}
    if kind == "jsonl" and not _mentions(path, CONVERSATION.encode()):
        return {}
    return {row.conversation: row.number for row in read_text_rows(path, name) if row.conversation is not None}


def _columns(path: Path) -> list[str]:
    try:
        return list(pq.read_schema(path).names)
    except (OSError, pa.ArrowException) as problem:
        raise _unreadable(path, problem) from None


def _mentions(path: Path, word: bytes) -> bool:
    try:
        with path.open("rb") as stream:
            return any(word in line for line in stream)
    except OSError as problem:
        raise _unreadable(path, problem) from None


@contextmanager
def text_row_writer(source: Path, target: Path) -> Iterator[Callable[[list[Any]], None]]:
    """A function that appends rows, as they were read, to a file of the kind of ``source``.

    The file is there as a whole when the block ends, and not at all where it does not come to its end.

    Raises:
        PrivacyError: PRIVACY-007, there is no room, or the place may not be written to.
    """
    part = target.with_name(f".{target.name}.part")
    try:
        with _writer(source, part) as write:
            yield write
        os.replace(part, target)
    except OSError as problem:
        message = f"the output cannot be written ({type(problem).__name__})"
        raise PrivacyError("PRIVACY-007", message, where=target.name, todo="check the folder and the disk") from None
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _writer(source: Path, part: Path) -> Iterator[Callable[[list[Any]], None]]:
    kind = kind_of(source)
    if kind == "parquet":
        schema = pq.read_schema(source)
        with pq.ParquetWriter(part, schema, compression="zstd") as file:
            yield lambda rows: file.write_table(pa.Table.from_pylist(rows, schema=schema)) if rows else None
        return
    with part.open("w", encoding="utf-8", newline="") as stream:
        if kind == "csv":
            with source.open(encoding="utf-8-sig", newline="", errors="surrogateescape") as head:
                names = next(csv.reader(head), [])
            table = csv.DictWriter(stream, names, lineterminator="\n")
            table.writeheader()
            yield table.writerows
        elif kind == "jsonl":
            yield lambda rows: stream.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        else:
            yield lambda rows: stream.writelines(f"{row}\n" for row in rows)
