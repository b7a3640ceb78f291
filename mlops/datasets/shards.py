"""Parquet shards of the canonical chat schema: same rows in, same bytes out."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mlops.datasets.chat import CHAT_SCHEMA, conform
from mlops.datasets.errors import DatasetError

ROWS_PER_SHARD = 50_000
ROWS_PER_GROUP = 10_000
_SHARD_NAME = re.compile(r"part-(\d{5})\.parquet")


def write_parquet(table: pa.Table, path: Path) -> None:
    """Write any table as one Parquet file whose bytes depend on its rows and schema only, not on its chunks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(
        table.combine_chunks(),
        path,
        row_group_size=ROWS_PER_GROUP,
        compression="zstd",
        version="2.6",
        data_page_version="1.0",
        write_page_index=False,
    )


def write_shards(table: pa.Table, directory: Path, rows_per_shard: int = ROWS_PER_SHARD) -> tuple[Path, ...]:
    """Write `table` (CHAT_SCHEMA) as `part-00000.parquet` … in row order; an empty table gives one empty shard.

    The directory is created; it must not hold shards already. Returns the paths in order.

    Raises:
        DatasetError: DATASET-001 for another schema, DATASET-002 when shards are already there,
            DATASET-008 for fewer than one row per shard.
    """
    if rows_per_shard < 1:
        raise DatasetError(
            "DATASET-008",
            f"expected at least 1 row per shard, found {rows_per_shard}",
            todo="pass a positive rows_per_shard",
        )
    chat = conform(table)
    if directory.is_dir() and any(_SHARD_NAME.fullmatch(entry.name) for entry in directory.iterdir()):
        raise DatasetError(
            "DATASET-002",
            "expected a directory without shards, found some",
            where=str(directory),
            todo="write to a fresh directory",
        )
    paths = []
    for number, start in enumerate(range(0, max(chat.num_rows, 1), rows_per_shard)):
        path = directory / f"part-{number:05d}.parquet"
        write_parquet(chat.slice(start, rows_per_shard), path)
        paths.append(path)
    return tuple(paths)


def read_shards(directory: Path) -> pa.Table:
    """Read every shard of `directory` in order into one table with exactly `CHAT_SCHEMA`.

    Raises:
        DatasetError: DATASET-002 when there is no shard, a number is missing or a shard is unreadable;
            DATASET-001 when a shard has another schema.
    """
    names = sorted(entry.name for entry in directory.iterdir()) if directory.is_dir() else []
    shards = [name for name in names if _SHARD_NAME.fullmatch(name)]
    expected = [f"part-{number:05d}.parquet" for number in range(len(shards))]
    if not shards or shards != expected:
        raise DatasetError(
            "DATASET-002",
            f"expected shards numbered from part-00000.parquet without a gap, found {len(shards)} shard(s)",
            where=str(directory),
            todo="run the stage that writes this directory again",
        )
    return pa.concat_tables([_read_shard(directory / name) for name in shards])


def _read_shard(path: Path) -> pa.Table:
    try:
        with pq.ParquetFile(path) as file:
            table = file.read()
    except (pa.ArrowInvalid, OSError) as problem:
        raise DatasetError(
            "DATASET-002",
            "expected a complete Parquet file, found one that cannot be read",
            where=str(path),
            todo="run the stage that writes this shard again",
        ) from problem
    if not table.schema.equals(CHAT_SCHEMA):
        raise DatasetError(
            "DATASET-001",
            "expected a shard with the chat schema, found another schema",
            where=str(path),
            todo="run the stage that writes this shard again",
        )
    return conform(table)
