"""`mlops monitor` and `mlops reconcile`: has the data moved, and has anything been missed?"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from mlops.errors import MlopsError
from mlops.ledger.store import open_ledger
from mlops.monitor_pipeline import MonitorRun, run_monitor
from mlops.reconcile import ReconcilePass
from mlops.reconcile import reconcile as reconcile_pass
from mlops.run_display import json_lines, live_progress
from mlops.runs import RunError, find_run, new_run_id
from mlops.settings import Settings, load_settings
from mlops.use_case import Declaration, list_use_cases, load_use_case


def monitor(
    use_case: str = typer.Argument(help="Name of a use case, or a path to its file."),
    run_id: str = typer.Option("", "--run", help="Go on with this run instead of beginning one."),
    as_json: bool = typer.Option(False, "--json", help="Progress and result as JSON lines on stdout."),
) -> None:
    """Compare the masked data of now with what the champion was made from, and decide whether to retrain.

    Exit code 0: no alarm, or no champion to compare with; 10: alarm; 20: not evaluated because of the data, or wrong
    input; 1: may be retried. Drift is declared when the alarm persists (monitoring.alarm_after).
    """
    settings = load_settings()
    declaration = load_use_case(settings.root, use_case)
    ledger = open_ledger(settings.ledger)
    if run_id and find_run(ledger, run_id) is None:
        raise RunError("RUN-004", "no such run", where=run_id, todo="see: mlops runs list")
    with json_lines() if as_json else live_progress() as report:
        ended = run_monitor(settings, declaration, ledger, run_id or new_run_id(), report)
        if as_json:
            report(_monitor_json(ended))
    if not as_json:
        _print_monitor(ended)
    raise typer.Exit(ended.code)


def _monitor_json(ended: MonitorRun) -> dict[str, Any]:
    found: dict[str, Any] = {
        "event": "monitor",
        "run": ended.run.id,
        "code": ended.code,
        "seconds": ended.seconds,
        "stages": [{"stage": item.stage, "code": item.code, **item.last} for item in ended.results],
    }
    if ended.monitored is not None:
        found |= {**asdict(ended.monitored), "report": str(ended.monitored.report)}
    if ended.decision is not None:
        found["decision"] = {name: getattr(ended.decision, name) for name in ("decision", "reason", "drift_key")}
    return found


def _print_monitor(ended: MonitorRun) -> None:
    monitored, decision = ended.monitored, ended.decision
    if monitored is None or decision is None:
        last = ended.results[-1]
        typer.echo(f"error: stage {last.stage}: {last.last.get('error', 'no reason was given')}", err=True)
        typer.echo(f"next      mlops monitor {ended.run.use_case} --run {ended.run.id}")
        return
    typer.echo(f"monitor   {monitored.outcome.replace('_', ' ')}: {monitored.reason}")
    typer.echo(f"champion  {monitored.champion or 'none'}")
    if monitored.outcome == "alarm":
        said = "drift is declared" if monitored.drift else "not yet drift"
        typer.echo(f"alarms    {monitored.consecutive} in a row, {said}")
    typer.echo(f"decision  {decision.decision}: {decision.reason}")
    typer.echo(f"report    {monitored.report / 'report.html'}")
    typer.echo(f"run       {ended.run.id}, {ended.seconds:.1f} s")
    if decision.decision == "retrain":
        typer.echo(f"next      mlops run {ended.run.use_case}")


def reconcile(
    repair: bool = typer.Option(False, "--repair", help="Also repair what can be repaired without a person."),
    as_json: bool = typer.Option(False, "--json", help="As one JSON object."),
) -> None:
    """Find what events missed: unpromoted releases, unanswered approvals, stuck leases, dead heartbeats, lost runs.

    Datasets without a run are known to the scheduler only; its daily DAG passes them in. Exit code 0: nothing is left
    open; 10: something is; 20: a use-case file could not be read.
    """
    settings = load_settings()
    declarations, broken = _declarations(settings)
    ledger = open_ledger(settings.ledger, create=False)
    found = reconcile_pass(settings, ledger, declarations, None, datetime.now(UTC), repairs=repair)
    if as_json:
        typer.echo(json.dumps(_reconcile_json(found)))
    else:
        _print_reconcile(found, repair)
    for error in broken:
        typer.echo(f"error: {error}", err=True)
    raise typer.Exit(10 if found.open else 20 if broken else 0)


def _declarations(settings: Settings) -> tuple[list[Declaration], list[MlopsError]]:
    """Every use case that can be read; a broken file hides none of the others."""
    found, broken = [], []
    for name in list_use_cases(settings.root):
        try:
            found.append(load_use_case(settings.root, name))
        except MlopsError as error:
            broken.append(error)
    return found, broken


def _reconcile_json(found: ReconcilePass) -> dict[str, Any]:
    said = {(item.finding.kind, item.finding.subject): item for item in found.repairs}
    rows = []
    for finding in found.findings:
        repair = said.get((finding.kind, finding.subject))
        row = {name: getattr(finding, name) for name in ("kind", "use_case", "subject", "detail", "repairable")}
        rows.append(
            {**row, "repaired": repair is not None and repair.repaired, "repair": "" if repair is None else repair.said}
        )
    return {"event": "reconcile", "findings": rows, "open": len(found.open)}


def _print_reconcile(found: ReconcilePass, repair: bool) -> None:
    if not found.findings:
        typer.echo("nothing was missed")
        return
    rows = _reconcile_json(found)["findings"]
    table = Table(header_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("finding", "use case", "subject", "what"):
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(row["kind"], row["use_case"], row["subject"], row["repair"] or row["detail"])
    Console().print(table)
    typer.echo(f"{len(rows)} found, {len(rows) - len(found.open)} repaired, {len(found.open)} open")
    if not repair and any(row["repairable"] for row in rows):
        typer.echo("next      mlops reconcile --repair")
