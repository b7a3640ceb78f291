"""The commands ``mlops registry …`` and ``mlops verify``. Results go to stdout; ``--json`` gives one object."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mlops.ledger.events import Event, current_actor, events
from mlops.ledger.store import open_ledger
from mlops.registry import actions
from mlops.registry.champion_file import follow_champion, write_champion_file
from mlops.registry.errors import RegistryError
from mlops.registry.fetching import fetch_release
from mlops.registry.signing import load_or_create_key
from mlops.registry.state import KINDS, Release, champion, history, releases, standing
from mlops.registry.verification import VerifyReport, verify_release
from mlops.settings import Settings, load_settings

NOT_VERIFIED = 10

app = typer.Typer(
    help="Releases: list, show, approve, reject, promote, roll back, export.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
ReleaseName = Annotated[str, typer.Argument(metavar="RELEASE", help="A release's name, see: mlops registry list.")]
Approver = Annotated[
    str | None, typer.Option("--approver", help="The account that answers; who you are to this machine by default.")
]
Role = Annotated[str | None, typer.Option("--role", help="The role in which you answer, if the use case lists roles.")]
Statement = Annotated[str, typer.Option("--statement", help="Why, 1 to 2000 characters; kept in the ledger.")]


def _show(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def _desk(release: str | None = None) -> actions.Desk:
    """Where decisions are made; with a release, its artifacts are here or were fetched from the remotes."""
    settings = load_settings()
    ledger = open_ledger(settings.ledger, create=False)
    if release is not None:
        fetch_release(settings, ledger, release)
    return actions.Desk(
        ledger=ledger,
        workspace=settings.work,
        root=settings.root,
        trusted=settings.trusted_keys_folder,
        key=load_or_create_key(settings.signing_key_file, settings.trusted_keys_folder),
    )


def _registry(settings: Settings) -> list[Event]:
    return events(open_ledger(settings.ledger, create=False), kinds=KINDS)


def _row(release: Release, registry: list[Event]) -> dict[str, Any]:
    return {
        "release": release.release,
        "use_case": release.use_case,
        "standing": standing(release, history(registry, release.use_case)),
        "verdict": release.verdict,
        "approvals": len(release.approvals),
        "approvals_required": release.approvals_required,
        "registered_at": release.registered_at,
        "dossier": release.dossier,
    }


def _approvals(row: dict[str, Any]) -> str:
    asked = row["approvals_required"]
    return f"{row['approvals']} of {asked}" if asked else "not needed"


@app.command("list")
def list_releases(
    use_case: Annotated[str | None, typer.Option("--use-case", help="Only this use case.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the registered releases, oldest first, and which one serves."""
    registry = _registry(load_settings())
    rows = [_row(found, registry) for found in releases(registry).values() if use_case in (None, found.use_case)]
    if as_json:
        _show({"releases": rows})
        return
    table = Table(box=None, pad_edge=False)
    for column in ("release", "standing", "gate", "approvals", "registered (UTC)"):
        table.add_column(column, no_wrap=True)
    for row in rows:
        approvals = _approvals(row)
        shown = (row["release"], row["standing"], row["verdict"], approvals, row["registered_at"][:16])
        table.add_row(*map(escape, shown))
    Console().print(table if rows else "no releases yet: mlops run USE_CASE makes one")


@app.command("show")
def show_release(release: ReleaseName, as_json: AsJson = False) -> None:
    """Show one release: what it is, who answered, when it served."""
    registry = _registry(load_settings())
    found = releases(registry).get(release)
    if found is None:
        raise RegistryError(
            "REGISTRY-021",
            "expected a registered release, found none of that name in the ledger",
            where=release,
            todo="list the releases: mlops registry list",
        )
    changes = [change for change in history(registry, found.use_case) if release in (change.release, change.previous)]
    if as_json:
        _show(
            {
                **asdict(found),
                **_row(found, registry),
                "history": [asdict(change) for change in changes],
                "approvals": [asdict(answer) for answer in found.approvals],
            }
        )
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    row = _row(found, registry)
    for name in ("release", "use_case", "standing", "verdict", "dossier", "registered_at"):
        table.add_row(name.replace("_", " "), escape(str(row[name])))
    table.add_row("owner", escape(found.owner))
    table.add_row("triggered by", escape(found.triggered_by or "not recorded"))
    table.add_row("compared with", escape(found.compared_with or "no champion"))
    table.add_row("approvals", _approvals(row))
    for word, answers in (("approved by", found.approvals), ("rejected by", found.rejections)):
        for answer in answers:
            table.add_row(word, escape(f"{answer.approver}, {answer.at[:16]}: {answer.statement}"))
    for change in changes:
        reason = f": {change.reason}" if change.reason else ""
        arrow = f"{change.previous or 'none'} → {change.release}"
        table.add_row(change.kind.replace("_", " "), escape(f"{change.at[:16]} by {change.actor}, {arrow}{reason}"))
    Console().print(table)


@app.command("approve")
def approve(release: ReleaseName, statement: Statement, approver: Approver = None, role: Role = None) -> None:
    """Agree to a release. Not for the use case's owner, nor for who triggered the run."""
    name = approver or current_actor()
    fresh = actions.approve_release(_desk(), release, approver=name, statement=statement, role=role)
    typer.echo(f"{release}: {'approved' if fresh else 'was approved already'} by {name}")


@app.command("reject")
def reject(release: ReleaseName, statement: Statement, approver: Approver = None, role: Role = None) -> None:
    """Refuse a release. This is final."""
    name = approver or current_actor()
    fresh = actions.reject_release(_desk(), release, approver=name, statement=statement, role=role)
    typer.echo(f"{release}: {'rejected' if fresh else 'was rejected already'} by {name}")


@app.command("promote")
def promote(
    release: ReleaseName,
    expected_champion: Annotated[
        str | None,
        typer.Option(help="Replace this champion ('none' for none) instead of the one that the gate compared with."),
    ] = None,
) -> None:
    """Verify a release and make it the champion of its use case."""
    desk = _desk(release)
    found = releases(events(desk.ledger, kinds=KINDS)).get(release)
    expected = found.compared_with if found is not None else None
    if expected_champion is not None:
        expected = None if expected_champion == "none" else expected_champion
    fresh = actions.promote_release(desk, release, expected_champion=expected)
    if found is not None:
        follow_champion(load_settings(), desk.ledger, found.use_case)
    typer.echo(f"{release}: {'champion now' if fresh else 'was promoted already'}")


@app.command("rollback")
def rollback(
    use_case: Annotated[str, typer.Argument(help="Whose champion is taken back.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, 1 to 2000 characters; kept in the ledger.")],
    to: Annotated[str | None, typer.Option("--to", help="An earlier champion; the one before by default.")] = None,
) -> None:
    """Return to an earlier champion at once."""
    desk = _desk()
    before = champion(events(desk.ledger, use_case=use_case), use_case)
    now = actions.rollback_release(desk, use_case, reason=reason, to=to)
    follow_champion(load_settings(), desk.ledger, use_case)
    typer.echo(f"{use_case}: {before} → {now}")


@app.command("champion-file")
def champion_file(
    use_case: Annotated[str, typer.Argument(help="Whose champion.")],
    commit: Annotated[bool, typer.Option("--commit", help="Commit that one file in the checkout's git.")] = False,
) -> None:
    """Write champions/USE_CASE.dvc, with which `dvc pull` brings the champion's adapter from the clean remote."""
    settings = load_settings()
    written = write_champion_file(settings, open_ledger(settings.ledger, create=False), use_case, commit=commit)
    typer.echo(f"{written.path}: {written.release}{', committed' if written.committed else ''}")


@app.command("export")
def export(release: ReleaseName) -> None:
    """Write a registered release's proof again, e.g. after a crash or on another machine."""
    typer.echo(str(_desk().export(release)))


def verify_command(
    release: ReleaseName,
    offline: Annotated[bool, typer.Option("--offline", help="Do not compare with the live ledger.")] = False,
    trusted: Annotated[
        str | None, typer.Option("--trusted", help="Folder of the public keys to trust, instead of the workspace's.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Re-check a release from source digest to approver. Exit code 0: it holds, 10: it does not, 20: unknown."""
    from pathlib import Path

    settings = load_settings()
    ledger = None if offline else open_ledger(settings.ledger, create=False)
    if ledger is not None:
        fetch_release(settings, ledger, release)
    report = verify_release(
        settings.work,
        release,
        root=settings.root,
        trusted=settings.trusted_keys_folder if trusted is None else Path(trusted),
        ledger=ledger,
    )
    if as_json:
        _show({"release": report.release, "ok": report.ok, "checks": [asdict(check) for check in report.checks]})
    else:
        _print_report(report)
    if not report.ok:
        raise typer.Exit(NOT_VERIFIED)


def _print_report(report: VerifyReport) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in report.checks:
        table.add_row("[green]✓[/]" if check.ok else "[bold red]✗[/]", escape(check.name), escape(check.detail))
    console = Console()
    console.print(table)
    failed = sum(not check.ok for check in report.checks)
    verdict = f"verified, {len(report.checks)} checks" if report.ok else f"NOT verified: {failed} check(s) failed"
    console.print(f"{escape(report.release)}: {verdict}")
