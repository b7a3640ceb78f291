"""Two-sample tests and effect sizes: published numbers, closed forms, calibration, outliers and new categories."""

from __future__ import annotations

import numpy as np
import pytest

from mlops.statistics.errors import StatisticsError
from mlops.statistics.twosample import (
    binned,
    chi_square,
    contingency,
    jensen_shannon,
    kolmogorov_smirnov,
    robust_wasserstein,
    stability_index,
    wasserstein,
)


def test_distances_give_the_published_numbers() -> None:
    assert wasserstein([0, 1, 3], [5, 6, 8]) == pytest.approx(5.0)
    assert jensen_shannon([1, 0, 0], [0, 1, 0], 2) == pytest.approx(1.0)
    assert jensen_shannon([1, 0], [0.5, 0.5], np.e) == pytest.approx(0.464501404022459)


def test_chi_square_gives_the_published_numbers() -> None:
    statistic, degrees, p_value = chi_square([10, 10, 20], [20, 20, 20])
    assert (statistic, degrees, p_value) == (pytest.approx(2.7778, abs=5e-5), 2, pytest.approx(0.249352, abs=5e-7))


def test_a_normal_sample_shifted_by_one_standard_deviation_has_the_closed_form_effects() -> None:
    from scipy.stats import norm

    grid = norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    assert kolmogorov_smirnov(grid, grid + 1).statistic == pytest.approx(2 * norm.cdf(0.5) - 1, abs=2e-4)
    assert wasserstein(grid, grid + 1) == pytest.approx(1.0, abs=1e-9)
    dense = norm.ppf((np.arange(400_000) + 0.5) / 400_000)
    assert stability_index(dense, dense + 1, bins=400).value == pytest.approx(1.0, abs=0.02)
    cells = np.linspace(-8, 9, 2_001)
    shares = [np.diff(norm.cdf(cells - shift)) for shift in (0, 1)]
    assert jensen_shannon(*shares, 2) == pytest.approx(0.40093, abs=5e-5)
    assert jensen_shannon(*shares, np.e) == pytest.approx(0.33380, abs=5e-5)


def test_kolmogorov_smirnov_has_no_gap_between_its_exact_and_its_asymptotic_part() -> None:
    random = np.random.default_rng(1)
    for size in (1_000, 1_001):
        x, y = random.normal(size=size), random.normal(0.06, 1, size=size)
        from scipy.stats import ks_2samp

        assert kolmogorov_smirnov(x, y).p_value == pytest.approx(ks_2samp(x, y, method="exact").pvalue, rel=0.08)


def test_the_critical_value_of_the_stability_index_is_the_published_one() -> None:
    random = np.random.default_rng(2)
    index = stability_index(random.normal(size=1000), random.normal(size=1000))
    assert index.critical == pytest.approx(0.0338, abs=5e-5)
    assert index.bins == 10


def test_the_stability_index_exceeds_its_critical_value_in_five_percent_of_null_pairs() -> None:
    random = np.random.default_rng(3)
    above = 0
    for _ in range(400):
        index = stability_index(random.normal(size=1000), random.normal(size=1000))
        above += index.value > index.critical
    assert 0.02 < above / 400 < 0.085


def test_ties_merge_bins_and_a_constant_reference_is_one_bin() -> None:
    few = stability_index(np.repeat([1, 2, 3], 100), np.repeat([1, 2, 3], [150, 100, 50]))
    assert few.bins == 3
    assert few.value > few.critical
    constant = stability_index(np.ones(50), np.ones(50))
    assert (constant.value, constant.critical, constant.bins) == (0.0, 0.0, 1)


@pytest.mark.parametrize("size", [100, 2_000], ids=["small", "large"])
def test_one_outlier_neither_hides_nor_fakes_a_shift(size: int) -> None:
    random = np.random.default_rng(4)
    reference, same, shifted = random.normal(size=size), random.normal(size=size), random.normal(1, 1, size=size)
    same[0] = shifted[0] = 1e6
    assert robust_wasserstein(reference, same) < 0.3
    assert 0.5 < robust_wasserstein(reference, shifted) < 1.0
    assert stability_index(reference, shifted).value > 0.5


def test_contingency_is_calibrated_under_the_null() -> None:
    random = np.random.default_rng(5)
    shares = np.array([0.5, 0.3, 0.15, 0.04, 0.01])
    rejected = 0
    for _ in range(500):
        rows = [dict(zip("abcde", map(int, random.multinomial(n, shares)), strict=True)) for n in (900, 300)]
        rejected += contingency(rows[0], rows[1]).p_value <= 0.05
    assert 0.02 < rejected / 500 < 0.08


def test_new_categories_and_nulls_have_their_own_bins() -> None:
    reference: dict[str | None, int] = {"en": 900, "de": 100}
    current: dict[str | None, int] = {"en": 800, "de": 90, "fr": 60, "pl": 20, None: 30}
    first, second = binned(reference, current)
    assert first == {"=de": 100, "=en": 900, "NEW": 0, "NULL": 0}
    assert second == {"=de": 90, "=en": 800, "NEW": 80, "NULL": 30}
    assert contingency(reference, current).p_value < 1e-9


def test_rare_cells_are_pooled_and_one_bin_is_no_evidence() -> None:
    test = contingency({"a": 500, "b": 2, "c": 3, "d": 1}, {"a": 500, "b": 1, "c": 2, "d": 3})
    assert "=b" not in test.bins
    assert "=c" not in test.bins
    assert contingency({"a": 10}, {"a": 400}).p_value == 1.0
    assert contingency({"a": 1, "b": 1}, {"a": 1, "b": 2}).degrees == 0


def test_a_category_named_like_a_bin_is_not_confused_with_it() -> None:
    first, second = binned({"NEW": 5}, {"NEW": 5, "other": 2})
    assert first == {"=NEW": 5, "NEW": 0}
    assert second == {"=NEW": 5, "NEW": 2}


@pytest.mark.parametrize("bad", [[], [float("nan"), 1.0]], ids=["empty", "nan"])
def test_samples_without_numbers_are_refused(bad: list[float]) -> None:
    for function in (kolmogorov_smirnov, robust_wasserstein, stability_index):
        with pytest.raises(StatisticsError):
            function([1.0, 2.0], bad)
    with pytest.raises(StatisticsError):
        contingency({"a": 3}, {})
