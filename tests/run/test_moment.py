"""The moment that is recorded: single rewards, how episodes end, what followed each row, its size."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from dqnlab.learn.layout import Layout, reach_of
from dqnlab.learn.learner import HardSync
from dqnlab.learn.nstep import NStep, StepResult
from dqnlab.learn.replay import Pace, Replay
from dqnlab.learn.samplers import Prioritized, Uniform
from dqnlab.learn.targets import greedy
from dqnlab.learn.types import Block, ObsSpec
from dqnlab.run.held import Held, links_of, unfold
from dqnlab.run.moment import MOST_BYTES, End, record_moment, room

from .. import nets
from ..nets import adam, mlp

GAMMA = 0.9


class Step(NamedTuple):
    """One env step as it really was; the observation that it led to is its own (env, vector step)."""

    reward: float
    end: End


class World:
    """Envs whose observation is (env, vector step), with random rewards and ends, and all that they did."""

    def __init__(self, num_envs: int, n: int, stack: int = 1, capacity: int = 400, pays: bool = True):
        """`pays`: whether rewards come with the frames, as they do since the replay keeps them."""
        self.pays = pays
        shape = (2,) if stack == 1 else (stack, 2)
        self.obs = ObsSpec(shape, np.dtype(np.float32), stack=stack)
        layout = Layout(capacity, self.obs, n, reach_of(n, stack, num_envs))
        self.replay = Replay(layout, Uniform(), Pace(1, 1, 16), np.random.default_rng(0))
        self.fold, self.num_envs, self.time = NStep(n, GAMMA, num_envs), num_envs, 0
        self.live, self.rng = np.ones(num_envs, bool), np.random.default_rng(1)
        self.steps: dict[tuple[int, int], Step] = {}

    def frames(self) -> np.ndarray:
        return np.array([(env, self.time) for env in range(self.num_envs)], np.float32)

    def go(self, count: int, ends: Callable[[np.ndarray], np.ndarray] | None = None) -> None:
        for _ in range(count):
            frames, first = self.frames(), ~self.live
            draw = self.rng.integers(20, size=self.num_envs) if ends is None else ends(self.live)
            kind = np.where(self.live, draw, 9)
            reward = np.where(self.live, self.rng.integers(-9, 10, size=self.num_envs), 0).astype(float)
            action = self.rng.integers(2, size=self.num_envs)
            step = StepResult(action, reward, kind == 1, kind == 2, self.live)
            for env in self.live.nonzero()[0].tolist():
                code = {1: End.TERMINATED, 2: End.TRUNCATED}.get(int(kind[env]), End.GOES_ON)
                self.steps[env, self.time] = Step(float(reward[env]), code)
            moved, self.time = self.fold(step), self.time + 1
            paid = self.fold.paid(reward) if self.pays else None
            paid = None if paid is None else paid[None]
            if self.time == 1:
                frames, first = np.stack([frames, self.frames()]), np.stack([self.live, first])
                paid = None if paid is None else np.concatenate([0 * paid, paid])
            else:
                frames, first = self.frames()[None], first[None]
            self.replay.add(Block(frames, first, moved, [], int(self.live.sum()), 0.0, paid=paid))
            self.live = (kind != 1) & (kind != 2)

    def record(self, rows: int = 200) -> dict[str, Tensor]:
        online, target = (mlp(self.obs, 2, (3,)) for _ in range(2))
        learner = nets.learner(online, target, greedy, HardSync(9), adam(0.1, beta2=0.99))
        self.replay.batch_size = rows
        return record_moment(learner, self.replay, GAMMA, np.random.default_rng(2))


def newest_of(obs: Tensor) -> tuple[int, int]:
    """(env, vector step) of an observation's newest frame."""
    env, time = obs.reshape(-1, 2)[-1].tolist()
    return int(env), int(time)


SHAPES = [(1, 1, 1), (3, 1, 1), (1, 3, 1), (2, 5, 1), (3, 4, 2), (1, 1, 3)]


@pytest.mark.parametrize(("num_envs", "n", "stack"), SHAPES)
@pytest.mark.parametrize("count", [150, 900])  # before and after the oldest are overwritten
def test_how_each_row_ends_is_what_happened(num_envs: int, n: int, stack: int, count: int) -> None:
    world = World(num_envs, n, stack)
    world.go(count)
    kept = world.record()
    seen = set()
    for row, code in enumerate(kept["end"].tolist()):
        env, start = newest_of(kept["batch/obs"][row])
        span = int(kept["span"][row])
        assert newest_of(kept["batch/next_obs"][row]) == (env, start + span)
        assert kept["batch/action"][row] in (0, 1)
        truth = world.steps[env, start + span - 1].end
        assert code == truth or (code == End.UNKNOWN and start + span == world.time)
        seen.add(code)
    assert seen >= {End.GOES_ON, End.TERMINATED, End.TRUNCATED}


@pytest.mark.parametrize(("num_envs", "n", "stack"), SHAPES)
@pytest.mark.parametrize("count", [150, 900])
@pytest.mark.parametrize("pays", [True, False])
def test_the_steps_after_each_row_are_those_that_were_taken(
    num_envs: int, n: int, stack: int, count: int, pays: bool
) -> None:
    world = World(num_envs, n, stack, pays=pays)
    world.go(count)
    kept = world.record(100)
    whole, ended = 0, set()
    for row, length in enumerate(kept["chain/length"].tolist()):
        env, start = newest_of(kept["batch/obs"][row])
        for k in range(length):
            step = world.steps[env, start + k]
            assert kept["chain/reward"][row, k].item() == pytest.approx(step.reward, abs=1e-4)
            assert newest_of(kept["chain/obs"][row, k]) == (env, start + k + 1)
            assert step.end is End.GOES_ON or k == length - 1
        if length:
            truth, code = world.steps[env, start + length - 1].end, int(kept["chain/end"][row])
            assert code == truth or (code == End.UNKNOWN and start + length == world.time)
            ended.add(code)
        whole += length == 10
    assert whole > 10
    assert ended >= {End.GOES_ON, End.TERMINATED, End.TRUNCATED}


def unfolded(rewards: np.ndarray, n: int, gamma: float, scale: float = 1.0) -> np.ndarray:
    """The rewards of one episode, folded by NStep, stored, and worked out again."""
    fold, sums, spans = NStep(n, gamma, 1, scale), [], []
    for t, reward in enumerate(rewards):
        over = np.array([t == len(rewards) - 1])
        moved = fold(StepResult(np.zeros(1, int), np.array([reward]), over, ~over & False, np.ones(1, bool)))
        sums += moved.reward.tolist()
        spans += moved.span.tolist()
    return unfold(np.array(sums) * scale, np.array(spans), n, gamma)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 10])
def test_single_rewards_are_recovered_from_the_sums_of_n(n: int) -> None:
    rng = np.random.default_rng(n)
    for length in (1, 2, n, n + 1, 40):
        rewards = rng.normal(size=length)
        np.testing.assert_allclose(unfolded(rewards, n, GAMMA), rewards, atol=1e-5)


@pytest.mark.parametrize("gamma", [0.9, 0.99, 1.0])
@pytest.mark.parametrize("n", [1, 3, 8])
@pytest.mark.parametrize("scale", [1.0, 64.0, 3.7, 2.0**-10])
def test_rewards_of_few_digits_are_recovered_as_the_environment_gave_them(n: int, gamma: float, scale: float) -> None:
    rng = np.random.default_rng(0)
    for kinds in ([-1.0], [-1.0, 100.0], [-0.1, 1.0, 0.0], [0.25, -3.0, 0.0], [1e4, -1e3], [2e-3, 0.0]):
        rewards = rng.choice(kinds, size=60)
        assert unfolded(rewards, n, gamma, scale).tolist() == rewards.tolist()


def test_digits_that_the_sums_do_tell_are_kept() -> None:
    rewards = np.full(30, -0.9999)
    assert unfolded(rewards, 8, 0.99).tolist() == rewards.tolist()
    assert unfolded(np.full(3, 0.123456), 2, 0.5).tolist() == [0.123456] * 3


def test_in_an_episode_that_goes_on_no_single_reward_is_guessed() -> None:
    world = World(1, 3, pays=False)
    world.go(60, lambda live: np.zeros(1, int))
    kept = world.record(1000)
    assert kept["chain/length"].max() == 0
    assert set(kept["end"].tolist()) == {End.GOES_ON, End.UNKNOWN}


@pytest.mark.parametrize("count", [60, 900])
def test_rewards_that_came_with_the_frames_are_known_even_in_an_episode_that_goes_on(count: int) -> None:
    world = World(2, 3)
    world.go(count, lambda live: np.zeros(2, int))
    kept = world.record(1000)
    assert (kept["chain/length"] >= kept["span"]).all()
    again = Replay(world.replay.layout, Uniform(), Pace(1, 1, 16), np.random.default_rng(0))
    again.load_state_dict(world.replay.state_dict())
    np.testing.assert_array_equal(again.paid, world.replay.paid)
    old = {name: value for name, value in world.replay.state_dict().items() if name != "paid"}
    again.load_state_dict(old)
    assert np.isnan(again.paid).all()


def test_where_observations_are_too_large_for_a_chain_the_rewards_of_each_sum_are_kept() -> None:
    world = World(1, 3)
    world.go(60)
    held = Held(world.replay.tensors, world.replay.layout, links_of(world.replay), GAMMA, 1.0)
    kept = held.singles(np.arange(20), 3)
    span = held.span(np.arange(20))
    for row, reward in enumerate(world.replay.tensors.reward[:20].tolist()):
        assert kept["single/length"][row] >= span[row]
        assert sum(
            GAMMA**k * r for k, r in enumerate(kept["single/reward"][row, : span[row]].tolist())
        ) == pytest.approx(reward, abs=1e-5)


def test_a_single_step_needs_no_unfolding_even_in_an_episode_that_goes_on() -> None:
    world = World(1, 1)
    world.go(60, lambda live: np.zeros(1, int))
    assert world.record()["chain/length"].max() == 10


def test_the_places_of_all_transitions_are_named() -> None:
    world = World(2, 1, capacity=100)
    world.go(333)
    kept, replay = world.record(), world.replay
    assert kept["size"] == len(replay)
    for row, slot in enumerate(kept["slots"].tolist()):
        assert replay.tensors.reward[slot] == kept["batch/reward"][row]


def test_recording_changes_neither_the_replay_nor_its_draws() -> None:
    world = World(2, 3)
    world.go(100)
    before = [column.clone() for column in world.replay.tensors]
    world.record()
    assert all(map(torch.equal, before, world.replay.tensors))
    twin = World(2, 3)
    twin.go(100)
    np.testing.assert_array_equal(world.replay.sample(50).slots, twin.replay.sample(50).slots)


def test_recording_does_not_move_an_annealed_beta_on() -> None:
    world = World(2, 1)
    world.replay.sampler = Prioritized(400, alpha=1.0, beta=0.0, beta_end=1.0, updates=100)
    world.go(100)
    world.replay.sample(8)
    before = world.replay.sampler.state_dict()["drawn"]
    world.record()
    assert world.replay.sampler.state_dict()["drawn"] == before == 1


@pytest.mark.parametrize("batch_size", [1, 16, 64, 256, 5000])
@pytest.mark.parametrize("size", [1, 16, 48, 1000, 7056, 28224, 66_000])
def test_what_is_recorded_of_observations_stays_within_bounds(batch_size: int, size: int) -> None:
    rows, depth = room(batch_size, size)
    assert 1 <= rows <= batch_size
    assert rows * (2 + depth) * size <= MOST_BYTES
    if size <= 16 and batch_size <= 256:
        assert (rows, depth) == (batch_size, 10)


def test_observations_too_large_for_a_single_row_are_not_recorded() -> None:
    assert room(64, MOST_BYTES // 2 + 1).rows == 0
    world = World(1, 1)
    world.go(5)
    world.replay.layout = world.replay.layout._replace(obs=world.obs._replace(shape=(100_000, 2)))
    assert world.record() == {}
