"""Leases with fencing tokens: of two live attempts at one thing, only the newer may commit.

A lease is taken for a time and renewed by the heartbeat. It is taken over when it expired, or at once when its holder
ran on this machine and is dead. Each take-over raises the token; a commit checks the token inside its own ledger
transaction, so a holder that was paused past its time cannot commit (M. Kleppmann, "How to do distributed locking").
"""

from __future__ import annotations

import json
import os
import socket
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, insert, select, update

from mlops.ledger.errors import LeaseHeldError, LeaseLostError
from mlops.ledger.schema import leases_table
from mlops.ledger.store import Ledger, reading, writing
from mlops.process_identity import boot_id, start_ticks


@dataclass(frozen=True)
class Holder:
    """A process that outlives neither its machine's boot nor its start time: a re-used pid is another holder."""

    host: str
    boot: str
    pid: int
    start_ticks: int
    label: str


@dataclass(frozen=True)
class Lease:
    """A held lease; ``token`` grows with every take-over."""

    name: str
    token: int


@dataclass(frozen=True)
class HeldLease:
    """A lease that was taken and not given back; ``expires_at`` in seconds since the epoch by its holder's clock."""

    name: str
    token: int
    holder: Holder
    acquired_at: str
    expires_at: float


def this_process(label: str) -> Holder:
    """The calling process as a holder; ``label`` says what it does, for people."""
    pid = os.getpid()
    return Holder(socket.gethostname(), boot_id(), pid, start_ticks(pid) or 0, label)


def is_here(holder: Holder) -> bool:
    """Is the holder a process of this machine since its last boot, so that its life or death can be seen?"""
    return (holder.host, holder.boot) == (socket.gethostname(), boot_id())


def is_dead(holder: Holder) -> bool:
    """Is it certain that the holder is dead? One elsewhere never is: only time tells."""
    return is_here(holder) and start_ticks(holder.pid) != holder.start_ticks


def acquire(ledger: Ledger, name: str, holder: Holder, seconds: float) -> Lease:
    """Take the lease ``name`` for ``seconds``.

    Raises:
        LeaseHeldError: a live holder has it; the message names what it does, where and since when.
    """
    now = time.time()
    with writing(ledger) as connection:
        row = connection.execute(select(leases_table).where(leases_table.c.name == name)).mappings().first()
        values = {
            "holder": json.dumps(asdict(holder)),
            "acquired_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "expires_at": now + seconds,
        }
        if row is None:
            connection.execute(insert(leases_table).values(name=name, token=1, **values))
            return Lease(name, 1)
        other = Holder(**json.loads(row["holder"]))
        if row["expires_at"] > now and not is_dead(other):
            raise LeaseHeldError(
                "LEDGER-020",
                f"{other.label} is already running (process {other.pid} on {other.host}, since {row['acquired_at']})",
                where=name,
                todo="wait for it to end, or stop it, then run again",
            )
        token = int(row["token"]) + 1
        connection.execute(update(leases_table).where(leases_table.c.name == name).values(token=token, **values))
        return Lease(name, token)


def check(connection: Connection, lease: Lease) -> None:
    """Inside a write transaction: is the lease still ours?

    Raises:
        LeaseLostError: it was taken over; nothing may be committed under it.
    """
    token = connection.execute(select(leases_table.c.token).where(leases_table.c.name == lease.name)).scalar()
    if token != lease.token:
        raise LeaseLostError(
            "LEDGER-021",
            "this attempt was overtaken by a newer one and its result is not recorded",
            where=lease.name,
            todo="nothing: the newer attempt goes on",
        )


def require(ledger: Ledger, lease: Lease) -> None:
    """Is the lease still ours at this moment? For work that no transaction covers.

    Raises:
        LeaseLostError: it was taken over.
    """
    with reading(ledger) as connection:
        check(connection, lease)


def renew(ledger: Ledger, lease: Lease, seconds: float) -> None:
    """Keep the lease for another ``seconds`` from now.

    Raises:
        LeaseLostError: it was taken over.
    """
    with writing(ledger) as connection:
        check(connection, lease)
        renewed = update(leases_table).where(leases_table.c.name == lease.name).values(expires_at=time.time() + seconds)
        connection.execute(renewed)


def release(ledger: Ledger, lease: Lease) -> None:
    """Give the lease back; one that was taken over is left to its new holder. The row stays, so tokens only grow."""
    with writing(ledger) as connection:
        connection.execute(
            update(leases_table)
            .where(leases_table.c.name == lease.name, leases_table.c.token == lease.token)
            .values(expires_at=0.0)
        )


def held(ledger: Ledger) -> list[HeldLease]:
    """Leases that were taken and not given back, by name; their time may be over and their holder may be dead."""
    query = select(leases_table).where(leases_table.c.expires_at > 0).order_by(leases_table.c.name)
    with reading(ledger) as connection:
        rows = connection.execute(query).mappings().all()
    return [HeldLease(**{**row, "holder": Holder(**json.loads(row["holder"]))}) for row in rows]


def free(ledger: Ledger, lease: HeldLease) -> bool:
    """Give a dead holder's lease back, unless it was renewed or taken over since it was read; says whether."""
    with writing(ledger) as connection:
        freed = connection.execute(
            update(leases_table)
            .where(
                leases_table.c.name == lease.name,
                leases_table.c.token == lease.token,
                leases_table.c.expires_at == lease.expires_at,
            )
            .values(expires_at=0.0)
        )
    return bool(freed.rowcount)
