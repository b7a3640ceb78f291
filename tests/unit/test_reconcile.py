"""Reconcile: finds what was missed, repairs only what is certain, and leaves alone what lives or waits for a person."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mlops.attempt import first_heartbeat
from mlops.ledger import heartbeats, leases
from mlops.ledger.chain import verify_chain
from mlops.ledger.errors import LeaseLostError
from mlops.ledger.events import events
from mlops.ledger.leases import Holder
from mlops.reconcile import FINDING_KINDS, Finding, ReconcilePass, findings, reconcile, repair
from mlops.registry.config import ApprovalSection, PromotionSection
from mlops.registry.promotion import approve, reject
from mlops.registry.state import champion
from mlops.settings import Settings
from tests.unit.registry.conftest import USE_CASE, make_bench
from tests.watched_project import Watched, conversations, watched_project

LATER = timedelta(minutes=6)
"""More than several lease times of 60 seconds."""
BUDGET = timedelta(minutes=22)
"""More than the budget of the small use case and a lease."""


@pytest.fixture
def dead() -> Holder:
    """A process of this machine that was killed."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    holder = replace(leases.this_process("victim"), pid=process.pid, start_ticks=leases.start_ticks(process.pid) or 0)
    process.kill()
    process.wait()
    return holder


def look(
    watched: Watched,
    later: timedelta = timedelta(),
    keys: Mapping[str, Sequence[str]] | None = None,
    alive: Sequence[str] = (),
) -> list[Finding]:
    now = datetime.now(UTC) + later
    return findings(watched.settings, watched.ledger, [watched.declaration], keys or {}, now, alive=alive)


def mend(watched: Watched, later: timedelta = timedelta()) -> ReconcilePass:
    now = datetime.now(UTC) + later
    return reconcile(watched.settings, watched.ledger, [watched.declaration], {}, now, repairs=True)


def kinds(found: Sequence[Finding]) -> list[str]:
    return [item.kind for item in found]


def test_a_healthy_ledger_has_no_findings_and_the_pass_says_so(small: Watched) -> None:
    small.serve(conversations(1))
    assert look(small, LATER) == []
    assert look(small, timedelta(days=400)) == []
    found = mend(small)
    assert (found.findings, found.open) == ((), ())
    assert found.event.body["open"] == {}
    assert found.event.body["kinds"] == list(FINDING_KINDS)
    unknown = reconcile(small.settings, small.ledger, [], None, datetime.now(UTC), repairs=False)
    assert "dataset_without_run" not in unknown.event.body["kinds"]  # who does not know the keys says nothing of them


def test_looking_changes_nothing(small: Watched, dead: Holder) -> None:
    small.run()
    leases.acquire(small.ledger, "small/train/k", dead, 3600)
    before = events(small.ledger), leases.held(small.ledger)
    assert sorted(kinds(look(small, BUDGET))) == ["abandoned_run", "stuck_lease"]
    assert (events(small.ledger), leases.held(small.ledger)) == before


# Runs


def test_a_run_that_was_killed_is_recorded_as_failed_once(watched: Watched) -> None:
    run = watched.run()
    watched.append("stage_started", {"key": "k"}, run.id, stage="ingest", attempt="a")
    assert look(watched, timedelta(minutes=19)) == []
    found = look(watched, BUDGET)
    assert [(item.kind, item.subject) for item in found] == [("abandoned_run", run.id)]
    assert [repair(watched.settings, watched.ledger, [], found[0]).repaired for _ in range(2)] == [True, False]
    ended = events(watched.ledger, kinds=["run_finished"], run=run.id)
    assert [(event.body["outcome"], event.body["reason"]) for event in ended] == [("failed", "abandoned")]
    assert look(watched, BUDGET) == []


Act = Callable[[Watched, str], None]


def _registered(watched: Watched, run: str) -> None:
    approval = {"required": "always", "roles": [], "quorum": 1}
    watched.register(watched.run(run), "small-1", approval=approval)


def _beats(watched: Watched, run: str) -> None:
    beat = first_heartbeat("a", "small", run, "train")
    heartbeats.beat(watched.ledger, replace(beat, beat_at=time.time() + BUDGET.total_seconds()))


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(_registered, id="its release waits for a person"),
        pytest.param(_beats, id="it gives signs of life"),
        pytest.param(lambda w, run: w.append("run_finished", {"outcome": "blocked", "seconds": 1.0}, run), id="ended"),
        pytest.param(lambda w, run: w.append("monitored", {"outcome": "ok"}, run), id="it was a monitor run"),
    ],
)
def test_a_run_is_not_abandoned_when(small: Watched, act: Act) -> None:
    run = small.run()
    act(small, run.id)
    assert "abandoned_run" not in kinds(look(small, BUDGET))


def test_a_run_that_the_caller_knows_to_be_queued_is_not_abandoned(small: Watched) -> None:
    run = small.run()
    assert look(small, BUDGET, alive=[run.id]) == []


def test_a_run_that_went_on_since_it_was_found_is_left_alone(small: Watched) -> None:
    run = small.run()
    found = look(small, BUDGET)
    small.append("stage_started", {"key": "k"}, run.id, stage="ingest", attempt="a")
    assert not repair(small.settings, small.ledger, [], found[0]).repaired
    assert events(small.ledger, kinds=["run_finished"]) == []


# Leases and heartbeats


def test_the_lease_of_a_dead_process_is_given_back(watched: Watched, dead: Holder) -> None:
    lease = leases.acquire(watched.ledger, "small/train/k", dead, 3600)
    found = mend(watched)
    assert [(item.finding.kind, item.repaired) for item in found.repairs] == [("stuck_lease", True)]
    assert leases.held(watched.ledger) == []
    assert found.event.body["repaired"] == {"small": {"stuck_lease": 1}}
    taken = leases.acquire(watched.ledger, "small/train/k", leases.this_process("heir"), 60)
    assert taken.token == lease.token + 1


@pytest.mark.parametrize("seconds", [60, 10 * 365 * 86400], ids=["in time", "clock jumped"])
def test_the_lease_of_a_live_process_of_this_machine_is_never_touched(small: Watched, seconds: int) -> None:
    leases.acquire(small.ledger, "run/small", leases.this_process("mlops run small"), seconds)
    for _ in range(3):
        assert mend(small, LATER).findings == ()
    assert len(leases.held(small.ledger)) == 1


def test_a_far_lease_elsewhere_is_given_back_only_when_it_was_not_renewed_between_two_passes(watched: Watched) -> None:
    far = replace(leases.this_process("far"), host="another-host")
    lease = leases.acquire(watched.ledger, "small/train/k", far, 30 * 86400)
    assert [item.repairable for item in mend(watched).findings] == [False]
    assert [item.repairable for item in mend(watched).findings] == [False]  # too soon after the first
    leases.renew(watched.ledger, lease, 30 * 86400)
    assert [item.repairable for item in mend(watched, LATER).findings] == [False]  # it lives
    now = datetime.now(UTC) + 2 * LATER
    found = reconcile(watched.settings, watched.ledger, [], {}, now, repairs=True)
    assert [(item.finding.subject, item.repaired) for item in found.repairs] == [("small/train/k", True)]
    leases.acquire(watched.ledger, "small/train/k", leases.this_process("heir"), 60)
    with pytest.raises(LeaseLostError):
        leases.renew(watched.ledger, lease, 60)


def test_a_lease_elsewhere_that_is_in_time_is_no_finding(small: Watched) -> None:
    far = replace(leases.this_process("far"), host="another-host")
    leases.acquire(small.ledger, "small/train/k", far, 60)
    assert look(small) == []


def test_a_lease_that_was_taken_over_since_it_was_found_is_left_alone(small: Watched, dead: Holder) -> None:
    leases.acquire(small.ledger, "small/train/k", dead, 3600)
    found = look(small)
    leases.acquire(small.ledger, "small/train/k", leases.this_process("heir"), 60)
    assert not repair(small.settings, small.ledger, [], found[0]).repaired
    assert len(leases.held(small.ledger)) == 1


@pytest.mark.parametrize("name", ["run/small", "monitor/small", "small/train/sha256:00"])
def test_a_lease_is_counted_for_its_use_case(small: Watched, dead: Holder, name: str) -> None:
    leases.acquire(small.ledger, name, dead, 3600)
    assert [item.use_case for item in look(small)] == ["small"]


def test_the_heartbeat_of_a_dead_process_is_cleared(watched: Watched, dead: Holder) -> None:
    silent = replace(first_heartbeat("a", "small", "r", "train"), pid=dead.pid)
    heartbeats.beat(watched.ledger, silent)
    assert look(watched) == []  # it may be between two beats
    found = mend(watched, LATER)
    assert [(item.finding.kind, item.repaired) for item in found.repairs] == [("dead_heartbeat", True)]
    assert heartbeats.live(watched.ledger) == []


def test_a_slow_process_of_this_machine_is_not_taken_for_dead(small: Watched) -> None:
    heartbeats.beat(small.ledger, first_heartbeat("a", "small", "r", "train"))
    assert look(small, LATER) == []
    assert os.getpid() == heartbeats.live(small.ledger)[0].pid


def test_a_heartbeat_that_came_since_it_was_found_stays(small: Watched) -> None:
    silent = replace(first_heartbeat("a", "small", "r", "train"), host="another-host")
    heartbeats.beat(small.ledger, silent)
    found = look(small, LATER)
    heartbeats.beat(small.ledger, replace(silent, beat_at=silent.beat_at + 300))
    assert not repair(small.settings, small.ledger, [], found[0]).repaired
    assert len(heartbeats.live(small.ledger)) == 1


# Datasets


def test_a_dataset_without_a_run_is_named_until_a_run_names_its_key(small: Watched) -> None:
    keys = {"small": ["sha256:aa", "sha256:bb", "sha256:aa"], "other": ["sha256:cc"]}
    small.run(kind="dataset", key="sha256:aa", dag_run="d1")
    found = look(small, keys=keys)
    assert [(item.kind, item.subject, item.repairable) for item in found] == [
        ("dataset_without_run", "sha256:bb", False)
    ]
    small.run(kind="backfill", key="sha256:bb")
    assert look(small, keys=keys) == []


# Releases


def test_an_unanswered_request_for_approval_is_reported_after_its_time(small: Watched) -> None:
    _registered(small, "waiting")
    assert look(small, timedelta(hours=71)) == []
    found = look(small, timedelta(hours=73))
    assert [(item.kind, item.subject, item.repairable) for item in found] == [("approval_waiting", "small-1", False)]
    reject(small.ledger, "small-1", approver="p", statement="no", triggered_by=None, owner=None)
    assert look(small, timedelta(hours=73)) == []


def test_of_several_releases_that_could_serve_the_newest_is_due(small: Watched) -> None:
    for number in (1, 2):
        small.register(small.run(), f"small-{number}")
    assert [(item.kind, item.subject) for item in look(small, LATER)] == [("unpromoted", "small-2")]


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda w: None, id="its run may still be at it"),
        pytest.param(
            lambda w: w.append("rolled_back", {"release": "x", "previous": "small-1", "reason": "r"}, "p"),
            id="it was rolled back",
        ),
        pytest.param(
            lambda w: w.append("promoted", {"release": "small-9", "previous": None}, "p"), id="the champion moved"
        ),
    ],
)
def test_a_release_is_not_due_when(small: Watched, act: Callable[[Watched], Any]) -> None:
    small.register(small.run(), "small-9", champion="other")
    small.register(small.run(), "small-1")
    act(small)
    soon = not events(small.ledger, kinds=["promoted", "rolled_back"])
    assert look(small, timedelta() if soon else LATER) == []


def test_by_hand_means_by_hand(small: Watched) -> None:
    small.register(small.run(), "small-1")
    assert look(small.with_section("promotion", automatic=False), LATER) == []


def test_an_approved_release_whose_run_died_is_promoted_with_all_its_checks(tmp_path: Path) -> None:
    """A real release: signed, sealed, verified from source to approver before it serves."""
    bench = make_bench(tmp_path / "bench")
    release = bench.release(approval=ApprovalSection(required="always"))
    declared = watched_project(tmp_path / "declared").declaration
    use_case = declared.use_case.model_copy(update={"name": USE_CASE, "promotion": PromotionSection(automatic=True)})
    at = Watched(
        Settings(root=bench.root, workspace=bench.workspace), replace(declared, use_case=use_case), bench.ledger
    )
    assert kinds(look(at, LATER)) == []
    approve(bench.ledger, release, approver="p", statement="read", triggered_by=None, owner=None)
    assert kinds(look(at)) == []
    assert kinds(look(at, LATER)) == ["unpromoted"]
    found = mend(at, LATER)
    assert [(item.finding.subject, item.repaired) for item in found.repairs] == [(release, True)]
    assert found.open == ()
    assert champion(events(bench.ledger), USE_CASE) == release
    assert [event.body["outcome"] for event in events(bench.ledger, kinds=["run_finished"])] == ["done"]
    assert mend(at, LATER).findings == ()
    assert len(events(bench.ledger, kinds=["promoted"])) == 1
    assert verify_chain(events(bench.ledger)) == []


def test_a_pass_counts_what_it_found_repaired_and_left(small: Watched, dead: Holder) -> None:
    leases.acquire(small.ledger, "small/train/k", dead, 3600)
    small.run()
    _registered(small, "waiting")
    now = datetime.now(UTC) + timedelta(hours=73)
    leases.acquire(small.ledger, "small/gate/k", dead, 90 * 86400)
    found = reconcile(small.settings, small.ledger, [small.declaration], {}, now, repairs=True)
    body = found.event.body
    assert body["findings"] == {"small": {"approval_waiting": 1, "abandoned_run": 1, "stuck_lease": 1}}
    assert body["repaired"] == {"small": {"abandoned_run": 1, "stuck_lease": 1}}
    assert body["open"] == {"small": {"approval_waiting": 1}}
    assert kinds(found.open) == ["approval_waiting"]
    assert set(kinds(found.findings)) <= set(FINDING_KINDS)
