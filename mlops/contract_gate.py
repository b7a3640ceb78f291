"""What the contracts say before a stage starts, whether its output is already in the store or not.

These questions depend on today's date and on who approved, so they are no part of a stage's key: a result that was
right yesterday is not used today if a contract no longer allows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

from mlops.contracts.contract import Contract
from mlops.contracts.diff_governance import MASKING
from mlops.contracts.nodes import custom_properties
from mlops.contracts.packs.run import pack_findings
from mlops.contracts.policy import Refusal, Use, outlived, refusals, unproven
from mlops.contracts.waivers import expired_waivers
from mlops.ledger.store import Ledger
from mlops.pipeline import Stage
from mlops.policy_refusals import approval_refusals, refuse
from mlops.privacy.config import ENTITY_TYPES
from mlops.runs import Run, stage_results
from mlops.settings import Settings
from mlops.stages.pinned_contracts import load_pinned
from mlops.use_case import Declaration

REWRITTEN = "messages.content"
"""The column that the mask stage rewrites; all others pass through it as they are."""

# Contract pin → the stage that checks data against it, and what that data is called.
CHECKED_BY = {"source_contract": ("validate", "the source data"), "training_contract": ("curate", "the training set")}


def require_permitted(settings: Settings, declaration: Declaration, ledger: Ledger, run: Run, stage: Stage) -> None:
    """Ask every contract that the stage depends on; a refusal is recorded as ``policy_refused``.

    Asked of each: is the file the one that was pinned, is it approved, has no waiver of it expired? Of the stages that
    use the data for the declared purpose also: is the use permitted, does the contract declare what its regulations
    ask, was each data set upstream checked against this very version, and may it still be kept?

    Raises:
        PurposeError: PURPOSE-001, clauses refuse; each is named.
        PinError: a contract changed since the run began.
        ContractError: a contract, or a file of approvals, cannot be read.
    """
    pins = [pin for pin in CHECKED_BY if pin in stage.pins]
    found = {pin: load_pinned(settings.root, run.pins[pin]) for pin in pins}
    today = datetime.now(UTC).date()
    reasons = [reason for pin in pins for reason in _standing(found[pin], run, settings, ledger, today)]
    if stage.governed:
        results = stage_results(ledger, run.id)
        reasons += [reason for pin in pins for reason in _use(found[pin], pin, declaration, stage, results, today)]
    if reasons:
        refuse(ledger, reasons, use_case=run.use_case, run=run.id, stage=stage.name)


def _standing(contract: Contract, run: Run, settings: Settings, ledger: Ledger, today: date) -> Iterator[Refusal]:
    if not (settings.development and run.pins.get("unapproved")):
        yield from approval_refusals(contract, settings, ledger)
    for waiver in expired_waivers(contract, today):
        who = f"{contract.name} {contract.version}"
        yield Refusal(who, "mlops.waivers", f"the waiver of {waiver.rule} in {who} expired on {waiver.expires}")


def _unmasked(contract: Contract, declaration: Declaration) -> Iterator[Refusal]:
    """A column that asks for masking, and that the mask stage does not rewrite; or one that it does, under a use case
    that does not mask all kinds of personal data, or lets some be left."""
    privacy = declaration.use_case.privacy
    asked = [
        f"{table.name}.{column.column}"
        for table in contract.objects
        for column in table.properties
        if custom_properties(column.entry).get(MASKING) == "required"
    ]
    for column in asked:
        if column != REWRITTEN:
            who = f"{contract.name} {contract.version}"
            message = f"{who} requires masking of {column}; masking rewrites {REWRITTEN} only: leave the column out"
            yield Refusal(who, MASKING, message)
    if asked and (privacy.masked_types != ENTITY_TYPES or privacy.residual_tolerance > 0):
        who = f"{contract.name} {contract.version}"
        message = f"{who} requires masking of {asked[0]}; privacy has profile {privacy.profile}, residual_tolerance "
        yield Refusal(who, MASKING, f"{message}{privacy.residual_tolerance}, expected profile gdpr and 0")


def _use(
    contract: Contract,
    pin: str,
    declaration: Declaration,
    stage: Stage,
    results: Mapping[str, Mapping[str, Any]],
    today: date,
) -> Iterator[Refusal]:
    purpose = declaration.use_case.purpose
    yield from refusals(contract, Use(purpose.name, purpose.legal_basis, purpose.region, purpose.role))
    for finding in pack_findings(contract):
        if finding.blocks:
            who = f"{contract.name} {contract.version}"
            yield Refusal(who, finding.code, f"{who}, line {finding.line}: {finding.message}")
    yield from _unmasked(contract, declaration)
    checker, dataset = CHECKED_BY[pin]
    if checker == stage.name:
        return  # this stage makes the check itself
    checked = results.get(checker)
    missing = unproven(contract, dataset, checked)
    yield from missing
    if checked is not None and not missing:
        yield from outlived(contract, dataset, checked["figures"].get("retention", {}), today)
