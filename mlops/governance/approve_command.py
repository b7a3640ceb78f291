"""``mlops contract approve``: one person's yes to one contract version, written beside the contract."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer
import yaml

from mlops.approvers import account, accounts_by_role
from mlops.artifacts import digest_bytes, write_atomic
from mlops.contracts import approvals
from mlops.contracts.approvals import ACCOUNT, Approval, ApprovalRecord
from mlops.contracts.contract import Contract, load_contract
from mlops.contracts.diff import diff
from mlops.contracts.errors import ContractError, first_error
from mlops.contracts.lint import errors, shared_identities
from mlops.governance.lint_command import FOLDER, contract_files, lint_file
from mlops.ledger.events import append_once, current_actor
from mlops.ledger.store import open_ledger
from mlops.settings import Settings, load_settings


def approve_command(
    contract: Path = typer.Argument(help="The contract's file."),
    role: str = typer.Option(..., help="The role you approve in; the contract's roles name those it needs."),
    statement: str = typer.Option(..., help="What you looked at, and why you agree."),
    approver: str = typer.Option("", help="Your account; MLOPS_ACTOR or the operating system's user by default."),
    author: str = typer.Option("", help="The account of who wrote this version; the first who approves has to say it."),
) -> None:
    """Approve a contract version: writes approvals/NAME@VERSION.yaml beside it, and records it in the ledger.

    The contract must pass lint, its version must be bumped as far as its changes ask, and its author cannot be the
    only one who approves. A change that touches what people were promised also needs the data-protection role.
    Commit the files: they are reviewed like the contract itself. Approving twice changes nothing.
    """
    settings = load_settings()
    path = contract.resolve()
    if found := errors(lint_file(path)):
        raise first_error(contract, found)
    read = load_contract(path)
    given = Approval(
        approver.strip() or current_actor(), role, datetime.now(UTC).isoformat(timespec="seconds"), statement.strip()
    )
    record = approve(settings, read, given, author.strip())
    _tell(settings, record, given)
    after = approvals.standing(read)
    typer.echo(after.reason or f"{read.name} {read.version}: approved")
    typer.echo(f"file      {record.path}")
    for missing in after.missing:
        typer.echo(f"next      mlops contract approve {contract} --role {missing} --statement WHY")


def approve(settings: Settings, contract: Contract, given: Approval, author: str) -> ApprovalRecord:
    """Add an approval to the record of this version; returns the record as it lies there now.

    Raises:
        ContractError: CONTRACT-013, 032 … 037, this approval cannot count; CONTRACT-030, 031, what lies beside the
            contract is damaged.
    """
    _require_place(settings, contract)
    if not given.statement:
        raise ContractError("CONTRACT-032", "expected a statement", todo="say what you looked at: --statement")
    with _alone(contract.path.parent):
        return _add(settings, contract, given, author)


def _require_place(settings: Settings, contract: Contract) -> None:
    """The ledger knows a contract by its name alone: an approval of a copy elsewhere would count for the real one."""
    folder = (settings.root / FOLDER).resolve()
    if contract.path.resolve().parent != folder:
        message = f"expected a contract in {FOLDER}/ of the project itself, found one elsewhere"
        todo = f"put the file into {folder}, then approve it there"
        raise ContractError("CONTRACT-037", message, where=str(contract.path), todo=todo)
    if found := shared_identities(contract_files([folder, contract.path])).get(contract.path):
        raise first_error(contract.path, found)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two who approve at the same time do so one after the other: each reads the record and writes it anew."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _add(settings: Settings, contract: Contract, given: Approval, author: str) -> ApprovalRecord:
    before = approvals.predecessor(contract)
    _require_bump(contract, before)
    _require_role(settings, contract, before, given)
    record = _record(contract, author)
    if given.approver in [each.approver for each in record.approvals if each.role == given.role]:
        return record
    _require_another(record, given)
    others = [each.approver for each in (*record.approvals, given) if account(each.approver) != account(record.author)]
    if not others and len(approvals.required_roles(contract, before)) <= 1:
        message = f"{record.author} wrote this version and cannot be the only one who approves it"
        raise ContractError("CONTRACT-035", message, where=str(contract.path), todo="ask somebody else")
    record = replace(record, approvals=(*record.approvals, given))
    _write(contract, record)
    return record


def _require_another(record: ApprovalRecord, given: Approval) -> None:
    for other in record.approvals:
        if account(other.approver) == account(given.approver):
            message = f"{given.approver} approved this version already, as {other.role}"
            raise ContractError("CONTRACT-034", message, todo="each role is for another person")
        if other.role == given.role:
            message = f"the role {given.role} approved this version already, through {other.approver}"
            raise ContractError("CONTRACT-034", message, todo="nothing is left to do in this role")


def _write(contract: Contract, record: ApprovalRecord) -> None:
    """The text first: a record without its text would be a damaged one. Approvals of another text go before both."""
    content = contract.path.read_bytes()
    if digest_bytes(content) != contract.digest:
        message = "the contract was changed while it was being approved"
        raise ContractError("CONTRACT-033", message, where=str(contract.path), todo="read it again, then approve")
    found = approvals.find_record(contract)
    if found is not None and found.digest != record.digest:
        found.path.unlink()
    write_atomic(record.text, content)
    write_atomic(record.path, _as_yaml(record).encode())


def _require_bump(contract: Contract, before: Contract | None) -> None:
    newest = approvals.newest(contract)
    if newest is not None and approvals.version_key(newest.version) > approvals.version_key(contract.version):
        message = f"{contract.version} lies below {newest.version}, which is approved"
        raise ContractError("CONTRACT-033", message, where=str(contract.path), todo="raise the version")
    if before is None:
        return
    found = diff(before, contract)
    if not found.ok:
        message = (
            f"{before.version} → {contract.version} is too small a step: the changes ask for {found.required_bump}"
        )
        todo = f"raise the version; see: mlops contract diff {before.path} {contract.path}"
        raise ContractError("CONTRACT-033", message, where=str(contract.path), todo=todo)


def _require_role(settings: Settings, contract: Contract, before: Contract | None, given: Approval) -> None:
    if not re.fullmatch(ACCOUNT, given.approver):
        message = "expected an account of letters, digits and . _ @ + -"
        raise ContractError("CONTRACT-036", message, todo="give the account's plain name: --approver")
    required = approvals.required_roles(contract, before)
    if given.role not in required:
        message = f"{contract.name} {contract.version} does not ask the role {given.role}"
        raise ContractError("CONTRACT-036", message, todo=f"approve as one of {', '.join(required)}")
    file = settings.approvers_file
    held = accounts_by_role(file, expected=settings.approvers is not None).get(given.role)
    if held is not None and account(given.approver) not in held:
        message = f"{given.approver} does not hold the role {given.role}"
        raise ContractError("CONTRACT-036", message, where=str(file), todo="ask one who does")


def _record(contract: Contract, author: str) -> ApprovalRecord:
    """The record of these bytes: as found, or a new one. Approvals of another text of the same version are void."""
    path = approvals.record_path(contract)
    found = approvals.find_record(contract)
    if found is not None and found.digest == contract.digest:
        if author and account(author) != account(found.author):
            message = f"this version was recorded as written by {found.author}"
            raise ContractError("CONTRACT-035", message, where=str(path), todo="leave --author out")
        return found
    if found is not None and approvals.is_complete(found):
        message = f"{contract.name} {contract.version} was approved with another text"
        todo = "give it a new version, or restore it"
        raise ContractError("CONTRACT-033", message, where=str(contract.path), todo=todo)
    if not re.fullmatch(ACCOUNT, author):
        message = "nobody said who wrote this version"
        raise ContractError("CONTRACT-035", message, where=str(contract.path), todo="say it: --author ACCOUNT")
    return ApprovalRecord(path, contract.name, contract.version, contract.digest, author)


def _as_yaml(record: ApprovalRecord) -> str:
    content: dict[str, Any] = {name: getattr(record, name) for name in ("contract", "version", "digest", "author")}
    content["approvals"] = [asdict(given) for given in record.approvals]
    head = "# Who approved this contract version. Written by `mlops contract approve`; reviewed as code.\n"
    return head + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)


def _tell(settings: Settings, record: ApprovalRecord, given: Approval) -> None:
    """Mirror the approval to the ledger, once, as what this process's account did."""
    body = {"contract": record.contract, "version": record.version, "digest": record.digest, **asdict(given)}
    once = f"contract/{record.contract}@{record.version}/{record.digest}/{given.role}"
    append_once(open_ledger(settings.ledger), "contract_approved", {**body, "author": record.author}, once=once)
