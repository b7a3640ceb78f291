"""Nothing is lost on the way to the remotes: kill -9 around a push, run again, and everything is there and recorded."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mlops.ledger.events import events
from mlops.ledger.store import open_ledger
from tests.faults import points
from tests.faults.campaign import struck
from tests.faults.conftest import RUN
from tests.faults.points import Fault
from tests.small_project import mlops


@pytest.mark.parametrize("point", [points.COMMITTED, points.COPYING, points.ARRIVED])
def test_a_stage_killed_on_its_way_to_the_remote_is_pushed_by_the_next_try(
    before: Callable[[str], Path], copy_of: Callable[[Path], Path], point: str
) -> None:
    root = copy_of(before("mask"))
    remotes = {"MLOPS_REMOTE_RAW": str(root / "raw"), "MLOPS_REMOTE_CLEAN": str(root / "clean")}
    ended = struck(root, Fault("mask", point), "stage", "mask", "--use-case", "small", "--run", RUN, more=remotes)
    assert ended.code == -9, ended.output
    ledger = open_ledger(f"sqlite:///{root}/workspace/ledger.db", create=False)
    assert [event.stage for event in events(ledger, kinds=["stage_done"])][-1] == "mask"
    assert events(ledger, kinds=["artifact_pushed"]) == []

    done = mlops(root, "stage", "mask", "--use-case", "small", "--run", RUN, "--json", more=remotes)
    last = json.loads(done.stdout.splitlines()[-1])
    assert (done.returncode, last["hit"]) == (0, True), done.stderr
    [pushed] = events(ledger, kinds=["artifact_pushed"])
    assert pushed.body["artifact"] == last["artifact"]
    digest = last["artifact"].removeprefix("sha256:")
    shutil.rmtree(root / "workspace" / "store" / digest[:2] / digest)
    again = mlops(root, "data", "pull", last["artifact"], more=remotes)
    assert again.stdout.endswith("fetched\n"), again.stderr
