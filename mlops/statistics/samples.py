"""Checked samples and clusters: what every method of this package takes in."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlops.statistics.errors import StatisticsError

Floats = NDArray[np.float64]
Clusters = Sequence[str] | Sequence[int] | NDArray[Any]


def finite_sample(values: ArrayLike, name: str = "sample") -> Floats:
    """Return `values` as a one-dimensional float array with at least one element.

    Raises:
        StatisticsError: STATISTICS-003 when it is empty or not one-dimensional, -004 when a value is not finite.
    """
    sample = np.asarray(values, dtype=np.float64)
    if sample.ndim != 1 or sample.size == 0:
        raise StatisticsError(
            "STATISTICS-003",
            f"expected a non-empty list of numbers, found the shape {sample.shape}",
            where=name,
            todo="pass one number per example",
        )
    if not np.isfinite(sample).all():
        raise StatisticsError(
            "STATISTICS-004",
            f"expected finite numbers, found {int((~np.isfinite(sample)).sum())} that are NaN or infinite",
            where=name,
            todo="decide what a missing value means before asking for a statistic; it is never dropped here",
        )
    return sample


def cluster_codes(clusters: Clusters | None, size: int) -> NDArray[np.int64]:
    """Number the clusters 0..m-1 in sorted order of their names; without clusters each element is its own.

    Raises:
        StatisticsError: STATISTICS-003 when there is not one cluster per element.
    """
    if clusters is None:
        return np.arange(size, dtype=np.int64)
    names = np.asarray(clusters)
    if names.shape != (size,):
        raise StatisticsError(
            "STATISTICS-003",
            f"expected one cluster for each of {size} elements, found the shape {names.shape}",
            where="clusters",
            todo="pass one cluster name per example",
        )
    _, codes = np.unique(names, return_inverse=True)
    return np.asarray(codes, dtype=np.int64)


def check_level(name: str, value: float, low: float = 0.0, high: float = 1.0) -> None:
    """Refuse a level outside the open interval (low, high).

    Raises:
        StatisticsError: STATISTICS-002.
    """
    if not low < value < high:
        raise StatisticsError(
            "STATISTICS-002",
            f"expected a number between {low:g} and {high:g}, both excluded, found {value:g}",
            where=name,
            todo="correct the level",
        )


def normal_quantile(probability: float) -> float:
    """The standard normal quantile; `probability` in (0, 1)."""
    check_level("probability", probability)
    return NormalDist().inv_cdf(probability)


def effective_size(values: ArrayLike, clusters: Clusters | None, confidence: float = 0.95) -> float:
    """How many independent examples the clustered `values` are worth for the estimate of their mean.

    n / deff * (z / t)^2, where deff is the ratio of the cluster-robust to the independent variance of the mean,
    never taken below 1, and the second factor pays for estimating the variance from m clusters (t has m - 1 degrees
    of freedom). Korn and Graubard 1998, Survey Methodology 24. With one example per cluster the result is n. Where
    all values are equal no design effect can be estimated and each cluster counts as one example.

    Args:
        values: n numbers.
        clusters: n cluster names, or None for independent examples.
        confidence: of the two-sided interval that will be built, in (0, 1).

    Returns:
        A number in (0, n].

    Raises:
        StatisticsError: STATISTICS-002, -003 or -004.
    """
    sample = finite_sample(values)
    check_level("confidence", confidence)
    codes = cluster_codes(clusters, sample.size)
    count = int(codes.max()) + 1
    if count == sample.size:
        return float(sample.size)
    if count == 1:
        return 1.0
    from scipy.special import stdtrit

    residuals = sample - sample.mean()
    independent = float((residuals**2).sum()) / (sample.size * (sample.size - 1))
    sums = np.bincount(codes, weights=residuals)
    robust = float((sums**2).sum()) * count / (count - 1) / sample.size**2
    tail = 1 - (1 - confidence) / 2
    small_sample = (normal_quantile(tail) / float(stdtrit(count - 1, tail))) ** 2
    if independent <= 1e-24:
        return count * small_sample
    return sample.size / max(1.0, robust / independent) * small_sample
