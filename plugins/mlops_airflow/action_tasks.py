"""The action tasks of a DAG: begin, promote, verify, sinks, monitor, retrain decision."""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk import get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from mlops_airflow.actions import ActionError, act
from mlops_airflow.assets import announce, dataset_asset, drift_asset, release_asset, tick_asset

log = logging.getLogger("mlops_airflow")


def begin(use_case: str) -> Any:
    """Task: fix the pins of this DAG run's run. XCom: the run's id."""

    @task(task_id="begin", doc_md="Fixes what the run is about: contracts, base model, champion (its pins).")
    def _begin() -> str:
        return str(act(lambda _settings, _declaration, _ledger, run: run.id, get_current_context(), use_case))

    return _begin()


def announce_dataset(use_case: str) -> Any:
    """Task: announce the curated dataset with its digest as partition key."""
    asset = dataset_asset(use_case)

    @task(task_id="announce_dataset", outlets=[asset], doc_md="Announces the curated dataset by its digest.")
    def _announce(*, outlet_events: Any) -> str:
        from mlops.runs import stage_results

        def digest(_settings: Any, _declaration: Any, ledger: Any, run: Any) -> str:
            return str(stage_results(ledger, run.id)["curate"]["artifact"])

        found = str(act(digest, get_current_context(), use_case))
        announce(outlet_events, {asset: [found]})
        return found

    return _announce()


def promote(use_case: str) -> Any:
    """Task: make the release champion when it is due; fails when a due promotion was refused. XCom: the release."""
    asset = release_asset(use_case)

    @task(
        task_id="promote",
        outlets=[asset],
        trigger_rule="none_failed",
        doc_md="Compare-and-swap of the champion, verified from source to approver first.",
    )
    def _promote(*, outlet_events: Any) -> str:
        from mlops.release_actions import promote_if_due

        due = act(promote_if_due, get_current_context(), use_case)
        log.info("%s: %s", due.release, due.said)
        if due.error is not None:
            raise ActionError(str(due.error))
        serves = due.said.startswith(("promoted", "champion"))
        announce(outlet_events, {asset: [due.release] if serves else []})
        return str(due.release)

    return _promote()


def verify(use_case: str) -> Any:
    """Task: check the release again from source to approver, as ``mlops verify`` does. XCom: the release."""

    @task(task_id="verify", doc_md="The same checks as `mlops verify RELEASE`; fails when one does not hold.")
    def _verify() -> str:
        from mlops.approval_request import release_of_run
        from mlops.release_actions import verify_here

        def checked(settings: Any, _declaration: Any, ledger: Any, run: Any) -> Any:
            return verify_here(settings, ledger, release_of_run(ledger, run).release)

        report = act(checked, get_current_context(), use_case)
        for check in report.checks:
            log.info("%s %s", "holds" if check.ok else "FAILS", check.name)
        if not report.ok:
            raise ActionError(f"{report.release}: NOT VERIFIED — see: mlops verify {report.release}")
        return str(report.release)

    return _verify()


def replay_sinks() -> Any:
    """Task: bring the JSONL log and W&B up to date, however the tasks before it ended.

    No teardown: while one is pending, Airflow does not fail a DAG run that a person marks failed, but lets it succeed.
    Nor the only leaf, which would decide the run's state.
    """

    @task(
        task_id="replay_sinks",
        trigger_rule="all_done",
        doc_md="Replays new events of the ledger into the JSONL log and W&B (offline).",
    )
    def _replay() -> None:
        from mlops.ledger.store import open_ledger
        from mlops.settings import load_settings
        from mlops.telemetry.replay import replay_all

        try:
            settings = load_settings()
            for warning in replay_all(open_ledger(settings.ledger), settings.work, wandb=settings.wandb):
                log.warning("%s", warning)
        except Exception as error:  # a sink never decides a run's state; the next run replays what is missing
            log.warning("the sinks are behind (%s)", type(error).__name__)

    return _replay()


def tick(use_case: str) -> Any:
    """Task: announce a time of the schedule; the partition key is the DAG run's own."""
    asset = tick_asset(use_case)

    @task(task_id="tick", outlets=[asset], doc_md="Sets off the fine-tuning DAG for this time of the schedule.")
    def _tick(*, outlet_events: Any) -> str:
        key = get_current_context()["dag_run"].partition_key
        if key is None:
            raise AirflowSkipException("a manual run has no time of the schedule; trigger the fine-tuning DAG instead")
        announce(outlet_events, {asset: [key]})
        return str(key)

    return _tick()


def monitor(use_case: str) -> Any:
    """Task: compare the masked data of today with the champion's. XCom: the outcome."""

    @task(task_id="monitor", doc_md="Drift of the masked data against the champion's; an event and a report.")
    def _monitor() -> str:
        from mlops.monitor_actions import monitor_run

        result = act(monitor_run, get_current_context(), use_case)
        log.info("%s", result.outcome)
        return str(result.outcome)

    return _monitor()


def decide_retrain(use_case: str) -> Any:
    """Task: decide whether drift leads to a retrain, within cooldown and budget; raises the drift asset if so."""
    asset = drift_asset(use_case)

    @task(task_id="decide_retrain", outlets=[asset], doc_md="Retrain or wait, with the reason, as one event.")
    def _decide(*, outlet_events: Any) -> str:
        from datetime import UTC, datetime

        from mlops import retrain

        def decide(_settings: Any, declaration: Any, ledger: Any, run: Any) -> Any:
            return retrain.decide_retrain(ledger, declaration, run, datetime.now(UTC))

        decision = act(decide, get_current_context(), use_case)
        log.info("%s: %s", decision.decision, decision.reason)
        announce(outlet_events, {asset: [decision.drift_key] if decision.decision == "retrain" else []})
        return str(decision.decision)

    return _decide()
