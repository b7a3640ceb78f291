"""A stage as ``dvc repro`` calls it in a checkout: the run is kept in a file, and the output is laid where DVC looks.

DVC skips a stage whose declared dependencies did not change, so it leaves no record in the run; the stage after it
first takes what was skipped from the store, by our own key.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mlops.artifacts import MANIFEST, canonical_json, storage_error, store_path, verify, write_atomic
from mlops.ledger.store import Ledger
from mlops.pipeline import STAGES, stage_named
from mlops.runs import Run, RunError, find_run, new_run_id, stage_results, start_run
from mlops.settings import Settings
from mlops.stage_job import known_stage
from mlops.stage_runner import DONE, run_stage
from mlops.use_case import Declaration


def run_of_file(settings: Settings, declaration: Declaration, ledger: Ledger, file: Path, stage: str) -> Run:
    """The run that a file names. A stage without inputs begins a new one and writes it there, with its pins.

    Raises:
        RunError: the file does not name a run of this ledger.
        StageError: no such stage.
        StorageError: the file cannot be written.
    """
    if not known_stage(stage).inputs:
        run = start_run(settings, declaration, ledger, new_run_id())
        write_atomic(file, canonical_json({"run": run.id, "pins": run.pins}))
        return run
    try:
        identifier = str(json.loads(file.read_bytes())["run"])
    except (OSError, ValueError, KeyError, TypeError):
        identifier = ""
    if not identifier or find_run(ledger, identifier) is None:
        first = STAGES[0].name
        todo = f"begin one: mlops stage {first} --use-case {declaration.use_case.name} --run-file {file}; or: dvc repro"
        raise RunError("RUN-007", "expected a file that names a run of this ledger", where=str(file), todo=todo)
    return start_run(settings, declaration, ledger, identifier)


def upstream_of(name: str) -> tuple[str, ...]:
    """All stages before a stage, in the order of the pipeline."""
    found: set[str] = set()
    waiting = list(stage_named(name).inputs)
    while waiting:
        stage = waiting.pop()
        if stage not in found:
            found.add(stage)
            waiting.extend(stage_named(stage).inputs)
    return tuple(stage.name for stage in STAGES if stage.name in found)


def run_with_upstream(
    settings: Settings,
    declaration: Declaration,
    ledger: Ledger,
    run: Run,
    name: str,
    report: Callable[[dict[str, Any]], None],
) -> int:
    """Run the stages before ``name`` that have no output in this run, then the stage; the first exit code but 0."""
    results = stage_results(ledger, run.id)
    for stage in (*(stage for stage in upstream_of(name) if stage not in results), name):
        code = run_stage(settings, declaration, ledger, run, stage, report)
        if code != DONE:
            return code
    return DONE


def lay_out(settings: Settings, done: Mapping[str, Any], folder: Path) -> None:
    """Copy the sealed artifact of a finished stage to a folder, without its measurements: the same bytes each time.

    Raises:
        ArtifactError: the artifact in the store was changed.
        StorageError: the disk refused.
    """
    digest = str(done["artifact"])
    artifact = verify(store_path(settings.store, digest), digest)
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        shutil.copymode(artifact.path, folder)  # unmasked rows stay with their owner
        for name in (MANIFEST, *artifact.manifest["files"]):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(artifact.path / name, folder / name)
    except OSError as error:
        raise storage_error(error, folder) from error
