"""Has a distribution changed? Tests and effect sizes for a reference sample and a current one.

A p-value alone alarms at nothing once samples are large, so each test comes with an effect size that does not depend
on the sample size.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mlops.statistics.errors import StatisticsError
from mlops.statistics.samples import Floats, check_level, finite_sample

NEW = "NEW"  # a category that the reference does not hold
NULL = "NULL"  # no value
RARE = "RARE"  # categories pooled because few were expected


@dataclass(frozen=True)
class KolmogorovSmirnov:
    """`statistic` D in [0, 1] (also the effect size) and its two-sided p-value."""

    statistic: float
    p_value: float


@dataclass(frozen=True)
class Contingency:
    """Pearson's chi-square of a 2 x k table; k = 1 gives no evidence (statistic 0, p-value 1)."""

    statistic: float
    degrees: int
    p_value: float
    bins: tuple[str, ...]


@dataclass(frozen=True)
class StabilityIndex:
    """PSI over `bins` bins; `critical` is what it exceeds with probability alpha when nothing has changed."""

    value: float
    critical: float
    bins: int


def kolmogorov_smirnov(reference: ArrayLike, current: ArrayLike) -> KolmogorovSmirnov:
    """Two-sample Kolmogorov-Smirnov test; exact up to 1,000 values, asymptotic above; conservative with ties.

    Raises:
        StatisticsError: STATISTICS-003 or -004.
    """
    first, second = finite_sample(reference, "reference"), finite_sample(current, "current")
    from scipy.stats import ks_2samp

    method = "exact" if max(first.size, second.size) <= 1_000 else "asymp"
    with warnings.catch_warnings():
        # The exact sum loses precision for some nearly equal samples; scipy then says so and takes the asymptotic one.
        warnings.filterwarnings("ignore", "ks_2samp: Exact calculation unsuccessful", RuntimeWarning)
        result = ks_2samp(first, second, method=method)
    return KolmogorovSmirnov(float(result.statistic), float(np.clip(result.pvalue, 0.0, 1.0)))


def wasserstein(reference: ArrayLike, current: ArrayLike) -> float:
    """The first Wasserstein distance of two samples, in their unit: the area between the distribution functions."""
    first = np.sort(finite_sample(reference, "reference"))
    second = np.sort(finite_sample(current, "current"))
    pooled = np.sort(np.concatenate([first, second]))
    steps = np.diff(pooled)
    share_1 = np.searchsorted(first, pooled[:-1], side="right") / first.size
    share_2 = np.searchsorted(second, pooled[:-1], side="right") / second.size
    return float((np.abs(share_1 - share_2) * steps).sum())


def robust_wasserstein(reference: ArrayLike, current: ArrayLike) -> float:
    """Wasserstein distance in interquartile ranges of the reference, one outlier unable to move it.

    Both samples are clipped each at its own 0.1 % and 99.9 % quantiles, at least the extreme value on each side (so
    that also a sample below 1,000 is safe from one outlier). A reference with no interquartile range is
    measured in its standard deviation, and in the data's own unit where that is zero too.
    """
    first, second = finite_sample(reference, "reference"), finite_sample(current, "current")
    clipped_1, clipped_2 = _winsorised(first), _winsorised(second)
    quartiles = np.quantile(clipped_1, (0.25, 0.75))
    scale = float(quartiles[1] - quartiles[0]) or float(clipped_1.std()) or 1.0
    return wasserstein(clipped_1, clipped_2) / scale


def _winsorised(sample: Floats) -> Floats:
    low = np.quantile(sample, 0.001, method="higher")
    high = np.quantile(sample, 0.999, method="lower")
    return np.clip(sample, low, max(low, high))


def chi_square(reference: ArrayLike, current: ArrayLike) -> tuple[float, int, float]:
    """Pearson's chi-square of two rows of counts as (statistic, degrees of freedom, p-value), both rows random.

    Columns that are empty in both rows do not count.

    Raises:
        StatisticsError: STATISTICS-001 for negative counts or an empty row, -003 or -004 for a bad shape or NaN.
    """
    table = np.vstack([finite_sample(reference, "reference"), finite_sample(current, "current")])
    table = table[:, table.sum(axis=0) > 0]
    if (table < 0).any() or (table.sum(axis=1) <= 0).any():
        raise StatisticsError(
            "STATISTICS-001", "expected counts, at least one in each row; found others", todo="pass counts per category"
        )
    from scipy.special import chdtrc

    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    degrees = table.shape[1] - 1
    return statistic, degrees, float(chdtrc(degrees, statistic)) if degrees else 1.0


def contingency(
    reference: Mapping[str | None, int], current: Mapping[str | None, int], minimum_expected: float = 5.0
) -> Contingency:
    """Chi-square of two sets of category counts with explicit bins for new categories and for nulls.

    A category the reference does not hold counts as NEW, the key None as NULL. Bins whose smaller expected count is
    below `minimum_expected` are pooled as RARE; if that is still too small, RARE joins the smallest bin left.
    """
    first, second = binned(reference, current)
    table = np.array([[first[name], second[name]] for name in first], dtype=np.float64)
    smaller = table.sum(axis=1) * min(table.sum(axis=0)) / table.sum()
    kept = {name: row for name, row, low in zip(first, table, smaller, strict=True) if low >= minimum_expected}
    pooled = table.sum(axis=0) - sum(kept.values(), np.zeros(2))
    if pooled.sum() > 0:
        share = min(table.sum(axis=0)) / table.sum()
        if pooled.sum() * share < minimum_expected and kept:
            smallest = min(kept, key=lambda name: (kept[name].sum(), name))
            kept[smallest] = kept[smallest] + pooled
        else:
            kept[RARE] = pooled
    columns = np.array(list(kept.values()))
    statistic, degrees, p_value = chi_square(columns[:, 0], columns[:, 1])
    return Contingency(statistic, degrees, p_value, tuple(kept))


def binned(
    reference: Mapping[str | None, int], current: Mapping[str | None, int]
) -> tuple[dict[str, int], dict[str, int]]:
    """Both counts over the same bins: the reference's categories in sorted order, then NEW, then NULL if any."""
    known = sorted(name for name, count in reference.items() if name is not None and count > 0)
    first = {f"={name}": reference[name] for name in known}
    second = {f"={name}": current.get(name, 0) for name in known}
    unseen = sum(count for name, count in current.items() if name is not None and name not in set(known))
    nulls = reference.get(None, 0), current.get(None, 0)
    if unseen:
        first[NEW], second[NEW] = 0, unseen
    if any(nulls):
        first[NULL], second[NULL] = nulls
    if not first or sum(first.values()) == 0 or sum(second.values()) == 0:
        raise StatisticsError(
            "STATISTICS-003", "expected counts in both samples, found an empty one", todo="pass non-empty samples"
        )
    return first, second


def jensen_shannon(reference: ArrayLike, current: ArrayLike, base: float = 2.0) -> float:
    """The Jensen-Shannon distance (the root of the divergence) of two rows of counts or shares.

    In [0, 1] for base 2, in [0, sqrt(ln 2)] for base e. Endres and Schindelin 2003, IEEE Trans. Inf. Theory 49.

    Raises:
        StatisticsError: STATISTICS-001 for a negative or empty row, -003 or -004 for a bad shape or NaN.
    """
    first, second = finite_sample(reference, "reference"), finite_sample(current, "current")
    if first.size != second.size or (first < 0).any() or (second < 0).any() or not first.sum() or not second.sum():
        raise StatisticsError(
            "STATISTICS-001", "expected two rows of counts over the same bins, found others", todo="bin both alike"
        )
    p, q = first / first.sum(), second / second.sum()
    middle = (p + q) / 2
    divergence = (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2
    return float(np.sqrt(max(0.0, divergence) / np.log(base)))


def _relative_entropy(p: Floats, q: Floats) -> float:
    held = p > 0
    return float((p[held] * np.log(p[held] / q[held])).sum())


def stability_index(reference: ArrayLike, current: ArrayLike, bins: int = 10, alpha: float = 0.05) -> StabilityIndex:
    """Population stability index on quantile bins of the reference, 0.5 added to every count.

    Its critical value under "nothing changed" is (1/n + 1/m) * chi-square quantile with bins - 1 degrees of freedom
    (Yurdakul 2018), never a bare 0.1 or 0.25. Equal quantiles (ties) merge, so fewer bins may result; one bin gives
    the value 0 and a critical value of 0.

    Raises:
        StatisticsError: STATISTICS-002 for fewer than 2 bins or a bad alpha, -003 or -004 for a bad sample.
    """
    first, second = finite_sample(reference, "reference"), finite_sample(current, "current")
    check_level("alpha", alpha)
    if bins < 2:
        raise StatisticsError("STATISTICS-002", f"expected at least 2 bins, found {bins}", todo="use 10")
    from scipy.special import chdtri

    edges = np.unique(np.quantile(first, np.arange(1, bins) / bins))
    edges = edges[edges < first.max()]
    counts = [np.bincount(np.searchsorted(edges, x, side="left"), minlength=edges.size + 1) for x in (first, second)]
    p, q = ((row + 0.5) / (row + 0.5).sum() for row in counts)
    value = float(((q - p) * np.log(q / p)).sum())
    used = edges.size + 1
    critical = (1 / first.size + 1 / second.size) * float(chdtri(used - 1, alpha)) if used > 1 else 0.0
    return StabilityIndex(value, critical, used)
