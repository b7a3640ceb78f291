"""What holds for any file: lint says something and never raises; and no clause of a contract gets lost."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlops.contracts.check import check
from mlops.contracts.compile import plan_and_findings
from mlops.contracts.contract import load_contract
from mlops.contracts.errors import ContractError
from mlops.contracts.lint import errors, lint
from mlops.contracts.nodes import OPERATORS
from mlops.contracts.waivers import waivers
from mlops.stages.checks.arguments import argument_problems
from tests.unit.contracts.test_lint_rules import GOOD

SHIPPED = sorted((Path(__file__).resolve().parents[3] / "data_contracts").glob("*.odcs.yaml"))
CONTRACTS = [
    yaml.safe_load(GOOD.replace("2027-06-30", "'2027-06-30'")),
    *(yaml.safe_load(p.read_text()) for p in SHIPPED),
]
TODAY = date(2026, 11, 21)
KEYS = (
    "apiVersion", "arguments", "authoritativeDefinitions", "check", "classification", "customProperties", "description",
    "element", "engine", "enum", "expires", "id", "implementation", "items", "keyField", "kind", "kwargs",
    "logicalType", "logicalTypeOptions", "maxDays", "metric", "name", "owner", "pattern", "physicalName", "primaryKey",
    "properties", "property", "quality", "query", "reason", "relationships", "required", "role", "roles", "rule",
    "schema", "severity", "slaProperties", "status", "tags", "team", "type", "unique", "unit", "value", "version",
    *OPERATORS,
)  # fmt: skip
WORDS = (
    "", " ", "v3.1.0", "v3.2.0", "1.0.0", "records", "record_id", "text", "sql", "custom", "library", "mlops",
    "greatExpectations", "rowCount", "duplicateValues", "nullValues", "invalidValues", "string", "number", "timestamp",
    "array", "pii:health", "phi", "retention", "y", "mlops.waivers", "mlops.deletion", "mlops.masking",
    "mlops.regulations", "mlops.residency", "GDPR", "CCPA", "HIPAA", "SELECT 1", "${object}", "(?=a)", "a\nb",
    "ngram_overlap", "expect_column_values_to_be_unique", "check: text_length", "2027-06-30", "\ud7ff", "\u2028",
)  # fmt: skip
scalars = (
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.floats() | st.text(max_size=6)
    | st.sampled_from(WORDS)
)  # fmt: skip
keys = st.sampled_from(KEYS) | st.text(max_size=4)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4), max_leaves=12
)
anything = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every key and every entry below a node."""
    for step, child in node.items() if isinstance(node, dict) else enumerate(node):
        yield (*path, step)
        if isinstance(child, dict | list):
            yield from places(child, (*path, step))


PLACES = [list(places(contract)) for contract in CONTRACTS]


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    """A contract in which one to three things are replaced, removed, renamed, repeated or taken from elsewhere."""
    number = draw(st.just(0) | st.integers(0, len(CONTRACTS) - 1))  # mostly the small one
    contract = copy.deepcopy(CONTRACTS[number])
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(PLACES[number]))
        try:
            parent = contract
            for step in path[:-1]:
                parent = parent[step]
            old = parent[path[-1]]
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change removed it
        if isinstance(parent, str):
            continue  # an earlier change put a word there
        match draw(st.sampled_from(["replace", "remove", "rename", "repeat"])):
            case "replace":
                parent[path[-1]] = draw(values)
            case "remove":
                del parent[path[-1]]
            case "rename" if isinstance(parent, dict):
                parent[draw(keys)] = parent.pop(path[-1])
            case "repeat" if isinstance(parent, list):
                parent.append(old)
    return contract


def write(path: Path, data: Any) -> Path:
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    return path


def assert_lint_answers(path: Path) -> None:
    """Lint answers in whole lines, and whoever it finds nothing in can be loaded and compiled."""
    found = lint(path, argument_problems=argument_problems, on=TODAY)
    assert all(finding.at(path).splitlines() == [finding.at(path)] for finding in found)
    if errors(found):
        return
    _, problems = plan_and_findings(load_contract(path))
    assert problems == []


@anything
@given(values)
def test_lint_never_raises_on_anything_that_yaml_can_say(tmp_path: Path, data: Any) -> None:
    assert_lint_answers(write(tmp_path / "any.odcs.yaml", data))


@anything
@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_lint_never_raises_on_any_bytes(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any.odcs.yaml"
    path.write_bytes(content)
    assert errors(lint(path, on=TODAY)), "a few bytes are no contract"


@settings(anything, max_examples=120)
@given(damaged())
def test_lint_never_raises_on_a_damaged_contract(tmp_path: Path, data: Any) -> None:
    assert_lint_answers(write(tmp_path / "damaged.odcs.yaml", data))


def test_a_name_of_two_lines_is_told_in_one(tmp_path: Path) -> None:
    path = write(tmp_path / "damaged.odcs.yaml", {"schema": [{"name": "x", "properties": [{"name": "a\nb\u2028c"}]}]})
    assert any("property a b c: expected a logicalType" in finding.at(path) for finding in lint(path, on=TODAY))
    assert_lint_answers(path)


def clauses(data: dict[str, Any]) -> int:
    """How many clauses a contract has, counted by hand from its text."""
    count = len(data.get("slaProperties", []))
    for table in data["schema"]:
        keyed = [column for column in table["properties"] if column.get("primaryKey")]
        count += 2 + (len(keyed) > 1) + len(table.get("quality", []))  # its columns, its rows, its key
        for column in table["properties"]:
            options = column.get("logicalTypeOptions", {})
            count += len(column.get("quality", [])) + sum(
                [
                    1,  # its type
                    bool(column.get("required") or column.get("primaryKey")),
                    bool(column.get("unique") or keyed == [column]),
                    "pattern" in options,
                    any(name in options for name in ("minLength", "maxLength")),
                    any(name.lower().endswith(("minimum", "maximum")) for name in options),
                    "enum" in column,
                    column["logicalType"] == "number",
                ]
            )
    return count


@settings(anything, max_examples=60)
@given(damaged())
def test_every_clause_is_a_rule_or_a_persons_or_waived(tmp_path: Path, data: Any) -> None:
    path = write(tmp_path / "damaged.odcs.yaml", data)
    try:
        contract = load_contract(path)
    except ContractError:
        return
    plan, problems = plan_and_findings(contract)
    if problems:
        return
    assert plan.declared == clauses(data)
    assert {waiver.rule for waiver in plan.waived}.isdisjoint(rule.id for rule in plan.rules)
    coverage = check(contract, {}).coverage  # no tables: each rule is an error of its own, and none disappears
    assert coverage.declared == plan.declared
    assert (coverage.executed, coverage.human, coverage.waived) == (0, len(plan.human), len(waivers(contract)))


@pytest.mark.parametrize("number", range(len(CONTRACTS)), ids=["good", *(path.stem for path in SHIPPED)])
def test_the_count_by_hand_is_that_of_whole_contracts(number: int, tmp_path: Path) -> None:
    contract = load_contract(write(tmp_path / "whole.odcs.yaml", CONTRACTS[number]))
    plan, problems = plan_and_findings(contract)
    assert (plan.declared, problems) == (clauses(CONTRACTS[number]), [])
