"""Offline W&B runs, one per training attempt, made from the ledger and the attempt's series after the fact.

Training itself never talks to W&B: a dead server, a full disk or a hanging ``finish()`` cannot cost a run. Each W&B run
is written by a process of its own with a time limit, read back with W&B's own reader, and only then moved to its place
``FOLDER/ATTEMPT``; that folder's existence is the cursor. ``wandb sync FOLDER/*/wandb/offline-run-*`` uploads them.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops.errors import MlopsError
from mlops.ledger.events import Event, events
from mlops.ledger.heartbeats import live
from mlops.ledger.store import Ledger
from mlops.telemetry.errors import SinkUnavailableError, TelemetryError
from mlops.telemetry.file_lock import held
from mlops.telemetry.wandb_writer import numbers, rows

PROJECT = "mlops"
# What a child process needs of ours. No WANDB_* variable: a key or an address in one could send data away.
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "MLOPS_OFFLINE_LOG", "VIRTUAL_ENV")


@dataclass(frozen=True)
class TrainAttempt:
    """One try at training that is over.

    Attributes:
        ordinal: 1 for the first try of this run.
        outcome: ``done``, ``blocked``, ``failed``, or ``lost`` when it was killed.
        figures: the stage's figures; empty unless it ended by itself.
        series: its ``series.jsonl``.
    """

    use_case: str
    run: str
    attempt: str
    ordinal: int
    outcome: str
    figures: Mapping[str, Any]
    series: Path


def attempts(ledger: Ledger, runs: Path) -> list[TrainAttempt]:
    """All training attempts that are over and left a series, oldest first.

    Args:
        ledger: the record.
        runs: the workspace's ``runs`` folder: ``RUN/STAGE/ATTEMPT/series.jsonl``.

    Raises:
        MlopsError: the ledger cannot be read.
    """
    alive = {beat.attempt for beat in live(ledger)}
    found_events = events(ledger, kinds=["stage_started", "stage_done", "stage_failed"])
    record = [event for event in found_events if event.stage == "train"]
    ends = {event.attempt: event for event in record if event.kind != "stage_started"}
    ordinals: dict[str, int] = {}
    found = []
    for event in record:
        if event.kind != "stage_started" or not (event.use_case and event.run and event.attempt):
            continue
        ordinals[event.run] = ordinals.get(event.run, 0) + 1
        end = ends.get(event.attempt)
        series = runs / event.run / "train" / event.attempt / "series.jsonl"
        if (end is None and event.attempt in alive) or not series.is_file():
            continue
        figures = {} if end is None else end.body.get("figures", {})
        found.append(
            TrainAttempt(
                event.use_case, event.run, event.attempt, ordinals[event.run], _outcome(end), dict(figures), series
            )
        )
    return found


def _outcome(end: Event | None) -> str:
    if end is None:
        return "lost"
    return str(end.body.get("outcome")) if end.kind == "stage_done" else "failed"


def replay(ledger: Ledger, runs: Path, folder: Path, *, timeout_seconds: float = 60.0) -> list[Path]:
    """Write the W&B runs that are not there yet; returns their folders.

    Raises:
        SinkUnavailableError: one took longer than ``timeout_seconds``, or its folder cannot be written.
        TelemetryError: W&B wrote something else than it was given; nothing of that attempt is kept.
        MlopsError: the ledger cannot be read.
    """
    folder = folder.resolve()
    written, failed = [], None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("ab")
    except OSError as error:
        raise _unwritable(folder, error) from error
    with lock, held(lock, folder / ".lock"):
        for attempt in attempts(ledger, runs):
            place = folder / attempt.attempt
            if place.exists():
                continue
            try:
                write_run(attempt, place, timeout_seconds=timeout_seconds)
                written.append(place)
            except MlopsError as error:  # the other attempts are written all the same
                failed = failed or error
    if failed is not None:
        raise failed
    return written


def _unwritable(place: Path, error: OSError) -> SinkUnavailableError:
    return SinkUnavailableError(
        "TELEMETRY-022", f"a W&B run cannot be written ({error.strerror})", where=str(place), todo="see the disk"
    )


def write_run(attempt: TrainAttempt, place: Path, *, timeout_seconds: float = 60.0) -> None:
    """Write one attempt's W&B run to ``place``, all or nothing. Raises as :func:`replay`."""
    part = place.with_name(f".{place.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)  # what a killed replay left
        part.mkdir(parents=True)
        job = {
            "project": PROJECT,
            "group": attempt.run,
            "id": f"{attempt.run}-train-a{attempt.ordinal}",
            "folder": str(part),
            "series": str(attempt.series.resolve()),
            "config": {"use_case": attempt.use_case, "run": attempt.run, "attempt": attempt.attempt},
            "summary": {**numbers(attempt.figures), "outcome": attempt.outcome},
        }
        command = [sys.executable, "-m", "mlops.telemetry.wandb_writer"]
        _child(command, part, attempt, timeout_seconds, json.dumps(job))
        _read_back(part, attempt, timeout_seconds)
        part.rename(place)
    except OSError as error:
        raise _unwritable(place, error) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _read_back(part: Path, attempt: TrainAttempt, timeout_seconds: float) -> None:
    """W&B's exit status proves nothing, so count the points with its own reader."""
    files = sorted(part.glob("wandb/offline-run-*/run-*.wandb"))
    lines: Sequence[str] = ()
    if len(files) == 1:
        command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(files[0])]
        lines = _child(command, part, attempt, timeout_seconds).splitlines()
    kinds = [json.loads(line).get("type") for line in lines]
    expected = sum(1 for _row in rows(attempt.series))
    if kinds.count("history") != expected or "exit" not in kinds:
        raise TelemetryError(
            "TELEMETRY-020",
            f"expected a finished W&B run of {expected} points, read back {kinds.count('history')}",
            where=f"attempt {attempt.attempt}",
            todo="replay it: mlops telemetry replay --sink wandb",
        )


def _child(command: list[str], part: Path, attempt: TrainAttempt, timeout_seconds: float, text: str = "") -> str:
    """Run a W&B process with nothing of our environment but the needful; kill its whole group at the time limit."""
    process = subprocess.Popen(
        command,
        env=_environment(part),
        cwd=part,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        output, _errors = process.communicate(text, timeout=timeout_seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise SinkUnavailableError(
            "TELEMETRY-021",
            f"W&B took longer than {timeout_seconds:g} s",
            where=f"attempt {attempt.attempt}",
            todo="replay it later: mlops telemetry replay --sink wandb",
        ) from None
    if process.returncode != 0:
        raise TelemetryError(
            "TELEMETRY-023",
            f"the W&B process ended with exit code {process.returncode}",
            where=f"attempt {attempt.attempt}",
            todo="replay it: mlops telemetry replay --sink wandb; or set MLOPS_WANDB=false",
        )
    return output


def _environment(part: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {
        **kept,
        "WANDB_MODE": "offline",
        "WANDB_ERROR_REPORTING": "false",
        "WANDB_SILENT": "true",
        "WANDB_DATA_DIR": str(part / "data"),
        "WANDB_CACHE_DIR": str(part / "cache"),
        "WANDB_CONFIG_DIR": str(part / "config"),
    }
