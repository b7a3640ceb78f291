"""The training room's errors."""

from __future__ import annotations

from mlops.errors import MlopsError, RetryableError


class TrainingError(MlopsError):
    """Configuration, data or base model cannot be trained with."""


class Preempted(RetryableError):
    """The process was asked to end. The last step is saved; the same call goes on from it, bit for bit."""
