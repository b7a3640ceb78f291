"""Run a contract over tables in memory or in Parquet files."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mlops.contracts.compile import compile_contract
from mlops.contracts.contract import Contract
from mlops.contracts.engine import measure_object
from mlops.contracts.measurement import RECORD_ID, Measurement, distinct_ids, failed_to_run
from mlops.contracts.plan import Plan, Rule
from mlops.contracts.report import ContractReport, Coverage, RuleResult, outcome_of, sample_of
from mlops.contracts.row_rules import Progress, names_records
from mlops.contracts.sources import BATCH_ROWS, Source, batches, select
from mlops.contracts.thresholds import threshold
from mlops.errors import MlopsError

RECORDS = "records"


@dataclass(frozen=True)
class NamedOutcome:
    """What a named check found.

    Attributes:
        passed: its judgement; the rule's severity decides what a failure means.
        observed: the number behind it, a count or a statistic, never a cell.
        offending: record ids of the rule's object, all that are at fault; empty where the table is. Where one of them
            is no id of that object, the table fails.
    """

    passed: bool
    observed: float | None = None
    offending: tuple[str, ...] = ()


NamedCheck = Callable[[Mapping[str, pa.Table], Mapping[str, Any]], NamedOutcome]


class _InMemory(Mapping[str, pa.Table]):
    """The tables as a named check sees them. Files are read when it asks for their table, whole, and not kept."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self._sources = sources

    def __getitem__(self, name: str) -> pa.Table:
        source = self._sources[name]
        return select(source, source.schema.names)

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)


def _unseen(done: int, total: int | None, what: str) -> None:
    """No progress is shown."""


def check(
    contract: Contract,
    tables: Mapping[str, Source],
    named_checks: Mapping[str, NamedCheck] | None = None,
    *,
    progress: Progress = _unseen,
    batch_rows: int = BATCH_ROWS,
) -> ContractReport:
    """Run every rule of ``contract`` over ``tables`` (object name → Arrow table or ``ParquetTable``).

    Rows are set aside by the column ``record_id``, so an object without it has table-level rules only. A failure is
    that of single records where they account for all of it; else it is the table's. Named checks are called with all
    tables, in memory, and the arguments that the rule gives. A table that is not there, a column that is missing or of
    another type, a check that is not given and an engine that raises all make the rules concerned errors, each for
    itself. What the clauses mean is said in ``compile``.

    Args:
        progress: ``progress(rows done, rows in all or None, what)``; called once a batch.
        batch_rows: rows that are looked at together at most; no verdict depends on it.

    Raises:
        ContractError: CONTRACT-010, 011 or 014, the contract has a clause that cannot be run; 041, a Parquet file ends
            too early or is damaged.
    """
    plan = compile_contract(contract)
    declared = {table.name for table in contract.objects}
    given = {name: source for name, source in tables.items() if name in declared}
    measured: dict[str, Measurement] = {}
    for table in contract.objects:
        rules = [rule for rule in plan.rules if rule.object == table.name]
        if table.name not in given:
            absent = Measurement(0, error=f"no table was given for object {table.name}")
            measured |= {rule.id: absent for rule in rules}
            continue
        engine = [rule for rule in rules if rule.engine != "named"]
        measured |= measure_object(table, engine, given, progress, batch_rows)
        for rule in rules:
            if rule.engine == "named":
                progress(0, None, rule.id)
                measured[rule.id] = _named(rule, given, named_checks or {})
    judged = [_judge(rule, measured[rule.id]) for rule in plan.rules]
    samples = _samples(plan, judged, given, progress, batch_rows)
    results = tuple(replace(result, sample=samples.get(result.id, result.sample)) for result in judged)
    return _report(plan, given, measured, results)


def _second_look(progress: Progress, table: str, done: int, total: int | None, _what: str) -> None:
    progress(done, total, f"records of {table} that break rules")


def _samples(
    plan: Plan, results: Sequence[RuleResult], sources: Mapping[str, Source], progress: Progress, batch_rows: int
) -> dict[str, tuple[str, ...]]:
    """Records that break rules which tolerate some, but not so many: a second look, at the rules that failed alone."""
    failed = {result.id for result in results if result.outcome in ("fail", "warn") and result.denominator}
    samples: dict[str, tuple[str, ...]] = {}
    for table in plan.contract.objects:
        own = [rule for rule in plan.rules if rule.object == table.name]
        asked = [replace(rule, row_level=True) for rule in own if rule.id in failed and not rule.row_level]
        if asked and names_records(sources[table.name].schema):
            types = [rule for rule in own if rule.kind == "type"]
            again = partial(_second_look, progress, table.name)
            found = measure_object(table, [*types, *asked], sources, again, batch_rows)
            samples |= {rule.id: sample_of(found[rule.id].record_ids) for rule in asked}
    return samples


def _named(rule: Rule, sources: Mapping[str, Source], named_checks: Mapping[str, NamedCheck]) -> Measurement:
    total = sources[rule.object].num_rows
    name = rule.arguments["check"]
    if name not in named_checks:
        return Measurement(total, error=f"no check named {name} was given")
    began = time.perf_counter()
    try:
        found = named_checks[name](_InMemory(sources), rule.arguments["arguments"])
        ids = _all_known(distinct_ids([pa.array(found.offending, pa.large_string())]), sources[rule.object])
    except MlopsError as error:  # its message holds no value of data; its place may be one on this machine
        return Measurement(total, error=f"the check {name}: {error.code} {error.message}")
    except Exception as error:  # a check comes from outside: whatever it raises is an error of this rule alone
        return failed_to_run(f"the check {name}", error, total)
    seconds = time.perf_counter() - began
    return Measurement(total, observed=found.observed, record_ids=ids, passed=found.passed, seconds=seconds)


def _all_known(ids: pa.Array, source: Source) -> pa.Array:
    """The ids where each of them is a record of ``source``; else none, since a text that is no id may be a cell."""
    unknown = ids if names_records(source.schema) else ids[:0]
    known = len(unknown) == len(ids)
    for batch in batches(source, [RECORD_ID]) if len(unknown) else ():
        there = pc.is_in(unknown, value_set=batch[RECORD_ID].cast(pa.large_string()).combine_chunks())
        unknown = unknown.filter(pc.invert(there))
    return ids if known and not len(unknown) else ids[:0]


def _judge(rule: Rule, found: Measurement) -> RuleResult:
    observed, passed, error = found.observed, bool(found.passed), found.error
    if error is None and rule.operator is not None:
        if observed is not None and rule.unit == "percent" and rule.engine != "duckdb":
            observed = 100 * observed / found.total if found.total else None
        if observed is None:
            error = "there is nothing to measure"
        else:
            passed = rule.operator.holds(observed)
    outcome = "error" if error else outcome_of(passed, rule.severity)
    return RuleResult(
        id=rule.id,
        object=rule.object,
        property=rule.property,
        kind=rule.kind,
        outcome=outcome,
        severity=rule.severity,
        observed=None if error else observed,
        threshold=threshold(rule),
        total=found.total,
        row_level=rule.row_level and (outcome == "pass" or len(found.record_ids) > 0),
        detail=error or found.detail,
        denominator=None if error else found.judged,
        sample=() if outcome == "pass" else sample_of(found.record_ids),
    )


def _report(
    plan: Plan, tables: Mapping[str, Source], measured: Mapping[str, Measurement], results: tuple[RuleResult, ...]
) -> ContractReport:
    offending = _offending(results, measured)
    contract = plan.contract
    return ContractReport(
        contract={key: str(getattr(contract, key)) for key in ("id", "name", "version", "digest")},
        rules=results,
        offending=offending,
        quarantined_rows=_rows_of(contract, tables, offending),
        human=plan.human,
        rows={table.name: tables[table.name].num_rows for table in contract.objects if table.name in tables},
        coverage=Coverage(
            declared=plan.declared,
            executed=sum(result.outcome != "error" for result in results),
            human=len(plan.human),
            waived=len(plan.waived),
        ),
        max_quarantine_share=contract.max_quarantine_share,
        seconds={rule.id: measured[rule.id].seconds for rule in plan.rules},
    )


def _offending(results: Sequence[RuleResult], measured: Mapping[str, Measurement]) -> dict[str, tuple[str, ...]]:
    """Record id → rules it breaks. Records that break the same rules share one tuple: there may be millions."""
    found: dict[str, tuple[str, ...]] = {}
    for result in sorted(results, key=lambda result: result.id):
        if result.outcome == "fail" and result.row_level:
            shared: dict[tuple[str, ...], tuple[str, ...]] = {}
            for record_id in measured[result.id].record_ids.to_pylist():
                before = found.get(record_id, ())
                found[record_id] = shared.setdefault(before, (*before, result.id))
    return dict(sorted(found.items()))


def _rows_of(contract: Contract, tables: Mapping[str, Source], ids: Mapping[str, object]) -> int:
    """Rows of the record table (``records``, else the first object) with one of ``ids``: ids may repeat."""
    names = [table.name for table in contract.objects]
    table = tables.get(RECORDS if RECORDS in names else names[0])
    if not ids or table is None or not names_records(table.schema):
        return len(ids)
    wanted = pa.array(ids, pa.large_string())
    rows = 0
    for batch in batches(table, [RECORD_ID]):
        found = pc.is_in(batch[RECORD_ID].cast(pa.large_string()), value_set=wanted)
        rows += int(pc.sum(found).as_py() or 0)
    return rows
