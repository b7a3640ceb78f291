"""Rules that Great Expectations runs, on pandas frames that are given to it directly.

Its default results and its log quote cell values. Here results carry counts and positions of rows only, its loggers
are silent while it runs, and of its errors only the class is kept. Its data sources are left aside: each of them
hashes every cell of a frame twice to name the batch, which takes longer than all rules together.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from mlops.contracts.plan import Rule

_COUNTS = {"result_format": "BASIC", "partial_unexpected_count": 0}
_POSITIONS = {
    "result_format": "COMPLETE",
    "exclude_unexpected_values": True,
    "partial_unexpected_count": 0,
    "return_unexpected_index_query": False,
}
# Expectations whose observed value is a statistic of the whole column. The observed value of the others (minimum,
# most common value, …) is a cell, which a report must not hold.
_STATISTICS = re.compile(r"_(row_count|unique_value_count|proportion_of_[a-z_]+|kl_divergence)_")


@dataclass(frozen=True)
class Found:
    """What one expectation found in one frame.

    Attributes:
        success: its own judgement of this frame.
        unexpected: rows that offend; None where the expectation is not about rows.
        considered: rows it judged; most expectations pass over nulls.
        statistic: the observed number, where it is no cell.
    """

    success: bool
    unexpected: int | None
    considered: int
    statistic: float | None


@dataclass(frozen=True)
class Failed:
    """An expectation that could not be evaluated; ``error`` names the class of what was raised."""

    error: str


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """No log, no warning, no progress bar of the library while it holds data."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
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


def context() -> Any:
    """An ephemeral context, which writes nothing. The import of the library takes seconds, once per process."""
    import great_expectations
    from great_expectations.data_context.types.base import ProgressBarsConfig

    made = great_expectations.get_context(mode="ephemeral")
    made.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    return made


def instances(rule: Rule) -> tuple[Any, ...]:
    """The library's own objects for a rule.

    Raises:
        Exception: of many families, where the library refuses the arguments.
    """
    from great_expectations.expectations.registry import get_expectation_impl

    return tuple(
        get_expectation_impl(each.type)(**each.kwargs, meta={"odcs": rule.id, "part": part})
        for part, each in enumerate(rule.expectations)
    )


def frame(rows: pa.Table) -> Any:
    """The rows as a frame with the row number as index.

    Integers keep their type where nulls would turn them into floats, so that large keys stay distinct.
    """
    import pandas

    integers = {
        pa.int8(): pandas.Int8Dtype(),
        pa.int16(): pandas.Int16Dtype(),
        pa.int32(): pandas.Int32Dtype(),
        pa.int64(): pandas.Int64Dtype(),
    }
    nullable = {rows.schema.field(name).type for name in rows.column_names if rows[name].null_count}
    made = rows.to_pandas(types_mapper=lambda kind: integers.get(kind) if kind in nullable else None)
    return made.set_axis(pandas.RangeIndex(rows.num_rows), axis="index")


def counts(gx: Any, rows: Any, chosen: Mapping[str, Sequence[Any]]) -> dict[str, tuple[Found, ...] | Failed]:
    """Run expectations, given by rule, over one frame: one answer per expectation of the rule.

    They run together. Where the library blames a failure on several of them, each of these rules runs once more alone,
    so that one bad rule never fails the others.
    """
    answers = {name: _read(results) for name, results in _validate(gx, rows, chosen, _COUNTS).items()}
    failed = [name for name, answer in answers.items() if isinstance(answer, Failed)]
    if len(chosen) > 1:
        for name in failed:
            alone = {name: chosen[name]}
            answers[name] = _read(_validate(gx, rows, alone, _COUNTS)[name])
    return answers


def positions(gx: Any, rows: Any, chosen: Sequence[Any]) -> tuple[int, ...] | Failed:
    """Row numbers, sorted, that offend against any of one rule's expectations."""
    results = _validate(gx, rows, {chosen[0].meta["odcs"]: chosen}, _POSITIONS).popitem()[1]
    by_row = [result.result.get("unexpected_index_list") for result in results]
    if any(found is None for found in by_row):
        return Failed("Great Expectations returned no rows for a rule on rows")
    return tuple(sorted({int(row) for found in by_row for row in found}))


def _validate(gx: Any, rows: Any, chosen: Mapping[str, Sequence[Any]], form: Mapping[str, Any]) -> dict[str, list[Any]]:
    from great_expectations.execution_engine import PandasExecutionEngine
    from great_expectations.validator.validator import Validator

    results: dict[str, list[Any]] = {name: [] for name in chosen}
    engine = PandasExecutionEngine(batch_data_dict={"rows": rows})
    validator = Validator(execution_engine=engine, data_context=gx)
    for result in validator.graph_validate(
        configurations=[each.configuration for expectations in chosen.values() for each in expectations],
        runtime_configuration={"result_format": dict(form)},
    ):
        results[result.expectation_config.meta["odcs"]].append(result)
    for answers in results.values():
        answers.sort(key=lambda result: result.expectation_config.meta["part"])
    return results


def _read(results: Sequence[Any]) -> tuple[Found, ...] | Failed:
    if not results:
        return Failed("Great Expectations returned no result")
    if error := next(filter(None, map(_exception, results)), None):
        return Failed(error)
    return tuple(_found(result) for result in results)


def _found(result: Any) -> Found:
    content = result.result
    # Other counts of unexpected things, distinct values for example, come without a number of elements.
    about_rows = content.get("element_count") is not None and content.get("unexpected_count") is not None
    return Found(
        success=bool(result.success),
        unexpected=int(content["unexpected_count"]) if about_rows else None,
        considered=int(content["element_count"]) - int(content.get("missing_count") or 0) if about_rows else 0,
        statistic=_statistic(result.expectation_config.type, content.get("observed_value")),
    )


def _statistic(kind: str, value: Any) -> float | None:
    if not _STATISTICS.search(kind):
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
