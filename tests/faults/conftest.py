"""A reference run, its project at every stage, and the figures of the campaign at the end of the session."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mlops.pipeline import STAGE_NAMES
from tests.faults.campaign import Reference
from tests.faults.tally import TALLY, Tally
from tests.small_project import artifacts, build_project, mlops, run_json

RUN = "20260101T000000-000001"


@pytest.fixture(scope="session")
def tally() -> Tally:
    """Counts points, strikes and reruns over the session."""
    return TALLY


@pytest.fixture(scope="session")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which nothing ran yet."""
    return build_project(tmp_path_factory.mktemp("untouched") / "project")


@pytest.fixture(scope="session")
def copy_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Copies a project, links as links, to a new place."""

    def copied(project: Path) -> Path:
        return shutil.copytree(project, tmp_path_factory.mktemp("copy") / "project", symlinks=True)

    return copied


@pytest.fixture(scope="session")
def reference(untouched: Path, copy_of: Callable[[Path], Path]) -> Reference:
    """The same project, run without interruption."""
    result = run_json(copy_of(untouched))
    assert result["code"] == 0, result
    return Reference(artifacts(result), result["release"], result["seconds"])


@pytest.fixture(scope="session")
def before(untouched: Path, copy_of: Callable[[Path], Path]) -> Callable[[str], Path]:
    """Stage → a project in which run ``RUN`` has done everything before that stage; made when first asked for."""

    @functools.cache
    def found(stage: str) -> Path:
        position = STAGE_NAMES.index(stage)
        if position == 0:
            return untouched
        project = copy_of(found(STAGE_NAMES[position - 1]))
        ended = mlops(project, "stage", STAGE_NAMES[position - 1], "--use-case", "small", "--run", RUN)
        assert ended.returncode == 0, ended.stderr
        return project

    return found
