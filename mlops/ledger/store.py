"""Open a ledger: SQLite in WAL mode on one machine, PostgreSQL beyond it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError

from mlops.ledger.errors import LedgerError, LedgerUnavailableError
from mlops.ledger.schema import HEAD_REVISION

_BUSY_SECONDS = 20
_POSTGRES_LOCK = 7_315_901_141  # one advisory lock serialises all writers of one database
_KEPT = "then run again; nothing was half-written"


@dataclass(frozen=True)
class Ledger:
    """An open ledger. ``url`` never contains the password; ``engine`` is SQLAlchemy's."""

    url: str
    engine: Engine


def open_ledger(url: str, create: bool = True) -> Ledger:
    """Open the ledger at a SQLAlchemy URL and bring its schema to the newest migration.

    Args:
        url: ``sqlite:///FILE`` or ``postgresql+psycopg://…``.
        create: build a ledger that does not exist yet; ``False`` raises instead.

    Raises:
        LedgerError: the URL is wrong, the ledger is absent (``create=False``), newer than this code, or not a ledger.
        LedgerUnavailableError: locked, unreachable, read-only or full.
    """
    try:
        address = make_url(url)
    except ArgumentError:
        raise _bad_url() from None
    if address.get_backend_name() == "sqlite":
        engine = _sqlite_engine(Path(address.database or ""), create)
    elif address.get_backend_name() == "postgresql":
        try:
            engine = create_engine(address, pool_pre_ping=True, pool_size=2)
        except (NoSuchModuleError, ModuleNotFoundError):
            raise _bad_url() from None
    else:
        raise _bad_url()
    ledger = Ledger(address.render_as_string(hide_password=True), engine)
    with _translated(ledger):
        _migrate(ledger, create)
    return ledger


def _bad_url() -> LedgerError:
    return LedgerError(
        "LEDGER-001",
        "expected a URL such as sqlite:///ledger.db or postgresql+psycopg://user@host/db",
        where="MLOPS_LEDGER_URL",
        todo="correct the setting",
    )


def _sqlite_engine(path: Path, create: bool) -> Engine:
    if not create and not path.exists():
        raise LedgerError("LEDGER-002", "no ledger here", where=str(path), todo="run a use case first: mlops run NAME")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LedgerUnavailableError(
            "LEDGER-003",
            f"cannot create the ledger's folder ({error.strerror})",
            where=str(path.parent),
            todo="make it writable or set MLOPS_WORKSPACE",
        ) from error
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": _BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")  # an event that was reported is on disk
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("mlops_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _migrate(ledger: Ledger, create: bool) -> None:
    found = _revision(ledger)
    if found == HEAD_REVISION:
        return
    if found is None and not create:
        raise LedgerError("LEDGER-002", "no ledger here", where=ledger.url, todo="run a use case first: mlops run NAME")
    if found is not None and found > HEAD_REVISION:
        raise LedgerError(
            "LEDGER-004",
            f"the ledger has schema {found}, this version knows up to {HEAD_REVISION}",
            where=ledger.url,
            todo="use the newer version of mlops",
        )
    from mlops.ledger.migrate import upgrade

    upgrade(ledger)


def _revision(ledger: Ledger) -> str | None:
    with ledger.engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        return revision


@contextmanager
def _translated(ledger: Ledger) -> Iterator[None]:
    """Turn the drivers' errors into ours; the drivers' texts may quote values, so they are not passed on."""
    try:
        yield
    except OperationalError as error:
        reason, todo = _reason(error)
        raise LedgerUnavailableError("LEDGER-005", reason, where=ledger.url, todo=f"{todo}, {_KEPT}") from None
    except DBAPIError as error:
        if isinstance(error.orig, sqlite3.DatabaseError) and "not a database" in str(error.orig):
            raise LedgerError(
                "LEDGER-006", "this file is not a ledger", where=ledger.url, todo="move it away or restore a backup"
            ) from None
        raise


def _reason(error: OperationalError) -> tuple[str, str]:
    """What is wrong and what to do about it, by a word of the driver's message."""
    message = str(error.orig)
    for needle, reason, todo in (
        (
            "locked",
            f"the ledger is locked by another process (waited {_BUSY_SECONDS} s)",
            "stop the process that holds it, or wait",
        ),
        ("readonly", "the ledger is read-only", "make it and its folder writable"),
        ("full", "the ledger's disk is full", "free space"),
        ("disk I/O", "the ledger's disk is full or fails", "free space, or see to the disk"),
        ("unable to open", "the ledger's file cannot be opened", "make it and its folder writable"),
        ("refused", "no database server answers", "start it, or correct MLOPS_LEDGER_URL"),
    ):
        if needle in message:
            return reason, todo
    return "the ledger's database refused the operation", "see the database's own log"


@contextmanager
def reading(ledger: Ledger) -> Iterator[Connection]:
    """A read transaction: one consistent view."""
    with _translated(ledger), ledger.engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def writing(ledger: Ledger) -> Iterator[Connection]:
    """A write transaction, one at a time over the whole ledger; commits at the end, rolls back on an exception."""
    with _translated(ledger), ledger.engine.connect() as raw:
        connection = raw.execution_options(mlops_write=True)
        with connection.begin():
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:k)"), {"k": _POSTGRES_LOCK})
            yield connection
