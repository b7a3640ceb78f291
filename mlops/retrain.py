"""Does a declared drift start a training? One ledger transaction per monitor run, decided once.

Time is judged by the order of events (``settled_times``): a clock that was ahead cannot make the use case wait for
longer than one cooldown after its correction, and one that jumps ahead cannot start two trainings, because a decision
to retrain counts as the beginning of one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from mlops.artifacts import canonical_json, digest_bytes
from mlops.ledger.events import Event, transaction
from mlops.ledger.store import Ledger
from mlops.ledger.times import settled_times
from mlops.monitoring.config import RetrainSection
from mlops.monitoring.errors import MonitoringError
from mlops.registry.state import champion
from mlops.runs import Run
from mlops.use_case import Declaration

_KINDS = (
    "run_started",
    "stage_started",
    "stage_done",
    "stage_failed",
    "run_finished",
    "monitored",
    "retrain_decided",
    "promoted",
    "rolled_back",
)
_BUDGET_DAYS = 30


@dataclass(frozen=True)
class Decision:
    """The answer to one monitor run.

    Attributes:
        reason: why, in words.
        drift_key: digest that names this drift (champion and data), for the trigger of the training run; None when
            no drift was declared.
        fresh: whether it was decided now; False when it stood in the ledger already.
    """

    use_case: str
    run: str
    decision: Literal["retrain", "wait"]
    reason: str
    drift_key: str | None
    fresh: bool


def decide_retrain(ledger: Ledger, declaration: Declaration, run: Run, now: datetime) -> Decision:
    """Decide whether the drift that ``run`` declared starts a training; recorded once per monitor run.

    Args:
        now: with a time zone; ages are taken from it and from the order of events.

    Raises:
        MonitoringError: MONITORING-005, the run was not monitored.
    """
    with transaction(ledger) as tx:
        past = tx.events(kinds=_KINDS, use_case=run.use_case)
        monitored = [event for event in past if event.kind == "monitored" and event.run == run.id]
        if not monitored:
            raise MonitoringError(
                "MONITORING-005",
                "expected a monitored run, found no outcome of the monitor",
                where=run.id,
                todo=f"monitor it first: mlops monitor {run.use_case} --run {run.id}",
            )
        found = monitored[-1].body
        refusal = _refusal(past, found, declaration.use_case.monitoring.retrain, run.use_case, now)
        body = {
            "decision": "wait" if refusal else "retrain",
            "reason": refusal or "drift is declared, and neither cooldown nor budget stands against it",
            "drift_key": drift_key(found) if found["drift"] else None,
        }
        once = f"retrain/{run.id}"
        event, fresh = tx.append_once("retrain_decided", body, once=once, use_case=run.use_case, run=run.id)
    return Decision(run.use_case, run.id, event.body["decision"], event.body["reason"], event.body["drift_key"], fresh)


def drift_key(monitored: dict[str, Any]) -> str:
    """Name of a drift: the same data against the same champion is the same drift."""
    return digest_bytes(canonical_json({"champion": monitored["champion"], "current": monitored["current"]}))


def training_starts(past: Sequence[Event]) -> Iterator[Event]:
    """Beginnings of attempts at ``train`` that did work: an attempt that ended as a hit trained nothing.

    An attempt that is under way or failed counts, because it costs.
    """
    hits = {event.attempt for event in past if _of_train(event, "stage_done") and event.body.get("hit")}
    return (event for event in past if _of_train(event, "stage_started") and event.attempt not in hits)


def _of_train(event: Event, kind: str) -> bool:
    return event.kind == kind and event.stage == "train"


def _refusal(
    past: Sequence[Event], monitored: dict[str, Any], rules: RetrainSection, use_case: str, now: datetime
) -> str | None:
    """Why not to retrain, or None."""
    if not monitored["drift"]:
        return f"no drift is declared: {monitored['consecutive_alarms']} of {monitored['alarm_after']} alarms in a row"
    if champion(past, use_case) != monitored["champion"]:
        return "the champion changed since the comparison; the next monitor run compares with the new one"
    if not rules.automatic:
        return f"a person decides (monitoring.retrain.automatic is false): mlops run {use_case}"
    return _too_soon(past, rules, now)


def _too_soon(past: Sequence[Event], rules: RetrainSection, now: datetime) -> str | None:
    times = settled_times(past, now)
    starts = list(training_starts(past))
    decided = [event for event in past if event.kind == "retrain_decided" and event.body["decision"] == "retrain"]
    newest = max((times[event.seq] for event in (*starts, *decided)), default=None)
    if newest is not None and now - newest < timedelta(hours=rules.cooldown_hours):
        hours = (now - newest).total_seconds() / 3600
        return f"cooldown: the newest training began {hours:.1f} hours ago, {rules.cooldown_hours:g} are needed"
    since = now - timedelta(days=_BUDGET_DAYS)
    runs = {event.run for event in starts if times[event.seq] > since}
    waiting = [event for event in decided if times[event.seq] > since and not _answered(event, past)]
    count = len(runs) + len(waiting)
    if count >= rules.max_runs_per_30_days:
        return f"budget: {count} trainings in {_BUDGET_DAYS} days, {rules.max_runs_per_30_days} are allowed"
    return None


def _answered(decision: Event, past: Sequence[Event]) -> bool:
    """Did the run begin that the decision asked for? Until then the decision stands for it."""
    return any(
        event.kind == "run_started"
        and event.seq > decision.seq
        and event.body.get("trigger", {}).get("key") == decision.body["drift_key"]
        for event in past
    )
