"""Agents that learn as one, each as if it were alone: once as torch reads it, once compiled."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dqnlab.learn.fast import stack
from dqnlab.learn.policy import Policy, make_actor, q_function
from dqnlab.learn.types import Sample

pytestmark = pytest.mark.timeout(300)  # compiling may be slow
ROUNDS = 12


@dataclass
class Player:
    """Two envs that show something else with every move."""

    obs: np.ndarray
    policy: Policy
    rng: np.random.Generator

    @classmethod
    def of(cls, agent: Any, seed: int) -> "Player":
        rng = np.random.default_rng(seed)
        policy = Policy(make_actor(agent.learner.online), rng)
        return cls(rng.normal(size=(2, 4)).astype(np.float32), policy, rng)

    def move(self) -> None:
        self.policy(self.obs, np.zeros(2, bool), 0.0)
        self.obs = self.rng.normal(size=(2, 4)).astype(np.float32)


def assert_close(one: Any, other: Any) -> None:
    for mine, theirs in zip(one, other, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", [1, 3])
def test_a_stack_learns_as_each_agent_alone(member_of: Any, stack_of: Any, cache: Path, size: int) -> None:
    together, alone = ([member_of(seed=seed) for seed in range(size)] for _ in range(2))
    update = stack_of(together, cache).update
    for _ in range(ROUNDS):
        samples = {i: agent.sample() for i, agent in enumerate(alone)}
        answers = update(samples)
        assert list(answers) == list(samples)
        for i, sample in samples.items():
            assert_close(answers[i], alone[i].update(sample))
            assert_close(together[i].tensors, alone[i].tensors)
    assert [agent.learner.updates for agent in together] == [ROUNDS] * size
    assert [agent.learner.optimizer.steps for agent in together] == [ROUNDS] * size


def test_the_same_stack_learns_the_same_bit_by_bit(member_of: Any, stack_of: Any, cache: Path) -> None:
    twins = [[member_of(seed=seed) for seed in range(3)] for _ in range(2)]
    updates = [stack_of(agents, cache).update for agents in twins]
    for _ in range(ROUNDS):
        for agents, update in zip(twins, updates, strict=True):
            update({i: agent.sample() for i, agent in enumerate(agents)})
        for one, other in zip(*twins, strict=True):
            assert all(torch.equal(*pair) for pair in zip(one.tensors, other.tensors, strict=True))


@pytest.mark.world
def test_how_many_learn_side_by_side_changes_no_bit(member_of: Any, stack_of: Any, programs: Path) -> None:
    # A group that is taken up again is built of the seeds that have not ended (docs/design/0005).
    first, values = [], []
    for size in (1, 3):
        agents = [member_of(seed=seed) for seed in range(size)]
        players = [Player.of(agent, seed=5) for agent in agents]
        update = stack_of(agents, programs, players=players).update
        for _ in range(100):
            update({i: agent.sample() for i, agent in enumerate(agents)})
        first.append(agents[0])
        values.append(players[0].policy.known)
    for other in first[1:]:
        assert all(torch.equal(*pair) for pair in zip(first[0].tensors, other.tensors, strict=True))
    np.testing.assert_array_equal(values[0], values[1])


@pytest.mark.parametrize("size", [1, 3])
def test_players_are_told_what_the_updated_network_expects_of_what_they_act_on_next(
    member_of: Any, stack_of: Any, cache: Path, size: int
) -> None:
    agents = [member_of(seed=seed) for seed in range(size)]
    players = [Player.of(agent, seed=number) for number, agent in enumerate(agents)]
    update = stack_of(agents, cache, players=players).update
    for active in (range(size), range(size - 1, size)):  # whoever sits a round out is told nothing
        for player in players:
            player.move()
        update({i: agents[i].sample() for i in active})
        for i, (agent, player) in enumerate(zip(agents, players, strict=True)):
            if i not in active:
                assert player.policy.known is None
                continue
            told = player.policy.known
            assert told is not None
            expected = agent.learner.online.q_values(torch.from_numpy(player.obs)).detach().numpy()
            np.testing.assert_allclose(told, expected, rtol=1e-5, atol=1e-6)


def test_what_one_agent_does_is_nothing_to_the_others(member_of: Any, stack_of: Any, cache: Path) -> None:
    quiet, loud = ([member_of(seed=seed) for seed in range(3)] for _ in range(2))
    updates = [stack_of(agents, cache).update for agents in (quiet, loud)]
    loud[1].replay.tensors.frames.mul_(-7)
    for _ in range(ROUNDS):
        samples = {i: agent.sample() for i, agent in enumerate(quiet)}
        other = {**samples, 1: Sample(samples[1].slots[::-1].copy(), samples[1].weight * 3)}
        one, two = updates[0](samples), updates[1](other)
        for i in (0, 2):
            assert all(torch.equal(*pair) for pair in zip(one[i], two[i], strict=True))
            assert all(torch.equal(*pair) for pair in zip(quiet[i].tensors, loud[i].tensors, strict=True))
    assert not torch.equal(quiet[1].learner.state.online, loud[1].learner.state.online)


def test_agents_may_sit_a_round_out_and_are_no_longer_counted(member_of: Any, stack_of: Any, cache: Path) -> None:
    together, alone = ([member_of(seed=seed) for seed in range(3)] for _ in range(2))
    update = stack_of(together, cache).update
    for number in range(ROUNDS):
        active = (0, 1, 2) if number < 4 else (0, 2) if number < 8 else (2,)
        samples = {i: alone[i].sample() for i in active}
        answers = update(samples)
        assert list(answers) == list(active)
        for i, sample in samples.items():
            assert_close(answers[i], alone[i].update(sample))
            assert_close(together[i].tensors, alone[i].tensors)
    assert [agent.learner.updates for agent in together] == [8, 4, 12]
    assert [agent.learner.optimizer.steps for agent in together] == [8, 4, 12]


@pytest.mark.parametrize("size", [1, 3])
def test_what_was_learned_is_seen_by_whoever_held_the_network_before(
    member_of: Any, stack_of: Any, cache: Path, size: int
) -> None:
    agents = [member_of(seed=seed) for seed in range(size)]
    obs = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    act = [q_function(agent.learner.online) for agent in agents]
    before = [q(obs) for q in act]
    update = stack_of(agents, cache).update
    for q, old in zip(act, before, strict=True):  # moving the weights changes none
        np.testing.assert_array_equal(q(obs), old)
    values = [agent.learner.state.online.clone() for agent in agents]
    update({i: agent.sample() for i, agent in enumerate(agents)})
    for agent, q, old, begun in zip(agents, act, before, values, strict=True):
        assert not torch.equal(agent.learner.state.online, begun)
        weights = torch.cat([weight.flatten() for weight in agent.learner.online.parameters()])
        assert torch.equal(weights, agent.learner.state.online)
        expected = agent.learner.online.q_values(torch.from_numpy(obs)).detach().numpy()
        np.testing.assert_allclose(q(obs), expected, rtol=1e-5, atol=1e-6)
        assert np.abs(q(obs) - old).max() > 1e-4


def test_what_is_stored_later_reaches_the_stacks_memory(member_of: Any, stack_of: Any, cache: Path) -> None:
    together, alone = ([member_of(seed=seed) for seed in range(3)] for _ in range(2))
    update = stack_of(together, cache).update
    for agent in (*together, *alone):
        agent.fill(seed=9)
    samples = {i: agent.sample() for i, agent in enumerate(alone)}
    for i, answer in update(samples).items():
        assert_close(answer, alone[i].update(samples[i]))


def test_a_single_agents_memory_is_not_copied(member_of: Any, stack_of: Any, cache: Path) -> None:
    agent = member_of()
    before = [tensor.data_ptr() for tensor in (*agent.tensors, *agent.replay.tensors)]
    stack_of([agent], cache)
    assert [tensor.data_ptr() for tensor in (*agent.tensors, *agent.replay.tensors)] == before


def test_once_half_of_them_idle_the_others_move_together_and_learn_on(
    member_of: Any, stack_of: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[int] = []

    def write(function: Any, example: Any, *_: Any) -> Any:
        built.append(len(example[0]))
        return lambda tensors: list(function(*tensors))

    monkeypatch.setattr(stack, "compile_program", write)
    together, alone = ([member_of(seed=seed) for seed in range(4)] for _ in range(2))
    update = stack_of(together, tmp_path).update
    for wanted in ([0, 1, 2, 3], [1, 2, 3], [1, 3], [1, 3], [3]):
        samples = {i: alone[i].sample() for i in wanted}
        answers = update(samples)
        for i in wanted:
            assert_close(answers[i], alone[i].update(samples[i]))
            assert_close(together[i].tensors, alone[i].tensors)
    assert built == [4, 2]  # once: the last one keeps its place
    assert [agent.learner.updates for agent in together] == [1, 4, 2, 5]
