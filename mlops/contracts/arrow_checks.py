"""Rules that Arrow runs itself: columns, types, patterns (RE2, linear time), finite numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mlops.contracts.measurement import Measurement
from mlops.contracts.plan import Rule
from mlops.contracts.sources import plain_type


def is_text(kind: pa.DataType) -> bool:
    """Whether a column of this Arrow type holds text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _is_moment(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind) and kind.tz)


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


_LOGICAL_TYPES: dict[str, Callable[[pa.DataType], bool]] = {
    "string": is_text,
    "integer": pa.types.is_integer,
    "number": _is_number,
    "boolean": pa.types.is_boolean,
    "date": pa.types.is_date,
    "timestamp": _is_moment,
    "time": pa.types.is_time,
    "object": pa.types.is_struct,
    "array": _is_list,
    "map": pa.types.is_map,
    "vector": lambda kind: _is_list(kind) and _is_number(kind.value_type),
}


def usable_columns(schema: pa.Schema, rules: Iterable[Rule]) -> frozenset[str]:
    """Columns that are there, once, in their declared type, read from the ``type`` rules of the object."""
    types = {str(rule.arguments["column"]): rule for rule in rules if rule.kind == "type"}
    return frozenset(column for column, rule in types.items() if measure_type(rule, schema, 0).passed)


def measure_columns(declared: Iterable[str], schema: pa.Schema, total: int) -> Measurement:
    """The exact set of columns. Undeclared columns are counted, not named: their names come from the data."""
    wanted, found = dict.fromkeys(declared), Counter(schema.names)
    missing = [name for name in wanted if name not in found]
    extra = sum(count for name, count in found.items() if name not in wanted)
    repeated = len(schema.names) - len(found)
    wrong = len(missing) + extra + repeated
    parts = [f"missing: {', '.join(missing)}"] if missing else []
    parts += [f"{extra} undeclared"] if extra else []
    parts += [f"{repeated} repeated"] if repeated else []
    return Measurement(total, observed=wrong, passed=wrong == 0, detail="; ".join(parts))


def measure_type(rule: Rule, schema: pa.Schema, total: int) -> Measurement:
    """The logical type of one column against its Arrow type. A timestamp without a time zone names no moment."""
    column, wanted = rule.arguments["column"], rule.arguments["logicalType"]
    places = schema.get_all_field_indices(column)
    if len(places) != 1:
        return Measurement(total, error=f"expected one column {column}")
    found = plain_type(schema.field(places[0]).type)
    if _LOGICAL_TYPES[wanted](found):
        return Measurement(total, passed=True)
    expected = "timestamp with a time zone" if wanted == "timestamp" else wanted
    return Measurement(total, passed=False, detail=f"expected {expected}, found {_family(found)}")


def _family(kind: pa.DataType) -> str:
    """The type in words. The names of a struct's fields come from the data and stay unsaid."""
    return "nested" if pa.types.is_nested(kind) else str(kind)


def offending_rows(rule: Rule, rows: pa.Table) -> pa.Array:
    """Positions of the rows that break a ``pattern``, ``invalidValues`` or ``finite`` rule; null rows do not."""
    return pc.indices_nonzero(pc.fill_null(_offends(rule, rows[rule.columns[0]]), False))


def _offends(rule: Rule, column: pa.ChunkedArray) -> Any:
    if rule.kind == "finite":
        if not pa.types.is_floating(column.type):
            return pa.chunked_array([pa.repeat(pa.scalar(False), len(column))])
        return pc.invert(pc.is_finite(column))
    if pa.types.is_string_view(column.type):
        column = column.cast(pa.large_string())
    matches = pc.match_substring_regex(column, rule.arguments["regex"])
    return pc.invert(matches) if rule.arguments["match"] else matches
