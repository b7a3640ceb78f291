"""The pipeline on PostgreSQL: the same artifacts as on SQLite, and hits across runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlops.ledger.chain import verify_chain
from mlops.ledger.events import events
from mlops.ledger.store import open_ledger
from tests.small_project import build_project, mlops


def _stage(root: Path, stage: str, run: str, url: str | None) -> dict[str, object]:
    more = {} if url is None else {"MLOPS_LEDGER_URL": url}
    done = mlops(root, "stage", stage, "--use-case", "small", "--run", run, "--json", more=more)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.postgres
def test_stages_seal_the_same_artifacts_and_hit_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    root = build_project(tmp_path)
    stages = ("ingest", "validate", "mask")
    first = {stage: _stage(root, stage, "on-postgres", postgres_url) for stage in stages}
    again = {stage: _stage(root, stage, "on-postgres-again", postgres_url) for stage in stages}
    sqlite = {stage: _stage(root, stage, "on-sqlite", None) for stage in stages}
    assert [again[stage]["hit"] for stage in stages] == [False, True, True]  # ingest has no key
    for stage in stages:
        assert first[stage]["artifact"] == again[stage]["artifact"] == sqlite[stage]["artifact"]
    ledger = open_ledger(postgres_url)
    assert verify_chain(events(ledger)) == []
    ledger.engine.dispose()
