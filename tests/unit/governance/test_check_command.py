"""``mlops contract check`` as a data engineer uses it: whole data, broken data, pages, exit codes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import Result
from typer.testing import CliRunner

from mlops.datasets.chat import CHAT_SCHEMA
from mlops.datasets.shards import write_shards
from mlops.errors import MlopsError
from mlops.governance.commands import app

TRACER = "tracer-7f3a@leak.example"
HEAD = """\
apiVersion: v3.1.0
kind: DataContract
id: urn:dc:test:things
name: things
version: 1.0.0
status: active
customProperties:
- {property: mlops.legalBasis, value: gdpr-6-1-f}
- {property: mlops.permittedPurposes, value: [fine-tuning]}
- {property: mlops.residency, value: [EU]}
- {property: mlops.maxQuarantineShare, value: 0.4}
schema:
"""
THINGS = """\
- name: things
  properties:
  - {name: record_id, logicalType: string, required: true, logicalTypeOptions: {pattern: '^[0-9a-f]{16}$'}}
  - {name: count, logicalType: integer, required: true, logicalTypeOptions: {minimum: 1}}
  - {name: share, logicalType: number}
  - {name: seen, logicalType: timestamp}
  - {name: open, logicalType: boolean}
"""
IDS = [f"{number:016x}" for number in range(3)]
ROWS = [
    {"record_id": IDS[0], "count": 1, "share": 0.5, "seen": "2024-01-31T12:00:00Z", "open": True},
    {"record_id": IDS[1], "count": 2, "share": 1, "seen": "2024-01-31T12:00:00+02:00", "open": False},
    {"record_id": IDS[2], "count": 3, "share": None, "seen": None, "open": None},
]
CSV = f"""\
open,record_id,count,share,seen
true,{IDS[0]},1,0.5,2024-01-31T12:00:00Z
false,{IDS[1]},2,1,2024-01-31T12:00:00+02:00
,{IDS[2]},3,,
"""


@pytest.fixture
def contract(tmp_path: Path) -> Path:
    path = tmp_path / "things.odcs.yaml"
    path.write_text(HEAD + THINGS)
    return path


def run(contract: Path, *arguments: object) -> Result:
    return CliRunner().invoke(app, ["check", str(contract), *map(str, arguments)])


def answer(result: Result) -> dict[str, Any]:
    assert result.exit_code in (0, 10), result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def refusal(result: Result) -> str:
    assert isinstance(result.exception, MlopsError), result.output
    assert result.exception.exit_code == 20
    assert result.stdout == ""
    return str(result.exception)


def as_lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def table(rows: list[dict[str, Any]] = ROWS) -> pa.Table:
    import datetime

    columns = {name: [row[name] for row in rows] for name in ROWS[0]}
    columns["seen"] = [each and datetime.datetime.fromisoformat(each) for each in columns["seen"]]
    types = [pa.string(), pa.int64(), pa.float64(), pa.timestamp("us", "UTC"), pa.bool_()]
    return pa.table([pa.array(*each) for each in zip(columns.values(), types, strict=True)], names=list(columns))


def write_parquet(path: Path) -> None:
    pq.write_table(table(), path)


def write_folder(path: Path) -> None:
    path.mkdir()
    for number in range(3):
        pq.write_table(table().slice(number, 1), path / f"part-{number}.parquet")


def write_parts(path: Path, parts: list[str], suffix: str) -> None:
    path.mkdir()
    (path / "README.md").write_text("no data")
    for number, text in enumerate(parts):
        (path / f"part-{number}{suffix}").write_text(text)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("data.parquet", write_parquet),
        ("data", write_folder),
        ("lines", lambda path: write_parts(path, [as_lines(ROWS[:2]), as_lines(ROWS[2:])], ".jsonl")),
        ("tables", lambda path: write_parts(path, [CSV, CSV.splitlines()[0]], ".CSV")),
        ("data.jsonl", lambda path: path.write_text(as_lines(ROWS))),
        ("data.csv", lambda path: path.write_text(CSV)),
        ("mark.csv", lambda path: path.write_text(CSV, encoding="utf-8-sig")),
    ],
    ids=["parquet", "folder", "folder of jsonl", "folder of csv", "jsonl", "csv", "csv with byte order mark"],
)
def test_every_kind_of_file_passes_alike(
    name: str, write: Callable[[Path], object], contract: Path, tmp_path: Path
) -> None:
    write(tmp_path / name)
    found = answer(run(contract, tmp_path / name, "--json"))
    assert found["outcomes"] == {"pass": 12, "fail": 0, "warn": 0, "error": 0}
    assert (found["rows"], found["verdict"]["outcome"]) == ({"things": 3}, "pass")
    assert set(found["seconds"]) == {rule["id"] for rule in found["rules"]}


def test_a_broken_row_is_named_and_within_tolerance_the_data_passes(contract: Path, tmp_path: Path) -> None:
    data = tmp_path / "data.jsonl"
    data.write_text(as_lines([{**ROWS[0], "count": 0}, *ROWS[1:]]))
    result = run(contract, data)
    assert result.exit_code == 0
    assert f"things.count.range: for example {IDS[0]}" in result.stdout
    assert "coverage  12 declared = 12 executed + 0 human + 0 waived" in result.stdout
    assert "verdict   pass: 2 of 3 records pass" in result.stdout
    data.write_text(as_lines([{**row, "count": 0} for row in ROWS]))
    assert run(contract, data).exit_code == 10


CELLS = [
    ("count", "1", "046 column count: expected a whole number of 64 bits"),
    ("count", True, "046 column count"),
    ("count", 2**63, "046 column count"),
    ("share", TRACER, "046 column share: expected a finite number"),
    ("share", 10**400, "046 column share"),
    ("seen", "2024-01-31T12:00:00", "046 column seen: expected a time with its zone"),
    ("seen", TRACER, "046 column seen"),
    ("open", 1, "046 column open: expected true or false"),
    ("record_id", [TRACER], "046 column record_id: expected text"),
    ("record_id", "\ud800", "046 column record_id: expected text"),
    (TRACER, 1, "043 1 key(s) that the contract does not declare"),
]


@pytest.mark.parametrize(("column", "value", "said"), CELLS, ids=[f"{name}-{n}" for n, (name, *_) in enumerate(CELLS)])
def test_a_cell_of_another_type_is_refused_with_its_place(
    column: str, value: object, said: str, contract: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data.jsonl"
    data.write_text(as_lines([ROWS[0], {**ROWS[1], column: value}]))
    text = refusal(run(contract, data))
    assert text.startswith(f"{data}:2: CONTRACT-{said}")
    assert "tracer" not in text


LINES = [
    ("jsonl", b'{"record_id": "\xff"}\n', "1: CONTRACT-045 expected UTF-8"),
    ("jsonl", as_lines(ROWS).encode("utf-16"), "1: CONTRACT-045 expected UTF-8"),
    ("jsonl", b'{"share": NaN}\n', "1: CONTRACT-045 expected one JSON object"),
    ("jsonl", b'{"count": 1, "count": 2}\n', "1: CONTRACT-045 expected one JSON object without repeated keys"),
    ("jsonl", b'{"count": 1\n', "1: CONTRACT-045 expected one JSON object"),
    ("jsonl", b"[" * 100_000, "1: CONTRACT-045 expected one JSON object"),
    ("jsonl", b"[1]\n", "1: CONTRACT-045 expected a JSON object"),
    ("jsonl", b" " * (17 * 2**20), "1: CONTRACT-045 expected lines below 16 MiB"),
    ("jsonl", b"", " CONTRACT-047 expected rows, found an empty file"),
    ("csv", b"", " CONTRACT-047 expected rows, found an empty file"),
    ("csv", CSV.encode() + b"true\n", "5: CONTRACT-045 expected 5 cells, found 1"),
    ("csv", CSV.encode() + b'"true', "5: CONTRACT-045 expected comma-separated values"),
    ("csv", CSV.replace("0.5", "nan").encode(), "2: CONTRACT-046 column share: expected a finite number"),
    ("csv", CSV.replace("0.5", "1e999").encode(), "2: CONTRACT-046 column share: expected a finite number"),
    ("csv", CSV.replace("0.5", "1_0").encode(), "2: CONTRACT-046 column share: expected a finite number"),
    ("csv", CSV.replace(",1,", ",1.0,").encode(), "2: CONTRACT-046 column count"),
    ("csv", CSV.replace("12:00:00Z", "12:00:00").encode(), "2: CONTRACT-046 column seen"),
    ("csv", CSV.replace("true", "yes").encode(), "2: CONTRACT-046 column open"),
    ("csv", CSV.replace("share", TRACER).encode(), "1: CONTRACT-043 expected the declared columns; not once"),
    ("csv", CSV.replace("share,seen", "share").encode(), "1: CONTRACT-043 expected the declared columns; not once"),
    ("csv", CSV.replace("share", "open").encode(), "1: CONTRACT-043 expected the declared columns; not once"),
    ("csv", ",".join(map(str, range(10**6))).encode(), " CONTRACT-044 expected at most 10000 columns, found 1000000"),
    ("csv", CSV.encode("latin-1").replace(b"true", b"\xe9"), "2: CONTRACT-045 expected UTF-8"),
    ("txt", b"x", " CONTRACT-040 expected a file that ends in"),
]


@pytest.mark.parametrize(("kind", "content", "said"), LINES, ids=[f"{kind}-{n}" for n, (kind, *_) in enumerate(LINES)])
def test_a_broken_text_file_is_refused_with_its_place(
    kind: str, content: bytes, said: str, contract: Path, tmp_path: Path
) -> None:
    data = tmp_path / f"data.{kind}"
    data.write_bytes(content)
    text = refusal(run(contract, data))
    assert text.startswith(f"{data}:{said}")
    assert "tracer" not in text
    assert " — " in text


def truncated(path: Path) -> None:
    write_parquet(path)
    path.write_bytes(path.read_bytes()[:-20])


def wide(path: Path) -> None:
    pq.write_table(pa.table({f"c{number}": pa.array([1]) for number in range(10_001)}), path)


PARQUET: list[Any] = [
    (truncated, "CONTRACT-041"),
    (lambda path: path.write_bytes(b""), "CONTRACT-041"),
    (lambda path: path.write_bytes(b"\xff" * 4096 + b"\xff\xff\xff\x7fPAR1"), "CONTRACT-044"),
    (lambda path: path.write_bytes(b"no such thing"), "CONTRACT-041"),
    (wide, "CONTRACT-044 expected at most 10000 columns, found 1"),
]


@pytest.mark.parametrize(
    ("write", "code"), PARQUET, ids=["truncated", "empty", "footer too large", "not parquet", "10001 columns"]
)
def test_a_broken_parquet_file_is_refused(
    write: Callable[[Path], object], code: str, contract: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data.parquet"
    write(data)
    assert refusal(run(contract, data)).startswith(f"{data}: {code}")


TABLES: list[Any] = [
    (table().slice(0, 0), "things.rows", "fail", ""),
    (table().drop_columns(["share"]), "things.columns", "fail", "missing: share"),
    (table().append_column(TRACER, pa.nulls(3)), "things.columns", "fail", "1 undeclared"),
    (
        table().set_column(3, "seen", pa.array([None] * 3, pa.timestamp("us"))),
        "things.seen.type",
        "fail",
        "expected timestamp with a time zone, found timestamp[us]",
    ),
    (
        table().set_column(1, "count", pa.array([[1], [2], [3]])),
        "things.count.type",
        "fail",
        "expected integer, found nested",
    ),
    (
        table().set_column(2, "share", pa.array([1.0, float("nan"), float("inf")])),
        "things.share.finite",
        "fail",
        "",
    ),
]


@pytest.mark.parametrize(
    ("data", "rule", "outcome", "detail"),
    TABLES,
    ids=["no row", "missing column", "undeclared column", "no time zone", "list column", "NaN"],
)
def test_a_whole_file_with_wrong_columns_is_judged_rule_by_rule(
    data: pa.Table, rule: str, outcome: str, detail: str, contract: Path, tmp_path: Path
) -> None:
    path = tmp_path / "data.parquet"
    pq.write_table(data, path)
    result = run(contract, path, "--json")
    found = {each["id"]: each for each in answer(result)["rules"]}
    assert result.exit_code == 10
    assert (found[rule]["outcome"], found[rule]["detail"]) == (outcome, detail)
    assert TRACER not in result.output


def test_shards_must_have_one_schema(contract: Path, tmp_path: Path) -> None:
    write_folder(tmp_path / "data")
    pq.write_table(table().drop_columns(["share"]), tmp_path / "data" / "part-3.parquet")
    text = refusal(run(contract, tmp_path / "data"))
    assert text.startswith(f"{tmp_path / 'data' / 'part-3.parquet'}: CONTRACT-042")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["b.csv", "a.jsonl"], "expected files of one kind in the folder, found .csv and .jsonl"),
        ([], "expected files that end in .parquet, .jsonl, .csv, found none"),
    ],
    ids=["two kinds", "none"],
)
def test_a_folder_holds_files_of_one_kind(more: list[str], said: str, contract: Path, tmp_path: Path) -> None:
    write_parts(tmp_path / "data", [], "")
    for name in more:
        (tmp_path / "data" / name).write_text(CSV)
    assert f"CONTRACT-040 {said}" in refusal(run(contract, tmp_path / "data"))


WAIVED = "{rule: things.rows, owner: data-steward, reason: none yet, expires: %s}"


@pytest.mark.parametrize(("day", "code"), [("2999-12-31", 0), ("2020-01-01", 20)], ids=["in force", "expired"])
def test_a_waived_rule_does_not_run_and_an_expired_waiver_is_refused(
    day: str, code: int, contract: Path, tmp_path: Path
) -> None:
    rows = "  quality: [{id: many, metric: rowCount, mustBeGreaterThan: 100}]\n"
    waiver = WAIVED.replace("things.rows", "things.many") % f"'{day}'"
    head = HEAD.replace("schema:", f"- {{property: mlops.waivers, value: [{waiver}]}}\nschema:")
    contract.write_text(head + THINGS.replace("  properties:\n", f"{rows}  properties:\n"))
    write_parquet(tmp_path / "data.parquet")
    result = run(contract, tmp_path / "data.parquet")
    if code:
        assert "CONTRACT-067 the waiver of things.many expired on 2020-01-01" in refusal(result)
    else:
        assert result.exit_code == 0
        assert "12 executed + 0 human + 1 waived" in result.stdout


@pytest.mark.parametrize(("least", "code"), [(3, 0), (4, 10)])
def test_named_checks_run_as_they_do_in_the_stages(least: int, code: int, contract: Path, tmp_path: Path) -> None:
    implementation = f"{{check: row_count, min: {least}}}"
    rows = f"  quality: [{{id: many, type: custom, engine: mlops, implementation: {implementation}}}]\n"
    contract.write_text(HEAD + THINGS.replace("  properties:\n", f"{rows}  properties:\n"))
    write_parquet(tmp_path / "data.parquet")
    result = run(contract, tmp_path / "data.parquet", "--json")
    found = {rule["id"]: rule["observed"] for rule in answer(result)["rules"]}
    assert (result.exit_code, found["things.many"]) == (code, 3)


TWO = """\
- {name: left, properties: [{name: record_id, logicalType: string}]}
- {name: right, properties: [{name: record_id, logicalType: string}, {name: n, logicalType: integer}]}
"""


def test_several_objects_by_name_or_in_a_folder(contract: Path, tmp_path: Path) -> None:
    contract.write_text(HEAD + TWO)
    folder = tmp_path / "a=b"
    folder.mkdir()
    (folder / "left.csv").write_text("record_id\nx\n")
    (folder / "right.jsonl").write_text('{"record_id": "x", "n": 1}\n{"record_id": "y"}\n')
    named = f"left={folder / 'left.csv'}", f"right={folder / 'right.jsonl'}"
    for arguments in ([folder], named):
        found = answer(run(contract, *arguments, "--json"))
        assert (found["rows"], found["verdict"]["outcome"]) == ({"left": 1, "right": 2}, "pass")
    for arguments in (
        named[:1],
        [folder / "left.csv"],
        [*named, named[0]],
        [folder, "other=x"],
        ["left=none", named[1]],
    ):
        assert "CONTRACT-040" in refusal(run(contract, *arguments))
    (folder / "left.jsonl").write_text("")
    assert "CONTRACT-040 expected one file of object left, found 2" in refusal(run(contract, folder))


CHAT = """\
- name: records
  properties:
  - {name: record_id, logicalType: string, required: true, unique: true}
  - {name: conversation_id, logicalType: string}
  - {name: source, logicalType: string}
  - {name: language, logicalType: string}
  - {name: created_at, logicalType: timestamp}
  - {name: message_count, logicalType: integer, logicalTypeOptions: {minimum: 1}}
- name: messages
  properties:
  - {name: record_id, logicalType: string, required: true}
  - {name: turn, logicalType: integer}
  - {name: role, logicalType: string, required: true}
  - {name: content, logicalType: string, required: true, logicalTypeOptions: {minLength: 2}}
"""


def test_chat_shards_become_records_and_messages(contract: Path, tmp_path: Path) -> None:
    contract.write_text(HEAD + CHAT)
    rows = [
        {
            "record_id": record,
            "messages": [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "x" * length}],
        }
        for length, record in enumerate(IDS, start=1)
    ]
    write_shards(pa.Table.from_pylist(rows, schema=CHAT_SCHEMA), tmp_path / "data", rows_per_shard=2)
    for data in (tmp_path / "data", tmp_path / "data" / "part-00000.parquet"):
        found = answer(run(contract, data, "--json"))
        assert found["offending"] == {IDS[0]: ["messages.content.length"]}
    assert found["rows"] == {"records": 2, "messages": 4}


class _Page(HTMLParser):
    """Tags and addresses of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href", "action")]


def test_the_page_stands_alone_and_holds_no_value(contract: Path, tmp_path: Path) -> None:
    data = tmp_path / "data.jsonl"
    data.write_text(as_lines([{**ROWS[0], "record_id": TRACER}, {**ROWS[1], "count": 0}, ROWS[2]]))
    report = tmp_path / "out" / "report.html"
    result = run(contract, data, "--report", report)
    assert result.exit_code == 10
    text = report.read_text()
    page = _Page()
    page.feed(text)
    assert page.addresses == []
    assert not page.tags & {"script", "link", "iframe", "img", "form"}
    assert "things.record_id.pattern" in text
    assert IDS[1] in text
    assert re.search(r"sha256:[0-9a-f]{16}", text)
    assert "tracer" not in text + result.output
    assert [path.name for path in report.parent.iterdir()] == ["report.html"]


def test_a_refusal_leaves_the_old_page_alone(contract: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    report.write_text("old")
    refusal(run(contract, tmp_path / "none.parquet", "--report", report))
    assert report.read_text() == "old"
