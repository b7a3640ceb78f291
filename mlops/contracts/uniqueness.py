"""Rules on duplicates, run by DuckDB over all rows at once.

The meaning is that of Great Expectations on pandas: every member of a group of equal values counts, the first one
too. Rows whose keys are all null are no duplicates; beside a value, null equals null. NaN is null, as ``compile`` says.

Rows are grouped by the hash of their key first. Only rows that share a hash are compared in full, so that of long
texts 8 bytes a row are kept.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from mlops.contracts.duckdb_tables import tables_in_duckdb
from mlops.contracts.measurement import RECORD_ID, Measurement, distinct_ids, failed_to_run
from mlops.contracts.plan import Rule
from mlops.contracts.quality import quote
from mlops.contracts.row_rules import names_records
from mlops.contracts.sources import Source, plain_type

_KINDS = {"expect_column_values_to_be_unique": {"column"}, "expect_compound_columns_to_be_unique": {"column_list"}}
_TABLE = "rows"


def asks_for_unique(rule: Rule) -> bool:
    """Whether the rule is one about duplicates without further options, which DuckDB runs."""
    if len(rule.expectations) != 1:
        return False
    only = rule.expectations[0]
    return set(only.kwargs) == _KINDS.get(only.type)


def measure(source: Source, rules: Sequence[Rule]) -> dict[str, Measurement]:
    """Run the rules of one object; each error is that of its rule alone."""
    if not rules:
        return {}
    with tables_in_duckdb({_TABLE: _needed(source, rules)}) as connection:
        return {rule.id: _measure(connection, source, rule) for rule in rules}


def _key(rule: Rule) -> list[str]:
    kwargs = rule.expectations[0].kwargs
    return list(kwargs["column_list"]) if "column_list" in kwargs else [str(kwargs["column"])]


def _needed(source: Source, rules: Sequence[Rule]) -> Source:
    """Of a table in memory the columns that are read: another one may be of a type that DuckDB lacks."""
    if not isinstance(source, pa.Table):
        return source
    names = dict.fromkeys(column for rule in rules for column in _key(rule))
    if _named(source, rules):
        names[RECORD_ID] = None
    return source.select(list(names))


def _named(source: Source, rules: Sequence[Rule]) -> bool:
    return names_records(source.schema) and any(rule.row_level for rule in rules)


def _measure(connection: Any, source: Source, rule: Rule) -> Measurement:
    import duckdb

    began = time.perf_counter()
    total = source.num_rows
    try:
        columns = [_keyed(source.schema, name) for name in _key(rule)]
        named = _named(source, [rule])
        observed, ids = _duplicates(connection, columns, named)
    except duckdb.Error as error:
        return failed_to_run("DuckDB", error, total)
    return Measurement(
        total,
        observed=observed,
        record_ids=distinct_ids([ids]),
        passed=observed == 0,
        judged=total,
        seconds=time.perf_counter() - began,
    )


def _keyed(schema: pa.Schema, name: str) -> str:
    """A column of the key; NaN as null, which is how pandas reads it."""
    column = quote(name)
    if pa.types.is_floating(plain_type(schema.field(name).type)):
        return f"CASE WHEN isnan({column}) THEN NULL ELSE {column} END"
    return column


def _duplicates(connection: Any, columns: Sequence[str], named: bool) -> tuple[int, pa.Array]:
    names = [f"k{number}" for number in range(len(columns))]
    keys = ", ".join(f"{column} AS {name}" for column, name in zip(columns, names, strict=True))
    keyed = (
        f"(SELECT *, hash({', '.join(names)}) AS h FROM (SELECT {keys}{', record_id' if named else ''} FROM {_TABLE})"
        f" WHERE NOT ({' AND '.join(f'{name} IS NULL' for name in names)}))"
    )
    suspects = f"SELECT h FROM {keyed} GROUP BY h HAVING count(*) > 1"
    connection.execute(f"CREATE OR REPLACE TEMP TABLE suspects AS {suspects}")
    if connection.execute("SELECT count(*) FROM suspects").fetchall()[0][0] == 0:
        return 0, pa.array([], pa.large_string())
    groups = f"SELECT {', '.join(names)}, count(*) AS n FROM {keyed} SEMI JOIN suspects USING (h)"
    connection.execute(f"CREATE OR REPLACE TEMP TABLE groups AS {groups} GROUP BY ALL HAVING count(*) > 1")
    observed = connection.execute("SELECT coalesce(sum(n), 0) FROM groups").fetchall()[0][0]
    if not named or not observed:
        return int(observed), pa.array([], pa.large_string())
    same = " AND ".join(f"rows.{name} IS NOT DISTINCT FROM groups.{name}" for name in names)
    members = f"SELECT DISTINCT record_id FROM {keyed} AS rows SEMI JOIN groups ON {same}"
    return int(observed), connection.sql(members).to_arrow_table()[RECORD_ID]
