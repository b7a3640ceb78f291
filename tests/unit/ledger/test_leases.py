"""Leases: one live holder, take-over from the dead, and a fence against the one that was overtaken."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mlops.ledger import heartbeats, leases
from mlops.ledger.errors import LeaseHeldError, LeaseLostError
from mlops.ledger.events import events, transaction
from mlops.ledger.store import Ledger, open_ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield opened
    opened.engine.dispose()


def test_a_live_holder_keeps_its_lease_and_is_named(ledger: Ledger) -> None:
    leases.acquire(ledger, "u/train", leases.this_process("stage train of u"), 60)
    with pytest.raises(LeaseHeldError) as caught:
        leases.acquire(ledger, "u/train", leases.this_process("another"), 60)
    assert "stage train of u is already running" in str(caught.value)
    assert str(os.getpid()) in str(caught.value)
    assert caught.value.exit_code == 1


def test_a_dead_holder_on_this_machine_is_replaced_at_once(ledger: Ledger) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    holder = replace(leases.this_process("victim"), pid=process.pid, start_ticks=leases.start_ticks(process.pid) or 0)
    first = leases.acquire(ledger, "u/train", holder, 3600)
    process.kill()
    process.wait()
    second = leases.acquire(ledger, "u/train", leases.this_process("heir"), 60)
    assert second.token == first.token + 1


def test_a_reused_pid_is_another_process(ledger: Ledger) -> None:
    ghost = replace(leases.this_process("ghost"), start_ticks=1)
    leases.acquire(ledger, "u/train", ghost, 3600)
    assert leases.acquire(ledger, "u/train", leases.this_process("heir"), 60).token == 2


def test_a_holder_elsewhere_is_replaced_only_when_its_time_is_over(ledger: Ledger) -> None:
    elsewhere = replace(leases.this_process("far"), host="another-host")
    leases.acquire(ledger, "a", elsewhere, 3600)
    with pytest.raises(LeaseHeldError):
        leases.acquire(ledger, "a", leases.this_process("near"), 60)
    leases.acquire(ledger, "b", elsewhere, -1)
    assert leases.acquire(ledger, "b", leases.this_process("near"), 60).token == 2


def test_who_was_overtaken_can_neither_renew_nor_commit(ledger: Ledger) -> None:
    old = leases.acquire(ledger, "u/train", leases.this_process("paused"), -1)
    new = leases.acquire(ledger, "u/train", leases.this_process("newer"), 60)
    with pytest.raises(LeaseLostError):
        leases.renew(ledger, old, 60)
    with pytest.raises(LeaseLostError):
        _commit_under(ledger, old)
    assert events(ledger) == []
    leases.release(ledger, old)  # changes nothing for the new holder
    leases.renew(ledger, new, 60)


def _commit_under(ledger: Ledger, lease: leases.Lease) -> None:
    with transaction(ledger) as tx:
        tx.append("stage_done", {})
        leases.check(tx.connection, lease)


def test_a_released_lease_is_free_and_its_token_still_grows(ledger: Ledger) -> None:
    first = leases.acquire(ledger, "x", leases.this_process("a"), 60)
    leases.release(ledger, first)
    assert leases.acquire(ledger, "x", leases.this_process("b"), 60).token == first.token + 1


def test_heartbeats_show_the_newest_sign_of_life(ledger: Ledger) -> None:
    one = heartbeats.Heartbeat("a1", "u", "r", "train", 1, "h", 10.0, 11.0, {"done": 1})
    heartbeats.beat(ledger, one)
    heartbeats.beat(ledger, replace(one, beat_at=12.0, progress={"done": 2}))
    assert [(beat.beat_at, beat.progress) for beat in heartbeats.live(ledger)] == [(12.0, {"done": 2})]
    heartbeats.clear(ledger, "a1")
    assert heartbeats.live(ledger) == []
