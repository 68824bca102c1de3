"""What a comparison comes to: verdicts, missing seeds, corrections, settings, and the sentences that say so."""

from dataclasses import replace

import numpy as np
import pytest

from dqnlab.comparing.assess import Contrast, assessment_of, normalised
from dqnlab.comparing.comparison import Arm, ArmCell, Comparison
from dqnlab.comparing.settings import SettingRow, check_alike, differing
from dqnlab.comparing.verdict import bootstrap_caution, caveats, conclusion, texts_of
from dqnlab.errors import ConfigError

from .kit import cell, comparison

LOW = (100.0, 110.0, 120.0, 105.0, 115.0, 102.0, 112.0, 118.0, 108.0, 110.0)
HIGH = tuple(score + 50 for score in LOW)


def contrast(c: Comparison) -> Contrast:
    return assessment_of(c).contrasts[0]


# ── Verdicts ─────────────────────────────────────────────────────────────────────────────────────


def test_an_arm_that_is_clearly_higher_is_better_and_the_other_way_round_it_is_worse() -> None:
    up, down = (
        assessment_of(comparison(dqn=LOW, double=HIGH)).contrasts[0],
        assessment_of(comparison(dqn=HIGH, double=LOW)).contrasts[0],
    )
    assert (up.verdict, down.verdict) == ("better", "worse")
    assert up.welch is not None
    assert down.welch is not None
    assert up.welch.difference == -down.welch.difference == 50.0
    assert up.p == down.p
    assert up.improvement == (1.0, 1.0, 1.0)
    assert down.improvement == (0.0, 0.0, 0.0)


def test_swapping_two_arms_turns_every_number_round() -> None:
    one = assessment_of(comparison(a=LOW[:5], b=HIGH[3:9])).contrasts[0]
    other = assessment_of(comparison(b=HIGH[3:9], a=LOW[:5])).contrasts[0]
    assert one.welch is not None
    assert other.welch is not None
    assert (one.welch.difference, one.welch.p) == pytest.approx((-other.welch.difference, other.welch.p), rel=1e-12)
    assert one.improvement is not None
    assert other.improvement is not None
    mirrored = (1 - other.improvement.value, 1 - other.improvement.high, 1 - other.improvement.low)
    assert one.improvement == pytest.approx(mirrored, abs=1e-12)


def test_the_order_of_the_seeds_changes_nothing() -> None:
    one = assessment_of(comparison(dqn=LOW, double=HIGH))
    other = assessment_of(comparison(dqn=LOW[::-1], double=HIGH[::-1]))
    assert one.contrasts == other.contrasts
    assert [view.iqm for view in one.cells] == [view.iqm for view in other.cells]
    assert np.array_equal(one.profiles[0].low, other.profiles[0].low)


def test_the_same_scores_with_other_names_differ_in_no_verdict() -> None:
    found = contrast(comparison(one=LOW, two=LOW))
    assert found.verdict == "no difference shown"  # never "equal"
    assert found.p == 1.0


def test_below_three_seeds_there_is_no_verdict_and_below_ten_it_is_exploratory() -> None:
    two = contrast(comparison(dqn=LOW, double=HIGH[:2]))
    assert (two.verdict, two.p) == ("no verdict", None)
    assert two.improvement is None
    assert two.why == "double has a score for 2 seeds, and a verdict needs 3"
    nine, ten = contrast(comparison(dqn=LOW, double=HIGH[:9])), contrast(comparison(dqn=LOW, double=HIGH))
    assert (nine.verdict, nine.exploratory) == ("better", True)
    assert (ten.verdict, ten.exploratory) == ("better", False)


def test_arms_without_any_spread_get_no_verdict_and_it_says_so() -> None:
    same = contrast(comparison(dqn=[500.0] * 10, double=[500.0] * 10))
    assert same.verdict == "no verdict"
    assert same.why == "every seed of both scored 500: no spread was seen, so nothing is known of others"
    apart = contrast(comparison(dqn=[500.0] * 10, double=[200.0] * 10))
    assert apart.verdict == "no verdict"
    assert "neither arm shows any spread" in apart.why


def test_many_arms_are_corrected_for_being_many() -> None:
    third = tuple(score + 7 for score in LOW)
    alone = contrast(comparison(dqn=LOW, double=third))
    among = assessment_of(comparison(dqn=LOW, double=third, other=LOW, more=LOW)).contrasts[0]
    assert alone.verdict == "better"
    assert among.verdict == "no difference shown"
    assert among.p == pytest.approx(3 * alone.p)


# ── Seeds without a score ────────────────────────────────────────────────────────────────────────


def test_a_failed_seed_stays_and_is_counted_against_a_claim() -> None:
    whole, one = contrast(comparison(dqn=LOW, double=HIGH)), contrast(comparison(dqn=LOW, double=[*HIGH, None]))
    assert (one.verdict, one.missing) == ("better", 1)
    assert one.p > whole.p
    assert one.welch == whole.welch  # the difference itself is that of the seeds that have a score
    several = contrast(comparison(dqn=LOW, double=[*HIGH, *[None] * 15]))
    assert several.verdict == "no difference shown"


def test_nobody_gains_by_a_crash() -> None:
    """The arm whose bad seeds crashed looks better than the other; with them counted it does not."""
    bad = [50.0, 60.0, 55.0, 40.0]
    dropped = contrast(comparison(dqn=[*LOW[:6], *bad], double=LOW[:6]))
    assert dropped.verdict == "better"
    crashed = contrast(comparison(dqn=[*LOW[:6], *bad], double=[*LOW[:6], None, None, None, None]))
    assert crashed.verdict == "no difference shown"


def test_an_arm_of_which_every_seed_failed_has_no_score_and_no_verdict() -> None:
    found = assessment_of(comparison(dqn=LOW, double=[None, None, None]))
    assert found.contrasts[0].why == "double has a score for 0 of 3 seeds, and a verdict needs 3"
    assert found.contrasts[0].welch is None
    assert found.cells[1].mean is None
    assert "No verdict on double" in conclusion(found)


# ── Several environments ─────────────────────────────────────────────────────────────────────────


def on_two(**arms: tuple[ArmCell, ArmCell]) -> Comparison:
    return Comparison(arms=tuple(Arm(name=n, cells=c) for n, c in arms.items()), envs=("A-v0", "B-v0"))


def test_scores_of_several_environments_are_put_together_between_the_lowest_and_the_highest_seen() -> None:
    found = assessment_of(
        on_two(
            dqn=(cell([0.0, 5.0, 10.0], "A-v0"), cell([-200.0, -150.0, -100.0], "B-v0")),
            double=(cell([10.0, 10.0, 10.0], "A-v0"), cell([-100.0, -100.0, -100.0], "B-v0")),
        )
    )
    assert found.ranges == {"A-v0": (0.0, 10.0), "B-v0": (-200.0, -100.0)}
    assert [each.iqm.value for each in found.overall] == [0.5, 1.0]
    better = found.overall[1].improvement
    assert better is not None
    assert better.value == pytest.approx((2.5 / 3 + 2.5 / 3) / 2)
    assert found.overall[0].improvement is None


def test_normalised_scores_do_not_know_the_units_of_the_reward() -> None:
    scores = np.array([3.0, 4.0, 7.0])
    assert normalised(scores, (3.0, 7.0)).tolist() == [0.0, 0.25, 1.0]
    assert normalised(scores * 100 - 5, (295.0, 695.0)) == pytest.approx([0.0, 0.25, 1.0])
    assert normalised(scores, (5.0, 5.0)).tolist() == [0.5, 0.5, 0.5]


def test_one_environment_is_not_normalised() -> None:
    found = assessment_of(comparison(dqn=LOW, double=HIGH))
    assert found.overall == ()
    assert found.levels[0] < 100 < 170 < found.levels[-1]


def test_an_arm_without_runs_on_an_environment_is_refused() -> None:
    with pytest.raises(ConfigError, match="arm 'b' has runs on A-v0, and the comparison is of A-v0, B-v0"):
        Comparison(
            arms=(
                Arm(name="a", cells=(cell(LOW, "A-v0"), cell(LOW, "B-v0"))),
                Arm(name="b", cells=(cell(LOW, "A-v0"),)),
            ),
            envs=("A-v0", "B-v0"),
        )


def test_two_arms_of_one_name_and_no_arm_are_refused() -> None:
    arm = Arm(name="dqn", cells=(cell(LOW),))
    with pytest.raises(ConfigError, match="two arms are called 'dqn'"):
        Comparison(arms=(arm, arm), envs=("CartPole-v1",))
    with pytest.raises(ConfigError, match="at least one arm"):
        Comparison(arms=(), envs=("CartPole-v1",))


# ── Settings ─────────────────────────────────────────────────────────────────────────────────────


def with_settings(**settings: dict[str, object]) -> Comparison:
    arms = tuple(Arm(name=n, cells=(cell(LOW, settings=each),)) for n, each in settings.items())
    return Comparison(arms=arms, envs=("CartPole-v1",))


def test_only_settings_that_differ_are_told() -> None:
    found = differing(
        with_settings(
            dqn={"preset": "dqn", "gamma": 0.99, "epsilon": "linear", "epsilon.steps": 1000, "torso.hidden": [8, 6]}
            | {"compile": "auto", "explain": True},
            mine={"preset": "mine", "gamma": 0.99, "epsilon": "constant", "torso.hidden": [8]},
        )
    )
    assert found == [
        SettingRow("epsilon", None, ("linear", "constant")),
        SettingRow("epsilon.steps", None, ("1,000", "–")),
        SettingRow("torso.hidden", None, ("8, 6", "8")),
    ]


def test_a_setting_that_differs_on_one_environment_names_it() -> None:
    plain: dict[str, object] = {"n": 1}
    found = differing(
        on_two(
            dqn=(cell(LOW, "A-v0", plain), cell(LOW, "B-v0", plain)),
            nstep=(cell(LOW, "A-v0", {"n": 3}), cell(LOW, "B-v0", plain)),
        )
    )
    assert found == [SettingRow("n", "A-v0", ("1", "3"))]


def test_other_budgets_and_judges_are_refused_unless_that_is_allowed() -> None:
    budgets = with_settings(
        dqn={"budget": "steps", "budget.num": 1000, "score_episodes": 100},
        double={"budget": "steps", "budget.num": 2000, "score_episodes": 100},
        other={"budget": "steps", "budget.num": 1000, "score_episodes": 20},
    )
    with pytest.raises(ConfigError) as refused:
        check_alike(budgets)
    assert "budget.num is 1,000 for dqn and other, 2,000 for double" in str(refused.value)
    assert "score_episodes is 100 for dqn and double, 20 for other" in str(refused.value)
    assert "--allow-unequal" in str(refused.value)
    check_alike(budgets, allow_unequal=True)
    check_alike(with_settings(dqn={"gamma": 0.9}, double={"gamma": 0.99}))


# ── Words ────────────────────────────────────────────────────────────────────────────────────────


def test_two_arms_are_told_in_one_sentence() -> None:
    assert conclusion(comparison(dqn=LOW, double=HIGH)) == (
        "double is better than dqn on CartPole-v1: +50.0 (95 % interval 43.8 to 56.2), p < 0.0001, probability that a "
        "seed is better 1.00, 10 seeds each; it took the same seconds, env steps and updates."
    )


def test_what_it_cost_and_who_is_missing_is_told() -> None:
    found = comparison(dqn=LOW, double=[*HIGH, None])
    slow = found.arms[1].cells[0]
    seeds = tuple(replace(each, seconds=14.0, updates=250) for each in slow.seeds)
    arms = (found.arms[0], replace(found.arms[1], cells=(replace(slow, seeds=seeds),)))
    said = conclusion(replace(found, arms=arms))
    assert "it took 1.4 times the seconds, 0.5 times the updates and the same env steps" in said
    assert "also with 1 seed without a score counted against it" in said


def test_what_it_cost_is_told_without_a_verdict_too() -> None:
    said = conclusion(comparison(dqn=[500.0] * 3, double=[500.0] * 3))
    assert said == (
        "No verdict on double against dqn on CartPole-v1 (difference 0.0): every seed of both scored 500: "
        "no spread was seen, so nothing is known of others; it took the same seconds, env steps and updates."
    )
    assert conclusion(comparison(dqn=LOW, double=[None])).endswith("and a verdict needs 3.")


def test_of_single_runs_the_difference_is_told_and_that_it_proves_nothing() -> None:
    found = assessment_of(comparison(old=[336.1], new=[244.2]))
    said = conclusion(found)
    assert said.startswith(
        "No verdict on new against old on CartPole-v1 (difference -91.9): new has a score for 1 seed"
    )
    assert bootstrap_caution(found) == "with fewer than 3 seeds nothing here says how others would do"


def test_few_seeds_are_called_exploratory() -> None:
    assert conclusion(comparison(dqn=LOW[:4], double=HIGH[:4])).endswith("– exploratory: fewer than 10 seeds.")


def test_many_arms_are_told_in_one_line() -> None:
    said = conclusion(comparison(dqn=LOW, double=HIGH, other=LOW, short=LOW[:2]))
    assert said.startswith(
        "Against dqn: double is better on CartPole-v1 (+50.0, p < 0.0001); for other no difference is shown on "
        "CartPole-v1 (0.00, 95 % interval -6.15 to 6.15, p = 1.00)"
    )
    assert "short has no verdict on CartPole-v1" in said
    assert "(p-values are corrected for 2 comparisons (Holm)" in said


def test_a_single_arm_has_nothing_to_be_compared_with() -> None:
    assert conclusion(comparison(dqn=LOW)) == "dqn stands alone: there is nothing to compare it with."


def test_an_arm_of_few_seeds_is_named_and_the_others_have_their_caution() -> None:
    said = bootstrap_caution(assessment_of(comparison(dqn=LOW[:3], double=HIGH[:2], rainbow=HIGH[:3])))
    assert said == (
        "with fewer than 3 seeds nothing here says how others of double would do; with 3 seeds the intervals by "
        "bootstrap (IQM, profiles, probabilities) are too narrow: see the points"
    )


def test_a_branch_is_told_in_words_with_what_it_shares() -> None:
    found = comparison(old=LOW, new=HIGH)
    seeds = tuple(replace(each, fork=1500) for each in found.arms[1].cells[0].seeds)
    arm = replace(found.arms[1], cells=(replace(found.arms[1].cells[0], seeds=seeds),))
    (said,) = caveats(assessment_of(replace(found, arms=(found.arms[0], arm))))
    assert said.startswith("new on CartPole-v1 was branched from another run at env step 1,500: until then both are")
    assert "counts from the first step" in said


def test_a_mean_and_the_middle_half_have_as_many_digits() -> None:
    (view, _) = assessment_of(comparison(dqn=[8.3, 8.27, 8.25], double=HIGH)).cells
    mean, interval, middle = texts_of(view)
    assert (mean, middle) == ("8.27", "8.27")
    assert interval == "8.21 to 8.34"


def test_settings_are_short_and_all_digits_are_kept_where_they_tell_two_apart() -> None:
    found = with_settings(a={"v_min": -37.61818043110812, "on": True}, b={"v_min": -40.5, "on": False})
    assert [row.values for row in differing(found)] == [("-37.6182", "-40.5"), ("on", "off")]
    close = with_settings(a={"v_min": -37.61818043110812}, b={"v_min": -37.61818043110813})
    assert [row.values for row in differing(close)] == [("-37.61818043110812", "-37.61818043110813")]
