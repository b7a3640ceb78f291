"""A whole monitor run in one go: the stages up to mask, each in a fresh subprocess, then monitor and decision."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mlops.attempt import StopRequest
from mlops.ledger import leases
from mlops.ledger.events import append_once
from mlops.ledger.store import Ledger
from mlops.monitor_actions import MONITOR_STAGES, MonitorResult, monitor_run
from mlops.pipeline_run import StageResult, run_pulse, run_stages
from mlops.retrain import Decision, decide_retrain
from mlops.runs import Run, stage_results, start_run
from mlops.settings import Settings
from mlops.stage_runner import BLOCKED, DONE, WRONG
from mlops.use_case import Declaration


@dataclass(frozen=True)
class MonitorRun:
    """How a monitor run ended.

    Attributes:
        code: 0 no alarm, or no champion to compare with; 10 alarm; 20 not evaluated because of its data; 1 may be
            retried.
        results: the stages that were run now, up to the first that was not done.
        monitored, decision: None when a stage failed, so that there was nothing to look at.
    """

    run: Run
    code: int
    seconds: float
    results: tuple[StageResult, ...]
    monitored: MonitorResult | None = None
    decision: Decision | None = None


def run_monitor(
    settings: Settings, declaration: Declaration, ledger: Ledger, run_id: str, report: Callable[[dict[str, Any]], None]
) -> MonitorRun:
    """Begin ``run_id`` or go on with it: run the stages that it lacks, monitor it, decide whether to retrain.

    Args:
        report: receives each stage's objects for display.

    Raises:
        LeaseHeldError: another ``mlops monitor`` of this use case is alive.
        MlopsError: the run cannot start, or its data cannot be compared.
    """
    name = declaration.use_case.name
    holder = leases.this_process(f"mlops monitor {name}")
    lease = leases.acquire(ledger, f"monitor/{name}", holder, settings.lease_seconds)
    began = time.monotonic()
    try:
        run = start_run(settings, declaration, ledger, run_id, trigger={"kind": "manual"})
        stop = StopRequest(graceful=True)
        with stop.listening(), run_pulse(settings, ledger, lease, run, "monitor", stop).beating():
            missing = [stage for stage in MONITOR_STAGES if stage not in stage_results(ledger, run_id)]
            results = tuple(run_stages(settings, declaration, run, report, stop, began, missing))
            ended = _monitored(settings, declaration, ledger, run, results, began)
        _finish(ledger, ended)
        return ended
    finally:
        leases.release(ledger, lease)


def _monitored(
    settings: Settings,
    declaration: Declaration,
    ledger: Ledger,
    run: Run,
    results: tuple[StageResult, ...],
    began: float,
) -> MonitorRun:
    code = results[-1].code if results else DONE
    if code not in (DONE, BLOCKED):
        return MonitorRun(run, code, time.monotonic() - began, results)
    monitored = monitor_run(settings, declaration, ledger, run)
    decision = decide_retrain(ledger, declaration, run, datetime.now(UTC))
    return MonitorRun(run, exit_code(monitored), time.monotonic() - began, results, monitored, decision)


def exit_code(monitored: MonitorResult) -> int:
    """0 no alarm, or no champion to compare with; 10 alarm; 20 not evaluated because of the data."""
    if monitored.outcome == "not_evaluated":
        return DONE if monitored.champion is None and monitored.current is not None else WRONG
    return BLOCKED if monitored.outcome == "alarm" else DONE


def _finish(ledger: Ledger, ended: MonitorRun) -> None:
    """Record the end once. An alarm is a run that did its work; one that may be retried has not ended."""
    if ended.monitored is None and ended.code != WRONG:
        return
    blocked = bool(ended.results) and ended.results[-1].code == BLOCKED
    outcome = "failed" if ended.monitored is None else "blocked" if blocked else "done"
    body = {"outcome": outcome, "seconds": round(ended.seconds, 3)}
    run = ended.run
    append_once(ledger, "run_finished", body, once=f"monitor-finished/{run.id}", use_case=run.use_case, run=run.id)
