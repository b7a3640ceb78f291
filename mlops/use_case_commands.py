"""``mlops use-case lint|list|new|schema``."""

from __future__ import annotations

import json
import re
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from mlops.artifacts import write_atomic
from mlops.settings import Settings, load_settings
from mlops.use_case import NAME_PATTERN, UseCaseError, list_use_cases, load_use_case, problems, use_case_path
from mlops.use_case_template import template
from mlops.yaml_source import parse_document

app = typer.Typer(help="Check, list and create use-case files.", no_args_is_help=True, pretty_exceptions_enable=False)


@app.command()
def lint(names: list[str] = typer.Argument(None, help="Names or files; all of use_cases/ without.")) -> None:
    """Check use-case files: one finding a line, all findings at once, exit code 20 if there is any."""
    settings = load_settings()
    wanted = names or list_use_cases(settings.root)
    findings = [finding for name in wanted for finding in _findings(settings, name)]
    for finding in findings:
        typer.echo(finding)
    if findings:
        raise typer.Exit(20)
    typer.echo(f"{len(wanted)} use case(s), no findings")


def _findings(settings: Settings, name: str) -> list[str]:
    source = parse_document(use_case_path(settings.root, name))
    found = [str(problem) for problem in problems(source)]
    if found:
        return found
    use_case = load_use_case(settings.root, name).use_case
    files = {
        ("contracts", "source"): use_case.contracts.source,
        ("contracts", "training_set"): use_case.contracts.training_set,
        ("training", "base_model"): use_case.training.base_model,
    }
    return [
        str(UseCaseError("USECASE-006", f"{value} does not exist", where=source.where(at), todo="correct the path"))
        for at, value in files.items()
        if not (settings.root / value).exists()
    ]


@app.command("list")
def list_all(as_json: bool = typer.Option(False, "--json", help="As JSON.")) -> None:
    """All declared use cases with owner, purpose and risk class; a broken file is shown as such."""
    settings = load_settings()
    rows = []
    for name in list_use_cases(settings.root):
        try:
            found = load_use_case(settings.root, name).use_case
            rows.append([name, found.owner, found.purpose.name, found.ethics.risk_class, found.training.base_model])
        except UseCaseError as error:
            rows.append([name, str(error), "", "", ""])
    columns = ("name", "owner", "purpose", "risk", "base model")
    if as_json:
        typer.echo(json.dumps([dict(zip(columns, row, strict=True)) for row in rows]))
        return
    table = Table(*columns, header_style="bold")
    for row in rows:
        table.add_row(*row)
    Console().print(table)


@app.command()
def new(name: str = typer.Argument(help="Lower-case letters, digits and underscores.")) -> None:
    """Write a commented use-case file that passes lint; asks nothing and overwrites nothing."""
    settings = load_settings()
    if not re.fullmatch(NAME_PATTERN, name):
        raise UseCaseError(
            "USECASE-007", "expected lower-case letters, digits and underscores", where=name, todo="choose another name"
        )
    path: Path = use_case_path(settings.root, name)
    if path.exists():
        raise UseCaseError("USECASE-008", "this use case exists", where=str(path), todo="choose another name")
    write_atomic(path, template(name).encode())
    typer.echo(f"wrote {path.relative_to(settings.root)}; next: edit it, then mlops use-case lint {name}")


@app.command()
def schema() -> None:
    """Print the JSON Schema of a use-case file, for editors."""
    from mlops.use_case import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))
