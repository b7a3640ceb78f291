"""The ledger on both databases: append-only, chained, serialised, migrated up and down."""

from __future__ import annotations

import multiprocessing
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from mlops.ledger import store
from mlops.ledger.chain import GENESIS, event_digest, event_line, parse_event, verify_chain
from mlops.ledger.errors import LedgerError, LedgerUnavailableError
from mlops.ledger.events import append, append_once, events, head, newest_with, transaction
from mlops.ledger.migrate import downgrade, upgrade
from mlops.ledger.store import Ledger, open_ledger, writing


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'ledger.db'}"
    else:
        yield request.getfixturevalue("postgres_url")


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    opened = open_ledger(url)
    yield opened
    opened.engine.dispose()


def test_events_come_back_as_written_and_the_chain_holds(ledger: Ledger) -> None:
    written = [append(ledger, "k", {"n": n, "share": 0.1}, use_case="u", run=f"r{n % 2}") for n in range(5)]
    assert events(ledger) == written
    assert verify_chain(written) == []
    assert head(ledger) == (5, written[-1].digest)
    assert [event.seq for event in events(ledger, run="r1")] == [2, 4]
    assert [event.seq for event in events(ledger, after=3)] == [4, 5]
    assert [parse_event(event_line(event)) for event in written] == written
    found = newest_with(ledger, "k", "", '"n":3')
    assert found is None  # the stage must match too


def test_an_empty_ledger_has_the_genesis_head(ledger: Ledger) -> None:
    assert head(ledger) == (0, GENESIS)
    assert events(ledger) == []


@pytest.mark.parametrize("verb", ["UPDATE events SET actor='x'", "DELETE FROM events"], ids=["update", "delete"])
def test_the_database_refuses_to_change_an_event(ledger: Ledger, verb: str) -> None:
    append(ledger, "k", {})
    with pytest.raises(DBAPIError, match="append-only"), writing(ledger) as connection:
        connection.execute(text(verb))
    assert len(events(ledger)) == 1


def test_a_forged_or_missing_event_breaks_the_chain(ledger: Ledger) -> None:
    chain = [append(ledger, "k", {"n": n}) for n in range(4)]
    changed = replace(chain[1], body={"n": 99})
    fields = {name: value for name, value in asdict(changed).items() if name != "digest"}
    rehashed = replace(changed, digest=event_digest(fields))
    assert verify_chain([chain[0], changed, *chain[2:]]) == ["event 2 was changed"]
    assert verify_chain([chain[0], rehashed, *chain[2:]]) == ["event 3 does not follow the one before it"]
    assert verify_chain([chain[0], *chain[2:]]) == ["expected event 2, found 3"]


def test_once_means_once_also_for_many_writers(url: str, ledger: Ledger) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Pool(4) as pool:
        made = pool.map(_try_once, [url] * 8)
    assert sum(made) == 1
    assert append_once(ledger, "k", {}, once="the-one")[1] is False
    assert verify_chain(events(ledger)) == []
    assert len(events(ledger)) == 9  # one that exists once, eight ordinary ones, without a gap


def _try_once(url: str) -> bool:
    opened = open_ledger(url)
    append(opened, "other", {})
    return append_once(opened, "k", {}, once="the-one")[1]


def test_a_transaction_that_raises_leaves_nothing(ledger: Ledger) -> None:
    with pytest.raises(RuntimeError):
        _append_and_fail(ledger)
    assert events(ledger) == []


def _append_and_fail(ledger: Ledger) -> None:
    with transaction(ledger) as tx:
        tx.append("k", {})
        raise RuntimeError


def test_a_number_that_json_cannot_hold_is_refused(ledger: Ledger) -> None:
    with pytest.raises(LedgerError) as caught:
        append(ledger, "k", {"value": float("nan")})
    assert caught.value.code == "LEDGER-012"


def test_migrations_go_down_and_up_again(url: str, ledger: Ledger) -> None:
    append(ledger, "k", {})
    downgrade(ledger, "base")
    with pytest.raises(LedgerError):
        open_ledger(url, create=False)
    upgrade(ledger)
    assert append(ledger, "k", {}).seq == 1


def test_the_migrated_tables_are_the_declared_ones(ledger: Ledger) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from mlops.ledger.schema import metadata

    with ledger.engine.connect() as connection:
        context = MigrationContext.configure(connection)
        differences = compare_metadata(context, metadata)
    assert differences == []


def test_a_newer_schema_is_not_touched(url: str, ledger: Ledger) -> None:
    with writing(ledger) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num='9999'"))
    with pytest.raises(LedgerError) as caught:
        open_ledger(url)
    assert caught.value.code == "LEDGER-004"


def test_a_locked_ledger_says_so_and_may_be_retried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_BUSY_SECONDS", 0.2)
    path = tmp_path / "ledger.db"
    ledger = open_ledger(f"sqlite:///{path}")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerUnavailableError) as caught:
        append(ledger, "k", {})
    assert caught.value.exit_code == 1
    assert "locked by another process" in str(caught.value)
    other.execute("ROLLBACK")
    assert append(ledger, "k", {}).seq == 1


@pytest.mark.parametrize(
    ("bad", "code"),
    [("nonsense", "LEDGER-001"), ("mysql://x/y", "LEDGER-001"), ("postgresql+psycopg://127.0.0.1:1/x", "LEDGER-005")],
    ids=["no url", "other database", "no server"],
)
def test_a_wrong_address_is_named(bad: str, code: str) -> None:
    with pytest.raises((LedgerError, LedgerUnavailableError)) as caught:
        open_ledger(bad)
    assert caught.value.code == code


def test_a_file_that_is_no_ledger_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are notes, and quite long ones, so that no header is mistaken for a database's\n" * 50)
    before = path.read_bytes()
    with pytest.raises(LedgerError) as caught:
        open_ledger(f"sqlite:///{path}")
    assert caught.value.code == "LEDGER-006"
    assert path.read_bytes() == before


def test_a_password_is_not_kept_in_the_address() -> None:
    with pytest.raises(LedgerUnavailableError) as caught:
        open_ledger("postgresql+psycopg://u:topsecret@127.0.0.1:1/x")
    assert "topsecret" not in str(caught.value)
