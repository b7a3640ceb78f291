"""States of DAG runs in the ledger: each passage ends once, whatever is retried, cleared or marked by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlops.ledger.events import append, events
from mlops.ledger.store import Ledger, open_ledger
from mlops.run_end import record_state
from mlops.runs import RunError


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    found = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    append(found, "run_started", {"pins": {}}, use_case="small", run="r")
    return found


def _say(ledger: Ledger, state: str, clear_number: int = 0) -> None:
    record_state(ledger, "small", "r", state=state, dag_run="d", clear_number=clear_number, seconds=1.0)


def _outcomes(ledger: Ledger) -> list[Any]:
    return [event.body["outcome"] for event in events(ledger, kinds=["run_finished"])]


def test_a_state_that_is_told_twice_is_recorded_once(ledger: Ledger) -> None:
    for state in ("running", "running", "success", "success"):
        _say(ledger, state)
    assert [e.body["state"] for e in events(ledger, kinds=["dag_run_state"])] == ["running", "success"]
    assert _outcomes(ledger) == ["done"]


def test_a_mark_by_hand_after_the_end_is_a_state_and_no_second_end(ledger: Ledger) -> None:
    _say(ledger, "success")
    _say(ledger, "failed")
    assert [e.body["state"] for e in events(ledger, kinds=["dag_run_state"])] == ["success", "failed"]
    assert _outcomes(ledger) == ["done"]


def test_a_clear_begins_a_passage_that_ends_by_itself(ledger: Ledger) -> None:
    _say(ledger, "failed")
    _say(ledger, "running", 1)
    _say(ledger, "success", 1)
    assert _outcomes(ledger) == ["failed", "done"]


def test_a_gate_that_said_no_is_told_from_a_failure(ledger: Ledger) -> None:
    append(ledger, "stage_done", {"outcome": "blocked"}, use_case="small", run="r", stage="gate")
    _say(ledger, "failed")
    assert _outcomes(ledger) == ["blocked"]


def test_a_run_that_never_began_has_no_end(tmp_path: Path) -> None:
    empty = open_ledger(f"sqlite:///{tmp_path / 'empty.db'}")
    _say(empty, "failed")
    assert _outcomes(empty) == []


def test_an_unknown_state_is_refused(ledger: Ledger) -> None:
    with pytest.raises(RunError, match="RUN-006"):
        _say(ledger, "sleeping")
