"""A declared use case with a champion and masked data, made without running stages: for tests of what comes after."""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from mlops.artifacts import publish, seal
from mlops.datasets.chat import CHAT_SCHEMA
from mlops.datasets.shards import write_shards
from mlops.ledger.events import append
from mlops.ledger.store import Ledger, open_ledger
from mlops.monitor_actions import MONITOR_STAGES, MonitorResult, monitor_run
from mlops.runs import Run, start_run
from mlops.settings import Settings
from mlops.use_case import Declaration, load_use_case
from tests.small_project import build_project

_START = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)


def conversations(seed: int, *, longer: float = 1.0, german: float = 0.2, size: int = 120) -> pa.Table:
    """Random conversations in the chat schema."""
    random = np.random.default_rng(seed)
    rows = []
    for number in range(size):
        words = " ".join(["word"] * max(1, round(longer * float(random.lognormal(2.5, 0.5)))))
        rows.append(
            {
                "record_id": f"{seed}-{number:04d}",
                "conversation_id": f"c{number}",
                "source": "desk",
                "language": "de" if random.uniform() < german else "en",
                "created_at": _START + dt.timedelta(minutes=number),
                "messages": [{"role": "user", "content": words}, {"role": "assistant", "content": "fine"}],
            }
        )
    return pa.Table.from_pylist(rows, schema=CHAT_SCHEMA)


@dataclass
class Watched:
    """The project and shorthands for what a test does to it."""

    settings: Settings
    declaration: Declaration
    ledger: Ledger

    def with_section(self, name: str, **changes: Any) -> Watched:
        """The same project under a declaration with other values in one section."""
        use_case = self.declaration.use_case
        section = getattr(use_case, name).model_copy(update=changes)
        return Watched(
            self.settings,
            replace(self.declaration, use_case=use_case.model_copy(update={name: section})),
            self.ledger,
        )

    def run(self, run_id: str | None = None, **trigger: str) -> Run:
        """A run that begins now."""
        identifier = run_id or f"run-{secrets.token_hex(4)}"
        return start_run(self.settings, self.declaration, self.ledger, identifier, trigger=trigger or None)

    def append(self, kind: str, body: dict[str, Any], run: str, **names: str) -> int:
        """One event of this use case; its number."""
        return append(self.ledger, kind, body, use_case="small", run=run, **names).seq

    def masked(self, run: Run, table: pa.Table, *, blocked: str | None = None) -> str:
        """Seal masked data and record the stages up to it, or up to the one that was blocked; the artifact's digest."""
        folder = self.settings.runs / run.id / "mask" / "a1" / "output"
        write_shards(table, folder / "data")
        artifact, _ = publish(seal(folder, {"stage": "mask", "key_parts": {"inputs": {}}}), self.settings.store)
        for stage in MONITOR_STAGES:
            outcome = "blocked" if stage == blocked else "done"
            body = {"artifact": artifact.digest, "outcome": outcome, "hit": False, "seconds": 1.0, "figures": {}}
            self.append("stage_done", body, run.id, stage=stage, attempt=f"{run.id}-{stage}")
            if stage == blocked:
                break
        return artifact.digest

    def train(self, run: Run, *, hit: bool = False) -> None:
        """Record one attempt at training."""
        attempt = f"{run.id}-train-{secrets.token_hex(2)}"
        self.append("stage_started", {"key": "k"}, run.id, stage="train", attempt=attempt)
        if hit:
            body = {"artifact": "sha256:00", "outcome": "done", "hit": True, "seconds": 0.1, "figures": {}}
            self.append("stage_done", body, run.id, stage="train", attempt=attempt)

    def register(self, run: Run, release: str, **body: Any) -> None:
        """Record a release of that run; by default it passed and needs nobody."""
        approval = {"required": "never", "roles": [], "quorum": 1}
        facts = {"release": release, "dossier": "d", "verdict": "PASS", "owner": "o", "approval": approval}
        done = {"artifact": "d", "outcome": "done", "hit": False, "seconds": 1.0, "figures": {}}
        self.append("stage_done", done, run.id, stage="register", attempt="a1")
        more: dict[str, Any] = {"champion": None, "adapter": f"adapter of {release}", "base_model": {}}
        self.append("registered", {**facts, **more, **body}, run.id, stage="register")

    def serve(self, table: pa.Table, release: str = "small-1") -> str:
        """A champion that was made from this data; the data's digest."""
        run = self.run()
        digest = self.masked(run, table)
        self.register(run, release)
        self.append("promoted", {"release": release, "previous": None}, run.id)
        return digest

    def monitor(self, table: pa.Table, run_id: str | None = None) -> MonitorResult:
        """A monitor run over this data."""
        run = self.run(run_id)
        self.masked(run, table)
        return monitor_run(self.settings, self.declaration, self.ledger, run)


def watched_project(root: Path, ledger_url: str | None = None) -> Watched:
    """The small project below ``root``, with an open ledger; no stage has run."""
    settings = Settings(root=build_project(root, rows=5), ledger_url=ledger_url)
    return Watched(settings, load_use_case(root, "small"), open_ledger(settings.ledger))
