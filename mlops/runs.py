"""Runs: one passage of a use case through the pipeline, with what it fixed at its start (its pins)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlops.artifacts import MANIFEST, digest_file
from mlops.contracts.approvals import record_path, standing
from mlops.contracts.contract import load_contract
from mlops.errors import MlopsError
from mlops.ledger.events import append_once, events
from mlops.ledger.store import Ledger
from mlops.policy_refusals import approval_refusals, refuse
from mlops.registry.state import champion
from mlops.settings import Settings
from mlops.use_case import Declaration


class RunError(MlopsError):
    """A run is unknown, belongs to another use case, or cannot start."""


@dataclass(frozen=True)
class Run:
    """A run and its pins.

    Attributes:
        id: ``YYYYMMDDTHHMMSS-xxxxxx``.
        use_case: name.
        pins: ``use_case`` digest; ``source_contract`` and ``training_contract`` (path, id, version, digest);
            ``base_model`` (path, digest); ``champion`` (release, adapter digest) or None; ``approvals`` (contract path
            to path and digest of its file of approvals); ``unapproved`` (a development run without some of them).
    """

    id: str
    use_case: str
    pins: dict[str, Any]


def new_run_id() -> str:
    """A fresh run id that sorts by time."""
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%S") + "-" + secrets.token_hex(3)


def _contract_pin(root: Path, path: str) -> dict[str, str]:
    contract = load_contract(root / path)
    return {"path": path, "id": contract.id, "version": contract.version, "digest": contract.digest}


def _base_model_pin(root: Path, path: str) -> dict[str, str]:
    manifest = root / path / MANIFEST
    if not manifest.is_file():
        raise RunError(
            "RUN-001",
            "expected a sealed base model (manifest.json), found none",
            where=str(root / path),
            todo="correct training.base_model, or build the sample's: make base-model",
        )
    return {"path": path, "digest": digest_file(manifest)}


def _champion_pin(ledger: Ledger, use_case: str) -> dict[str, Any] | None:
    """The champion as the ledger knows it, so that a dossier lost from the store can be made again by a run."""
    release = champion(events(ledger), use_case)
    for event in events(ledger, kinds=["registered"], use_case=use_case):
        if event.body["release"] == release:
            return {"release": release, "adapter": event.body["adapter"], "base_model": event.body["base_model"]}
    return None


def make_pins(settings: Settings, declaration: Declaration, ledger: Ledger) -> dict[str, Any]:
    """What a run that starts now fixes; who approved the contracts comes beside it.

    Raises:
        ContractError: a contract is missing or wrong.
        RunError: the base model is missing.
    """
    use_case = declaration.use_case
    return {
        "use_case": declaration.digest,
        "source_contract": _contract_pin(settings.root, use_case.contracts.source),
        "training_contract": _contract_pin(settings.root, use_case.contracts.training_set),
        "base_model": _base_model_pin(settings.root, use_case.training.base_model),
        "champion": _champion_pin(ledger, use_case.name),
    }


def _approvals(
    settings: Settings, declaration: Declaration, ledger: Ledger, run_id: str, *, unapproved: bool
) -> dict[str, Any]:
    """The files of approvals by contract path, with the roles that had to approve, and whether the run goes on without
    some."""
    if unapproved and not settings.development:
        raise RunError(
            "RUN-006",
            "--unapproved is for development, and this is not declared to be",
            where=declaration.use_case.name,
            todo="have the contracts approved, or set MLOPS_DEVELOPMENT=1 where nothing depends on the outcome",
        )
    section = declaration.use_case.contracts
    files, reasons = {}, []
    for path in sorted({section.source, section.training_set}):
        contract = load_contract(settings.root / path)
        missing = approval_refusals(contract, settings, ledger)
        reasons += missing
        if not missing:
            file = record_path(contract)
            files[path] = {
                "path": file.relative_to(settings.root).as_posix(),
                "digest": digest_file(file),
                "required": list(standing(contract).required),
            }
    if reasons and not unapproved:
        refuse(ledger, reasons, use_case=declaration.use_case.name, run=run_id)
    return {"approvals": files, "unapproved": bool(reasons)}


def start_run(
    settings: Settings,
    declaration: Declaration,
    ledger: Ledger,
    run_id: str,
    *,
    actor: str | None = None,
    trigger: Mapping[str, str] | None = None,
    unapproved: bool = False,
) -> Run:
    """Begin ``run_id``, or return it when it began before: its pins never change.

    Args:
        actor: who triggered it; the process's own account by default.
        trigger: what set it off: ``kind``, ``key`` (of a partition) and ``dag_run``, recorded as they are.
        unapproved: go on under contracts that lack approvals, in development only; recorded in the pins.

    Raises:
        PurposeError: a contract lacks approvals; the refusal is recorded.
        RunError: the run belongs to another use case, or the use-case file changed since it began.
    """
    found = find_run(ledger, run_id)
    if found is None:
        name = declaration.use_case.name
        approvals = _approvals(settings, declaration, ledger, run_id, unapproved=unapproved)
        pins = {**make_pins(settings, declaration, ledger), **approvals}
        body: dict[str, Any] = {"use_case_digest": declaration.digest, "pins": pins}
        if trigger is not None:
            body["trigger"] = dict(trigger)
        append_once(ledger, "run_started", body, once=f"run/{run_id}", use_case=name, run=run_id, actor=actor)
        found = find_run(ledger, run_id)
    if found is None or found.use_case != declaration.use_case.name:
        raise RunError("RUN-002", "this run belongs to another use case", where=run_id, todo="choose another run id")
    if found.pins["use_case"] != declaration.digest:
        raise RunError(
            "RUN-003",
            "the use-case file changed since this run began",
            where=run_id,
            todo="start a new run, or restore the file",
        )
    return found


def find_run(ledger: Ledger, run_id: str) -> Run | None:
    """The run of that id, or None."""
    for event in events(ledger, kinds=["run_started"], run=run_id):
        return Run(run_id, event.use_case or "", event.body["pins"])
    return None


def stage_results(ledger: Ledger, run_id: str) -> dict[str, dict[str, Any]]:
    """Body of the newest ``stage_done`` of each stage of a run."""
    return {event.stage or "": event.body for event in events(ledger, kinds=["stage_done"], run=run_id)}
