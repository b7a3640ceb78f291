"""How one rule is decided from numbers: a threshold for one model, or a margin between two.

Every bound is one-sided at the gate's alpha, so intervals have the two-sided confidence 1 - 2 * alpha.

- floor f: PASS if the lower bound >= f, FAIL if the upper bound < f, otherwise INCONCLUSIVE; a ceiling is its mirror.
- margin m: the same with the advantage of the candidate in place of the value and m in place of f.

So a candidate whose truth lies below the floor passes with a probability of at most alpha, and one whose truth lies
above it fails with a probability of at most alpha, per rule.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mlops.evaluation.catalog import Metric
from mlops.evaluation.config import PairedTest
from mlops.evaluation.metrics import MINIMUM_CLUSTERS, interval_by_resampling, interval_of_mean
from mlops.statistics.intervals import Interval
from mlops.statistics.paired import mcnemar, paired_proportions
from mlops.statistics.power import minimum_detectable_effect, required_n, zero_event_n
from mlops.statistics.resampling import sign_flip
from mlops.statistics.samples import effective_size, normal_quantile

Floats = NDArray[np.float64]
Decision = Literal["PASS", "FAIL", "INCONCLUSIVE"]
NO_SPREAD = f"all values are equal or from fewer than {MINIMUM_CLUSTERS} conversations: no interval can be given"


@dataclass(frozen=True)
class Levels:
    """The gate's one-sided `alpha` and its `power`."""

    alpha: float
    power: float

    @property
    def confidence(self) -> float:
        """Of the two-sided interval whose ends are the one-sided bounds."""
        return 1 - 2 * self.alpha


@dataclass(frozen=True)
class Decided:
    """What the numbers of one rule say; fields as in :class:`mlops.evaluation.verdict.MetricVerdict`."""

    outcome: Decision
    value: float
    interval: Interval | None
    discordant: int | None = None
    p_value: float | None = None
    mde: float | None = None
    required_n: int | None = None
    note: str = ""


def by_interval(interval: Interval, threshold: float, *, higher: bool = True) -> Decision:
    """PASS when the whole interval is on the good side of the threshold (which is good itself), FAIL on the bad."""
    low, high = (interval.low, interval.high) if higher else (-interval.high, -interval.low)
    bar = threshold if higher else -threshold
    if low >= bar:
        return "PASS"
    return "FAIL" if high < bar else "INCONCLUSIVE"


def judge_threshold(
    values: Floats, clusters: list[str], metric: Metric, threshold: float, levels: Levels, *, exact: bool
) -> Decided:
    """Floor where higher is better, ceiling where lower is; `exact` asks for Clopper-Pearson bounds (veto)."""
    value = float(values.mean())
    interval = interval_of_mean(values, clusters, metric, levels.alpha, exact=exact)
    if interval is None:
        return Decided("INCONCLUSIVE", value, None, note=NO_SPREAD)
    outcome = by_interval(interval, threshold, higher=metric.direction == "higher")
    decided = _with_power(Decided(outcome, value, interval), values.size, threshold, levels)
    if exact and metric.binary and metric.direction == "lower" and value == 0:
        worth = effective_size(values, clusters, levels.confidence) / values.size
        decided = replace(decided, required_n=math.ceil(zero_event_n(threshold, levels.alpha) / worth))
    return decided


def judge_advantage(
    better: Floats, worse: Floats, clusters: list[str], metric: Metric, margin: float, test: PairedTest, levels: Levels
) -> Decided:
    """The mean of `better - worse` against the margin.

    Args:
        better, worse: candidate and reference where higher is better, reference and candidate where lower is.
    """
    differences = better - worse
    value, discordant = float(differences.mean()), int((differences != 0).sum())
    if metric.binary:
        interval: Interval | None = paired_proportions(better, worse, clusters, levels.confidence).interval
    else:
        bounds = (-1.0, 1.0) if metric.bounded else None
        interval = interval_by_resampling(differences, clusters, bounds, levels.confidence)
    if interval is None:
        return Decided("INCONCLUSIVE", value, None, discordant, note=NO_SPREAD)
    decided = Decided(by_interval(interval, margin), value, interval, discordant)
    decided = _with_power(decided, differences.size, margin, levels)
    if test == "mcnemar":
        return _by_mcnemar(decided, differences, clusters, levels)
    if test == "sign_flip":
        return _by_sign_flip(decided, differences, clusters, levels)
    return decided


def _with_power(decided: Decided, examples: int, threshold: float, levels: Levels) -> Decided:
    """Detectable effect and required examples from the width of the interval."""
    assert decided.interval is not None
    width = decided.interval.high - decided.interval.low
    error = width / (2 * normal_quantile(1 - levels.alpha))
    return replace(
        decided,
        mde=minimum_detectable_effect(error, levels.alpha, levels.power),
        required_n=required_n(error * math.sqrt(examples), decided.value - threshold, levels.alpha, levels.power),
    )


def _by_mcnemar(decided: Decided, differences: Floats, clusters: list[str], levels: Levels) -> Decided:
    if len(set(clusters)) < len(clusters):
        note = "conversations repeat, so signs of whole conversations were flipped in place of McNemar's test"
        return replace(_by_sign_flip(decided, differences, clusters, levels), note=note)
    test = mcnemar(int((differences > 0).sum()), int((differences < 0).sum()))
    return replace(decided, outcome=_by_p(test.greater, test.less, levels.alpha), p_value=test.greater)


def _by_sign_flip(decided: Decided, differences: Floats, clusters: list[str], levels: Levels) -> Decided:
    test = sign_flip(differences, clusters)
    return replace(decided, outcome=_by_p(test.greater, test.less, levels.alpha), p_value=test.greater)


def _by_p(greater: float, less: float, alpha: float) -> Decision:
    if greater <= alpha:
        return "PASS"
    return "FAIL" if less <= alpha else "INCONCLUSIVE"
