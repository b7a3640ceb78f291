"""The command: answers at once, explains itself, and never shows a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mlops import __version__
from mlops.cli import COMMANDS, app


def _mlops(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "mlops", *arguments], capture_output=True, text=True, cwd=cwd)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_can_be_mounted_and_explains_itself(command: str) -> None:
    shown = CliRunner().invoke(app, [command, "--help"])
    assert shown.exit_code == 0, shown.output
    assert "Usage:" in shown.output


def test_the_help_lists_every_command() -> None:
    shown = CliRunner().invoke(app, ["--help"])
    assert all(f"  {command}" in shown.output for command in COMMANDS)


def test_version(tmp_path: Path) -> None:
    done = _mlops("--version", cwd=tmp_path)
    assert (done.returncode, done.stdout.strip()) == (0, __version__)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [([], 2), (["nope"], 2), (["run", "--nope"], 2), (["run", "x"], 20), (["registry", "list"], 20)],
    ids=["nothing", "unknown command", "unknown option", "no project", "no ledger"],
)
def test_wrong_usage_and_wrong_places_have_their_exit_codes(tmp_path: Path, arguments: list[str], code: int) -> None:
    done = _mlops(*arguments, cwd=tmp_path)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert done.stderr or not arguments


def test_an_unexpected_exception_is_named_without_its_text(tmp_path: Path) -> None:
    script = (
        "import sys, mlops.cli as cli\n"
        "def explode(): raise ValueError('tracer-4711')\n"
        "cli.app = lambda **_: explode()\n"
        "cli.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1
    assert "ValueError" in done.stderr
    assert "tracer-4711" not in done.stderr
