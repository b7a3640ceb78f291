"""Nothing is lost: kill -9 at three points of a run, run again, and find what an uninterrupted run gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults import points
from tests.faults.campaign import (
    Reference,
    done,
    record,
    rerun,
    struck,
    wrong_after_a_fault,
    wrong_after_the_rerun,
)
from tests.faults.points import Fault
from tests.faults.tally import Tally

pytestmark = pytest.mark.timeout(900)  # two runs of the pipeline; much less on two quiet cores


def test_a_run_killed_three_times_gives_what_an_uninterrupted_run_gives(
    untouched: Path, reference: Reference, copy_of: Callable[[Path], Path], tally: Tally
) -> None:
    root = copy_of(untouched)

    ended = struck(root, Fault("train", points.CHECKPOINT, points.STAGE), "run", "small", "--json")
    assert ended.code == 1, ended.output  # mlops run says so and ends
    assert "died (SIGKILL)" in ended.output
    assert [folder.name for folder in (root / "workspace" / "checkpoints").glob("*/checkpoint-8")]
    assert wrong_after_a_fault(root, reference) == []

    ended = struck(root, Fault("evaluate", points.PUBLISHED, points.BOTH), "run", "small", "--json")
    assert ended.code == -9, ended.output
    assert _resumed_from_step(root, reference) == 8
    assert "evaluate" not in done(root, reference)
    digest = reference.digests["evaluate"].removeprefix("sha256:")
    assert (root / "workspace" / "store" / digest[:2] / digest).is_dir()  # sealed, and nobody was told
    assert wrong_after_a_fault(root, reference) == []

    ended = struck(root, Fault("register", points.REGISTERED, points.BOTH), "run", "small", "--json")
    assert ended.code == -9, ended.output
    assert [event.body["release"] for event in record(root) if event.kind == "registered"] == [reference.release]
    assert not (root / "workspace" / "releases" / reference.release).exists()
    assert wrong_after_a_fault(root, reference) == []

    result = rerun(root)  # at once: the leases of the dead are taken over, not waited for
    assert wrong_after_the_rerun(root, reference, result) == []
    tally.count("kill -9 at three points, one after the other", points=3, struck=3, reruns=3, same=3)


def _resumed_from_step(root: Path, reference: Reference) -> int:
    """The step from which the training that made the adapter went on."""
    from mlops.artifacts import MEASUREMENTS, read_json, store_path

    artifact = store_path(root / "workspace" / "store", reference.digests["train"])
    return int(read_json(artifact / MEASUREMENTS)["resumed_from_step"])
