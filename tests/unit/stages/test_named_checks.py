"""The checks that contracts name: what they find, and what they say of rules and files that are wrong."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops.artifacts import canonical_json
from mlops.contracts.check import NamedOutcome, check
from mlops.contracts.contract import load_contract
from mlops.contracts.report import ContractReport, RuleResult
from mlops.stages.checks.arguments import CHECK_ARGUMENTS, argument_problems
from mlops.stages.checks.errors import NamedCheckError
from mlops.stages.named_checks import named_checks
from mlops.text.ngrams import ngrams
from mlops.text.normalise import normalise

DIGEST = "sha256:" + 64 * "0"
OVERLAP: dict[str, Any] = {
    "object": "records",
    "column": "text",
    "against": "held/out.jsonl",
    "against_column": "prompt",
    "digest": DIGEST,
    "n": 3,
}
LENGTH: dict[str, Any] = {"object": "records", "column": "text", "unit": "words"}


def table(texts: Sequence[str | None], kind: pa.DataType | None = None) -> pa.Table:
    ids = pa.array([f"{number:016x}" for number in range(len(texts))], pa.string())
    return pa.table({"record_id": ids, "text": pa.array(texts, kind or pa.string())})


def run(name: str, arguments: Mapping[str, Any], rows: pa.Table, root: Path = Path()) -> NamedOutcome:
    return named_checks(root)[name]({"records": rows}, arguments)


def rows_of(found: NamedOutcome) -> list[int]:
    return sorted(int(each, 16) for each in found.offending)


def held_out(root: Path, lines: list[Any], name: str = "held/out.jsonl") -> dict[str, Any]:
    """Writes held-out texts below ``root``; the arguments of a rule that names and pins them."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if name.endswith(".jsonl"):
        path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    else:
        pq.write_table(pa.Table.from_pylist(lines), path)
    return {**OVERLAP, "against": name, "digest": f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"}


def code_of(name: str, arguments: Mapping[str, Any], rows: pa.Table, root: Path = Path()) -> str:
    with pytest.raises(NamedCheckError) as raised:
        run(name, arguments, rows, root)
    return f"{raised.value.code} {raised.value.message}"


@pytest.mark.parametrize(
    ("bounds", "passed"),
    [({"min": 2}, True), ({"min": 3}, False), ({"max": 2}, True), ({"max": 1}, False), ({"min": 2, "max": 2}, True)],
    ids=["at least", "too few", "at most", "too many", "exactly"],
)
def test_row_count(bounds: dict[str, int], passed: bool) -> None:
    assert run("row_count", bounds, table(["a", "b"])) == NamedOutcome(passed, 2)


def test_row_count_of_another_object() -> None:
    tables = {"records": table(["a"]), "messages": table([])}
    assert named_checks(Path())["row_count"](tables, {"object": "messages", "min": 1}) == NamedOutcome(False, 0)


def test_without_an_object_the_columns_say_which(tmp_path: Path) -> None:
    texts = table(["a b c"])
    tables = {"records": texts.select(["record_id"]), "messages": texts, "replies": texts.rename_columns(["id", "r"])}
    checks, rules = named_checks(tmp_path), held_out(tmp_path, [{"prompt": "a b c"}])
    del rules["object"]
    assert checks["text_length"](tables, {"column": "r", "unit": "words", "min": 4}).observed == 1
    assert checks["exact_duplicates"](tables, {"columns": ["text"]}).passed
    assert checks["ngram_overlap"](tables, rules).observed == 1
    unclear: dict[str, dict[str, Any]] = {"row_count": {"min": 1}, "exact_duplicates": {"columns": ["record_id"]}}
    for name, arguments in unclear.items():
        with pytest.raises(NamedCheckError, match="CHECK-002 expected the argument object"):
            checks[name](tables, arguments)


@pytest.mark.parametrize(
    ("unit", "bounds", "short_or_long"),
    [
        ("words", {"min": 1}, [1, 2]),
        ("words", {"max": 2}, [4]),
        ("characters", {"min": 1}, [1]),
        ("characters", {"max": 3}, [0, 4]),
        ("characters", {"min": 1, "max": 60}, [1]),
    ],
)
def test_text_length(unit: str, bounds: dict[str, int], short_or_long: list[int]) -> None:
    texts = ["two words", "", "…", "\U0001f600x", "and three words", None]
    found = run("text_length", {**LENGTH, "unit": unit, **bounds}, table(texts))
    assert (found.passed, found.observed, rows_of(found)) == (False, len(short_or_long), short_or_long)


def test_duplicates_count_every_member_and_only_differ_in_looks() -> None:
    rows = table(["Refund, please", "refund,  PLEASE", "Where is it?", "where is it", None, None, "ﬁle", "File"])
    found = run("exact_duplicates", {"columns": ["text"]}, rows)
    assert (found.passed, found.observed, rows_of(found)) == (False, 4, [0, 1, 6, 7])


def test_duplicates_of_several_columns() -> None:
    rows = table(["a", "a", "a", "b", None, None, None]).append_column("reply", [["x", "X", "y", "x", "z", "z", None]])
    found = run("exact_duplicates", {"columns": ["text", "reply"]}, rows)
    assert rows_of(found) == [0, 1, 4, 5]


@pytest.mark.parametrize(
    ("allowed", "passed", "observed"),
    [
        ({"max_rows": 2}, True, 2),
        ({"max_rows": 1}, False, 2),
        ({"max_share": 0.5}, True, 0.5),
        ({"max_share": 0.4}, False, 0.5),
    ],
)
def test_where_some_duplicates_are_allowed_the_table_fails(
    allowed: dict[str, Any], passed: bool, observed: float
) -> None:
    rows = table(["a", "A", "b", "c"])
    assert run("exact_duplicates", {"columns": ["text"], **allowed}, rows) == NamedOutcome(passed, observed)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.none() | st.sampled_from(["a", "A ", "b", "", "é", "e\u0301"]), max_size=9))
def test_duplicates_are_the_rows_that_share_a_normalised_text(texts: list[str | None]) -> None:
    forms = [None if text is None else normalise(text) for text in texts]
    expected = [row for row, form in enumerate(forms) if form is not None and forms.count(form) > 1]
    assert rows_of(run("exact_duplicates", {"columns": ["text"]}, table(texts))) == expected


@pytest.mark.parametrize("name", ["held/out.jsonl", "held/out.parquet"])
def test_overlap_is_a_run_of_words_that_a_held_out_text_has_too(tmp_path: Path, name: str) -> None:
    arguments = held_out(tmp_path, [{"prompt": "Why was my card declined?"}, {"prompt": None}, {"prompt": "No"}], name)
    texts = ["Tell me: why WAS my order late", "was my, card", "my card was declined", None, "no", ""]
    found = run("ngram_overlap", arguments, table(texts), tmp_path)
    assert (found.passed, found.observed, rows_of(found)) == (False, 2, [0, 1])


@pytest.mark.parametrize(("most", "passed"), [(2, True), (1, False)])
def test_where_some_overlap_is_allowed_the_table_fails(tmp_path: Path, most: int, passed: bool) -> None:
    arguments = {**held_out(tmp_path, [{"prompt": "one two three"}]), "max_hits": most}
    found = run("ngram_overlap", arguments, table(["one two three", "one two three four", "one two"]), tmp_path)
    assert found == NamedOutcome(passed, 2)


@settings(deadline=None, max_examples=30)
@given(
    texts=st.lists(st.lists(st.sampled_from("abc"), max_size=6).map(" ".join), max_size=6),
    known=st.lists(st.lists(st.sampled_from("abc"), min_size=3, max_size=6).map(" ".join), min_size=1, max_size=3),
)
def test_overlap_is_that_of_the_sets_of_ngrams(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], known: list[str]
) -> None:
    root = tmp_path_factory.mktemp("root")
    found = run("ngram_overlap", held_out(root, [{"prompt": text} for text in known]), table(texts), root)
    grams = {gram for text in known for gram in ngrams(text, 3)}
    assert rows_of(found) == [row for row, text in enumerate(texts) if grams & set(ngrams(text, 3))]


def test_a_changed_file_of_held_out_texts_is_refused(tmp_path: Path) -> None:
    arguments = held_out(tmp_path, [{"prompt": "one two three"}])
    (tmp_path / arguments["against"]).write_text('{"prompt": "four five six"}\n')
    expected = "CHECK-004 held/out.jsonl has not the digest that the rule gives"
    assert code_of("ngram_overlap", arguments, table(["a"]), tmp_path) == expected


BAD_FILES: dict[str, tuple[bytes, str, str]] = {
    "not JSON": (b'{"prompt": "a"}\ntracer\n', ".jsonl", "line 2: expected a JSON object with the text prompt"),
    "not UTF-8": (b'{"prompt": "\xff"}\n', ".jsonl", "line 1: expected a JSON object with the text prompt"),
    "half a character": (b'{"prompt": "\\ud800"}\n', ".jsonl", "line 1: expected a JSON object with the text prompt"),
    "a list": (b'["tracer"]\n', ".jsonl", "line 1: expected a JSON object with the text prompt"),
    "no such column": (b'\n{"tracer": "a"}\n', ".jsonl", "line 2: expected a JSON object with the text prompt"),
    "a number": (b'{"prompt": 7}\n', ".jsonl", "line 1: expected a JSON object with the text prompt"),
    "too deep": (b"[" * 100_000, ".jsonl", "line 1: expected a JSON object with the text prompt"),
    "no Parquet": (b"PAR1 tracer", ".parquet", "held/out.parquet is not a complete Parquet file"),
}


@pytest.mark.parametrize(("content", "suffix", "message"), BAD_FILES.values(), ids=BAD_FILES)
def test_files_that_hold_no_texts(tmp_path: Path, content: bytes, suffix: str, message: str) -> None:
    arguments = held_out(tmp_path, [{"prompt": "a"}], f"held/out{suffix}")
    (tmp_path / arguments["against"]).write_bytes(content)
    arguments["digest"] = f"sha256:{hashlib.sha256(content).hexdigest()}"
    said = code_of("ngram_overlap", arguments, table(["a"]), tmp_path)
    assert said.startswith("CHECK-003 ")
    assert said.endswith(message)
    assert "tracer" not in said


@pytest.mark.parametrize("rows", [[{"prompt": 7}], [{"other": "a"}]], ids=["no text", "no such column"])
def test_a_parquet_file_without_the_column(tmp_path: Path, rows: list[Any]) -> None:
    arguments = held_out(tmp_path, rows, "out.parquet")
    expected = "CHECK-003 out.parquet: expected one column prompt of text"
    assert code_of("ngram_overlap", arguments, table(["a"]), tmp_path) == expected


def test_files_outside_the_project_are_not_read(tmp_path: Path) -> None:
    root = tmp_path / "root"
    arguments = held_out(tmp_path, [{"prompt": "one two three"}], "secret.jsonl")
    root.mkdir()
    (root / "link.jsonl").symlink_to(tmp_path / "secret.jsonl")
    for path, expected in {
        "link.jsonl": "CHECK-003 link.jsonl is not below the project's root",
        "../secret.jsonl": "CHECK-001 argument against: expected a .jsonl or .parquet file below the project's root",
        str(tmp_path / "secret.jsonl"): "CHECK-001 argument against: expected a .jsonl or .parquet file below the "
        "project's root",
        "absent.jsonl": "CHECK-003 absent.jsonl cannot be read",
    }.items():
        assert code_of("ngram_overlap", {**arguments, "against": path}, table(["a"]), root) == expected


@pytest.mark.parametrize("lines", [[], [{"prompt": "only two"}], [{"prompt": None}]], ids=["empty", "short", "null"])
def test_held_out_texts_that_could_never_be_found(tmp_path: Path, lines: list[Any]) -> None:
    said = code_of("ngram_overlap", held_out(tmp_path, lines), table(["only two"]), tmp_path)
    assert said == "CHECK-005 no text of held/out.jsonl has 3 words"


def test_an_empty_table_offends_nothing(tmp_path: Path) -> None:
    nothing = NamedOutcome(True, 0)
    assert run("text_length", {**LENGTH, "min": 1}, table([])) == nothing
    assert run("exact_duplicates", {"columns": ["text"]}, table([])) == nothing
    assert run("ngram_overlap", held_out(tmp_path, [{"prompt": "a b c"}]), table([]), tmp_path) == nothing
    assert code_of("exact_duplicates", {"columns": ["text"], "max_share": 0.1}, table([])).startswith("CHECK-005")


@pytest.mark.parametrize("kind", [pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())])
def test_every_text_type_is_read(tmp_path: Path, kind: pa.DataType) -> None:
    rows = pa.table({**{name: table(["a b c", "A b  c", "d"])[name] for name in ("record_id", "text")}})
    rows = rows.set_column(1, "text", rows["text"].cast(kind))
    assert rows_of(run("text_length", {**LENGTH, "min": 2}, rows)) == [2]
    assert rows_of(run("exact_duplicates", {"columns": ["text"]}, rows)) == [0, 1]
    assert rows_of(run("ngram_overlap", held_out(tmp_path, [{"prompt": "a b c"}]), rows, tmp_path)) == [0, 1]


@pytest.mark.parametrize(
    ("rows", "arguments"),
    [
        (table(["1"]).set_column(1, "text", [[1]]), {}),
        (table(["a"]).append_column("text", [["b"]]), {}),
        (table(["a"]), {"column": "other"}),
        (table(["a"]), {"object": "other"}),
    ],
    ids=["numbers", "twice", "no such column", "no such object"],
)
def test_a_column_of_text_is_needed(rows: pa.Table, arguments: dict[str, Any]) -> None:
    assert code_of("text_length", {**LENGTH, "min": 1, **arguments}, rows).startswith("CHECK-002 ")


def test_rows_without_a_record_id_are_the_tables_fault() -> None:
    assert run("text_length", {**LENGTH, "min": 1}, table([""]).select(["text"])) == NamedOutcome(False, 1)


PROBLEMS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("relevance", {}, ["unknown check relevance, expected one of row_count, text_length, exact_duplicates, ngram_ov"]),
    ("row_count", {}, ["expected at least one of min, max"]),
    ("row_count", {"min": "3"}, ["argument min: expected a whole number from 0"]),
    ("row_count", {"min": True}, ["argument min: expected a whole number from 0"]),
    ("row_count", {"min": 1.0}, ["argument min: expected a whole number from 0"]),
    ("row_count", {"max": -1}, ["argument max: expected a whole number from 0"]),
    ("row_count", {"min": 2, "max": 1}, ["expected min up to max"]),
    ("row_count", {"min": 2, "most": 1}, ["unknown argument most, expected some of object, min, max"]),
    ("text_length", {"column": "t", "min": 1}, ["argument unit is missing: expected words or characters"]),
    ("text_length", {"column": "t", "unit": "lines", "min": 1}, ["argument unit: expected words or characters"]),
    ("text_length", {"column": ["t"], "unit": "words", "min": 1}, ["argument column: expected text"]),
    ("exact_duplicates", {"columns": "t"}, ["argument columns: expected a list of different texts"]),
    ("exact_duplicates", {"columns": ["t", "t"]}, ["argument columns: expected a list of different texts"]),
    ("exact_duplicates", {"columns": ["t", ["u"]]}, ["argument columns: expected a list of different texts"]),
    ("exact_duplicates", {"columns": []}, ["argument columns: expected a list of different texts"]),
    ("exact_duplicates", {"columns": ["t"], "max_share": 2}, ["argument max_share: expected a number from 0 to 1"]),
    (
        "exact_duplicates",
        {"columns": ["t"], "max_share": float("nan")},
        ["argument max_share: expected a number from 0 to 1"],
    ),
    (
        "exact_duplicates",
        {"columns": ["t"], "max_share": 0.1, "max_rows": 1},
        ["expected one of max_rows, max_share, not both"],
    ),
    ("ngram_overlap", {**OVERLAP, "n": 21}, ["argument n: expected a whole number from 1 to 20"]),
    ("ngram_overlap", {**OVERLAP, "n": 0}, ["argument n: expected a whole number from 1 to 20"]),
    ("ngram_overlap", {**OVERLAP, "digest": "md5:0"}, ["argument digest: expected sha256: and 64 hex digits"]),
    ("ngram_overlap", {**OVERLAP, "against": "a.csv"}, ["argument against: expected a .jsonl or .parquet file below"]),
    ("ngram_overlap", {**OVERLAP, "against": "a\0.jsonl"}, ["argument against: expected a .jsonl or .parquet file b"]),
]


@pytest.mark.parametrize(("name", "arguments", "said"), PROBLEMS)
def test_wrong_arguments_are_told_before_anything_runs(name: str, arguments: dict[str, Any], said: list[str]) -> None:
    found = argument_problems(name, arguments)
    assert [text[: len(start)] for text, start in zip(found, said, strict=True)] == said


def test_every_check_says_what_it_takes() -> None:
    assert set(named_checks(Path())) == set(CHECK_ARGUMENTS)
    for name, known in CHECK_ARGUMENTS.items():
        missing = [each for each, argument in known.arguments.items() if argument.required]
        said = argument_problems(name, {})
        assert all(any(text.startswith(f"argument {each} is missing") for text in said) for each in missing)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("row_count", {"min": 0}),
        ("text_length", {"column": "t", "unit": "characters", "min": 1, "max": 1}),
        ("exact_duplicates", {"columns": ["t"], "max_share": 1}),
        ("ngram_overlap", {**OVERLAP, "max_hits": 0}),
    ],
)
def test_right_arguments_are_no_problem(name: str, arguments: dict[str, Any]) -> None:
    assert argument_problems(name, arguments) == []


def report_of(root: Path, rows: pa.Table, **rules: dict[str, Any]) -> tuple[ContractReport, dict[str, RuleResult]]:
    """A contract with these rules (id → implementation) over ``rows``; results of these rules by id."""
    quality = [
        {"id": name, "type": "custom", "engine": "mlops", "implementation": implementation}
        for name, implementation in rules.items()
    ]
    columns = [{"name": name, "logicalType": "string"} for name in ("record_id", "text")]
    wanted = {"legalBasis": "contract", "permittedPurposes": ["fine-tuning"], "residency": ["EU"]}
    document = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": "urn:dc:test:texts",
        "name": "texts",
        "version": "1.0.0",
        "status": "active",
        "schema": [{"name": "records", "quality": quality, "properties": columns}],
        "customProperties": [{"property": f"mlops.{key}", "value": value} for key, value in wanted.items()],
    }
    path = root / "texts.odcs.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    report = check(load_contract(path), {"records": rows}, named_checks(root))
    return report, {rule.id.removeprefix("records."): rule for rule in report.rules}


def test_a_contract_runs_them_and_sets_records_aside(tmp_path: Path) -> None:
    overlap = held_out(tmp_path, [{"prompt": "one two three"}])
    report, results = report_of(
        tmp_path,
        table(["One, two, three!", "same text", "Same  text", "x", "fine as it is"]),
        count={"check": "row_count", "min": 5},
        long={"check": "text_length", "column": "text", "unit": "words", "min": 2},
        once={"check": "exact_duplicates", "columns": ["text"]},
        clean={"check": "ngram_overlap", **overlap},
    )
    assert {name: results[name].outcome for name in ("count", "long", "once", "clean")} == {
        "count": "pass",
        "long": "fail",
        "once": "fail",
        "clean": "fail",
    }
    assert report.offending == {
        f"{0:016x}": ("records.clean",),
        f"{1:016x}": ("records.once",),
        f"{2:016x}": ("records.once",),
        f"{3:016x}": ("records.long",),
    }
    assert report.coverage.complete


def test_a_wrong_rule_is_an_error_of_itself_alone_and_quotes_no_data(tmp_path: Path) -> None:
    missing = {**OVERLAP, "against": "absent.jsonl"}
    report, results = report_of(
        tmp_path,
        table(["tracer one", "tracer two"]),
        absent={"check": "ngram_overlap", **missing},
        typo={"check": "text_length", "column": "text", "unit": "words", "most": 3},
        unknown={"check": "relevance"},
        fine={"check": "row_count", "max": 2},
    )
    assert {name: results[name].outcome for name in ("absent", "typo", "unknown", "fine")} == {
        "absent": "error",
        "typo": "error",
        "unknown": "error",
        "fine": "pass",
    }
    assert results["absent"].detail == "the check ngram_overlap: CHECK-003 absent.jsonl cannot be read"
    assert results["typo"].detail.startswith("the check text_length: CHECK-001 unknown argument most")
    written = canonical_json(report.to_json())
    assert b"tracer" not in written
    assert str(tmp_path).encode() not in written
