"""``mlops contract``: lint contract files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlops.contracts.errors import Finding
from mlops.contracts.lint import lint

app = typer.Typer(help="Data contracts: check the files themselves.", no_args_is_help=True)

FOLDER = Path("data_contracts")


@app.callback()
def _contract() -> None:
    """Data contracts (Open Data Contract Standard, v3.1 and v3.2)."""


@app.command("lint")
def lint_command(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Contract files, or folders that hold some.", show_default=str(FOLDER))
    ] = None,
) -> None:
    """Check contract files against the standard, the project's profile and the engines that will run them.

    Prints one finding per line, ``file:line: CODE message — what to do``, for all files, and ends with exit code 20
    if there is one. Nothing but the files is read.
    """
    count = 0
    files = contract_files(paths or [FOLDER])
    for path in files:
        findings = lint(path)
        count += len(findings)
        for finding in findings:
            typer.echo(finding.at(path))
    if not files:
        nothing = Finding(
            0, "CONTRACT-012", "found no contract files", "name a file *.odcs.yaml, or a folder with some"
        )
        typer.echo(nothing.at((paths or [FOLDER])[0]))
    typer.echo(f"{len(files)} contract file(s), {count} finding(s)", err=True)
    if count or not files:
        raise typer.Exit(20)


def contract_files(paths: list[Path]) -> list[Path]:
    """The files named, and ``*.odcs.yaml`` in the folders named, each once, in order."""
    found: dict[Path, None] = {}
    for path in paths:
        found |= dict.fromkeys(sorted(path.glob("*.odcs.yaml")) if path.is_dir() else [path])
    return list(found)
