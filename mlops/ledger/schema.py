"""The three tables of the ledger.

``events`` is append-only and hash-chained. ``leases`` and ``heartbeats`` are mutable and not part of the chain.
The migrations build these tables; ``HEAD_REVISION`` names the newest one.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Integer, MetaData, String, Table, Text

HEAD_REVISION = "0001"

metadata = MetaData()

events_table = Table(
    "events",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("at", String(32), nullable=False),
    Column("kind", String(64), nullable=False, index=True),
    Column("use_case", String(128), index=True),
    Column("run", String(64), index=True),
    Column("stage", String(64)),
    Column("attempt", String(64)),
    Column("actor", String(128), nullable=False),
    Column("once", String(255), unique=True),
    Column("body", Text, nullable=False),
    Column("previous", String(71), nullable=False),
    Column("digest", String(71), nullable=False),
)

leases_table = Table(
    "leases",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("token", BigInteger, nullable=False),
    Column("holder", Text, nullable=False),
    Column("acquired_at", String(32), nullable=False),
    Column("expires_at", Float, nullable=False),
)

heartbeats_table = Table(
    "heartbeats",
    metadata,
    Column("attempt", String(64), primary_key=True),
    Column("use_case", String(128), nullable=False),
    Column("run", String(64), nullable=False),
    Column("stage", String(64), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("host", String(255), nullable=False),
    Column("started_at", Float, nullable=False),
    Column("beat_at", Float, nullable=False),
    Column("progress", Text, nullable=False),
)
