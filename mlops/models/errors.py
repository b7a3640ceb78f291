"""The family of errors raised while a base model or adapter is scanned, loaded, run or built."""

from __future__ import annotations

from mlops.errors import MlopsError, RetryableError


class ModelError(MlopsError):
    """A model directory or a request to a model is wrong; trying again without a change cannot help."""


class UnsafeModelError(ModelError):
    """A model directory holds something that could run code, reach out, or cannot be trusted byte for byte."""


class Stopped(RetryableError):
    """A long computation was asked to stop; what it had not returned is lost, and the same call may be made again."""
