"""The engine: the rules of one object, run over the rows of one source."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from mlops.contracts import arrow_checks, row_rules, sql, uniqueness
from mlops.contracts.contract import SchemaObject
from mlops.contracts.measurement import Measurement
from mlops.contracts.plan import Rule
from mlops.contracts.row_rules import Progress
from mlops.contracts.sources import BATCH_ROWS, Source


def measure_object(
    table: SchemaObject,
    rules: Sequence[Rule],
    sources: Mapping[str, Source],
    progress: Progress,
    most_rows: int = BATCH_ROWS,
) -> dict[str, Measurement]:
    """Run all rules of the object ``table`` that an engine here knows: everything but the named checks.

    Another engine, one that runs Great Expectations on Spark say, would be another function of this shape: the rules
    of one object and the rows it is about in, one measurement per rule out, counts and record ids only. Nothing above
    knows how a rule was run.

    Who runs what: Arrow the columns, types, patterns and finite numbers; arithmetic the row count; Great Expectations
    what is said of single rows, in batches of ``most_rows``, and the statistics of whole columns; DuckDB duplicates
    and SQL, over all rows at once. At no time are more rows in memory than one batch, and the columns of one rule that
    needs them whole.

    Args:
        sources: the rows of every object, since SQL may join them; ``sources[table.name]`` is there.

    Raises:
        ContractError: CONTRACT-041, a Parquet file ends too early or is damaged.
    """
    name, source = table.name, sources[table.name]
    usable = arrow_checks.usable_columns(source.schema, rules)
    measured: dict[str, Measurement] = {}
    ready: list[Rule] = []
    for rule in rules:
        if broken := sorted(set(rule.columns) - usable):
            text = f"column missing or of another type: {', '.join(broken)}"
            measured[rule.id] = Measurement(source.num_rows, error=text)
        elif (known := _from_schema(table, rule, source)) is not None:
            measured[rule.id] = known
        else:
            ready.append(rule)
    queries = [rule for rule in ready if rule.engine == "duckdb"]
    others = [rule for rule in ready if rule.engine != "duckdb"]
    unique = [rule for rule in others if uniqueness.asks_for_unique(rule)]
    others = [rule for rule in others if rule not in unique]
    measured |= row_rules.measure(name, source, list(filter(row_rules.by_batches, others)), progress, most_rows)
    measured |= row_rules.measure_whole(source, [rule for rule in others if not row_rules.by_batches(rule)], progress)
    if unique or queries:
        progress(0, None, f"duplicates and queries of {name}")
    return measured | uniqueness.measure(source, unique) | sql.measure(queries, sources)


def _from_schema(table: SchemaObject, rule: Rule, source: Source) -> Measurement | None:
    """What needs no look at the rows; None where it does."""
    began = time.perf_counter()
    total = source.num_rows
    if rule.kind == "rowCount":
        found = Measurement(total, observed=total)
    elif rule.kind == "columns":
        found = arrow_checks.measure_columns([column.column for column in table.properties], source.schema, total)
    elif rule.kind == "type":
        found = arrow_checks.measure_type(rule, source.schema, total)
    else:
        return None
    return replace(found, seconds=time.perf_counter() - began)
