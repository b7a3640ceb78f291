"""A stage's process: found again by its folder, stopped with all that it started, its end read from its own words."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops.process_identity import start_ticks
from mlops_airflow import stage_process
from mlops_airflow.stage_process import BLOCKED, DONE, FAILED, WRONG, StageProcess, Tail

SLEEPER = 'import time; print(\'{"event": "started"}\', flush=True); time.sleep(60)'
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('{}', flush=True); time.sleep(60)"
PARENT = "import subprocess, sys; p = subprocess.Popen(['sleep', '60']); print(p.pid, flush=True); p.wait()"


def _start(folder: Path, code: str) -> StageProcess:
    return stage_process.start([sys.executable, "-c", code], os.environ, folder)


def _wait_for_output(folder: Path) -> str:
    limit = time.monotonic() + 20
    while time.monotonic() < limit:
        text = (folder / stage_process.OUTPUT).read_text()
        if text.endswith("\n"):
            return text
        time.sleep(0.02)
    raise AssertionError("no output")


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[StageProcess]:
    process = _start(tmp_path / "1", SLEEPER)
    yield process
    stage_process.stop(process, 0)


def test_a_process_is_found_by_its_folder(sleeper: StageProcess) -> None:
    assert stage_process.find(sleeper.folder) == sleeper
    assert stage_process.alive(sleeper)


def test_a_process_that_somebody_else_started_is_found_and_stopped(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from mlops_airflow import stage_process; import os\n"
        f"stage_process.start([sys.executable, '-c', {SLEEPER!r}], os.environ, Path(sys.argv[1]))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(tmp_path / "1")], check=False, timeout=60)
    assert ended.returncode == -signal.SIGKILL
    process = stage_process.find(tmp_path / "1")
    assert process is not None
    assert stage_process.alive(process)
    stage_process.stop(process, 5)
    assert not stage_process.alive(process)


def test_a_pid_that_is_used_again_is_another_process(sleeper: StageProcess) -> None:
    other = StageProcess(sleeper.folder, sleeper.pid, sleeper.start_ticks + 1, sleeper.host, sleeper.boot)
    assert not stage_process.alive(other)
    stage_process.stop(other, 0)
    assert stage_process.alive(sleeper), "what is not ours is not killed"


@pytest.mark.parametrize("changed", ["host", "boot"])
def test_a_process_of_another_machine_or_boot_is_not_taken_for_one_of_ours(sleeper: StageProcess, changed: str) -> None:
    fields = {**sleeper.__dict__, changed: "elsewhere"}
    assert not stage_process.alive(StageProcess(**fields))


def test_stop_ends_what_ignores_it_and_all_that_it_started(tmp_path: Path) -> None:
    stubborn = _start(tmp_path / "1", STUBBORN)
    parent = _start(tmp_path / "2", PARENT)
    _wait_for_output(tmp_path / "1")
    child = int(_wait_for_output(tmp_path / "2"))
    for process in (stubborn, parent):
        stage_process.stop(process, 0.5)
    limit = time.monotonic() + 10
    while time.monotonic() < limit and (stage_process.alive(stubborn) or start_ticks(child)):
        time.sleep(0.02)
    assert not stage_process.alive(stubborn)
    assert start_ticks(child) is None


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        pytest.param({"event": "finished", "outcome": "done"}, DONE, id="done"),
        pytest.param({"event": "finished", "outcome": "blocked"}, BLOCKED, id="blocked"),
        pytest.param({"event": "failed", "retryable": True}, FAILED, id="may be retried"),
        pytest.param({"event": "failed", "retryable": False}, WRONG, id="wrong input"),
        pytest.param({"event": "progress", "done": 1}, None, id="died without a word"),
    ],
)
def test_the_end_is_read_from_the_last_word(tmp_path: Path, last: dict[str, object], expected: int | None) -> None:
    lines = [{"event": "started"}, last, {"event": "beat"}]
    process = StageProcess(tmp_path, 0, 0, "", "")
    (tmp_path / stage_process.OUTPUT).write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"event": "fi')
    ended = stage_process.ended(process)
    assert (None if ended is None else ended[0]) == expected


def test_a_successor_reads_on_where_the_reader_died(tmp_path: Path) -> None:
    path, place = tmp_path / "log", tmp_path / "place"
    path.write_text("one\ntwo\nthr")
    assert list(Tail(path, place).lines()) == ["one", "two"]
    with path.open("a") as stream:
        stream.write("ee\nfour")
    assert list(Tail(path, place).lines()) == ["three"]
    assert list(Tail(path, place).lines(last=True)) == ["four"]
    assert list(Tail(path, place).lines(last=True)) == []
