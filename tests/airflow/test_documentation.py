"""docs/data-engineers.md is true: each REST call and each ``airflow`` command in it is carried out, in order."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlops.pipeline import STAGE_NAMES
from mlops_airflow.local_airflow import APPROVER, AUTHOR, fresh_dag_run_id
from tests.airflow.live import LiveAirflow, eventually

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs" / "data-engineers.md").read_text()
BLOCK = re.compile(r"^ *```(\w+)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
PLACEHOLDER = re.compile(r"\{(\w+)\}")
NAME = "documented"
FINETUNE, SCHEDULE = f"{NAME}__finetune", f"{NAME}__schedule"


def _documented() -> list[str]:
    """Calls (``METHOD path``, then a line of JSON or none) and commands, as they stand in the document."""
    found = []
    for language, text in BLOCK.findall(DOCUMENT):
        lines = [line.strip() for line in text.splitlines()]
        if language == "http":
            found.append("\n".join(lines))
        elif language == "sh":
            found += [line for line in lines if line.startswith("airflow ")]
    return found


class Walk:
    """Carries out the document's calls as a reader would; each method of ``steps`` makes ready and says what follows.

    A step prepares, yields control by returning the check of what came of the call.
    """

    def __init__(self, airflow: LiveAirflow) -> None:
        self.airflow = airflow
        self.token = ""
        self.values: dict[str, str] = {"use_case": NAME}
        self.steps: list[tuple[str, Callable[[], Callable[[Any], None]]]] = [
            ("POST /auth/token", self.log_in),
            ("GET /api/v2/importErrors", self.import_errors),
            ("PATCH /api/v2/dags/{use_case}__finetune", self.switch_on),
            ("POST /api/v2/dags/{use_case}__finetune/dagRuns", self.trigger),
            ("GET /api/v2/dags/{use_case}__finetune/dagRuns/{dag_run_id}/taskInstances", self.tasks),
            (
                "GET /api/v2/dags/{use_case}__finetune/dagRuns/{dag_run_id}/taskInstances/{task_id}/logs/{try_number}"
                "?full_content=true",
                self.log,
            ),
            ("GET /api/v2/dags/~/dagRuns/~/hitlDetails?response_received=false", self.open_questions),
            (
                "PATCH /api/v2/dags/{use_case}__finetune/dagRuns/{dag_run_id}/taskInstances/approve_1/-1/hitlDetails",
                self.approve,
            ),
            ("POST /api/v2/dags/{use_case}__finetune/clearTaskInstances", self.clear),
            (
                "PATCH /api/v2/dags/{use_case}__finetune/dagRuns/{dag_run_id}/taskInstances/{task_id}",
                self.mark_task,
            ),
            ("PATCH /api/v2/dags/{use_case}__finetune/dagRuns/{dag_run_id}", self.mark_run),
            ("GET /api/v2/assets?name_pattern={use_case}/source", self.asset),
            ("POST /api/v2/assets/events", self.announce),
            ("POST /api/v2/backfills/dry_run", self.try_back_fill),
            ("POST /api/v2/backfills", self.back_fill),
            ("PUT /api/v2/backfills/{backfill_id}/cancel", self.cancel),
            (
                "airflow backfill create --dag-id {use_case}__schedule --from-date {from_date} --to-date {to_date}",
                self.back_fill_by_command,
            ),
            ("PATCH /api/v2/dags/{use_case}__finetune", self.pause),
            ("airflow pools import deploy/pools.json", self.import_pools),
            ("PATCH /api/v2/pools/gpu", self.resize_pool),
            ("PATCH /api/v2/dags?dag_id_pattern=~&tags=mlops", self.pause_all),
            ("GET /api/v2/dags/~/dagRuns/~/taskInstances?state=running&state=queued", self.drained),
        ]

    def carry_out(self, documented: str) -> Any:
        """Fill the placeholders and do it. Fails on a placeholder that nobody gave a value, and on a refusal."""
        text = PLACEHOLDER.sub(lambda found: self.values[found[1]], documented)
        if text.startswith("airflow "):
            return self._command(text)
        first, _, body = text.partition("\n")
        method, path = first.split(" ")
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = json.dumps(json.loads(body)).encode() if body else None
        request = urllib.request.Request(self.airflow.instance.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    def _command(self, text: str) -> str:
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "AIRFLOW_HOME": str(self.airflow.instance.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        }
        done = subprocess.run(
            text.split(), env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _runs(self, dag: str = FINETUNE) -> list[dict[str, Any]]:
        return list(self.airflow.author.get(f"/dags/{dag}/dagRuns", limit=100)["dag_runs"])

    def _run_of_key(self, key: str) -> dict[str, Any]:
        def probe() -> Any:
            return next((run for run in self._runs() if run["partition_key"] == key), None)

        found: dict[str, Any] = eventually(f"a run of {key}", probe, 90)
        return found

    def _end(self, run: dict[str, Any]) -> None:
        path = f"/dags/{FINETUNE}/dagRuns/{run['dag_run_id']}"
        self.airflow.author.patch(path, {"state": "failed"})

    def _fresh_run(self) -> str:
        name = self.values["dag_run_id"] = self.airflow.trigger(FINETUNE)
        return name

    def _as(self, user: str) -> None:
        self.token = self.airflow.instance.session(user).token

    def log_in(self) -> Callable[[Any], None]:
        self.values |= {"user": AUTHOR, "password": self.airflow.instance.password(AUTHOR)}

        def check(answer: Any) -> None:
            self.token = answer["access_token"]

        return check

    def import_errors(self) -> Callable[[Any], None]:
        def check(answer: Any) -> None:
            assert re.search(r"use_cases/broken\.yaml:\d+", answer["import_errors"][0]["stack_trace"])

        return check

    def switch_on(self) -> Callable[[Any], None]:
        self.airflow.unpause(SCHEDULE)  # waits until Airflow has read the use case
        self.airflow.author.patch(f"/dags/{SCHEDULE}", {"is_paused": True})

        def check(_: Any) -> None:
            assert self.airflow.author.get(f"/dags/{FINETUNE}")["is_paused"] is False

        return check

    def trigger(self) -> Callable[[Any], None]:
        name = self.values["dag_run_id"] = fresh_dag_run_id("documented")

        def check(_: Any) -> None:
            self.airflow.wait_task(FINETUNE, name, "begin", "success")
            (started,) = self.airflow.events(FINETUNE, name, "run_started")
            assert started.actor == AUTHOR

        return check

    def tasks(self) -> Callable[[Any], None]:
        def check(answer: Any) -> None:
            others = {"begin", "announce_dataset", "approve_1", "promote", "verify", "replay_sinks"}
            assert {task["task_id"] for task in answer["task_instances"]} == {*STAGE_NAMES, *others}

        return check

    def log(self) -> Callable[[Any], None]:
        self.values |= {"task_id": "ingest", "try_number": "1"}
        self.airflow.wait_task(FINETUNE, self.values["dag_run_id"], "ingest", "success")

        def check(answer: Any) -> None:
            assert "ingest done" in json.dumps(answer)

        return check

    def open_questions(self) -> Callable[[Any], None]:
        self.airflow.wait_task(FINETUNE, self.values["dag_run_id"], "approve_1", "awaiting_input")

        def check(answer: Any) -> None:
            asked = [detail["task_instance"] for detail in answer["hitl_details"]]
            assert (FINETUNE, "approve_1") in [(task["dag_id"], task["task_id"]) for task in asked]

        return check

    def approve(self) -> Callable[[Any], None]:
        time.sleep(10)
        self._as(APPROVER)

        def check(_: Any) -> None:
            self._as(AUTHOR)
            name = self.values["dag_run_id"]
            assert self.airflow.wait(FINETUNE, name) == "success", self.airflow.failures(FINETUNE, name)
            assert [event.actor for event in self.airflow.events(FINETUNE, name, "approved")] == [APPROVER]

        return check

    def clear(self) -> Callable[[Any], None]:
        self.values["task_id"] = "verify"

        def check(answer: Any) -> None:
            assert "verify" in [task["task_id"] for task in answer["task_instances"]]
            name = self.values["dag_run_id"]
            eventually("a second try", lambda: self.airflow.tasks(FINETUNE, name)["verify"]["try_number"] == 2)
            assert self.airflow.wait(FINETUNE, name) == "success", self.airflow.failures(FINETUNE, name)

        return check

    def mark_task(self) -> Callable[[Any], None]:
        name = self._fresh_run()
        self.values["task_id"] = "ingest"
        eventually("tasks exist", lambda: "ingest" in self.airflow.tasks(FINETUNE, name))

        def check(_: Any) -> None:
            assert self.airflow.wait(FINETUNE, name) == "failed"
            assert "STAGE-002" in self.airflow.log(FINETUNE, name, "validate", 1)

        return check

    def mark_run(self) -> Callable[[Any], None]:
        name = self._fresh_run()
        self.airflow.wait_task(FINETUNE, name, "begin", "success")

        def check(_: Any) -> None:
            assert self.airflow.wait(FINETUNE, name) == "failed"  # once its teardown has run
            ended = eventually("the end is recorded", lambda: self.airflow.events(FINETUNE, name, "run_finished"))
            assert [event.body["outcome"] for event in ended] == ["failed"]

        return check

    def asset(self) -> Callable[[Any], None]:
        def check(answer: Any) -> None:
            (asset,) = answer["assets"]
            self.values["asset_id"] = str(asset["id"])

        return check

    def announce(self) -> Callable[[Any], None]:
        key = self.values["digest"] = "sha256:" + "5" * 64

        def check(_: Any) -> None:
            self._end(self._run_of_key(key))

        return check

    def try_back_fill(self) -> Callable[[Any], None]:
        self.values |= {"from_date": "2026-02-02T00:00:00Z", "to_date": "2026-02-03T23:00:00Z"}

        def check(answer: Any) -> None:
            assert answer["total_entries"] == 2
            assert self._runs(SCHEDULE) == []

        return check

    def back_fill(self) -> Callable[[Any], None]:
        def check(answer: Any) -> None:
            self.values["backfill_id"] = str(answer["id"])
            assert {run["run_type"] for run in self._runs(SCHEDULE)} == {"backfill"}
            assert len(self._runs(SCHEDULE)) == 2

        return check

    def cancel(self) -> Callable[[Any], None]:
        def check(answer: Any) -> None:
            assert answer["completed_at"] is not None
            assert {run["state"] for run in self._runs(SCHEDULE)} == {"failed"}

        return check

    def back_fill_by_command(self) -> Callable[[Any], None]:
        self.values |= {"from_date": "2026-02-05T00:00:00Z", "to_date": "2026-02-06T23:00:00Z"}
        self.airflow.unpause(SCHEDULE)

        def check(_: Any) -> None:
            for run in [self._run_of_key(f"2026-02-0{day}T03:00:00") for day in (5, 6)]:
                self._end(run)

        return check

    def pause(self) -> Callable[[Any], None]:
        def check(_: Any) -> None:
            assert self.airflow.author.get(f"/dags/{FINETUNE}")["is_paused"] is True

        return check

    def import_pools(self) -> Callable[[Any], None]:
        shipped = json.loads((ROOT / "deploy" / "pools.json").read_text())["gpu"]

        def check(_: Any) -> None:
            pool = self.airflow.author.get("/pools/gpu")
            assert {name: pool[name] for name in shipped} == shipped

        return check

    def resize_pool(self) -> Callable[[Any], None]:
        self.values["slots"] = "2"

        def check(answer: Any) -> None:
            assert (answer["slots"], answer["include_deferred"]) == (2, True)
            self.airflow.author.patch("/pools/gpu", {"pool": "gpu", "slots": 1, "include_deferred": True})

        return check

    def pause_all(self) -> Callable[[Any], None]:
        def check(_: Any) -> None:
            dags = self.airflow.author.get("/dags", limit=100, tags="mlops")["dags"]
            assert {FINETUNE, SCHEDULE, "small__finetune", "mlops__reconcile"} <= {dag["dag_id"] for dag in dags}
            assert all(dag["is_paused"] for dag in dags)

        return check

    def drained(self) -> Callable[[Any], None]:
        path = "/dags/~/dagRuns/~/taskInstances?state=running&state=queued"
        eventually("no task runs", lambda: not self.airflow.author.get(path)["task_instances"], 90)

        def check(answer: Any) -> None:
            assert answer["task_instances"] == []

        return check


@pytest.fixture
def walk(airflow: LiveAirflow, trained: str) -> Walk:
    """A reader of the document, with a use case of their own that asks a person and has a schedule."""
    small = (airflow.root / "use_cases" / "small.yaml").read_text()
    own = small.replace("name: small\nowner", f"name: {NAME}\nowner")
    own = own.replace("approval: {required: never}", "approval: {required: always}")
    own = own.replace("max_steps: 24", "max_steps: 8").replace("{cron: null}", '{cron: "0 3 * * *"}')
    (airflow.root / "use_cases" / f"{NAME}.yaml").write_text(own)
    return Walk(airflow)


@pytest.mark.timeout(900)  # a whole run with an approval, and the start of Airflow where it is the first test
def test_every_call_of_the_document_does_what_it_says(walk: Walk) -> None:
    documented = _documented()
    assert [text.partition("\n")[0] for text in documented] == [request for request, _ in walk.steps]
    for text, (_, ready) in zip(documented, walk.steps, strict=True):
        check = ready()
        check(walk.carry_out(text))


def test_the_documented_dag_announces_data(tmp_path: Path) -> None:
    (text,) = [text for language, text in BLOCK.findall(DOCUMENT) if language == "python"]
    (tmp_path / "landing.py").write_text(text)
    environment = {**os.environ, "AIRFLOW_HOME": str(tmp_path / "home"), "MLOPS_ROOT": str(ROOT)}
    command = [sys.executable, str(ROOT / "tests" / "airflow" / "parse_dags.py"), str(tmp_path / "landing.py")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["errors"] == {}
    assert found["dags"]["land_support_data"]["tasks"]["land"]["outlets"] == ["support_triage/source"]
