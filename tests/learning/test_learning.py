"""Whole systems learn to a threshold, within a budget counted in env steps."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dqnlab import presets
from dqnlab.config import Adam, Config, Double, Env, Hard, Linear, Mlp, Prioritized, Steps
from dqnlab.run.events import Confirmed, Evaluated
from dqnlab.run.judge import Verdict
from dqnlab.run.system import assemble

pytestmark = pytest.mark.world


def learn(config: Config) -> tuple[int, Verdict]:
    """Env steps taken, and what the judge said in the end."""
    system = assemble(config)
    try:
        for _ in system.events():
            pass
        return system.progress.now.steps, system.judge.decide()
    finally:
        system.close()


def test_the_cartpole_preset_is_solved_and_confirmed() -> None:
    config = presets.get("cartpole")
    system = assemble(config)
    try:
        events = list(system.events())
        verdict = system.judge.decide()
    finally:
        system.close()
    confirmed = [event for event in events if isinstance(event, Confirmed)]
    assert confirmed[-1].passed
    assert len(confirmed) == verdict.attempts
    assert not any(event.passed for event in confirmed[:-1])
    assert verdict.solved
    assert verdict.score.mean >= 475
    assert verdict.score.episodes == len(verdict.score.returns) == 100
    first = next(event for event in events if isinstance(event, Evaluated))
    assert first.mean < 400  # there was something to learn


# CartPole to a mean of 195 steps, far above the 10 of a network that has learned nothing.
SOME = replace(
    presets.get("default"),
    env=Env(reward_threshold=195.0),
    torso=Mlp(hidden=(64, 64)),
    optimizer=Adam(lr=1e-3),
    epsilon=Linear(steps=4_000),
    learning_starts=300,
    budget=Steps(num=20_000),
    evaluate_every=Steps(num=1_000),
)


def test_one_environment_is_enough_to_learn() -> None:
    steps, verdict = learn(SOME)
    assert verdict.solved
    assert steps < 20_000


def test_prioritised_replay_learns() -> None:
    cartpole = presets.get("cartpole")
    config = replace(cartpole, env=replace(cartpole.env, reward_threshold=195.0), sampler=Prioritized())
    steps, verdict = learn(config)
    assert verdict.solved
    assert steps < 100_000


LAKE = Config(
    env=Env(id="FrozenLake-v1", kwargs={"is_slippery": False}, num_envs=4, reward_threshold=0.7),
    torso=Mlp(hidden=(64,)),
    rule=Double(),
    sync=Hard(every=50),
    optimizer=Adam(lr=2e-3),
    epsilon=Linear(end=0.2, steps=4_000),
    n=3,
    gamma=0.95,
    replay_capacity=10_000,
    learning_starts=200,
    update_every=2,
    budget=Steps(num=10_000),
    evaluate_every=Steps(num=1_000),
    select_episodes=5,
    confirm_episodes=5,
    score_episodes=20,
)


@pytest.mark.parametrize("seed", range(3))
def test_numbered_states_are_learned_to_the_optimum(seed: int) -> None:
    steps, verdict = learn(replace(LAKE, seed=seed))
    assert verdict.score.mean == 1
    assert steps < 10_000


def test_what_a_lake_is_worth_falls_with_the_way_that_is_left() -> None:
    """On solid ice the goal is six steps away: the best value at the start is 0.95**5."""
    # n = 1: longer returns would count the random steps of exploration against the best way.
    system = assemble(replace(LAKE, n=1, stop_when_solved=False, budget=Steps(num=5_000)))
    try:
        values = [event.value for event in system.events() if isinstance(event, Evaluated)]
    finally:
        system.close()
    assert values[-1] == pytest.approx(0.95**5, abs=0.05)


def test_a_rare_large_reward_counts_by_its_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    """1 always, or 20 one time in ten: Huber's loss with delta 1 took the 1, for it learns something like a median."""
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "zoo")
    config = replace(
        presets.get("default"), seed=20, env=Env(id="zoo:RareReward-v0"), budget=Steps(num=5_000), compile="off"
    )
    system = assemble(config)
    try:
        for _ in system.events():
            pass
        online = system.learner.online
        with torch.no_grad():
            q = online.q_values(torch.ones(1, 1))[0] * online.reward_scale
    finally:
        system.close()
    assert int(q.argmax()) == 1
    assert q.tolist() == pytest.approx([1, 2], abs=0.6)
