"""What can go wrong with a reader of the ledger."""

from __future__ import annotations

from mlops.errors import MlopsError, RetryableError


class TelemetryError(MlopsError):
    """A sink's own file or address is wrong; the ledger itself is untouched."""


class SinkUnavailableError(RetryableError):
    """A sink is held by another process, its disk is full, or it took too long; the next replay goes on."""
