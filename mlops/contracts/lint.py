"""Everything that is wrong with a contract file, in one look."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from mlops.contracts.compile import plan_and_findings
from mlops.contracts.contract import build_contract
from mlops.contracts.errors import Finding
from mlops.contracts.lint_rules import LINT_RULES
from mlops.contracts.loading import file_findings
from mlops.contracts.packs.run import pack_findings
from mlops.contracts.plan import Plan
from mlops.contracts.profile import check_document
from mlops.contracts.waivers import expiry_findings
from mlops.yaml_source import parse_document

ArgumentProblems = Callable[[str, Mapping[str, Any]], Sequence[str]]
"""From the name of a named check and the arguments that a rule gives it to what is wrong with them, in words."""


def lint(path: Path, *, argument_problems: ArgumentProblems | None = None, on: date | None = None) -> list[Finding]:
    """All findings of one contract file in the order of its lines; no error among them means it can be approved.

    Layers: the file (CONTRACT-001 to 004); then standard and profile (005 to 009); then together compilation (010,
    011), governance (050 to 069) and the rule packs. A layer is read only where the ones before it found nothing,
    because it builds on them.

    Args:
        argument_problems: judges rules with ``engine: mlops``; None where nobody knows the checks, then only their
            form is judged.
        on: the day on which waivers are looked at; today, UTC, by default.
    """
    document = parse_document(path)
    if first := file_findings(document) or check_document(document):
        return sorted(first)
    contract = build_contract(document)
    plan, findings = plan_and_findings(contract)
    for rule in LINT_RULES:
        findings += rule.findings(contract, document)
    findings += pack_findings(contract)
    findings += expiry_findings(contract, on or datetime.now(UTC).date())
    if argument_problems is not None:
        findings += _named_checks(plan, argument_problems)
    return sorted(set(findings))


def errors(findings: Sequence[Finding]) -> list[Finding]:
    """Those that keep a contract from being approved."""
    return [finding for finding in findings if finding.blocks]


def _named_checks(plan: Plan, argument_problems: ArgumentProblems) -> Iterator[Finding]:
    """CONTRACT-062 for each rule whose check would not run."""
    for rule in plan.rules:
        if rule.engine == "named":
            for problem in argument_problems(rule.arguments["check"], rule.arguments["arguments"]):
                yield Finding(rule.line, "CONTRACT-062", f"rule {rule.id}: {problem}", "correct the implementation")
