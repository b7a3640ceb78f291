"""What sets DAGs off: back-fill, the schedule, new data, a drift alarm; and what is lost while a DAG is paused."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from mlops_airflow.local_airflow import fresh_dag_run_id
from tests.airflow.live import LiveAirflow, eventually

KEYS = ("sha256:" + "7" * 64, "sha256:" + "8" * 64)

pytestmark = pytest.mark.usefixtures("trained")


def _runs(airflow: LiveAirflow, dag: str) -> list[dict[str, Any]]:
    return list(airflow.author.get(f"/dags/{dag}/dagRuns", limit=100)["dag_runs"])


def _ended(airflow: LiveAirflow, dag: str, number: int) -> bool:
    runs = _runs(airflow, dag)
    return len(runs) >= number and all(run["state"] in ("success", "failed") for run in runs)


@pytest.mark.full
def test_five_days_are_back_filled_each_once(airflow: LiveAirflow) -> None:
    airflow.unpause("daily__finetune")
    airflow.unpause("daily__schedule")
    before = len(_runs(airflow, "daily__finetune"))
    body = {
        "dag_id": "daily__schedule",
        "from_date": "2026-03-01T00:00:00Z",
        "to_date": "2026-03-05T23:00:00Z",
        "max_active_runs": 5,
        "reprocess_behavior": "none",
    }
    airflow.author.post("/backfills", body)
    eventually("five runs end", lambda: _ended(airflow, "daily__finetune", before + 5), 280)
    keys = [str(run["partition_key"]) for run in _runs(airflow, "daily__finetune")]
    found = sorted(key for key in keys if key.startswith("2026-03"))
    assert found == [f"2026-03-0{day}T03:00:00" for day in range(1, 6)]
    assert {run["state"] for run in _runs(airflow, "daily__finetune")} == {"success"}


def test_new_data_runs_once(airflow: LiveAirflow) -> None:
    airflow.unpause("small__finetune")
    _announce(airflow, "small/source", KEYS[0])
    run = _the_run(airflow, KEYS[0])
    (started,) = airflow.events("small__finetune", run, "run_started")
    assert started.body["trigger"]["key"] == KEYS[0]
    assert started.actor == "airflow"


def test_data_announced_while_paused_is_found_by_reconcile(airflow: LiveAirflow) -> None:
    dag = "small__finetune"
    airflow.unpause(dag)
    airflow.author.patch(f"/dags/{dag}", {"is_paused": True})
    _announce(airflow, "small/source", KEYS[1])
    airflow.author.patch(f"/dags/{dag}", {"is_paused": False})
    name = airflow.trigger("mlops__reconcile", conf={"older_than_minutes": 0})
    assert airflow.wait("mlops__reconcile", name) == "success", airflow.failures("mlops__reconcile", name)
    _the_run(airflow, KEYS[1])
    again = airflow.trigger("mlops__reconcile", conf={"older_than_minutes": 0})
    assert airflow.wait("mlops__reconcile", again) == "success"
    assert len([run for run in _runs(airflow, dag) if run["partition_key"] == KEYS[1]]) == 1


def test_the_monitor_compares_with_the_champion_and_waits(airflow: LiveAirflow) -> None:
    dag = "small__monitor"
    name = airflow.trigger(dag)
    assert airflow.wait(dag, name) == "success", airflow.failures(dag, name)
    (monitored,) = airflow.events(dag, name, "monitored")
    (decided,) = airflow.events(dag, name, "retrain_decided")
    assert (monitored.body["outcome"], decided.body["decision"]) == ("ok", "wait")


def test_a_scheduled_run_with_nothing_to_say_announces_nothing(airflow: LiveAirflow) -> None:
    for dag, key in (("small__monitor", "2026-03-01T06:00:00"), ("mlops__reconcile", "2026-03-01T04:30:00")):
        airflow.unpause(dag)
        name = fresh_dag_run_id("keyed")
        body = {"dag_run_id": name, "logical_date": None, "partition_key": key}
        airflow.author.post(f"/dags/{dag}/dagRuns", body)
        assert airflow.wait(dag, name) == "success", airflow.failures(dag, name)
    with sqlite3.connect(f"file:{airflow.instance.home}/airflow.db?mode=ro", uri=True) as database:
        assert (
            database.execute(
                "select * from asset_event where partition_key like '2026-03-01T%:00'"
                " and source_task_id in ('decide_retrain', 'reconcile')"
            ).fetchall()
            == []
        )


def _announce(airflow: LiveAirflow, name: str, key: str) -> None:
    (asset,) = airflow.author.get("/assets", name_pattern=name)["assets"]
    airflow.author.post("/assets/events", {"asset_id": asset["id"], "partition_key": key})


def _the_run(airflow: LiveAirflow, key: str) -> str:
    """The one run of a partition, once it has succeeded."""
    dag = "small__finetune"
    eventually("a run of the new data", lambda: [r for r in _runs(airflow, dag) if r["partition_key"] == key], 90)
    (run,) = [run for run in _runs(airflow, dag) if run["partition_key"] == key]
    name = str(run["dag_run_id"])
    assert airflow.wait(dag, name) == "success", airflow.failures(dag, name)
    return name
