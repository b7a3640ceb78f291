"""Confidence intervals for proportions and their difference.

Every interval is two-sided at `confidence`. One end alone is a one-sided bound at level alpha when
confidence = 1 - 2 * alpha.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from mlops.statistics.errors import StatisticsError
from mlops.statistics.samples import check_level, normal_quantile


@dataclass(frozen=True)
class Interval:
    """Two ends in the unit of the estimate; `confidence` in (0, 1); `method` names how it was made."""

    low: float
    high: float
    confidence: float
    method: str


def _check_counts(successes: float, trials: float) -> None:
    if not (math.isfinite(successes) and math.isfinite(trials) and trials > 0 and 0 <= successes <= trials):
        raise StatisticsError(
            "STATISTICS-001",
            f"expected 0 <= successes <= trials and at least one trial, found {successes:g} of {trials:g}",
            todo="correct the counts",
        )


def wilson(successes: float, trials: float, confidence: float = 0.95) -> Interval:
    """The score interval of a proportion (Wilson 1927, JASA 22). Counts may be fractional (effective counts).

    Raises:
        StatisticsError: STATISTICS-001 or -002.
    """
    _check_counts(successes, trials)
    check_level("confidence", confidence)
    z = normal_quantile(1 - (1 - confidence) / 2)
    share = successes / trials
    centre = share + z * z / (2 * trials)
    spread = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    low = 0.0 if successes == 0 else max(0.0, (centre - spread) / scale)
    high = 1.0 if successes == trials else min(1.0, (centre + spread) / scale)
    return Interval(low, high, confidence, "wilson")


def clopper_pearson(successes: float, trials: float, confidence: float = 0.95) -> Interval:
    """The exact interval of a proportion (Clopper and Pearson 1934, Biometrika 26): coverage never below nominal.

    Raises:
        StatisticsError: STATISTICS-001 or -002.
    """
    _check_counts(successes, trials)
    check_level("confidence", confidence)
    from scipy.special import betaincinv

    tail = (1 - confidence) / 2
    low = 0.0 if successes == 0 else float(betaincinv(successes, trials - successes + 1, tail))
    high = 1.0 if successes == trials else float(betaincinv(successes + 1, trials - successes, 1 - tail))
    return Interval(low, high, confidence, "clopper_pearson")


def newcombe_difference(
    successes_1: float, trials_1: float, successes_2: float, trials_2: float, confidence: float = 0.95
) -> Interval:
    """The interval of p1 - p2 for two independent samples (Newcombe 1998, Statistics in Medicine 17, method 10).

    Raises:
        StatisticsError: STATISTICS-001 or -002.
    """
    first, second = wilson(successes_1, trials_1, confidence), wilson(successes_2, trials_2, confidence)
    share_1, share_2 = successes_1 / trials_1, successes_2 / trials_2
    below = math.hypot(share_1 - first.low, second.high - share_2)
    above = math.hypot(first.high - share_1, share_2 - second.low)
    difference = share_1 - share_2
    return Interval(difference - below, difference + above, confidence, "newcombe")
