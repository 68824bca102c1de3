"""What is said of a run's health, on courses written by hand: each verdict, and what must not bring it about."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from dqnlab.explain.health.findings import Course
from dqnlab.explain.health.signals import columns

from .courses import FACTS, Change, Rows, course, earned, kinds, only, returns


def test_a_healthy_course_is_healthy_and_nothing_else() -> None:
    assert kinds(course()) == ["healthy"]
    assert only(course(), "healthy").severity == "good"


def test_the_most_that_can_be_earned_is_the_best_rate_of_reward_for_ever() -> None:
    assert Course(columns(course()), FACTS).ceiling == pytest.approx(100)
    assert only(course(), "healthy").numbers["ceiling"] == pytest.approx(100)
    assert Course(columns(course()), replace(FACTS, gamma=1.0)).ceiling == pytest.approx(500)
    assert math.isnan(Course({}, FACTS).ceiling)


def test_values_that_look_beyond_a_step_limit_are_no_overestimation() -> None:
    short = {"train/reward": lambda _: 50, "train/length": lambda _: 50, "eval/reward": lambda _: 50}
    beyond = short | {"eval/discounted_return": lambda _: 39.5, "eval/value": lambda _: 95.0}
    beyond |= {"replay/terminal_share": lambda _: 0.0}
    assert "over-estimating" not in kinds(course(beyond), max_episode_steps=50)
    assert "over-estimating" in kinds(course(beyond), max_episode_steps=5_000)


def test_values_above_what_can_be_earned_are_overestimation_from_where_they_rise() -> None:
    found = only(course({"eval/value": lambda share: 90 if share < 0.5 else 150}), "over-estimating")
    assert (found.severity, found.step) == ("bad", 10_000)
    assert found.numbers["value"] == 150
    assert found.numbers["ceiling"] == pytest.approx(100)
    assert "over-estimating" not in kinds(course({"eval/value": lambda share: 90 if share < 0.5 else 110}))


def test_initial_optimism_that_comes_down_is_no_overestimation() -> None:
    cost = {"train/reward": lambda _: -200, "eval/reward": lambda share: -200 + 50 * share}
    cost |= {"train/length": lambda _: 200, "eval/discounted_return": lambda _: -86.6}
    falls = cost | {"eval/value": lambda share: -10 * share, "replay/terminal_share": lambda _: 0.0}
    rises = falls | {"eval/value": lambda share: -10 + 5 * share}
    assert "over-estimating" not in kinds(course(falls), max_episode_steps=200)
    assert "over-estimating" in kinds(course(rises), max_episode_steps=200)


@pytest.mark.parametrize("broken", [math.nan, math.inf, 1e9, 10**400])
def test_numbers_beyond_measure_are_divergence(broken: float) -> None:
    found = only(course({"learn/q_max": lambda share: 90.0 if share < 0.5 else broken}), "diverging")
    assert found.severity == "bad"
    assert found.step is not None
    assert 10_000 <= found.step <= 10_500


def test_values_that_a_head_cannot_leave_do_not_run_away() -> None:
    large = course({"learn/q_max": lambda share: 5_000.0, "eval/value": lambda share: 0.9 * earned(share)})
    assert "diverging" in kinds(large)
    assert kinds(large, returns=(-1e6, 1e6, 51))[0] == "coarse-range"
    assert "diverging" not in kinds(large, returns=(-1e6, 1e6, 51))
    broken = course({"learn/q_max": lambda share: 90.0 if share < 0.5 else math.nan})
    assert "diverging" in kinds(broken, returns=(-101.0, 101.0, 51))


def test_a_range_much_wider_than_what_can_be_earned_is_told() -> None:
    found = only(course(), "coarse-range", returns=(-50_000.0, 50_000.0, 51))
    assert found.severity == "bad"
    assert found.numbers["step"] == 2_000
    assert found.numbers["most"] == pytest.approx(100)
    assert kinds(course(), returns=(-101.0, 101.0, 51)) == ["healthy"]


def test_returns_beyond_what_a_head_knows_are_told() -> None:
    assert only(course(), "narrow-range", returns=(-50.0, 50.0, 51)).severity == "bad"
    at_the_end = {"learn/q_max": lambda share: 4.9, "eval/discounted_return": lambda _: 4.0}
    at_the_end |= {"eval/value": lambda _: 4.8}
    assert only(course(at_the_end), "narrow-range", returns=(-5.0, 5.0, 51)).numbers["high"] == 5
    assert "narrow-range" not in kinds(course(at_the_end | {"learn/q_max": lambda _: 3.0}), returns=(-5.0, 5.0, 51))
    cost = {"eval/discounted_return": lambda _: -150.0}
    assert "narrow-range" in kinds(course(cost), returns=(-101.0, 101.0, 51))


def test_what_a_rule_adds_to_values_is_no_overestimation_and_no_divergence() -> None:
    soft = course({"eval/value": lambda share: 90 + 60 * share, "learn/q_max": lambda share: 6_000.0 * share})
    assert {"over-estimating", "diverging"} <= set(kinds(soft))
    assert not {"over-estimating", "diverging"} & set(kinds(soft, raises=20.0))
    low = course({"learn/q_max": lambda _: -5_000.0})
    assert "diverging" in kinds(low)
    assert "diverging" not in kinds(low, lowers=9.0)


def test_a_rule_that_adds_much_more_than_is_earned_drowns_rewards() -> None:
    found = only(course(), "drowned", raises=693.0)
    assert found.severity == "bad"
    assert found.numbers["added"] == 693
    assert found.numbers["earned"] == pytest.approx(1, abs=0.1)
    assert "drowned" not in kinds(course(), raises=0.02)


def test_one_large_value_is_no_divergence() -> None:
    assert "diverging" not in kinds(course({"learn/q_max": lambda share: 1e9 if share == 0.5 else 90.0}))


def test_where_no_reward_was_ever_seen_nothing_is_compared_with_it() -> None:
    none = {name: lambda _: 0.0 for name in ("train/reward", "eval/reward", "eval/discounted_return")}
    found = kinds(course(none | {"eval/value": lambda _: 0.5}))
    assert not {"diverging", "over-estimating"} & set(found)


def test_without_a_discount_climbing_values_have_no_end() -> None:
    climbs = course({"eval/value": lambda share: 300 * share})
    assert only(climbs, "unbounded", gamma=1.0).severity == "bad"
    assert "unbounded" not in kinds(climbs)
    assert "unbounded" not in kinds(course({"eval/value": lambda _: 300.0}), gamma=1.0)


def test_a_network_that_says_the_same_of_everything_is_dead() -> None:
    dead = {"learn/dead_units": lambda _: 0.56, "learn/q_mean": lambda _: 20.0, "learn/q_max": lambda _: 20.1}
    assert only(course(dead | {"learn/td_error": lambda _: 2.0}), "dead-network", lr=1.0).causes == ("high-rate",)
    assert "dead-network" not in kinds(course(dead | {"learn/td_error": lambda _: 0.05}))  # all states are alike
    assert "dead-network" not in kinds(course({"learn/dead_units": lambda _: 0.6}))


def test_a_fall_that_lasts_is_forgetting_and_tells_from_where_to_where() -> None:
    found = only(course({"eval/reward": lambda share: returns(share) if share < 0.8 else 30}), "forgetting")
    assert (found.step, found.numbers["best"], found.numbers["fell"]) == (16_000, 480, 30)
    assert found.numbers["evaluations"] == 5


def test_a_fall_that_was_made_good_again_is_only_a_notice() -> None:
    found = only(course({"eval/reward": lambda share: 30 if 0.5 < share < 0.75 else returns(share)}), "recovered")
    assert found.severity == "notice"
    assert kinds(course({"eval/reward": lambda share: 30 if 0.5 < share < 0.75 else returns(share)}))[0] == "healthy"


def test_one_bad_evaluation_is_not_worth_a_word() -> None:
    assert kinds(course({"eval/reward": lambda share: 30 if share == 0.8 else returns(share)})) == ["healthy"]


def test_a_single_lucky_evaluation_was_nothing_to_forget() -> None:
    assert kinds(course({"eval/reward": lambda share: 2_000 if share == 0.3 else returns(share)})) == ["healthy"]


def test_evaluations_that_swing_to_the_end_are_unsettled_and_not_called_healthy() -> None:
    swings = course({"eval/reward": lambda share: 480 if round(share * 20) % 2 else 30})
    assert kinds(swings) == ["unsettled"]


def test_a_collapse_tells_which_signal_announced_it_and_when() -> None:
    rows = course(
        {
            "eval/reward": lambda share: returns(share) if share < 0.8 else 30,
            "learn/td_error": lambda share: 1.0 if share < 0.7 else 40.0,
        }
    )
    seen = only(rows, "forgetting").foreseen
    assert seen is not None
    assert seen.signal == "learn/td_error"
    assert 14_000 <= seen.step <= 14_500


def test_a_signal_that_went_quiet_before_the_collapse_did_not_announce_it() -> None:
    rows = course(
        {
            "eval/reward": lambda share: returns(share) if share < 0.8 else 30,
            "learn/td_error": lambda share: 40.0 if 0.5 < share < 0.6 else 1.0,
        }
    )
    assert only(rows, "forgetting").foreseen is None


def test_actions_that_stay_random_are_told_from_a_schedule_that_has_not_ended() -> None:
    rows = course({"train/epsilon": lambda _: 0.9})
    assert only(rows, "always-random", epsilon_end=0.9).severity == "bad"
    assert kinds(rows, threshold=None) == ["healthy", "still-exploring"]
    assert kinds(rows) == ["healthy"], "it was solved before epsilon came down"


def test_predictions_that_stay_below_their_targets_are_no_means() -> None:
    def settled(bias: Callable[[float], float]) -> Rows:
        return course({"learn/td_bias": bias, "learn/q_mean": lambda share: 80.0})

    rows = settled(lambda share: 0.9)
    found = only(rows, "biased", huber=True)
    assert (found.severity, found.causes) == ("bad", ("huber",))
    assert (found.numbers["bias"], found.numbers["error"]) == pytest.approx((0.9, 1.0))
    assert only(settled(lambda share: -0.9), "biased").numbers["bias"] == pytest.approx(-0.9)
    assert "biased" not in kinds(rows, prioritized=True), "such batches are not like what is stored"
    swinging = settled(lambda share: 0.9 if round(200 * share) % 3 else -0.9)
    assert "biased" not in kinds(swinging)
    assert "biased" not in kinds(settled(lambda share: 0.9 if share < 0.6 else 0.3))


def test_predictions_without_any_error_are_not_called_biased() -> None:
    nothing = dict.fromkeys(("learn/td_bias", "learn/td_error", "learn/q_mean"), lambda share: 0.0)
    assert "biased" not in kinds(course(nothing))


def test_records_of_one_env_step_are_told_apart_by_their_order() -> None:
    """All that a long rollout is learned from happens at one step."""
    rows = [
        {**row, "step": 220} for row in course({"learn/td_bias": lambda _: 0.9, "learn/q_mean": lambda share: share})
    ]
    assert "biased" in kinds(rows)
    rising = [{**row, "step": 220} for row in course({"learn/td_bias": lambda _: 0.9, "learn/q_mean": lambda s: 4 * s})]
    assert "biased" not in kinds(rising)  # 1.3 in the last third


def test_predictions_that_lag_behind_rising_values_are_not_called_biased() -> None:
    def rising(by: float) -> Rows:
        return course({"learn/td_bias": lambda share: 0.9, "learn/q_mean": lambda share: 10 + by * share})

    assert "biased" not in kinds(rising(4.0))  # 1.3 in the last third, more than the bias
    assert "biased" in kinds(rising(1.0))


def test_episodes_that_all_end_alike_without_random_actions_were_not_explored() -> None:
    same = {name: lambda _: -200.0 for name in ("train/reward", "eval/reward")} | {"train/length": lambda _: 200}
    rest = {"replay/terminal_share": lambda _: 0.0, "eval/discounted_return": lambda _: -86.6}
    calm = {"eval/value": lambda share: -80 * share}
    timid = course(same | rest | calm | {"train/epsilon": lambda _: 0.0})
    assert kinds(timid, max_episode_steps=200)[0] == "not-exploring"
    assert "not-exploring" not in kinds(timid, max_episode_steps=200, noisy=True)  # its weights explore
    assert "not-exploring" not in kinds(timid, max_episode_steps=200, soft=True)
    tenth = course(same | rest | calm | {"train/epsilon": lambda share: 1 - 0.9 * min(2 * share, 1)})
    assert "not-exploring" not in kinds(tenth, max_episode_steps=200)  # one action in ten is random to the end
    bold = course(same | rest | calm | {"train/epsilon": lambda _: 0.8})
    assert "not-exploring" not in kinds(bold, max_episode_steps=200)


def test_a_replay_without_ends_is_blind_only_if_episodes_did_end() -> None:
    none = {"replay/terminal_share": lambda _: 0.0}
    assert kinds(course(none))[0] == "blind-to-the-end"
    endless = none | {"train/length": lambda _: 500, "train/reward": lambda _: 500}
    assert "blind-to-the-end" not in kinds(course(endless))


def test_an_environment_that_truncates_itself_after_its_own_horizon_is_not_blind() -> None:
    none = {"replay/terminal_share": lambda _: 0.0}
    horizon = none | {"train/length": lambda _: 60, "train/reward": lambda _: 60}
    assert "blind-to-the-end" not in kinds(course(horizon), max_episode_steps=10_000)
    harder = none | {"train/length": lambda share: 60 if share < 0.5 else 90, "train/reward": lambda _: 60}
    assert "blind-to-the-end" not in kinds(course(harder), max_episode_steps=10_000)
    falls = none | {"train/length": lambda share: 60 if round(share * 200) % 2 else 20 + round(share * 30)}
    assert "blind-to-the-end" in kinds(course(falls), max_episode_steps=10_000)


def test_a_horizon_drawn_by_chance_is_no_blindness() -> None:
    none = {"replay/terminal_share": lambda _: 0.0}
    for seed in range(20):
        drawn = np.random.default_rng(seed).geometric(0.05, 201)
        chance = none | {"train/length": lambda share, drawn=drawn: drawn[round(share * 200)]}
        assert "blind-to-the-end" not in kinds(course(chance), max_episode_steps=10_000)
        learns = none | {"train/length": lambda share, drawn=drawn: drawn[round(share * 200)] * (1 + 20 * share)}
        assert "blind-to-the-end" in kinds(course(learns), max_episode_steps=10_000)


def cut_at(limit: int, stored: float) -> Rows:
    """Every second episode is as long as the limit; `stored` is the share of ends in the replay."""
    length: Change = {name: lambda share: limit if round(share * 200) % 2 else 20 for name in ("train/length",)}
    return course({**length, "train/reward": length["train/length"], "replay/terminal_share": lambda _: stored})


def test_step_limits_stored_as_ends_are_told_from_limits_stored_as_cuts() -> None:
    # An episode every 100 steps, half of them at the limit: 1 % of all stored transitions end one, 0.5 % early.
    assert only(cut_at(60, 0.01), "limit-as-end", max_episode_steps=60).severity == "bad"
    assert "limit-as-end" not in kinds(cut_at(60, 0.005), max_episode_steps=60)


def test_with_n_steps_an_end_stands_in_n_transitions() -> None:
    assert "limit-as-end" in kinds(cut_at(60, 0.03), max_episode_steps=60, n=3)
    assert "limit-as-end" not in kinds(cut_at(60, 0.015), max_episode_steps=60, n=3)


def test_a_clock_of_the_environments_own_is_only_suspected() -> None:
    rows = course(
        {
            "train/length": lambda share: 60 if round(share * 200) % 2 else 20 + round(share * 200) % 30,
            "replay/terminal_share": lambda _: 0.01,
        }
    )
    assert only(rows, "limit-as-end", max_episode_steps=1_000_000).severity == "notice"


def test_a_replay_of_less_than_a_few_episodes_is_short() -> None:
    small = {"replay/size": lambda _: 200, "replay/terminal_share": lambda _: 1 / 200}
    found = only(course(small), "short-memory", replay_capacity=200)
    assert found.numbers["held"] == pytest.approx(0.42, abs=0.01)
    assert found.causes == ("small-replay",)
    assert "short-memory" not in kinds(course(small), replay_capacity=10_000)  # it is still filling


def test_the_last_failure_leaving_the_replay_is_a_notice() -> None:
    rows = course({"replay/terminal_share": lambda share: 0.01 if share < 0.9 else 0.0})
    assert only(rows, "no-failures").severity == "notice"
    assert only(rows, "no-failures").step == 18_000


def test_after_a_few_evaluations_nothing_is_claimed() -> None:
    assert kinds(course(end=3_000), threshold=None) == ["unknown"]
    assert kinds([]) == ["unknown"]


def test_a_short_run_that_reached_its_threshold_is_healthy() -> None:
    assert kinds(course(end=3_000)) == ["healthy"]


def test_a_rollout_is_meant_to_be_short_and_to_forget_how_failing_looks() -> None:
    short: Change = {"replay/size": lambda share: 200}
    gone: Change = {"replay/terminal_share": lambda share: 0.05 if share < 0.8 else 0.0}
    for change in (short, gone):
        plain = kinds(course(change), replay_capacity=200)
        assert set(plain) & {"short-memory", "no-failures"}
        assert not set(kinds(course(change), replay_capacity=200, rollout=True)) & {"short-memory", "no-failures"}
    assert Course({}, replace(FACTS, replay_capacity=200)).causes("small-replay")
    assert not Course({}, replace(FACTS, replay_capacity=200, rollout=True)).causes("small-replay")
