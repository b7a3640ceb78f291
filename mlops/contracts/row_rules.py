"""Rules on single rows, run over batches with their counts summed; and those that need a column as a whole.

One pass counts. Only where a batch has offending rows, and only for the rules that set records aside, a second look at
the same batch asks which rows they are.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from mlops.contracts import expectations
from mlops.contracts.arrow_checks import is_text, offending_rows
from mlops.contracts.expectations import Failed, Found
from mlops.contracts.measurement import RECORD_ID, Measurement, failed_to_run
from mlops.contracts.plan import Rule
from mlops.contracts.sources import BATCH_ROWS, Source, batches, plain_type, select
from mlops.contracts.tally import Tally, measurement

_COLUMN_KEYS = ("column", "column_A", "column_B")
_ROW_BY_ROW = (
    "expect_column_values_",
    "expect_column_value_lengths_",
    "expect_column_pair_values_",
    "expect_select_column_values_",
    "expect_multicolumn_",
)
# Their names begin like those above, but a row is judged by other rows, or the column by its type.
_BY_OTHERS = (
    "expect_column_values_to_be_unique",
    "expect_column_values_to_be_increasing",
    "expect_column_values_to_be_decreasing",
    "expect_column_values_to_be_of_type",
    "expect_column_values_to_be_in_type_list",
    "expect_column_values_to_not_be_outliers",
)

Progress = Callable[[int, int | None, str], None]
Runs = Mapping[str, tuple[Any, ...]]


def by_batches(rule: Rule) -> bool:
    """Whether what the rule finds in a whole table is the sum of what it finds in parts of it."""
    return all(each.type.startswith(_ROW_BY_ROW) and each.type not in _BY_OTHERS for each in rule.expectations)


def measure(
    name: str, source: Source, rules: Sequence[Rule], progress: Progress, most_rows: int = BATCH_ROWS
) -> dict[str, Measurement]:
    """Run rules on single rows of the object ``name``, in batches of at most ``most_rows`` rows.

    Raises:
        ContractError: CONTRACT-041, a file ends too early or is damaged.
    """
    if not rules:
        return {}
    tallies, runs = _prepare(rules)
    by_arrow = [rule for rule in rules if rule.engine == "arrow"]
    columns = _columns(rules, source.schema)
    done = 0
    with expectations.quiet():
        gx = expectations.context() if runs else None
        for rows in batches(source, columns, most_rows):
            for rule in by_arrow:
                _arrow_batch(rule, rows, tallies[rule.id])
            _gx_batch(gx, rules, rows, runs, tallies)
            # The library's objects hold each other, and with them their frame, until somebody collects them.
            gc.collect()
            done += rows.num_rows
            progress(done, source.num_rows, f"rows of {name}")
    return {rule.id: measurement(rule, tallies[rule.id], source.num_rows) for rule in rules}


def measure_whole(source: Source, rules: Sequence[Rule], progress: Progress) -> dict[str, Measurement]:
    """Run the expectations that need a whole column, one rule after the other, each over its own columns only.

    Raises:
        ContractError: CONTRACT-041, a file ends too early or is damaged.
    """
    if not rules:
        return {}
    tallies, runs = _prepare(rules)
    with expectations.quiet():
        gx = expectations.context()
        for rule in rules:
            progress(0, None, rule.id)
            _gx_batch(gx, [rule], _whole(rule, source), runs, tallies)
    return {rule.id: measurement(rule, tallies[rule.id], source.num_rows) for rule in rules}


def _whole(rule: Rule, source: Source) -> pa.Table:
    types = [each.type for each in rule.expectations]
    if all(kind.startswith("expect_table_row_count_") for kind in types):
        return pa.table({"rows": pa.nulls(source.num_rows, pa.bool_())})
    if all(kind.startswith("expect_table_column") for kind in types):
        return source.schema.empty_table()
    return select(source, _columns([rule], source.schema))


def _prepare(rules: Sequence[Rule]) -> tuple[dict[str, Tally], Runs]:
    """An empty tally per rule, and the expectations of those that Great Expectations runs."""
    tallies = {rule.id: Tally() for rule in rules}
    runs: dict[str, tuple[Any, ...]] = {}
    for rule in rules:
        if rule.engine != "great_expectations":
            continue
        try:
            runs[rule.id] = expectations.instances(rule)
        except Exception as error:  # the library validates arguments with errors of many families
            tallies[rule.id].error = _raised(error)
    return tallies, runs


def _raised(error: Exception) -> str:
    return str(failed_to_run("Great Expectations", error, 0).error)


def names_records(schema: pa.Schema) -> bool:
    """Whether the rows have a ``record_id`` by which they can be set aside."""
    places = schema.get_all_field_indices(RECORD_ID)
    return len(places) == 1 and is_text(plain_type(schema.field(places[0]).type))


def _columns(rules: Sequence[Rule], schema: pa.Schema) -> list[str]:
    """The columns that the rules read, in the order of the table; a condition may read any of them."""
    wanted = {column for rule in rules for column in rule.columns}
    for each in (each for rule in rules for each in rule.expectations):
        read = [each.kwargs[key] for key in _COLUMN_KEYS if key in each.kwargs] + list(
            each.kwargs.get("column_list") or ()
        )
        wanted.update(schema.names if "row_condition" in each.kwargs or not read else map(str, read))
    if names_records(schema) and any(rule.row_level for rule in rules):
        wanted.add(RECORD_ID)
    return [name for name in schema.names if name in wanted and len(schema.get_all_field_indices(name)) == 1]


def _arrow_batch(rule: Rule, rows: pa.Table, tally: Tally) -> None:
    if tally.error:
        return
    began = time.perf_counter()
    try:
        found = offending_rows(rule, rows)
        tally.add([Found(len(found) == 0, len(found), rows.num_rows, None)])
        if rule.row_level and len(found):
            tally.name(rows, found)
    except pa.ArrowException as error:
        tally.error = failed_to_run("Arrow", error, 0).error
    tally.seconds += time.perf_counter() - began


def _gx_batch(gx: Any, rules: Sequence[Rule], rows: pa.Table, runs: Runs, tallies: Mapping[str, Tally]) -> None:
    """Count, and where rows offend ask which, in one batch; a batch that fails as a whole runs rule by rule."""
    chosen = [rule for rule in rules if rule.id in runs and tallies[rule.id].error is None]
    if not chosen:
        return
    began = time.perf_counter()
    try:
        given = expectations.frame(rows)
        counted = expectations.counts(gx, given, {rule.id: runs[rule.id] for rule in chosen})
    except Exception as error:  # the library and pandas raise errors of many families, whose texts quote data
        if len(chosen) == 1:
            tallies[chosen[0].id].error = _raised(error)
            return
        for rule in chosen:
            _gx_batch(gx, [rule], rows.select(_columns([rule], rows.schema)), runs, tallies)
        return
    offended = [rule for rule in chosen if tallies[rule.id].add(counted[rule.id]) and rule.row_level]
    _positions(gx, given, rows, {rule.id: runs[rule.id] for rule in offended}, tallies)
    for rule in chosen:
        tallies[rule.id].seconds += (time.perf_counter() - began) / len(chosen)


def _positions(gx: Any, given: Any, rows: pa.Table, asked: Runs, tallies: Mapping[str, Tally]) -> None:
    for name, run in asked.items():
        try:
            found = expectations.positions(gx, given, run)
        except Exception as error:  # as above
            found = Failed(_raised(error))
        if isinstance(found, Failed):
            tallies[name].error = found.error
        else:
            tallies[name].name(rows, pa.array(found, pa.int64()))
