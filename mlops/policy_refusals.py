"""A contract says no: record it, then end with the clauses by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NoReturn

from mlops.approvers import account, accounts_by_role
from mlops.contracts import approvals
from mlops.contracts.approvals import ApprovalRecord
from mlops.contracts.contract import Contract
from mlops.contracts.policy import Refusal
from mlops.errors import MlopsError
from mlops.ledger.events import append, events
from mlops.ledger.store import Ledger
from mlops.settings import Settings


class PurposeError(MlopsError):
    """A contract does not allow what the use case wants."""


def refuse(
    ledger: Ledger, reasons: Sequence[Refusal], *, use_case: str, run: str, stage: str | None = None
) -> NoReturn:
    """Append ``policy_refused`` with every reason.

    Raises:
        PurposeError: PURPOSE-001, always; the message names each clause.
    """
    said = [{"contract": each.contract, "clause": each.clause, "message": each.message} for each in reasons]
    append(ledger, "policy_refused", {"reasons": said}, use_case=use_case, run=run, stage=stage)
    asks_approval = all(each.clause == "approvals" for each in reasons)
    raise PurposeError(
        "PURPOSE-001",
        "; ".join(map(str, reasons)),
        where=f"use case {use_case}, run {run}",
        todo="have it reviewed: mlops contract approve FILE --role ROLE --statement WHY"
        if asks_approval
        else "change the use case or the data, or have the contract changed and approved",
    )


def approval_refusals(contract: Contract, settings: Settings, ledger: Ledger) -> list[Refusal]:
    """Why a contract does not rule: it lacks approvals; empty where it has them.

    Raises:
        ContractError: a file of approvals is damaged.
        ApproversError: the file of approvers is wrong, or is missing though a setting names it.
    """
    found = approvals.standing(contract)
    reasons = [found.reason] if not found.approved else []
    if found.approved and found.record is not None:
        reasons += _not_held(found.record, settings)
    reasons += _lost(contract, ledger)
    return [Refusal(f"{contract.name} {contract.version}", "approvals", reason) for reason in reasons]


def _not_held(record: ApprovalRecord, settings: Settings) -> Iterator[str]:
    """Approvals by accounts that do not hold their role, where the file of approvers lists that role."""
    held = accounts_by_role(settings.approvers_file, expected=settings.approvers is not None)
    for given in record.approvals:
        if given.role in held and account(given.approver) not in held[given.role]:
            yield f"{given.approver}, who approved {record.contract} {record.version}, does not hold {given.role}"


def _lost(contract: Contract, ledger: Ledger) -> Iterator[str]:
    """Approvals that the ledger knows and the files do not: without them an older version would seem to be the last."""
    folder = approvals.record_path(contract).parent
    for event in events(ledger, kinds=["contract_approved"]):
        body = event.body
        if body["contract"] != contract.name:
            continue
        path = folder / f"{body['contract']}@{body['version']}.yaml"
        record = approvals.read_record(path) if path.is_file() else None
        if record is not None and record.digest != body["digest"]:
            continue  # approvals of a text that was changed before it had all of them
        if record is None or (body["role"], body["approver"]) not in [(a.role, a.approver) for a in record.approvals]:
            yield f"{body['contract']} {body['version']} lost the approval of {body['role']}, which the ledger knows"
