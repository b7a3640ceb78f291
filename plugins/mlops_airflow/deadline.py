"""What happens when a run is late: an event in the ledger, which the exporter turns into an alert."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from airflow.sdk.definitions.deadline import BaseDeadlineReference


class DagRunBegan(BaseDeadlineReference):
    """The moment at which a DAG run is made.

    Our own, because with Airflow's ``DAGRUN_QUEUED_AT`` a run cannot be cleared in 3.3 (apache/airflow#70368). A run
    that is cleared keeps its first deadline.
    """

    def _evaluate_with(self, *, session: Any, **_: Any) -> datetime:
        return datetime.now(UTC)


async def record_missed_deadline(use_case: str, context: dict[str, Any] | None = None, **_: Any) -> None:
    """Enter ``deadline_missed`` once per DAG run. Runs in the triggerer."""
    await asyncio.to_thread(_record, use_case, context or {})


def _record(use_case: str, context: dict[str, Any]) -> None:
    from mlops.ledger.events import append_once
    from mlops.ledger.store import open_ledger
    from mlops.settings import load_settings
    from mlops_airflow.run_ids import run_of

    dag_run = context.get("dag_run") or {}
    dag_id, dag_run_id = str(dag_run.get("dag_id")), str(dag_run.get("dag_run_id") or dag_run.get("run_id"))
    run = run_of(dag_id, dag_run_id)
    ledger = open_ledger(load_settings().ledger)
    append_once(ledger, "deadline_missed", {"dag_run": dag_run_id}, once=f"deadline/{run}", use_case=use_case, run=run)
