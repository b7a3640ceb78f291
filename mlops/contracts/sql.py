"""SQL rules, run by DuckDB over the tables of the check, with no way to other files, network or settings."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

from mlops.contracts.contract import Contract
from mlops.contracts.counting_queries import no_count
from mlops.contracts.duckdb_tables import tables_in_duckdb
from mlops.contracts.errors import Finding
from mlops.contracts.measurement import RECORD_ID, Measurement, distinct_ids, failed_to_run
from mlops.contracts.plan import Rule
from mlops.contracts.quality import quote
from mlops.contracts.row_rules import names_records
from mlops.contracts.sources import Source
from mlops.contracts.text_cells import ARROW_TYPES

_ASIDE = quote("records set aside")

# Of empty tables that queries are bound to.
_ARROW_TYPES = {**ARROW_TYPES, "object": pa.struct([]), "map": pa.map_(pa.string(), pa.string())}


def _statement(query: str) -> str:
    """A query as a part of another one: without its semicolon, and with an end to a comment in its last line."""
    return f"(\n{query.rstrip().rstrip(';')}\n)"


def _bound(connection: Any, query: str) -> tuple[str, str | None]:
    """Type of the one column that a query returns, and what keeps the query from being run."""
    import duckdb

    try:
        statements = duckdb.extract_statements(query)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            return "", "expected one SELECT"
        columns = connection.execute(f"DESCRIBE SELECT * FROM {_statement(query)}").fetchall()
    except duckdb.Error as error:
        # The tables are empty here, so the text of the error can only quote the contract.
        return "", str(error).splitlines()[0]
    if len(columns) != 1:
        return "", f"expected one column, found {len(columns)}"
    return str(columns[0][1]), None


def binding_problems(contract: Contract, rules: Sequence[Rule]) -> list[Finding]:
    """Binds every query to empty tables of the declared columns.

    CONTRACT-011 for each that does not fit, CONTRACT-014 for each whose result may be a cell of the data.
    """
    wanted = [rule for rule in rules if rule.engine == "duckdb"]
    if not wanted:
        return []
    empty = {
        table.name: pa.schema([(column.column, _ARROW_TYPES[column.logical_type]) for column in table.properties])
        for table in contract.objects
    }
    with tables_in_duckdb({name: schema.empty_table() for name, schema in empty.items()}) as connection:
        found = (_finding(connection, rule, empty) for rule in wanted)
        return [finding for finding in found if finding]


def _finding(connection: Any, rule: Rule, tables: Mapping[str, pa.Schema]) -> Finding | None:
    query = rule.arguments["query"]
    kind, problem = _bound(connection, query)
    if problem is None and "offending" in rule.arguments:
        _, problem = _bound(connection, rule.arguments["offending"])
    if problem is not None:
        message = f"rule {rule.id}: the query cannot run: {problem}"
        return Finding(rule.line, "CONTRACT-011", message, "correct the query")
    names = {name: schema.names for name, schema in tables.items()}
    if problem := no_count(connection, query, kind, names):
        todo = "count the rows that break the rule, or divide one count by another; a report shows the result"
        return Finding(rule.line, "CONTRACT-014", f"rule {rule.id}: {problem}", todo)
    return None


def measure(rules: Sequence[Rule], tables: Mapping[str, Source]) -> dict[str, Measurement]:
    """Run every rule's query over ``tables``; the result must be one finite number.

    NULL (the aggregate of nothing), NaN, infinity, text and several rows are errors, not values: nothing passes by
    absence. Error texts of DuckDB quote data, so only the class of the error is kept.
    """
    if not rules:
        return {}
    with tables_in_duckdb(tables) as connection:
        return {rule.id: _measure(connection, rule, tables) for rule in rules}


def _measure(connection: Any, rule: Rule, tables: Mapping[str, Source]) -> Measurement:
    import duckdb

    began = time.perf_counter()
    total = tables[rule.object].num_rows
    try:
        number = _one_number(connection, rule.arguments["query"])
        if number is None:
            return Measurement(total=total, error="the query did not return one finite number")
        ids = pa.array([], pa.large_string())
        if "offending" in rule.arguments and not _holds(rule, number):
            ids = _offending(connection, rule, tables)
    except duckdb.Error as error:
        return failed_to_run("DuckDB", error, total)
    return Measurement(total=total, observed=number, record_ids=ids, seconds=time.perf_counter() - began)


def _holds(rule: Rule, number: float | None) -> bool:
    return number is not None and rule.operator is not None and rule.operator.holds(number)


def _offending(connection: Any, rule: Rule, tables: Mapping[str, Source]) -> pa.Array:
    """The records that the rule names, each of them one of its object.

    None at all where the rule would still fail without their rows: they do not account for the failure, so that it is
    one of the table. Rows without an id cannot be set aside.
    """
    nothing = pa.array([], pa.large_string())
    apart = [name for name, table in tables.items() if names_records(table.schema)]
    if rule.object not in apart:
        return nothing
    ids = f"SELECT CAST(COLUMNS(*) AS VARCHAR) AS id FROM {_statement(rule.arguments['offending'])}"
    records = f"SELECT {RECORD_ID} FROM {quote(rule.object)}"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {_ASIDE} AS SELECT DISTINCT id FROM ({ids}) WHERE id IN ({records})"
    )
    left = ", ".join(
        f"{quote(name)} AS NOT MATERIALIZED (SELECT kept.* FROM {quote(name)} AS kept"
        f" ANTI JOIN {_ASIDE} AS aside ON kept.{RECORD_ID} = aside.id)"
        for name in apart
    )
    without = f"WITH {left} SELECT * FROM {_statement(rule.arguments['query'])}"
    if not _holds(rule, _one_number(connection, without)):
        return nothing
    return distinct_ids([connection.sql(f"SELECT id FROM {_ASIDE}").to_arrow_table()["id"]])


def _one_number(connection: Any, query: str) -> float | None:
    rows = connection.execute(query).fetchmany(2)
    connection.abort()  # of a result that was not read to its end
    value = rows[0][0] if len(rows) == 1 else None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    return float(value) if math.isfinite(value) else None
