"""Which files hold which object of a contract: Parquet as it is, JSONL, CSV and chat shards as a private copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mlops.contracts.contract import Contract, SchemaObject
from mlops.contracts.errors import ContractError
from mlops.contracts.sources import ParquetTable, batches, parquet_table
from mlops.contracts.text_files import write_as_parquet
from mlops.datasets.chat import CHAT_SCHEMA, MESSAGES_SCHEMA, RECORDS_SCHEMA, messages_view, records_view

_KINDS = (".parquet", ".jsonl", ".csv")
_CHAT_OBJECTS = {"records", "messages"}
_CHAT_ROWS = 50_000
_TODO = "give OBJECT=PATH for each object, or one folder that holds OBJECT.parquet, .jsonl or .csv"


def tables_of(contract: Contract, data: Sequence[str], scratch: Path) -> dict[str, ParquetTable]:
    """The table of each object of ``contract``.

    Args:
        data: what the user wrote: one file, one folder of files of one kind, or ``OBJECT=PATH`` for each object.
        scratch: a private folder for copies, which must outlive the tables.

    Raises:
        ContractError: CONTRACT-040 where an object has no file or a file no object; 041 to 048 where a file cannot be
            read.
        DatasetError: DATASET-001, chat shards of another schema.
    """
    objects = {table.name: table for table in contract.objects}
    named = _named(objects, data)
    if named is None:
        if len(data) != 1:
            raise _unmatched(contract, "expected one file or folder, or OBJECT=PATH for each object")
        only = Path(data[0])
        if set(objects) == _CHAT_OBJECTS and (shards := _chat_shards(only)):
            return _chat_tables(shards, scratch)
        named = {next(iter(objects)): only} if len(objects) == 1 else _in_folder(contract, only)
    if missing := [name for name in objects if name not in named]:
        raise _unmatched(contract, f"no data for object {', '.join(missing)}")
    return {name: _table(objects[name], path, scratch) for name, path in named.items()}


def _unmatched(contract: Contract, message: str, where: Path | None = None) -> ContractError:
    names = ", ".join(table.name for table in contract.objects)
    place = None if where is None else str(where)
    return ContractError("CONTRACT-040", f"{message}; the contract's objects: {names}", where=place, todo=_TODO)


def _named(objects: Mapping[str, SchemaObject], data: Sequence[str]) -> dict[str, Path] | None:
    """``OBJECT=PATH`` arguments; None where they are not all of that form. A path may hold an equals sign."""
    found: dict[str, Path] = {}
    for text in data:
        name, sign, path = text.partition("=")
        if not sign or name not in objects:
            return None
        if name in found:
            raise ContractError("CONTRACT-040", f"object {name} is given twice", todo="name it once")
        found[name] = Path(path)
    return found or None


def _in_folder(contract: Contract, folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise _unmatched(contract, "expected a folder with a file for each object", folder)
    found: dict[str, Path] = {}
    for table in contract.objects:
        files = [folder / f"{table.name}{kind}" for kind in _KINDS]
        there = [path for path in files if path.is_file()]
        if len(there) != 1:
            raise _unmatched(contract, f"expected one file of object {table.name}, found {len(there)}", folder)
        found[table.name] = there[0]
    return found


def _files(path: Path) -> list[Path]:
    """A file, or the files of a folder that can hold data, in the order of their names."""
    return sorted(each for each in path.iterdir() if each.suffix.lower() in _KINDS) if path.is_dir() else [path]


def _table(table: SchemaObject, path: Path, scratch: Path) -> ParquetTable:
    files = _files(path)
    kinds = sorted({file.suffix.lower() for file in files})
    if not files or not all(file.is_file() for file in files):
        expected = f"files that end in {', '.join(_KINDS)}" if path.is_dir() else "a file"
        message = f"expected {expected}, found none"
        raise ContractError("CONTRACT-040", message, where=str(path), todo="name one that holds data")
    if len(kinds) > 1:
        message = f"expected files of one kind in the folder, found {' and '.join(kinds)}"
        raise ContractError("CONTRACT-040", message, where=str(path), todo="name a folder for each kind, or one file")
    if kinds[0] not in _KINDS:
        message = f"expected a file that ends in {', '.join(_KINDS)}"
        raise ContractError("CONTRACT-040", message, where=str(path), todo="convert or rename it")
    return parquet_table(files if kinds == [".parquet"] else [_copy(table, file, scratch) for file in files])


def _copy(table: SchemaObject, file: Path, scratch: Path) -> Path:
    """A JSONL or CSV file as a Parquet file of the private folder."""
    target = scratch / f"{len(list(scratch.iterdir())):05d}.parquet"
    write_as_parquet(file, table, target)
    return target


def _chat_shards(path: Path) -> list[Path]:
    """The files of chat conversations; none where the first is something else."""
    files = [file for file in _files(path) if file.is_file() and file.suffix.lower() == ".parquet"]
    if not files:
        return []
    return files if set(parquet_table(files[:1]).schema.names) == set(CHAT_SCHEMA.names) else []


def _chat_tables(shards: Sequence[Path], scratch: Path) -> dict[str, ParquetTable]:
    """The two views that contracts are written against, shard by shard."""
    chat = parquet_table(shards)
    records, messages = scratch / "records.parquet", scratch / "messages.parquet"
    with (
        pq.ParquetWriter(records, RECORDS_SCHEMA, compression="zstd") as to_records,
        pq.ParquetWriter(messages, MESSAGES_SCHEMA, compression="zstd") as to_messages,
    ):
        for piece in batches(chat, CHAT_SCHEMA.names, _CHAT_ROWS):
            plain = pa.Table.from_batches(piece.to_batches(), schema=piece.schema)
            to_records.write_table(records_view(plain))
            to_messages.write_table(messages_view(plain))
    return {"records": parquet_table([records]), "messages": parquet_table([messages])}
