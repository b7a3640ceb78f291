"""The clauses that a property carries in itself: type, required, unique, pattern, length, range, enum, finite."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mlops.contracts.bounds import allows_nothing
from mlops.contracts.contract import Property, SchemaObject
from mlops.contracts.nodes import is_number
from mlops.contracts.plan import Expectation, Rule
from mlops.contracts.quality import NONE_ALLOWED, NotCompilable, has_record_id, value_set

_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_OPTIONS = {"string": ("minLength", "maxLength", "pattern"), "integer": _BOUNDS, "number": _BOUNDS}


def _clause(table: SchemaObject, column: Property, clause: str, *expectations: Expectation) -> Rule:
    return Rule(
        id=f"{table.name}.{column.name}.{clause}",
        object=table.name,
        property=column.name,
        engine="great_expectations" if expectations else "arrow",
        kind=clause,
        severity="critical",
        row_level=has_record_id(table),
        line=column.line,
        operator=NONE_ALLOWED,
        columns=(column.column,),
        expectations=expectations,
    )


def _options(column: Property, *names: str) -> dict[str, Any]:
    return {name: column.options[name] for name in names if name in column.options}


def _type(table: SchemaObject, column: Property) -> Rule | None:
    where = f"{table.name}.{column.name}"
    if unknown := sorted(set(column.options) - set(_OPTIONS.get(column.logical_type, ()))):
        message = f"property {where}: {', '.join(unknown)} of logicalType {column.logical_type} cannot be checked"
        raise NotCompilable(message, "remove it, or say it as a sql rule")
    rule = _clause(table, column, "type")
    return replace(
        rule,
        row_level=False,
        operator=None,
        columns=(),
        arguments={"logicalType": column.logical_type, "column": column.column},
    )


def _required(table: SchemaObject, column: Property) -> Rule | None:
    if not (column.required or column.primary_key):
        return None
    expectation = Expectation("expect_column_values_to_not_be_null", {"column": column.column})
    return _clause(table, column, "required", expectation)


def _unique(table: SchemaObject, column: Property) -> Rule | None:
    alone = sum(other.primary_key for other in table.properties) == 1
    if not (column.unique or (column.primary_key and alone)):
        return None
    expectation = Expectation("expect_column_values_to_be_unique", {"column": column.column})
    return _clause(table, column, "unique", expectation)


def _pattern(table: SchemaObject, column: Property) -> Rule | None:
    if "pattern" not in column.options:
        return None
    return replace(_clause(table, column, "pattern"), arguments={"regex": column.options["pattern"], "match": True})


def _length(table: SchemaObject, column: Property) -> Rule | None:
    bounds = _options(column, "minLength", "maxLength")
    if not bounds:
        return None
    low, high = bounds.get("minLength"), bounds.get("maxLength")
    if allows_nothing(low, high):
        message = f"property {table.name}.{column.name}: minLength lies above maxLength: no text can keep both"
        raise NotCompilable(message, "correct one of them")
    kwargs = {"column": column.column, "min_value": low, "max_value": high}
    return _clause(table, column, "length", Expectation("expect_column_value_lengths_to_be_between", kwargs))


def _range(table: SchemaObject, column: Property) -> Rule | None:
    bounds = _options(column, "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
    if not bounds:
        return None
    where = f"{table.name}.{column.name}"
    for end in ("inimum", "aximum"):
        given = [name for name in bounds if name.endswith(end)]
        if len(given) > 1 or not all(is_number(bounds[name]) for name in given):
            raise NotCompilable(f"property {where}: expected one number for {' or '.join(given)}", "keep one of them")
    kwargs = {
        "column": column.column,
        "min_value": bounds.get("minimum", bounds.get("exclusiveMinimum")),
        "max_value": bounds.get("maximum", bounds.get("exclusiveMaximum")),
        "strict_min": "exclusiveMinimum" in bounds,
        "strict_max": "exclusiveMaximum" in bounds,
    }
    if allows_nothing(kwargs["min_value"], kwargs["max_value"], strict=any(name.startswith("ex") for name in bounds)):
        message = f"property {where}: no number lies between {' and '.join(sorted(bounds, reverse=True))}"
        raise NotCompilable(message, "correct one of them")
    return _clause(table, column, "range", Expectation("expect_column_values_to_be_between", kwargs))


def _enum(table: SchemaObject, column: Property) -> Rule | None:
    if column.allowed is None:
        return None
    values = value_set(f"property {table.name}.{column.name}", column, list(column.allowed))
    expectation = Expectation("expect_column_values_to_be_in_set", {"column": column.column, "value_set": values})
    return _clause(table, column, "enum", expectation)


def _finite(table: SchemaObject, column: Property) -> Rule | None:
    return _clause(table, column, "finite") if column.logical_type == "number" else None


CLAUSES = (_type, _required, _unique, _pattern, _length, _range, _enum, _finite)
