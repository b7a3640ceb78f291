"""``mlops contract check``: a contract against data, rule by rule."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from mlops.artifacts import write_atomic
from mlops.contracts import row_rules
from mlops.contracts.check import RECORDS, check
from mlops.contracts.contract import load_contract
from mlops.contracts.errors import first_error
from mlops.contracts.verdict import verdict
from mlops.contracts.waivers import expiry_findings
from mlops.governance.check_data import tables_of
from mlops.governance.check_report import print_report, to_html, to_json
from mlops.settings import SettingsError, load_settings
from mlops.stages.named_checks import named_checks


def check_command(
    contract: Annotated[Path, typer.Argument(metavar="CONTRACT", help="A contract file.")],
    data: Annotated[
        list[str],
        typer.Argument(
            metavar="DATA…",
            help="A Parquet, JSONL or CSV file; a folder of files of one of these kinds; for several objects "
            "OBJECT=PATH each, or a folder that holds OBJECT.parquet, .jsonl or .csv.",
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    report: Annotated[Path | None, typer.Option("--report", metavar="FILE", help="Write a page as well.")] = None,
) -> None:
    """Run every rule of a contract over data.

    Prints per rule the outcome, what was observed against the threshold, of how many rows, and how long it took; then
    the coverage and the verdict. Rows are named by record id, no value is shown. Exit code 0: passed; 10: blocked; 20:
    wrong input. JSONL, CSV and chat shards are copied into a private folder, which is removed at the end.
    """
    loaded = load_contract(contract)
    if expired := list(expiry_findings(loaded, datetime.now(UTC).date())):
        raise first_error(loaded.path, expired)
    with tempfile.TemporaryDirectory(prefix="mlops-contract-") as scratch, _progress() as progress:
        progress(0, None, "read")
        tables = tables_of(loaded, data, Path(scratch))
        found = check(loaded, tables, named_checks(_root()), progress=progress)
        names = [table.name for table in loaded.objects]
        decided = verdict(found, found.rows[RECORDS if RECORDS in names else names[0]])
    if report is not None:
        places = dict.fromkeys(names, data[0]) if len(data) == 1 else dict(each.split("=", 1) for each in data)
        write_atomic(report, to_html(found, decided, places).encode())
    if as_json:
        typer.echo(json.dumps(to_json(found, decided), ensure_ascii=False, indent=2, allow_nan=False))
    else:
        print_report(found, decided, Console())
    if decided.outcome == "blocked":
        raise typer.Exit(10)


def _root() -> Path:
    """The project, below which rules name files; data may be checked where there is none."""
    try:
        return load_settings().root
    except SettingsError:
        return Path.cwd()


@contextmanager
def _progress() -> Iterator[row_rules.Progress]:
    """A bar on a terminal; nothing in a pipe or a log. Writes to stderr."""
    console = Console(file=sys.stderr)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bars:
        bar = bars.add_task("read", total=None)

        def progress(done: int, total: int | None, what: str) -> None:
            bars.update(bar, completed=done, total=total, description=what)

        yield progress
