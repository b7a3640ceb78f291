"""``make demo``: one run of a use case under a real Airflow on this machine, watched stage by stage, then stopped.

``make up`` and ``make down`` start and stop one that stays.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console

from mlops.errors import MlopsError, RetryableError
from mlops.ledger import heartbeats
from mlops.ledger.events import events
from mlops.ledger.store import Ledger, open_ledger
from mlops.run_display import live_progress, print_result
from mlops.run_record import recorded_result
from mlops.runs import find_run
from mlops.settings import Settings, load_settings
from mlops_airflow import local_airflow
from mlops_airflow.local_airflow import APPROVER, AUTHOR, SECOND_APPROVER, Instance
from mlops_airflow.rest import Rest, RestError
from mlops_airflow.run_ids import run_of

ENDS = ("success", "failed")
_POLL_SECONDS, _HEALTH_SECONDS = 1.0, 20.0
_PARSE_SECONDS = 90.0
_ANSWER_AFTER_SECONDS = 8.0  # Airflow 3.3 loses an answer that comes before its executor has reported the task
Report = Callable[[dict[str, Any]], None]


class DemoError(RetryableError):
    """The demonstration could not be carried out."""


def main() -> None:
    """Entry point of ``python -m mlops_airflow.demo``."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("what", choices=("demo", "up", "down"), nargs="?", default="demo")
    parser.add_argument("--use-case", default="support_triage")
    parser.add_argument("--port", type=int, default=None, help="of the UI; a free one by default")
    chosen = parser.parse_args()
    # SIGINT too: a shell starts background jobs with it ignored, and then nothing could stop this but SIGTERM.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _as_interrupt)
    console = Console(stderr=True)
    try:
        settings = load_settings()
        if chosen.what == "demo":
            sys.exit(demo(settings, chosen.use_case, chosen.port, console))
        if chosen.what == "up":
            up(settings, chosen.port, console)
        else:
            down(settings, console)
    except MlopsError as error:
        console.print(f"error: {error}", markup=False, highlight=False, soft_wrap=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        console.print("stopped; what was finished is kept, and the next run goes on from there", highlight=False)
        sys.exit(1)


def _as_interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def home_of(settings: Settings, name: str) -> Path:
    """AIRFLOW_HOME of a local instance, inside the checkout."""
    return settings.root / ".airflow" / name


def demo(settings: Settings, use_case: str, port: int | None, console: Console) -> int:
    """Start Airflow, run ``NAME__finetune`` once, show it, stop Airflow. Returns the run's exit code."""
    home = home_of(settings, "demo")
    with local_airflow.only_one(home, "demo"):
        left = local_airflow.running(home)
        if left is not None:
            console.print("an earlier demo was killed; ending what it left")
            local_airflow.stop(left)
        began = time.monotonic()
        with _started(settings, home, port, console) as instance:
            console.print(f"Airflow runs at {instance.url} ({time.monotonic() - began:.0f} s)", highlight=False)
            return run_once(settings, instance, use_case, console)


@contextmanager
def _started(settings: Settings, home: Path, port: int | None, console: Console) -> Iterator[Instance]:
    with console.status("starting Airflow: scheduler, dag-processor, api-server, triggerer"):
        instance = local_airflow.start(settings.root, home, port)
    try:
        yield instance
    finally:
        kept = signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave half of it running
        with console.status("stopping Airflow"):
            local_airflow.stop(instance)
        signal.signal(signal.SIGINT, kept)
        console.print("Airflow is stopped; nothing of it runs any more")


def run_once(settings: Settings, instance: Instance, use_case: str, console: Console) -> int:
    """Trigger ``NAME__finetune`` as one user, answer its approvals as another, and print the result.

    Raises:
        DemoError: the DAG does not appear.
    """
    author = instance.session(AUTHOR)
    dag = f"{use_case}__finetune"
    with console.status(f"waiting for the DAG {dag}"):
        wait_for_dag(author, dag)
    author.patch(f"/dags/{dag}", {"is_paused": False})
    name = local_airflow.fresh_dag_run_id("demo")
    began = time.monotonic()
    author.post(f"/dags/{dag}/dagRuns", {"dag_run_id": name, "logical_date": None})
    console.print(f"run {name} of {dag}, triggered by {AUTHOR}", highlight=False)
    ledger = open_ledger(settings.ledger)
    with live_progress() as report:
        state = _watch(instance, author, ledger, dag, name, report)
    return _told(settings, ledger, author, dag, name, state, time.monotonic() - began)


def wait_for_dag(admin: Rest, dag: str) -> None:
    """Wait until Airflow has read a DAG.

    Raises:
        DemoError: not after a minute and a half; names the import errors.
    """
    limit = time.monotonic() + _PARSE_SECONDS
    while time.monotonic() < limit:
        try:
            admin.get(f"/dags/{dag}")
            return
        except RestError:
            time.sleep(0.5)
    errors = [item["stack_trace"].strip().splitlines()[-1] for item in admin.get("/importErrors")["import_errors"]]
    raise DemoError(
        "DEMO-001",
        "Airflow has not read the DAG: " + ("; ".join(errors) or "no import error is known"),
        where=dag,
        todo="check the use case: mlops use-case lint",
    )


def _watch(instance: Instance, author: Rest, ledger: Ledger, dag: str, name: str, report: Report) -> str:
    """Follow a DAG run to its end, answering where a person is asked. Returns its state."""
    path, told = f"/dags/{dag}/dagRuns/{name}", _Told(report, ledger, run_of(dag, name))
    asked: dict[str, float] = {}
    next_look = 0.0
    while True:
        if time.monotonic() > next_look:
            local_airflow.require_healthy(instance)
            next_look = time.monotonic() + _HEALTH_SECONDS
        tasks = author.get(f"{path}/taskInstances", limit=100)["task_instances"]
        told.progress()
        for task in tasks:
            if task["state"] == "awaiting_input":
                _answer_in_time(instance, task["task_id"], path, asked, report)
        state = str(author.get(path)["state"])
        if state in ENDS:
            told.progress()
            return state
        time.sleep(_POLL_SECONDS)


def _answer_in_time(instance: Instance, task: str, path: str, asked: dict[str, float], report: Report) -> None:
    first = asked.setdefault(task, time.monotonic())
    if time.monotonic() - first < _ANSWER_AFTER_SECONDS:
        return
    person = APPROVER if task.endswith("1") else SECOND_APPROVER
    answer = {"chosen_options": ["Approve"], "params_input": {"statement": "looked at the gate's figures (demo)"}}
    instance.session(person).patch(f"{path}/taskInstances/{task}/-1/hitlDetails", answer)
    report({"event": "warning", "message": f"{task}: answered by {person}"})
    asked[task] = time.monotonic() + 60  # once is enough, unless it is asked again


class _Told:
    """Turns what the ledger says of a run into the progress of ``mlops run``."""

    def __init__(self, report: Report, ledger: Ledger, run: str) -> None:
        self._report = report
        self._ledger = ledger
        self._run = run
        self._seen = 0
        self._open: set[str] = set()

    def progress(self) -> None:
        """Report what is new."""
        for event in events(self._ledger, kinds=["stage_started", "stage_done", "stage_failed"], run=self._run):
            if event.seq <= self._seen:
                continue
            self._seen = event.seq
            kind = {"stage_started": "started", "stage_done": "finished", "stage_failed": "failed"}[event.kind]
            self._report({"event": kind, "stage": event.stage, "error": event.body.get("message"), **event.body})
        for beat in heartbeats.live(self._ledger):
            if beat.run == self._run and beat.progress:
                self._report({"event": "progress", **beat.progress})


def _told(settings: Settings, ledger: Ledger, author: Rest, dag: str, name: str, state: str, seconds: float) -> int:
    """Print the result as ``mlops run`` does. Returns the exit code."""
    run = find_run(ledger, run_of(dag, name))
    console = Console()
    if run is None:
        console.print(f"the DAG run ended as {state} before the pipeline began")
        _print_failed(author, dag, name, console)
        return 1
    result = recorded_result(settings, ledger, run, seconds)
    if result.results:
        print_result(result, console)
    if state != "success":
        _print_failed(author, dag, name, console)
    return result.code if result.code or state == "success" else 1


def _print_failed(author: Rest, dag: str, name: str, console: Console) -> None:
    tasks = author.get(f"/dags/{dag}/dagRuns/{name}/taskInstances", limit=100)["task_instances"]
    failed = [task["task_id"] for task in tasks if task["state"] == "failed"]
    console.print(f"failed tasks: {', '.join(failed) or 'none'}", highlight=False)


def up(settings: Settings, port: int | None, console: Console) -> None:
    """Start an Airflow that stays, or say that it runs, and how to log in."""
    home = home_of(settings, "up")
    with local_airflow.only_one(home, "make up"):
        instance = local_airflow.running(home)
        if instance is None:
            with console.status("starting Airflow"):
                instance = local_airflow.start(settings.root, home, port)
    console.print(f"Airflow runs at [bold]{instance.url}[/bold]", highlight=False)
    for user, may in ((AUTHOR, "may do everything"), (APPROVER, "answers approvals"), (SECOND_APPROVER, "the same")):
        console.print(f"  log in as {user:<9} password {instance.password(user):<18} ({may})", highlight=False)
    console.print(f"  DAGs begin paused; switch one on in the UI. Stop with: make down. Log: {instance.log}")


def down(settings: Settings, console: Console) -> None:
    """Stop what ``make up`` started."""
    instance = local_airflow.running(home_of(settings, "up"))
    if instance is None:
        console.print("no Airflow of this checkout runs")
        return
    with console.status("stopping Airflow"):
        local_airflow.stop(instance)
    console.print("Airflow is stopped; nothing of it runs any more")


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    main()
