"""The guide for governance teams tells commands, options and codes that exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from mlops.cli import LazyCommands, app
from mlops.stages.checks.arguments import argument_problems

ROOT = Path(__file__).resolve().parents[3]
GUIDE = (ROOT / "docs" / "governance.md").read_text()
COMMANDS = [
    line.split("#")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL)
    for line in block.replace("\\\n", " ").splitlines()
    if line.startswith("mlops ")
]


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_of_the_guide_can_be_given(line: str) -> None:
    words = shlex.split(line)[1:]
    command: Any = typer.main.get_command(app)
    assert isinstance(command, LazyCommands)
    while hasattr(command, "get_command"):
        found = command.get_command(None, words[0])
        assert found is not None, words[0]
        command, words = found, words[1:]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    assert {word for word in words if word.startswith("--")} <= known


def test_the_guide_has_commands() -> None:
    assert {line.split()[2] for line in COMMANDS if line.startswith("mlops contract")} >= {
        "lint", "check", "diff", "approve", "catalog", "card",
    }  # fmt: skip


def test_every_code_of_the_guide_is_one_of_the_rooms() -> None:
    table = (ROOT / "mlops" / "contracts" / "errors.py").read_text()
    for code in set(re.findall(r"CONTRACT-(\d{3})", GUIDE)):
        assert re.search(rf"^{code}[ ,]", table, re.MULTILINE), code


def test_the_named_check_of_the_guide_would_run() -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
    (rule,) = yaml.safe_load(text.replace("sha256:…", "sha256:" + "0" * 64))
    arguments = dict(rule["implementation"])
    assert argument_problems(arguments.pop("check"), arguments) == []
