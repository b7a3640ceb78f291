"""Append and read events."""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, insert, select
from sqlalchemy.sql import Select

from mlops.artifacts import canonical_json
from mlops.ledger.chain import GENESIS, Event, event_digest
from mlops.ledger.errors import LedgerError
from mlops.ledger.schema import events_table
from mlops.ledger.store import Ledger, reading, writing

__all__ = ["Event", "Transaction", "append", "append_once", "events", "head", "newest_with", "transaction"]


def current_actor() -> str:
    """Who acts: ``MLOPS_ACTOR``, else the operating system's user."""
    if named := os.environ.get("MLOPS_ACTOR"):
        return named
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"


@dataclass(frozen=True)
class Transaction:
    """Reads and appends inside one serialised write transaction: what is read cannot change before the commit."""

    connection: Connection

    def events(
        self, *, kinds: Sequence[str] | None = None, use_case: str | None = None, run: str | None = None, after: int = 0
    ) -> list[Event]:
        """Events in order, as the module's :func:`events`."""
        return _select(self.connection, kinds=kinds, use_case=use_case, run=run, after=after)

    def append(
        self,
        kind: str,
        body: Mapping[str, Any],
        *,
        use_case: str | None = None,
        run: str | None = None,
        stage: str | None = None,
        attempt: str | None = None,
        actor: str | None = None,
        once: str | None = None,
    ) -> Event:
        """Append one event; it exists when the transaction commits."""
        seq, previous = _head(self.connection)
        fields: dict[str, Any] = {
            "seq": seq + 1,
            "at": datetime.now(UTC).isoformat(timespec="microseconds"),
            "kind": kind,
            "use_case": use_case,
            "run": run,
            "stage": stage,
            "attempt": attempt,
            "actor": actor or current_actor(),
            "once": once,
            "body": json.loads(_encode(kind, body)),
            "previous": previous,
        }
        event = Event(**fields, digest=event_digest(fields))
        row = {**fields, "body": _encode(kind, body).decode(), "digest": event.digest}
        self.connection.execute(insert(events_table).values(**row))
        return event

    def append_once(
        self,
        kind: str,
        body: Mapping[str, Any],
        *,
        once: str,
        use_case: str | None = None,
        run: str | None = None,
        stage: str | None = None,
        attempt: str | None = None,
        actor: str | None = None,
    ) -> tuple[Event, bool]:
        """Append unless an event named ``once`` exists; returns the event and whether it was made now."""
        found = self.connection.execute(select(events_table).where(events_table.c.once == once)).mappings().first()
        if found is not None:
            return _event(found), False
        event = self.append(
            kind, body, use_case=use_case, run=run, stage=stage, attempt=attempt, actor=actor, once=once
        )
        return event, True


def _encode(kind: str, body: Mapping[str, Any]) -> bytes:
    try:
        return canonical_json(dict(body))
    except (TypeError, ValueError):
        raise LedgerError(
            "LEDGER-012", f"the body of a {kind} event is not plain JSON (NaN, or an object)", todo="report this bug"
        ) from None


@contextmanager
def transaction(ledger: Ledger) -> Iterator[Transaction]:
    """One serialised write transaction; rolls back when the block raises.

    Raises:
        LedgerUnavailableError: locked beyond the waiting time, read-only or full.
    """
    with writing(ledger) as connection:
        yield Transaction(connection)


def append(
    ledger: Ledger,
    kind: str,
    body: Mapping[str, Any],
    *,
    use_case: str | None = None,
    run: str | None = None,
    stage: str | None = None,
    attempt: str | None = None,
    actor: str | None = None,
) -> Event:
    """Append one event durably."""
    with transaction(ledger) as tx:
        return tx.append(kind, body, use_case=use_case, run=run, stage=stage, attempt=attempt, actor=actor)


def append_once(
    ledger: Ledger,
    kind: str,
    body: Mapping[str, Any],
    *,
    once: str,
    use_case: str | None = None,
    run: str | None = None,
    stage: str | None = None,
    attempt: str | None = None,
    actor: str | None = None,
) -> tuple[Event, bool]:
    """Append unless an event named ``once`` exists already; returns the event and whether it was made now."""
    with transaction(ledger) as tx:
        return tx.append_once(
            kind, body, once=once, use_case=use_case, run=run, stage=stage, attempt=attempt, actor=actor
        )


def events(
    ledger: Ledger,
    *,
    kinds: Sequence[str] | None = None,
    use_case: str | None = None,
    run: str | None = None,
    after: int = 0,
) -> list[Event]:
    """Events with ``seq > after`` in order, optionally of some kinds, one use case or one run."""
    with reading(ledger) as connection:
        return _select(connection, kinds=kinds, use_case=use_case, run=run, after=after)


def newest_with(ledger: Ledger, kind: str, stage: str | None, *needles: str) -> Event | None:
    """The newest event of a kind, and of a stage unless that is None, with each needle in its body's canonical JSON."""
    query = select(events_table).where(events_table.c.kind == kind, *map(events_table.c.body.contains, needles))
    if stage is not None:
        query = query.where(events_table.c.stage == stage)
    query = query.order_by(events_table.c.seq.desc()).limit(1)
    with reading(ledger) as connection:
        row = connection.execute(query).mappings().first()
    return None if row is None else _event(row)


def head(ledger: Ledger) -> tuple[int, str]:
    """Number and digest of the newest event; ``(0, sha256:000…)`` when there is none."""
    with reading(ledger) as connection:
        return _head(connection)


def _head(connection: Connection) -> tuple[int, str]:
    newest = select(events_table.c.seq, events_table.c.digest).order_by(events_table.c.seq.desc()).limit(1)
    row = connection.execute(newest).first()
    return (0, GENESIS) if row is None else (int(row[0]), str(row[1]))


def _select(
    connection: Connection, *, kinds: Sequence[str] | None, use_case: str | None, run: str | None, after: int
) -> list[Event]:
    query: Select[Any] = select(events_table).where(events_table.c.seq > after).order_by(events_table.c.seq)
    if kinds is not None:
        query = query.where(events_table.c.kind.in_(list(kinds)))
    if use_case is not None:
        query = query.where(events_table.c.use_case == use_case)
    if run is not None:
        query = query.where(events_table.c.run == run)
    return [_event(row) for row in connection.execute(query).mappings()]


def _event(row: Mapping[Any, Any]) -> Event:
    fields = dict(row)
    try:
        fields["body"] = json.loads(fields["body"])
    except ValueError:
        raise LedgerError(
            "LEDGER-013", f"event {fields['seq']} is unreadable", todo="restore the ledger from a backup"
        ) from None
    return Event(**fields)
