"""From ODCS to rules. What cannot be run is an error that names the clause; nothing is dropped.

The meaning of the clauses, pinned by tests:

- **Null.** Only ``required``, ``primaryKey``, ``nullValues`` and ``missingValues`` judge nulls. Every other rule passes
  over them.
- **NaN** is null to every rule, as it is to Great Expectations, with two exceptions: it is an offence against
  ``logicalType: number`` (so is an infinity, which is never null), and SQL sees it as DuckDB does, as a number equal to
  itself and above all others, so that ``isnan(column)`` finds it. All of this is the same for rows in memory, in
  batches and in Parquet files, whatever the files' statistics say.
- **Duplicates.** All members of a group of equal values count, the first one too; a row of nulls alone is no duplicate.
- **Patterns** are RE2 and unanchored: write ``^…$`` to mean the whole text. ``$`` is the very end of the text.
- **Lengths** count Unicode code points, not bytes.
- **Percent** is of all rows of the object, null rows included; a percentage of no rows is an error.
- **SQL** returns a count, or a share worked out of counts. Records that a rule names in ``mlops.offendingRecords`` are
  set aside where they are records of its object and the rule holds without their rows; else the table fails.
- **Bounds** of ``mustBeBetween`` belong to the range.
- **Severity** left out means ``error``; ``warning`` and ``info`` never block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from mlops.contracts import quality
from mlops.contracts.clauses import CLAUSES
from mlops.contracts.contract import Contract, HumanItem, Operator, SchemaObject
from mlops.contracts.errors import Finding, first_error
from mlops.contracts.plan import Expectation, Plan, Rule
from mlops.contracts.profile import quality_rules
from mlops.contracts.quality import NONE_ALLOWED, NotCompilable
from mlops.contracts.sql import binding_problems
from mlops.contracts.waivers import waiver_findings, waivers


def compile_contract(contract: Contract) -> Plan:
    """The rules of a contract, without those that it waives. Never looks at the clock: see ``waivers``.

    Raises:
        ContractError: CONTRACT-010, 011, 014 or 063 to 066 with file and line of the first clause that cannot be run,
            and the number of the others.
    """
    plan, findings = plan_and_findings(contract)
    if findings:
        raise first_error(contract.path, findings)
    return plan


def compile_findings(contract: Contract) -> list[Finding]:
    """The same, as a list of everything that cannot be run."""
    return plan_and_findings(contract)[1]


def plan_and_findings(contract: Contract) -> tuple[Plan, list[Finding]]:
    """The plan, and what is missing from it: it is whole only where nothing was found."""
    findings: list[Finding] = []
    rules: list[Rule] = []
    human: list[HumanItem] = list(contract.agreements)
    written = 0
    for table in contract.objects:
        findings += _unsupported(table)
        rules += _table_rules(table)
        for column in table.properties:
            for clause in CLAUSES:
                rules += _attempt(findings, column.line, partial(clause, table, column))
        for owner in (None, *table.properties):
            for rule in (owner or table).quality:
                written += 1
                if rule.kind == "text":
                    human.append(quality.human_item(table, owner, rule))
                else:
                    rules += _attempt(findings, rule.line, partial(quality.compile_rule, table, owner, rule))
    findings += _clashes(rules)
    findings += waiver_findings(contract, rules)
    if not findings:
        findings = binding_problems(contract, rules)
    if not findings and written != sum(1 for _ in quality_rules(contract.document)):
        message = "a quality rule stands where no rule is read"
        findings = [Finding(0, "CONTRACT-010", message, "move it to an object or to a top-level property")]
    waived = waivers(contract)
    aside = {waiver.rule for waiver in waived}
    return Plan(contract, tuple(rule for rule in rules if rule.id not in aside), tuple(human), waived), findings


def _attempt(findings: list[Finding], line: int, build: Callable[[], Rule | None]) -> list[Rule]:
    try:
        rule = build()
        return [rule] if rule else []
    except NotCompilable as problem:
        findings.append(Finding(line, problem.code, problem.message, problem.todo))
        return []


def _clashes(rules: list[Rule]) -> list[Finding]:
    seen: set[str] = set()
    findings = []
    for rule in rules:
        if rule.id in seen:
            message = f"rule {rule.id}: this id is taken by another rule or by a property's own clause"
            findings.append(Finding(rule.line, "CONTRACT-010", message, "rename it"))
        seen.add(rule.id)
    return findings


def _unsupported(table: SchemaObject) -> Iterator[Finding]:
    """Keys that ODCS allows, that would change what is checked, and that nothing here runs."""
    if not table.properties:
        yield Finding(table.line, "CONTRACT-010", f"object {table.name} has no properties", "declare its columns")
    nodes: list[tuple[str, Mapping[str, Any], int]] = [(table.name, table.entry, table.line)]
    nodes += [(f"{table.name}.{column.name}", column.entry, column.line) for column in table.properties]
    for name, entry, line in nodes:
        nested = ("relationships",) if entry is table.entry else ("relationships", "properties", "items")
        for key in nested:
            if key in entry:
                message = f"{name}: {key} cannot be checked here"
                yield Finding(line, "CONTRACT-010", message, "remove it, or say it as a sql rule")
    columns = [column.column for column in table.properties]
    for repeated in sorted({name for name in columns if columns.count(name) > 1}):
        message = f"{table.name}: two properties are the column {repeated}"
        yield Finding(table.line, "CONTRACT-010", message, "keep one")


def _table_rules(table: SchemaObject) -> list[Rule]:
    """What every object implies: exactly its columns, and at least one row (an empty table proves nothing)."""
    base = Rule(f"{table.name}.columns", table.name, None, "arrow", "columns", "critical", False, table.line)
    rows = replace(
        base,
        id=f"{table.name}.rows",
        engine="great_expectations",
        kind="rowCount",
        operator=Operator("mustBeGreaterOrEqualTo", (1,)),
        expectations=(Expectation("expect_table_row_count_to_be_between", {}),),
    )
    rules = [base, rows]
    if len(key := [column.column for column in table.properties if column.primary_key]) > 1:
        expectation = Expectation("expect_compound_columns_to_be_unique", {"column_list": key})
        unique = replace(base, id=f"{table.name}.primaryKey", kind="unique", columns=tuple(key), operator=NONE_ALLOWED)
        rules.append(
            replace(
                unique,
                engine="great_expectations",
                expectations=(expectation,),
                row_level=quality.has_record_id(table),
            )
        )
    return rules
