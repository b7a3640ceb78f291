"""Corrections for a declared family of tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from mlops.statistics.errors import StatisticsError
from mlops.statistics.samples import Floats, finite_sample


def _p_values(values: ArrayLike) -> Floats:
    p = finite_sample(values, "p-values")
    if (p < 0).any() or (p > 1).any():
        raise StatisticsError(
            "STATISTICS-002", "expected p-values between 0 and 1, found others", todo="pass p-values, not statistics"
        )
    return p


def holm(p_values: ArrayLike) -> Floats:
    """Adjusted p-values that hold the family-wise error rate under any dependence (Holm 1979, Scand. J. Stat. 6).

    Returns:
        One value in [0, 1] per test, in the order given. Reject where it is at most alpha.

    Raises:
        StatisticsError: STATISTICS-002, -003 or -004; a NaN is refused, since dropping it would shrink the family.
    """
    p = _p_values(p_values)
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * (p.size - np.arange(p.size)))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, steps)
    return adjusted


def benjamini_hochberg(p_values: ArrayLike) -> Floats:
    """Adjusted p-values that hold the false discovery rate, independent tests (Benjamini, Hochberg 1995, JRSS-B 57).

    Returns and raises as :func:`holm`.
    """
    p = _p_values(p_values)
    order = np.argsort(p, kind="stable")
    steps = p[order] * p.size / np.arange(1, p.size + 1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, np.minimum.accumulate(steps[::-1])[::-1])
    return adjusted
