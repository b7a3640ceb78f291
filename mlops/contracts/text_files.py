"""JSONL and CSV files as Parquet, row by row in bounded memory, strictly in the types that the contract declares.

A CSV file is UTF-8, separated by commas, with one header line; an empty cell is null. A JSONL file has one object a
line; an absent key is null. Anything else is refused with the line and the column, and never with what stands there.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mlops.contracts.contract import SchemaObject
from mlops.contracts.errors import ContractError
from mlops.contracts.sources import MOST_COLUMNS, too_wide
from mlops.contracts.text_cells import ARROW_TYPES, WORDS, reader

_LONGEST_LINE = 16 * 2**20
_ROWS = 10_000
_MARK = b"\xef\xbb\xbf"

Row = tuple[int, Sequence[Any]]


def write_as_parquet(path: Path, table: SchemaObject, target: Path) -> None:
    """Write the rows of a ``.jsonl`` or ``.csv`` file as one Parquet file with the columns of ``table``.

    Raises:
        ContractError: CONTRACT-043 to 048, with the file's line and column.
    """
    kind = path.suffix.lower().removeprefix(".")
    columns = [(column.column, column.logical_type) for column in table.properties]
    readers = [_reader(path, kind, name, logical) for name, logical in columns]
    schema = pa.schema([(name, ARROW_TYPES[logical]) for name, logical in columns])
    rows = (_json_rows if kind == "jsonl" else _csv_rows)(path, schema.names)
    try:
        with pq.ParquetWriter(target, schema, compression="zstd") as writer:
            for cells in _typed(path, rows, columns, readers):
                arrays = [pa.array(column, field.type) for column, field in zip(cells, schema, strict=True)]
                writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
    except OSError as problem:
        text = f"the file cannot be read, or there is no room for a copy ({type(problem).__name__})"
        raise ContractError("CONTRACT-045", text, where=str(path), todo="check the file and the disk") from problem


def _reader(path: Path, kind: str, name: str, logical: str) -> Callable[[Any], Any]:
    found = reader(kind, logical)
    if found is None:
        message = f"column {name}: a {kind} file cannot hold logicalType {logical}"
        raise ContractError("CONTRACT-048", message, where=str(path), todo="give the data as Parquet")
    return found


def _typed(
    path: Path, rows: Iterable[Row], columns: Sequence[tuple[str, str]], readers: Sequence[Callable[[Any], Any]]
) -> Iterator[list[list[Any]]]:
    """Columns of read cells, some thousand rows at a time."""
    read: list[list[Any]] = [[] for _ in columns]
    for line, cells in rows:
        for position, cell in enumerate(cells):
            try:
                read[position].append(None if cell is None else readers[position](cell))
            except (ValueError, OverflowError):
                name, logical = columns[position]
                message = f"column {name}: expected {WORDS[logical]}, found something else"
                raise _at(path, line, "CONTRACT-046", message, "correct the cell, or write null") from None
        if len(read[0]) == _ROWS:
            yield read
            read = [[] for _ in columns]
    yield read


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    with path.open("rb") as stream:
        number = 0
        while raw := stream.readline(_LONGEST_LINE):
            number += 1
            if len(raw) == _LONGEST_LINE:
                raise _at(path, number, "CONTRACT-045", "expected lines below 16 MiB, found a longer one", "split it")
            try:
                text = raw.removeprefix(_MARK).decode() if number == 1 else raw.decode()
            except UnicodeDecodeError:
                message = "expected UTF-8, found other bytes"
                raise _at(path, number, "CONTRACT-045", message, "write the file again as UTF-8") from None
            yield number, text
    if number == 0:
        message = "expected rows, found an empty file"
        raise ContractError("CONTRACT-047", message, where=str(path), todo="give the file that holds the data")


def _json_rows(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    known = set(columns)
    for number, text in _lines(path):
        try:
            found = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            message = "expected one JSON object without repeated keys or NaN, found something else"
            raise _at(path, number, "CONTRACT-045", message, "correct or remove the line") from None
        if not isinstance(found, dict):
            message = "expected a JSON object, found another value"
            raise _at(path, number, "CONTRACT-045", message, "write one object a line")
        if undeclared := len(found.keys() - known):
            raise _at(path, number, "CONTRACT-043", f"{undeclared} key(s) that the contract does not declare", _DECLARE)
        yield number, [found.get(name) for name in columns]


_DECLARE = "declare the column in the contract, or leave it out of the data"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _no_constant(name: str) -> None:
    raise ValueError


def _csv_rows(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    before = csv.field_size_limit(_LONGEST_LINE)
    rows = csv.reader((text for _, text in _lines(path)), strict=True)
    try:
        places = _places(path, next(rows, []), columns)
        for cells in rows:
            if len(cells) != len(columns):
                message = f"expected {len(columns)} cells, found {len(cells)}"
                raise _at(path, rows.line_num, "CONTRACT-045", message, "correct the line; put quotes round commas")
            yield rows.line_num, [cells[place] or None for place in places]
    except csv.Error:
        message = "expected comma-separated values, found something else"
        raise _at(path, rows.line_num, "CONTRACT-045", message, "check quotes and separators") from None
    finally:
        csv.field_size_limit(before)


def _places(path: Path, header: Sequence[str], columns: Sequence[str]) -> list[int]:
    """Where each declared column stands; exactly these stand there, each once, in any order."""
    if len(header) > MOST_COLUMNS:
        raise too_wide(path, f"{len(header)} columns")
    missing = [name for name in columns if header.count(name) != 1]
    if missing or len(header) != len(columns):
        parts = [f"not once in the header: {', '.join(missing)}"] if missing else []
        parts += [f"{extra} undeclared"] if (extra := len(set(header) - set(columns))) else []
        raise _at(path, 1, "CONTRACT-043", f"expected the declared columns; {'; '.join(parts)}", _DECLARE)
    return [header.index(name) for name in columns]


def _at(path: Path, line: int, code: str, message: str, todo: str) -> ContractError:
    return ContractError(code, message, where=f"{path}:{line}", todo=todo)
