"""A real ledger with the events that a run writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from mlops.ledger.events import append
from mlops.ledger.store import Ledger, open_ledger
from mlops.pipeline import STAGE_NAMES
from mlops.telemetry.exporter import LedgerCollector

USE_CASE = "support_triage"


def _rule(
    name: str, rule: str, outcome: str, value: float | None, threshold: float, n: int, tier: str = "critical"
) -> dict[str, Any]:
    return {
        "id": name, "rule": rule, "tier": tier, "outcome": outcome, "value": value, "threshold": threshold, "n": n,
    }  # fmt: skip


FIGURES: dict[str, dict[str, Any]] = {
    "validate": {"expectations": {"pass": 11, "fail": 0, "warn": 2, "error": 0}},
    "mask": {"entities": {"EMAIL": 7, "PHONE": 3}, "residual": 0},
    "train": {"final_loss": 0.41, "tokens": 120_000, "steps": 60},
    "gate": {
        "metrics": [
            _rule("ticket_exact_match", "floor", "PASS", 0.93, 0.9, 400),
            _rule("ticket_exact_match", "versus base", "PASS", 0.4, 0.02, 400),
            _rule("ticket_exact_match", "versus champion", "SKIPPED", None, -0.01, 400),
            _rule("pii_leak_rate", "ceiling", "INCONCLUSIVE", None, 0.0, 0, tier="veto"),
        ]
    },
}


@pytest.fixture
def ledger_url(workspace: Path) -> str:
    return f"sqlite:///{workspace / 'ledger.db'}"


@pytest.fixture
def ledger(ledger_url: str) -> Ledger:
    return open_ledger(ledger_url)


def tamper(ledger: Ledger, statement: str) -> None:
    """Change the past as one who may do anything in the database: the append-only triggers go first."""
    with ledger.engine.begin() as connection:
        guards = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
        for guard in guards:
            connection.execute(text(f"DROP TRIGGER {guard}"))
        connection.execute(text(statement))


@pytest.fixture(name="tamper")
def tamper_fixture() -> Callable[[Ledger, str], None]:
    return tamper


Done = Callable[..., None]


@pytest.fixture
def stage_done(ledger: Ledger) -> Done:
    """Append the two events of one attempt that ended by itself."""

    def do(stage: str, run: str = "run-1", attempt: str | None = None, **changes: Any) -> None:
        names = {"use_case": USE_CASE, "run": run, "stage": stage, "attempt": attempt or f"{run}-{stage}"}
        append(ledger, "stage_started", {"key": "sha256:00"}, **names)
        body = {
            "key": "sha256:00",
            "artifact": "sha256:11",
            "hit": False,
            "outcome": "done",
            "reason": None,
            "rows_in": 100,
            "rows_out": 90,
            "seconds": 2.5,
            "figures": FIGURES.get(stage, {}),
            "measurements": "sha256:22",
        }
        append(ledger, "stage_done", {**body, **changes}, **names)

    return do


@pytest.fixture
def whole_run(ledger: Ledger, stage_done: Done) -> None:
    """One run from start to promotion."""
    names = {"use_case": USE_CASE, "run": "run-1"}
    append(ledger, "run_started", {"use_case_digest": "sha256:33", "pins": {}}, **names)
    for stage in STAGE_NAMES:
        stage_done(stage)
        if stage == "gate":
            append(ledger, "gate_verdict", {"verdict": "PASS", "artifact": "sha256:11", "figures": {}}, **names)
    append(ledger, "registered", {"release": "r-1", "dossier": "sha256:44"}, **names)
    append(ledger, "approved", {"release": "r-1", "dossier": "sha256:44", "statement": "read"}, **names)
    append(ledger, "promoted", {"release": "r-1", "previous": None}, **names)
    append(ledger, "run_finished", {"outcome": "done", "seconds": 20.0}, **names)


@pytest.fixture
def series(workspace: Path) -> Callable[..., Path]:
    """Write the ``series.jsonl`` of a training attempt."""

    def do(attempt: str, points: int = 5, run: str = "run-1", extra: dict[str, Any] | None = None) -> Path:
        path = workspace / "runs" / run / "train" / attempt / "series.jsonl"
        path.parent.mkdir(parents=True)
        rows = [
            {"step": step, "loss": 1 / (step + 1), "learning_rate": 1e-4, **(extra or {})} for step in range(points)
        ]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    return do


@pytest.fixture
def collector(ledger: Ledger) -> LedgerCollector:
    return LedgerCollector(lambda: ledger, lambda: [USE_CASE], recheck_seconds=0.0)
