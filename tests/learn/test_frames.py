"""⑥ The ring of frames: folding and storing against plain lists that hold every observation in full."""

import math
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dqnlab.learn.layout import Layout, reach_of
from dqnlab.learn.nstep import NStep, StepResult
from dqnlab.learn.replay import Pace, Replay
from dqnlab.learn.samplers import Prioritized, Uniform
from dqnlab.learn.types import Block, ObsSpec

GAMMA = 0.5
FRAME = (2, 1)


class Tight(Layout):
    """A ring with no more spare frames than a large one has, so that short episodes overrun it."""

    @property
    def spare(self) -> int:
        return self.capacity // 100


class Moment(NamedTuple):
    """What E envs did and then showed."""

    step: StepResult
    frames: np.ndarray  # [E, *FRAME] after it


class Row(NamedTuple):
    """A transition in full."""

    obs: list[Any]
    action: int
    reward: float
    discount: float
    next_obs: list[Any]


class SlowReplay:
    """All transitions ever, in the order in which they ended, each with copies of its own."""

    def __init__(self, n: int, stack: int, shown: np.ndarray):
        self.n, self.rows = n, []
        self.stacks = [deque([frame] * stack, stack) for frame in shown]
        self.windows: list[deque[tuple[list[Any], int, float]]] = [deque() for _ in shown]

    def add(self, moment: Moment) -> None:
        step, found = moment.step, []
        for env, (stack, window) in enumerate(zip(self.stacks, self.windows, strict=True)):
            frame = moment.frames[env]
            if not step.live[env]:  # a reset: the first frame fills the stack
                stack.extend([frame] * len(stack))
                continue
            window.append((look(stack), int(step.action[env]), float(step.reward[env])))
            stack.append(frame)
            ended = step.terminated[env] or step.truncated[env]
            while window and (ended or len(window) == self.n):
                span = len(window)
                reward = sum(GAMMA**k * r for k, (_, _, r) in enumerate(window))
                discount = 0.0 if step.terminated[env] else GAMMA**span
                obs, action, _ = window.popleft()
                found.append((-span, env, Row(obs, action, reward, discount, look(stack))))
        self.rows += [row for _, _, row in sorted(found, key=lambda each: each[:2])]


def look(stack: deque[np.ndarray]) -> list[Any]:
    return (stack[0] if stack.maxlen == 1 else np.stack(stack)).tolist()


def moments(num_envs: int, length: float, dtype: str, seed: int) -> Iterator[Any]:
    """The first frames [E, *FRAME], then moments without end; episodes last `length` steps on average."""
    rng, live = np.random.default_rng(seed), np.ones(num_envs, bool)

    def frames() -> np.ndarray:
        return rng.integers(256, size=(num_envs, *FRAME)).astype(dtype)

    yield frames()
    while True:
        ended = live & (rng.random(num_envs) < 1 / length)
        terminated = ended & (rng.random(num_envs) < 0.5)
        truncated = ended & ~(terminated & (rng.random(num_envs) < 0.5))  # some both
        reward = np.where(live, rng.integers(-9, 10, size=num_envs), 0)
        yield Moment(StepResult(rng.integers(5, size=num_envs), reward, terminated, truncated, live), frames())
        live = ~ended


class Pair:
    """A replay fed by folding, and its slow twin."""

    def __init__(self, layout: Layout, length: float, seed: int, *, prioritised: bool = False):
        num_envs = layout.reach // (layout.n + layout.obs.stack)
        sampler = Prioritized(layout.capacity, 0.6, 0.4) if prioritised else Uniform()
        self.replay = Replay(layout, sampler, Pace(1, 1, 16), np.random.default_rng(seed))
        self._fold = NStep(layout.n, GAMMA, num_envs)
        self._moments = moments(num_envs, length, str(layout.obs.dtype), seed)
        shown = next(self._moments)
        self.slow = SlowReplay(layout.n, layout.obs.stack, shown)
        self._unstored, self._begins = [shown], [np.ones(num_envs, bool)]

    def step(self) -> Block:
        """One vector step, stored in both."""
        moment = next(self._moments)
        frames, first = [*self._unstored, moment.frames], [*self._begins, ~moment.step.live]
        block = Block(np.stack(frames), np.stack(first), self._fold(moment.step), [], 0, 0.0)
        self._unstored, self._begins = [], []
        self.replay.add(block)
        self.slow.add(moment)
        return block

    def held(self) -> list[Row]:
        """All that the replay holds, oldest first."""
        oldest, count = self.replay.added - len(self.replay), len(self.replay)
        slots = (oldest + np.arange(count)) % self.replay.layout.capacity
        return rows(self.replay, slots)


def rows(replay: Replay, slots: np.ndarray) -> list[Row]:
    batch = replay.batch(replay.sample(1)._replace(slots=slots, weight=np.ones(len(slots), np.float32)))
    columns = (batch.obs, batch.action, batch.reward, batch.discount, batch.next_obs)
    return [Row(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def layout_of(kind: type[Layout], capacity: int, num_envs: int, n: int, stack: int, dtype: str = "uint8") -> Layout:
    shape = FRAME if stack == 1 else (stack, *FRAME)
    obs = ObsSpec(shape, np.dtype(dtype), stack=stack)
    return kind(max(capacity, n * num_envs), obs, n, reach_of(n, stack, num_envs))


SHAPES = {
    "capacity": st.integers(1, 40),
    "num_envs": st.integers(1, 4),
    "n": st.integers(1, 4),
    "stack": st.integers(1, 4),
    "length": st.sampled_from([1, 1.5, 4, 50]),
    "seed": st.integers(0, 10**6),
}


@settings(max_examples=80)
@given(kind=st.sampled_from([Tight, Layout]), **SHAPES)
def test_everything_held_is_what_the_slow_replay_remembers(
    kind: type[Layout], capacity: int, num_envs: int, n: int, stack: int, length: float, seed: int
) -> None:
    pair = Pair(layout_of(kind, capacity, num_envs, n, stack), length, seed)
    for _ in range(3 * pair.replay.layout.num_frames // num_envs + 10):  # the ring of frames comes round
        pair.step()
        held = pair.held() if len(pair.replay) else []
        assert pair.replay.added == len(pair.slow.rows)
        assert held == pair.slow.rows[len(pair.slow.rows) - len(held) :]


@settings(max_examples=40)
@given(prioritised=st.booleans(), **SHAPES)
def test_every_sampled_transition_is_one_that_the_slow_replay_remembers(
    capacity: int, num_envs: int, n: int, stack: int, length: float, seed: int, prioritised: bool
) -> None:
    pair = Pair(layout_of(Tight, capacity, num_envs, n, stack), length, seed, prioritised=prioritised)
    for _ in range(3 * pair.replay.layout.num_frames // num_envs + 10):
        pair.step()
        replay, slow = pair.replay, pair.slow.rows
        if not len(replay):
            continue
        sample = replay.sample(len(replay))
        oldest = replay.added - len(replay)
        number = oldest + (sample.slots - oldest) % replay.layout.capacity  # of the transition in each slot
        assert number.max() < replay.added
        assert rows(replay, sample.slots) == [slow[i] for i in number]
        replay.update_priorities(sample.slots, torch.rand(len(replay), generator=torch.Generator().manual_seed(seed)))


# ── How much is held ─────────────────────────────────────────────────────────────────────────────


@settings(max_examples=50)
@given(**SHAPES)
def test_a_small_ring_is_always_full_however_short_the_episodes(
    capacity: int, num_envs: int, n: int, stack: int, length: float, seed: int
) -> None:
    pair = Pair(layout_of(Layout, capacity, num_envs, n, stack), length, seed)
    for _ in range(3 * pair.replay.layout.num_frames // num_envs + 10):
        pair.step()
        assert len(pair.replay) == min(pair.replay.added, pair.replay.layout.capacity)


@settings(max_examples=50)
@given(**SHAPES)
def test_nothing_is_dropped_that_began_within_the_capacity_and_the_spare_frames(
    capacity: int, num_envs: int, n: int, stack: int, length: float, seed: int
) -> None:
    """The bound: of the last `capacity` transitions all that start in the newest capacity + 1 % + n E frames."""
    layout = layout_of(Tight, capacity, num_envs, n, stack)
    pair, starts, frames = Pair(layout, length, seed), [], 0
    for _ in range(3 * layout.num_frames // num_envs + 10):
        block = pair.step()
        frames += block.first.size
        starts += (frames - num_envs * (1 + block.transitions.span) + block.transitions.env).tolist()
        recent = frames - (layout.capacity + layout.capacity // 100 + n * num_envs)
        due = sum(start >= recent for start in starts[-layout.capacity :])
        assert due <= len(pair.replay) <= layout.capacity


@pytest.mark.parametrize(("num_envs", "n", "stack"), [(1, 1, 1), (1, 3, 4), (4, 3, 1)])
def test_a_large_ring_is_full_where_episodes_last_a_hundred_steps(num_envs: int, n: int, stack: int) -> None:
    layout = layout_of(Tight, 2000, num_envs, n, stack)
    replay, fold = Replay(layout, Uniform(), Pace(1, 1, 16), np.random.default_rng(0)), NStep(n, GAMMA, num_envs)
    nobody, live, seen = np.zeros(num_envs, bool), np.ones(num_envs, bool), []
    for t in range(2 * layout.num_frames // num_envs):
        ended = nobody | (t % 101 == 99)
        step = StepResult(np.zeros(num_envs, int), np.zeros(num_envs), ended, nobody, live)
        count = 1 + (t == 0)
        frames, first = np.zeros((count, num_envs, *FRAME), np.uint8), np.zeros((count, num_envs), bool)
        replay.add(Block(frames, first, fold(step), [], 0, 0.0))
        live = ~ended
        seen.append(min(replay.added, layout.capacity) - len(replay))
    assert max(seen) <= num_envs  # of 2000: the newest frames belong to nothing yet


@pytest.mark.parametrize(("num_envs", "n", "stack"), [(1, 1, 1), (1, 3, 4), (4, 3, 1), (16, 5, 2)])
@pytest.mark.parametrize("kind", [Layout, Tight])
def test_a_replay_of_one_step_episodes_holds_what_it_promises(
    kind: type[Layout], num_envs: int, n: int, stack: int
) -> None:
    layout = layout_of(kind, 3000, num_envs, n, stack)
    assert layout.least == (3000 if kind is Layout else 1515)
    pair = Pair(layout, length=1, seed=0)
    for _ in range(2 * layout.num_frames // num_envs):
        pair.step()
    assert layout.least <= len(pair.replay) <= min(layout.least + num_envs * (2 * n + stack), 3000)
    assert pair.replay.is_short == (kind is Tight)


def test_only_a_replay_of_large_frames_promises_less_than_its_capacity() -> None:
    numbers, pictures = (ObsSpec(shape, np.dtype(np.uint8)) for shape in [(1000,), (84, 84)])
    assert Layout(50_000, numbers, 1, 2).least == 50_000
    assert Layout(50_000, pictures, 1, 2).least == (50_000 + 2**26 // (84 * 84 + 8)) // 2
    assert Layout(1_000, pictures, 1, 2).least == 1_000
    assert Layout(1_000_000, pictures, 1, 2).spare == 10_000  # 70 MB beside 7 GB


# ── How it lies in memory ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("dtype", ["uint8", "bool", "int64", "float32"])
@pytest.mark.parametrize("stack", [1, 3])
def test_a_layouts_size_is_what_is_allocated(dtype: str, stack: int) -> None:
    layout = layout_of(Layout, 1234, 3, 2, stack, dtype)
    memory = layout.allocate(torch.device("cpu"))
    assert layout.num_bytes == sum(column.untyped_storage().nbytes() for column in memory)
    assert str(memory.frames.dtype) == f"torch.{dtype}"


def test_a_million_stacked_frames_of_atari_need_little_more_than_themselves() -> None:
    layout = Layout(1_000_000, ObsSpec((4, 84, 84), np.dtype(np.uint8), stack=4), n=3, reach=7)
    assert math.prod((84, 84)) * 10**6 < layout.num_bytes <= 7.2e9


def test_a_transition_ends_in_the_very_slot_where_the_next_one_starts() -> None:
    pair = Pair(layout_of(Layout, 30, 2, 1, 4), length=10**9, seed=0)
    for _ in range(10):
        pair.step()
    memory = pair.replay.tensors
    assert memory.end[:18].tolist() == memory.start[2:20].tolist()
    assert len({*memory.start[:20].tolist(), *memory.end[:20].tolist()}) == 22  # frames for 20 transitions of 2 envs


def test_storing_a_block_writes_each_of_its_frames_once_and_nothing_else() -> None:
    pair, count = Pair(layout_of(Layout, 30, 2, 3, 4), length=3, seed=0), 0
    frames = pair.replay.tensors.frames
    for _ in range(2 * len(frames)):
        expected = frames.clone()
        new = pair.step().frames.reshape(-1, *FRAME)
        expected[(count + torch.arange(len(new))) % len(frames)] = torch.from_numpy(new)
        count += len(new)
        assert torch.equal(frames, expected)


@pytest.mark.parametrize("stack", [1, 4])
def test_pixels_stay_bytes_all_the_way(stack: int) -> None:
    pair = Pair(layout_of(Layout, 30, 1, 1, stack), length=5, seed=0)
    for _ in range(40):
        pair.step()
    batch = pair.replay.batch(pair.replay.sample(8))
    assert {batch.obs.dtype, batch.next_obs.dtype, pair.replay.tensors.frames.dtype} == {torch.uint8}
    assert batch.obs.shape == batch.next_obs.shape == (8, *pair.replay.layout.obs.shape)
