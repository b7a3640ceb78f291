"""Every rule of every contract as a plain English sentence."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlops.contracts.compile import compile_contract
from mlops.contracts.contract import Operator, load_contract
from mlops.contracts.plan import Expectation, Rule
from mlops.governance.catalog.words import consequence, in_words, listed, quantity, wording

ROOT = Path(__file__).resolve().parents[3]
CONTRACTS = sorted((ROOT / "data_contracts").glob("*.odcs.yaml"))

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: urn:dc:test:words
name: words
version: 1.0.0
status: active
schema:
- name: records
  quality:
  - {id: enough, metric: rowCount, mustBeBetween: [10, 20]}
  - {id: pairs, metric: duplicateValues, arguments: {properties: [code, score]}, mustBeLessThan: 5}
  - {id: english, type: sql, description: enough is English, query: SELECT 1 FROM records, mustBeGreaterThan: 0.5}
  - {id: silent, type: sql, query: SELECT 1 FROM records, mustBeLessThan: 3}
  - id: overlap
    type: custom
    engine: mlops
    description: nothing of the test is in it
    implementation: {check: ngram_overlap, n: 13, against: evals/holdout.jsonl}
  properties:
  - name: code
    logicalType: string
    primaryKey: true
    logicalTypeOptions: {pattern: '^a+$', minLength: 3}
    enum: [{value: aaa}, {value: aaaa}]
    quality:
    - {id: known, metric: invalidValues, arguments: {validValues: [aaa]}, mustBe: 0}
    - {id: shape, metric: invalidValues, arguments: {pattern: '^a'}, unit: percent, mustBeLessOrEqualTo: 2.5}
    - {id: gaps, metric: nullValues, mustBeLessOrEqualTo: 7}
    - {id: blanks, metric: missingValues, arguments: {missingValues: ['', n/a]}, mustBe: 0}
    - {id: repeats, metric: duplicateValues, unit: percent, mustBeLessThan: 10}
    - id: no_mail
      type: custom
      engine: greatExpectations
      implementation: {type: expect_column_values_to_not_match_regex, kwargs: {regex: '@'}}
  - name: score
    logicalType: number
    logicalTypeOptions: {exclusiveMinimum: 0, maximum: 1}
    quality:
    - id: mean
      type: custom
      engine: greatExpectations
      implementation: {type: expect_column_mean_to_be_between, kwargs: {min_value: 0.2, max_value: 0.8}}
    - id: spread
      type: custom
      engine: greatExpectations
      severity: warning
      implementation:
        type: expect_column_values_to_be_between
        kwargs: {min_value: 0.1, mostly: 0.95}
roles: [{role: reader}]
customProperties:
- {property: mlops.legalBasis, value: gdpr-6-1-f}
- {property: mlops.permittedPurposes, value: [fine-tuning]}
- {property: mlops.residency, value: [EU]}
"""
SENTENCES = {
    "records.columns": "records has exactly the declared columns, no more and no fewer.",
    "records.rows": "records has at least 1 row.",
    "records.code.type": "code holds text.",
    "records.code.required": "Every row has a value for code.",
    "records.code.unique": "No two rows have the same code.",
    "records.code.pattern": "Every code matches a pattern.",
    "records.code.length": "code is at least 3 characters long.",
    "records.code.enum": "code is aaa or aaaa.",
    "records.score.type": "score holds numbers.",
    "records.score.range": "score is more than 0 and at most 1.",
    "records.score.finite": "score is always a finite number, never infinite or undefined.",
    "records.enough": "records has 10 to 20 rows.",
    "records.pairs": "Fewer than 5 rows may share their code and score with another row.",
    "records.english": "Enough is English. A query answers with more than 0.5.",
    "records.silent": "A query answers with less than 3.",
    "records.overlap": (
        "Nothing of the test is in it. The data passes the check ngram overlap, with n 13, against evals/holdout.jsonl."
    ),
    "records.code.known": "No row may have a code other than aaa.",
    "records.code.shape": "At most 2.5% of the rows may have a code that does not match a pattern.",
    "records.code.gaps": "At most 7 rows may lack a value for code.",
    "records.code.blanks": "No row may lack a value for code, where the empty text or n/a counts as none too.",
    "records.code.repeats": "Fewer than 10% of the rows may share code with another row.",
    "records.code.no_mail": "No row may have a code that matches a pattern.",
    "records.score.mean": "The mean of score must be 0.2 to 0.8.",
    "records.score.spread": (
        "The values of score must be at least 0.1. This holds for at least 95% of the rows that have a value."
    ),
}


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Rule, str]]:
    path = tmp_path_factory.mktemp("words") / "words.odcs.yaml"
    path.write_text(CONTRACT)
    contract = load_contract(path)
    why = {f"records.{rule.id}": str(rule.entry.get("description", "")) for rule in contract.objects[0].quality}
    return {rule.id: (rule, why.get(rule.id, "")) for rule in compile_contract(contract).rules}


def test_each_rule_of_the_contract_has_its_sentence_below(rules: dict[str, tuple[Rule, str]]):
    assert set(rules) == set(SENTENCES)


@pytest.mark.parametrize("name", SENTENCES)
def test_sentence(rules: dict[str, tuple[Rule, str]], name: str):
    assert in_words(*rules[name]) == SENTENCES[name]


@pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: path.stem)
def test_each_rule_of_the_shipped_contracts_is_a_sentence(path: Path):
    for rule in compile_contract(load_contract(path)).rules:
        sentence = in_words(rule)
        assert sentence.endswith(".")
        assert "None" not in sentence
        assert "{" not in sentence


def expectations() -> list[str]:
    spec = importlib.util.find_spec("great_expectations")
    assert spec is not None
    folders = spec.submodule_search_locations or []
    return sorted(path.stem for folder in folders for path in Path(folder, "expectations/core").glob("expect_*.py"))


ARGUMENTS: list[dict[str, Any]] = [
    {},
    {"column": "score", "min_value": 1, "max_value": 2, "mostly": 0.9},
    {"column_list": ["a", "b"], "value_set": ["x"], "regex": "^x$", "threshold": 0.1},
    {"column_A": "a", "column_B": "b", "value_pairs_set": [["x", "y"]]},
]


@pytest.mark.parametrize("kwargs", ARGUMENTS, ids=["none", "bounds", "list", "pair"])
@pytest.mark.parametrize("kind", expectations())
def test_each_expectation_of_the_library_is_a_sentence(kind: str, kwargs: dict[str, Any]):
    rule = Rule(
        "t.r", "t", None, "great_expectations", kind, "error", False, 1, expectations=(Expectation(kind, kwargs),)
    )
    sentence = in_words(rule)
    assert re.fullmatch(r"\S.*\S\.", sentence)
    assert "_to_" not in sentence
    assert "None" not in sentence
    assert "  " not in sentence


def test_an_expectation_says_its_bounds_and_its_share():
    kwargs = {"column": "score", "min_value": 1, "max_value": 2, "strict_min": True, "mostly": 0.9}
    kind = "expect_column_values_to_be_between"
    rule = Rule(
        "t.r", "t", None, "great_expectations", kind, "error", False, 1, expectations=(Expectation(kind, kwargs),)
    )
    assert in_words(rule) == (
        "The values of score must be more than 1 and at most 2."
        " This holds for at least 90% of the rows that have a value."
    )


OPERATORS = {
    "exactly 3": Operator("mustBe", (3,)),
    "any number but 3": Operator("mustNotBe", (3,)),
    "more than 3": Operator("mustBeGreaterThan", (3,)),
    "at least 3": Operator("mustBeGreaterOrEqualTo", (3,)),
    "fewer than 3": Operator("mustBeLessThan", (3,)),
    "at most 3": Operator("mustBeLessOrEqualTo", (3,)),
    "3 to 4": Operator("mustBeBetween", (3, 4)),
    "fewer than 3 or more than 4": Operator("mustNotBeBetween", (3, 4)),
}


@pytest.mark.parametrize("words", OPERATORS)
def test_operator(words: str):
    assert quantity(OPERATORS[words]) == words


def test_no_digit_of_a_bound_is_lost() -> None:
    assert "1234568 rows" in quantity(Operator("mustBeLessThan", (1234568,)), " rows")


def test_what_only_its_own_notation_says(rules: dict[str, tuple[Rule, str]]):
    assert wording(rules["records.code.pattern"][0]) == "^a+$"
    assert wording(rules["records.english"][0]) == "SELECT 1 FROM records"
    assert wording(rules["records.code.type"][0]) == ""


def test_consequence(rules: dict[str, tuple[Rule, str]]):
    rule = rules["records.code.required"][0]
    assert consequence(replace(rule, row_level=True)) == "sets the record aside"
    assert consequence(replace(rule, row_level=False)) == "blocks the data"
    assert consequence(replace(rule, severity="warning", row_level=True)) == "is reported"


def test_long_lists_are_counted():
    assert listed(["a"]) == "a"
    assert listed(["a", "b", 3]) == "a, b or 3"
    assert listed([str(number) for number in range(20)], most=2) == "0, 1 or one of 18 more"
