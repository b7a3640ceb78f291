"""Two models on the same examples: tests and intervals of the paired difference.

A difference is always first minus second. Examples of one cluster (a conversation) are never taken as independent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mlops.statistics.errors import StatisticsError
from mlops.statistics.intervals import Interval
from mlops.statistics.resampling import bootstrap_mean
from mlops.statistics.samples import (
    Clusters,
    Floats,
    check_level,
    cluster_codes,
    effective_size,
    finite_sample,
    normal_quantile,
)


@dataclass(frozen=True)
class McNemar:
    """Tests of "both models are right equally often" from the discordant pairs.

    Attributes:
        first_only: pairs where only the first model is right (b); second_only: only the second (c).
        exact, mid_p: two-sided p-values of the conditional binomial test.
        greater, less: one-sided p-values for "the first is better" and "the first is worse": exact below 25
            discordant pairs, mid-p from there on.
        chi_square, chi_square_corrected: McNemar's statistic on one degree of freedom; NaN without discordance.
    """

    first_only: int
    second_only: int
    exact: float
    mid_p: float
    greater: float
    less: float
    chi_square: float
    chi_square_corrected: float


@dataclass(frozen=True)
class PairedDifference:
    """A mean paired difference: `examples` pairs in `clusters` clusters, worth `effective` independent pairs."""

    difference: float
    interval: Interval
    examples: int
    clusters: int
    effective: float
    first_only: int
    second_only: int


def mcnemar(first_only: int, second_only: int) -> McNemar:
    """McNemar's test (1947, Psychometrika 12); mid-p by Fagerland, Lydersen, Laake 2013, BMC Med. Res. Meth. 13.

    Args:
        first_only, second_only: counts of discordant pairs, at least 0. Assumes independent pairs; use
            :func:`mlops.statistics.resampling.sign_flip` where clusters repeat.

    Raises:
        StatisticsError: STATISTICS-001 for a negative count.
    """
    if first_only < 0 or second_only < 0:
        raise StatisticsError("STATISTICS-001", "expected counts of at least 0, found less", todo="correct the counts")
    total = first_only + second_only
    if total == 0:
        return McNemar(0, 0, 1.0, 1.0, 1.0, 1.0, math.nan, math.nan)
    from scipy.special import bdtr

    smaller = min(first_only, second_only)
    point = _binomial_point(smaller, total)
    lower_tail = float(bdtr(smaller, total, 0.5))
    apart = abs(first_only - second_only)
    correction = 0.5 if total >= 25 else 0.0
    return McNemar(
        first_only=first_only,
        second_only=second_only,
        exact=min(1.0, 2 * lower_tail),
        mid_p=min(1.0, 2 * lower_tail - point),
        greater=float(bdtr(second_only, total, 0.5)) - correction * _binomial_point(second_only, total),
        less=float(bdtr(first_only, total, 0.5)) - correction * _binomial_point(first_only, total),
        chi_square=apart**2 / total,
        chi_square_corrected=max(0, apart - 1) ** 2 / total,
    )


def _binomial_point(successes: int, trials: int) -> float:
    logarithm = math.lgamma(trials + 1) - math.lgamma(successes + 1) - math.lgamma(trials - successes + 1)
    return math.exp(logarithm - trials * math.log(2))


def _pair(first: ArrayLike, second: ArrayLike) -> tuple[Floats, Floats]:
    one, two = finite_sample(first, "first sample"), finite_sample(second, "second sample")
    if one.size != two.size:
        raise StatisticsError(
            "STATISTICS-003",
            f"expected paired samples of one length, found {one.size} and {two.size}",
            todo="join both on the example id first",
        )
    return one, two


def paired_proportions(
    first: ArrayLike, second: ArrayLike, clusters: Clusters | None = None, confidence: float = 0.95
) -> PairedDifference:
    """The interval of a difference of paired proportions (Bonett and Price 2012, J. Educ. Behav. Stat. 37).

    The adjusted Wald interval: one pair is added to each discordant cell, so it has width also where no pair is
    discordant. Repeating clusters shrink the counts to the effective size of the paired differences
    (:func:`mlops.statistics.samples.effective_size`).

    Args:
        first, second: n values of 0 or 1, paired by position.
        clusters: n cluster names, or None.
        confidence: in (0, 1).

    Raises:
        StatisticsError: STATISTICS-001 when a value is neither 0 nor 1, otherwise -002, -003 or -004.
    """
    one, two = _pair(first, second)
    if not (np.isin(one, (0.0, 1.0)).all() and np.isin(two, (0.0, 1.0)).all()):
        raise StatisticsError(
            "STATISTICS-001",
            "expected values of 0 or 1, found others",
            todo="use paired_bootstrap for a metric that is not a proportion",
        )
    check_level("confidence", confidence)
    differences = one - two
    better, worse = int((differences > 0).sum()), int((differences < 0).sum())
    effective = effective_size(differences, clusters, confidence)
    scale = effective / one.size
    share_1, share_2 = (better * scale + 1) / (effective + 2), (worse * scale + 1) / (effective + 2)
    centre = share_1 - share_2
    spread = normal_quantile(1 - (1 - confidence) / 2) * math.sqrt(
        max(0.0, share_1 + share_2 - centre**2) / (effective + 2)
    )
    interval = Interval(max(-1.0, centre - spread), min(1.0, centre + spread), confidence, "bonett_price")
    count = int(cluster_codes(clusters, one.size).max()) + 1
    return PairedDifference(float(differences.mean()), interval, one.size, count, effective, better, worse)


def paired_bootstrap(
    first: ArrayLike,
    second: ArrayLike,
    clusters: Clusters | None = None,
    confidence: float = 0.95,
    *,
    resamples: int = 9_999,
    seed: int = 0,
) -> PairedDifference:
    """The BCa interval of a mean paired difference; arguments and errors as
    :func:`mlops.statistics.resampling.bootstrap_mean`."""
    one, two = _pair(first, second)
    differences = one - two
    interval = bootstrap_mean(differences, clusters, confidence, resamples=resamples, seed=seed)
    count = int(cluster_codes(clusters, one.size).max()) + 1
    effective = effective_size(differences, clusters, confidence)
    better, worse = int((differences > 0).sum()), int((differences < 0).sum())
    return PairedDifference(float(differences.mean()), interval, one.size, count, effective, better, worse)
