"""What the tests of the governance commands share."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops.settings import Settings
from tests.reviewed_project import build


@pytest.fixture(scope="session")
def reviewed(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A project whose source contract has ruled two runs; read it, do not change it."""
    folder: Path = tmp_path_factory.mktemp("reviewed")
    return build(folder)
