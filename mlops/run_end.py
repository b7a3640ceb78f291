"""How an orchestrator's run ended, as events: each passage ends once, whatever is retried, cleared or marked."""

from __future__ import annotations

from mlops.ledger.events import transaction
from mlops.ledger.store import Ledger
from mlops.runs import RunError


def record_state(
    ledger: Ledger, use_case: str, run: str, *, state: str, dag_run: str, clear_number: int, seconds: float
) -> None:
    """Enter a state of a DAG run, and with its first end since the last clear also ``run_finished``.

    Args:
        state: ``running``, ``success`` or ``failed``.
        clear_number: how often the DAG run was cleared; each time is a passage of its own.
        seconds: wall-clock seconds of the passage.

    Raises:
        RunError: the state is none of the three.
        LedgerUnavailableError: nothing was recorded.
    """
    if state not in ("running", "success", "failed"):
        raise RunError("RUN-006", "expected running, success or failed", where=run, todo="report this bug")
    passage = f"{run}/{clear_number}"
    body = {"dag_run": dag_run, "clear_number": clear_number, "state": state}
    with transaction(ledger) as tx:
        past = tx.events(run=run)
        tx.append_once("dag_run_state", body, once=f"dag_run/{passage}/{state}", use_case=use_case, run=run)
        if state == "running" or not any(event.kind == "run_started" for event in past):
            return
        last = [event.body["outcome"] for event in past if event.kind == "stage_done"][-1:]
        outcome = "done" if state == "success" else "blocked" if last == ["blocked"] else "failed"
        finished = {"outcome": outcome, "seconds": round(seconds, 3)}
        tx.append_once("run_finished", finished, once=f"run_finished/{passage}", use_case=use_case, run=run)
