"""The entries of a ``quality`` list: library metrics, SQL, custom engines, text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mlops.contracts.contract import HumanItem, Operator, Property, QualityRule, SchemaObject
from mlops.contracts.expectation_arguments import expectation_problems
from mlops.contracts.nodes import list_of, mapping_of
from mlops.contracts.plan import SEVERITIES, Expectation, Rule
from mlops.contracts.profile import pattern_problem
from mlops.yaml_source import parse_text

RECORD_ID = "record_id"
OFFENDING_RECORDS = "mlops.offendingRecords"
NONE_ALLOWED = Operator("mustBe", (0,))

_GX_NAMES = ("great-expectations", "greatexpectations", "great_expectations", "gx")
_ROW_EXPECTATIONS = (
    "expect_column_values_",
    "expect_column_value_lengths_",
    "expect_column_pair_values_",
    "expect_compound_columns_",
    "expect_select_column_values_",
    "expect_multicolumn_",
)
_COLUMN_KEYS = ("column", "column_A", "column_B")
_MATCH = {"expect_column_values_to_match_regex": True, "expect_column_values_to_not_match_regex": False}


class NotCompilable(Exception):
    """A clause that no engine can run; compile.py turns it into a finding."""

    def __init__(self, message: str, todo: str, code: str = "CONTRACT-010") -> None:
        super().__init__(message)
        self.message, self.todo, self.code = message, todo, code


def has_record_id(table: SchemaObject) -> bool:
    """Whether rows of this object can be set aside one by one."""
    return any(column.column == RECORD_ID for column in table.properties)


def _identity(table: SchemaObject, owner: Property | None, rule: QualityRule) -> str:
    return ".".join((table.name, owner.name, rule.id) if owner else (table.name, rule.id))


def human_item(table: SchemaObject, owner: Property | None, rule: QualityRule) -> HumanItem:
    """A ``text`` rule, for a person's checklist."""
    return HumanItem(_identity(table, owner, rule), str(rule.entry.get("description", "")))


def compile_rule(table: SchemaObject, owner: Property | None, rule: QualityRule) -> Rule:
    """One rule of a ``quality`` list.

    Raises:
        NotCompilable: the rule names something that no engine here can run.
    """
    name = f"rule {_identity(table, owner, rule)}"
    if rule.severity not in SEVERITIES:
        raise NotCompilable(f"{name}: unknown severity", f"use one of {', '.join(SEVERITIES)}")
    if rule.unit not in ("rows", "percent"):
        raise NotCompilable(f"{name}: unknown unit", "use rows or percent")
    base = Rule(
        id=_identity(table, owner, rule),
        object=table.name,
        property=owner.name if owner else None,
        engine="great_expectations",
        kind=rule.kind,
        severity=rule.severity,
        row_level=has_record_id(table) and rule.operator is not None and rule.operator.none_allowed(rule.unit),
        line=rule.line,
        operator=rule.operator,
        unit=rule.unit,
        columns=(owner.column,) if owner else (),
    )
    if rule.kind == "library":
        return _library(name, base, table, owner, rule)
    if rule.kind == "sql":
        return _sql(name, base, table, owner, rule)
    engine = str(rule.entry.get("engine", "")).lower()
    if engine in _GX_NAMES:
        return _great_expectations(name, base, table, owner, rule)
    if engine == "mlops":
        return _named(name, base, table, rule)
    raise NotCompilable(f"{name}: no engine {engine!r} here", "use greatExpectations, mlops, or a sql rule")


def value_set(name: str, column: Property, values: list[Any]) -> list[Any]:
    """Values of an ``enum`` or ``validValues``, checked against the column's type.

    Raises:
        NotCompilable: an empty set, or values that the column cannot hold.
    """
    kinds: dict[str, tuple[type, ...]] = {
        "string": (str,),
        "integer": (int,),
        "number": (int, float),
        "boolean": (bool,),
    }
    allowed = kinds.get(column.logical_type)
    if allowed is None:
        raise NotCompilable(f"{name}: sets of logicalType {column.logical_type} cannot be checked", "use a sql rule")
    if not values or not all(type(value) in allowed for value in values):
        raise NotCompilable(f"{name}: expected values of logicalType {column.logical_type}", "correct the list")
    return values


def _library(name: str, base: Rule, table: SchemaObject, owner: Property | None, rule: QualityRule) -> Rule:
    metric, arguments = str(rule.entry["metric"]), mapping_of(rule.entry.get("arguments"))
    known = {
        "missingValues": {"missingValues"},
        "invalidValues": {"validValues", "pattern"},
        "duplicateValues": set() if owner else {"properties"},
    }.get(metric, set())
    if unknown := sorted(set(arguments) - known):
        raise NotCompilable(f"{name}: {metric} takes no argument {', '.join(unknown)}", "remove it")
    if metric == "rowCount":
        return _row_count(name, base, owner)
    if metric == "duplicateValues":
        return _duplicates(name, base, table, owner, list_of(arguments.get("properties")))
    if owner is None:
        raise NotCompilable(f"{name}: {metric} needs a property", "move the rule to the property it is about")
    if metric == "invalidValues":
        return _invalid(name, base, owner, arguments)
    column = {"column": owner.column}
    expectations = [Expectation("expect_column_values_to_not_be_null", column)]
    if metric == "missingValues":
        markers = [value for value in list_of(arguments.get("missingValues")) if value is not None]
        if markers:
            values = value_set(name, owner, markers)
            expectations.append(Expectation("expect_column_values_to_not_be_in_set", {**column, "value_set": values}))
    return replace(base, kind=metric, expectations=tuple(expectations))


def _row_count(name: str, base: Rule, owner: Property | None) -> Rule:
    if owner is not None or base.unit != "rows":
        raise NotCompilable(f"{name}: rowCount counts the rows of an object", "move it to the object, with unit rows")
    expectation = Expectation("expect_table_row_count_to_be_between", {})
    return replace(base, kind="rowCount", row_level=False, expectations=(expectation,))


def _duplicates(name: str, base: Rule, table: SchemaObject, owner: Property | None, names: list[Any]) -> Rule:
    if owner is not None:
        expectation = Expectation("expect_column_values_to_be_unique", {"column": owner.column})
        return replace(base, kind="duplicateValues", expectations=(expectation,))
    columns = {column.name: column.column for column in table.properties}
    if not names or not all(isinstance(each, str) and each in columns for each in names):
        raise NotCompilable(f"{name}: expected arguments.properties, names of this object", "name the properties")
    key = tuple(columns[each] for each in names)
    if len(key) == 1:
        expectation = Expectation("expect_column_values_to_be_unique", {"column": key[0]})
    else:
        expectation = Expectation("expect_compound_columns_to_be_unique", {"column_list": list(key)})
    return replace(base, kind="duplicateValues", columns=key, expectations=(expectation,))


def _invalid(name: str, base: Rule, owner: Property, arguments: Mapping[str, Any]) -> Rule:
    if len(arguments) != 1:
        raise NotCompilable(f"{name}: expected validValues or pattern", "give one of the two")
    if "pattern" in arguments:
        return _regex(name, replace(base, kind="invalidValues"), owner, arguments["pattern"], match=True)
    values = value_set(name, owner, list_of(arguments["validValues"]))
    expectation = Expectation("expect_column_values_to_be_in_set", {"column": owner.column, "value_set": values})
    return replace(base, kind="invalidValues", expectations=(expectation,))


def _regex(name: str, base: Rule, owner: Property | None, pattern: Any, *, match: bool) -> Rule:
    if owner is None or owner.logical_type != "string":
        raise NotCompilable(f"{name}: patterns are for properties of logicalType string", "move the rule")
    problem = pattern_problem(pattern) if isinstance(pattern, str) else "expected text"
    if problem:
        todo = "write it without look-around and back-references"
        raise NotCompilable(f"{name}: not an RE2 pattern: {problem}", todo, "CONTRACT-009")
    return replace(base, engine="arrow", expectations=(), arguments={"regex": pattern, "match": match})


_PLACEHOLDER = re.compile(r"\$?\{(object|table|schema|property|column)\}")


def _fill(name: str, query: Any, table: SchemaObject, owner: Property | None) -> str:
    def fill(found: re.Match[str]) -> str:
        if found[1] in ("object", "table", "schema"):
            return quote(table.name)
        if owner is None:
            raise NotCompilable(f"{name}: {found[0]} needs a property", "move the rule or name the column")
        return quote(owner.column)

    text = _PLACEHOLDER.sub(fill, str(query))
    if unknown := re.search(r"\$\{\w+\}", text):
        raise NotCompilable(f"{name}: unknown placeholder {unknown[0]}", "use {object} or {property}")
    return text


def quote(identifier: str) -> str:
    """A SQL identifier in quotes."""
    return '"' + identifier.replace('"', '""') + '"'


def _sql(name: str, base: Rule, table: SchemaObject, owner: Property | None, rule: QualityRule) -> Rule:
    arguments = {"query": _fill(name, rule.entry["query"], table, owner)}
    if OFFENDING_RECORDS in rule.custom:
        if not base.row_level:
            raise NotCompilable(
                f"{name}: {OFFENDING_RECORDS} is for rules that allow no row, on objects with {RECORD_ID}",
                "write mustBe: 0, or remove the property",
            )
        arguments["offending"] = _fill(name, rule.custom[OFFENDING_RECORDS], table, owner)
    return replace(
        base, engine="duckdb", kind="sql", columns=(), row_level="offending" in arguments, arguments=arguments
    )


def _implementation(name: str, rule: QualityRule) -> Mapping[str, Any]:
    written = rule.entry["implementation"]
    if isinstance(written, str):
        parsed, findings = parse_text(written)
        if findings:
            raise NotCompilable(f"{name}: the implementation is not YAML: {findings[0].message}", findings[0].todo)
        written = parsed
    return mapping_of(written)


@cache
def _known_expectations() -> frozenset[str]:
    """Names of the expectations of the installed Great Expectations, without the seconds that its import takes."""
    spec = find_spec("great_expectations")
    folders = spec.submodule_search_locations if spec else None
    return frozenset(path.stem for folder in folders or () for path in Path(folder, "expectations/core").glob("*.py"))


def _great_expectations(name: str, base: Rule, table: SchemaObject, owner: Property | None, rule: QualityRule) -> Rule:
    written = _implementation(name, rule)
    kind = written.get("type", written.get("expectation_type"))
    if unknown := sorted(set(written) - {"type", "expectation_type", "kwargs"}):
        raise NotCompilable(f"{name}: unknown key {', '.join(unknown)} in the implementation", "use type and kwargs")
    if not isinstance(kind, str) or not kind.startswith("expect_") or kind not in _known_expectations():
        raise NotCompilable(f"{name}: unknown expectation", "name one of Great Expectations, in snake case")
    kwargs = dict(mapping_of(written.get("kwargs")))
    if owner is not None and kind.startswith("expect_column_") and "pair" not in kind:
        kwargs.setdefault("column", owner.column)
    _columns_exist(name, table, kwargs)
    mostly = kwargs.get("mostly", 1)
    base = replace(base, kind=kind, row_level=False)
    if kind.startswith(_ROW_EXPECTATIONS) and mostly == 1:
        base = replace(base, row_level=has_record_id(table))
        kwargs.pop("mostly", None)
        if kind in _MATCH and set(kwargs) == {"column", "regex"}:
            column = next(each for each in table.properties if each.column == kwargs["column"])
            exact = replace(base, operator=NONE_ALLOWED, columns=(column.column,))
            return _regex(name, exact, column, kwargs["regex"], match=_MATCH[kind])
    if problems := expectation_problems(kind, kwargs):
        todo = "correct kwargs; docs.greatexpectations.io says what the expectation takes"
        raise NotCompilable(f"{name}: {'; '.join(problems)}", todo)
    columns = tuple(str(kwargs[key]) for key in _COLUMN_KEYS if key in kwargs)
    return replace(base, columns=columns, expectations=(Expectation(kind, kwargs),))


def _columns_exist(name: str, table: SchemaObject, kwargs: Mapping[str, Any]) -> None:
    known = {column.column for column in table.properties}
    named = [kwargs[key] for key in _COLUMN_KEYS if key in kwargs] + list_of(kwargs.get("column_list"))
    if any(column not in known for column in named):
        raise NotCompilable(f"{name}: a column that {table.name} does not declare", "name a declared column")
    for pattern in [kwargs.get("regex"), *list_of(kwargs.get("regex_list"))]:
        problem = pattern_problem(pattern) if isinstance(pattern, str) else None
        if problem:
            todo = "write it without look-around and back-references"
            raise NotCompilable(f"{name}: not an RE2 pattern: {problem}", todo, "CONTRACT-009")


def _named(name: str, base: Rule, table: SchemaObject, rule: QualityRule) -> Rule:
    arguments = dict(_implementation(name, rule))
    check = arguments.pop("check", None)
    if not isinstance(check, str) or not check:
        raise NotCompilable(f"{name}: expected check: NAME in the implementation", "name the check")
    return replace(
        base,
        engine="named",
        kind="named",
        row_level=has_record_id(table),
        columns=(),
        arguments={"check": check, "arguments": arguments},
    )
