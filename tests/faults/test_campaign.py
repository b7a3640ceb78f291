"""The kill campaign: every point of every stage, every process of a run, random moments; then the rerun.

Faults that strike one stage start from a project in which everything before it is done. Faults that strike a run hit
one project again and again, from its first moment to its last: each run is the rerun of the one killed before it.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from mlops.pipeline import STAGE_NAMES
from tests.faults import points
from tests.faults.campaign import (
    Reference,
    done,
    kill_at_random,
    record,
    rerun,
    start,
    struck,
    wait_until_nobody_is_left,
    wrong_after_a_fault,
    wrong_after_the_rerun,
)
from tests.faults.conftest import RUN
from tests.faults.points import Fault, every_point
from tests.faults.tally import Tally
from tests.small_project import mlops

pytestmark = [pytest.mark.full, pytest.mark.timeout(5400)]

Copier = Callable[[Path], Path]
ENDS = {points.RUN: -9, points.BOTH: -9, points.TERM: 1, points.STAGE: 1}
RANDOM_ROUNDS = 5
KILLS_PER_ROUND = 5


def _ids(value: object) -> str:
    return str(value).replace(" ", "-")


@pytest.mark.parametrize(("stage", "point"), every_point(), ids=_ids)
def test_a_stage_killed_at_any_point_gives_the_same_artifact_when_it_runs_again(
    stage: str, point: str, before: Callable[[str], Path], reference: Reference, copy_of: Copier, tally: Tally
) -> None:
    kind, root = "kill -9 of a stage, one point each", copy_of(before(stage))
    command = ("stage", stage, "--use-case", "small", "--run", RUN)
    tally.count(kind, points=1)
    ended = struck(root, Fault(stage, point), *command)
    assert ended.code == -9, ended.output
    tally.count(kind, struck=1)
    assert wrong_after_a_fault(root, reference) == []

    again = mlops(root, *command)
    tally.count(kind, reruns=1)
    assert again.returncode == 0, again.stderr
    assert wrong_after_a_fault(root, reference) == []
    assert all(done(root, reference).values())
    own = [event for event in record(root) if event.stage == stage]
    after_commit = point in (points.COMMITTED, points.KEYED, points.REGISTERED, points.EXPORTING, points.LINKED)
    expected = {"stage_started": 2, "stage_done": 2 if after_commit else 1}
    expected |= {"gate": {"gate_verdict": 1}, "register": {"registered": 1}}.get(stage, {})
    assert Counter(event.kind for event in own) == expected
    assert list((root / "workspace").glob("runs/*/*/*/output")) == []
    assert list((root / "workspace" / "checkpoints").iterdir()) == []
    if stage == "register":
        verified = mlops(root, "verify", reference.release, "--offline")
        assert verified.returncode == 0, verified.stdout
    tally.count(kind, same=1)


def _assert_same_end_after(kind: str, faults: Iterable[Fault], root: Path, reference: Reference, tally: Tally) -> None:
    faults = list(faults)
    for fault in faults:
        tally.count(kind, points=1)
        ended = struck(root, fault, "run", "small", "--json")
        assert ended.code == ENDS[fault.victim], f"{fault}: {ended.code} {ended.output[-3000:]}"
        tally.count(kind, struck=1)
        assert wrong_after_a_fault(root, reference) == [], str(fault)
        assert all(done(root, reference).values()), str(fault)
    result = rerun(root)
    tally.count(kind, reruns=len(faults))
    assert wrong_after_the_rerun(root, reference, result) == []
    tally.count(kind, same=len(faults))


@pytest.mark.parametrize("victim", [points.STAGE, points.RUN, points.BOTH, points.TERM])
def test_a_run_struck_in_every_stage_comes_to_the_same_end(
    victim: str, untouched: Path, reference: Reference, copy_of: Copier, tally: Tally
) -> None:
    kind = {
        points.STAGE: "kill -9 of a stage under `mlops run`",
        points.RUN: "kill -9 of `mlops run`, its stage ends by itself",
        points.BOTH: "kill -9 of `mlops run` and its stage",
        points.TERM: "SIGTERM of `mlops run`",
    }[victim]
    chosen = {"train": (points.CHECKPOINT, points.PUBLISHED, points.COMMITTED)}
    usual = (points.MIDDLE, points.PUBLISHED, points.COMMITTED)
    faults = [Fault(stage, point, victim) for stage in STAGE_NAMES for point in chosen.get(stage, usual)]
    _assert_same_end_after(kind, faults, copy_of(untouched), reference, tally)


@pytest.mark.parametrize("victim", [points.RUN, points.TERM])
def test_a_run_struck_between_its_stages_comes_to_the_same_end(
    victim: str, untouched: Path, reference: Reference, copy_of: Copier, tally: Tally
) -> None:
    kind = {points.RUN: "kill -9", points.TERM: "SIGTERM"}[victim] + " of `mlops run` between stages"
    faults = [Fault(stage, points.BETWEEN, victim) for stage in STAGE_NAMES]
    _assert_same_end_after(kind, faults, copy_of(untouched), reference, tally)


def test_a_run_killed_before_its_first_and_after_its_last_stage_comes_to_the_same_end(
    before: Callable[[str], Path], untouched: Path, reference: Reference, copy_of: Copier, tally: Tally
) -> None:
    kind, root = "kill -9 of `mlops run` outside of stages", copy_of(untouched)
    first = (points.MIGRATING, points.BEGUN)
    for point in first:
        tally.count(kind, points=1)
        assert struck(root, Fault("", point, points.RUN), "run", "small", "--json").code == -9
        tally.count(kind, struck=1)
        assert wrong_after_a_fault(root, reference) == []
    assert mlops(root, "stage", "ingest", "--use-case", "small", "--run", RUN).returncode == 0
    assert done(root, reference) == {"ingest": True}
    tally.count(kind, reruns=len(first), same=len(first))

    last = [point for point in points.RUN_POINTS if point not in first]
    _assert_same_end_after(
        kind, [Fault("", p, points.RUN) for p in last], copy_of(before("register")), reference, tally
    )


@pytest.mark.parametrize("seed", range(RANDOM_ROUNDS))
def test_a_run_killed_at_random_moments_comes_to_the_same_end(
    seed: int, untouched: Path, reference: Reference, copy_of: Copier, tally: Tally
) -> None:
    kind, root, dice = "kill -9 at random moments", copy_of(untouched), random.Random(seed)
    kills = 0
    for _ in range(KILLS_PER_ROUND):
        tally.count(kind, points=1)
        process = start(root, None, "run", "small", "--json")
        time.sleep(dice.uniform(0.5, reference.seconds))
        hit = kill_at_random(root, process, dice)
        process.communicate()
        wait_until_nobody_is_left(root)
        assert wrong_after_a_fault(root, reference) == []
        assert all(done(root, reference).values())
        kills += hit
        tally.count(kind, struck=hit)
        if not hit:
            break  # it came to its end before its time
    result = rerun(root)
    tally.count(kind, reruns=kills)
    assert wrong_after_the_rerun(root, reference, result) == []
    tally.count(kind, same=kills)
