"""Of two attempts at one thing only the newer records a result: SIGSTOP past the lease, a second attempt, SIGCONT."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from mlops.ledger.schema import leases_table
from mlops.ledger.store import reading
from tests.faults import points
from tests.faults.campaign import (
    Reference,
    done,
    ledger_of,
    record,
    rerun,
    start,
    wait_until_nobody_is_left,
    wrong_after_a_fault,
    wrong_after_the_rerun,
)
from tests.faults.conftest import RUN
from tests.faults.points import Fault
from tests.faults.tally import Tally
from tests.small_project import mlops

pytestmark = [pytest.mark.full, pytest.mark.timeout(1800)]

Copier = Callable[[Path], Path]
SHORT = {"MLOPS_LEASE_SECONDS": "4"}
KIND = "SIGSTOP past the lease, take-over, SIGCONT"


def _wait_for(condition: Callable[[], bool], seconds: float = 240) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come to that"
        time.sleep(0.05)


def _is_stopped(process: subprocess.Popen[str]) -> bool:
    assert process.poll() is None, process.communicate()[0]
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def _lease_is_over(root: Path, name: str) -> bool:
    ledger = ledger_of(root)
    with reading(ledger) as connection:
        rows = connection.execute(select(leases_table)).mappings().all()
    ledger.engine.dispose()
    return any(row["name"].startswith(name) and 0 < row["expires_at"] < time.time() for row in rows)


def _stopped_past_its_lease(root: Path, fault: Fault, lease: str, *command: str) -> subprocess.Popen[str]:
    first = start(root, fault, *command, more=SHORT)
    _wait_for(lambda: _is_stopped(first))
    early = mlops(root, *command)
    assert early.returncode == 1, early.stderr
    assert "LEDGER-020" in early.stderr  # it may be alive: it is not disturbed before its time
    _wait_for(lambda: _lease_is_over(root, lease))
    return first


@pytest.mark.parametrize(
    ("stage", "point"),
    [
        ("ingest", points.WORKED),
        ("validate", points.STARTED),
        ("mask", points.MIDDLE),
        ("curate", points.SEALED),
        ("train", points.CHECKPOINT),
        ("evaluate", points.MIDDLE),
        ("gate", points.PUBLISHED),
        ("register", points.SEALING),
    ],
)
def test_an_attempt_that_was_overtaken_records_nothing(
    stage: str, point: str, before: Callable[[str], Path], reference: Reference, copy_of: Copier, tally: Tally
) -> None:
    root = copy_of(before(stage))
    command = ("stage", stage, "--use-case", "small", "--run", RUN)
    tally.count(KIND, points=1)
    first = _stopped_past_its_lease(root, Fault(stage, point, points.STOP), f"small/{stage}/", *command)
    tally.count(KIND, struck=1)
    second = mlops(root, *command)
    tally.count(KIND, reruns=1)
    assert second.returncode == 0, second.stderr

    os.kill(first.pid, signal.SIGCONT)
    output, _ = first.communicate()
    assert first.returncode == 1, output
    results = [event for event in record(root) if event.kind == "stage_done" and event.stage == stage]
    assert len(results) == 1
    assert done(root, reference)[stage]
    assert wrong_after_a_fault(root, reference) == []
    assert list((root / "workspace").glob("runs/*/*/*/output")) == []
    assert list((root / "workspace" / "checkpoints").iterdir()) == []
    tally.count(KIND, same=1)


def test_an_overtaken_training_does_not_disturb_the_one_that_overtook_it(
    before: Callable[[str], Path], reference: Reference, copy_of: Copier, tally: Tally
) -> None:
    root = copy_of(before("train"))
    command = ("stage", "train", "--use-case", "small", "--run", RUN)
    tally.count(KIND, points=1)
    first = _stopped_past_its_lease(root, Fault("train", points.CHECKPOINT, points.STOP), "small/train/", *command)
    tally.count(KIND, struck=1)
    second = start(root, None, *command)
    _wait_for(lambda: _steps(root, 1) > 8)
    os.kill(first.pid, signal.SIGCONT)  # both train now, over the same checkpoints
    second_output, _ = second.communicate()
    first_output, _ = first.communicate()
    tally.count(KIND, reruns=1)
    assert second.returncode == 0, second_output
    assert first.returncode == 1, first_output
    assert done(root, reference)["train"]
    assert wrong_after_a_fault(root, reference) == []
    tally.count(KIND, same=1)


def _steps(root: Path, attempt: int) -> int:
    """How far the training of the nth attempt (from 0) has come."""
    attempts = [event.attempt for event in record(root) if event.kind == "stage_started" and event.stage == "train"]
    if len(attempts) <= attempt:
        return 0
    series = root / "workspace" / "runs" / RUN / "train" / str(attempts[attempt]) / "series.jsonl"
    return len(series.read_text().splitlines()) if series.exists() else 0


def test_a_run_that_was_overtaken_makes_no_second_release(
    before: Callable[[str], Path], reference: Reference, copy_of: Copier, tally: Tally
) -> None:
    root = copy_of(before("register"))
    tally.count(KIND, points=1)
    fault = Fault("register", points.BETWEEN, points.STOP)
    first = _stopped_past_its_lease(root, fault, "run/small", "run", "small", "--json")
    tally.count(KIND, struck=1)
    result = rerun(root)
    tally.count(KIND, reruns=1)
    os.kill(first.pid, signal.SIGCONT)
    first.communicate()
    wait_until_nobody_is_left(root)
    assert mlops(root, "telemetry", "replay").returncode == 0
    assert wrong_after_the_rerun(root, reference, result) == []
    tally.count(KIND, same=1)
