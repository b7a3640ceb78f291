"""A part of Airflow is killed in the middle of a training and started again: the run ends with one training."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mlops_airflow import local_airflow
from tests.airflow.live import LiveAirflow, eventually
from tests.airflow.test_faults import DAG, slow, stage_pid

__all__ = ["slow"]

pytestmark = [pytest.mark.full, pytest.mark.timeout(900)]


def _processes(airflow: LiveAirflow, part: str) -> list[int]:
    """Processes of one part of this instance."""
    names = {part.encode(), part.replace("-", "_").encode()}
    found = []
    for pid in local_airflow.left(airflow.instance):
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b" ", b"\0").split(b"\0")
        except OSError:
            continue
        if names & set(command) and b"mlops" not in command:
            found.append(pid)
    return found


@pytest.mark.parametrize("part", ["scheduler", "api-server", "triggerer", "dag-processor"])
def test_a_killed_part(airflow: LiveAirflow, slow: Path, part: str) -> None:
    name = airflow.trigger(DAG)
    stage_pid(airflow, name)
    pids = _processes(airflow, part)
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    instance = airflow.instance
    environment = local_airflow.environment(
        airflow.root,
        instance.home,
        instance.port,
        instance.worker_log_port,
        instance.trigger_log_port,
        airflow.settings,
    )
    with (instance.home / f"{part}-again.log").open("ab") as log:
        command = [sys.executable, "-m", "airflow", part]
        # It carries the instance's mark, so it ends with the instance.
        subprocess.Popen(command, env=environment, cwd=airflow.root, stdout=log, stderr=log, start_new_session=True)
    eventually("all parts are healthy", lambda: _healthy(airflow), 120)
    assert airflow.wait(DAG, name, 500) == "success", airflow.failures(DAG, name)
    done = [e for e in airflow.events(DAG, name, "stage_done") if e.stage == "train"]
    # Where Airflow could not be told of the end, the next try asks again, and finds it in the store.
    assert [event.body["hit"] for event in done].count(False) == 1
    assert len(airflow.events(DAG, name, "registered")) == 1
    assert len(airflow.events(DAG, name, "run_finished")) == 1


def _healthy(airflow: LiveAirflow) -> bool:
    try:
        local_airflow.require_healthy(airflow.instance)
    except local_airflow.LocalAirflowFailedError:
        return False
    return True
