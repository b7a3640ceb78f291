"""Resampling by whole clusters: the bootstrap interval of a mean and the sign-flip test."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from mlops.statistics.errors import StatisticsError
from mlops.statistics.intervals import Interval
from mlops.statistics.samples import Clusters, Floats, check_level, cluster_codes, finite_sample

_CHUNK = 4_000_000  # resampled values held at once (32 MB)
MINIMUM_RESAMPLES = 999


@dataclass(frozen=True)
class SignFlip:
    """One-sided p-values for "the mean exceeds the margin" and "it falls below", and the two-sided one."""

    greater: float
    less: float
    two_sided: float


def bootstrap_mean(
    values: ArrayLike,
    clusters: Clusters | None = None,
    confidence: float = 0.95,
    *,
    resamples: int = 9_999,
    seed: int = 0,
    method: str = "bca",
) -> Interval:
    """A bootstrap interval of a mean; whole clusters are resampled, the mean is a ratio of sums.

    `percentile`, or `bca`: bias-corrected and accelerated (Efron 1987, JASA 82), the acceleration from the
    leave-one-cluster-out jackknife. Deterministic for one seed. A sample without variation gives an interval without
    width; see :func:`bootstrap_bounded_mean`. Costs resamples x clusters gathers.

    Raises:
        StatisticsError: STATISTICS-002 for fewer than 999 resamples, an unknown method or a level out of range;
            -003 or -004 for an empty sample or one that holds NaN.
    """
    sample = finite_sample(values)
    check_level("confidence", confidence)
    _check_resamples(resamples)
    if method not in ("bca", "percentile"):
        raise StatisticsError("STATISTICS-002", "expected the method bca or percentile", todo="name one of them")
    sums, sizes = _cluster_sums(sample, clusters)
    means = _resampled_means(sums, sizes, resamples, np.random.default_rng(seed))
    tail = (1 - confidence) / 2
    levels = (tail, 1 - tail)
    if method == "bca":
        levels = _bca_levels(means, sums, sizes, tail)
    low, high = np.quantile(means, levels)
    return Interval(float(low), float(high), confidence, f"bootstrap_{method}")


def bootstrap_bounded_mean(
    values: ArrayLike,
    low: float,
    high: float,
    clusters: Clusters | None = None,
    confidence: float = 0.95,
    *,
    resamples: int = 9_999,
    seed: int = 0,
) -> Interval:
    """The BCa interval of the mean of a quantity within [low, high], honest also where almost nothing varies.

    A plain bootstrap of 200 equal values has no width, although one example in a hundred may well behave otherwise.
    So two clusters of average size are added, one at each end of the range: what Agresti and Coull (1998, American
    Statistician 52) do to a proportion and Bonett and Price to a paired difference. The effect vanishes as 1 / n.

    Raises:
        StatisticsError: as :func:`bootstrap_mean`; STATISTICS-001 when a value lies outside the range.
    """
    sample = finite_sample(values)
    if sample.min() < low or sample.max() > high:
        raise StatisticsError(
            "STATISTICS-001",
            f"expected values from {low:g} to {high:g}, found others",
            todo="use bootstrap_mean for an unbounded quantity",
        )
    codes = cluster_codes(clusters, sample.size)
    count = int(codes.max()) + 1
    size = max(1, round(sample.size / count))
    interval = bootstrap_mean(
        np.concatenate([sample, np.full(size, low), np.full(size, high)]),
        np.concatenate([codes, np.full(size, count), np.full(size, count + 1)]),
        confidence,
        resamples=resamples,
        seed=seed,
    )
    return replace(interval, method="bootstrap_bca_adjusted")


def sign_flip(
    differences: ArrayLike,
    clusters: Clusters | None = None,
    *,
    margin: float = 0.0,
    resamples: int = 9_999,
    seed: int = 0,
) -> SignFlip:
    """Randomisation test of a mean paired difference against `margin` (Fisher 1935; p = (1 + k) / (1 + B)).

    The signs of whole clusters are flipped. Exact where the differences are symmetric around the margin, which holds
    at a margin of zero when the two models are exchangeable.

    Raises:
        StatisticsError: STATISTICS-002 for fewer than 999 resamples, -003 or -004 for a bad sample.
    """
    sample = finite_sample(differences) - margin
    _check_resamples(resamples)
    sums, _ = _cluster_sums(sample, clusters)
    observed = float(sums.sum())
    slack = 1e-12 * float(np.abs(sums).sum())
    random = np.random.default_rng(seed)
    above = below = beyond = 0
    for rows in _chunks(resamples, sums.size):
        totals = random.choice(np.array([-1.0, 1.0]), size=(rows, sums.size)) @ sums
        above += int((totals >= observed - slack).sum())
        below += int((totals <= observed + slack).sum())
        beyond += int((np.abs(totals) >= abs(observed) - slack).sum())
    return SignFlip(*((1 + count) / (1 + resamples) for count in (above, below, beyond)))


def _check_resamples(resamples: int) -> None:
    if resamples < MINIMUM_RESAMPLES:
        raise StatisticsError(
            "STATISTICS-002",
            f"expected at least {MINIMUM_RESAMPLES} resamples, found {resamples}",
            todo="use 9999 or more",
        )


def _cluster_sums(sample: Floats, clusters: Clusters | None) -> tuple[Floats, Floats]:
    codes = cluster_codes(clusters, sample.size)
    sums = np.asarray(np.bincount(codes, weights=sample), dtype=np.float64)
    sizes = np.asarray(np.bincount(codes), dtype=np.float64)
    return sums, sizes


def _chunks(resamples: int, width: int) -> list[int]:
    rows = max(1, _CHUNK // width)
    full, rest = divmod(resamples, rows)
    return [rows] * full + ([rest] if rest else [])


def _resampled_means(sums: Floats, sizes: Floats, resamples: int, random: np.random.Generator) -> Floats:
    equal = bool((sizes == sizes[0]).all())
    means = []
    for rows in _chunks(resamples, sums.size):
        drawn = random.integers(0, sums.size, size=(rows, sums.size), dtype=np.int32)
        weights = sizes[0] * sums.size if equal else sizes[drawn].sum(axis=1)
        means.append(sums[drawn].sum(axis=1) / weights)
    return np.concatenate(means)


def _bca_levels(means: Floats, sums: Floats, sizes: Floats, tail: float) -> tuple[float, float]:
    """The two levels at which the resampled means are read; the plain ones where nothing varies."""
    plain = (tail, 1 - tail)
    if sums.size < 2 or np.ptp(means) == 0:
        return plain
    from scipy.special import ndtr, ndtri

    estimate = sums.sum() / sizes.sum()
    # Ties count half, so that a symmetric discrete distribution has no bias.
    tied = np.isclose(means, estimate, rtol=1e-12, atol=0.0)
    below = ((means < estimate) & ~tied).sum() + 0.5 * tied.sum()
    bias = float(ndtri(np.clip(below / means.size, 1 / means.size, 1 - 1 / means.size)))
    left_out = (sums.sum() - sums) / (sizes.sum() - sizes)
    centred = left_out.mean() - left_out
    spread = float((centred**2).sum())
    acceleration = float((centred**3).sum()) / (6 * spread**1.5) if spread > 0 else 0.0
    shifted = bias + np.asarray(ndtri(plain))
    adjusted = ndtr(bias + shifted / (1 - acceleration * shifted))
    return float(adjusted[0]), float(adjusted[1])
