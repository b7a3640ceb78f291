"""How a run ended, read back from the ledger: the same result that ``mlops run`` holds when it ends."""

from __future__ import annotations

from typing import Any

from mlops.approval_request import release_of_run
from mlops.errors import MlopsError
from mlops.ledger.events import Event, events
from mlops.ledger.store import Ledger
from mlops.pipeline import STAGES
from mlops.pipeline_run import RunResult, StageResult
from mlops.registry.state import KINDS, history, standing
from mlops.registry.verification import VerifyReport
from mlops.release_actions import verify_here
from mlops.runs import Run, RunError
from mlops.settings import Settings
from mlops.stage_runner import BLOCKED, DONE, FAILED, WRONG


def recorded_result(settings: Settings, ledger: Ledger, run: Run, seconds: float) -> RunResult:
    """The result of a run whose stages somebody else ran, e.g. Airflow.

    Args:
        seconds: how long it took, as its caller measured it.
    """
    found = events(ledger, kinds=["stage_done", "stage_failed"], run=run.id)
    results = tuple(_results(found))
    code = results[-1].code if results else FAILED
    release, said, verification = _release(settings, ledger, run)
    if verification is None or not verification.ok:
        code = code or FAILED
    steps = (f"mlops registry show {release}", f"mlops registry rollback {run.use_case} --reason WHY")
    return RunResult(run, code, seconds, results, release, said, verification, steps if release else ())


def _results(found: list[Event]) -> list[StageResult]:
    newest = {event.stage: event for event in found}
    results: list[StageResult] = []
    for stage in STAGES:
        event = newest.get(stage.name)
        if event is None:
            return results
        results.append(StageResult(stage.name, _code(event), float(event.body["seconds"]), _last(event)))
        if results[-1].code != DONE:
            return results
    return results


def _code(event: Event) -> int:
    if event.kind == "stage_failed":
        return FAILED if event.body["retryable"] else WRONG
    return DONE if event.body["outcome"] == "done" else BLOCKED


def _last(event: Event) -> dict[str, Any]:
    if event.kind == "stage_failed":
        return {"event": "failed", "error": f"{event.body['code']} {event.body['message']}", **event.body}
    return {"event": "finished", **event.body}


def _release(settings: Settings, ledger: Ledger, run: Run) -> tuple[str | None, str, VerifyReport | None]:
    """The run's release, where it stands, and the answer of ``mlops verify``; an earlier run may have registered it."""
    try:
        release = release_of_run(ledger, run)
    except RunError:
        return None, "", None
    said = standing(release, history(events(ledger, kinds=KINDS), run.use_case)).replace("_", " ")
    try:
        return release.release, said, verify_here(settings, ledger, release.release)
    except MlopsError as error:
        return release.release, f"{said}; could not be verified: {error}", None
