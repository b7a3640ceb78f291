"""Multiple-testing corrections and sample sizes against published numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops.statistics.corrections import benjamini_hochberg, holm
from mlops.statistics.errors import StatisticsError
from mlops.statistics.intervals import clopper_pearson, wilson
from mlops.statistics.power import floor_mde, minimum_detectable_effect, non_inferiority_n, required_n, zero_event_n

P_1995 = [
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0,
]  # fmt: skip


def test_the_1995_example_rejects_three_by_holm_and_four_by_benjamini_hochberg() -> None:
    assert (holm(P_1995) <= 0.05).sum() == 3
    assert (benjamini_hochberg(P_1995) <= 0.05).sum() == 4
    assert (np.array(P_1995) * 15 <= 0.05).sum() == 3


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_adjusted_values_keep_order_and_bounds(p: list[float]) -> None:
    raw = np.array(p)
    for adjusted in (holm(raw), benjamini_hochberg(raw)):
        assert ((adjusted >= raw - 1e-12) & (adjusted <= 1)).all()
        assert (np.diff(adjusted[np.argsort(raw, kind="stable")]) >= 0).all()
    assert (benjamini_hochberg(raw) <= holm(raw) + 1e-12).all()


def test_benjamini_hochberg_agrees_with_scipy() -> None:
    from scipy.stats import false_discovery_control

    p = np.random.default_rng(1).uniform(size=40)
    assert benjamini_hochberg(p) == pytest.approx(false_discovery_control(p))


@pytest.mark.parametrize("p", [[], [0.1, float("nan")], [1.2], [-0.1]], ids=["empty", "nan", "above", "below"])
def test_a_family_with_a_value_that_is_no_p_value_is_refused(p: list[float]) -> None:
    for correction in (holm, benjamini_hochberg):
        with pytest.raises(StatisticsError):
            correction(p)


@pytest.mark.parametrize(("margin", "pairs"), [(0.01, 6183), (0.02, 1546), (0.03, 687), (0.05, 248)])
def test_non_inferiority_sizes_are_the_published_ones(margin: float, pairs: int) -> None:
    assert non_inferiority_n(-margin, 0.10) == pairs


def test_zero_event_size_is_where_the_exact_bound_reaches_the_ceiling() -> None:
    trials = zero_event_n(0.001)
    assert trials == 2995
    assert clopper_pearson(0, trials, 0.9).high <= 0.001 < clopper_pearson(0, trials - 1, 0.9).high


def test_required_n_and_minimum_detectable_effect_are_two_views_of_one_relation() -> None:
    needed = required_n(0.5, 0.1)
    assert needed is not None
    assert (
        minimum_detectable_effect(0.5 / np.sqrt(needed)) <= 0.1 < minimum_detectable_effect(0.5 / np.sqrt(needed - 2))
    )
    assert required_n(0.5, 0.0) is None


def test_a_truth_one_minimum_detectable_effect_above_the_floor_passes_with_the_stated_power() -> None:
    from scipy.stats import binom

    trials, floor = 400, 0.70
    distance = floor_mde(trials, floor)
    assert distance is not None
    counts = np.arange(trials + 1)
    passes = np.array([wilson(int(k), trials, 0.9).low >= floor for k in counts])
    assert binom.pmf(counts, trials, floor + distance)[passes].sum() == pytest.approx(0.8, abs=0.04)
    assert floor_mde(5, 0.9) is None


@pytest.mark.parametrize(("alpha", "power"), [(0.0, 0.8), (0.6, 0.8), (0.05, 0.4), (0.05, 1.0)])
def test_levels_that_make_no_sense_are_refused(alpha: float, power: float) -> None:
    with pytest.raises(StatisticsError, match="STATISTICS-002"):
        required_n(1.0, 0.1, alpha, power)


def test_holm_steps_down_and_is_more_than_bonferroni() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert benjamini_hochberg([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.04, 0.04])
