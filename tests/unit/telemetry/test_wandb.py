"""The W&B sink: read back with W&B's own reader, no data in it, and never in the way of a run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlops.ledger.events import append
from mlops.ledger.heartbeats import Heartbeat, beat
from mlops.ledger.store import Ledger
from mlops.telemetry import wandb_sink
from mlops.telemetry.errors import SinkUnavailableError
from mlops.telemetry.replay import replay_all, replay_wandb
from mlops.telemetry.wandb_writer import rows

TRACER = "TRACER-7f3a-jane.doe@example.org"


def read_back(place: Path) -> list[dict[str, Any]]:
    (file,) = place.glob("wandb/offline-run-*/run-*.wandb")
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_run_holds_the_series_and_no_data(
    ledger: Ledger,
    workspace: Path,
    stage_done: Callable[..., None],
    series: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", TRACER)
    monkeypatch.setenv("WANDB_NOTES", TRACER)
    monkeypatch.setenv("SOME_SECRET", TRACER)
    series("a1", points=5, extra={"sample_text": TRACER, TRACER: 1.0, "grad_norm": float("nan")})
    stage_done("train", attempt="a1", figures={"final_loss": 0.2, "tokens": 10, "steps": 5, "sample": TRACER})
    (place,) = replay_wandb(ledger, workspace)
    records = read_back(place)
    points = [record["history"]["item"] for record in records if record["type"] == "history"]
    assert [point["train/global_step"] for point in points] == [0, 1, 2, 3, 4]
    assert [point["train/loss"] for point in points] == [1, 0.5, pytest.approx(1 / 3), 0.25, 0.2]
    (run,) = (record["run"] for record in records if record["type"] == "run")
    assert (run["run_id"], run["run_group"], run["job_type"]) == ("run-1-train-a1", "run-1", "train")
    assert any(record["type"] == "exit" for record in records)
    written = [path for path in (workspace / "wandb").rglob("*") if path.is_file()]
    assert written
    for path in written:
        assert TRACER.encode() not in path.read_bytes(), path


def test_each_attempt_is_written_one_time(
    ledger: Ledger, workspace: Path, stage_done: Callable[..., None], series: Callable[..., Path]
) -> None:
    series("a1")
    stage_done("train", attempt="a1")
    (place,) = replay_wandb(ledger, workspace)
    before = sorted(str(path) for path in place.rglob("*"))
    assert replay_wandb(ledger, workspace) == []
    assert sorted(str(path) for path in place.rglob("*")) == before


def test_which_attempts_are_over(
    ledger: Ledger, workspace: Path, stage_done: Callable[..., None], series: Callable[..., Path]
) -> None:
    names = {"use_case": "support_triage", "run": "run-1", "stage": "train"}
    for attempt in ("killed", "failed", "alive", "done"):
        series(attempt)
    append(ledger, "stage_started", {"key": "k"}, attempt="killed", **names)
    append(ledger, "stage_started", {"key": "k"}, attempt="failed", **names)
    failure = {"code": "X-1", "message": "m", "retryable": True, "seconds": 1.0}
    append(ledger, "stage_failed", failure, attempt="failed", **names)
    append(ledger, "stage_started", {"key": "k"}, attempt="alive", **names)
    beat(ledger, Heartbeat("alive", "support_triage", "run-1", "train", 1, "host", 1.0, 2.0, {}))
    stage_done("train", attempt="done")
    stage_done("train", attempt="without a series")
    stage_done("mask", attempt="other stage")
    found = [(item.attempt, item.ordinal, item.outcome) for item in wandb_sink.attempts(ledger, workspace / "runs")]
    assert found == [("killed", 1, "lost"), ("failed", 2, "failed"), ("done", 4, "done")]


def test_torn_and_odd_lines_of_a_series_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "series.jsonl"
    path.write_text(
        '{"global_step": 1, "loss": 0.5}\n[1, 2]\n{"step": 2}\n"x"\n'
        '{"train/loss": 0.25, "step": 3, "ok": true, "text": "x", "nan": NaN}\n{"step": 4, "lo'
    )
    assert list(rows(path)) == [
        {"train/global_step": 1, "train/loss": 0.5},
        {"train/global_step": 3, "train/loss": 0.25},
    ]


def test_a_hanging_w_and_b_is_killed_and_costs_no_run(
    ledger: Ledger,
    workspace: Path,
    stage_done: Callable[..., None],
    series: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hanging = tmp_path / "hanging" / "wandb"
    hanging.mkdir(parents=True)
    (hanging / "__init__.py").write_text(
        "import os, pathlib, time\n"
        f"pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(os.getpid()))\n"
        "time.sleep(600)\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{hanging.parent}{os.pathsep}{os.environ['PYTHONPATH']}")
    series("a1")
    stage_done("train", attempt="a1")
    began = time.monotonic()
    with pytest.raises(SinkUnavailableError, match="TELEMETRY-021"):
        replay_wandb(ledger, workspace, timeout_seconds=3.0)
    assert time.monotonic() - began < 30
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
    assert [path.name for path in (workspace / "wandb").iterdir()] == [".lock"]
    (problem,) = replay_all(ledger, workspace, timeout_seconds=3.0)
    assert "TELEMETRY-021" in problem
    assert (workspace / "log" / "events.jsonl").stat().st_size > 0


def test_what_w_and_b_did_not_write_is_not_kept(
    ledger: Ledger,
    workspace: Path,
    stage_done: Callable[..., None],
    series: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A W&B whose runs all "succeed" and record nothing.
    silent = tmp_path / "silent" / "wandb"
    silent.mkdir(parents=True)
    (silent / "__init__.py").write_text(
        "class Settings:\n    def __init__(self, **_): pass\n"
        "class Run:\n    summary = {}\n    define_metric = log = finish = lambda *_, **__: None\n"
        "def init(**_): return Run()\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{silent.parent}{os.pathsep}{os.environ['PYTHONPATH']}")
    series("a1")
    stage_done("train", attempt="a1")
    (problem,) = replay_all(ledger, workspace)
    assert "TELEMETRY-020" in problem
    monkeypatch.undo()
    assert len(replay_wandb(ledger, workspace)) == 1


def test_replay_all_returns_whatever_happens(ledger: Ledger, workspace: Path) -> None:
    (workspace / "log").write_text("a file where a folder should be")
    (workspace / "wandb").write_text("the same")
    problems = replay_all(ledger, workspace)
    assert len(problems) == 2
    assert replay_all(ledger, workspace, wandb=False) == problems[:1]
