"""Intervals of proportions against published numbers and against their own coverage."""

from __future__ import annotations

import numpy as np
import pytest

from mlops.statistics.errors import StatisticsError
from mlops.statistics.intervals import clopper_pearson, newcombe_difference, wilson
from mlops.statistics.samples import effective_size


def test_wilson_gives_the_published_interval() -> None:
    interval = wilson(81, 263)
    assert (interval.low, interval.high) == pytest.approx((0.25529, 0.36621), abs=5e-6)


def test_newcombe_gives_the_published_interval() -> None:
    interval = newcombe_difference(56, 70, 48, 80)
    assert (interval.low, interval.high) == pytest.approx((0.05243, 0.33387), abs=5e-6)


def test_newcombe_gives_the_compas_false_positive_gap() -> None:
    interval = newcombe_difference(805, 990 + 805, 349, 1139 + 349)
    assert (interval.low, interval.high) == pytest.approx((0.1821, 0.2450), abs=5e-5)


def test_clopper_pearson_gives_the_known_bound_of_no_event_in_twenty() -> None:
    interval = clopper_pearson(0, 20)
    assert interval.low == 0.0
    assert interval.high == pytest.approx(1 - 0.025 ** (1 / 20), abs=1e-12)
    assert interval.high == pytest.approx(0.168, abs=5e-4)


@pytest.mark.parametrize("method", [wilson, clopper_pearson], ids=["wilson", "clopper_pearson"])
def test_the_ends_are_mirror_images_and_stay_within_zero_and_one(method) -> None:  # type: ignore[no-untyped-def]
    for successes in range(11):
        interval, mirrored = method(successes, 10), method(10 - successes, 10)
        assert 0 <= interval.low <= successes / 10 <= interval.high <= 1
        assert interval.low == pytest.approx(1 - mirrored.high, abs=1e-12)
    assert method(10, 10).high == 1.0
    assert method(0, 10).low == 0.0


def test_exact_coverage_of_the_lower_bounds() -> None:
    from scipy.stats import binom

    trials, counts = 200, np.arange(201)
    exact = np.array([clopper_pearson(int(k), trials, 0.9).low for k in counts])
    score = np.array([wilson(int(k), trials, 0.9).low for k in counts])
    for truth in (0.3, 0.5, 0.7, 0.9):
        weights = binom.pmf(counts, trials, truth)
        assert weights[exact > truth].sum() <= 0.05
        assert weights[score > truth].sum() <= 0.08


@pytest.mark.parametrize(
    ("successes", "trials"), [(-1, 10), (11, 10), (0, 0), (float("nan"), 10)], ids=["negative", "over", "none", "nan"]
)
def test_impossible_counts_are_refused(successes: float, trials: float) -> None:
    for method in (wilson, clopper_pearson):
        with pytest.raises(StatisticsError, match="STATISTICS-001"):
            method(successes, trials)


@pytest.mark.parametrize("confidence", [0.0, 1.0, -0.5, 95.0])
def test_a_confidence_that_is_none_is_refused(confidence: float) -> None:
    with pytest.raises(StatisticsError, match="STATISTICS-002"):
        wilson(1, 2, confidence)


def test_independent_examples_are_worth_their_number() -> None:
    assert effective_size([0, 1, 1, 0, 1], None) == 5
    assert effective_size([0, 1, 1, 0, 1], list("abcde")) == 5


def test_copies_within_a_conversation_are_worth_one_example() -> None:
    values = np.repeat(np.random.default_rng(1).integers(0, 2, 400), 5)
    clusters = np.repeat(np.arange(400), 5)
    assert 380 < effective_size(values, clusters) <= 400
    assert effective_size(np.ones(2000), clusters) <= 400
    assert effective_size(np.ones(5), np.zeros(5)) == 1


def test_a_shuffled_cluster_column_changes_nothing_but_the_order() -> None:
    random = np.random.default_rng(2)
    values, clusters = random.normal(size=60), np.repeat(np.arange(20), 3)
    order = random.permutation(60)
    assert effective_size(values, clusters) == pytest.approx(effective_size(values[order], clusters[order]))


def test_nan_is_refused_and_not_dropped() -> None:
    with pytest.raises(StatisticsError, match="STATISTICS-004"):
        effective_size([1.0, float("nan")], None)


def test_few_conversations_pay_for_the_variance_they_estimate() -> None:
    """Five pairs of copies: design effect 2.25 by hand, then the squared ratio of normal and t quantile, 4 degrees."""
    values, clusters = np.repeat([0.0, 1.0, 2.0, 4.0, 8.0], 2), np.repeat(np.arange(5), 2)
    assert effective_size(values, clusters) == pytest.approx(10 / 2.25 * (1.959964 / 2.776445) ** 2, rel=1e-5)
