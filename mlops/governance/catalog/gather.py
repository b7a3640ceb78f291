"""Everything that the catalog says about one contract, read once: file, rules, results, approvals, uses."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from mlops.artifacts import digest_bytes
from mlops.contracts.approvals import ApprovalRecord, Standing, approved_text, approved_versions, standing
from mlops.contracts.compile import compile_contract
from mlops.contracts.contract import Contract, load_contract
from mlops.contracts.diff import ContractDiff, diff
from mlops.contracts.errors import ContractError
from mlops.contracts.lint import lint
from mlops.contracts.plan import Plan
from mlops.errors import MlopsError
from mlops.governance.catalog.results import Check, checks_of
from mlops.governance.lineage import ContractUses, contract_uses, existing_ledger
from mlops.ledger.events import Event, events, head
from mlops.ledger.store import Ledger
from mlops.settings import Settings

_Found = TypeVar("_Found")


@dataclass(frozen=True)
class Version:
    """One version of a contract.

    Attributes:
        record: its approvals; None where nobody has approved it yet.
        difference: from ``before``; None where there is nothing to compare with, or it could not be read.
        before: the version compared with, ``""`` for none.
        current: whether it is the text of the contract file as it lies there.
    """

    version: str
    digest: str
    record: ApprovalRecord | None
    difference: ContractDiff | None = None
    before: str = ""
    current: bool = False


@dataclass(frozen=True)
class Entry:
    """One contract of the catalog.

    Attributes:
        page: name of its page, without folder and suffix; unique in the catalog.
        standing: None where the approvals cannot be read; ``problems`` says why.
        versions: newest first, the current one included.
        uses: use cases and releases; None where they cannot be read.
        problems: what could not be read, one sentence each.
    """

    path: Path
    page: str
    contract: Contract
    plan: Plan
    standing: Standing | None
    versions: tuple[Version, ...]
    checks: tuple[Check, ...]
    uses: ContractUses | None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Broken:
    """A contract file that rules nothing, with what is wrong in it, one line each."""

    path: Path
    findings: tuple[str, ...]


@dataclass(frozen=True)
class Catalog:
    """All contracts of a project; ``events`` is the number of the newest event of the ledger, 0 without one."""

    entries: tuple[Entry, ...]
    broken: tuple[Broken, ...]
    events: int = 0
    at: str = ""


@dataclass
class _Reader:
    """Reads parts, each for itself: one that is damaged leaves the others readable."""

    problems: list[str] = field(default_factory=list)

    def read(self, part: Callable[[], _Found]) -> _Found | None:
        try:
            return part()
        except MlopsError as error:
            self.problems.append(str(error))
            return None


def gather(settings: Settings, paths: Sequence[Path]) -> Catalog:
    """Read contract files and what the ledger knows of them.

    Args:
        paths: contract files; one that is broken becomes a ``Broken`` and hides no other.

    Raises:
        LedgerError, LedgerUnavailableError: there is a ledger and it cannot be read.
    """
    ledger = existing_ledger(settings)
    done = events(ledger, kinds=["stage_done"]) if ledger else []
    entries: list[Entry] = []
    broken: list[Broken] = []
    for path in paths:
        try:
            entries.append(_entry(settings, ledger, done, path, {entry.page for entry in entries}))
        except ContractError as error:
            broken.append(_broken(settings.root, path, error))
    newest = head(ledger)[0] if ledger else 0
    last = events(ledger, after=newest - 1) if ledger and newest else []
    return Catalog(tuple(entries), tuple(broken), newest, last[0].at if last else "")


def gather_one(settings: Settings, path: Path) -> Entry:
    """The same for one contract file.

    Raises:
        ContractError: the file is not a contract that can be run.
    """
    ledger = existing_ledger(settings)
    done = events(ledger, kinds=["stage_done"]) if ledger else []
    return _entry(settings, ledger, done, path, set())


def _entry(settings: Settings, ledger: Ledger | None, done: Sequence[Event], path: Path, taken: set[str]) -> Entry:
    contract = load_contract(path)
    plan = compile_contract(contract)
    reader = _Reader()
    return Entry(
        path=_below(settings.root, path),
        page=_page_name(path, taken),
        contract=contract,
        plan=plan,
        standing=reader.read(partial(standing, contract)),
        versions=tuple(_versions(contract, reader)),
        checks=checks_of(done, contract.id, settings.store),
        uses=reader.read(partial(contract_uses, settings, ledger, contract.id)),
        problems=tuple(dict.fromkeys(reader.problems)),
    )


def _below(root: Path, path: Path) -> Path:
    return path.relative_to(root) if path.is_relative_to(root) else path


def _page_name(path: Path, taken: set[str]) -> str:
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", path.name.removesuffix(".yaml").removesuffix(".odcs")).strip("-")
    return name if name and name not in taken else f"{name}-{digest_bytes(str(path).encode())[7:15]}".strip("-")


def _broken(root: Path, path: Path, error: ContractError) -> Broken:
    try:
        findings = [finding.at(_below(root, path)) for finding in lint(path)]
    except MlopsError as problem:
        findings = [str(problem)]
    return Broken(_below(root, path), tuple(findings or [str(error)]))


def _versions(contract: Contract, reader: _Reader) -> list[Version]:
    """The current text and every approved version, newest first, each compared with the one before it."""
    records = reader.read(partial(approved_versions, contract.path.parent, contract.name)) or []
    found: list[Version] = []
    before: Contract | None = None
    for record in records:
        text = reader.read(partial(approved_text, record))
        if text is None:
            found.append(Version(record.version, record.digest, record))
        else:
            found.append(_version(text, before, record, reader))
            before = text
    if contract.digest not in [version.digest for version in found]:
        found.append(_version(contract, before, None, reader))
    return [replace(version, current=version.digest == contract.digest) for version in reversed(found)]


def _version(text: Contract, before: Contract | None, record: ApprovalRecord | None, reader: _Reader) -> Version:
    version = Version(text.version, text.digest, record)
    if before is None:
        return version
    return replace(version, difference=reader.read(partial(diff, before, text)), before=before.version)
