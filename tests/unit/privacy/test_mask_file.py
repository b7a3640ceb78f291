"""Files of every format, masked batch by batch: same output however they are cut, nothing half-written."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops.privacy import mask_file as stream
from mlops.privacy.config import PrivacySection
from mlops.privacy.errors import PrivacyError
from mlops.privacy.mask_file import mask_file
from mlops.privacy.text_parts import text_parts, with_parts
from tests.unit.privacy.chat_rows import CARD, texts

SECTION = PrivacySection()
TEXTS = [
    "I'm Anna Smith",
    "nothing here",
    f"Anna again: {CARD} ünï",
    "write to a@x.org",
    "",
    'said "b@x.org", then\nleft',
]
MASKED = [
    "I'm <PERSON_1>",
    "nothing here",
    "Anna again: <CREDIT_CARD_1> ünï",
    "write to <EMAIL_ADDRESS_1>",
    "",
    'said "<EMAIL_ADDRESS_1>", then\nleft',
]
MESSAGES = [
    {"role": "system", "content": "Customer: Anna Smith <anna@x.org>"},
    {"role": "user", "content": [{"type": "text", "text": "my name is Anna Smith"}, {"type": "image", "id": "4"}]},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": "call_1",
                "type": "function",
                "function": {"name": "find", "arguments": '{"mail":"anna@x.org","n":2}'},
            }
        ],
    },
    {"role": "tool", "tool_call_id": "call_1", "content": f'{{"card": {CARD}}}'},
]


def write_jsonl(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def as_jsonl(path: Path) -> tuple[Path, Callable[[Path], list[str]]]:
    source = path / "in.jsonl"
    write_jsonl(source, [{"text": text, "n": place} for place, text in enumerate(TEXTS)])
    return source, lambda out: [row["text"] for row in read_jsonl(out)]


def as_csv(path: Path) -> tuple[Path, Callable[[Path], list[str]]]:
    source = path / "in.csv"
    with source.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([["n", "text"], *enumerate(TEXTS)])

    def read(out: Path) -> list[str]:
        with out.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["n"] for row in rows] == [str(place) for place in range(len(rows))]
        return [row["text"] for row in rows]

    return source, read


def as_parquet(path: Path) -> tuple[Path, Callable[[Path], list[str]]]:
    source = path / "in.parquet"
    table = pa.table({"n": pa.array(range(len(TEXTS)), pa.int16()), "text": pa.array(TEXTS, pa.large_string())})
    pq.write_table(table, source)

    def read(out: Path) -> list[str]:
        found = pq.read_table(out)
        assert found.schema.equals(table.schema)
        assert found["n"].to_pylist() == table["n"].to_pylist()
        return [str(text) for text in found["text"].to_pylist()]

    return source, read


@pytest.mark.parametrize("write", [as_jsonl, as_csv, as_parquet])
def test_each_format_comes_back_with_its_texts_masked(write: Any, tmp_path: Path) -> None:
    source, read = write(tmp_path)
    done = mask_file(source, tmp_path / f"out{source.suffix}", "text", SECTION)
    assert read(tmp_path / f"out{source.suffix}") == MASKED
    assert (done.report.rows_in, done.report.rows_out, done.report.rows_changed) == (6, 6, 4)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([source.name, f"out{source.suffix}"])


def test_plain_text_is_masked_line_by_line(tmp_path: Path) -> None:
    source = tmp_path / "in.txt"
    source.write_text("call +1 415 555 0132\r\nhello\n", encoding="utf-8")
    mask_file(source, tmp_path / "out.txt", "", SECTION)
    assert (tmp_path / "out.txt").read_text(encoding="utf-8") == "call <PHONE_NUMBER_1>\nhello\n"


def test_every_text_of_chat_messages_is_masked_and_labels_stay(tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    write_jsonl(source, [{"messages": MESSAGES}])
    report = mask_file(source, out, "messages", SECTION).report
    (row,) = read_jsonl(out)
    assert row["messages"] == [
        {"role": "system", "content": "Customer: <PERSON_1> <<EMAIL_ADDRESS_1>>"},
        {"role": "user", "content": [{"type": "text", "text": "my name is <PERSON_1>"}, {"type": "image", "id": "4"}]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "find", "arguments": '{"mail":"<EMAIL_ADDRESS_1>","n":2}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": '{"card": "<CREDIT_CARD_1>"}'},
    ]
    assert {role for _, _, role, _ in report.counts} == {"system", "user", "assistant", "tool"}


NODES = st.recursive(
    st.none() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["content", "id", "x"]), inner),
    max_leaves=8,
)


@given(st.lists(st.builds(lambda role, node: {"role": role, "content": node}, st.text(max_size=3), NODES), max_size=3))
def test_parts_put_back_are_what_was_there(messages: list[dict[str, Any]]) -> None:
    parts = text_parts(messages)
    assert parts is not None
    assert with_parts(messages, (text for _, text in parts)) == messages
    upper = with_parts(messages, (text.upper() for _, text in parts))
    assert text_parts(upper) == [(role, text.upper()) for role, text in parts]


CONVERSATIONS = st.lists(st.tuples(st.sampled_from([None, "a", "b", "c"]), texts(2)), max_size=12)


@settings(max_examples=60, deadline=None)
@given(rows=CONVERSATIONS, size=st.integers(1, 4))
def test_the_output_does_not_depend_on_where_a_file_is_cut(
    rows: list[tuple[str | None, str]], size: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    source = folder / "in.jsonl"
    write_jsonl(source, [{"text": text, **({} if name is None else {"conversation_id": name})} for name, text in rows])
    whole = mask_file(source, folder / "whole.jsonl", "text", SECTION)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream, "_ROWS", size)
        cut = mask_file(source, folder / "cut.jsonl", "text", SECTION)
    assert (folder / "cut.jsonl").read_bytes() == (folder / "whole.jsonl").read_bytes()
    assert cut == whole


def test_two_workers_write_what_one_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_ROWS", 7)
    source = tmp_path / "in.jsonl"
    rows = [{"text": f"{TEXTS[place % 6]} {place}@x.org", "conversation_id": f"c{place // 3}"} for place in range(50)]
    write_jsonl(source, rows)
    one = mask_file(source, tmp_path / "one.jsonl", "text", SECTION)
    seen: list[int] = []
    two = mask_file(source, tmp_path / "two.jsonl", "text", SECTION, workers=2, progress=seen.append)
    assert (tmp_path / "one.jsonl").read_bytes() == (tmp_path / "two.jsonl").read_bytes()
    assert one == two
    assert seen == sorted(seen)
    assert seen[-1] == 50


def test_a_row_that_cannot_be_read_is_left_out_and_named(tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    long = json.dumps({"text": "x" * 100_001}).encode()
    source.write_bytes(b'{"text": "a@x.org"}\n{"text": "\xff tracer"}\n\n' + long + b'\n{"text": "kept"}\n')
    done = mask_file(source, out, "text", SECTION)
    assert [row["text"] for row in read_jsonl(out)] == ["<EMAIL_ADDRESS_1>", "kept"]
    assert done.refused == ((1, "undecodable"), (2, "too-long"))
    assert done.report.quarantined == (("too-long", 1), ("undecodable", 1))
    assert (done.report.rows_in, done.report.rows_out) == (4, 2)


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("in.jsonl", b'{"text": "fine"}\n["tracer"]\n', "PRIVACY-002"),
        ("in.jsonl", b'{"text": "fine"}\n{"text": "tracer\n', "PRIVACY-002"),
        ("in.jsonl", b'{"other": "tracer"}\n', "PRIVACY-003"),
        ("in.jsonl", b'{"text": {"tracer": 1}}\n', "PRIVACY-003"),
        ("in.csv", b"text,n\nfine,1\ntracer,2,3\n", "PRIVACY-002"),
        ("in.csv", b"text,n\nfine,1\ntracer\n", "PRIVACY-002"),
        ("in.csv", b'text,n\n"tracer"x,1\n', "PRIVACY-004"),
        ("in.csv", b"other\ntracer\n", "PRIVACY-003"),
        ("in.parquet", b"tracer", "PRIVACY-004"),
        ("in.docx", b"tracer", "PRIVACY-004"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused_and_leaves_nothing(
    name: str, content: bytes, code: str, tmp_path: Path
) -> None:
    source = tmp_path / name
    source.write_bytes(content)
    with pytest.raises(PrivacyError) as caught:
        mask_file(source, tmp_path / f"out{source.suffix}", "text", SECTION)
    assert caught.value.code == code
    assert "tracer" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_an_output_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    source, _ = as_jsonl(tmp_path)
    with pytest.raises(PrivacyError, match="PRIVACY-007"):
        mask_file(source, tmp_path / "missing" / "out.jsonl", "text", SECTION)


def test_an_empty_file_gives_an_empty_file(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_bytes(b"")
    done = mask_file(source, tmp_path / "out.jsonl", "text", SECTION)
    assert (tmp_path / "out.jsonl").read_bytes() == b""
    assert done.report.rows_in == 0
