"""What a person sees of a run: progress while it goes on, a table, the gate's figures and the next step at its end."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from mlops.pipeline import STAGES
from mlops.pipeline_run import RunResult, StageResult

Report = Callable[[dict[str, Any]], None]


def _own(descriptor: int) -> TextIO:
    """A stream of our own on a standard descriptor, which stays open while a stage's output goes to its log."""
    return os.fdopen(os.dup(descriptor), "w", buffering=1)


@contextmanager
def live_progress() -> Iterator[Report]:
    """A bar per stage on a terminal; one line per stage's begin and end on a pipe or in a log. Writes to stderr."""
    with _own(2) as stream:
        yield from _progress(Console(file=stream))


def _progress(console: Console) -> Iterator[Report]:
    if not console.is_terminal:
        yield _lines(console)
        return
    columns = (
        SpinnerColumn(finished_text="[green]✔[/green]"),
        TextColumn("{task.description:<9}"),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[what]}[/dim]"),
    )
    with Progress(*columns, console=console) as progress:
        yield _bars(progress)


def _bars(progress: Progress) -> Report:
    bars: dict[str, Any] = {}
    current = ""

    def report(item: dict[str, Any]) -> None:
        nonlocal current
        kind = item["event"]
        if kind == "started":
            current = item["stage"]
            bars[current] = progress.add_task(current, total=None, what="")
        elif kind == "progress" and current:
            progress.update(bars[current], completed=item["done"], total=item["total"], what=item["what"])
        elif kind == "finished":
            what = "unchanged, from the store" if item["hit"] else ""
            progress.update(bars[item["stage"]], completed=1, total=1, what=what)
        elif kind == "failed":
            progress.console.print(f"[red]✘[/red] {item['stage']}", highlight=False)
        elif kind == "warning":
            progress.console.print(item["message"], markup=False)

    return report


def _lines(console: Console) -> Report:
    def report(item: dict[str, Any]) -> None:
        if item["event"] == "started":
            does = next(stage.does for stage in STAGES if stage.name == item["stage"])
            console.print(f"{item['stage']}: {does}", markup=False, highlight=False)
        elif item["event"] in ("failed", "warning"):
            console.print(item.get("error") or item.get("message"), markup=False, highlight=False, soft_wrap=True)

    return report


@contextmanager
def json_lines() -> Iterator[Report]:
    """Report each object as one JSON line on stdout."""
    with _own(1) as stream:
        one_at_a_time = threading.Lock()  # the heartbeat's thread reports too

        def report(item: dict[str, Any]) -> None:
            with one_at_a_time:
                stream.write(json.dumps(item) + "\n")
                stream.flush()

        yield report


def print_result(result: RunResult, console: Console) -> None:
    """The end of a run, for people: stages, gate, release, verification, next steps."""
    console.print(_stage_table(result))
    gate = next((item for item in result.results if item.stage == "gate"), None)
    if gate is not None and "figures" in gate.last:
        console.print(_gate_table(gate.last["figures"]))
    failed = result.results[-1]
    if failed.code != 0:
        reason = failed.last.get("error") or failed.last.get("reason") or "no reason was given"
        console.print(f"[red]{failed.stage} did not pass:[/red]", end=" ")
        console.print(reason, markup=False, highlight=False, soft_wrap=True)
    if result.release:
        console.print(f"release   [bold]{result.release}[/bold]  ({result.promotion})", highlight=False)
    if result.verification is not None:
        report = result.verification
        answer = "[green]verified[/green]" if report.ok else "[red]NOT VERIFIED[/red]"
        passed = sum(check.ok for check in report.checks)
        console.print(f"verify    {answer}: {passed} of {len(report.checks)} checks hold", highlight=False)
    console.print(f"run       {result.run.id}, {result.seconds:.1f} s", highlight=False)
    for step in next_steps(result):
        console.print(f"next      {step}", markup=False, highlight=False, soft_wrap=True)


def next_steps(result: RunResult) -> tuple[str, ...]:
    """What to do now, as commands."""
    if result.next_steps:
        return result.next_steps
    last = result.results[-1]
    if last.code == 10:
        return (
            f"look at workspace/{result.run.use_case}/{last.stage}/",
            "change the data, the recipe or the gate, then run again; finished stages are not repeated",
        )
    if last.code == 1:
        return (f"mlops run {result.run.use_case}    (goes on from what was sealed)",)
    return ("correct what the message names, then run again",)


def _count(value: Any) -> str:
    return "" if value is None else f"{value:,}"


def _stage_table(result: RunResult) -> Table:
    table = Table(title=f"{result.run.use_case}", title_justify="left", header_style="bold")
    for name, justify in (
        ("stage", "left"),
        ("outcome", "left"),
        ("rows in", "right"),
        ("rows out", "right"),
        ("seconds", "right"),
        ("cache", "left"),
        ("artifact", "left"),
    ):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for item in result.results:
        last = item.last
        table.add_row(
            item.stage,
            _outcome(item),
            _count(last.get("rows_in")),
            _count(last.get("rows_out")),
            f"{item.seconds:.1f}",
            "hit" if last.get("hit") else "",
            str(last.get("artifact", "")).removeprefix("sha256:")[:12],
        )
    for stage in STAGES[len(result.results) :]:
        table.add_row(stage.name, "[dim]not run[/dim]", "", "", "", "", "")
    return table


def _outcome(item: StageResult) -> str:
    return {0: "[green]done[/green]", 10: "[yellow]blocked[/yellow]", 20: "[red]wrong input[/red]"}.get(
        item.code, "[red]failed[/red]"
    )


def _number(value: Any) -> str:
    return "–" if value is None else f"{value:.3g}"


def _interval(value: Any) -> str:
    return "–" if not value else f"[{_number(value['low'])}, {_number(value['high'])}]"


def _gate_table(figures: dict[str, Any]) -> Table:
    title = f"gate: {figures.get('verdict', '?')}"
    table = Table(title=title, title_justify="left", header_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("metric", "rule", "value", "interval", "limit", "n", "outcome"):
        table.add_column(name, justify="left" if name in ("metric", "rule", "outcome") else "right", no_wrap=True)
    for metric in figures.get("metrics", []):
        table.add_row(
            metric["id"],
            metric.get("rule", "").replace("versus", "vs"),
            _number(metric["value"]),
            escape(_interval(metric.get("interval"))),
            _number(metric["threshold"]),
            _count(metric["n"]),
            metric["outcome"],
        )
    return table
