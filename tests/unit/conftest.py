"""What the tests of monitoring and reconcile share: a watched project, on one or on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.watched_project import Watched, watched_project


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def watched(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Watched]:
    """On both databases."""
    url = None if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    made = watched_project(tmp_path, url)
    yield made
    made.ledger.engine.dispose()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Watched]:
    """On SQLite."""
    made = watched_project(tmp_path)
    yield made
    made.ledger.engine.dispose()
