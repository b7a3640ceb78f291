"""What the events say: pure folds, no storage of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mlops.approvers import account
from mlops.ledger.events import Event

KINDS = ("run_started", "registered", "approved", "rejected", "promoted", "rolled_back")
"""The kinds of event that the folds read."""


@dataclass(frozen=True)
class Answer:
    """One person's yes or no to a release."""

    approver: str
    role: str | None
    statement: str
    at: str
    seq: int


@dataclass(frozen=True)
class Release:
    """A registered release.

    Attributes:
        release: its name, ``USE_CASE-<12 hex>``.
        dossier: digest of the dossier artifact.
        verdict: the gate's ``PASS`` or ``INCONCLUSIVE``.
        owner: of the use case.
        triggered_by: who started the run that registered it; ``None`` when the events do not say.
        roles: that may approve; empty for any.
        approvals_required: 0, 1 or 2 different people.
        adapter: digest of the trained adapter's artifact.
        compared_with: the champion at the start of the run, against which the gate judged; ``None`` when none served,
            or when it has the same adapter, so that there was nothing to compare.
        approvals, rejections: answers in order.
    """

    release: str
    use_case: str
    dossier: str
    verdict: str
    owner: str
    triggered_by: str | None
    roles: tuple[str, ...]
    approvals_required: int
    adapter: str
    compared_with: str | None
    run: str | None
    registered_at: str
    seq: int
    approvals: tuple[Answer, ...] = ()
    rejections: tuple[Answer, ...] = ()

    @property
    def is_approved(self) -> bool:
        """Enough different people said yes and nobody said no."""
        distinct = {account(answer.approver) for answer in self.approvals}
        return not self.rejections and len(distinct) >= self.approvals_required


@dataclass(frozen=True)
class Change:
    """One change of a use case's champion, from ``previous`` to ``release``."""

    kind: str
    use_case: str
    release: str
    previous: str | None
    at: str
    actor: str
    run: str | None
    reason: str | None
    seq: int


def releases(events: Iterable[Event]) -> dict[str, Release]:
    """All registered releases by name, in the order of their registration."""
    found: dict[str, Release] = {}
    triggers: dict[str, str] = {}
    for event in events:
        _fold(event, found, triggers)
    return found


def _fold(event: Event, found: dict[str, Release], triggers: dict[str, str]) -> None:
    name = str(event.body.get("release"))
    if event.kind == "run_started" and event.run is not None:
        triggers.setdefault(event.run, event.actor)
    elif event.kind == "registered" and name not in found:
        found[name] = _registered(event, triggers.get(event.run or ""))
    elif event.kind in ("approved", "rejected") and name in found:
        found[name] = _answered(found[name], event)


def approvals_required(verdict: str, approval: Mapping[str, Any]) -> int:
    """How many people must say yes: the quorum when approval is always asked or the gate did not pass, else none."""
    return int(approval["quorum"]) if approval["required"] == "always" or verdict != "PASS" else 0


def _registered(event: Event, triggered_by: str | None) -> Release:
    body = event.body
    return Release(
        release=str(body["release"]),
        use_case=event.use_case or "",
        dossier=str(body["dossier"]),
        verdict=str(body["verdict"]),
        owner=str(body["owner"]),
        triggered_by=triggered_by,
        roles=tuple(body["approval"]["roles"]),
        approvals_required=approvals_required(body["verdict"], body["approval"]),
        adapter=str(body["adapter"]),
        compared_with=body["champion"],
        run=event.run,
        registered_at=event.at,
        seq=event.seq,
    )


def _answered(release: Release, event: Event) -> Release:
    body = event.body
    answer = Answer(str(body["approver"]), body.get("role"), str(body["statement"]), event.at, event.seq)
    if event.kind == "approved":
        return replace(release, approvals=(*release.approvals, answer))
    return replace(release, rejections=(*release.rejections, answer))


def history(events: Iterable[Event], use_case: str) -> tuple[Change, ...]:
    """Every change of a use case's champion, oldest first."""
    return tuple(
        Change(
            kind=event.kind,
            use_case=use_case,
            release=str(event.body["release"]),
            previous=event.body["previous"],
            at=event.at,
            actor=event.actor,
            run=event.run,
            reason=event.body.get("reason"),
            seq=event.seq,
        )
        for event in events
        if event.kind in ("promoted", "rolled_back") and event.use_case == use_case
    )


def lineup(changes: Sequence[Change]) -> tuple[str, ...]:
    """The champions that a rollback can return to, oldest first; the last one serves now.

    A promotion adds a release on top; a rollback takes off everything above the release it returns to, so a release
    that was rolled back is never the target of the next rollback.
    """
    stack: list[str] = []
    for change in changes:
        if change.kind == "promoted":
            stack.append(change.release)
        else:
            while stack and stack[-1] != change.release:
                stack.pop()
            stack = [release for release in stack if release != change.previous]
    return tuple(stack)


def champion(events: Iterable[Event], use_case: str) -> str | None:
    """The release that serves, or ``None``."""
    stack = lineup(history(events, use_case))
    return stack[-1] if stack else None


def standing(release: Release, changes: Sequence[Change]) -> str:
    """One word for where a release stands.

    ``champion``, ``rolled_back`` (served and was taken back), ``retired`` (served and was replaced), ``rejected``,
    ``pending_approval``, ``approved``, or ``registered`` (may be promoted and needs nobody's approval).
    """
    stack = lineup(changes)
    if stack and stack[-1] == release.release:
        return "champion"
    ends = [change.kind for change in changes if change.previous == release.release]
    if ends:
        return "rolled_back" if ends[-1] == "rolled_back" else "retired"
    if release.rejections:
        return "rejected"
    if not release.is_approved:
        return "pending_approval"
    return "approved" if release.approvals else "registered"


def inconsistencies(events: Sequence[Event]) -> list[str]:
    """Where the registry's events contradict each other; one sentence per problem, empty when they agree.

    Checked in the order of the events: answers name the dossier of a registered release and come from neither its
    owner nor its trigger; a change names the champion before it; a promoted release was allowed at that moment; a
    rollback returns to an earlier champion.
    """
    problems: list[str] = []
    found: dict[str, Release] = {}
    triggers: dict[str, str] = {}
    changes: dict[str, tuple[Change, ...]] = {}
    for event in events:
        if event.kind in ("approved", "rejected", "promoted", "rolled_back"):
            known = found.get(str(event.body.get("release")))
            problems.extend(_decision_problems(event, known, changes))
        _fold(event, found, triggers)
        if event.kind in ("promoted", "rolled_back") and event.use_case is not None:
            changes[event.use_case] = (*changes.get(event.use_case, ()), *history([event], event.use_case))
    return problems


def _decision_problems(event: Event, release: Release | None, changes: dict[str, tuple[Change, ...]]) -> list[str]:
    if release is None:
        return [f"event {event.seq} ({event.kind}) names a release that was not registered before it"]
    if event.kind in ("approved", "rejected"):
        return _answer_problems(event, release)
    return _change_problems(event, release, changes.get(release.use_case, ()))


def _answer_problems(event: Event, release: Release) -> list[str]:
    problems = []
    if event.body.get("dossier") != release.dossier:
        problems.append(f"event {event.seq} ({event.kind}) names another dossier than the release has")
    barred = {account(name) for name in (release.owner, release.triggered_by) if name}
    if account(str(event.body.get("approver"))) in barred:
        problems.append(f"event {event.seq} ({event.kind}) comes from the owner or from who triggered the run")
    return problems


def _change_problems(event: Event, release: Release, changes: Sequence[Change]) -> list[str]:
    problems = []
    stack = lineup(changes)
    if event.use_case != release.use_case:
        problems.append(f"event {event.seq} ({event.kind}) names a release of another use case")
    if event.body.get("previous") != (stack[-1] if stack else None):
        problems.append(f"event {event.seq} ({event.kind}) names another champion than the one before it")
    if event.kind == "promoted" and not release.is_approved:
        problems.append(f"event {event.seq} promoted a release that still lacked approval")
    if event.kind == "rolled_back" and release.release not in stack[:-1]:
        problems.append(f"event {event.seq} rolled back to a release that did not serve before")
    return problems
