"""Whole sources: every record ends in the table or among the rejected, and broken files are named."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlops.datasets import formats
from mlops.datasets.chat import CHAT_SCHEMA
from mlops.datasets.config import SampleSection, SourceSection, WindowSection
from mlops.datasets.errors import DatasetError
from mlops.datasets.reading import REJECTED_SCHEMA, read_source

SECRET = "tracer-4711"


def line(number: int = 1, **change: Any) -> bytes:
    messages = [{"role": "user", "content": f"{SECRET} {number}"}, {"role": "assistant", "content": "a"}]
    return json.dumps({"id": f"m{number}", "messages": messages, **change}).encode() + b"\n"


def jsonl(**change: Any) -> SourceSection:
    return SourceSection.model_validate(
        {"name": "desk", "kind": "jsonl", "path": "*.jsonl*", "id_field": "id", **change}
    )


def columns(kind: str, path: str, **change: Any) -> SourceSection:
    return SourceSection.model_validate({"name": "faq", "kind": kind, "path": path, "layout": "columns", **change})


def test_bad_lines_are_kept_with_line_and_reason_and_do_not_stop_the_rest(tmp_path: Path) -> None:
    broken = [
        b"{not json}\n", b'"text"\n', b"\n", b'{"id": "\xff"}\n', line(5, messages="q"), b"[" * 100_000 + b"\n",
        b'{"id": ' + b"9" * 5000 + b"}\n", line(8)[:-20],
    ]  # fmt: skip
    (tmp_path / "a.jsonl").write_bytes(line(1) + b"".join(broken[:4]) + line(2) + b"".join(broken[4:]))
    found = read_source(jsonl(), tmp_path)
    assert found.table.schema.equals(CHAT_SCHEMA)
    assert found.table.num_rows == 2
    assert found.rejected.schema.equals(REJECTED_SCHEMA)
    rejected = found.rejected.to_pylist()
    assert [(row["line"], row["reason"]) for row in rejected] == [
        (2, "invalid_json"), (3, "not_an_object"), (4, "blank_line"), (5, "undecodable_bytes"),
        (7, "messages_wrong_type"), (8, "invalid_json"), (9, "invalid_json"), (10, "truncated_line"),
    ]  # fmt: skip
    assert [row["raw"] for row in rejected] == broken
    assert {(row["source"], row["file"]) for row in rejected} == {("desk", "a.jsonl")}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(noise=st.lists(st.binary(max_size=30).map(lambda raw: raw.replace(b"\n", b"") + b"\n"), max_size=6))
def test_random_bytes_never_raise_and_never_vanish(tmp_path: Path, noise: list[bytes]) -> None:
    (tmp_path / "a.jsonl").write_bytes(line() + b"".join(noise))
    found = read_source(jsonl(), tmp_path)
    assert found.table.num_rows + found.rejected.num_rows == 1 + len(noise)


def test_an_overlong_line_is_rejected_and_the_next_one_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "LONGEST_LINE", 200)
    (tmp_path / "a.jsonl").write_bytes(line(1, pad="x" * 1000) + line(2) + line(3, pad="y" * 1000))
    found = read_source(jsonl(), tmp_path)
    assert found.table.num_rows == 1
    assert found.rejected["reason"].to_pylist() == ["line_too_long"] * 2
    assert found.rejected["line"].to_pylist() == [1, 3]


def test_files_of_a_glob_are_read_in_order_and_unpacked(tmp_path: Path) -> None:
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(line(2) + line(3)))
    (tmp_path / "a.jsonl").write_bytes(b"\xef\xbb\xbf" + line(1))
    found = read_source(jsonl(), tmp_path)
    assert found.table["conversation_id"].to_pylist() == ["m1", "m2", "m3"]
    assert found.rejected.num_rows == 0


def test_ids_do_not_depend_on_the_order_of_lines(tmp_path: Path) -> None:
    lines = [line(number) for number in range(20)]
    (tmp_path / "a.jsonl").write_bytes(b"".join(lines))
    first = read_source(jsonl(), tmp_path).table
    (tmp_path / "a.jsonl").write_bytes(b"".join(reversed(lines)))
    second = read_source(jsonl(), tmp_path).table
    pairs = [
        dict(zip(t["conversation_id"].to_pylist(), t["record_id"].to_pylist(), strict=True)) for t in (first, second)
    ]
    assert pairs[0] == pairs[1]
    assert len(set(pairs[0].values())) == 20


def test_a_repeated_source_id_stays_for_the_contract_to_find(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(line(1) + line(1, language="en"))
    ids = read_source(jsonl(), tmp_path).table["record_id"].to_pylist()
    assert len(ids) == 2
    assert len(set(ids)) == 1


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        pytest.param("a.jsonl.gz", gzip.compress(line() * 500)[:-9], "DATASET-005", id="truncated gzip"),
        pytest.param("a.jsonl.gz", line(), "DATASET-005", id="not gzip at all"),
        pytest.param("a.jsonl", b"", "DATASET-006", id="empty file"),
        pytest.param("a.jsonl", b"\n \n", "DATASET-006", id="only blank lines"),
        pytest.param("elsewhere.txt", line(), "DATASET-004", id="no file of that name"),
    ],
)
def test_a_source_that_cannot_be_read_is_named_without_a_value(
    tmp_path: Path, name: str, content: bytes, code: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DatasetError) as caught:
        read_source(jsonl(), tmp_path)
    assert caught.value.code == code
    assert "jsonl" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_placeholders_come_from_the_environment_only_for_this_projects_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = tmp_path / "[data]"
    odd.mkdir()
    (odd / "a.jsonl").write_bytes(line())
    monkeypatch.setenv("MLOPS_SHARED_DATA", str(odd))
    monkeypatch.setenv("OTHER_PLACE", str(odd))
    assert read_source(jsonl(path="${MLOPS_SHARED_DATA}/*.jsonl"), Path("nowhere")).table.num_rows == 1
    for path in ("${OTHER_PLACE}/*.jsonl", "${MLOPS_NOT_SET}/*.jsonl"):
        with pytest.raises(DatasetError, match="DATASET-003"):
            read_source(jsonl(path=path), tmp_path)


def test_csv_rows_are_read_and_bad_ones_kept(tmp_path: Path) -> None:
    content = b'prompt,response,at\n"two\nlines",a,2026-01-01T00:00:00Z\nq,a,\nq,a\n\n"q"x,a,\n\xff,a,\nq,"never closed'
    (tmp_path / "a.csv").write_bytes(content)
    found = read_source(columns("csv", "a.csv", created_at_field="at"), tmp_path)
    assert [messages[0]["content"] for messages in found.table["messages"].to_pylist()] == ["two\nlines", "q"]
    assert found.table["created_at"].to_pylist() == [datetime(2026, 1, 1, tzinfo=UTC), None]
    assert [(row["line"], row["reason"], row["raw"]) for row in found.rejected.to_pylist()] == [
        (5, "wrong_column_count", b"q,a\n"),
        (6, "blank_line", b"\n"),
        (7, "invalid_csv", b'"q"x,a,\n'),
        (8, "undecodable_bytes", b"\xff,a,\n"),
        (9, "truncated_line", b'q,"never closed'),
    ]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_mapped_column_that_is_not_there_is_an_error_and_not_a_null(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.{kind}"
    if kind == "csv":
        path.write_bytes(b"prompt,answer\nq,a\n")
    else:
        pq.write_table(pa.table({"prompt": ["q"], "answer": ["a"]}), path)
    with pytest.raises(DatasetError, match="response") as caught:
        read_source(columns(kind, path.name), tmp_path)
    assert caught.value.code == "DATASET-007"
    assert read_source(columns(kind, path.name, response_field="answer"), tmp_path).table.num_rows == 1


def test_parquet_with_lists_times_and_bad_utf8(tmp_path: Path) -> None:
    messages = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    moments = pa.array([datetime(2026, 1, 1, tzinfo=UTC)] * 3, pa.timestamp("ms", tz="UTC"))
    broken = pa.Array.from_buffers(pa.string(), 3, pa.array([b"x", b"\xff", b"y"], pa.binary()).buffers())
    pq.write_table(pa.table({"messages": [messages] * 3, "at": moments, "id": broken}), tmp_path / "a.parquet")
    section = SourceSection(name="lake", kind="parquet", path="a.parquet", id_field="id", created_at_field="at")
    found = read_source(section, tmp_path)
    assert found.table["conversation_id"].to_pylist() == ["x", "y"]
    assert found.table["created_at"].to_pylist()[0] == datetime(2026, 1, 1, tzinfo=UTC)
    assert [(row["line"], row["reason"]) for row in found.rejected.to_pylist()] == [(2, "undecodable_bytes")]


@pytest.mark.parametrize("keep", [0, 10, -30])
def test_a_truncated_parquet_file_is_an_error(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"prompt": ["q"] * 100, "response": ["a"] * 100}), path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DatasetError, match=r"a\.parquet") as caught:
        read_source(columns("parquet", "a.parquet"), tmp_path)
    assert caught.value.code == "DATASET-005"


def test_the_sample_is_a_source_like_any_other(tmp_path: Path) -> None:
    section = SourceSection(name="desk", kind="sample", sample=SampleSection(rows=1500, seed=3))
    found = read_source(section, tmp_path)
    assert 1400 < found.table.num_rows < 1500
    assert len({record["line"] for record in found.rejected.to_pylist()}) == 1500 - found.table.num_rows
    assert set(Counter(found.table["source"].to_pylist())) == {"email", "chat", "phone", "forum"}
    assert found.table.equals(read_source(section, tmp_path).table)


@pytest.mark.shared_data
def test_public_dialogues_become_windows(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLOPS_SHARED_DATA", str(shared_data))
    section = SourceSection(
        name="sgd", kind="jsonl", path="${MLOPS_SHARED_DATA}/sgd/dev.jsonl", layout="turns", id_field="id",
        window=WindowSection(max_messages=4, target="every_assistant", stride=4),
    )  # fmt: skip
    found = read_source(section, Path())
    assert found.rejected.num_rows == 0
    assert found.table.num_rows > len(set(found.table["conversation_id"].to_pylist())) == 600
    assert all(len(talk) <= 4 and talk[-1]["role"] == "assistant" for talk in found.table["messages"].to_pylist())
    assert len(set(found.table["record_id"].to_pylist())) == found.table.num_rows
