"""Run one stage of one run, in this process: key, lease, hit or work, seal, commit, exit code.

Exit codes: 0 done · 10 blocked by a gate · 20 wrong input or configuration · 1 failed or stopped, may be retried.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import resource
import shutil
import socket
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlops.artifacts import (
    MEASUREMENTS,
    Artifact,
    ArtifactError,
    canonical_json,
    digest_file,
    publish,
    seal,
    storage_error,
    store_path,
    verify,
    write_atomic,
)
from mlops.attempt import Pulse, StoppedError, StopRequest, first_heartbeat, output_to, throttled
from mlops.contract_gate import require_permitted
from mlops.errors import MlopsError, RetryableError
from mlops.ledger import heartbeats, leases
from mlops.ledger.errors import LeaseLostError
from mlops.ledger.events import append, newest_with, transaction
from mlops.ledger.store import Ledger
from mlops.remotes import fetch_missing, push_artifact
from mlops.runs import Run
from mlops.settings import Settings
from mlops.stage_job import Job, prepare
from mlops.stages.stage_io import StageContext, StageOutcome
from mlops.use_case import Declaration

DONE, FAILED, BLOCKED, WRONG = 0, 1, 10, 20
Report = Callable[[dict[str, Any]], None]

# Set before any heavy library is imported: nothing phones home, nothing is fetched, idle threads sleep.
QUIET = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "GX_ANALYTICS_ENABLED": "false",
    "WANDB_MODE": "offline",
    "DVC_NO_ANALYTICS": "1",
    "DO_NOT_TRACK": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": "0",
}


class StageCrashError(RetryableError):
    """A stage ended with an unexpected exception; its type and place are in the log, its text is not."""


def run_stage(settings: Settings, declaration: Declaration, ledger: Ledger, run: Run, name: str, report: Report) -> int:
    """Run one stage and return its exit code; every end is recorded in the ledger.

    Args:
        report: receives ``started``, ``progress``, ``beat`` (a sign of life), ``finished`` and ``failed`` objects.

    Raises:
        StageError: the stage cannot be prepared; nothing was recorded.
        LeaseHeldError: the same work is under way in another live process.
    """
    os.environ.update({name: value for name, value in QUIET.items() if name not in os.environ})
    job = prepare(settings, declaration, ledger, run, name)
    holder = leases.this_process(f"stage {name} of {run.use_case}")
    lease = leases.acquire(ledger, f"{run.use_case}/{name}/{job.key}", holder, settings.lease_seconds)
    stop = StopRequest(graceful=job.stage.graceful)
    began = time.monotonic()
    try:
        with stop.listening():
            heartbeats.clear_stage(ledger, run.use_case, name)
            append(ledger, "stage_started", {"key": job.key}, **job.names)
            pulse = Pulse(
                ledger,
                lease,
                first_heartbeat(job.attempt, run.use_case, run.id, name),
                settings.heartbeat_seconds,
                settings.lease_seconds,
                stop,
                overtaken=stop.end,
                told=lambda: report({"event": "beat", "stage": name}),
            )
            report({"event": "started", "stage": name, "attempt": job.attempt, "key": job.key})
            require_permitted(settings, declaration, ledger, run, job.stage)
            with pulse.beating():
                return _hit_or_work(job, lease, pulse, report, began)
    except Exception as error:
        return _failed(job, lease, error, report, began)
    finally:
        leases.release(ledger, lease)


def _hit_or_work(job: Job, lease: leases.Lease, pulse: Pulse, report: Report, began: float) -> int:
    artifact = _find_hit(job, report) if job.stage.keyed else None
    hit = artifact is not None
    fresh = False
    if artifact is None:
        sealed = _work(job, pulse, report)
        leases.require(job.ledger, lease)  # a newer attempt has swept our output: what was sealed may be half of it
        artifact, fresh = publish(sealed, job.settings.store)
    measurements = digest_file(artifact.path / MEASUREMENTS) if fresh else _recorded_measurements(job, artifact)
    body = _commit(job, lease, artifact, hit, time.monotonic() - began, measurements)
    _finish(job, artifact)
    _link(job, artifact)
    report({"event": "finished", "stage": job.stage.name, **body})
    return DONE if body["outcome"] == "done" else BLOCKED


def _find_hit(job: Job, report: Report) -> Artifact | None:
    """The artifact that this key named before, here or in a remote, if every byte of it is still as sealed.

    Raises:
        RemoteUnavailableError: it lies in a remote that cannot be reached now; waiting is cheaper than the work.
    """
    event = newest_with(job.ledger, "stage_done", job.stage.name, f'"key":"{job.key}"')
    if event is None:
        return None
    digest = str(event.body["artifact"])
    try:
        fetch_missing(job.settings, job.ledger, [digest])
        return verify(store_path(job.settings.store, digest), digest)
    except RetryableError:
        raise
    except ArtifactError:
        return None  # damaged or removed: make it again
    except MlopsError as error:
        report({"event": "warning", "message": f"made again, because it could not be fetched: {error}"})
        return None
    except OSError:
        return None


def _context(job: Job, pulse: Pulse, report: Report) -> StageContext:
    champion = job.pins.get("champion")
    fetch_missing(
        job.settings, job.ledger, [*job.digests.values(), *([] if champion is None else [str(champion["adapter"])])]
    )
    inputs = {}
    for upstream, digest in job.digests.items():
        inputs[upstream] = verify(store_path(job.settings.store, digest), digest).path
    output = job.folder / "output"
    try:
        output.mkdir(parents=True)
        if job.stage.remote == "raw":
            output.chmod(0o700)  # unmasked rows: the sealed folder keeps these rights in the store
        job.checkpoints.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(error, output) from error
    return StageContext(
        use_case=job.run.use_case,
        run=job.run.id,
        attempt=job.attempt,
        use_case_file=job.declaration.source.path,
        root=job.settings.root,
        sections=job.sections,
        inputs=inputs,
        digests=job.digests,
        pins=_with_champion_folder(job),
        output=output,
        attempt_dir=job.folder,
        checkpoints=job.checkpoints,
        threads=job.settings.threads or os.cpu_count() or 1,
        progress=throttled(report, pulse.progress),
        should_stop=pulse.stop,
    )


def _with_champion_folder(job: Job) -> dict[str, Any]:
    """Give a stage that compares with the champion the verified folder of the champion's adapter."""
    champion = job.pins.get("champion")
    if champion is None:
        return job.pins
    folder = verify(store_path(job.settings.store, champion["adapter"]), champion["adapter"]).path
    return {**job.pins, "champion": {**champion, "folder": str(folder)}}


def _sweep(job: Job) -> None:
    """Remove half-written outputs of dead attempts at this key: the lease is ours, so nobody may still use them."""
    for marker in job.settings.runs.glob(f"*/{job.stage.name}/*/attempt.json"):
        leftover = marker.parent / "output"
        if leftover.exists() and json.loads(marker.read_bytes())["key"] == job.key:
            shutil.rmtree(leftover)


def _work(job: Job, pulse: Pulse, report: Report) -> Artifact:
    _sweep(job)
    write_atomic(job.folder / "attempt.json", canonical_json({"key": job.key, **job.names}))
    context = _context(job, pulse, report)
    began, cpu = time.time(), time.process_time()
    with output_to(job.folder / "log.txt"):
        module = importlib.import_module(job.stage.module)
        outcome: StageOutcome = module.run(context)
    if pulse.stop.requested:
        raise StoppedError("STAGE-010", f"stopped ({pulse.stop.reason})", todo="run again: it goes on from here")
    artifact = seal(context.output, _manifest(job, outcome))
    measurements = {
        "attempt": job.attempt,
        "run": job.run.id,
        "host": socket.gethostname(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "threads": context.threads,
        "began_at": began,
        "seconds": round(time.time() - began, 3),
        "cpu_seconds": round(time.process_time() - cpu, 3),
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        **outcome.measurements,
    }
    write_atomic(context.output / MEASUREMENTS, canonical_json(measurements))
    return artifact


def _manifest(job: Job, outcome: StageOutcome) -> dict[str, Any]:
    return {
        "schema": 1,
        "stage": job.stage.name,
        "use_case": job.run.use_case,
        "key": job.key,
        "key_parts": job.parts,
        "outcome": "done" if outcome.blocked is None else "blocked",
        "reason": outcome.blocked,
        "rows_in": outcome.rows_in,
        "rows_out": outcome.rows_out,
        "figures": dict(outcome.figures),
        "records": [{"kind": record.kind, "body": dict(record.body)} for record in outcome.records],
    }


def _recorded_measurements(job: Job, artifact: Artifact) -> str:
    """Digest of the measurements as first recorded, so that a later change of the file stays visible."""
    event = newest_with(job.ledger, "stage_done", job.stage.name, f'"artifact":"{artifact.digest}"')
    return digest_file(artifact.path / MEASUREMENTS) if event is None else str(event.body["measurements"])


def _commit(
    job: Job, lease: leases.Lease, artifact: Artifact, hit: bool, seconds: float, measurements: str
) -> dict[str, Any]:
    """Record the outcome in one transaction that first checks that no newer attempt took over."""
    manifest = artifact.manifest
    body = {
        "key": job.key,
        "inputs": dict(job.digests),
        "artifact": artifact.digest,
        "hit": hit,
        "outcome": manifest["outcome"],
        "reason": manifest["reason"],
        "rows_in": manifest["rows_in"],
        "rows_out": manifest["rows_out"],
        "seconds": round(seconds, 3),
        "figures": manifest["figures"],
        "measurements": measurements,
    }
    with transaction(job.ledger) as tx:
        leases.check(tx.connection, lease)
        tx.append("stage_done", body, **job.names)
        for record in manifest["records"]:
            once = f"{job.run.id}/{job.stage.name}/{record['kind']}"
            tx.append_once(record["kind"], {**record["body"], "artifact": artifact.digest}, once=once, **job.names)
    return body


def _finish(job: Job, artifact: Artifact) -> None:
    """Do what needs the sealed digest; idempotent, so it is done again after a crash and on a hit."""
    shutil.rmtree(job.checkpoints, ignore_errors=True)  # the sealed output has replaced them
    push_artifact(job.settings, job.ledger, artifact, job.names)
    if job.stage.name == "register":
        from mlops.release_actions import enter_release

        enter_release(job.settings, job.ledger, job.run, artifact.digest)


def _link(job: Job, artifact: Artifact) -> None:
    """Point ``workspace/USE_CASE/STAGE`` at the newest output, for people."""
    link = job.settings.work / job.run.use_case / job.stage.name
    temporary = link.with_name(f".{link.name}.{job.attempt}")
    try:
        link.parent.mkdir(parents=True, exist_ok=True)
        temporary.symlink_to(os.path.relpath(artifact.path, link.parent))
        os.replace(temporary, link)
    except OSError as error:
        raise storage_error(error, link) from error


def _failed(job: Job, lease: leases.Lease, error: Exception, report: Report, began: float) -> int:
    known = _overtaken(job, lease) or _known(job, error)
    body = {
        "code": known.code,
        "message": known.message,
        "retryable": known.exit_code == FAILED,
        "seconds": round(time.monotonic() - began, 3),
    }
    leftover = job.folder / "output"
    if leftover.exists():
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        append(job.ledger, "stage_failed", body, **job.names)
    except MlopsError as unwritten:
        report({"event": "warning", "message": f"the failure could not be recorded: {unwritten}"})
    report(
        {"event": "failed", "stage": job.stage.name, "error": str(known), "log": str(job.folder / "log.txt"), **body}
    )
    return known.exit_code


def _overtaken(job: Job, lease: leases.Lease) -> MlopsError | None:
    """The cause of whatever an overtaken attempt stumbled over, which says nothing about its input."""
    try:
        leases.require(job.ledger, lease)
    except LeaseLostError as lost:
        return lost
    except MlopsError:
        return None
    return None


def _known(job: Job, error: Exception) -> MlopsError:
    if isinstance(error, MlopsError):
        return error
    if isinstance(error, OSError) and error.errno is not None:
        return storage_error(error, Path(error.filename or job.folder))
    # Texts of foreign exceptions may quote data, so only the type and the places are kept.
    places = "".join(traceback.format_tb(error.__traceback__))
    try:
        with (job.folder / "log.txt").open("a") as log:
            log.write(f"{type(error).__name__} at:\n{places}")
    except OSError:
        places = ""
    return StageCrashError(
        "STAGE-011",
        f"ended unexpectedly with {type(error).__name__}",
        where=f"stage {job.stage.name}",
        todo=f"see the places in {job.folder / 'log.txt'}; run again, and report it if it repeats",
    )
