"""Heartbeats: what each live attempt is doing now. Mutable, not part of the chain."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select, update

from mlops.ledger.schema import heartbeats_table
from mlops.ledger.store import Ledger, reading, writing


@dataclass(frozen=True)
class Heartbeat:
    """The newest sign of life of an attempt. Times are seconds since the epoch (UTC)."""

    attempt: str
    use_case: str
    run: str
    stage: str
    pid: int
    host: str
    started_at: float
    beat_at: float
    progress: dict[str, Any]


def beat(ledger: Ledger, heartbeat: Heartbeat) -> None:
    """Insert or replace the heartbeat of one attempt."""
    values = {**heartbeat.__dict__, "progress": json.dumps(heartbeat.progress)}
    with writing(ledger) as connection:
        found = connection.execute(
            update(heartbeats_table).where(heartbeats_table.c.attempt == heartbeat.attempt).values(**values)
        )
        if found.rowcount == 0:
            connection.execute(insert(heartbeats_table).values(**values))


def live(ledger: Ledger) -> list[Heartbeat]:
    """Attempts that began and did not say that they ended, oldest first; a killed one stays until it is cleared."""
    with reading(ledger) as connection:
        rows = connection.execute(select(heartbeats_table).order_by(heartbeats_table.c.started_at)).mappings().all()
    return [Heartbeat(**{**row, "progress": json.loads(row["progress"])}) for row in rows]


def clear(ledger: Ledger, attempt: str) -> None:
    """The attempt ended: forget its heartbeat."""
    with writing(ledger) as connection:
        connection.execute(delete(heartbeats_table).where(heartbeats_table.c.attempt == attempt))


def clear_unchanged(ledger: Ledger, heartbeat: Heartbeat) -> bool:
    """Forget a heartbeat unless its attempt has beaten since it was read; says whether."""
    with writing(ledger) as connection:
        cleared = connection.execute(
            delete(heartbeats_table).where(
                heartbeats_table.c.attempt == heartbeat.attempt, heartbeats_table.c.beat_at == heartbeat.beat_at
            )
        )
    return bool(cleared.rowcount)


def clear_stage(ledger: Ledger, use_case: str, stage: str) -> None:
    """Forget what dead attempts of a stage left, when a new attempt has taken their lease."""
    with writing(ledger) as connection:
        connection.execute(
            delete(heartbeats_table).where(heartbeats_table.c.use_case == use_case, heartbeats_table.c.stage == stage)
        )
