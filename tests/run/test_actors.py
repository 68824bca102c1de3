"""An actor that remembers: it counts the steps since the episode began, through everything that acts."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import dqnlab
from dqnlab.config import Double, Env, Mlp, Steps
from dqnlab.envs.make import describe
from dqnlab.envs.open import make_envs
from dqnlab.envs.rollout import rollout
from dqnlab.lab.session import train
from dqnlab.learn import policy
from dqnlab.run.events import BlockEnded
from dqnlab.run.lockstep import lockstep
from dqnlab.run.system import assemble, make_update

from ..equal import same
from ..tiny import tiny

COUNTED = tiny(
    env=Env(id="CartPole-v1", num_envs=2), budget=Steps(num=400), evaluate_every=Steps(num=200), stop_when_solved=False
)
STACKED = replace(COUNTED, torso=Mlp(hidden=(8, 8)), rule=Double(), n=3, replay_capacity=200, compile="on")
"""The same arithmetic, and so the same compiled program, as that of the agents in learn/test_stack.py."""


class Counting:
    """Left at the even steps of an episode and right at the odd ones: its values say which step it is."""

    remembers = True
    state: np.ndarray | None = None  # no numbers that a memory would store

    def __init__(self) -> None:
        self.steps = np.zeros(0, int)

    def __call__(self, obs: np.ndarray, first: np.ndarray) -> np.ndarray:
        before = self.steps if len(self.steps) == len(first) else np.zeros(len(first), int)
        self.steps = np.where(first, 0, before + 1)
        return np.stack([self.steps - self.steps % 2, self.steps - 1 + self.steps % 2], 1).astype(np.float32)

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.steps.copy()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.steps = state["steps"].copy()


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever acts in these runs counts."""
    for module in ("build", "run.judge", "store.agent", "explain.report"):
        monkeypatch.setattr(f"dqnlab.{module}.make_actor", lambda network, rng=None: Counting())


def test_a_rollout_tells_where_episodes_begin(seeded: Any) -> None:
    env = Env(id=seeded)
    actor = Counting()
    for _ in range(2):  # it may play again, and with fewer
        for seeds in ([2, 0, 4], [1]):
            envs = make_envs(env, describe(env), len(seeds), autoreset=False)
            for time, step in enumerate(rollout(envs, actor, seeds)):
                assert (step.action[step.playing] == time % 2).all()


def test_a_collector_tells_where_episodes_begin_and_its_actor_goes_on_with_it(counting: None) -> None:
    config = replace(COUNTED, env=Env(id="CartPole-v1", num_envs=2, max_episode_steps=7), epsilon=0.0, n=1)
    whole = assemble(config)
    source = whole.collector
    for number in range(40):
        expected = source._time - source._begun  # of an env that rests, one below the step that only resets
        resting, before = source._resting.copy(), source.state_dict()
        block = source.step()
        env = block.transitions.env
        assert (block.transitions.action == expected[env] % 2).all()
        assert not resting[env].any()
        if number % 10 == 3:
            again = assemble(config)
            again.collector.load_state_dict(before)
            same(again.collector.step(), block)
            again.close()
    whole.close()


def test_a_cut_begins_everywhere(counting: None) -> None:
    system = assemble(replace(COUNTED, epsilon=0.0))
    for _ in range(5):
        system.collector.step()
    system.collector.cut_due = True
    system.collector.step()
    system.collector.step()
    assert system.collector.policy.actor.steps.tolist() == [0, 0]
    system.close()


def test_a_run_by_it_is_judged_resumed_and_explained(counting: None, tmp_path: Path) -> None:
    run = train(COUNTED, out=tmp_path / "run", trackers=("none",))
    agent = dqnlab.load(run.folder)
    assert repr(agent) == "Agent('CartPole-v1', 'tiny', 2 actions, observations (4,))"
    assert dqnlab.evaluate(agent, episodes=3).mean == dqnlab.evaluate(agent, episodes=3).mean > 15  # it balances
    assert dqnlab.report(run).path.exists()
    assert agent.act(np.zeros(4, np.float32)) == 0
    whole, cut, again = (assemble(COUNTED) for _ in range(3))
    for _ in whole.events():
        pass
    for event in cut.events():
        if isinstance(event, BlockEnded) and event.step >= 151:
            break
    again.load_state_dict(cut.state_dict())
    for name, log in again.memory.logs.items():
        start, stop = cut.memory.logs[name].bounds
        log.write(start, cut.memory.logs[name].read(start, stop))
    for _ in again.events():
        pass
    same(again.learner.state_dict(), whole.learner.state_dict())
    same(again.collector.state_dict(), whole.collector.state_dict())


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seeds", [1, 3])
def test_compiled_and_side_by_side_each_has_a_memory_of_its_own(counting: None, cache: Path, seeds: int) -> None:
    together = [assemble(replace(STACKED, seed=seed)) for seed in range(seeds)]
    said: list[str] = []
    for _ in lockstep([each.loop() for each in together], make_update(together, said.append)):
        pass
    assert not [line for line in said if "uncompiled" in line]
    alone = [assemble(replace(STACKED, seed=seed, compile="off")) for seed in range(seeds)]
    for one, other in zip(alone, together, strict=True):
        for _ in one.events():
            pass
        assert other.stack == seeds
        same(one.collector.policy.actor.state_dict(), other.collector.policy.actor.state_dict())
        assert other.learner.updates == one.learner.updates > 50
        torch.testing.assert_close(other.learner.state.online, one.learner.state.online, rtol=1e-4, atol=1e-5)


def test_an_actor_of_a_network_remembers_nothing() -> None:
    system = assemble(COUNTED)
    actor = policy.make_actor(system.learner.online)
    assert (actor.remembers, actor.state_dict()) == (False, {})
    system.close()
