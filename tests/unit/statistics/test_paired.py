"""Paired tests: published numbers, exact error rates under a true null, and power."""

from __future__ import annotations

import numpy as np
import pytest

from mlops.statistics.errors import StatisticsError
from mlops.statistics.paired import mcnemar, paired_bootstrap, paired_proportions
from mlops.statistics.resampling import bootstrap_bounded_mean, bootstrap_mean, sign_flip


def _columns(both: int, first: int, second: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    one = np.repeat([1.0, 1.0, 0.0, 0.0], [both, first, second, neither])
    two = np.repeat([1.0, 0.0, 1.0, 0.0], [both, first, second, neither])
    return one, two


def test_mcnemar_gives_the_published_statistics() -> None:
    large = mcnemar(121, 59)
    assert large.chi_square == pytest.approx(21.3556, abs=5e-5)
    assert large.chi_square_corrected == pytest.approx(20.6722, abs=5e-5)
    small = mcnemar(6, 16)
    assert small.exact == pytest.approx(0.05248, abs=5e-6)
    assert small.mid_p == pytest.approx(0.03469, abs=5e-6)


def test_one_sided_mcnemar_is_exact_below_25_discordant_pairs_and_mid_p_above() -> None:
    from scipy.stats import binom

    assert mcnemar(16, 6).greater == pytest.approx(binom.cdf(6, 22, 0.5))
    assert mcnemar(20, 10).greater == pytest.approx(binom.cdf(10, 30, 0.5) - 0.5 * binom.pmf(10, 30, 0.5))
    assert mcnemar(20, 10).greater == mcnemar(10, 20).less


def test_no_discordant_pair_is_no_evidence() -> None:
    test = mcnemar(0, 0)
    assert test.exact == test.mid_p == test.greater == test.less == 1.0


def test_mcnemar_is_calibrated_exactly_under_the_null() -> None:
    from scipy.stats import binom

    for total in (10, 24, 60, 200):
        rejected = sum(binom.pmf(b, total, 0.5) for b in range(total + 1) if mcnemar(b, total - b).greater <= 0.05)
        assert 0.01 < rejected <= 0.056


@pytest.mark.parametrize(("trials", "discordance"), [(50, 0.3), (200, 0.1), (200, 0.3)])
def test_non_inferiority_is_declared_at_most_as_often_as_alpha_allows(trials: int, discordance: float) -> None:
    """Exact: every possible table at the margin itself, weighed by its multinomial probability."""
    from scipy.stats import multinomial

    margin = -0.05
    worse = (discordance - margin) / 2
    model = multinomial(trials, [discordance - worse, worse, 1 - discordance])
    declared = 0.0
    for b in range(trials + 1):
        for c in range(min(trials - b, 60) + 1):
            weight = float(model.pmf([b, c, trials - b - c])) if b <= 60 else 0.0
            if weight > 1e-7:
                pair = paired_proportions(*_columns(trials - b - c, b, c, 0), confidence=0.9)
                declared += weight * (pair.interval.low >= margin)
    assert 0.01 < declared < 0.065


def test_a_point_rule_would_fail_identical_models_where_the_interval_does_not_pass_them_blindly() -> None:
    one = np.r_[np.ones(150), np.zeros(50)]
    pair = paired_proportions(one, one, confidence=0.9)
    assert pair.difference == 0
    assert pair.interval.low < 0 < pair.interval.high
    assert pair.interval.low == pytest.approx(-pair.interval.high)


def test_power_at_two_points_is_that_of_mcnemar_and_not_of_the_unpaired_test() -> None:
    """n = 2,000, a true loss of two points, 10 % discordance: about 81 % against 25 % unpaired."""
    random = np.random.default_rng(3)
    found = 0
    for _ in range(300):
        b, c, _rest = random.multinomial(2000, [0.04, 0.06, 0.90])
        found += mcnemar(int(b), int(c)).mid_p <= 0.05
    assert 0.73 < found / 300 < 0.90


def test_repeating_conversations_widen_the_interval() -> None:
    random = np.random.default_rng(4)
    one, two = random.integers(0, 2, 100).astype(float), random.integers(0, 2, 100).astype(float)
    clusters = np.repeat(np.arange(100), 4)
    copied = paired_proportions(np.repeat(one, 4), np.repeat(two, 4), clusters)
    single, blind = paired_proportions(one, two), paired_proportions(np.repeat(one, 4), np.repeat(two, 4))
    width = [pair.interval.high - pair.interval.low for pair in (copied, single, blind)]
    assert width[0] == pytest.approx(width[1], rel=0.03)
    assert width[2] < 0.6 * width[0]
    assert copied.clusters == 100
    assert copied.examples == 400


@pytest.mark.parametrize("method", ["bca", "percentile"])
def test_bootstrap_of_a_mean_agrees_with_scipy(method: str) -> None:
    from scipy.stats import bootstrap

    values = np.random.default_rng(5).exponential(size=150)
    ours = bootstrap_mean(values, confidence=0.9, method=method)
    theirs = bootstrap(
        (values,), np.mean, confidence_level=0.9, n_resamples=9_999, method=method, rng=np.random.default_rng(6)
    ).confidence_interval
    spread = values.std() / np.sqrt(150)
    assert abs(ours.low - theirs.low) < 0.12 * spread
    assert abs(ours.high - theirs.high) < 0.12 * spread


def test_bootstrap_covers_the_truth_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(7)
    missed = 0
    for trial in range(200):
        interval = bootstrap_mean(random.exponential(size=80), confidence=0.9, resamples=999, seed=trial)
        missed += not interval.low <= 1.0 <= interval.high
    assert 0.04 < missed / 200 < 0.19


def test_bootstrap_resamples_whole_conversations() -> None:
    values, clusters = np.random.default_rng(8).normal(size=60), np.repeat(np.arange(60), 5)
    copied = bootstrap_mean(np.repeat(values, 5), clusters, resamples=1999)
    single = bootstrap_mean(values, resamples=1999)
    assert (copied.low, copied.high) == pytest.approx((single.low, single.high), abs=1e-9)


def test_a_bounded_mean_keeps_an_interval_with_width_where_nothing_varies() -> None:
    perfect = bootstrap_bounded_mean(np.ones(200), 0.0, 1.0, confidence=0.9)
    assert perfect.high == 1.0
    assert perfect.low == pytest.approx(0.05 ** (1 / 200), abs=0.006)
    plain, adjusted = (
        method(np.random.default_rng(8).uniform(size=2_000), *bounds, confidence=0.9)
        for method, bounds in ((bootstrap_mean, ()), (bootstrap_bounded_mean, (0.0, 1.0)))
    )
    assert (adjusted.low, adjusted.high) == pytest.approx((plain.low, plain.high), abs=1e-3)


def test_a_bounded_mean_of_rare_events_is_not_overconfident() -> None:
    """One example in a hundred fails: the lower bound lies above the truth in about 5 % of samples, not in 37 %."""
    random = np.random.default_rng(12)
    wrong = plain = 0
    for trial in range(150):
        values = 1.0 - (random.uniform(size=100) < 0.01)
        wrong += bootstrap_bounded_mean(values, 0.0, 1.0, confidence=0.9, resamples=999, seed=trial).low > 0.99
        plain += bootstrap_mean(values, confidence=0.9, resamples=999, seed=trial).low > 0.99
    assert wrong / 150 <= 0.10 < 0.25 < plain / 150


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    values = np.random.default_rng(9).normal(size=50)
    assert bootstrap_mean(values, seed=1) == bootstrap_mean(values, seed=1)
    assert bootstrap_mean(values, seed=1) != bootstrap_mean(values, seed=2)


def test_paired_bootstrap_is_the_bootstrap_of_the_differences() -> None:
    random = np.random.default_rng(10)
    one, two = random.normal(size=80), random.normal(size=80)
    pair = paired_bootstrap(one, two)
    assert pair.difference == pytest.approx(float((one - two).mean()))
    assert pair.interval == bootstrap_mean(one - two)


def test_sign_flip_is_calibrated_and_has_power() -> None:
    random = np.random.default_rng(11)
    null = [sign_flip(random.normal(size=60), resamples=999, seed=i).greater for i in range(400)]
    assert 0.025 < np.mean(np.array(null) <= 0.05) < 0.08
    shifted = [sign_flip(random.normal(0.5, size=60), resamples=999, seed=i).greater for i in range(50)]
    assert np.mean(np.array(shifted) <= 0.05) > 0.9


def test_sign_flip_of_one_sided_values_equals_full_enumeration() -> None:
    test = sign_flip([1.0, 2.0, 3.0, 4.0, 5.0], resamples=99_999)
    assert test.greater == pytest.approx(1 / 32, abs=0.003)
    assert test.less == 1.0
    assert test.two_sided == pytest.approx(2 / 32, abs=0.004)


def test_sign_flip_counts_conversations_and_respects_the_margin() -> None:
    copies = sign_flip(np.repeat([1.0, 2.0, 3.0], 50), np.repeat([0, 1, 2], 50))
    assert copies.greater == pytest.approx(1 / 8, abs=0.02)
    assert sign_flip(np.full(40, 0.1), margin=0.1).greater == 1.0


@pytest.mark.parametrize("one", [[], [1.0], [1.0, float("nan")]], ids=["empty", "unequal", "nan"])
def test_samples_that_do_not_pair_up_are_refused(one: list[float]) -> None:
    with pytest.raises(StatisticsError, match=r"STATISTICS-00[34]"):
        paired_bootstrap(one, [1.0, 0.0])


def test_values_that_are_no_proportion_and_too_few_resamples_are_refused() -> None:
    with pytest.raises(StatisticsError, match="STATISTICS-001"):
        paired_proportions([0.5, 1.0], [0.0, 1.0])
    with pytest.raises(StatisticsError, match="STATISTICS-002"):
        bootstrap_mean([0.5, 1.0], resamples=10)
    with pytest.raises(StatisticsError, match="STATISTICS-001"):
        bootstrap_bounded_mean([0.5, 1.5], 0.0, 1.0)
    with pytest.raises(StatisticsError, match="STATISTICS-001"):
        mcnemar(-1, 3)


def test_bca_corrects_what_the_percentile_interval_misses_on_a_skewed_sample() -> None:
    from scipy.stats import bootstrap

    values = np.random.default_rng(13).lognormal(sigma=1.0, size=40)
    spread = values.std() / np.sqrt(40)
    plain, ours = (
        bootstrap_mean(values, confidence=0.9, method=method, resamples=99_999) for method in ("percentile", "bca")
    )
    random = np.random.default_rng(6)
    theirs = bootstrap((values,), np.mean, confidence_level=0.9, n_resamples=99_999, method="bca", rng=random)
    assert ours.high - plain.high > 0.15 * spread
    assert abs(ours.high - theirs.confidence_interval.high) < 0.05 * spread


@pytest.mark.parametrize("size", [3, 5, 7])
def test_sign_flip_counts_ties_whatever_the_order_of_sums(size: int) -> None:
    for step in (0.1, 0.3, 1 / 3):
        assert sign_flip(step * np.arange(1, size + 1)).greater == pytest.approx(0.5**size, rel=0.35)
