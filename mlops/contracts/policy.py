"""May this data be used for this purpose, on this legal basis, in this region, by this role, today?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from mlops.contracts.contract import Contract
from mlops.contracts.retention import retentions


@dataclass(frozen=True)
class Use:
    """What a use case declares: names as contracts write them."""

    purpose: str
    legal_basis: str
    region: str
    role: str


@dataclass(frozen=True)
class Refusal:
    """One clause that does not allow a use. ``clause`` is the key in the contract, ``message`` a sentence that quotes
    the contract and the declaration only."""

    contract: str
    clause: str
    message: str

    def __str__(self) -> str:
        return f"{self.clause}: {self.message}"


def same_purpose(word: str) -> str:
    """A purpose as prohibitions are compared: equal for words that differ in case or in blanks around them."""
    return word.strip().casefold()


def refusals(contract: Contract, use: Use) -> tuple[Refusal, ...]:
    """Clauses that do not allow the use; empty where all do.

    Names are compared as written: a contract that permits ``EU`` does not thereby permit ``DE``. Prohibitions alone
    hold in any case of letters, so that no spelling escapes them. What is not named is not permitted; a prohibition
    outweighs a permission.
    """
    policy = contract.policy
    who = f"{contract.name} {contract.version}"
    reasons = []
    if contract.status != "active":
        reasons.append(("status", f"{who} is {contract.status}, expected active"))
    if same_purpose(use.purpose) in map(same_purpose, policy.prohibited_purposes):
        reasons.append(("mlops.prohibitedPurposes", f"{who} forbids {use.purpose}"))
    if use.purpose not in policy.permitted_purposes:
        permitted = ", ".join(policy.permitted_purposes)
        reasons.append(("mlops.permittedPurposes", f"{who} permits {permitted}, not {use.purpose}"))
    if use.legal_basis != policy.legal_basis:
        reasons.append(("mlops.legalBasis", f"{who} rests on {policy.legal_basis}, not {use.legal_basis}"))
    if use.region not in policy.residency:
        reasons.append(("mlops.residency", f"{who} stays in {', '.join(policy.residency)}, not {use.region}"))
    if use.role not in policy.roles:
        granted = ", ".join(policy.roles) or "no role"
        reasons.append(("roles", f"{who} grants access to {granted}, not {use.role}"))
    return tuple(Refusal(who, clause, message) for clause, message in reasons)


def unproven(contract: Contract, dataset: str, checked: Mapping[str, Any] | None) -> tuple[Refusal, ...]:
    """Why a data set does not count as checked against this very contract version.

    Args:
        dataset: what was checked, in words.
        checked: the ``stage_done`` body of the check (``outcome`` and ``figures.contract``), None where there is none.
    """
    who = f"{contract.name} {contract.version}"
    found = {} if checked is None else dict(checked.get("figures", {}).get("contract") or {})
    if checked is None or checked.get("outcome") != "done" or not found:
        return (Refusal(who, "quality", f"{dataset} has no passing check against {who}"),)
    if found.get("digest") != contract.digest:
        other = f"{found.get('name')} {found.get('version')}"
        return (Refusal(who, "version", f"{dataset} was checked against {other} with another text, not {who}"),)
    return ()


def outlived(contract: Contract, dataset: str, kept: Mapping[str, Mapping[str, Any]], on: date) -> tuple[Refusal, ...]:
    """Retention clauses whose last day is past, or that nobody looked at.

    Rows without a date cannot be judged; their number stands in the check's figures, for a person.

    Args:
        kept: as ``retention.keep_until`` found it when the data was checked.
        on: today, UTC.
    """
    who = f"{contract.name} {contract.version}"
    unknown = [clause.id for clause in retentions(contract) if clause.column is not None and clause.id not in kept]
    if unknown:
        return tuple(
            Refusal(who, f"slaProperties.{clause}", f"nobody looked how old {dataset} is ({who}): check it again")
            for clause in unknown
        )
    late = [
        (clause, found["until"])
        for clause, found in sorted(kept.items())
        if found["until"] and date.fromisoformat(found["until"]) < on
    ]
    return tuple(
        Refusal(
            who, f"slaProperties.{clause}", f"{dataset} had to be gone after {until} ({who}): purge its oldest rows"
        )
        for clause, until in late
    )
