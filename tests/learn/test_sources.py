"""⑥ Sources of different pace that feed one memory, against plain lists that hold every observation in full."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dqnlab.learn.layout import Layout, reach_of
from dqnlab.learn.nstep import NStep, StepResult
from dqnlab.learn.replay import Pace, Replay
from dqnlab.learn.samplers import Prioritized, Uniform
from dqnlab.learn.types import Block, ObsSpec, Sample

Seen = list[list[float]]
"""An observation: its frames (source, env, moment, 0), oldest first."""


class Feed:
    """A source of E envs whose frames are (source, env, moment, 0), and what its transitions look like in full."""

    def __init__(self, name: int, num_envs: int, layout: Layout, length: float):
        self.name, self.num_envs, self.length, self.stack = name, num_envs, length, layout.obs.stack
        self.fold, self.rng = NStep(layout.n, 0.5, num_envs), np.random.default_rng(name)
        self.live = np.zeros(num_envs, bool)
        self.seen: list[list[Seen]] = []  # [moment][env]
        self.numbers: list[int] = []  # of the first frame of each moment, in the memory
        self.rows: list[tuple[Seen, int, Seen]] = []  # of the latest block: an observation, the span, the one it led to

    def look(self) -> np.ndarray:
        """What each env shows now, [E, 4], beginning an episode where it is not live."""
        frames = [[self.name, env, len(self.seen), 0] for env in range(self.num_envs)]
        self.seen.append(
            [
                [f] * self.stack if not on else [*self.seen[-1][f[1]][1:], f]
                for f, on in zip(frames, self.live, strict=True)
            ]
        )
        return np.array(frames, np.float32)

    def step(self) -> Block:
        """The next block; the first one brings what its envs began with as well."""
        frames, first = [], []
        if not self.seen:
            frames, first = [self.look()], [~self.live]
            self.live = ~self.live
        over = self.live & (self.rng.random(self.num_envs) < 1 / self.length)
        moved = self.fold(
            StepResult(np.zeros(self.num_envs, int), np.ones(self.num_envs), over, over & False, self.live)
        )
        frames.append(self.look())
        first.append(~self.live)
        steps, self.live = int(self.live.sum()), ~over
        ends = zip(moved.env.tolist(), moved.span.tolist(), strict=True)
        self.rows = [(self.seen[-1 - span][env], span, self.seen[-1][env]) for env, span in ends]
        return Block(np.stack(frames), np.stack(first), moved, [], steps, 0.0, self.name)


class Shared:
    """A memory that several sources feed, and all that it should have stored."""

    def __init__(self, feeds: list[tuple[int, float]], reach: int, n: int, stack: int, *, prioritised: bool = False):
        shape = (4,) if stack == 1 else (stack, 4)
        self.layout = Layout(60, ObsSpec(shape, np.dtype(np.float32), stack=stack), n, reach)
        self.replay = self.empty(prioritised)
        self.feeds = [Feed(name, num, self.layout, length) for name, (num, length) in enumerate(feeds)]
        self.rows: list[tuple[Seen, int, Seen]] = []
        self.late = 0

    def empty(self, prioritised: bool = False) -> Replay:
        return Replay(
            self.layout,
            Prioritized(60, 0.6, 0.4) if prioritised else Uniform(),
            Pace(1, 1, 16),
            np.random.default_rng(0),
        )

    def step(self, which: int) -> Block:
        """One block of a source, stored."""
        feed = self.feeds[which]
        block = feed.step()
        before = self.replay.frames.added
        feed.numbers += [before + i * feed.num_envs for i in range(len(block.frames))]
        oldest = before + block.first.size - self.layout.reach
        for row in feed.rows:
            if feed.numbers[max(len(feed.numbers) - row[1] - self.layout.obs.stack, 0)] >= oldest:
                self.rows.append(row)
            else:
                self.late += 1
        self.replay.add(block)
        return block

    def check(self) -> None:
        """Holds what it should, frame by frame."""
        replay = self.replay
        slots = np.arange(replay.added - len(replay), replay.added) % self.layout.capacity
        batch = replay.batch(Sample(slots, np.ones(len(slots), np.float32)))
        expected = self.rows[len(self.rows) - len(slots) :]
        size = self.layout.obs.stack
        assert batch.obs.reshape(len(slots), size, 4).tolist() == [row[0] for row in expected]
        assert batch.next_obs.reshape(len(slots), size, 4).tolist() == [row[2] for row in expected]
        assert (replay.added, replay.dropped) == (len(self.rows), self.late)


@settings(max_examples=20)
@given(
    st.integers(1, 3),
    st.integers(1, 3),
    st.sampled_from([1.5, 4, 50]),
    st.integers(1, 60),
    st.integers(0, 10**6),
    st.booleans(),
)
def test_two_sources_of_any_pace_feed_one_memory(
    n: int, stack: int, length: float, pace: int, seed: int, prioritised: bool
) -> None:
    shared = Shared([(2, length), (1, length)], 3 * reach_of(n, stack, 3), n, stack, prioritised=prioritised)
    turns = np.random.default_rng(seed).random(400) < 1 / pace  # when it is the slower one's turn
    for slow in turns.tolist():
        shared.step(int(slow))
        if len(shared.replay):
            shared.check()
            sample = shared.replay.sample(8)
            assert ((sample.slots - shared.replay.added) % 60 >= 60 - len(shared.replay)).all()


@pytest.mark.parametrize("pace", [1, 5, 20])
def test_nothing_is_dropped_within_the_reach(pace: int) -> None:
    n, stack = 3, 2
    shared = Shared([(2, 9), (1, 4)], reach_of(n, stack, 2 * pace + 1), n, stack)
    for turn in range(600):
        shared.step(int(turn % (pace + 1) == pace))
        shared.check()
    assert shared.replay.dropped == 0
    assert len(shared.replay) == 60


def test_what_comes_too_late_is_dropped_and_counted_and_costs_the_others_nothing() -> None:
    shared = Shared([(1, 50), (1, 50)], reach_of(1, 1, 2), 1, 1)
    for _ in range(30):
        shared.step(1)
        for _ in range(10):
            shared.step(0)
    shared.check()
    assert shared.replay.dropped >= 25
    assert len(shared.replay) == 60


def test_sources_go_on_in_a_memory_that_was_saved() -> None:
    whole = Shared([(2, 9), (1, 4)], reach_of(2, 2, 12), 2, 2)
    for turn in range(100):
        whole.step(int(turn % 4 == 3))
    saved = whole.replay.state_dict()
    rows = {name: log.read(*log.bounds) for name, log in whole.replay.logs.items()}
    starts = {name: log.bounds[0] for name, log in whole.replay.logs.items()}
    again = whole.empty()
    for name, log in again.logs.items():
        log.write(starts[name], rows[name])
    again.load_state_dict(saved)
    for turn in range(100, 150):
        again.add(whole.step(int(turn % 4 == 3)))
    whole.replay = again
    whole.check()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("size", [1, 3])
def test_compiled_and_side_by_side_agents_learn_from_two_sources(
    member_of: Any, stack_of: Any, cache: Path, size: int
) -> None:
    together, alone = ([member_of(seed=seed) for seed in range(size)] for _ in range(2))
    feeds = [[Feed(name, 1, agent.replay.layout, 9) for name in (1, 2)] for agent in alone]
    update = stack_of(together, cache).update
    for turn in range(36):
        for agent, twin, pair in zip(together, alone, feeds, strict=True):
            block = pair[int(turn % 4 == 3)].step()
            agent.replay.add(block)
            twin.replay.add(block)
        samples = {i: agent.sample() for i, agent in enumerate(alone)}
        answers = update(samples)
        for i, sample in samples.items():
            for ours, theirs in zip(answers[i], alone[i].update(sample), strict=True):
                torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    for agent, twin in zip(together, alone, strict=True):
        torch.testing.assert_close(agent.tensors, twin.tensors, rtol=1e-4, atol=1e-5)
        assert agent.replay.dropped == twin.replay.dropped > 2  # what the slower one brought too late
