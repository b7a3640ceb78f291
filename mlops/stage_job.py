"""What is fixed before an attempt at a stage: its inputs by digest, its pins, its sections and its key."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops.artifacts import MANIFEST, read_json, store_path
from mlops.errors import MlopsError
from mlops.ledger.store import Ledger
from mlops.pipeline import STAGE_NAMES, Stage, stage_named
from mlops.runs import Run, stage_results
from mlops.settings import Settings
from mlops.stage_key import key_of, key_parts
from mlops.use_case import Declaration


class StageError(MlopsError):
    """A stage cannot run as asked."""


@dataclass(frozen=True)
class Job:
    """Everything fixed before the attempt: the stage, its inputs by digest and its key."""

    settings: Settings
    declaration: Declaration
    ledger: Ledger
    run: Run
    stage: Stage
    digests: dict[str, str]
    pins: dict[str, Any]
    sections: dict[str, Any]
    parts: dict[str, Any]
    key: str
    attempt: str

    @property
    def folder(self) -> Path:
        """This attempt's own folder."""
        return self.settings.runs / self.run.id / self.stage.name / self.attempt

    @property
    def checkpoints(self) -> Path:
        """Outlives the attempts at this key, until one of them is sealed."""
        return self.settings.checkpoints / self.key.removeprefix("sha256:")[:32]

    @property
    def names(self) -> dict[str, str]:
        """The event columns of this attempt."""
        return {"use_case": self.run.use_case, "run": self.run.id, "stage": self.stage.name, "attempt": self.attempt}


def known_stage(name: str) -> Stage:
    """The stage of that name.

    Raises:
        StageError: there is none.
    """
    try:
        return stage_named(name)
    except KeyError:
        known = ", ".join(STAGE_NAMES)
        raise StageError("STAGE-001", "no such stage", where=name, todo=f"use one of {known}") from None


def prepare(settings: Settings, declaration: Declaration, ledger: Ledger, run: Run, name: str) -> Job:
    """Resolve inputs, pins and key of a stage.

    Raises:
        StageError: no such stage; or an upstream stage has no output in this run, was blocked, or read something
            that was made again since.
    """
    stage = known_stage(name)
    results = stage_results(ledger, run.id)
    for upstream in stage.inputs:
        if upstream not in results:
            todo = f"run it first: mlops stage {upstream} --use-case {run.use_case} --run {run.id}"
            raise StageError("STAGE-002", f"stage {upstream} has no output in this run", where=run.id, todo=todo)
        if results[upstream]["outcome"] != "done":
            todo = "see its reason with: mlops runs show " + run.id
            raise StageError("STAGE-003", f"stage {upstream} was blocked in this run", where=run.id, todo=todo)
        _require_current(settings, run, upstream, results)
    digests = {upstream: str(results[upstream]["artifact"]) for upstream in stage.inputs}
    pins = _relevant_pins(stage, run, digests)
    sections = {section: getattr(declaration.use_case, section) for section in stage.sections}
    parts = key_parts(stage, digests, pins, sections)
    return Job(
        settings, declaration, ledger, run, stage, digests, pins, sections, parts, key_of(parts), secrets.token_hex(6)
    )


def _require_current(settings: Settings, run: Run, upstream: str, results: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse to mix: what ``upstream`` read, and all before it, must be what those stages made last in this run."""
    for source, digest in _read_by(settings, results[upstream]).items():
        if results[source]["artifact"] != digest:
            todo = f"run it again: mlops stage {upstream} --use-case {run.use_case} --run {run.id}"
            raise StageError(
                "STAGE-004", f"{source} was made again after {upstream} had read it", where=run.id, todo=todo
            )
        _require_current(settings, run, source, results)


def _read_by(settings: Settings, done: Mapping[str, Any]) -> Mapping[str, str]:
    """The inputs of a finished stage: the ledger says them; an entry of before it did has them in its manifest."""
    if "inputs" in done:
        return dict(done["inputs"])
    manifest = store_path(settings.store, str(done["artifact"])) / MANIFEST
    if not manifest.is_file():
        return {}  # what is missing is reported where inputs are verified
    return dict(read_json(manifest)["key_parts"]["inputs"])


def _relevant_pins(stage: Stage, run: Run, digests: Mapping[str, str]) -> dict[str, Any]:
    """The pins a stage uses. A champion that is the candidate itself is nothing to compare with."""
    if unknown := [name for name in stage.pins if name not in run.pins]:
        message = f"this run was begun by an earlier version of the platform, which fixed no {unknown[0]}"
        raise StageError("STAGE-005", message, where=run.id, todo="start a new run")
    pins = {name: run.pins[name] for name in stage.pins}
    champion = pins.get("champion")
    if champion is not None and champion["adapter"] == digests.get("train"):
        pins["champion"] = None
    return pins
