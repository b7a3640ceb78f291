"""Writes the states of our DAG runs and tasks to the ledger, each once: retries, clears and marks by hand included.

Called by Airflow in the scheduler, the api-server and the task processes. It never raises and never waits for long:
what the ledger cannot take is logged, and the daily reconcile DAG finds runs that have no end.
"""

from __future__ import annotations

import logging
from typing import Any

from airflow.listeners import hookimpl

from mlops_airflow.run_ids import run_of

log = logging.getLogger(__name__)

KINDS = ("__finetune", "__monitor")


def _use_case(dag_id: str) -> str | None:
    """Name of the use case whose DAG this is; None for DAGs that are not ours."""
    name, mark, _ = dag_id.rpartition("__")
    return name if mark and dag_id.endswith(KINDS) else None


def _text(state: Any) -> str:
    return str(getattr(state, "value", state))


def _task(task_instance: Any, state: str) -> None:
    use_case = _use_case(task_instance.dag_id)
    if use_case is None:
        return
    try:
        from mlops.ledger.events import append_once
        from mlops.ledger.store import open_ledger
        from mlops.settings import load_settings

        names = (task_instance.dag_id, task_instance.run_id, task_instance.task_id, task_instance.try_number)
        body = {"dag_run": names[1], "task": names[2], "try": names[3], "state": state}
        append_once(
            open_ledger(load_settings().ledger),
            "task_state",
            body,
            once=_once("task", *names, task_instance.max_tries, state),
            use_case=use_case,
            run=run_of(names[0], names[1]),
        )
    except Exception as error:  # Airflow's own work must go on
        log.warning("the state of %s was not recorded (%s)", task_instance.task_id, type(error).__name__)


def _once(*parts: Any) -> str:
    from mlops.artifacts import canonical_json, digest_bytes

    return f"airflow/{digest_bytes(canonical_json([str(part) for part in parts]))}"


def _dag_run(dag_run: Any, state: str) -> None:
    use_case = _use_case(dag_run.dag_id)
    if use_case is None:
        return
    try:
        from mlops.ledger.store import open_ledger
        from mlops.run_end import record_state
        from mlops.settings import load_settings

        seconds = (dag_run.end_date - dag_run.start_date).total_seconds() if dag_run.end_date else 0.0
        record_state(
            open_ledger(load_settings().ledger),
            use_case,
            run_of(dag_run.dag_id, dag_run.run_id),
            state=state,
            dag_run=dag_run.run_id,
            clear_number=dag_run.clear_number,
            seconds=seconds,
        )
    except Exception as error:  # Airflow's own work must go on
        log.warning("the state of %s was not recorded (%s)", dag_run.run_id, type(error).__name__)


class LedgerListener:
    """Airflow's hooks; see the module."""

    @hookimpl
    def on_task_instance_running(self, previous_state: Any, task_instance: Any) -> None:
        """A try began."""
        _task(task_instance, "running")

    @hookimpl
    def on_task_instance_success(self, previous_state: Any, task_instance: Any) -> None:
        """A try succeeded, or a person marked it so."""
        _task(task_instance, "success")

    @hookimpl
    def on_task_instance_failed(self, previous_state: Any, task_instance: Any, error: Any) -> None:
        """A try failed, or a person marked it so. The error's text stays in Airflow's log."""
        _task(task_instance, "failed")

    @hookimpl
    def on_task_instance_skipped(self, previous_state: Any, task_instance: Any) -> None:
        """A task skipped itself."""
        _task(task_instance, "skipped")

    @hookimpl
    def on_dag_run_running(self, dag_run: Any, msg: str) -> None:
        """A DAG run began, or goes on after a clear."""
        _dag_run(dag_run, "running")

    @hookimpl
    def on_dag_run_success(self, dag_run: Any, msg: str) -> None:
        """A DAG run succeeded, or a person marked it so."""
        _dag_run(dag_run, "success")

    @hookimpl
    def on_dag_run_failed(self, dag_run: Any, msg: str) -> None:
        """A DAG run failed, or a person marked it so."""
        _dag_run(dag_run, "failed")
