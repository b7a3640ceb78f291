"""``mlops telemetry`` as a user meets it: a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from mlops.ledger.store import Ledger

RUN = "import sys; from mlops.telemetry.commands import app; app(prog_name='telemetry')"


@pytest.fixture
def environment(workspace: Path, tmp_path: Path) -> dict[str, str]:
    (tmp_path / "use_cases").mkdir()
    (tmp_path / "use_cases" / "never_run.yaml").touch()
    return {**os.environ, "MLOPS_ROOT": str(tmp_path), "MLOPS_WORKSPACE": str(workspace)}


def telemetry(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", RUN, *arguments], env=environment, capture_output=True, text=True, timeout=120
    )


def test_metrics_are_printed_once(environment: dict[str, str], ledger: Ledger, whole_run: None) -> None:
    done = telemetry(environment, "metrics")
    assert (done.returncode, done.stderr) == (0, "")
    assert 'mlops_runs_total{outcome="done",use_case="support_triage"} 1.0\n' in done.stdout
    assert 'mlops_runs_total{outcome="done",use_case="never_run"} 0.0\n' in done.stdout


def test_the_exporter_serves_until_it_is_asked_to_stop(
    environment: dict[str, str], ledger: Ledger, whole_run: None
) -> None:
    command = [sys.executable, "-u", "-c", RUN, "serve", "--port", "0"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(url, timeout=10) as response:
            assert b"mlops_audit_chain_valid 1.0\n" in response.read()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0


def test_replay_fills_both_sinks_one_time(
    environment: dict[str, str],
    ledger: Ledger,
    workspace: Path,
    stage_done: Callable[..., None],
    series: Callable[..., Path],
) -> None:
    series("a1")
    stage_done("train", attempt="a1")
    assert telemetry(environment, "replay").stdout == "jsonl: 2 events added\nwandb: 1 runs added\n"
    assert telemetry(environment, "replay").stdout == "jsonl: 0 events added\nwandb: 0 runs added\n"
    assert (workspace / "wandb" / "a1" / "wandb").is_dir()


def test_one_sink_alone(environment: dict[str, str], ledger: Ledger, workspace: Path, whole_run: None) -> None:
    assert telemetry(environment, "replay", "--sink", "jsonl").stdout.startswith("jsonl: ")
    assert not (workspace / "wandb").exists()


def test_the_command_line_loads_no_heavy_library(environment: dict[str, str]) -> None:
    code = (
        "import sys, mlops.telemetry.commands\n"
        "heavy = {'torch', 'transformers', 'wandb', 'pandas', 'pyarrow', 'great_expectations', 'duckdb'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
