"""What a contract rules: use cases and their gates, data sets checked against it, releases made from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mlops.contracts.config import ContractsSection
from mlops.ledger.errors import LedgerError
from mlops.ledger.events import Event, events
from mlops.ledger.store import Ledger, open_ledger
from mlops.registry.state import KINDS, Release, history, releases, standing
from mlops.settings import Settings
from mlops.yaml_source import parse_document

_NO_LEDGER = "LEDGER-002"
_CHECKING = ("validate", "curate")
_PINS = {"source_contract": "source", "training_contract": "training set"}


@dataclass(frozen=True)
class UseCaseUse:
    """A use case that names the contract.

    Attributes:
        name: of the use case.
        file: relative to the project's root.
        part: what the contract rules there: ``source``, ``training set``, or both with ``and``.
        gate: name of its gate; empty where the file does not say.
        gate_version: of the gate.
    """

    name: str
    file: str
    part: str
    gate: str
    gate_version: int


@dataclass(frozen=True)
class DatasetUse:
    """A data set that was checked against the contract; ``at`` is its newest check, ISO 8601 in UTC.

    Attributes:
        digest: of the artifact.
        stage: that checked and wrote it, ``validate`` or ``curate``.
        version: of the contract at that check.
        outcome: ``done`` or ``blocked``.
    """

    digest: str
    stage: str
    use_case: str
    run: str
    version: str
    outcome: str
    at: str


@dataclass(frozen=True)
class ReleaseUse:
    """A release whose run was ruled by the contract.

    Attributes:
        version: of the contract, as the run pinned it.
        standing: one word, as ``mlops.registry.state.standing`` gives it.
        champion: whether it serves.
    """

    release: str
    use_case: str
    part: str
    version: str
    standing: str
    champion: bool
    run: str
    at: str


@dataclass(frozen=True)
class ContractUses:
    """Everything that a contract rules.

    Attributes:
        contract: its id.
        has_ledger: whether there is a ledger; without one nothing has run, and data sets and releases are empty.
        use_cases: by name.
        datasets, releases: newest first, each once.
        problems: files that could not be read and may name the contract as well; one sentence each.
    """

    contract: str
    has_ledger: bool
    use_cases: tuple[UseCaseUse, ...]
    datasets: tuple[DatasetUse, ...]
    releases: tuple[ReleaseUse, ...]
    problems: tuple[str, ...]


def existing_ledger(settings: Settings) -> Ledger | None:
    """The ledger, or None where nothing has run yet.

    Raises:
        LedgerError, LedgerUnavailableError: there is one, and it cannot be read.
    """
    try:
        return open_ledger(settings.ledger, create=False)
    except LedgerError as error:
        if error.code == _NO_LEDGER:
            return None
        raise


def contract_uses(settings: Settings, ledger: Ledger | None, contract_id: str) -> ContractUses:
    """What is ruled by the contract with this id, in any of its versions.

    Args:
        ledger: None where nothing has run yet.
        contract_id: ``id`` in the contract file.

    Raises:
        LedgerError, LedgerUnavailableError: the ledger cannot be read.
    """
    use_cases, problems = _use_cases(settings.root, contract_id)
    return ContractUses(
        contract=contract_id,
        has_ledger=ledger is not None,
        use_cases=use_cases,
        datasets=() if ledger is None else tuple(_datasets(events(ledger, kinds=["stage_done"]), contract_id)),
        releases=() if ledger is None else tuple(_releases(events(ledger, kinds=list(KINDS)), contract_id)),
        problems=problems,
    )


def _use_cases(root: Path, contract_id: str) -> tuple[tuple[UseCaseUse, ...], tuple[str, ...]]:
    """Read from the files as they lie there: what is wrong in another section does not hide that a contract is used."""
    found, problems = [], []
    for path in sorted((root / "use_cases").glob("*.yaml")):
        file = path.relative_to(root).as_posix()
        document = parse_document(path)
        try:
            section = ContractsSection.model_validate(document.data.get("contracts"))
        except ValidationError:
            problems.append(f"{file} names no contracts that can be read: mlops use-case lint {path.stem}")
            continue
        parts, unread = _parts(root, section, contract_id)
        problems += [f"{file} names {name}, which cannot be read: mlops contract lint {name}" for name in unread]
        if parts:
            gate = document.data.get("gates")
            gate = gate if isinstance(gate, Mapping) else {}
            name, version = str(gate.get("name", "")), gate.get("version", 1)
            found.append(UseCaseUse(path.stem, file, " and ".join(parts), name, version if type(version) is int else 1))
    return tuple(found), tuple(problems)


def _parts(root: Path, section: ContractsSection, contract_id: str) -> tuple[list[str], list[str]]:
    """What the contract rules in a use case, and the named files that cannot be read."""
    parts, unread = [], []
    for part, name in (("source", section.source), ("training set", section.training_set)):
        document = parse_document(root / name)
        if document.findings:
            unread.append(name)
        elif document.data.get("id") == contract_id:
            parts.append(part)
    return parts, sorted(set(unread))


def _datasets(done: list[Event], contract_id: str) -> Iterator[DatasetUse]:
    seen: set[str] = set()
    for event in reversed(done):
        contract = _mapping(_mapping(event.body.get("figures")).get("contract"))
        digest = str(event.body.get("artifact"))
        if event.stage not in _CHECKING or contract.get("id") != contract_id or digest in seen:
            continue
        seen.add(digest)
        yield DatasetUse(
            digest=digest,
            stage=event.stage,
            use_case=event.use_case or "",
            run=event.run or "",
            version=str(contract.get("version", "")),
            outcome=str(event.body.get("outcome", "")),
            at=event.at,
        )


def _releases(found: list[Event], contract_id: str) -> Iterator[ReleaseUse]:
    pins = {event.run: _mapping(event.body.get("pins")) for event in found if event.kind == "run_started"}
    for release in reversed(releases(found).values()):
        pinned = {part: _mapping(pins.get(release.run, {}).get(key)) for key, part in _PINS.items()}
        parts = [part for part, pin in pinned.items() if pin.get("id") == contract_id]
        if parts:
            yield _release(release, found, " and ".join(parts), str(pinned[parts[0]].get("version", "")))


def _release(release: Release, found: list[Event], part: str, version: str) -> ReleaseUse:
    where = standing(release, history(found, release.use_case))
    return ReleaseUse(
        release=release.release,
        use_case=release.use_case,
        part=part,
        version=version,
        standing=where,
        champion=where == "champion",
        run=release.run or "",
        at=release.registered_at,
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
