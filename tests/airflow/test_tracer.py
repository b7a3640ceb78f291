"""What the source holds of people is in nothing that Airflow keeps: logs, XCom, rendered fields, audit rows, pages."""

from __future__ import annotations

import sqlite3
import urllib.error
import urllib.request

from mlops.pipeline import STAGE_NAMES
from mlops_airflow.local_airflow import AUTHOR
from mlops_airflow.run_ids import run_of
from tests.airflow.live import LiveAirflow
from tests.end_to_end.tracer import leaks, traces

DAG = "small__finetune"


def test_nothing_below_airflows_home_holds_a_planted_value(airflow: LiveAirflow, trained: str) -> None:
    found = leaks(airflow.root, airflow.workspace / "store")
    assert found.pop("data/desk.jsonl") == {"e-mail", "card", "token"}, "the search reads files"
    assert found == {}


def test_the_search_read_what_airflow_wrote(airflow: LiveAirflow, trained: str) -> None:
    with sqlite3.connect(f"file:{airflow.instance.home}/airflow.db?mode=ro", uri=True) as database:
        for table in ("xcom", "rendered_task_instance_fields", "log", "task_instance"):
            assert database.execute(f"select count(*) from {table}").fetchone()[0] > 0, table
    logs = list(airflow.instance.home.glob(f"logs/dag_id={DAG}/run_id={trained}/task_id=mask/*.log"))
    assert logs
    assert "artifact sha256:" in logs[0].read_text()


def test_pages_hold_no_planted_value_and_ask_who_reads(airflow: LiveAirflow, trained: str) -> None:
    run = run_of(DAG, trained)
    paths = ["/mlops/releases", f"/mlops/runs/{run}", f"/mlops/runs/{run}/release", f"/mlops/dag-runs/{DAG}/{trained}"]
    for path in [*paths, *(f"/mlops/runs/{run}/{stage}" for stage in STAGE_NAMES)]:
        page = _read(airflow, path, airflow.instance.session(AUTHOR).token)
        assert "<h1>" in page, path
        assert traces(page.encode()) == set(), path
        assert _status(airflow, path) == 401, path


def _read(airflow: LiveAirflow, path: str, token: str) -> str:
    request = urllib.request.Request(airflow.instance.url + path, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return str(answer.read().decode())


def _status(airflow: LiveAirflow, path: str) -> int:
    try:
        with urllib.request.urlopen(airflow.instance.url + path, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
