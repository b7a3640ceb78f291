"""Shards: same rows, same bytes; nothing half-written is read."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops.datasets.chat import CHAT_SCHEMA
from mlops.datasets.errors import DatasetError
from mlops.datasets.shards import read_shards, write_shards


def table_of(rows: int) -> pa.Table:
    return pa.Table.from_pylist(
        [{"record_id": f"{i:016x}", "messages": [{"role": "user", "content": f"é {i}"}]} for i in range(rows)],
        schema=CHAT_SCHEMA,
    )


@pytest.mark.parametrize(("rows", "shards"), [(0, 1), (1, 1), (4, 2), (5, 3)])
def test_what_is_written_is_read_back_in_order(tmp_path: Path, rows: int, shards: int) -> None:
    paths = write_shards(table_of(rows), tmp_path / "data", rows_per_shard=2)
    assert [path.name for path in paths] == [f"part-{i:05d}.parquet" for i in range(shards)]
    found = read_shards(tmp_path / "data")
    assert found.schema.equals(CHAT_SCHEMA, check_metadata=True)
    assert found.equals(table_of(rows))


def test_bytes_do_not_depend_on_chunks_or_metadata(tmp_path: Path) -> None:
    table = table_of(7)
    pieces = pa.concat_tables([table.slice(0, 3), table.slice(3, 1), table.slice(4)])
    first = write_shards(table, tmp_path / "a", rows_per_shard=4)
    second = write_shards(pieces.replace_schema_metadata({"x": "y"}), tmp_path / "b", rows_per_shard=4)
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_a_truncated_shard_is_refused_by_name(tmp_path: Path) -> None:
    (path,) = write_shards(table_of(3), tmp_path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DatasetError) as caught:
        read_shards(tmp_path)
    assert caught.value.code == "DATASET-002"
    assert path.name in str(caught.value)


def test_a_missing_shard_in_the_middle_is_noticed(tmp_path: Path) -> None:
    write_shards(table_of(5), tmp_path, rows_per_shard=2)
    (tmp_path / "part-00001.parquet").unlink()
    with pytest.raises(DatasetError, match="without a gap"):
        read_shards(tmp_path)


@pytest.mark.parametrize("exists", [True, False], ids=["empty directory", "no directory"])
def test_no_shard_is_an_error_and_not_an_empty_table(tmp_path: Path, exists: bool) -> None:
    with pytest.raises(DatasetError, match="DATASET-002"):
        read_shards(tmp_path if exists else tmp_path / "none")


def test_a_shard_of_another_schema_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "part-00000.parquet")
    with pytest.raises(DatasetError, match="DATASET-001"):
        read_shards(tmp_path)


def test_writing_over_shards_or_without_rows_per_shard_is_refused(tmp_path: Path) -> None:
    write_shards(table_of(1), tmp_path)
    with pytest.raises(DatasetError, match="DATASET-002"):
        write_shards(table_of(1), tmp_path)
    with pytest.raises(DatasetError, match="DATASET-008"):
        write_shards(table_of(1), tmp_path / "other", rows_per_shard=0)
