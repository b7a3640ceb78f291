"""What a person is asked before a release may serve, and what their answer becomes in the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mlops.approvers import account
from mlops.errors import MlopsError
from mlops.ledger.events import append, append_once, events
from mlops.ledger.store import Ledger
from mlops.registry import promotion
from mlops.registry.actions import Desk
from mlops.registry.dossier import release_id
from mlops.registry.fetching import fetch_release
from mlops.registry.signing import load_or_create_key
from mlops.registry.state import KINDS, Release, releases
from mlops.runs import Run, RunError, stage_results
from mlops.settings import Settings
from mlops.use_case import Declaration


class ApprovalError(MlopsError):
    """An answer that does not count, or an end without a yes."""


@dataclass(frozen=True)
class ApprovalRequest:
    """One of the approvals that a release needs.

    Attributes:
        release: what is asked for, as the ledger knows it.
        number: 1 for the first person, 2 for the second of a quorum.
        asked: whether a person has to answer; False when no approval is needed, or enough were given.
        subject, body: what the person reads, the body in Markdown; figures and digests, no data values.
    """

    release: Release
    number: int
    asked: bool
    subject: str
    body: str


def release_of_run(ledger: Ledger, run: Run) -> Release:
    """The release that a run registered.

    Raises:
        RunError: it registered none.
    """
    digest = stage_results(ledger, run.id).get("register", {}).get("artifact")
    known = releases(events(ledger, kinds=KINDS))
    found = known.get(release_id(run.use_case, str(digest)))
    if found is None:
        raise RunError("RUN-005", "this run registered no release", where=run.id, todo="run the pipeline to its end")
    return found


def approval_request(
    settings: Settings, declaration: Declaration, ledger: Ledger, run: Run, *, number: int
) -> ApprovalRequest:
    """What the ``number``-th person is asked about the run's release.

    Raises:
        ApprovalError: somebody rejected the release; that is final.
        RunError: the run registered nothing.
    """
    release = release_of_run(ledger, run)
    if release.rejections:
        raise ApprovalError(
            "APPROVAL-001",
            "this release was rejected, which is final",
            where=release.release,
            todo="change the use case or its data and run again: that gives a new release",
        )
    given = len({account(answer.approver) for answer in release.approvals})
    asked = given < number <= release.approvals_required
    results = stage_results(ledger, run.id)
    return ApprovalRequest(
        release, number, asked, f"Promote {release.release}?", _body(declaration, run, release, results)
    )


def _body(declaration: Declaration, run: Run, release: Release, results: dict[str, dict[str, Any]]) -> str:
    use_case = declaration.use_case
    lines = [
        f"**{use_case.name}**: {use_case.description}",
        "",
        f"Gate: **{release.verdict}**. Approvals needed: {release.approvals_required}, "
        f"given: {len(release.approvals)}. Neither the owner ({release.owner}) nor who triggered the run may answer.",
        "",
        "| metric | rule | value | interval | limit | n | outcome |",
        "|---|---|---|---|---|---|---|",
    ]
    for metric in results["gate"]["figures"].get("metrics", []):
        interval = metric.get("interval")
        span = f"{interval['low']:.3g} … {interval['high']:.3g}" if interval else "–"
        lines.append(
            f"| {metric['id']} | {metric.get('rule', '')} | {_number(metric['value'])} | {span} "
            f"| {_number(metric['threshold'])} | {metric['n']} | {metric['outcome']} |"
        )
    champion = release.compared_with or "none"
    lines += ["", f"Compared with champion: {champion}", "", f"Run: `{run.id}`", "", f"Dossier: `{release.dossier}`"]
    return "\n".join(lines)


def _number(value: Any) -> str:
    return "–" if value is None else f"{value:.3g}"


def record_answer(
    settings: Settings,
    declaration: Declaration,
    ledger: Ledger,
    run: Run,
    *,
    number: int,
    approver: str,
    approves: bool,
    statement: str,
    role: str | None,
    triggered_by: str | None,
) -> str:
    """Enter a person's yes or no, and renew the release's proof.

    Returns:
        The release's name.

    Raises:
        ApprovalError: the answer is a no, or the same person answered for both of a quorum. Both are recorded.
        RegistryError: the person may not answer (recorded as ``approval_refused``), or gave no statement.
    """
    release = release_of_run(ledger, run)
    earlier = {account(answer.approver) for answer in release.approvals}
    if approves and number > 1 and account(approver) in earlier:
        error: MlopsError = ApprovalError(
            "APPROVAL-002",
            "expected a second person, found the one who approved before",
            where=release.release,
            todo="clear this task, and let another person answer",
        )
        _refused(ledger, run, release, number, approver, error)
        raise error
    answer = promotion.approve if approves else promotion.reject
    try:
        answer(
            ledger,
            release.release,
            approver=approver,
            statement=statement,
            triggered_by=triggered_by,
            owner=declaration.use_case.owner,
            role=role,
            actor=approver,
        )
    except MlopsError as error:
        if error.exit_code != 1:
            _refused(ledger, run, release, number, approver, error)
        raise
    fetch_release(settings, ledger, release.release)
    key = load_or_create_key(settings.signing_key_file, settings.trusted_keys_folder)
    Desk(ledger, settings.work, settings.root, settings.trusted_keys_folder, key).export(release.release)
    if not approves:
        raise ApprovalError(
            "APPROVAL-003",
            "a person rejected this release; it is recorded and can never be promoted",
            where=release.release,
            todo="read the statement: mlops registry show " + release.release,
        )
    return release.release


def _refused(ledger: Ledger, run: Run, release: Release, number: int, approver: str, error: MlopsError) -> None:
    body = {"release": release.release, "dossier": release.dossier, "number": number, "approver": approver}
    append(ledger, "approval_refused", {**body, "code": error.code}, use_case=run.use_case, run=run.id, actor=approver)


def record_lapse(
    settings: Settings, declaration: Declaration, ledger: Ledger, run: Run, *, number: int, asked_at: str
) -> None:
    """Enter that nobody answered in time; the release stays registered and can still be approved by command.

    Raises:
        ApprovalError: always; the run ends here.
    """
    release = release_of_run(ledger, run)
    hours = declaration.use_case.approval.response_timeout_hours
    body = {"release": release.release, "dossier": release.dossier, "number": number, "hours": hours}
    once = f"approval_lapsed/{run.id}/{number}/{asked_at}"
    append_once(ledger, "approval_lapsed", body, once=once, use_case=run.use_case, run=run.id)
    raise ApprovalError(
        "APPROVAL-004",
        f"nobody answered within {hours:g} hours; recorded, and nothing was promoted",
        where=release.release,
        todo="clear this task to ask again, or: mlops registry approve " + release.release,
    )
