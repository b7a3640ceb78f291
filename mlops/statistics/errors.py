"""The error family of the statistics.

| code | meaning |
|---|---|
| STATISTICS-001 | counts that cannot be (negative, more successes than trials, no trial) |
| STATISTICS-002 | a probability, level or count of resamples out of range |
| STATISTICS-003 | an empty sample, or samples that do not pair up |
| STATISTICS-004 | a value that is NaN or infinite where a number is needed |
"""

from __future__ import annotations

from mlops.errors import MlopsError


class StatisticsError(MlopsError):
    """A statistic was asked of input that has none. Exit code 20: retrying does not help."""
