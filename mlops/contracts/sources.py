"""Where the rows of a contract's object lie: a table in memory, or Parquet files that are read piece by piece."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from mlops.contracts.errors import ContractError

BATCH_ROWS = 200_000
_BATCH_BYTES = 256 * 2**20
MOST_COLUMNS = 10_000
_LARGEST_FOOTER = 64 * 2**20
_READ_AHEAD = 2**20
_TAIL = 8  # the footer's length in 4 bytes, then PAR1
_GLOB = frozenset("*?[")


@dataclass(frozen=True)
class ParquetTable:
    """The rows of Parquet files of one schema, one file after the other; made by ``parquet_table``.

    Attributes:
        paths: the files, in the order of the rows.
        schema: Arrow schema, without metadata.
        num_rows: rows in all files, from their footers.
        nbytes: bytes of all columns without compression, from the footers; encodings may make it less than in memory.
    """

    paths: tuple[Path, ...]
    schema: pa.Schema
    num_rows: int
    nbytes: int


Source: TypeAlias = pa.Table | ParquetTable


def parquet_table(paths: Sequence[Path]) -> ParquetTable:
    """Read the footers of Parquet files that form one table.

    Raises:
        ContractError: CONTRACT-040 no file; 041 a file is not whole or not Parquet; 042 the files differ in schema;
            044 more than 10 000 columns, or a footer of more than 64 MiB.
    """
    if not paths:
        raise ContractError("CONTRACT-040", "expected at least one Parquet file, found none", todo="name a file")
    schema: pa.Schema | None = None
    rows = size = 0
    for path in paths:
        footer, found = _footer(path)
        if schema is not None and not found.equals(schema):
            raise ContractError(
                "CONTRACT-042",
                f"expected the same columns and types in every file, found others than in {paths[0].name}",
                where=str(path),
                todo="check these files one by one, or write them again with one schema",
            )
        schema = found
        rows += footer.num_rows
        size += sum(footer.row_group(number).total_byte_size for number in range(footer.num_row_groups))
    return ParquetTable(tuple(path.resolve() for path in paths), schema, rows, size)


def _footer(path: Path) -> tuple[pq.FileMetaData, pa.Schema]:
    if _GLOB & set(str(path.resolve())):
        todo = "rename it or its folder"
        raise ContractError("CONTRACT-040", "a file's name must not hold *, ? or [", where=str(path), todo=todo)
    try:
        with path.open("rb") as stream:
            length = stream.seek(0, 2)
            stream.seek(max(length - _TAIL, 0))
            tail = stream.read()
        if int.from_bytes(tail[:4], "little") > _LARGEST_FOOTER and tail[4:] == b"PAR1":
            raise too_wide(path, "a footer of more than 64 MiB")
        with pq.ParquetFile(path) as file:
            if len(file.metadata.schema) > MOST_COLUMNS:
                raise too_wide(path, f"{len(file.metadata.schema)} columns")
            return file.metadata, file.schema_arrow.remove_metadata()
    except (OSError, pa.ArrowException) as problem:
        raise unreadable_parquet(path) from problem


def unreadable_parquet(path: Path) -> ContractError:
    """What to say of a Parquet file that cannot be read to its end."""
    return ContractError(
        "CONTRACT-041",
        "expected a complete Parquet file, found one that cannot be read",
        where=str(path),
        todo="write or fetch the file again",
    )


def too_wide(path: Path, found: str) -> ContractError:
    """What to say of a table with more columns than any contract declares; they are not named."""
    expected = f"expected at most {MOST_COLUMNS} columns, found {found}"
    return ContractError("CONTRACT-044", expected, where=str(path), todo="give the file that the contract is about")


def select(source: Source, columns: Sequence[str]) -> pa.Table:
    """Some columns of all rows, in memory, without dictionary encoding.

    Raises:
        ContractError: CONTRACT-041, a file ends too early or is damaged.
    """
    if isinstance(source, pa.Table):
        return decode_dictionaries(source.select(columns))
    return pa.concat_tables(
        [decode_dictionaries(source.schema.empty_table().select(columns)), *batches(source, columns)]
    )


def batches(source: Source, columns: Sequence[str], most_rows: int = BATCH_ROWS) -> Iterator[pa.Table]:
    """Some columns in pieces of at most ``most_rows`` rows, in order, none empty, without dictionary encoding.

    A piece is shorter where rows are long, so that it stays below about 256 MiB.

    Raises:
        ContractError: CONTRACT-041, a file ends too early or is damaged.
    """
    if isinstance(source, pa.Table):
        chosen = source.select(columns)
        length = _length(chosen.nbytes, chosen.num_rows, most_rows)
        for start in range(0, chosen.num_rows, length):
            yield decode_dictionaries(chosen.slice(start, length))
        return
    length = _length(source.nbytes, source.num_rows, most_rows)
    for path in source.paths:
        yield from _pieces(path, columns, length)


def _length(size: int, rows: int, most_rows: int) -> int:
    """Rows of a batch, where ``rows`` rows have ``size`` bytes."""
    return max(1, min(most_rows, _BATCH_BYTES * rows // size if size else most_rows))


def _pieces(path: Path, columns: Sequence[str], length: int) -> Iterator[pa.Table]:
    try:
        # Without these two the reader keeps the bytes of whole row groups, or of the whole file, in memory.
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=_READ_AHEAD) as file:
            for batch in file.iter_batches(length, columns=list(columns)):
                if batch.num_rows:
                    piece = pa.Table.from_batches([batch]).select(columns).replace_schema_metadata()
                    yield decode_dictionaries(piece)
    except (OSError, pa.ArrowException) as problem:
        raise unreadable_parquet(path) from problem


def decode_dictionaries(table: pa.Table) -> pa.Table:
    """The table with dictionary-encoded columns as plain ones: an encoding is not a type."""
    for position, column in enumerate(table.schema):
        if pa.types.is_dictionary(column.type):
            plain = table.column(position).cast(column.type.value_type)
            table = table.set_column(position, column.name, plain)
    return table


def plain_type(kind: pa.DataType) -> pa.DataType:
    """A column's type without its encoding."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind
