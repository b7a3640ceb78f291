"""StageOperator without a scheduler: exit codes to exceptions, taking up, silence, disks that refuse."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowRescheduleException

from mlops_airflow import stage_operator, stage_process
from mlops_airflow.run_ids import run_of
from mlops_airflow.stage_command import StageCommand
from mlops_airflow.stage_operator import (
    BudgetSpentError,
    StageBlockedError,
    StageInputError,
    StageInterruptedError,
    StageOperator,
)

DIGEST = "sha256:" + "a" * 64
FINISHED = {"event": "finished", "stage": "mask", "artifact": DIGEST, "hit": False, "reason": "too much", "seconds": 1}


@pytest.fixture
def operator() -> StageOperator:
    return StageOperator(task_id="mask", stage="mask", use_case="small", silence_seconds=2.0, grace_seconds=1.0)


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    (tmp_path / "use_cases").mkdir()
    monkeypatch.setenv("MLOPS_ROOT", str(tmp_path))
    dag_run = SimpleNamespace(
        run_id="r1",
        triggering_user_name="author",
        partition_key=None,
        logical_date=None,
        run_after=None,
        start_date=datetime.now(UTC),
    )
    return {"dag_run": dag_run, "ti": SimpleNamespace(max_tries=2)}


def _stage_says(monkeypatch: pytest.MonkeyPatch, *items: dict[str, Any], then: str = "") -> None:
    """Let the stage's command be a program that reports these objects."""
    lines = "".join(json.dumps(item) + "\n" for item in items)
    code = f"import sys, time; sys.stdout.write({lines!r}); sys.stdout.flush(); {then}"
    monkeypatch.setattr(StageCommand, "argv", lambda _self: [sys.executable, "-c", code])


def _tries(tmp_path: Path, operator: StageOperator) -> Path:
    return tmp_path / "workspace" / "runs" / run_of(operator.dag_id, "r1") / "mask" / "task-2"


def test_done_gives_digests_only(
    operator: StageOperator, context: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    _stage_says(monkeypatch, {**FINISHED, "outcome": "done"})
    run = run_of(operator.dag_id, "r1")
    assert operator.execute(context) == {"run": run, "stage": "mask", "artifact": DIGEST, "hit": False}


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        pytest.param({**FINISHED, "outcome": "blocked"}, StageBlockedError, id="10 blocked"),
        pytest.param(
            {"event": "failed", "retryable": False, "error": "e", "code": "X-1"}, StageInputError, id="20 wrong input"
        ),
        pytest.param(
            {"event": "failed", "retryable": True, "error": "e", "code": "X-1"}, StageInterruptedError, id="1 retry"
        ),
        pytest.param(
            {"event": "failed", "retryable": True, "error": "e", "code": "LEDGER-020"},
            AirflowRescheduleException,
            id="another attempt holds the lease",
        ),
        pytest.param({"event": "beat"}, StageInterruptedError, id="died without a word"),
    ],
)
def test_an_end_becomes_the_state_that_airflow_needs(
    operator: StageOperator,
    context: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    last: dict[str, Any],
    expected: type[Exception],
) -> None:
    _stage_says(monkeypatch, last)
    with pytest.raises(expected) as raised:
        operator.execute(context)
    assert issubclass(expected, AirflowFailException) == (expected in (StageBlockedError, StageInputError))
    if expected is StageBlockedError:
        assert "too much" in str(raised.value)


def test_what_ended_while_nobody_listened_is_not_done_again(
    operator: StageOperator, context: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _stage_says(monkeypatch, {**FINISHED, "outcome": "done"})
    operator.execute(context)
    (_tries(tmp_path, operator) / "1" / stage_process.TAKEN).unlink()  # as if the task had died before it was told
    operator.execute(context)
    assert [path.name for path in _tries(tmp_path, operator).iterdir()] == ["1"]


def test_a_clear_starts_anew(
    operator: StageOperator, context: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _stage_says(monkeypatch, {**FINISHED, "outcome": "done"})
    operator.execute(context)
    context["ti"].max_tries = 3
    operator.execute(context)
    assert (_tries(tmp_path, operator).parent / "task-3" / "1").is_dir()


def test_a_silent_stage_is_stopped_and_retried(
    operator: StageOperator, context: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    _stage_says(monkeypatch, {"event": "started", "stage": "mask", "attempt": "a", "key": "k"}, then="time.sleep(120)")
    with pytest.raises(StageInterruptedError, match="ended without a word"):
        operator.execute(context)
    assert operator._process is not None
    assert not stage_process.alive(operator._process)


def test_a_run_beyond_its_budget_is_stopped_and_not_retried(
    operator: StageOperator, context: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    operator.budget_seconds = 600
    context["dag_run"].start_date = datetime.now(UTC) - timedelta(minutes=11)
    _stage_says(monkeypatch, {"event": "started", "stage": "mask", "attempt": "a", "key": "k"}, then="time.sleep(120)")
    with pytest.raises(BudgetSpentError, match=r"budget\.max_minutes"):
        operator.execute(context)
    assert issubclass(BudgetSpentError, AirflowFailException)
    assert operator._process is not None
    assert not stage_process.alive(operator._process)


def test_a_disk_that_refuses_says_where_and_what_to_do(
    operator: StageOperator, context: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "workspace").write_text("a file where a folder should be")
    with pytest.raises(StageInterruptedError, match=r"ARTIFACT-003 could not write .* free space"):
        operator.execute(context)


def test_the_log_is_told_in_sentences_without_data(tmp_path: Path) -> None:
    told: list[str] = []
    process = stage_process.StageProcess(tmp_path / "1", 0, 0, "", "")
    process.folder.mkdir()
    (tmp_path / "attempt").mkdir()
    (tmp_path / "attempt" / "log.txt").write_text("a library's line\n")
    items = [
        {"event": "started", "stage": "mask", "attempt": "attempt", "key": "k"},
        {"event": "progress", "done": 1, "total": 2, "what": "rows"},
        {"event": "beat"},
        {**FINISHED, "outcome": "done"},
    ]
    (process.folder / stage_process.OUTPUT).write_text("".join(json.dumps(item) + "\n" for item in items))
    next(stage_operator._log_lines(process, tmp_path, told.append))
    assert told[-1] == "| a library's line"
    assert told[-2] == f"mask done (1 s), artifact {DIGEST}"
