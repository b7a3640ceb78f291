"""What makes a file not a contract, and where the message points."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mlops.artifacts import digest_file
from mlops.contracts.compile import compile_findings
from mlops.contracts.contract import load_contract
from mlops.contracts.errors import ContractError
from mlops.contracts.lint import errors, lint
from mlops.contracts.loading import file_findings
from mlops.yaml_source import MAX_ALIASES, MAX_DEPTH, parse_document

GOOD = """\
- name: records
  properties:
  - {name: record_id, logicalType: string, required: true, classification: internal}
  - name: language
    logicalType: string
    classification: internal
    logicalTypeOptions: {pattern: '^[a-z]+$'}
    quality:
    - {id: known, metric: invalidValues, arguments: {validValues: [en, no]}, mustBe: 0}
"""
# The schema list starts in line 8, after six lines of head and the key itself.
START = 7


def findings(path: Path) -> list[tuple[str, int]]:
    return [(finding.code, finding.line) for finding in lint(path)]


def line_of(text: str, part: str) -> int:
    return 1 + next(number for number, line in enumerate(text.splitlines()) if part in line)


def test_a_good_contract(write_contract: Callable[..., Path]) -> None:
    path = write_contract(GOOD)
    contract = load_contract(path)
    assert errors(lint(path)) == []
    assert (contract.name, contract.version, contract.digest) == ("things", "1.2.3", digest_file(path))
    assert contract.policy.residency == ("EU",)
    assert contract.max_quarantine_share == 0.0
    rule = contract.objects[0].properties[1].quality[0]
    assert rule.entry["arguments"]["validValues"] == ["en", "no"], "no is a word, not a boolean"
    assert rule.line == START + line_of(GOOD, "known")


METRIC = "metric: invalidValues, arguments: {validValues: [en, no]}, mustBe: 0"
GX = "type: custom, engine: greatExpectations, implementation: "
# Lines of GOOD in the file: record_id 10, language 11, its type 12, its class 13, its pattern 14, its rule 16.
COLUMN_X = "{type: expect_column_max_to_be_between, kwargs: {column: x}}"
BETWEEN = "{type: expect_column_values_to_be_between, kwargs: "
NOT_RE2 = "'{type: expect_column_values_to_match_regex, kwargs: {regex: \"(?!a)\"}}'"
FAULTS = {
    "duplicate key": ("logicalType: string\n", "logicalType: string\n    logicalType: string\n", "003", 13),
    "unknown key": ("required: true", "requird: true", "005", 10),
    "unknown type": ("logicalType: string\n", "logicalType: strng\n", "005", 12),
    "word as bound": ("mustBe: 0", "mustBe: zero", "008", 16),
    "boolean as bound": ("mustBe: 0", "mustBe: true", "008", 16),
    "NaN as bound": ("mustBe: 0", "mustBe: .nan", "008", 16),
    "bounds upside down": ("mustBe: 0", "mustBeBetween: [3, 2]", "008", 16),
    "no operator": (", mustBe: 0", "", "008", 16),
    "two operators": ("mustBe: 0", "mustBe: 0, mustBeLessThan: 3", "008", 16),
    "lookahead": ("'^[a-z]+$'", "'^(?=a)'", "009", 14),
    "open bracket": ("'^[a-z]+$'", "'(a'", "009", 14),
    "no id": ("id: known, ", "", "007", 16),
    "name twice": ("name: language", "name: record_id", "007", 11),
    "value of another type": ("[en, no]", "[en, 1]", "010", 16),
    "no values": ("arguments: {validValues: [en, no]}, ", "", "010", 16),
    "unknown argument": ("validValues: [en, no]", "validValues: [en], max: 3", "010", 16),
    "format": ("pattern: '^[a-z]+$'", "format: email", "010", 11),
    "no type": ("    logicalType: string\n    classification", "    classification", "006", 11),
    "severity": ("mustBe: 0", "mustBe: 0, severity: fatal", "010", 16),
    "unit": ("mustBe: 0", "mustBe: 0, unit: stones", "010", 16),
    "id of a clause": ("id: known", "id: type", "010", 16),
    "row count of a column": (METRIC, "metric: rowCount, mustBe: 0", "010", 16),
    "unknown engine": (METRIC, "type: custom, engine: soda, implementation: x", "010", 16),
    "unknown expectation": (METRIC, GX + "{type: expect_nothing}", "010", 16),
    "unknown column in an expectation": (METRIC, GX + COLUMN_X, "010", 16),
    "missing argument": (METRIC, GX + "{type: expect_column_values_to_not_match_regex}", "010", 16),
    "argument left to a default": (METRIC, GX + "{type: expect_column_values_to_match_regex}", "010", 16),
    "argument that nobody takes": (METRIC, f"{GX}{BETWEEN}{{min_value: 1, foo: 1}}}}", "010", 16),
    "argument of another type": (METRIC, f"{GX}{BETWEEN}{{min_value: 1, mostly: 2}}}}", "010", 16),
    "argument of the platform": (METRIC, f"{GX}{BETWEEN}{{min_value: 1, meta: {{}}}}}}", "010", 16),
    "parameter of a suite": (METRIC, f"{GX}{BETWEEN}{{min_value: {{$PARAMETER: x}}}}}}", "010", 16),
    "no bounds": (METRIC, GX + "{type: expect_column_max_to_be_between}", "010", 16),
    "expectation's bounds upside down": (METRIC, f"{GX}{BETWEEN}{{min_value: 5, max_value: 1}}}}", "010", 16),
    "expectation that is not installed": (
        METRIC,
        GX + "{type: expect_column_chisquare_test_p_value_to_be_greater_than}",
        "010",
        16,
    ),
    "expectation about two tables": (
        METRIC,
        GX + "{type: expect_table_row_count_to_equal_other_table, kwargs: {other_table_name: x}}",
        "010",
        16,
    ),
    "lengths upside down": ("pattern: '^[a-z]+$'", "minLength: 5, maxLength: 1", "010", 11),
    "lookahead in text": (METRIC, GX + NOT_RE2, "009", 16),
    "no check": (METRIC, "type: custom, engine: mlops, implementation: 'n: 3'", "010", 16),
    "unknown column": (METRIC, "type: sql, query: SELECT nope FROM records, mustBe: 0", "011", 16),
    "no SELECT": (METRIC, "type: sql, query: DROP TABLE records, mustBe: 0", "011", 16),
    "two statements": (METRIC, "type: sql, query: SELECT 1; SELECT 2, mustBe: 0", "011", 16),
    "two columns": (METRIC, "type: sql, query: 'SELECT 1, 2', mustBe: 0", "011", 16),
    "a file": (METRIC, "type: sql, query: SELECT count(*) FROM read_text('/etc/hostname'), mustBe: 0", "011", 16),
    "placeholder": (METRIC, "type: sql, query: 'SELECT count(${cell}) FROM {object}', mustBe: 0", "010", 16),
    "nested rule": ("    quality:\n", "    items: {logicalType: string}\n    quality:\n", "005", 15),
}


@pytest.mark.parametrize(("old", "new", "code", "line"), FAULTS.values(), ids=FAULTS)
def test_one_fault_gives_its_code_and_its_line(
    old: str, new: str, code: str, line: int, write_contract: Callable[..., Path]
) -> None:
    schema = GOOD.replace(old, new, 1)
    assert schema != GOOD
    assert (f"CONTRACT-{code}", line) in findings(write_contract(schema))


@pytest.mark.parametrize(
    ("kwargs", "said"),
    [
        ("{}", "rule records.language.known: missing argument value_set"),
        ("{value_set: [a], foo: 1}", "rule records.language.known: unknown argument foo"),
        ("{value_set: [a], mostly: 2}", "argument mostly: ensure this value is less than or equal to 1.0"),
        ("{value_set: [a], result_format: COMPLETE}", "the argument result_format is not for a contract"),
    ],
)
def test_what_is_wrong_with_the_arguments_of_an_expectation_is_said(
    kwargs: str, said: str, write_contract: Callable[..., Path]
) -> None:
    rule = f"{GX}{{type: expect_column_values_to_be_in_set, kwargs: {kwargs}}}"
    (finding,) = compile_findings(load_contract(write_contract(GOOD.replace(METRIC, rule))))
    assert said in finding.message


@pytest.mark.parametrize(
    ("bounds", "empty"),
    [
        ("minimum: 5, maximum: 1", True),
        ("minimum: 1, exclusiveMaximum: 1", True),
        ("exclusiveMinimum: 1, exclusiveMaximum: 1", True),
        ("minimum: 1, maximum: 1", False),
        ("exclusiveMinimum: 1, maximum: 1.5", False),
        ("minimum: 5", False),
    ],
)
def test_a_range_that_holds_no_number_is_an_error(
    bounds: str, empty: bool, write_contract: Callable[..., Path]
) -> None:
    column = f"{{name: value, logicalType: number, logicalTypeOptions: {{{bounds}}}}}"
    schema = f"- {{name: records, properties: [{column}]}}\n"
    found = compile_findings(load_contract(write_contract(schema)))
    assert [finding.message.startswith("property records.value: no number lies between") for finding in found] == (
        [True] if empty else []
    )


@pytest.mark.parametrize(
    "operator",
    ["mustBe: 0, mustBeLessThan: 3", "mustBe: .nan", "mustBe: zero", "mustBeBetween: [3, 3]", "description: nothing"],
)
def test_a_wrong_operator_is_told_once(operator: str, write_contract: Callable[..., Path]) -> None:
    path = write_contract(GOOD.replace("mustBe: 0", operator))
    assert [code for code, _ in findings(path)] == ["CONTRACT-008"]


def test_a_key_that_nobody_knows_is_told_beside_a_wrong_operator(write_contract: Callable[..., Path]) -> None:
    path = write_contract(GOOD.replace("mustBe: 0", "mustBe: 0, mustBeLessThan: 3, dimensoin: x"))
    assert [code for code, _ in findings(path)] == ["CONTRACT-005", "CONTRACT-008"]


def test_a_measure_in_a_rule_for_people_is_refused(write_contract: Callable[..., Path]) -> None:
    path = write_contract(GOOD.replace(METRIC, "type: text, metric: rowCount"))
    assert {code for code, _ in findings(path)} == {"CONTRACT-005"}


@pytest.mark.parametrize(("number", "holds"), [("999999999", True), ("1000000000", False), ("9" * 5000, False)])
def test_versions_have_short_numbers(number: str, holds: bool, write_contract: Callable[..., Path]) -> None:
    path = write_contract(GOOD)
    path.write_text(path.read_text().replace("version: 1.2.3", f"version: 1.{number}.0"))
    assert ("CONTRACT-006" in {code for code, _ in findings(path)}) is not holds


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("mlops.legalBasis", None),
        ("mlops.permittedPurposes", None),
        ("mlops.permittedPurposes", "[]"),
        ("mlops.permittedPurposes", "fine-tuning"),
        ("mlops.residency", None),
        ("mlops.residency", "[1]"),
        ("mlops.maxQuarantineShare", "1"),
        ("mlops.maxQuarantineShare", "'0.1'"),
    ],
)
def test_required_custom_properties(key: str, value: str | None, write_contract: Callable[..., Path]) -> None:
    declared = {
        "mlops.legalBasis": "gdpr-6-1-f",
        "mlops.permittedPurposes": "[fine-tuning]",
        "mlops.residency": "[EU]",
        key: value,
    }
    entries = [f"- {{property: {name}, value: {text}}}\n" for name, text in declared.items() if text is not None]
    path = write_contract(GOOD, policy="customProperties:\n" + "".join(entries))
    assert {code for code, _ in findings(path)} == {"CONTRACT-006"}
    with pytest.raises(ContractError, match=re.escape(key)):
        load_contract(path)


def test_all_findings_of_standard_and_profile_at_once(write_contract: Callable[..., Path]) -> None:
    schema = GOOD.replace("required: true", "requird: true").replace("mustBe: 0", "mustBe: zero")
    schema = schema.replace("^[a-z]+$", "(?=a)")
    path = write_contract(
        schema, head="apiVersion: v3.1.0\nkind: DataContract\nid: x\nname: y\nversion: '1'\nstatus: a\n"
    )
    codes = [code for code, _ in findings(path)]
    assert sorted(codes) == ["CONTRACT-005", "CONTRACT-006", "CONTRACT-008", "CONTRACT-009"]
    with pytest.raises(ContractError, match=r"3 more: mlops contract lint") as caught:
        load_contract(path)
    assert caught.value.exit_code == 20


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="CONTRACT-001 expected a file, found none") as caught:
        load_contract(tmp_path / "absent.odcs.yaml")
    assert caught.value.where == str(tmp_path / "absent.odcs.yaml")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"a: [1, 2", "CONTRACT-002"),
        (b"\xff\xfe\x00", "CONTRACT-002"),
        (b"a: \x00", "CONTRACT-002"),
        (b"", "CONTRACT-002"),
        (b"- 1", "CONTRACT-002"),
        (b"a: 1\n---\na: 2", "CONTRACT-002"),
        (b"a: !!python/object/apply:os.getcwd []", "CONTRACT-002"),
        (b"a: !!int x", "CONTRACT-002"),
        (b"1: a", "CONTRACT-002"),
        (b"? [a]\n: b", "CONTRACT-002"),
        (b"a: 1\nb: 2\na: 3", "CONTRACT-003"),
        (b"a: &x [*x]", "CONTRACT-004"),
        (b"a: &x [1]\n" + b"".join(b"b%d: *x\n" % n for n in range(MAX_ALIASES + 1)), "CONTRACT-004"),
        (b"[" * (MAX_DEPTH + 1), "CONTRACT-002"),
        (b"[" * 500_000, "CONTRACT-002"),
        (b"a: '" + b"x" * (1 << 20) + b"'", "CONTRACT-002"),
    ],
    ids=[
        "syntax", "not utf-8", "control character", "empty", "list", "two documents", "python object", "bad number",
        "number as key", "list as key", "duplicate key", "alias in itself", "many aliases", "deep", "very deep",
        "large",
    ],
)  # fmt: skip
def test_not_a_plain_mapping(content: bytes, code: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.odcs.yaml"
    path.write_bytes(content)
    assert code in {finding.code for finding in file_findings(parse_document(path))}
    with pytest.raises(ContractError):
        load_contract(path)


def test_billion_laughs_is_refused_before_it_is_expanded(tmp_path: Path) -> None:
    levels = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    path = tmp_path / "bomb.odcs.yaml"
    path.write_text("\n".join(levels))
    document = parse_document(path)
    assert [finding.code for finding in file_findings(document)] == ["CONTRACT-004"]
    assert document.data == {}


def test_core_schema_words(tmp_path: Path) -> None:
    path = tmp_path / "words.yaml"
    path.write_text("a: [no, on, yes, true, False, 010, 1e3, 1.5, -2, 2024-01-01, 12:30:00, null, ~, '1', .5, 1_000]\n")
    assert parse_document(path).data["a"] == [
        "no", "on", "yes", True, False, 10, 1000.0, 1.5, -2, "2024-01-01", "12:30:00", None, None, "1", 0.5, "1_000",
    ]  # fmt: skip
