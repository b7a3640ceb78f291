"""``mlops__reconcile``: once a day, find what events missed, repair what can be, announce lost data again."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import DAG, Asset, CronPartitionTimetable, Param, task
from airflow.sdk.exceptions import AirflowRuntimeError

from mlops.settings import load_settings
from mlops.use_case import list_use_cases
from mlops_airflow.actions import ActionError, ActionInterruptedError
from mlops_airflow.assets import announce, source_asset
from mlops_airflow.use_case_dags import DATA_QUEUE, START

log = logging.getLogger("mlops_airflow")

DAG_ID = "mlops__reconcile"
CRON = "30 4 * * *"
# Younger announcements may still be waiting for their run; older ones were looked at by thirty passes.
_MINUTES, _OLDEST = 60, timedelta(days=30)
_DOC = """### What events missed
Releases that are approved but not promoted, announced data without a run (Airflow does not keep events for a DAG that
is paused when they come), stuck leases, dead heartbeats, runs without an end. Repairs what can be repaired; the rest is
logged, counted (`mlops_reconcile_open`), and alerts when it stays. The same as `mlops reconcile --repair`, which cannot
see announced data.
"""


def reconcile_dag() -> DAG:
    """The DAG; one for all use cases."""
    assets = {name: source_asset(name) for name in list_use_cases(load_settings().root)}
    with DAG(
        dag_id=DAG_ID,
        schedule=CronPartitionTimetable(CRON, timezone="UTC"),
        start_date=START,
        catchup=False,
        max_active_runs=1,
        tags=["mlops", "reconcile"],
        default_args={
            "owner": "mlops",
            "retries": 4,
            "retry_delay": timedelta(seconds=30),
            "queue": DATA_QUEUE,
        },
        description="Finds what events missed and repairs it.",
        doc_md=_DOC,
        params={
            "older_than_minutes": Param(
                _MINUTES, type="integer", minimum=0, description="look at data announced longer ago than this"
            )
        },
        auto_register=False,
    ) as dag:
        _task(assets)
    return dag


def _task(assets: Mapping[str, Asset]) -> Any:
    @task(task_id="reconcile", inlets=list(assets.values()), outlets=list(assets.values()), doc_md=_DOC)
    def _reconcile(*, inlet_events: Any, outlet_events: Any, ti: Any, params: Any) -> dict[str, int]:
        now = datetime.now(UTC)
        youngest = timedelta(minutes=int(params["older_than_minutes"]))
        declarations = _readable(assets)
        known = {
            name: _keys(inlet_events[assets[name]], now, youngest) for name in declarations if _switched_on(ti, name)
        }
        found, still_open = _pass(declarations, known, now, ti)
        for item in found:
            log.warning("%s %s %s: %s", item.kind, item.use_case, item.subject, item.detail)
        lost = {
            asset: [item.subject for item in found if item.kind == "dataset_without_run" and item.use_case == name]
            for name, asset in assets.items()
        }
        announce(outlet_events, lost)
        for keys in lost.values():
            for key in keys:
                log.info("%s is announced again", key)
        return {"found": len(found), "open": len(still_open)}

    return _reconcile()


def _keys(announced: Iterable[Any], now: datetime, youngest: timedelta) -> list[str]:
    """Partition keys that were announced long enough ago to have a run by now."""
    return [
        event.partition_key
        for event in announced
        if event.partition_key is not None and youngest <= now - event.timestamp < _OLDEST
    ]


def _readable(names: Iterable[str]) -> dict[str, Any]:
    """Use cases that can be read; what is wrong with the others is an import error already."""
    from mlops.use_case import UseCaseError, load_use_case

    found, root = {}, load_settings().root
    for name in names:
        try:
            found[name] = load_use_case(root, name)
        except UseCaseError as error:
            log.warning("left out: %s", error)
    return found


def _switched_on(ti: Any, name: str) -> bool:
    """Whether its DAG would run what is announced; what waits for a paused DAG, or for one yet unread, is not lost."""
    try:
        return not ti.get_dag(f"{name}__finetune").is_paused
    except AirflowRuntimeError:
        return False


def _pass(
    declarations: Mapping[str, Any], known: Mapping[str, Sequence[str]], now: datetime, ti: Any
) -> tuple[Sequence[Any], Sequence[Any]]:
    from mlops.errors import MlopsError
    from mlops.ledger.store import open_ledger
    from mlops.reconcile import reconcile

    settings = load_settings()
    try:
        ledger = open_ledger(settings.ledger)
        alive = _alive(ledger, ti)
        done = reconcile(settings, ledger, list(declarations.values()), known, now, repairs=True, alive=alive)
    except MlopsError as error:
        raise (ActionInterruptedError if error.exit_code == 1 else ActionError)(str(error)) from None
    return done.findings, done.open


def _alive(ledger: Any, ti: Any) -> set[str]:
    """Runs whose DAG run is under way, or that a person is asked about."""
    from mlops.ledger.events import events

    found = events(ledger, kinds=["run_started", "dag_run_state"])
    states = {event.run: event.body for event in found if event.kind == "dag_run_state"}
    return {str(run) for run, body in states.items() if body["state"] == "running" and _under_way(ti, found, run, body)}


def _under_way(ti: Any, found: Sequence[Any], run: str | None, body: Mapping[str, Any]) -> bool:
    from mlops_airflow.run_ids import run_of

    use_case = next((event.use_case for event in found if event.run == run and event.kind == "run_started"), None)
    for dag_id in (f"{use_case}__finetune", f"{use_case}__monitor"):
        if run_of(dag_id, body["dag_run"]) == run:
            live: int = ti.get_dr_count(dag_id, run_ids=[body["dag_run"]], states=["running", "queued"])
            return live > 0
    return False
