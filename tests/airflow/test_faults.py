"""Processes of Airflow die in the middle of a training: it goes on, and nothing is trained twice."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from mlops.process_identity import start_ticks
from mlops_airflow.run_ids import run_of
from tests.airflow.live import LiveAirflow, eventually

DAG = "slow__finetune"


@pytest.fixture
def slow(airflow: LiveAirflow) -> Path:
    """A use case whose training takes long enough to be struck, and is new to the store each time."""
    small = (airflow.root / "use_cases" / "small.yaml").read_text()
    path = airflow.root / "use_cases" / "slow.yaml"
    seed = 100 + len(list(airflow.workspace.glob("runs/*")))
    text = small.replace("name: small\nowner", "name: slow\nowner").replace("max_steps: 24", "max_steps: 80")
    path.write_text(text.replace("seed: 3", f"seed: {seed}"))
    return path


def stage_pid(airflow: LiveAirflow, name: str) -> int:
    """Process of the training, once it has made steps."""
    folder = airflow.workspace / "runs" / run_of(DAG, name) / "train"

    def stepping() -> int | None:
        for output in folder.glob("task-*/*/output.jsonl"):
            if '"progress"' in output.read_text():
                found = re.search(r'"pid":(\d+)', (output.parent / "process.json").read_text())
                return int(found[1]) if found else None
        return None

    return int(eventually("training makes steps", stepping, 120))


def _one_training(airflow: LiveAirflow, name: str) -> None:
    assert airflow.wait(DAG, name) == "success", airflow.failures(DAG, name)
    begun = [e for e in airflow.events(DAG, name, "stage_started") if e.stage == "train"]
    done = [e for e in airflow.events(DAG, name, "stage_done") if e.stage == "train"]
    assert (len(begun), len(done)) == (1, 1)


def test_a_dead_task_process_is_taken_over(airflow: LiveAirflow, slow: Path) -> None:
    name = airflow.trigger(DAG)
    stage = stage_pid(airflow, name)
    task = int(Path(f"/proc/{stage}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(task, signal.SIGKILL)
    eventually("a second try takes over", lambda: airflow.tasks(DAG, name)["train"]["try_number"] == 2, 120)
    assert start_ticks(stage) is not None or airflow.artifacts(DAG, name).get("train")
    _one_training(airflow, name)


def test_clearing_a_running_task_stops_its_stage_first(airflow: LiveAirflow, slow: Path) -> None:
    name = airflow.trigger(DAG)
    stage = stage_pid(airflow, name)
    airflow.clear(DAG, name, "train")
    eventually("the stage ends", lambda: start_ticks(stage) is None, 60)
    assert airflow.wait(DAG, name) == "success", airflow.failures(DAG, name)
    failed = [e.body["code"] for e in airflow.events(DAG, name, "stage_failed")]
    done = [e for e in airflow.events(DAG, name, "stage_done") if e.stage == "train"]
    assert (failed, len(done)) == (["TRAIN-001"], 1), "stopped with a checkpoint, then gone on with"


@pytest.mark.full
def test_an_edited_use_case_ends_the_run_and_says_so(airflow: LiveAirflow, slow: Path) -> None:
    name = airflow.trigger(DAG)
    stage_pid(airflow, name)
    slow.write_text(slow.read_text().replace("ceiling: 20.0", "ceiling: 19.0"))
    assert airflow.wait(DAG, name) == "failed"
    failed = [task for task, item in airflow.tasks(DAG, name).items() if item["state"] == "failed"]
    assert failed == ["evaluate"]
    assert "RUN-003" in airflow.log(DAG, name, "evaluate", 1)
