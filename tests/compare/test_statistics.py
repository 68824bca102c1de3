"""Tests and intervals over seeds, against numbers worked out by hand and against slow twins."""

import itertools

import numpy as np
import pytest

from dqnlab.comparing.statistics import (
    RESAMPLES,
    counts,
    holm,
    improvement,
    improvement_estimate,
    iqm,
    iqm_estimate,
    profile,
    profile_band,
    welch,
)


def array(*values: float) -> np.ndarray:
    return np.array(values, float)


def draws(seed: int, num: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(10, 3, num)


# ── Welch ────────────────────────────────────────────────────────────────────────────────────────


def test_welch_of_three_against_three_is_the_number_worked_out_by_hand() -> None:
    found = welch(array(2, 4, 6), array(1, 2, 3))
    # variances 4 and 1: error² 4/3 + 1/3 = 5/3, freedom (5/3)² / ((16/9 + 1/9) / 2) = 50/17, t = 2 / sqrt(5/3)
    assert found.difference == 2.0
    assert found.p == pytest.approx(0.2208808404940, abs=1e-12)
    assert found.low == pytest.approx(-2.1553995031825, abs=1e-12)
    assert found.high == pytest.approx(6.1553995031825, abs=1e-12)


@pytest.mark.parametrize(("num", "other"), [(3, 3), (5, 4), (10, 20)])
def test_welch_is_scipys_to_twelve_digits(num: int, other: int) -> None:
    from scipy.stats import ttest_ind

    a, b = draws(num, num), draws(other + 50, other)
    twin = ttest_ind(a, b, equal_var=False)
    between = twin.confidence_interval(0.95)
    found = welch(a, b)
    assert found == pytest.approx((a.mean() - b.mean(), between.low, between.high, twin.pvalue), rel=1e-12)


def test_swapping_the_samples_turns_the_difference_round() -> None:
    one, other = welch(draws(1, 5), draws(2, 6)), welch(draws(2, 6), draws(1, 5))
    assert one.low is not None
    assert one.high is not None
    assert other == pytest.approx((-one.difference, -one.high, -one.low, one.p), rel=1e-12)


def test_without_any_spread_there_is_no_interval_and_no_test() -> None:
    assert welch(array(500, 500, 500), array(500, 500, 500)) == (0.0, None, None, None)
    assert welch(array(500, 500, 500), array(200, 200, 200)) == (300.0, None, None, None)
    assert welch(array(500), array(200, 210, 220))[1:] == (None, None, None)
    assert welch(array(1e200, 2e200), array(1, 2))[1:] == (None, None, None)  # whose squares no float holds


def test_one_sample_without_spread_leaves_the_other_ones() -> None:
    found = welch(array(500, 500, 500), array(490, 480, 500))
    assert found.difference == 10.0
    assert found.p == pytest.approx(0.22540333, abs=1e-8)  # t = sqrt(3), freedom 2: 1 - sqrt(3/5)


# ── Many comparisons ─────────────────────────────────────────────────────────────────────────────


def test_holm_multiplies_the_smallest_by_all_and_the_largest_by_one() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([0.02]) == [0.02]
    assert holm([]) == []


def test_holm_is_never_below_the_plain_value_and_keeps_their_order() -> None:
    plain = list(np.random.default_rng(0).random(20) ** 3)
    corrected = holm(plain)
    assert all(one <= other for one, other in zip(plain, corrected, strict=True))
    assert np.array_equal(np.sort(corrected), np.array(corrected)[np.argsort(plain)])


# ── Interquartile mean, probability, profile ─────────────────────────────────────────────────────


def test_the_interquartile_mean_leaves_a_quarter_out_at_either_end() -> None:
    from scipy.stats import trim_mean

    assert iqm(array(100, 1, 2, 3)) == 2.5
    assert iqm(array(1, 2, 9)) == 4.0  # of fewer than four, their mean
    values = draws(3, 21)
    assert iqm(values) == pytest.approx(trim_mean(values, 0.25), rel=1e-12)


def test_the_probability_of_improvement_counts_pairs_and_ties_half() -> None:
    from scipy.stats import mannwhitneyu

    assert improvement(array(3, 5), array(1, 3)) == 0.875  # 3>1, 3=3, 5>1, 5>3
    assert improvement(array(1, 1), array(1, 1)) == 0.5
    a, b = np.round(draws(4, 9)), np.round(draws(5, 7))
    assert improvement(a, b) == pytest.approx(mannwhitneyu(a, b).statistic / 63, rel=1e-12)
    assert improvement(a, b) + improvement(b, a) == pytest.approx(1.0)


def test_a_profile_is_the_share_of_seeds_above_each_level() -> None:
    assert profile(array(10, 20, 30, 40), array(5, 10, 25, 40)).tolist() == [1.0, 0.75, 0.5, 0.0]


# ── Bootstrap ────────────────────────────────────────────────────────────────────────────────────


def test_a_resample_has_as_many_seeds_as_there_are() -> None:
    drawn = counts(5, "dqn")
    assert drawn.shape == (RESAMPLES, 5)
    assert set(drawn.sum(1)) == {5}
    assert np.allclose(drawn.mean(0), 1, atol=0.05)


def test_resamples_are_the_same_again_and_independent_between_arms() -> None:
    assert np.array_equal(counts(5, "dqn"), counts(5, "dqn"))
    one, other = counts(5, "dqn"), counts(5, "double")
    assert abs(np.corrcoef(one[:, 0], other[:, 0])[0, 1]) < 0.05


def test_the_interval_of_the_interquartile_mean_is_that_of_all_resamples() -> None:
    """With three seeds all 27 resamples can be listed; the mean of each is the interquartile mean."""
    values = array(1, 2, 6)
    every = [sum(each) / 3 for each in itertools.product(values, repeat=3)]
    found = iqm_estimate([values], ["dqn"])
    assert found.value == 3.0
    assert found.low == np.quantile(every, 0.025, method="inverted_cdf")
    assert found.high == np.quantile(every, 0.975, method="inverted_cdf")


def test_the_interval_of_the_probability_agrees_with_a_slow_twin() -> None:
    a, b = draws(6, 6), draws(7, 5)
    rng = np.random.default_rng(0)
    slow = [improvement(rng.choice(a, 6), rng.choice(b, 5)) for _ in range(4000)]
    found = improvement_estimate([a], [b], [("a", "b")])
    assert found.value == pytest.approx(improvement(a, b), rel=1e-12)
    assert [found.low, found.high] == pytest.approx(np.quantile(slow, [0.025, 0.975]), abs=0.035)


def test_several_environments_are_averaged() -> None:
    a, b = [array(1, 2, 3), array(10, 20, 30)], [array(0, 0, 0), array(40, 50, 60)]
    found = improvement_estimate(a, b, [("a 0", "b 0"), ("a 1", "b 1")])
    assert found == (0.5, 0.5, 0.5)
    share, low, high = profile_band([array(0, 1), array(1, 1)], array(0.5), ["a 0", "a 1"])
    assert share.tolist() == [0.75]
    assert (low.tolist(), high.tolist()) == ([0.5], [1.0])


def test_the_order_of_the_seeds_changes_no_interval() -> None:
    a, b = draws(8, 7), draws(9, 7)
    turned = [a[::-1], b[::-1]]
    assert iqm_estimate([a, b], ["a", "b"]) == iqm_estimate(turned, ["a", "b"])
    names = [("a", "b")]
    assert improvement_estimate([a], [b], names) == improvement_estimate([turned[0]], [turned[1]], names)
