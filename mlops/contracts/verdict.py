"""From a report to a decision: go on without some records, or stop."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from mlops.contracts.errors import ContractError
from mlops.contracts.report import ContractReport

_NAMED = 5


@dataclass(frozen=True)
class ContractVerdict:
    """What follows from a report.

    Attributes:
        outcome: ``pass``: go on with the records that are not quarantined; ``blocked``: stop.
        quarantined: ids of the records to set aside, sorted; given for both outcomes. They are cells, see
            ``ContractReport.offending``.
        reason: one sentence of counts and rule ids.
    """

    outcome: Literal["pass", "blocked"]
    quarantined: tuple[str, ...] = field(repr=False)
    reason: str


def verdict(report: ContractReport, total_records: int) -> ContractVerdict:
    """Judge a report; the first of these that holds blocks.

    1. a rule could not be evaluated, or a declared clause was not executed;
    2. a table-level rule of severity ``error`` or ``critical`` failed;
    3. there is no record, or none is left after quarantine;
    4. the share of quarantined records exceeds the contract's ``mlops.maxQuarantineShare``.

    Warnings never block. ``total_records`` counts the rows before quarantine.

    Raises:
        ContractError: CONTRACT-012 where ``total_records`` is negative.
    """
    if total_records < 0:
        raise ContractError("CONTRACT-012", "expected 0 or more records", todo="pass the number of rows checked")
    quarantined = tuple(sorted(report.offending))
    reason = _obstacle(report, max(report.quarantined_rows, len(quarantined)), total_records)
    if reason:
        return ContractVerdict("blocked", quarantined, reason)
    passed = f"{total_records - report.quarantined_rows} of {total_records} records pass; coverage: {report.coverage}"
    return ContractVerdict("pass", quarantined, passed)


def _obstacle(report: ContractReport, removed: int, total: int) -> str | None:
    if report.errors:
        return f"{len(report.errors)} rule(s) could not be evaluated: {_names(report.errors)}"
    if not report.coverage.complete:
        return f"not every declared clause was executed: {report.coverage}"
    if failed := report.failed_table_rules:
        return f"{len(failed)} table rule(s) failed: {_names(failed)}"
    if total == 0:
        return "there is no record"
    if removed >= total:
        return f"all {total} records would be quarantined"
    share, allowed = removed / total, report.max_quarantine_share
    if removed > allowed * total:
        return f"{removed} of {total} records ({share:.1%}) break a rule, at most {allowed:.1%} may"
    return None


def _names(rules: tuple[object, ...]) -> str:
    names = [str(getattr(rule, "id", "")) for rule in rules]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
