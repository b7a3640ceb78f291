"""Rules that Arrow runs itself: columns, types, patterns (RE2, linear time), finite numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mlops.contracts.measurement import Measurement, failed_to_run
from mlops.contracts.plan import Rule

RECORD_ID = "record_id"


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


_LOGICAL_TYPES: dict[str, Callable[[pa.DataType], bool]] = {
    "string": _is_text,
    "integer": pa.types.is_integer,
    "number": _is_number,
    "boolean": pa.types.is_boolean,
    "date": pa.types.is_date,
    "timestamp": pa.types.is_timestamp,
    "time": pa.types.is_time,
    "object": pa.types.is_struct,
    "array": _is_list,
    "map": pa.types.is_map,
    "vector": lambda kind: _is_list(kind) and _is_number(kind.value_type),
}


def decode_dictionaries(table: pa.Table) -> pa.Table:
    """``table`` with dictionary-encoded columns as plain ones: an encoding is not a type."""
    for position, column in enumerate(table.schema):
        if pa.types.is_dictionary(column.type):
            plain = table.column(position).cast(column.type.value_type)
            table = table.set_column(position, column.name, plain)
    return table


def record_ids(table: pa.Table, rows: Iterable[int]) -> tuple[str, ...]:
    """Distinct record ids of the given rows, sorted.

    Empty where the table has no ``record_id`` or one of the rows has none: such a row cannot be set aside, so the
    rule's failure is that of the whole table.
    """
    if RECORD_ID not in table.column_names or not _is_text(table.schema.field(RECORD_ID).type):
        return ()
    found = pc.take(table[RECORD_ID], pa.array(rows, pa.int64()))
    return () if found.null_count else tuple(sorted(set(found.to_pylist())))


def usable_columns(table: pa.Table, types: Iterable[Rule]) -> frozenset[str]:
    """Columns that are there in their declared type, read from the ``type`` rules of the object."""
    return frozenset(
        str(rule.arguments["column"])
        for rule in types
        if rule.kind == "type" and measure_type(rule, table).passed and rule.arguments["column"] in table.column_names
    )


def measure_columns(declared: Iterable[str], table: pa.Table) -> Measurement:
    """The exact set of columns. Undeclared columns are counted, not named: their names come from the data."""
    declared = list(declared)
    missing = [name for name in declared if name not in table.column_names]
    extra = sum(name not in declared for name in table.column_names)
    repeated = len(table.column_names) - len(set(table.column_names))
    wrong = len(missing) + extra + repeated
    parts = [f"missing: {', '.join(missing)}"] if missing else []
    parts += [f"{extra} undeclared"] if extra else []
    parts += [f"{repeated} repeated"] if repeated else []
    return Measurement(table.num_rows, observed=wrong, passed=wrong == 0, detail="; ".join(parts))


def measure_type(rule: Rule, table: pa.Table) -> Measurement:
    """The logical type of one column against its Arrow type."""
    column, wanted = rule.arguments["column"], rule.arguments["logicalType"]
    if table.column_names.count(column) != 1:
        return Measurement(table.num_rows, error=f"expected one column {column}")
    found = table.schema.field(column).type
    passed = bool(_LOGICAL_TYPES[wanted](found))
    return Measurement(table.num_rows, passed=passed, detail="" if passed else f"expected {wanted}, found {found}")


def measure_rows(rule: Rule, table: pa.Table) -> Measurement:
    """Offending rows of a ``pattern``, ``invalidValues`` or ``finite`` rule; null rows do not offend."""
    try:
        offends = _offends(rule, table[rule.columns[0]])
        rows = pc.indices_nonzero(pc.fill_null(offends, False))
    except pa.ArrowException as error:
        return failed_to_run("Arrow", error, table.num_rows)
    return Measurement(table.num_rows, observed=len(rows), record_ids=record_ids(table, rows))


def _offends(rule: Rule, column: pa.ChunkedArray) -> Any:
    if rule.kind == "finite":
        if not pa.types.is_floating(column.type):
            return pa.chunked_array([pa.repeat(pa.scalar(False), len(column))])
        return pc.invert(pc.is_finite(column))
    if pa.types.is_string_view(column.type):
        column = column.cast(pa.large_string())
    matches = pc.match_substring_regex(column, rule.arguments["regex"])
    return pc.invert(matches) if rule.arguments["match"] else matches
