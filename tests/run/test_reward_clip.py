"""Rewards that are clipped: learned as at most so much, scored as they are."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces

from dqnlab.config import Config, Env, Steps
from dqnlab.envs.make import describe
from dqnlab.explain.trace_text import step_text
from dqnlab.lab.session import train
from dqnlab.run.evaluate import Evaluator
from dqnlab.run.system import assemble

from ..tiny import tiny


class Generous(gym.Env[Any, Any]):
    """Pays 10, then -20, then 0.5: three steps an episode."""

    observation_space = spaces.Box(0, 1, (1,), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self, render_mode: str | None = None):
        self.render_mode = render_mode

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.steps = 0
        return self._seen(), {}

    def step(self, action: Any) -> Any:
        reward = (10.0, -20.0, 0.5)[self.steps]
        self.steps += 1
        return self._seen(), reward, self.steps == 3, False, {}

    def _seen(self) -> np.ndarray:
        return np.array([self.steps / 3], np.float32)


def config(**changes: Any) -> Config:
    return tiny(env=Env(id=Generous), gamma=0.5, reward_clip=1.0, **changes)


def test_the_memory_holds_clipped_rewards() -> None:
    system = assemble(config(reward_scale=2.0))
    returns = set[float]()
    for _ in range(100):
        block = system.collector.step()
        system.memory.add(block)
        returns |= {episode.ret for episode in block.episodes}
    rewards = set(system.memory.batch(system.memory.sample()).reward.tolist())
    system.close()
    assert rewards == {0.5, -0.5, 0.25}
    assert returns == {-9.5}  # what is reported is what was earned


@pytest.mark.parametrize(("clip", "scale"), [(None, 16.0), (1.0, 1.0), (1e-4, 2.0**-13)])
def test_the_scale_is_measured_on_clipped_rewards(clip: float | None, scale: float) -> None:
    system = assemble(replace(config(reward_scale="auto"), reward_clip=clip))
    assert system.learner.online.reward_scale == scale
    system.close()


def test_scores_count_rewards_as_they_are_and_what_values_are_compared_with_is_clipped(tmp_path: Path) -> None:
    run = train(config(update_every=1, explain=True, budget=Steps(num=300)), out=tmp_path / "run", trackers=("none",))
    assert run.score is not None
    assert run.score.mean == -9.5
    spec = describe(Env(id=Generous))
    for clip, earned in ((None, 10 - 10 + 0.125), (1.0, 1 - 0.5 + 0.125)):
        judge = Evaluator(Env(id=Generous), spec, 0.5, reward_clip=clip)
        outcome = judge.play(lambda obs, first: np.zeros((len(obs), 2), np.float32), [1, 2])
        judge.close()
        assert outcome.returns.tolist() == [-9.5, -9.5]
        assert outcome.discounted.tolist() == [earned, earned]
    assert "rewards were clipped at -1 and 1" in " ".join(step_text(run.folder).split())


def test_values_approach_what_clipped_rewards_promise(tmp_path: Path) -> None:
    """Closed form: 0.5, then -1 + 0.25, then 1 - 0.375."""
    run_config = config(budget=Steps(num=3_000), update_every=1, optimizer=3e-3)
    system = assemble(run_config)
    for _ in system.events():
        pass
    seen = torch.tensor([[0.0], [1 / 3], [2 / 3]])
    q = system.learner.online.q_values(seen).detach()
    torch.testing.assert_close(q, torch.tensor([[0.625] * 2, [-0.75] * 2, [0.5] * 2]), rtol=0, atol=0.05)
