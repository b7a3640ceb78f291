"""`mlops drift REFERENCE CURRENT`: compare two Parquet datasets in the canonical chat schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import pyarrow as pa
import typer

from mlops.monitoring.config import MonitoringSection
from mlops.monitoring.drift import DriftReport, Signal, drift
from mlops.monitoring.errors import MonitoringError

_EXIT = {"ok": 0, "alarm": 10, "not_evaluated": 20}


def drift_command(
    reference: Annotated[Path, typer.Argument(help="Parquet file, or folder of Parquet files: the fixed reference.")],
    current: Annotated[Path, typer.Argument(help="Parquet file or folder: what arrived since.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON line.")] = False,
) -> None:
    """Compare two datasets for drift. Exit code 0: no alarm; 10: alarm; 20: bad input, or too little to evaluate."""
    report = drift(read_table(reference), read_table(current), MonitoringSection())
    typer.echo(json.dumps(report.to_json(), sort_keys=True, allow_nan=False) if as_json else render(report))
    raise typer.Exit(_EXIT[report.outcome])


def read_table(path: Path) -> pa.Table:
    """Read one Parquet file, or all Parquet files directly in a folder, in the order of their names.

    Raises:
        MonitoringError: MONITORING-001 when there is none, one cannot be read, or their columns differ.
    """
    import pyarrow.parquet as pq

    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    if not files:
        raise _unreadable(path, "expected Parquet files in the folder, found none")
    try:
        return pa.concat_tables([pq.ParquetFile(file).read() for file in files])
    except (OSError, pa.ArrowException):
        raise _unreadable(path, "expected Parquet of one schema, found none that can be read") from None


def _unreadable(path: Path, message: str) -> MonitoringError:
    return MonitoringError(
        "MONITORING-001", message, where=str(path), todo="name a .parquet file, or the folder that holds the shards"
    )


def render(report: DriftReport) -> str:
    """The report as a small table of plain text."""
    head = ("signal", "outcome", "effect", "floor", "adjusted p", "reason")
    rows = [head, *(_cells(signal) for signal in report.signals)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    compared = f"{report.current_conversations} conversations against {report.reference_conversations}"
    if report.outside_window:
        compared += f"; {report.outside_window} older records outside the window"
    return "\n".join([*lines, "", f"{report.outcome.replace('_', ' ')}: {compared}"])


def _cells(signal: Signal) -> tuple[str, ...]:
    numbers = (_number(value) for value in (signal.effect, signal.floor, signal.adjusted_p))
    return (signal.name, signal.outcome.replace("_", " "), *numbers, signal.reason)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"
