"""What a stage may start from: the newest outputs of its run, all of one history."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mlops.artifacts import publish, seal
from mlops.ledger.events import append
from mlops.ledger.store import open_ledger
from mlops.runs import start_run
from mlops.settings import Settings
from mlops.stage_job import Job, StageError, prepare
from mlops.use_case import load_use_case
from tests.small_project import build_project


class _Run:
    """A run whose stages are recorded with invented outputs."""

    def __init__(self, root: Path) -> None:
        build_project(root, rows=10)
        self.settings = Settings(root=root)
        self.declaration = load_use_case(root, "small")
        self.ledger = open_ledger(self.settings.ledger)
        self.run = start_run(self.settings, self.declaration, self.ledger, "20260101T000000-000001")
        self.newest: dict[str, str] = {}

    def done(self, stage: str, content: str, *inputs: str, outcome: str = "done") -> None:
        folder = self.settings.work / "fresh"
        folder.mkdir()
        (folder / "data.txt").write_text(content)
        parts = {"inputs": {name: self.newest[name] for name in inputs}}
        artifact, _ = publish(seal(folder, {"stage": stage, "key_parts": parts}), self.settings.store)
        self.newest[stage] = artifact.digest
        body = {"artifact": artifact.digest, "outcome": outcome}
        append(self.ledger, "stage_done", body, use_case="small", run=self.run.id, stage=stage)

    def job(self, stage: str) -> Job:
        return prepare(self.settings, self.declaration, self.ledger, self.run, stage)


@pytest.fixture
def run(tmp_path: Path) -> _Run:
    made = _Run(tmp_path / "project")
    made.done("curate", "rows")
    made.done("train", "adapter", "curate")
    return made


def test_a_stage_starts_from_the_newest_outputs_of_its_run(run: _Run) -> None:
    assert run.job("evaluate").digests == {"curate": run.newest["curate"], "train": run.newest["train"]}


def test_no_ancestor_may_have_been_made_again(run: _Run) -> None:
    run.done("mask", "rows")
    run.done("curate", "rows", "mask")
    run.done("train", "adapter", "curate")
    assert run.job("evaluate").digests["train"] == run.newest["train"]
    run.done("mask", "other rows")
    with pytest.raises(StageError, match="mask was made again after curate had read it"):
        run.job("evaluate")


def test_a_run_of_an_earlier_version_is_told_to_begin_anew(run: _Run) -> None:
    old = {name: pin for name, pin in run.run.pins.items() if name != "base_model"}
    run.run = replace(run.run, pins=old)
    with pytest.raises(StageError, match="begun by an earlier version"):
        run.job("evaluate")


def test_outputs_of_two_histories_are_not_mixed(run: _Run) -> None:
    run.done("curate", "other rows")
    with pytest.raises(StageError, match="curate was made again after train had read it") as refused:
        run.job("evaluate")
    assert (refused.value.code, refused.value.exit_code) == ("STAGE-004", 20)
    run.done("train", "other adapter", "curate")
    assert run.job("evaluate").digests["train"] == run.newest["train"]


def test_a_blocked_or_missing_input_is_named(run: _Run) -> None:
    with pytest.raises(StageError, match="evaluate has no output"):
        run.job("gate")
    run.done("evaluate", "scores", "curate", "train", outcome="blocked")
    with pytest.raises(StageError, match="evaluate was blocked"):
        run.job("gate")
