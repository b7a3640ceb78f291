"""What can go wrong with the ledger."""

from __future__ import annotations

from mlops.errors import MlopsError, RetryableError


class LedgerError(MlopsError):
    """The ledger's address, schema or content is wrong."""


class LedgerUnavailableError(RetryableError):
    """The ledger is locked, unreachable or its disk is full; nothing was half-written."""


class LeaseHeldError(RetryableError):
    """Another live process holds the lease."""


class LeaseLostError(RetryableError):
    """Somebody else took the lease over: this attempt is fenced and must not commit."""
