"""Run a contract over Arrow tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mlops.contracts import arrow_checks, expectations, sql
from mlops.contracts.compile import compile_contract
from mlops.contracts.contract import Contract
from mlops.contracts.measurement import Measurement, failed_to_run
from mlops.contracts.plan import Plan, Rule
from mlops.contracts.report import ContractReport, Coverage, RuleResult, outcome_of

RECORDS = "records"


@dataclass(frozen=True)
class NamedOutcome:
    """What a named check found.

    Attributes:
        passed: its judgement; the rule's severity decides what a failure means.
        observed: the number behind it, a count or a statistic, never a cell.
        offending: record ids, where single records are at fault; empty where the table is.
    """

    passed: bool
    observed: float | None = None
    offending: tuple[str, ...] = ()


NamedCheck = Callable[[Mapping[str, pa.Table], Mapping[str, Any]], NamedOutcome]


def check(
    contract: Contract, tables: Mapping[str, pa.Table], named_checks: Mapping[str, NamedCheck] | None = None
) -> ContractReport:
    """Run every rule of ``contract`` over ``tables`` (object name → table).

    Rows are set aside by the column ``record_id``, so an object without it has table-level rules only. Named checks
    are called with all tables and the arguments that the rule gives. A table that is not there, a column that is
    missing or of another type, a check that is not given and an engine that raises all make the rules concerned
    errors, each for itself. What the clauses mean is said in ``compile``.

    Raises:
        ContractError: CONTRACT-010 or 011, the contract has a clause that cannot be run.
    """
    plan = compile_contract(contract)
    given = {name: arrow_checks.decode_dictionaries(table) for name, table in tables.items()}
    measured = _measure(plan, given, named_checks or {})
    return _report(plan, given, measured)


def _measure(
    plan: Plan, tables: Mapping[str, pa.Table], named_checks: Mapping[str, NamedCheck]
) -> dict[str, Measurement]:
    declared = {table.name: table for table in plan.contract.objects}
    present = {name: tables[name] for name in declared if name in tables}
    usable = {name: arrow_checks.usable_columns(table, _of(plan, name)) for name, table in present.items()}
    measured: dict[str, Measurement] = {}
    runnable: list[Rule] = []
    for rule in plan.rules:
        if rule.object not in present:
            measured[rule.id] = Measurement(0, error=f"no table was given for object {rule.object}")
        elif broken := sorted(set(rule.columns) - usable[rule.object]):
            rows = present[rule.object].num_rows
            measured[rule.id] = Measurement(rows, error=f"column missing or of another type: {', '.join(broken)}")
        else:
            runnable.append(rule)
    for rule in runnable:
        if rule.engine == "arrow":
            columns = [column.column for column in declared[rule.object].properties]
            measured[rule.id] = _arrow(rule, columns, present[rule.object])
        elif rule.engine == "named":
            measured[rule.id] = _named(rule, tables, named_checks)
    measured |= sql.measure([rule for rule in runnable if rule.engine == "duckdb"], present)
    chosen = [rule for rule in runnable if rule.engine == "great_expectations"]
    return measured | expectations.measure(present, chosen)


def _of(plan: Plan, name: str) -> Sequence[Rule]:
    return [rule for rule in plan.rules if rule.object == name]


def _arrow(rule: Rule, columns: Sequence[str], table: pa.Table) -> Measurement:
    if rule.kind == "columns":
        return arrow_checks.measure_columns(columns, table)
    if rule.kind == "type":
        return arrow_checks.measure_type(rule, table)
    return arrow_checks.measure_rows(rule, table)


def _named(rule: Rule, tables: Mapping[str, pa.Table], named_checks: Mapping[str, NamedCheck]) -> Measurement:
    total = tables[rule.object].num_rows
    name = rule.arguments["check"]
    if name not in named_checks:
        return Measurement(total, error=f"no check named {name} was given")
    try:
        found = named_checks[name](tables, rule.arguments["arguments"])
    except Exception as error:  # a check comes from outside: whatever it raises is an error of this rule alone
        return failed_to_run(f"the check {name}", error, total)
    return Measurement(total, observed=found.observed, record_ids=tuple(sorted(found.offending)), passed=found.passed)


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
    unit = "" if rule.engine == "duckdb" else f" {rule.unit}"
    return RuleResult(
        id=rule.id,
        object=rule.object,
        property=rule.property,
        kind=rule.kind,
        outcome=outcome,
        severity=rule.severity,
        observed=None if error else observed,
        threshold=f"{rule.operator}{unit}" if rule.operator else "",
        total=found.total,
        row_level=rule.row_level and (outcome == "pass" or bool(found.record_ids)),
        detail=error or found.detail,
    )


def _report(plan: Plan, tables: Mapping[str, pa.Table], measured: Mapping[str, Measurement]) -> ContractReport:
    results = tuple(_judge(rule, measured[rule.id]) for rule in plan.rules)
    offending: dict[str, list[str]] = {}
    for result in results:
        if result.outcome == "fail" and result.row_level:
            for record_id in measured[result.id].record_ids:
                offending.setdefault(record_id, []).append(result.id)
    contract = plan.contract
    return ContractReport(
        contract={key: str(getattr(contract, key)) for key in ("id", "name", "version", "digest")},
        rules=results,
        offending={record_id: tuple(sorted(offending[record_id])) for record_id in sorted(offending)},
        quarantined_rows=_rows_of(contract, tables, sorted(offending)),
        human=plan.human,
        rows={table.name: tables[table.name].num_rows for table in contract.objects if table.name in tables},
        coverage=Coverage(
            declared=len(plan.rules) + len(plan.human),
            executed=sum(result.outcome != "error" for result in results),
            human=len(plan.human),
        ),
        max_quarantine_share=contract.max_quarantine_share,
    )


def _rows_of(contract: Contract, tables: Mapping[str, pa.Table], ids: Sequence[str]) -> int:
    """Rows of the record table (``records``, else the first object) with one of ``ids``: ids may repeat."""
    names = [table.name for table in contract.objects]
    table = tables.get(RECORDS if RECORDS in names else names[0])
    if not ids or table is None or arrow_checks.RECORD_ID not in table.column_names:
        return len(ids)
    column = table[arrow_checks.RECORD_ID]
    return int(pc.sum(pc.is_in(column, pa.array(ids, column.type))).as_py() or 0)
