"""The error family of the evaluation room.

| code | meaning |
|---|---|
| EVALUATION-001 | rows that cannot be evaluated (no rows, a repeated or missing id, no assistant message last) |
| EVALUATION-002 | a model answered a batch with another number of answers, or of another kind |
| EVALUATION-003 | a predictions file is missing, unreadable or not one of ours |
| EVALUATION-004 | scores that contradict themselves (repeated ids, a champion declared absent but given) |
| EVALUATION-005 | stopped on request before the end; retryable |
"""

from __future__ import annotations

from mlops.errors import MlopsError, RetryableError


class EvaluationError(MlopsError):
    """Wrong rows, answers or scores. Exit code 20: retrying does not help."""


class EvaluationStopped(RetryableError):
    """The evaluation was asked to stop; the same call starts it again. Exit code 1."""
