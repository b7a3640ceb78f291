"""Alembic's entry point: the caller passes an open connection, so there is no alembic.ini and no second URL."""

from __future__ import annotations

from alembic import context

from mlops.ledger.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
