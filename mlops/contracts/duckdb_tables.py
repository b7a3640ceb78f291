"""DuckDB over the tables of a check: no other file, no network, no setting that a query could change."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import pyarrow as pa

from mlops.contracts.quality import quote
from mlops.contracts.sources import ParquetTable, Source, plain_type

MEMORY = "1GiB"


@contextmanager
def tables_in_duckdb(tables: Mapping[str, Source]) -> Iterator[Any]:
    """A connection that sees these tables by name, within ``MEMORY``; what does not fit goes to a private folder.

    The folder lives as long as the connection. A table that DuckDB cannot show, because it lacks a type, is left out,
    so that only the queries on it fail.
    """
    import duckdb

    with tempfile.TemporaryDirectory(prefix="mlops-contract-") as spill:
        settings = {
            "python_enable_replacements": "false",
            "autoload_known_extensions": "false",
            "memory_limit": MEMORY,
            "temp_directory": spill,
            "preserve_insertion_order": "false",
        }
        with duckdb.connect(":memory:", config=settings) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            files = [str(path) for table in tables.values() if isinstance(table, ParquetTable) for path in table.paths]
            connection.execute(f"SET allowed_paths = {_list(files)}")
            for name, table in tables.items():
                with suppress(duckdb.Error):
                    _show(connection, name, table)
            connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
            yield connection


def _show(connection: Any, name: str, table: Source) -> None:
    if isinstance(table, pa.Table):
        connection.register(name, _readable(table))
        return
    # Left to itself DuckDB reads columns out of the names of folders, and takes the least and the largest value in a
    # footer for those of all rows. The format leaves NaN out of them, so that rows with NaN would not be looked at.
    options = "hive_partitioning = false, can_have_nan = true"
    files = f"read_parquet({_list([str(path) for path in table.paths])}, {options})"
    connection.execute(f"CREATE VIEW {quote(name)} AS SELECT * FROM {files}")


def _readable(table: pa.Table) -> pa.Table:
    """The table with half floats as floats, which is how DuckDB reads them out of Parquet; of Arrow it refuses them."""
    for position, column in enumerate(table.schema):
        if pa.types.is_float16(plain_type(column.type)):
            table = table.set_column(position, column.name, table.column(position).cast(pa.float32()))
    return table


def _list(texts: list[str]) -> str:
    return "[" + ", ".join("'" + text.replace("'", "''") + "'" for text in texts) + "]"
