"""Databases for tests: each new, empty, and dropped afterwards."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

# A libpq URL of a role that may create databases. Read before the tests' settings are hidden (tests/conftest.py).
SERVER = os.environ.get("MLOPS_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")


@contextmanager
def new_database() -> Iterator[str]:
    """SQLAlchemy URL (``postgresql+psycopg://``) of a new database; skips the test when no server lets us in."""
    import psycopg

    try:
        connection = psycopg.connect(SERVER, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError:
        pytest.skip(
            "no PostgreSQL server that lets this user in: start one on 127.0.0.1:5432 or set MLOPS_TEST_POSTGRES"
        )
    name = f"mlops_test_{secrets.token_hex(8)}"
    with connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        try:
            base, _, _ = SERVER.rpartition("/")
            yield f"{base.replace('postgresql://', 'postgresql+psycopg://', 1)}/{name}"
        finally:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
