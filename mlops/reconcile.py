"""What events missed: a daily look over the ledger for what should have happened and did not.

`findings` only reads. Each repair is a transaction that looks again first, so a pass may be repeated, may run beside
another one, and changes nothing that moved since it was found. Each pass leaves one ``reconciled`` event.

A process of this machine is asked whether it lives, and its lease and heartbeat are never touched while it does. A
holder elsewhere can be judged by time only, and clocks differ: its lease is given back when an earlier pass saw the
very same lease, because one that lives renews it every few seconds. Even then the token fences it.
"""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from mlops.ledger import heartbeats, leases
from mlops.ledger.events import Event, append, events, transaction
from mlops.ledger.heartbeats import Heartbeat
from mlops.ledger.leases import HeldLease
from mlops.ledger.store import Ledger
from mlops.ledger.times import settled_times
from mlops.process_identity import start_ticks
from mlops.registry.state import KINDS, Release, history, lineup, releases, standing
from mlops.release_actions import promote_if_due
from mlops.runs import find_run
from mlops.settings import Settings
from mlops.use_case import Declaration

FINDING_KINDS = (
    "unpromoted",
    "approval_waiting",
    "dataset_without_run",
    "stuck_lease",
    "dead_heartbeat",
    "abandoned_run",
)
SEVERAL = 5
"""Lease times without a sign of life after which we speak of it: a live holder gives one every few seconds."""

_RUN_KINDS = ("run_started", "run_finished", "stage_started", "stage_done", "stage_failed", "monitored")


@dataclass(frozen=True)
class Finding:
    """Something that should have happened and did not.

    Attributes:
        kind: one of `FINDING_KINDS`.
        subject: the release, partition key, lease, attempt or run it is about.
        detail: in words, without a data value.
        repairable: whether a repair may be tried now; else a person, the caller or a later pass has to act.
        facts: what a repair checks again before it acts.
    """

    kind: str
    use_case: str
    subject: str
    detail: str
    repairable: bool
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Repair:
    """What came of one finding: whether it is repaired now, and in words."""

    finding: Finding
    repaired: bool
    said: str


@dataclass(frozen=True)
class ReconcilePass:
    """One pass: what was found, what was tried, and what is still open after it."""

    findings: tuple[Finding, ...]
    repairs: tuple[Repair, ...]
    event: Event

    @property
    def open(self) -> tuple[Finding, ...]:
        """Findings that no repair of this pass has settled."""
        done = {(repair.finding.kind, repair.finding.subject) for repair in self.repairs if repair.repaired}
        return tuple(finding for finding in self.findings if (finding.kind, finding.subject) not in done)


def reconcile(
    settings: Settings,
    ledger: Ledger,
    declarations: Sequence[Declaration],
    known_keys: Mapping[str, Sequence[str]] | None,
    now: datetime,
    *,
    repairs: bool,
    alive: Collection[str] = (),
) -> ReconcilePass:
    """Look, repair what may be repaired when ``repairs``, and record the pass. Arguments as :func:`findings`."""
    found = findings(settings, ledger, declarations, known_keys, now, alive=alive)
    tried = tuple(repair(settings, ledger, declarations, item) for item in found if repairs and item.repairable)
    done = [item.finding for item in tried if item.repaired]
    still = [item for item in found if item not in done]
    body = {
        "kinds": [kind for kind in FINDING_KINDS if known_keys is not None or kind != "dataset_without_run"],
        "findings": _counted(found),
        "repaired": _counted(done),
        "open": _counted(still),
        "suspects": {item.subject: dict(item.facts) for item in still if item.kind == "stuck_lease"},
        "repairs": repairs,
    }
    return ReconcilePass(tuple(found), tried, append(ledger, "reconciled", body))


def _counted(found: Sequence[Finding]) -> dict[str, dict[str, int]]:
    """Number per use case and kind."""
    counts: dict[str, Counter[str]] = {}
    for item in found:
        counts.setdefault(item.use_case, Counter())[item.kind] += 1
    return {use_case: dict(counter) for use_case, counter in counts.items()}


def findings(
    settings: Settings,
    ledger: Ledger,
    declarations: Sequence[Declaration],
    known_keys: Mapping[str, Sequence[str]] | None,
    now: datetime,
    *,
    alive: Collection[str] = (),
) -> list[Finding]:
    """Everything that is open, in a fixed order; reads only.

    Args:
        declarations: of the use cases to look at. Leases and heartbeats are looked at for all.
        known_keys: partition keys that were announced, per use case, from whoever keeps those events; None when the
            caller does not know them, and datasets are not looked at.
        now: with a time zone.
        alive: runs that the caller knows to be under way though nothing of them works now (queued, asking a person).
    """
    registry = events(ledger, kinds=KINDS)
    beats = heartbeats.live(ledger)
    dead = [beat for beat in beats if _is_dead(beat, settings, now)]
    working = {beat.run for beat in beats if beat not in dead} | set(alive)
    found: list[Finding] = []
    for declaration in declarations:
        name = declaration.use_case.name
        found += _release_findings(settings, declaration, ledger, registry, working, now)
        found += _datasets_without_run(registry, name, (known_keys or {}).get(name, ()))
        found += _abandoned_runs(settings, declaration, ledger, working, now)
    found += _stuck_leases(settings, ledger, now)
    found += [_dead_heartbeat(beat, now) for beat in dead]
    return found


def repair(settings: Settings, ledger: Ledger, declarations: Sequence[Declaration], finding: Finding) -> Repair:
    """Try to settle one finding; safe to repeat. A finding that moved since it was read is left as it is."""
    if not finding.repairable:
        return Repair(finding, False, "needs a person, the caller or a later pass")
    if finding.kind == "unpromoted":
        return _promote(settings, ledger, declarations, finding)
    if finding.kind == "stuck_lease":
        return _settled(finding, _free_lease(ledger, finding), "the lease was given back")
    if finding.kind == "dead_heartbeat":
        matching = [beat for beat in heartbeats.live(ledger) if beat.attempt == finding.subject]
        cleared = any(
            beat.beat_at == finding.facts["beat_at"] and heartbeats.clear_unchanged(ledger, beat) for beat in matching
        )
        return _settled(finding, cleared, "the heartbeat was cleared")
    return _settled(finding, _finish_abandoned(ledger, finding), "the run is recorded as failed")


def _settled(finding: Finding, done: bool, said: str) -> Repair:
    return Repair(finding, done, said if done else "it moved since it was found: nothing was changed")


# Releases


def _release_findings(
    settings: Settings,
    declaration: Declaration,
    ledger: Ledger,
    registry: Sequence[Event],
    working: Collection[str],
    now: datetime,
) -> Iterator[Finding]:
    use_case = declaration.use_case
    changes = history(registry, use_case.name)
    stack = lineup(changes)
    known = releases(registry)
    serving = known[stack[-1]] if stack and stack[-1] in known else None
    due = True
    for release in reversed([item for item in known.values() if item.use_case == use_case.name]):
        if not _comparable(release, serving):
            continue  # the champion moved since: a new run compares with it, and nobody waits for this one
        where = standing(release, changes)
        if where == "pending_approval":
            yield from _approval_waiting(declaration, release, registry, now)
        elif where in ("approved", "registered") and use_case.promotion.automatic and due:
            due = False  # of several the newest
            if release.run not in working:
                yield from _unpromoted(settings, ledger, release, now)


def _comparable(release: Release, serving: Release | None) -> bool:
    """Would a promotion be accepted now, as far as the champion is concerned?"""
    if serving is None:
        return release.compared_with is None
    return release.compared_with == serving.release or release.adapter == serving.adapter


def _unpromoted(settings: Settings, ledger: Ledger, release: Release, now: datetime) -> Iterator[Finding]:
    quiet = _quiet_since(events(ledger, run=release.run), now) if release.run else None
    if quiet is not None and quiet > timedelta(seconds=SEVERAL * settings.lease_seconds):
        detail = f"may serve and does not, and its run {release.run} has done nothing for {_hours(quiet)}"
        yield Finding("unpromoted", release.use_case, release.release, detail, True, {"run": release.run})


def _approval_waiting(
    declaration: Declaration, release: Release, registry: Sequence[Event], now: datetime
) -> Iterator[Finding]:
    times = settled_times(registry, now)
    waiting = now - times[release.seq]
    limit = declaration.use_case.approval.response_timeout_hours
    if waiting > timedelta(hours=limit):
        detail = f"waits for approval since {_hours(waiting)}, {limit:g} hours are the limit"
        yield Finding("approval_waiting", release.use_case, release.release, detail, False)


def _promote(settings: Settings, ledger: Ledger, declarations: Sequence[Declaration], finding: Finding) -> Repair:
    declaration = next(item for item in declarations if item.use_case.name == finding.use_case)
    run = find_run(ledger, str(finding.facts["run"]))
    if run is None:
        return Repair(finding, False, "the ledger does not hold the run")
    promotion = promote_if_due(settings, declaration, ledger, run)
    served = [event.body["release"] for event in events(ledger, kinds=["promoted"], run=run.id)]
    if promotion.release != finding.subject or finding.subject not in served:
        return Repair(finding, False, promotion.said)
    with transaction(ledger) as tx:
        past = tx.events(run=run.id)
        if not any(event.kind == "run_finished" for event in past):
            body = {"outcome": "done", "seconds": _seconds(past), "reason": "reconciled"}
            tx.append("run_finished", body, use_case=run.use_case, run=run.id)
    return Repair(finding, True, promotion.said)


# Datasets


def _datasets_without_run(registry: Sequence[Event], use_case: str, keys: Sequence[str]) -> list[Finding]:
    begun = {
        str(event.body.get("trigger", {}).get("key"))
        for event in registry
        if event.kind == "run_started" and event.use_case == use_case
    }
    detail = "was announced, and no run began for it: announce it again"
    missed = [key for key in dict.fromkeys(keys) if key not in begun]
    return [Finding("dataset_without_run", use_case, key, detail, False) for key in missed]


# Leases and heartbeats


def _stuck_leases(settings: Settings, ledger: Ledger, now: datetime) -> Iterator[Finding]:
    seen = _seen_before(ledger, now, timedelta(seconds=2 * settings.lease_seconds))
    for lease in leases.held(ledger):
        left = lease.expires_at - now.timestamp()
        facts = {"token": lease.token, "expires_at": lease.expires_at}
        use_case = _of_lease(lease.name)
        if left > 0 and leases.is_dead(lease.holder):
            detail = f"held by {lease.holder.label}, whose process {lease.holder.pid} is dead"
            yield Finding("stuck_lease", use_case, lease.name, detail, True, facts)
        elif left > SEVERAL * settings.lease_seconds and not leases.is_here(lease.holder):
            again = facts in seen.get(lease.name, [])
            detail = f"held on {lease.holder.host} for {_hours(timedelta(seconds=left))} to come" + (
                ", and not renewed since an earlier pass" if again else "; a later pass tells whether it is renewed"
            )
            yield Finding("stuck_lease", use_case, lease.name, detail, again, facts)


def _seen_before(ledger: Ledger, now: datetime, age: timedelta) -> dict[str, list[dict[str, Any]]]:
    """What passes of at least that age had seen of suspicious leases."""
    passes = events(ledger, kinds=["reconciled"])
    times = settled_times(passes, now)
    seen: dict[str, list[dict[str, Any]]] = {}
    for event in passes:
        if now - times[event.seq] >= age:
            for name, facts in event.body["suspects"].items():
                seen.setdefault(name, []).append(facts)
    return seen


def _of_lease(name: str) -> str:
    """The use case of a lease: ``run/USE_CASE``, ``monitor/USE_CASE`` or ``USE_CASE/STAGE/KEY``."""
    first, _, rest = name.partition("/")
    return rest if first in ("run", "monitor") and "/" not in rest else first


def _free_lease(ledger: Ledger, finding: Finding) -> bool:
    return any(_is_same(lease, finding) and leases.free(ledger, lease) for lease in leases.held(ledger))


def _is_same(lease: HeldLease, finding: Finding) -> bool:
    facts = {"token": lease.token, "expires_at": lease.expires_at}
    lives = leases.is_here(lease.holder) and not leases.is_dead(lease.holder)
    return lease.name == finding.subject and facts == finding.facts and not lives


def _is_dead(beat: Heartbeat, settings: Settings, now: datetime) -> bool:
    """Silent for several lease times, or ahead of time by as much; a live process of this machine never is."""
    if abs(now.timestamp() - beat.beat_at) <= SEVERAL * settings.lease_seconds:
        return False
    return beat.host != socket.gethostname() or start_ticks(beat.pid) is None


def _dead_heartbeat(beat: Heartbeat, now: datetime) -> Finding:
    silent = _hours(abs(now - datetime.fromtimestamp(beat.beat_at, now.tzinfo)))
    detail = f"stage {beat.stage} of run {beat.run} on {beat.host} gave its last sign of life {silent} from now"
    return Finding("dead_heartbeat", beat.use_case, beat.attempt, detail, True, {"beat_at": beat.beat_at})


# Runs


def _abandoned_runs(
    settings: Settings, declaration: Declaration, ledger: Ledger, working: Collection[str], now: datetime
) -> Iterator[Finding]:
    """Runs that began and neither ended, nor reached a release, nor work, for longer than one may take.

    A run whose release is registered is not abandoned: it may wait for a person for as long as that person likes.
    """
    use_case = declaration.use_case
    limit = timedelta(minutes=use_case.budget.max_minutes, seconds=settings.lease_seconds)
    by_run: dict[str, list[Event]] = {}
    for event in events(ledger, kinds=_RUN_KINDS, use_case=use_case.name):
        by_run.setdefault(event.run or "", []).append(event)
    for run, past in by_run.items():
        quiet = _quiet_since(past, now)
        if quiet is None or run in working or _ended(past):
            continue
        if quiet > limit:
            detail = f"began, did not end, and has done nothing for {_hours(quiet)}"
            yield Finding("abandoned_run", use_case.name, run, detail, True, {"seq": past[-1].seq})


def _ended(past: Sequence[Event]) -> bool:
    return any(
        event.kind in ("run_finished", "monitored")
        or (event.kind == "stage_done" and event.stage == "register" and event.body["outcome"] == "done")
        for event in past
    )


def _finish_abandoned(ledger: Ledger, finding: Finding) -> bool:
    with transaction(ledger) as tx:
        past = tx.events(kinds=_RUN_KINDS, run=finding.subject)
        if _ended(past) or past[-1].seq != finding.facts["seq"]:
            return False
        body = {"outcome": "failed", "seconds": _seconds(past), "reason": "abandoned"}
        once = f"abandoned/{finding.subject}"
        return tx.append_once("run_finished", body, once=once, use_case=finding.use_case, run=finding.subject)[1]


def _quiet_since(past: Sequence[Event], now: datetime) -> timedelta | None:
    """Time since the newest of these events, at least 0; None without one."""
    return now - settled_times(past, now)[past[-1].seq] if past else None


def _seconds(past: Sequence[Event]) -> float:
    """Time between the first and the last of these events, by their stamps, at least 0."""
    first, last = (datetime.fromisoformat(event.at) for event in (past[0], past[-1]))
    return round(max(0.0, (last - first).total_seconds()), 3)


def _hours(time: timedelta) -> str:
    return f"{time.total_seconds() / 3600:.1f} hours"
