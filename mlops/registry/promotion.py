"""Decisions about releases, each one ledger transaction: approve, reject, promote, roll back."""

from __future__ import annotations

from collections.abc import Sequence

from mlops.approvers import account
from mlops.ledger.events import Event, transaction
from mlops.ledger.store import Ledger
from mlops.registry.errors import RegistryError
from mlops.registry.state import KINDS, Change, Release, history, lineup, releases

_TEXT_LIMIT = 2000


def approve(
    ledger: Ledger,
    release: str,
    *,
    approver: str,
    statement: str,
    triggered_by: str | None,
    owner: str | None,
    role: str | None = None,
    actor: str | None = None,
) -> tuple[Event, bool]:
    """Record that a person agrees to a release.

    Args:
        ledger: the live ledger.
        release: a registered release.
        approver: the person's account; must differ from the trigger and the owner, both as passed here and as the
            ledger knows them, whatever the case of the letters.
        statement: why, 1 to 2000 characters.
        triggered_by: who started the run, where the caller knows it better than the ledger.
        owner: of the use case, likewise.
        role: in which the person approves; must be one of the use case's ``approval.roles`` when it lists any.
        actor: the account that records it; the process's own by default.

    Returns:
        The ``approved`` event and whether it was made now: a second yes of the same person changes nothing.

    Raises:
        RegistryError: unknown or rejected release, a barred person, a missing role or an empty statement.
    """
    return _answer(ledger, "approved", release, approver, statement, (triggered_by, owner), role, actor)


def reject(
    ledger: Ledger,
    release: str,
    *,
    approver: str,
    statement: str,
    triggered_by: str | None,
    owner: str | None,
    role: str | None = None,
    actor: str | None = None,
) -> tuple[Event, bool]:
    """Record that a person refuses a release, which is final: it can never be promoted. Arguments as :func:`approve`.

    Raises:
        RegistryError: as :func:`approve`.
    """
    return _answer(ledger, "rejected", release, approver, statement, (triggered_by, owner), role, actor)


def _answer(
    ledger: Ledger,
    kind: str,
    release: str,
    approver: str,
    statement: str,
    parties: Sequence[str | None],
    role: str | None,
    actor: str | None,
) -> tuple[Event, bool]:
    approver = approver.strip()
    if not approver or not 0 < len(statement.strip()) <= _TEXT_LIMIT:
        raise RegistryError(
            "REGISTRY-030",
            f"expected an approver and a statement of 1 to {_TEXT_LIMIT} characters",
            where=release,
            todo="say who answers and why",
        )
    with transaction(ledger) as tx:
        known = _known(tx.events(kinds=KINDS), release)
        _check_person(known, approver, role, parties)
        if kind == "approved" and known.rejections:
            raise RegistryError(
                "REGISTRY-033",
                "expected a release that nobody rejected, found a rejection, which is final",
                where=release,
                todo="change the use case or its data and run again: that gives a new release",
            )
        body = {
            "release": release,
            "dossier": known.dossier,
            "approver": approver,
            "role": role,
            "statement": statement.strip(),
        }
        once = f"{kind}:{release}:{account(approver)}"
        return tx.append_once(kind, body, once=once[:255], use_case=known.use_case, run=known.run, actor=actor)


def _check_person(release: Release, approver: str, role: str | None, parties: Sequence[str | None]) -> None:
    barred = {account(name) for name in (*parties, release.owner, release.triggered_by) if name}
    if account(approver) in barred:
        raise RegistryError(
            "REGISTRY-031",
            "expected an approver who is neither the use case's owner nor who triggered the run, found one of them",
            where=release.release,
            todo="ask another person",
        )
    if release.roles and role not in release.roles:
        raise RegistryError(
            "REGISTRY-032",
            f"expected an approver in the role {' or '.join(release.roles)}, found {role or 'no role'}",
            where=release.release,
            todo="ask a person in that role, and name the role",
        )


def _known(registry: Sequence[Event], release: str) -> Release:
    found = releases(registry).get(release)
    if found is None:
        raise RegistryError(
            "REGISTRY-021",
            "expected a registered release, found none of that name in the ledger",
            where=release,
            todo="list the releases: mlops registry list",
        )
    return found


def promote(
    ledger: Ledger,
    use_case: str,
    release: str,
    *,
    expected_champion: str | None,
    actor: str | None,
    run: str | None = None,
) -> tuple[Event, bool]:
    """Make a release the champion of its use case, if the champion is still the expected one.

    Args:
        ledger: the live ledger.
        use_case: the release's use case.
        release: a registered release, passed by the gate or approved, and approved where approval is asked.
        expected_champion: the champion that the decision was made against; ``None`` for none. Not asked where the
            champion has the release's own adapter: other papers for the same model were compared with nothing.
        actor: who promotes; the process's own account by default.
        run: makes the call idempotent: a run promotes a release one time, even when it was rolled back since.

    Returns:
        The ``promoted`` event and whether it was made now. A release that is the champion already, or that this run
        promoted already, gives the old event.

    Raises:
        RegistryError: unknown release, approval missing, or the champion moved; nothing is recorded.
    """
    with transaction(ledger) as tx:
        registry = tx.events(kinds=KINDS)
        known = _known(registry, release)
        if known.use_case != use_case:
            raise RegistryError(
                "REGISTRY-040",
                f"expected a release of {use_case}, found one of {known.use_case}",
                where=release,
                todo="name the release's own use case",
            )
        changes = history(registry, use_case)
        serving = _serving(changes)
        done = [change for change in changes if change.kind == "promoted" and change.release == release]
        repeated = [change for change in done if run is not None and change.run == run]
        if repeated:
            return _event(registry, repeated[-1].seq), False
        if serving == release:
            return _event(registry, changes[-1].seq), False
        _check_promotable(known)
        if not _same_adapter(registry, known, serving):
            _check_champion(use_case, serving, expected_champion)
        body = {"release": release, "previous": serving}
        return tx.append("promoted", body, use_case=use_case, run=run, actor=actor), True


def _event(registry: Sequence[Event], seq: int) -> Event:
    return next(event for event in registry if event.seq == seq)


def _serving(changes: Sequence[Change]) -> str | None:
    stack = lineup(changes)
    return stack[-1] if stack else None


def _check_promotable(release: Release) -> None:
    if release.is_approved:
        return
    if release.rejections:
        text, todo = "found a rejection, which is final", "run again after a change: that gives a new release"
    else:
        given = len({account(answer.approver) for answer in release.approvals})
        text = f"found {given} (gate verdict {release.verdict})"
        todo = f"ask for approval: mlops registry approve {release.release}"
    raise RegistryError(
        "REGISTRY-041", f"expected {release.approvals_required} approval(s), {text}", where=release.release, todo=todo
    )


def _check_champion(use_case: str, serving: str | None, expected: str | None) -> None:
    if serving != expected:
        raise RegistryError(
            "REGISTRY-042",
            f"expected the champion {expected or 'none'}, found {serving or 'none'}: it changed since the decision",
            where=use_case,
            todo="compare with the champion of today in a new run, or promote against it on purpose",
        )


def _same_adapter(registry: Sequence[Event], release: Release, serving: str | None) -> bool:
    return serving is not None and releases(registry)[serving].adapter == release.adapter


def rollback(
    ledger: Ledger,
    use_case: str,
    *,
    actor: str | None,
    reason: str,
    to: str | None = None,
    run: str | None = None,
) -> str:
    """Return to an earlier champion in one transaction, without a new evaluation.

    Args:
        ledger: the live ledger.
        use_case: whose champion is taken back.
        actor: who does it; the process's own account by default.
        reason: why, 1 to 2000 characters.
        to: an earlier champion; the one before the present by default. Releases that were rolled back do not count.
        run: makes the call idempotent: a run rolls a use case back one time.

    Returns:
        The release that serves now.

    Raises:
        RegistryError: no reason, nothing to return to, or ``to`` did not serve before.
    """
    if not 0 < len(reason.strip()) <= _TEXT_LIMIT:
        raise RegistryError(
            "REGISTRY-050", f"expected a reason of 1 to {_TEXT_LIMIT} characters", where=use_case, todo="say why"
        )
    with transaction(ledger) as tx:
        changes = history(tx.events(kinds=("promoted", "rolled_back"), use_case=use_case), use_case)
        done = _rolled_back_by(changes, run)
        if done is not None:
            return done
        stack = lineup(changes)
        target = _rollback_target(use_case, stack, to)
        body = {"release": target, "previous": stack[-1], "reason": reason.strip()}
        tx.append("rolled_back", body, use_case=use_case, run=run, actor=actor)
        return target


def _rolled_back_by(changes: Sequence[Change], run: str | None) -> str | None:
    found = [change.release for change in changes if change.kind == "rolled_back" and run and change.run == run]
    return found[-1] if found else None


def _rollback_target(use_case: str, stack: Sequence[str], to: str | None) -> str:
    earlier = [release for release in stack[:-1] if release != stack[-1]]
    if not earlier:
        raise RegistryError(
            "REGISTRY-051",
            "expected an earlier champion to return to, found none",
            where=use_case,
            todo="promote another release, or stop serving",
        )
    if to is not None and to not in earlier:
        raise RegistryError(
            "REGISTRY-052",
            "expected a release that served before and was not rolled back, found another",
            where=use_case,
            todo=f"use one of: {', '.join(dict.fromkeys(reversed(earlier)))}",
        )
    return to if to is not None else earlier[-1]
