"""Rules that Great Expectations runs, on pandas: one ephemeral context, one suite and one validation per object.

Its default results and its log quote cell values. Here results carry positions of rows only
(``exclude_unexpected_values``), its loggers are silent while it runs, and of its errors only the class is kept.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from mlops.contracts.arrow_checks import record_ids
from mlops.contracts.measurement import Measurement, failed_to_run
from mlops.contracts.plan import Rule

_RESULT_FORMAT = {
    "result_format": "COMPLETE",
    "exclude_unexpected_values": True,
    "partial_unexpected_count": 0,
    "return_unexpected_index_query": False,
}
# Expectations whose observed value is a statistic of the whole column. The observed value of the others (minimum,
# most common value, …) is a cell, which a report must not hold.
_STATISTICS = re.compile(r"_(row_count|unique_value_count|proportion_of_[a-z_]+|kl_divergence)_")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """No log, no warning, no progress bar of the library while it holds data."""
    logger = logging.getLogger("great_expectations")
    before = logger.level, logger.propagate
    logger.setLevel(logging.CRITICAL + 1)
    logger.propagate = False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before[0])
        logger.propagate = before[1]


def measure(tables: Mapping[str, pa.Table], rules: Sequence[Rule]) -> dict[str, Measurement]:
    """Run the rules of all objects; ``tables`` holds an Arrow table for each object that a rule names.

    The import of the library takes seconds and happens here, once per process.
    """
    if not rules:
        return {}
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    measured: dict[str, Measurement] = {}
    with _quiet():
        context = _context()
        for name in dict.fromkeys(rule.object for rule in rules):
            chosen = [rule for rule in rules if rule.object == name]
            measured |= _measure_object(context, name, tables[name], chosen)
    return measured


def _context() -> Any:
    import great_expectations
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = great_expectations.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    return context


def _measure_object(context: Any, name: str, table: pa.Table, rules: Sequence[Rule]) -> dict[str, Measurement]:
    import great_expectations

    measured: dict[str, Measurement] = {}
    runnable: list[Any] = []
    for rule in rules:
        try:
            runnable += _instances(rule)
        except Exception as error:  # the library validates arguments with errors of many families
            measured[rule.id] = failed_to_run("Great Expectations", error, table.num_rows)
    waiting = [rule for rule in rules if rule.id not in measured]
    if not waiting:
        return measured
    results: dict[str, list[Any]] = {rule.id: [] for rule in waiting}
    try:
        definition = context.data_sources.add_pandas(name).add_dataframe_asset(name)
        definition = definition.add_batch_definition_whole_dataframe(name)
        batch = definition.get_batch(batch_parameters={"dataframe": _frame(table, waiting)})
        suite = great_expectations.ExpectationSuite(name=name, expectations=runnable)
        for result in batch.validate(suite, result_format=_RESULT_FORMAT).results:
            results[result.expectation_config.meta["odcs"]].append(result)
    except Exception as error:  # whatever stops the whole validation stops every rule of it, and is told as such
        return measured | {rule.id: failed_to_run("Great Expectations", error, table.num_rows) for rule in waiting}
    return measured | {rule.id: _read(rule, results[rule.id], table) for rule in waiting}


def _instances(rule: Rule) -> list[Any]:
    from great_expectations.expectations.registry import get_expectation_impl

    return [
        get_expectation_impl(each.type)(**each.kwargs, meta={"odcs": rule.id, "part": part})
        for part, each in enumerate(rule.expectations)
    ]


def _frame(table: pa.Table, rules: Sequence[Rule]) -> Any:
    """The columns that the rules read, as a frame with the row number as index.

    Integers keep their type where nulls would turn them into floats, so that large keys stay distinct.
    """
    import pandas

    wanted = {column for rule in rules for column in rule.columns}
    if any(rule.operator is None for rule in rules):
        wanted = set(table.column_names)
    integers = {
        pa.int8(): pandas.Int8Dtype(),
        pa.int16(): pandas.Int16Dtype(),
        pa.int32(): pandas.Int32Dtype(),
        pa.int64(): pandas.Int64Dtype(),
    }
    chosen = table.select([name for name in table.column_names if name in wanted])
    nullable = {chosen.schema.field(name).type for name in chosen.column_names if chosen[name].null_count}
    frame = chosen.to_pandas(types_mapper=lambda kind: integers.get(kind) if kind in nullable else None)
    return frame.set_axis(pandas.RangeIndex(table.num_rows), axis="index")


def _read(rule: Rule, results: Sequence[Any], table: pa.Table) -> Measurement:
    total = table.num_rows
    if len(results) != len(rule.expectations):
        return Measurement(total, error="Great Expectations returned no result")
    if error := next(filter(None, map(_exception, results)), None):
        return Measurement(total, error=error)
    by_row = [result.result.get("unexpected_index_list") for result in results]
    if rule.kind != "rowCount" and all(rows is not None for rows in by_row):
        offending = sorted({int(row) for rows in by_row for row in rows})
        ids = record_ids(table, offending) if rule.row_level else ()
        passed = all(bool(result.success) for result in results)
        return Measurement(total, observed=len(offending), record_ids=ids, passed=passed)
    if rule.operator is not None and rule.kind != "rowCount":
        return Measurement(total, error="Great Expectations returned no rows for a rule on rows")
    return Measurement(total, observed=_statistic(rule, results[0]), passed=bool(results[0].success))


def _statistic(rule: Rule, result: Any) -> float | None:
    value = result.result.get("observed_value")
    if not any(_STATISTICS.search(each.type) for each in rule.expectations):
        return None
    return float(value) if isinstance(value, int | float) and value == value else None


def _exception(result: Any) -> str | None:
    """Class of the error that kept an expectation from running; its place in the result varies."""
    info = result.exception_info or {}
    parts = [info] if "raised_exception" in info else [part for part in info.values() if isinstance(part, Mapping)]
    raised = [part for part in parts if part.get("raised_exception")]
    if not raised:
        return None
    trace = str(raised[0].get("exception_traceback") or "").strip().splitlines()
    names = [found[1] for line in trace if (found := re.match(r"(?:\w+\.)*([A-Z]\w*(?:Error|Exception))\b", line))]
    return f"Great Expectations raised {names[-1] if names else 'an error'}"
