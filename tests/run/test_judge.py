"""The judge: candidates of known quality, noisy episodes, and a score that flatters nobody."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from dqnlab.envs.seeds import STREAMS, env_seeds
from dqnlab.learn.networks import QNetwork
from dqnlab.learn.types import ObsSpec
from dqnlab.learn.weights import export_weights
from dqnlab.run.evaluate import Outcome
from dqnlab.run.judge import LEADERS, Candidate, Judge, Rules

from ..nets import mlp

ROOM = 2**28  # seeds per stream
OBS = np.zeros((1, 2), np.float32)


def network() -> QNetwork:
    return mlp(ObsSpec((2,), np.dtype(np.float32)), 1, (2,))


def worth(quality: float) -> QNetwork:
    """A network whose every value is its true mean return."""
    made = network()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.zero_()
        made.linears()[-1].bias.fill_(quality)
    return made


class NoisyEvaluator:
    """Returns of known mean; the noise of an episode follows from its seed. Keeps a tape of who played what."""

    def __init__(self, noise: float = 0.0):
        self.noise, self.tape, self.seeds = noise, [], []
        self.luck: dict[str, float] = {}  # by stream: added to every return

    def play(self, actor: Any, seeds: Sequence[int]) -> Outcome:
        quality = float(actor(OBS, np.ones(len(OBS), bool))[0, 0])
        (stream,) = {STREAMS[seed // ROOM] for seed in seeds}
        self.tape.append((stream, round(quality, 3), len(seeds)))
        self.seeds.append(list(seeds))
        returns = quality + self.luck.get(stream, 0) + self.noise * np.random.default_rng(seeds).normal(size=len(seeds))
        return Outcome(returns, np.zeros(len(seeds), bool), np.full(len(seeds), quality), returns / 2)


def judge(noise: float = 0.0, **changes: Any) -> Judge:
    rules = Rules(0, 5, 50, 100, 475.0, True)._replace(**changes)
    return Judge(NoisyEvaluator(noise), network(), rules)


def tape(of: Judge) -> list[tuple[str, float, int]]:
    return of.evaluator.tape  # type: ignore[attr-defined]


def seeds(of: Judge) -> list[list[int]]:
    return of.evaluator.seeds  # type: ignore[attr-defined]


# ── Select ───────────────────────────────────────────────────────────────────────────────────────


def test_an_evaluation_says_what_was_seen() -> None:
    event = judge().select(worth(300), step=1000)
    assert event.returns == (300,) * 5
    assert (event.step, event.mean, event.best, event.best_mean) == (1000, 300, True, 300)
    assert (event.value, event.discounted_return) == (300, 150)


def test_the_best_is_the_best_so_far_and_a_tie_is_no_progress() -> None:
    j = judge()
    events = [j.select(worth(q), step) for step, q in enumerate([10, 30, 20, 30, 40])]
    assert [e.best for e in events] == [True, True, False, False, True]
    assert [e.best_mean for e in events] == [10, 30, 30, 30, 40]


def test_every_evaluation_plays_the_same_select_seeds() -> None:
    j = judge()
    for step in range(3):
        j.select(worth(step), step)
    assert seeds(j) == [env_seeds(0, "select", 5)] * 3


@pytest.mark.parametrize(
    ("quality", "changes", "looks_solved"),
    [
        (474.9, {}, False),
        (475.0, {}, True),
        (500.0, {"confirm_early": False}, False),
        (500.0, {"threshold": None}, False),
        (0.0, {"threshold": 0.0}, True),
    ],
)
def test_a_network_at_the_threshold_is_a_candidate(quality: float, changes: Any, looks_solved: bool) -> None:
    j = judge(**changes)
    j.select(worth(quality), 0)
    assert (j.candidate is not None) == looks_solved


def test_a_candidate_stays_as_it_was_when_training_goes_on() -> None:
    j, online = judge(), worth(480)
    j.select(online, 0)
    with torch.no_grad():
        online.linears()[-1].bias.fill_(-1)
    j.confirm(0)
    j.decide()
    assert {quality for _, quality, _ in tape(j)} == {480}


# ── Confirm ──────────────────────────────────────────────────────────────────────────────────────


def test_each_attempt_plays_fresh_seeds_and_is_counted() -> None:
    j = judge(noise=30)
    events = []
    for step in range(4):
        j.select(worth(480), step)
        j.candidate = j.leaders[0]  # whatever the noise said
        events.append(j.confirm(step))
    attempts = [s for s in seeds(j) if s[0] // ROOM == STREAMS.index("confirm-1")]
    assert [len(s) for s in attempts] == [50] * 4
    assert len({seed for s in attempts for seed in s}) == 200
    assert [e.attempt for e in events] == [1, 2, 3, 4]
    assert j.attempts == 4
    assert j.candidate is None


@pytest.mark.parametrize(("quality", "passed"), [(475.0, True), (474.9, False)])
def test_without_doubt_the_threshold_itself_passes(quality: float, passed: bool) -> None:
    j = judge(threshold=470.0)
    j.select(worth(quality), 0)
    j.rules = j.rules._replace(threshold=475.0)
    event = j.confirm(7)
    assert (event.passed, event.mean, event.step) == (passed, pytest.approx(quality), 7)
    assert len(event.returns) == (100 if passed else 50)


def test_equal_returns_are_tested_by_as_many_fresh_episodes_again() -> None:
    j = judge()
    j.select(worth(480), 0)
    assert j.confirm(0).passed
    _, first, second = seeds(j)
    assert len(first) == len(second) == 50
    assert not set(first) & set(second)


def passes(successes: float, episodes: int = 50, runs: int = 400) -> float:
    """The share of runs that confirm a network with so many successes, where as many are the threshold."""
    j, passed = judge(threshold=successes, confirm_episodes=episodes), 0
    rng = np.random.default_rng(episodes)
    j.evaluator.play = lambda _, seeds: outcome(rng.random(len(seeds)) < successes)  # type: ignore[method-assign]
    for _ in range(runs):
        j.candidate = Candidate(0, export_weights(worth(0)), 1.0)
        passed += j.confirm(0).passed
    return passed / runs


def outcome(returns: np.ndarray) -> Outcome:
    zeros = np.zeros(len(returns))
    return Outcome(returns.astype(float), zeros.astype(bool), zeros, zeros)


@pytest.mark.parametrize("successes", [0.8, 0.9, 0.95])
def test_luck_alone_seldom_confirms(successes: float) -> None:
    assert passes(successes) <= 0.035


def test_a_mean_that_only_just_holds_is_not_enough() -> None:
    j = judge(noise=50)
    j.select(worth(480), 0)
    j.candidate = j.leaders[0]
    event = j.confirm(0)
    assert event.mean > 475
    assert not event.passed


def test_whoever_passed_is_among_the_leaders_though_others_once_looked_better() -> None:
    j = judge()
    for step in range(5):
        j.select(worth(600 + step), step)
    j.select(worth(480), 9)
    assert 480 not in [c.selected for c in j.leaders]
    assert j.confirm(9).passed
    assert [c.selected for c in j.leaders] == [480, 604, 603]


def test_of_three_leaders_the_weakest_gives_way_and_of_equals_the_earlier() -> None:
    j = judge()
    for step, quality in enumerate([3, 1, 2, 5, 5, 0]):
        j.select(worth(quality), step)
    assert [(c.selected, c.step) for c in j.leaders] == [(5, 4), (5, 3), (3, 0)]
    assert len(j.leaders) == LEADERS


def test_a_failed_confirmation_counts_against_the_candidate() -> None:
    j = judge()
    j.evaluator.luck["select"] = 20  # type: ignore[attr-defined]
    j.select(worth(460), 0)
    j.confirm(0)
    assert j.leaders[0].selected == 480
    assert j.leaders[0].rank == (False, pytest.approx(460), 0)
    j.evaluator.luck.clear()  # type: ignore[attr-defined]
    j.select(worth(470), 1)
    assert [c.selected for c in j.leaders] == [470, 480]


# ── Decide ───────────────────────────────────────────────────────────────────────────────────────


def test_the_leaders_meet_once_and_the_winner_alone_is_scored() -> None:
    j = judge(confirm_early=False)
    for step, quality in enumerate([100, 480, 300, 200]):
        j.select(worth(quality), step)
    verdict = j.decide()
    assert tape(j)[4:] == [
        ("confirm-1", 480, 50),
        ("confirm-1", 300, 50),
        ("confirm-1", 200, 50),
        ("confirm-2", 480, 100),
    ]
    assert seeds(j)[4] == seeds(j)[5] == seeds(j)[6]  # the same starts for all three
    assert (verdict.winner.selected, verdict.score.mean, verdict.solved, verdict.attempts) == (480, 480, True, 0)


def test_the_score_is_drawn_exactly_once_and_no_seed_twice_in_the_whole_judging() -> None:
    j = judge(noise=20)
    for step, quality in enumerate([490, 495, 500]):
        j.select(worth(quality), step)
        if j.candidate is not None:
            j.confirm(step)
    j.decide()
    assert [stream for stream, *_ in tape(j)].count("confirm-2") == 1
    assert tape(j)[-1][0] == "confirm-2"
    rounds = {tuple(s) for s in seeds(j)}
    assert len({seed for s in rounds for seed in s}) == sum(len(s) for s in rounds)


def test_meeting_again_corrects_a_lucky_evaluation() -> None:
    j = judge(noise=0)
    j.select(worth(300), 0)
    j.leaders[0].selected = 450.0  # as if it had been lucky
    j.select(worth(400), 1)
    assert j.leaders[0].step == 0
    assert j.decide().winner.step == 1


def test_scratch_holds_the_winner_afterwards() -> None:
    j = judge()
    for step, quality in enumerate([10, 40, 20]):
        j.select(worth(quality), step)
    winner = j.decide().winner.weights
    assert j.scratch.q_values(torch.zeros(1, 2)).item() == 40
    for name, weight in export_weights(j.scratch).items():
        assert torch.equal(weight, winner[name])


@pytest.mark.parametrize(("threshold", "solved"), [(None, None), (40.0, True), (40.1, False)])
def test_solved_is_what_the_score_says_and_unknown_without_a_threshold(threshold: float | None, solved: Any) -> None:
    j = judge(threshold=threshold)
    j.select(worth(40), 0)
    assert j.decide().solved is solved


def test_the_time_of_judging_is_kept_by_phase() -> None:
    j = judge()
    j.select(worth(480), 0)
    assert j.seconds["evaluate"] > 0
    assert j.seconds["confirm"] == 0
    j.confirm(0)
    assert j.seconds["confirm"] > 0


def test_the_score_is_honest_where_the_best_evaluation_flatters() -> None:
    """200 runs in which nothing is learned: ten looks at a quality of 450, episodes that scatter by 60."""
    scores, selected = [], []
    online = worth(450)
    for seed in range(200):
        j = judge(noise=60, seed=seed, confirm_episodes=10, score_episodes=20, confirm_early=False)
        for step in range(10):
            j.rules = j.rules._replace(seed=seed * 100 + step)  # a new network's luck on the same starts is new
            j.select(online, step)
        j.rules = j.rules._replace(seed=seed)
        scores.append(j.decide().score.mean)
        selected.append(j.best)
    error = np.std(scores) / np.sqrt(len(scores))
    assert abs(np.mean(scores) - 450) < 2 * error
    assert np.mean(selected) > 450 + 10 * error
