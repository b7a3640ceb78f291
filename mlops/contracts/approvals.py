"""Who approved a contract version: a file beside the contract, and the text that was approved.

``data_contracts/approvals/NAME@VERSION.yaml`` names the digest of the contract's bytes, its author and each approval;
``NAME@VERSION.odcs.yaml`` beside it is the approved text itself, so that a later version can be compared with it
without any repository. Both are reviewed as code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from mlops.approvers import account
from mlops.contracts.contract import Contract, load_contract
from mlops.contracts.diff import diff
from mlops.contracts.diff_governance import DATA_PROTECTION, DEFAULT_DATA_PROTECTION
from mlops.contracts.errors import ContractError
from mlops.contracts.nodes import custom_properties, list_of, mapping_of
from mlops.yaml_source import Document, parse_document

FOLDER = "approvals"
# One alphabet: characters that look alike, or like nothing, would make one person two.
ACCOUNT = r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}"

_FIELDS = ("contract", "version", "digest", "author")
_APPROVAL = ("approver", "role", "at", "statement")
_RECORD = re.compile(r"(.+)@(\d+\.\d+\.\d+)\.yaml")


@dataclass(frozen=True)
class Approval:
    """One person's yes to one version: who, in which role, when (ISO 8601 with its zone), with which words."""

    approver: str
    role: str
    at: str
    statement: str


@dataclass(frozen=True)
class ApprovalRecord:
    """The approvals of one contract version.

    Attributes:
        path: the file.
        contract: name of the contract.
        version: its version.
        digest: ``sha256:<64 hex>`` of the bytes that were approved.
        author: account of who wrote this version; cannot be its only approver.
        approvals: in the order in which they were given.
    """

    path: Path
    contract: str
    version: str
    digest: str
    author: str
    approvals: tuple[Approval, ...] = ()

    @property
    def text(self) -> Path:
        """The approved text, as it lay there."""
        return self.path.with_name(f"{self.contract}@{self.version}.odcs.yaml")


@dataclass(frozen=True)
class Standing:
    """Whether a contract may rule a run.

    Attributes:
        approved: every role that has to approve did, for exactly these bytes, and no later version is approved.
        required: the roles that have to approve, sorted.
        missing: those that did not.
        reason: one sentence; empty where it is approved.
        record: what was found beside the contract.
    """

    approved: bool
    required: tuple[str, ...]
    missing: tuple[str, ...]
    reason: str
    record: ApprovalRecord | None


def record_path(contract: Contract) -> Path:
    """Where the approvals of this version lie."""
    return contract.path.parent / FOLDER / f"{contract.name}@{contract.version}.yaml"


def version_key(version: str) -> tuple[int, ...]:
    """MAJOR.MINOR.PATCH as numbers, for sorting."""
    return tuple(int(part) for part in version.split("."))


def read_record(path: Path) -> ApprovalRecord:
    """One file of approvals.

    Raises:
        ContractError: CONTRACT-030, it cannot be read or has another shape.
    """
    document = parse_document(path)
    for finding in document.findings:
        raise ContractError("CONTRACT-030", finding.message, where=f"{path}:{finding.line}", todo=finding.todo)
    data = document.data
    _words(document, data, (), _FIELDS, extra=("approvals",))
    given = []
    for position, entry in enumerate(list_of(data.get("approvals"))):
        words = mapping_of(entry)
        _words(document, words, ("approvals", position), _APPROVAL)
        given.append(Approval(**{name: words[name] for name in _APPROVAL}))
        _require(document, ("approvals", position), bool(_account(words["approver"])), "an account of plain letters")
        _require(document, ("approvals", position), _is_moment(words["at"]), "a time with its zone in at")
    _require(document, ("author",), bool(_account(data["author"])), "an account of plain letters")
    named = _RECORD.fullmatch(path.name)
    same = named is not None and (named[1], named[2]) == (data["contract"], data["version"])
    _require(document, ("contract",), same, "the contract and version that the file's name says")
    return ApprovalRecord(
        path, data["contract"], data["version"], data["digest"], data["author"], approvals=tuple(given)
    )


def _account(name: str) -> re.Match[str] | None:
    return re.fullmatch(ACCOUNT, name)


def _is_moment(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _words(
    document: Document,
    data: Mapping[str, Any],
    place: tuple[str | int, ...],
    names: tuple[str, ...],
    extra: tuple[str, ...] = (),
) -> None:
    whole = all(isinstance(data.get(name), str) and data[name].strip() for name in names)
    _require(document, place, whole and set(data) <= {*names, *extra}, f"words for {', '.join(names)}, nothing else")


def _require(document: Document, place: tuple[str | int, ...], holds: bool, expected: str) -> None:
    if not holds:
        todo = "restore the file, or approve again: mlops contract approve"
        raise ContractError("CONTRACT-030", f"expected {expected}", where=document.where(place), todo=todo)


def find_record(contract: Contract) -> ApprovalRecord | None:
    """The approvals of this version, if there are any.

    Raises:
        ContractError: CONTRACT-030.
    """
    path = record_path(contract)
    return read_record(path) if path.is_file() else None


def approved_versions(folder: Path, name: str) -> list[ApprovalRecord]:
    """The approval files of the contract ``name`` below ``folder``/approvals, oldest version first.

    Raises:
        ContractError: CONTRACT-030.
    """
    named = [(path, _RECORD.fullmatch(path.name)) for path in sorted((folder / FOLDER).glob("*.yaml"))]
    records = [read_record(path) for path, found in named if found is not None and found[1] == name]
    return sorted(records, key=lambda record: version_key(record.version))


def approved_text(record: ApprovalRecord) -> Contract:
    """The contract as it was approved.

    Raises:
        ContractError: CONTRACT-031, the text beside the approval is missing or is another one; CONTRACT-001 to 009, it
            is no contract by the rules of today.
    """
    if record.text.is_file():
        contract = load_contract(record.text)
        if contract.digest == record.digest:
            return contract
    message = f"the approved text of {record.contract} {record.version} is missing or was changed"
    raise ContractError("CONTRACT-031", message, where=str(record.text), todo="restore it from version control")


def predecessor(contract: Contract) -> Contract | None:
    """The newest version below this one that had all its approvals, as it was approved.

    Raises:
        ContractError: CONTRACT-020, 030, 031, as ``standing``.
    """
    complete = _complete(contract.path.parent, contract.name)
    older = [text for text in complete if version_key(text.version) < version_key(contract.version)]
    return older[-1] if older else None


def newest(contract: Contract) -> Contract | None:
    """The newest version that had all its approvals, as it was approved.

    Raises:
        ContractError: CONTRACT-020, 030, 031, as ``standing``.
    """
    complete = _complete(contract.path.parent, contract.name)
    return complete[-1] if complete else None


def _complete(folder: Path, name: str) -> list[Contract]:
    """The texts of all versions that had all their approvals, oldest first, each judged against the one before."""
    found: list[Contract] = []
    for record in approved_versions(folder, name):
        if record.approvals:
            text = approved_text(record)
            if not _obstacle(record, required_roles(text, found[-1] if found else None)):
                found.append(text)
    return found


def is_complete(record: ApprovalRecord) -> bool:
    """Whether the approved text has every approval it needs.

    Raises:
        ContractError: CONTRACT-020, 030, 031, as ``standing``.
    """
    return any(text.version == record.version for text in _complete(record.path.parent.parent, record.contract))


def data_protection_role(contract: Contract) -> str:
    """The role that answers for data protection."""
    return str(custom_properties(contract.document.data).get(DATA_PROTECTION, DEFAULT_DATA_PROTECTION))


def required_roles(contract: Contract, before: Contract | None) -> tuple[str, ...]:
    """Roles that have to approve this version: the approvers that its ``roles`` name, and the data-protection role
    where it is the first version, or changes what people were promised; then it is the role that the version before
    names.

    Raises:
        ContractError: CONTRACT-020, ``before`` is no version of this contract.
    """
    entries = [mapping_of(entry) for entry in list_of(contract.document.data.get("roles"))]
    named = {entry.get(level) for entry in entries for level in ("firstLevelApprovers", "secondLevelApprovers")}
    roles = {str(name) for name in named if name}
    if before is None or any(change.grade == "major_governance" for change in diff(before, contract).changes):
        roles.add(data_protection_role(before or contract))
    return tuple(sorted(roles))


def standing(contract: Contract) -> Standing:
    """Whether this contract, byte for byte, has the approvals it needs, and is the newest that has.

    Raises:
        ContractError: CONTRACT-020, a version of another id has this name; CONTRACT-030, CONTRACT-031: a file of
            approvals, or an approved text, was damaged.
    """
    complete = _complete(contract.path.parent, contract.name)
    older = [text for text in complete if version_key(text.version) < version_key(contract.version)]
    required = required_roles(contract, older[-1] if older else None)
    record = find_record(contract)
    who = f"{contract.name} {contract.version}"
    if version_key(complete[-1].version if complete else "0.0.0") > version_key(contract.version):
        return Standing(False, required, (), f"{who} was replaced by {complete[-1].version}", record)
    if taken := _other_name(contract):
        return Standing(False, required, required, f"the id of {who} belongs to the contract {taken}", record)
    if record is None:
        return Standing(False, required, required, f"{who} was approved by nobody", None)
    if record.digest != contract.digest:
        return Standing(False, required, required, f"{who} was changed after it was approved", record)
    approved_text(record)
    reason = _obstacle(record, required)
    return Standing(not reason, required, _missing(record, required), f"{who} {reason}" if reason else "", record)


def _other_name(contract: Contract) -> str | None:
    """The name under which another contract with the same id was approved: a new name would hide its history."""
    for path in sorted((contract.path.parent / FOLDER).glob("*.odcs.yaml")):
        name = path.name.rpartition("@")[0]
        if name != contract.name and parse_document(path).data.get("id") == contract.id:
            return name
    return None


def _missing(record: ApprovalRecord, required: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(role for role in required if not any(given.role == role for given in record.approvals))


def _obstacle(record: ApprovalRecord, required: tuple[str, ...]) -> str:
    """Why these approvals are not enough, in words; empty where they are."""
    if missing := _missing(record, required):
        return f"lacks the approval of {', '.join(missing)}"
    people = [account(given.approver) for given in record.approvals]
    if set(people) == {account(record.author)}:
        return "was approved by its author only"
    if len(set(people)) < len(people):
        return "was approved twice by one person"
    return ""
