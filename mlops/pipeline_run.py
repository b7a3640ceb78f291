"""The whole pipeline of a use case in one go: each stage in a fresh subprocess, then promotion and verification."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlops.attempt import Pulse, StopRequest, first_heartbeat
from mlops.ledger import heartbeats, leases
from mlops.ledger.events import append
from mlops.ledger.store import Ledger
from mlops.pipeline import STAGE_NAMES
from mlops.registry.verification import VerifyReport, verify_release
from mlops.release_actions import promote_if_due
from mlops.runs import Run, start_run
from mlops.settings import Settings
from mlops.stage_runner import BLOCKED, DONE, FAILED
from mlops.use_case import Declaration

PARENT = "MLOPS_PARENT_PID"
_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class StageResult:
    """How one stage of a run ended: its exit code and the last object it reported."""

    stage: str
    code: int
    seconds: float
    last: dict[str, Any]


@dataclass(frozen=True)
class RunResult:
    """How a run ended.

    Attributes:
        code: exit code: 0, 1, 10 or 20.
        results: stages in order, up to the first that did not end with 0.
        release: the registered release, or None.
        promotion: what became of it, in words.
        verification: the answer of ``mlops verify``, or None without a release.
    """

    run: Run
    code: int
    seconds: float
    results: tuple[StageResult, ...]
    release: str | None = None
    promotion: str = ""
    verification: VerifyReport | None = None
    next_steps: tuple[str, ...] = field(default=())


def end_with_parent() -> None:
    """Ask Linux to send SIGTERM to this process when the ``mlops run`` that started it dies, however it dies."""
    parent = os.environ.get(PARENT)
    if parent is None or not sys.platform.startswith("linux"):
        return
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
    if os.getppid() != int(parent):
        os.kill(os.getpid(), signal.SIGTERM)


def run_pipeline(
    settings: Settings,
    declaration: Declaration,
    ledger: Ledger,
    run_id: str,
    report: Callable[[dict[str, Any]], None],
    *,
    unapproved: bool = False,
) -> RunResult:
    """Run all stages, then promote as the use case says, then verify the release.

    Args:
        report: receives each stage's ``started``, ``progress``, ``finished`` and ``failed`` objects for display.
        unapproved: as :func:`mlops.runs.start_run` takes it.

    Raises:
        LeaseHeldError: another ``mlops run`` of this use case is alive.
        MlopsError: the run cannot start (contract, base model).
    """
    name = declaration.use_case.name
    holder = leases.this_process(f"mlops run {name}")
    lease = leases.acquire(ledger, f"run/{name}", holder, settings.lease_seconds)
    began = time.monotonic()
    try:
        run = start_run(settings, declaration, ledger, run_id, unapproved=unapproved)
        heartbeats.clear_stage(ledger, name, "run")  # what a killed run left
        stop = StopRequest(graceful=True)
        with stop.listening(), run_pulse(settings, ledger, lease, run, "run", stop).beating():
            results = tuple(run_stages(settings, declaration, run, report, stop, began))
        code = results[-1].code
        ended = RunResult(run, code, time.monotonic() - began, results)
        if code == DONE:
            ended = _released(settings, declaration, ledger, run, results, began)
        outcome = {DONE: "done", BLOCKED: "blocked"}.get(ended.code, "failed")
        append(
            ledger, "run_finished", {"outcome": outcome, "seconds": round(ended.seconds, 3)}, use_case=name, run=run_id
        )
        return ended
    finally:
        leases.release(ledger, lease)


def run_pulse(settings: Settings, ledger: Ledger, lease: leases.Lease, run: Run, kind: str, stop: StopRequest) -> Pulse:
    """What keeps the lease of a whole run and says that it lives; who loses the lease is asked to stop.

    Args:
        kind: ``run`` or ``monitor``; the heartbeat stands where a stage's would.
    """
    beat = first_heartbeat(f"{kind}-{run.id}", run.use_case, run.id, kind)
    return Pulse(ledger, lease, beat, settings.heartbeat_seconds, settings.lease_seconds, stop, overtaken=stop.ask)


def run_stages(
    settings: Settings,
    declaration: Declaration,
    run: Run,
    report: Callable[[dict[str, Any]], None],
    stop: StopRequest,
    began: float,
    names: Sequence[str] = STAGE_NAMES,
) -> Iterator[StageResult]:
    """Run stages in order, each in a fresh subprocess, up to the first that is not done.

    Args:
        stop: passed on to the stage under way; no other one is begun then.
        began: ``time.monotonic()`` from which the use case's budget counts.
        names: the stages; all of them by default.
    """
    limit = began + declaration.use_case.budget.max_minutes * 60
    for name in names:
        result = _one_stage(settings, declaration, run, name, report, stop, limit)
        yield result
        if result.code != DONE:
            return


def _one_stage(
    settings: Settings,
    declaration: Declaration,
    run: Run,
    name: str,
    report: Callable[[dict[str, Any]], None],
    stop: StopRequest,
    limit: float,
) -> StageResult:
    began = time.monotonic()
    if stop.requested:
        return StageResult(name, FAILED, 0.0, {"event": "failed", "stage": name, "error": f"stopped by {stop.reason}"})
    command = [sys.executable, "-m", "mlops", "stage", name, "--json"]
    command += ["--use-case", str(declaration.source.path), "--run", run.id]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C reaches us alone, and we ask the stage to stop
        env={**os.environ, **_child_settings(settings), PARENT: str(os.getpid())},
    )
    with _watchdog(process, stop, limit):
        last = _follow(process, report)
        errors = process.stderr.read() if process.stderr else ""
        code = process.wait()
    if code not in (DONE, BLOCKED):
        told = last.get("event") == "failed"
        last = _failure(name, code, last if told else {}, errors.strip(), stop)
        if not told:
            report(last)
    return StageResult(name, code if code >= 0 else FAILED, time.monotonic() - began, last)


def _failure(name: str, code: int, last: dict[str, Any], errors: str, stop: StopRequest) -> dict[str, Any]:
    """The last word of a stage that failed: its own, or ours where it was stopped or could say nothing."""
    failed = {"event": "failed", "stage": name, **last}
    if stop.requested and code in (FAILED, -signal.SIGTERM):
        return {**failed, "error": f"stopped by {stop.reason}; what was finished is kept"}
    return failed if last else {**failed, "error": errors or _died(name, code)}


def _died(name: str, code: int) -> str:
    reason = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    return f"stage {name} died ({reason}); run again: it goes on from what was sealed"


def _child_settings(settings: Settings) -> dict[str, str]:
    return {"MLOPS_ROOT": str(settings.root), "MLOPS_WORKSPACE": str(settings.work)}


@contextlib.contextmanager
def _watchdog(process: subprocess.Popen[str], stop: StopRequest, limit: float) -> Iterator[None]:
    """Pass a stop request on to the stage, and stop it when the budget is spent."""
    ended = threading.Event()

    def watch() -> None:
        asked = False
        while not ended.wait(_POLL_SECONDS):
            if time.monotonic() > limit and not stop.requested:
                stop.ask("the budget of the use case (budget.max_minutes)")
            if stop.requested and not asked:
                asked = True
                with contextlib.suppress(ProcessLookupError):
                    process.terminate()

    thread = threading.Thread(target=watch, name="watchdog", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _follow(process: subprocess.Popen[str], report: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    last: dict[str, Any] = {}
    assert process.stdout is not None
    for line in process.stdout:
        try:
            item = json.loads(line)
        except ValueError:
            continue
        if item["event"] == "beat":
            continue
        last = item
        report(last)
    return last


def _released(
    settings: Settings,
    declaration: Declaration,
    ledger: Ledger,
    run: Run,
    results: tuple[StageResult, ...],
    began: float,
) -> RunResult:
    promotion = promote_if_due(settings, declaration, ledger, run)
    verification = verify_release(
        settings.work, promotion.release, root=settings.root, trusted=settings.trusted_keys_folder, ledger=ledger
    )
    code = DONE if verification.ok else FAILED
    return RunResult(
        run,
        promotion.error.exit_code if promotion.error else code,
        time.monotonic() - began,
        results,
        promotion.release,
        promotion.said,
        verification,
        promotion.next_steps,
    )
