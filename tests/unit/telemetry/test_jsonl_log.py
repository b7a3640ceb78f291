"""The event log: every event one time, whatever killed the writer."""

from __future__ import annotations

import fcntl
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mlops.ledger.chain import event_line
from mlops.ledger.events import append, events, transaction
from mlops.ledger.store import Ledger, open_ledger
from mlops.telemetry import file_lock
from mlops.telemetry.errors import SinkUnavailableError, TelemetryError
from mlops.telemetry.jsonl_log import follow


def all_lines(ledger: Ledger) -> bytes:
    return b"".join(event_line(event) for event in events(ledger))


@pytest.fixture
def log(workspace: Path) -> Path:
    return workspace / "log" / "events.jsonl"


def test_the_log_grows_with_the_ledger(ledger: Ledger, whole_run: None, log: Path) -> None:
    total = len(events(ledger))
    assert follow(ledger, log) == total
    assert follow(ledger, log) == 0
    append(ledger, "run_started", {}, use_case="support_triage")
    assert follow(ledger, log) == 1
    assert log.read_bytes() == all_lines(ledger)


def test_an_empty_ledger_gives_an_empty_log(ledger: Ledger, log: Path) -> None:
    assert follow(ledger, log) == 0
    assert log.read_bytes() == b""


def test_a_log_torn_at_any_byte_is_made_whole(ledger: Ledger, log: Path) -> None:
    for number in range(3):
        append(ledger, "run_started", {"number": number}, use_case="u")
    follow(ledger, log)
    whole = log.read_bytes()
    for cut in range(len(whole)):
        log.write_bytes(whole[:cut])
        follow(ledger, log)
        assert log.read_bytes() == whole, f"cut at byte {cut}"


def test_lines_longer_than_one_block_are_found(ledger: Ledger, log: Path) -> None:
    for _ in range(2):
        append(ledger, "run_started", {"long": "x" * 200_000}, use_case="u")
    follow(ledger, log)
    append(ledger, "run_started", {}, use_case="u")
    assert follow(ledger, log) == 1
    assert log.read_bytes() == all_lines(ledger)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param("DELETE FROM events WHERE seq > 4", id="the tail cut off"),
        pytest.param(
            "UPDATE events SET digest = 'sha256:0' WHERE seq = (SELECT max(seq) FROM events)", id="an event changed"
        ),
    ],
)
def test_the_log_shows_that_the_ledger_was_changed(
    ledger: Ledger, whole_run: None, log: Path, tamper: Callable[[Ledger, str], None], damage: str
) -> None:
    follow(ledger, log)
    before = log.read_bytes()
    tamper(ledger, damage)
    with pytest.raises(TelemetryError, match="TELEMETRY-013"):
        follow(ledger, log)
    assert log.read_bytes() == before


def test_the_log_of_another_ledger_is_left_alone(ledger: Ledger, log: Path, tmp_path: Path) -> None:
    other = open_ledger(f"sqlite:///{tmp_path / 'other.db'}")
    append(other, "run_started", {}, use_case="u")
    follow(other, log)
    append(ledger, "run_started", {}, use_case="u")
    with pytest.raises(TelemetryError, match="TELEMETRY-013"):
        follow(ledger, log)


def test_a_file_that_is_no_log_is_left_alone(ledger: Ledger, log: Path) -> None:
    log.parent.mkdir()
    log.write_text("hello\n")
    with pytest.raises(TelemetryError, match="TELEMETRY-010"):
        follow(ledger, log)
    assert log.read_text() == "hello\n"


def test_a_second_writer_does_not_wait_for_ever(log: Path) -> None:
    log.parent.mkdir()
    with log.open("ab") as first, log.open("ab") as second:
        fcntl.flock(first, fcntl.LOCK_EX)
        with pytest.raises(SinkUnavailableError, match="TELEMETRY-011"), file_lock.held(second, log, wait_seconds=0.1):
            pytest.fail("two writers hold the file")


def test_a_folder_in_the_way_is_said(ledger: Ledger, log: Path) -> None:
    log.mkdir(parents=True)
    with pytest.raises(SinkUnavailableError, match="TELEMETRY-012"):
        follow(ledger, log)


WRITER = """
import sys
from pathlib import Path
from mlops.ledger.store import open_ledger
from mlops.telemetry import jsonl_log
ledger = open_ledger(sys.argv[1], create=False)
print("ready", flush=True)
jsonl_log.follow(ledger, Path(sys.argv[2]))
"""


@pytest.mark.parametrize("rounds", [6, pytest.param(60, marks=pytest.mark.full)])
def test_kill_9_at_any_moment_loses_and_repeats_nothing(
    ledger: Ledger, ledger_url: str, log: Path, rounds: int
) -> None:
    moments = random.Random(7)
    for _ in range(rounds):
        with transaction(ledger) as tx:
            for _ in range(400):
                tx.append("run_started", {"filler": "x" * 500}, use_case="u")
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, ledger_url, str(log)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        time.sleep(moments.uniform(0.0, 0.05))
        os.kill(writer.pid, signal.SIGKILL)
        writer.communicate()
    follow(ledger, log)
    assert log.read_bytes() == all_lines(ledger)
