"""Everything that is wrong with a contract file, in one look."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import permutations
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


def shared_identities(files: Sequence[Path]) -> dict[Path, list[Finding]]:
    """By file, the name or id that another file of the same folder has as well (CONTRACT-013).

    Two files with one name would be two versions of one contract side by side, and share their approvals.
    """
    documents = [(path, document) for path in files if not file_findings(document := parse_document(path))]
    found: dict[Path, list[Finding]] = {}
    for (path, document), (other, beside) in permutations(documents, 2):
        if path.resolve().parent != other.resolve().parent or path.resolve() == other.resolve():
            continue
        same = [key for key in ("name", "id") if document.data.get(key) == beside.data.get(key) is not None]
        if same:
            message = f"the {' and the '.join(same)} of this contract stand in {other.name} as well"
            todo = "keep one of the files; older versions lie in approvals/ and in version control"
            line = document.line((same[0],))
            found.setdefault(path, []).append(Finding(line, "CONTRACT-013", message, todo))
    return found


def errors(findings: Sequence[Finding]) -> list[Finding]:
    """Those that keep a contract from being approved."""
    return [finding for finding in findings if finding.blocks]


def _named_checks(plan: Plan, argument_problems: ArgumentProblems) -> Iterator[Finding]:
    """CONTRACT-062 for each rule whose check would not run."""
    for rule in plan.rules:
        if rule.engine == "named":
            for problem in argument_problems(rule.arguments["check"], rule.arguments["arguments"]):
                yield Finding(rule.line, "CONTRACT-062", f"rule {rule.id}: {problem}", "correct the implementation")
