"""What the tests do with a running Airflow: trigger, wait, answer, look. Through the REST API, as a user would."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from mlops.ledger.events import Event, events
from mlops.ledger.store import Ledger, open_ledger
from mlops_airflow.demo import wait_for_dag
from mlops_airflow.local_airflow import AUTHOR, Instance, fresh_dag_run_id
from mlops_airflow.rest import Rest
from mlops_airflow.run_ids import run_of


def eventually(what: str, probe: Callable[[], Any], seconds: float = 60) -> Any:
    """The first true answer of ``probe``; fails with ``what`` when there is none in time."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        found = probe()
        if found:
            return found
        time.sleep(0.25)
    raise AssertionError(f"not in {seconds:.0f} s: {what}")


@cache
def session(instance: Instance, user: str) -> Rest:
    """One session per user; its token holds for a day."""
    return instance.session(user)


@dataclass(frozen=True)
class LiveAirflow:
    """A project and the Airflow that runs it."""

    root: Path
    instance: Instance
    settings: Mapping[str, str]

    @property
    def author(self) -> Rest:
        """The session of the user who triggers."""
        return session(self.instance, AUTHOR)

    @property
    def ledger(self) -> Ledger:
        """The project's ledger."""
        return open_ledger(f"sqlite:///{self.workspace / 'ledger.db'}", create=False)

    @property
    def workspace(self) -> Path:
        """The project's workspace."""
        return self.root / "workspace"

    def unpause(self, dag: str) -> None:
        """Switch a DAG on."""
        wait_for_dag(self.author, dag)
        self.author.patch(f"/dags/{dag}", {"is_paused": False})

    def trigger(self, dag: str, conf: Mapping[str, Any] | None = None) -> str:
        """Trigger a DAG as its author; returns the DAG run's name."""
        self.unpause(dag)
        name = fresh_dag_run_id("test")
        self.author.post(f"/dags/{dag}/dagRuns", {"dag_run_id": name, "logical_date": None, "conf": dict(conf or {})})
        return name

    def state(self, dag: str, name: str) -> str:
        """State of a DAG run."""
        return str(self.author.get(f"/dags/{dag}/dagRuns/{name}")["state"])

    def wait(self, dag: str, name: str, seconds: float = 400) -> str:
        """Wait for the end of a DAG run; returns its state. One that does not end fails with what its tasks said."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            state = self.state(dag, name)
            if state in ("success", "failed"):
                return state
            time.sleep(0.25)
        tasks = self.tasks(dag, name).values()
        states = {task["task_id"]: (task["state"], task["try_number"]) for task in tasks}
        open_ones = [task for task in tasks if task["state"] in ("running", "up_for_retry")]
        said = "\n".join(self.log(dag, name, task["task_id"], task["try_number"])[-3000:] for task in open_ones)
        raise AssertionError(f"{dag} {name} does not end in {seconds:.0f} s: {states}\n{said}")

    def tasks(self, dag: str, name: str) -> dict[str, dict[str, Any]]:
        """Task instances of a DAG run by task."""
        found = self.author.get(f"/dags/{dag}/dagRuns/{name}/taskInstances", limit=100)["task_instances"]
        return {item["task_id"]: item for item in found}

    def wait_task(self, dag: str, name: str, task: str, *states: str, seconds: float = 180) -> None:
        """Wait until a task is in one of some states."""
        eventually(f"{task} is {states}", lambda: self.tasks(dag, name)[task]["state"] in states, seconds)

    def log(self, dag: str, name: str, task: str, attempt: int) -> str:
        """The log of one try, as the UI shows it."""
        path = f"/dags/{dag}/dagRuns/{name}/taskInstances/{task}/logs/{attempt}"
        return str(self.author.get(path, full_content="true"))

    def failures(self, dag: str, name: str) -> str:
        """The logs of failed tasks, for a failing test's message."""
        failed = [item for item in self.tasks(dag, name).values() if item["state"] == "failed"]
        return "\n".join(self.log(dag, name, item["task_id"], item["try_number"])[-3000:] for item in failed)

    def clear(self, dag: str, name: str, *tasks: str, downstream: bool = True) -> None:
        """Clear tasks of a DAG run, as the UI's button does; the DAG is switched on, else the run would stay queued."""
        self.unpause(dag)
        body = {
            "dry_run": False,
            "dag_run_id": name,
            "task_ids": list(tasks),
            "include_downstream": downstream,
            "only_failed": False,
            "reset_dag_runs": True,
        }
        self.author.post(f"/dags/{dag}/clearTaskInstances", body)

    def answer(self, dag: str, name: str, task: str, user: str, option: str, statement: str = "looked at it") -> None:
        """Answer an approval as a user, some seconds after it is asked, as a person would.

        Answers again when Airflow 3.3 lost the answer and asks anew: it does when the scheduler has not yet heard from
        its executor that the task is parked.
        """
        path = f"/dags/{dag}/dagRuns/{name}/taskInstances/{task}/-1/hitlDetails"
        body = {"chosen_options": [option], "params_input": {"statement": statement}}
        for _ in range(3):
            self.wait_task(dag, name, task, "awaiting_input")
            attempt = self.tasks(dag, name)[task]["try_number"]
            time.sleep(8)
            session(self.instance, user).patch(path, body)
            eventually("the answer is taken", partial(self._moved, dag, name, task, attempt), 120)
            if self.tasks(dag, name)[task]["state"] != "awaiting_input":
                return
        raise AssertionError(f"{task} asks again and again")

    def _moved(self, dag: str, name: str, task: str, attempt: int) -> bool:
        """Whether a task ended, or asks anew in a later try."""
        found = self.tasks(dag, name)[task]
        return found["state"] in ("success", "failed") or (
            found["state"] == "awaiting_input" and found["try_number"] > attempt
        )

    def events(self, dag: str, name: str, *kinds: str) -> list[Event]:
        """The ledger's events of a DAG run's run."""
        return events(self.ledger, kinds=list(kinds) or None, run=run_of(dag, name))

    def artifacts(self, dag: str, name: str) -> dict[str, str]:
        """Stage to artifact digest."""
        return {event.stage or "": event.body["artifact"] for event in self.events(dag, name, "stage_done")}
