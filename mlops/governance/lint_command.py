"""``mlops contract lint``: what is wrong with contract files, all of it at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlops.contracts.errors import Finding
from mlops.contracts.lint import errors, lint, shared_identities
from mlops.stages.checks.arguments import argument_problems

FOLDER = Path("data_contracts")


def lint_command(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Contract files, or folders that hold some.", show_default=str(FOLDER))
    ] = None,
) -> None:
    """Check contract files against the standard, the project's profile and the engines that will run them.

    Prints one finding per line, ``file:line: CODE message — what to do``, for all files. Errors end it with exit code
    20, warnings do not. Nothing but the files is read. ``mlops contract rules`` says what each code asks.
    """
    found: list[Finding] = []
    files = contract_files(paths or [FOLDER])
    shared = shared_identities(files)
    for path in files:
        findings = sorted([*lint_file(path), *shared.get(path, [])])
        found += findings
        for finding in findings:
            typer.echo(finding.at(path))
    if not files:
        nothing = Finding(
            0, "CONTRACT-012", "found no contract files", "name a file *.odcs.yaml, or a folder with some"
        )
        typer.echo(nothing.at((paths or [FOLDER])[0]))
    bad = len(errors(found))
    typer.echo(f"{len(files)} contract file(s), {bad} error(s), {len(found) - bad} warning(s)", err=True)
    if bad or not files:
        raise typer.Exit(20)


def lint_file(path: Path) -> list[Finding]:
    """All findings of one file, judged with the named checks that the stages have, as of today."""
    return lint(path, argument_problems=argument_problems)


def contract_files(paths: list[Path]) -> list[Path]:
    """The files named, and ``*.odcs.yaml`` in the folders named, each once, in order."""
    found: dict[Path, None] = {}
    for path in paths:
        found |= dict.fromkeys(sorted(path.glob("*.odcs.yaml")) if path.is_dir() else [path])
    return list(found)
