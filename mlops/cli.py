"""The ``mlops`` command: mounts each room's commands when they are asked for, and turns errors into exit codes."""

from __future__ import annotations

import importlib
import logging
import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from mlops import __version__
from mlops.errors import MlopsError

# Command → where its Typer app (a group) or plain function (one command) lives, and its line in the help.
COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("mlops.run_commands:run", "Run the whole pipeline of a use case."),
    "stage": ("mlops.run_commands:stage", "Run one stage of one run."),
    "runs": ("mlops.run_commands:runs_app", "List runs and what became of them."),
    "data": ("mlops.data_commands:app", "Artifacts in the DVC remotes: status, push, pull."),
    "use-case": ("mlops.use_case_commands:app", "Check, list and create use-case files."),
    "contract": ("mlops.governance.commands:app", "Data contracts: lint, check, compare, approve, publish."),
    "privacy": ("mlops.privacy.commands:app", "Find and mask personal data."),
    "model": ("mlops.training.commands:app", "Build the sample base model."),
    "registry": ("mlops.registry.commands:app", "Releases: list, show, approve, promote, roll back."),
    "verify": ("mlops.registry.commands:verify_command", "Re-check a release from source to approver."),
    "monitor": ("mlops.watch_commands:monitor", "Has the data moved away from the champion's? Retrain or wait."),
    "reconcile": ("mlops.watch_commands:reconcile", "Find and repair what events missed."),
    "drift": ("mlops.monitoring.commands:drift_command", "Compare two datasets for drift."),
    "telemetry": ("mlops.telemetry.commands:app", "Exporter and sinks."),
    "sample": ("mlops.datasets.commands:sample_command", "Write the sample use case's source data."),
}


def _load(target: str) -> Any:
    module_name, _, attribute = target.partition(":")
    found: Any = getattr(importlib.import_module(module_name), attribute)
    if isinstance(found, typer.Typer):
        return typer.main.get_command(found)
    single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    single.command()(found)
    return typer.main.get_command(single)


_TYPER_STOPPED = 130  # how Typer ends on Ctrl-C; to us it is a failure that may be retried


class LazyCommands(TyperGroup):
    """Lists commands without importing their modules."""

    def list_commands(self, ctx: Any) -> list[str]:
        """All command names, in the order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import one command's module."""
        if cmd_name not in COMMANDS:
            return None
        target, line = COMMANDS[cmd_name]
        command = _load(target)
        command.name, command.short_help = cmd_name, line
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The help page's list, from the table above."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_target, line) in COMMANDS.items()])


app = typer.Typer(
    cls=LazyCommands, add_completion=False, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False
)


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    """Governed LLM fine-tuning: from declared data to a gated, reversible, provable model release."""
    if version:
        typer.echo(__version__)
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


def main() -> None:
    """Entry point. Exit codes: 0 done, 1 may be retried, 2 usage, 10 blocked by a gate, 20 wrong input."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    try:
        app(prog_name="mlops")
    except MlopsError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.exit(1)
    except SystemExit as ended:
        if ended.code != _TYPER_STOPPED:
            raise
        typer.echo("stopped: run again, what was finished is kept", err=True)
        sys.exit(1)
    except Exception as error:
        if os.environ.get("MLOPS_DEBUG"):
            raise
        # The text of a foreign exception may quote data, so only its type is shown.
        typer.echo(f"error: {type(error).__name__}: this is a defect — set MLOPS_DEBUG=1 for the details", err=True)
        sys.exit(1)
