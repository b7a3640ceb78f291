"""Run the Alembic migrations of the ledger, up and down."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config

from mlops.ledger.store import Ledger, writing


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def upgrade(ledger: Ledger, revision: str = "head") -> None:
    """Migrate up to ``revision``; concurrent callers wait for each other and the second finds nothing to do."""
    config = _config()
    with writing(ledger) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def downgrade(ledger: Ledger, revision: str) -> None:
    """Migrate down to ``revision`` (``base`` removes all tables and every record in them)."""
    config = _config()
    with writing(ledger) as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
