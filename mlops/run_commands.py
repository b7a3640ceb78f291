"""``mlops run``, ``mlops stage`` and ``mlops runs``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from mlops.errors import MlopsError
from mlops.ledger.events import events
from mlops.ledger.store import open_ledger
from mlops.run_display import json_lines, live_progress, print_result
from mlops.runs import RunError, new_run_id, stage_results, start_run
from mlops.settings import load_settings
from mlops.use_case import load_use_case

runs_app = typer.Typer(help="List runs and what became of them.", no_args_is_help=True, pretty_exceptions_enable=False)


def run(
    use_case: str = typer.Argument(help="Name of a use case, or a path to its file."),
    run_id: str = typer.Option("", "--run", help="Go on with this run instead of beginning one."),
    unapproved: bool = typer.Option(
        False, "--unapproved", help="Begin under contracts that lack approvals; MLOPS_DEVELOPMENT=1 only, recorded."
    ),
    as_json: bool = typer.Option(False, "--json", help="Progress and result as JSON lines on stdout."),
) -> None:
    """Run the whole pipeline of a use case; stages whose inputs did not change are taken from the store."""
    from mlops.pipeline_run import run_pipeline
    from mlops.telemetry.replay import replay_all

    settings = load_settings()
    declaration = load_use_case(settings.root, use_case)
    ledger = open_ledger(settings.ledger)
    identifier = run_id or new_run_id()
    with json_lines() if as_json else live_progress() as report:
        result = run_pipeline(settings, declaration, ledger, identifier, report, unapproved=unapproved)
        if as_json:
            report(_as_json(result))
    if not as_json:
        print_result(result, Console())
    for warning in replay_all(ledger, settings.work, wandb=settings.wandb):
        typer.echo(f"warning: {warning}", err=True)
    raise typer.Exit(result.code)


def _as_json(result: Any) -> dict[str, Any]:
    stages = [{"stage": item.stage, "code": item.code, "seconds": item.seconds, **item.last} for item in result.results]
    return {
        "event": "run",
        "run": result.run.id,
        "code": result.code,
        "seconds": result.seconds,
        "stages": stages,
        "release": result.release,
        "promotion": result.promotion,
        "verification": None if result.verification is None else asdict(result.verification),
    }


def stage(
    name: str = typer.Argument(help="Name of the stage, e.g. mask."),
    use_case: str = typer.Option(..., "--use-case", help="Name of a use case, or a path to its file."),
    run_id: str = typer.Option("", "--run", help="Id of the run; a new id begins a run with its own pins."),
    run_file: Path | None = typer.Option(
        None, "--run-file", help="File that keeps the run instead of --run; ingest begins a run and writes it."
    ),
    into: Path | None = typer.Option(None, "--into", help="Folder for a copy of the sealed output."),
    as_json: bool = typer.Option(False, "--json", help="Progress and result as JSON lines on stdout."),
) -> None:
    """Run one stage of one run. Exit codes: 0 done, 10 blocked, 20 wrong input, 1 may be retried."""
    from mlops.pipeline_run import end_with_parent
    from mlops.repro import lay_out, run_of_file, run_with_upstream
    from mlops.stage_runner import DONE, run_stage

    if bool(run_id) == bool(run_file):
        raise typer.BadParameter("expected --run or --run-file, one of them")
    end_with_parent()
    last: dict[str, Any] = {}
    with json_lines() if as_json else live_progress() as report:

        def remember(item: dict[str, Any]) -> None:
            if item["event"] != "beat":
                last.update(item)
            if as_json or item["event"] != "failed":  # a failure is told once, below
                report(item)

        try:
            settings = load_settings()
            declaration = load_use_case(settings.root, use_case)
            ledger = open_ledger(settings.ledger)
            if run_file is None:
                started = start_run(settings, declaration, ledger, run_id)
                code = run_stage(settings, declaration, ledger, started, name, remember)
            else:
                started = run_of_file(settings, declaration, ledger, run_file, name)
                code = run_with_upstream(settings, declaration, ledger, started, name, remember)
            if into is not None and code == DONE:
                lay_out(settings, stage_results(ledger, started.id)[name], into)
        except MlopsError as error:
            if not as_json:
                raise
            report({"event": "failed", "stage": name, "error": str(error), **_told(error)})
            code = error.exit_code
    if not as_json:
        _print_stage(last)
    raise typer.Exit(code)


def _told(error: MlopsError) -> dict[str, Any]:
    return {"code": error.code, "message": error.message, "retryable": error.exit_code == 1}


def _print_stage(last: dict[str, Any]) -> None:
    if last.get("event") == "failed":
        typer.echo(f"error: {last['error']}", err=True)
        return
    how = "unchanged, from the store" if last["hit"] else f"{last['seconds']:.1f} s"
    reason = f": {last['reason']}" if last["reason"] else ""
    typer.echo(f"{last['stage']} {last['outcome']}{reason} ({how}), artifact {last['artifact']}")


@runs_app.command("list")
def list_runs(
    use_case: str = typer.Option("", "--use-case", help="Only runs of this use case."),
    as_json: bool = typer.Option(False, "--json", help="As JSON."),
) -> None:
    """All runs, newest first, with their outcome."""
    ledger = open_ledger(load_settings().ledger, create=False)
    found: dict[str, dict[str, Any]] = {}
    for event in events(ledger, kinds=["run_started", "run_finished", "registered"], use_case=use_case or None):
        row = found.setdefault(
            event.run or "", {"run": event.run, "use_case": event.use_case, "outcome": "not finished"}
        )
        if event.kind == "run_started":
            row["started_at"], row["by"] = event.at, event.actor
        elif event.kind == "run_finished":
            row["outcome"], row["seconds"] = event.body["outcome"], event.body["seconds"]
        else:
            row["release"] = event.body["release"]
    rows = list(reversed(found.values()))
    if as_json:
        typer.echo(json.dumps(rows))
        return
    table = Table(header_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("run", "use case", "outcome", "seconds", "release"):
        table.add_column(name, no_wrap=name in ("run", "release"))
    for row in rows:
        names = ("run", "use_case", "outcome", "seconds", "release")
        table.add_row(*(str(row.get(name, "")) for name in names))
    Console().print(table)


@runs_app.command("show")
def show_run(
    run_id: str = typer.Argument(help="Id of the run."), as_json: bool = typer.Option(False, "--json", help="As JSON.")
) -> None:
    """Everything the ledger knows of a run, in order."""
    ledger = open_ledger(load_settings().ledger, create=False)
    found = events(ledger, run=run_id)
    if not found:
        raise RunError("RUN-004", "no such run", where=run_id, todo="see: mlops runs list")
    if as_json:
        typer.echo(json.dumps([asdict(event) for event in found]))
        return
    table = Table("seq", "at", "stage", "event", "detail", header_style="bold")
    for event in found:
        table.add_row(str(event.seq), event.at[:19], event.stage or "", event.kind, _detail(event.body))
    Console().print(table)


def _detail(body: dict[str, Any]) -> str:
    names = ("task", "state", "try", "outcome", "reason", "verdict", "release", "code", "message", "hit", "artifact")
    shown = [f"{name}={str(body[name])[:60]}" for name in names if body.get(name) not in (None, False)]
    return " ".join(shown)
