"""The shipped fine-tuning DAG under a real scheduler."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

from mlops.pipeline import STAGE_NAMES
from mlops_airflow.run_ids import run_of
from tests.airflow.live import LiveAirflow
from tests.end_to_end.tracer import plant
from tests.small_project import artifacts, build_project, run_json

DIGESTS = re.compile(r'"(sha256:[0-9a-f]{64}|[\w/.-]{1,80})"')


def test_run_succeeds_and_its_release_serves(airflow: LiveAirflow, trained: str) -> None:
    done = airflow.events("small__finetune", trained, "stage_done")
    assert [event.stage for event in done] == list(STAGE_NAMES)
    assert [event.actor for event in airflow.events("small__finetune", trained, "run_started")] == ["author"]
    assert len(airflow.events("small__finetune", trained, "registered")) == 1
    assert len(airflow.events("small__finetune", trained, "promoted")) == 1


def test_digests_are_those_of_mlops_run(airflow: LiveAirflow, trained: str, tmp_path: Path) -> None:
    found = airflow.artifacts("small__finetune", trained)
    project = build_project(tmp_path)
    plant(project / "data" / "desk.jsonl")
    assert artifacts(run_json(project)) == found


def test_xcom_holds_digests_and_names_only(airflow: LiveAirflow, trained: str) -> None:
    with sqlite3.connect(f"file:{airflow.instance.home}/airflow.db?mode=ro", uri=True) as database:
        values = database.execute("select task_id, value from xcom where run_id = ?", (trained,)).fetchall()
    assert {task for task, _ in values} >= set(STAGE_NAMES)
    for task, value in values:
        rest = DIGESTS.sub("", str(value)).replace("true", "").replace("false", "")
        assert not rest.strip('{}:, "'), (task, rest)


def test_each_state_is_recorded_once(airflow: LiveAirflow, trained: str) -> None:
    states = [(e.body["task"], e.body["state"]) for e in airflow.events("small__finetune", trained, "task_state")]
    assert len(states) == len(set(states))
    assert {("train", "running"), ("train", "success")} <= set(states)
    (finished,) = airflow.events("small__finetune", trained, "run_finished")
    assert finished.body["outcome"] == "done"


def test_a_task_links_to_its_report_and_release(airflow: LiveAirflow, trained: str) -> None:
    run = run_of("small__finetune", trained)
    links = airflow.author.get(f"/dags/small__finetune/dagRuns/{trained}/taskInstances/gate/links")
    assert links["extra_links"] == {"Report": f"/mlops/runs/{run}/gate", "Release": f"/mlops/runs/{run}/release"}


def test_a_cleared_task_finds_its_stage_in_the_store(airflow: LiveAirflow, trained: str) -> None:
    before = airflow.artifacts("small__finetune", trained)
    airflow.clear("small__finetune", trained, "gate")
    assert airflow.wait("small__finetune", trained) == "success", airflow.failures("small__finetune", trained)
    assert airflow.artifacts("small__finetune", trained) == before
    gates = [e for e in airflow.events("small__finetune", trained, "stage_done") if e.stage == "gate"]
    assert [event.body["hit"] for event in gates] == [False, True]
    outcomes = [e.body["outcome"] for e in airflow.events("small__finetune", trained, "run_finished")]
    assert outcomes == ["done", "done"]
    assert len(airflow.events("small__finetune", trained, "promoted")) == 1


def test_a_broken_use_case_is_one_import_error_with_file_and_line(airflow: LiveAirflow) -> None:
    airflow.unpause("small__finetune")
    (error,) = airflow.author.get("/importErrors")["import_errors"]
    assert error["filename"] == "broken_use_cases.py"
    assert re.search(r"use_cases/broken\.yaml:\d+: USECASE-003 unknown key surprise", error["stack_trace"])
