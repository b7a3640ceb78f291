"""SQL rules, run by DuckDB over the tables of the check, with no way to other files, network or settings."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

from mlops.contracts.contract import Contract
from mlops.contracts.duckdb_tables import tables_in_duckdb
from mlops.contracts.errors import Finding
from mlops.contracts.measurement import Measurement, distinct_ids, failed_to_run
from mlops.contracts.plan import Rule
from mlops.contracts.sources import Source

_ARROW_TYPES: dict[str, pa.DataType] = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "time": pa.time64("us"),
    "object": pa.struct([]),
    "array": pa.list_(pa.string()),
    "map": pa.map_(pa.string(), pa.string()),
    "vector": pa.list_(pa.float64()),
}


def _queries(rule: Rule) -> list[str]:
    return [rule.arguments[key] for key in ("query", "offending") if key in rule.arguments]


def _problem(connection: Any, query: str) -> str | None:
    import duckdb

    try:
        statements = duckdb.extract_statements(query)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            return "expected one SELECT"
        columns = connection.execute(f"DESCRIBE {query.rstrip().rstrip(';')}").fetchall()
    except duckdb.Error as error:
        # The tables are empty here, so the text of the error can only quote the contract.
        return str(error).splitlines()[0]
    return None if len(columns) == 1 else f"expected one column, found {len(columns)}"


def binding_problems(contract: Contract, rules: Sequence[Rule]) -> list[Finding]:
    """Binds every query to empty tables of the declared columns: CONTRACT-011 for each that does not fit."""
    wanted = [rule for rule in rules if rule.engine == "duckdb"]
    if not wanted:
        return []
    empty = {
        table.name: pa.schema([(column.column, _ARROW_TYPES[column.logical_type]) for column in table.properties])
        for table in contract.objects
    }
    findings = []
    with tables_in_duckdb({name: schema.empty_table() for name, schema in empty.items()}) as connection:
        for rule in wanted:
            for query in _queries(rule):
                if problem := _problem(connection, query):
                    message = f"rule {rule.id}: the query cannot run: {problem}"
                    findings.append(Finding(rule.line, "CONTRACT-011", message, "correct the query"))
    return findings


def measure(rules: Sequence[Rule], tables: Mapping[str, Source]) -> dict[str, Measurement]:
    """Run every rule's query over ``tables``; the result must be one finite number.

    NULL (the aggregate of nothing), NaN, infinity, text and several rows are errors, not values: nothing passes by
    absence. Error texts of DuckDB quote data, so only the class of the error is kept.
    """
    if not rules:
        return {}
    with tables_in_duckdb(tables) as connection:
        return {rule.id: _measure(connection, rule, tables[rule.object].num_rows) for rule in rules}


def _measure(connection: Any, rule: Rule, total: int) -> Measurement:
    import duckdb

    began = time.perf_counter()
    try:
        number = _one_number(connection.execute(rule.arguments["query"]).fetchmany(2))
        if number is None:
            return Measurement(total=total, error="the query did not return one finite number")
        found = []
        if "offending" in rule.arguments:
            ids = f"SELECT DISTINCT CAST(COLUMNS(*) AS VARCHAR) AS id FROM ({rule.arguments['offending']})"
            connection.abort()  # of a result that was not read to its end
            found = [connection.sql(ids).to_arrow_table()["id"]]
    except duckdb.Error as error:
        return failed_to_run("DuckDB", error, total)
    seconds = time.perf_counter() - began
    return Measurement(total=total, observed=number, record_ids=distinct_ids(found), seconds=seconds)


def _one_number(rows: list[tuple[Any, ...]]) -> float | None:
    value = rows[0][0] if len(rows) == 1 else None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    return float(value) if math.isfinite(value) else None
