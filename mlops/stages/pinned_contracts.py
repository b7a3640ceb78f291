"""Contracts as the run pinned them, and the purpose gate that asks them."""

from __future__ import annotations

from mlops.contracts.contract import Contract, load_contract
from mlops.contracts.policy import refusals
from mlops.errors import MlopsError
from mlops.stages.stage_io import StageContext


class PurposeError(MlopsError):
    """A contract does not allow what the use case wants, or is not the one the run pinned."""


def pinned_contract(context: StageContext, pin: str) -> Contract:
    """The contract of a pin, if its file is still the one that was pinned.

    Raises:
        PurposeError: the file changed since the run began.
        ContractError: it cannot be read.
    """
    wanted = context.pins[pin]
    contract = load_contract(context.root / wanted["path"])
    if contract.digest != wanted["digest"]:
        raise PurposeError(
            "PURPOSE-002",
            "the contract changed since this run began",
            where=wanted["path"],
            todo="start a new run, or restore the file",
        )
    return contract


def require_purpose(context: StageContext) -> None:
    """Ask every contract upstream whether it allows the use case's purpose, region and role.

    Raises:
        PurposeError: one does not; the message names each clause.
    """
    purpose = context.sections["purpose"]
    reasons: list[str] = []
    for pin in ("source_contract", "training_contract"):
        contract = pinned_contract(context, pin)
        reasons += refusals(contract, purpose=purpose.name, region=purpose.region, role=purpose.role)
    if reasons:
        raise PurposeError(
            "PURPOSE-001",
            "; ".join(reasons),
            where=f"use case {context.use_case}",
            todo="change the purpose, or have the contract changed and approved",
        )
