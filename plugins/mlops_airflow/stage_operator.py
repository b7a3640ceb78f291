"""StageOperator: one stage of the pipeline as an Airflow task.

The stage runs in a fresh process (``mlops stage …``) in a session of its own, so no task process ever holds torch, and
a task process, a worker or a scheduler may die without the stage noticing. The next try finds the process by the folder
it was started in and goes on reading; it starts a second one only when the first is gone without a word.

====  =======================  =====================================================
exit  raised                   the task's state
====  =======================  =====================================================
0     –                        success
10    StageBlockedError        failed at once: a gate said no, and trying again gives the same answer
20    StageInputError          failed at once: somebody has to correct the input
–     BudgetSpentError         failed at once: the run's time (``budget.max_minutes``) is over, the stage was stopped
1     StageInterruptedError    retried; the stage goes on from what was sealed or from its checkpoint
1     AirflowRescheduleException  waits and tries again, while another live attempt holds the same work
====  =======================  =====================================================
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowRescheduleException

from mlops.artifacts import storage_error
from mlops.settings import Settings, load_settings
from mlops_airflow import stage_process
from mlops_airflow.links import ReleaseLink, ReportLink
from mlops_airflow.run_ids import run_of
from mlops_airflow.stage_command import StageCommand
from mlops_airflow.stage_process import BLOCKED, DONE, WRONG, StageProcess, Tail
from mlops_airflow.trigger import actor_of, more_settings

LEASE_HELD = "LEDGER-020"
_POLL_SECONDS = 0.2
_PROGRESS_SECONDS = 5.0


class StageBlockedError(AirflowFailException):
    """A gate blocked the stage; its reason is in the text."""


class StageInputError(AirflowFailException):
    """Input, configuration or usage is wrong; the text says where and what to do."""


class StageInterruptedError(AirflowException):
    """The stage failed or was stopped, and may be retried."""


class BudgetSpentError(AirflowFailException):
    """The run has used up the time that its use case gives it."""


class StageOperator(BaseOperator):
    """Run one stage of a use case.

    Args:
        stage: its name, from ``mlops.pipeline``.
        use_case: name of the use case.
        budget_seconds: a stage is stopped so long after its DAG run began (or was cleared); training has then saved a
            checkpoint.
        silence_seconds: a stage that shows no sign of life for so long is stopped and retried; must be well above
            ``MLOPS_HEARTBEAT_SECONDS``.
        grace_seconds: time between SIGTERM and SIGKILL, in which training saves a checkpoint.
    """

    operator_extra_links = (ReportLink(), ReleaseLink())
    ui_color = "#e8f0fe"

    def __init__(
        self,
        *,
        stage: str,
        use_case: str,
        budget_seconds: float = float("inf"),
        silence_seconds: float = 180.0,
        grace_seconds: float = 60.0,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("retries", 2)
        kwargs.setdefault("retry_delay", timedelta(seconds=15))
        super().__init__(**kwargs)
        self.stage = stage
        self.use_case = use_case
        self.budget_seconds = budget_seconds
        self.silence_seconds = silence_seconds
        self.grace_seconds = grace_seconds
        self._process: StageProcess | None = None

    def execute(self, context: Any) -> dict[str, Any]:
        """Start the stage or take up the one that runs, follow it to its end, and return digests.

        Returns:
            ``run``, ``stage``, ``artifact`` (digest) and ``hit``; never a value of the data.
        """
        settings = load_settings()
        dag_run = context["dag_run"]
        command = StageCommand(
            self.stage, self.use_case, run_of(self.dag_id, dag_run.run_id), actor_of(dag_run), more_settings(dag_run)
        )
        # max_tries grows with every clear and with nothing else, so a cleared task never takes up an old result.
        tries = settings.runs / command.run / self.stage / f"task-{context['ti'].max_tries}"
        left = self.budget_seconds - (datetime.now(UTC) - dag_run.start_date).total_seconds()
        self._process = _taken_up(tries) or self._started(command, tries)
        self.log.info("stage %s: process %d, folder %s", self.stage, self._process.pid, self._process.folder)
        return self._followed(self._process, settings, command, time.monotonic() + max(0.0, left))

    def _started(self, command: StageCommand, tries: Path) -> StageProcess:
        number = 1 + max((int(path.name) for path in tries.glob("[0-9]*")), default=0)
        try:
            return stage_process.start(command.argv(), command.environment(), tries / str(number))
        except OSError as error:
            raise StageInterruptedError(str(storage_error(error, tries))) from None

    def _followed(
        self, process: StageProcess, settings: Settings, command: StageCommand, limit: float
    ) -> dict[str, Any]:
        follow = _log_lines(process, settings.runs / command.run / self.stage, self.log.info)
        size, heard = 0, time.monotonic()
        while stage_process.alive(process):
            next(follow)
            if (now := _size(process.folder / stage_process.OUTPUT)) != size:
                size, heard = now, time.monotonic()  # not the file's time: clocks jump
            if time.monotonic() - heard > self.silence_seconds:
                self.log.error("no sign of life for %.0f s: the stage is stopped", self.silence_seconds)
                stage_process.stop(process, self.grace_seconds)
            if time.monotonic() > limit:
                stage_process.stop(process, self.grace_seconds)
                (process.folder / stage_process.TAKEN).touch()
                raise BudgetSpentError(
                    f"{self.stage} was stopped: the use case's budget (budget.max_minutes) is spent — raise it, or "
                    "clear the task: it goes on from what was sealed or from its checkpoint"
                )
            time.sleep(_POLL_SECONDS)
        next(follow)
        ended = stage_process.ended(process)
        (process.folder / stage_process.TAKEN).touch()  # the next try starts anew
        if ended is None:
            raise StageInterruptedError(_silent_end(process, self.stage))
        return _answer(self.stage, command.run, *ended)

    def on_kill(self) -> None:
        """Stop the stage: the task was cleared, marked, timed out, or its worker is shutting down."""
        if self._process is not None:
            stage_process.stop(self._process, self.grace_seconds)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _taken_up(tries: Path) -> StageProcess | None:
    """The newest process of this task that still runs, or that ended while nobody listened."""
    folders = sorted((path for path in tries.glob("[0-9]*")), key=lambda path: int(path.name))
    process = stage_process.find(folders[-1]) if folders else None
    if process is None or (process.folder / stage_process.TAKEN).exists():
        return None
    return process if stage_process.alive(process) or stage_process.ended(process) else None


def _answer(stage: str, run: str, code: int, last: dict[str, Any]) -> dict[str, Any]:
    if code == DONE:
        return {"run": run, "stage": stage, "artifact": last["artifact"], "hit": last["hit"]}
    if code == BLOCKED:
        raise StageBlockedError(f"{stage} is blocked: {last['reason']} (see: mlops runs show {run})")
    if code == WRONG:
        raise StageInputError(str(last["error"]))
    if last["code"] == LEASE_HELD:
        raise AirflowRescheduleException(datetime.now(UTC) + timedelta(seconds=20))
    raise StageInterruptedError(str(last["error"]))


def _silent_end(process: StageProcess, stage: str) -> str:
    said = (process.folder / stage_process.ERRORS).read_text(encoding="utf-8", errors="replace").splitlines()
    error = " ".join(line for line in said if line.startswith("error:"))
    return error or f"{stage} ended without a word (killed, or out of memory); what was sealed is kept"


def _log_lines(process: StageProcess, stage_folder: Path, say: Callable[[str], None]) -> Iterator[None]:
    """At each step: write what the stage reported, and what libraries printed, into the task's log."""
    report = Tail(process.folder / stage_process.OUTPUT, process.folder / "output.place")
    printed: Tail | None = None
    spoke = 0.0
    while True:
        for line in report.lines():
            item = _parsed(line)
            if item.get("event") == "started":
                attempt = stage_folder / str(item["attempt"])
                printed = Tail(attempt / "log.txt", process.folder / "log.place")
            now = time.monotonic()
            is_progress = item.get("event") == "progress"
            if is_progress and item.get("done") != item.get("total") and now - spoke < _PROGRESS_SECONDS:
                continue
            spoke = now if is_progress else spoke
            if text := _sentence(item):
                say(text)
        if printed is not None:
            for line in printed.lines():
                say(f"| {line}")
        yield


def _parsed(line: str) -> dict[str, Any]:
    try:
        item = json.loads(line)
    except ValueError:
        return {}
    return item if isinstance(item, dict) else {}


def _sentence(item: dict[str, Any]) -> str:
    kind = item.get("event")
    if kind == "started":
        return f"{item['stage']}: attempt {item['attempt']}, key {item['key']}"
    if kind == "progress":
        total = "" if item["total"] is None else f" of {item['total']}"
        return f"{item['done']}{total} {item['what']}"
    if kind == "finished":
        how = "unchanged, from the store" if item["hit"] else f"{item['seconds']} s"
        return f"{item['stage']} {item['outcome']} ({how}), artifact {item['artifact']}"
    if kind in ("failed", "warning"):
        return str(item.get("error") or item.get("message"))
    return ""
