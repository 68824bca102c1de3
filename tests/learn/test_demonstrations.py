"""Memories of recorded episodes: what is in them, and what is drawn."""

from typing import Any

import numpy as np
import pytest
import torch

from dqnlab.learn.demonstrations import SIDE_BY_SIDE, Demonstrated, OfflineMemory, RecordedEpisode, fold
from dqnlab.learn.layout import Columns, Layout, reach_of
from dqnlab.learn.nstep import NStep, StepResult
from dqnlab.learn.replay import Pace, Replay
from dqnlab.learn.samplers import Prioritized, Uniform
from dqnlab.learn.types import Batch, Block, ObsSpec, Sample, Transitions

OBS = ObsSpec((1,), np.dtype(np.float32))


def episode(length: int, begin: float = 0.0, terminated: bool = True) -> RecordedEpisode:
    frames = np.arange(begin, begin + length + 1, dtype=np.float32)[:, None]
    return RecordedEpisode(frames, np.arange(length) % 3, np.arange(1.0, length + 1), terminated)


def some_episodes() -> list[RecordedEpisode]:
    return [episode(5, 0.0), episode(1, 100.0, terminated=False), episode(3, 200.0, terminated=False)]


def layout(n: int, capacity: int = 8, obs: ObsSpec = OBS) -> Layout:
    return Layout(capacity, obs, n, reach_of(n, obs.stack, 1))


def replay(n: int = 1, capacity: int = 8, sampler: Any = None) -> Replay:
    return Replay(layout(n, capacity), sampler or Uniform(), Pace(4, 1, 8), np.random.default_rng(0))


def add(memory: Replay | Demonstrated, recording: RecordedEpisode, n: int) -> None:
    """The slow way: step by step, as the collector does it."""
    make = NStep(n, 0.9, 1, 2.0)
    length = len(recording.action)
    for t in range(length):
        end = t == length - 1
        flags = np.array([end and recording.terminated]), np.array([end and not recording.terminated])
        new = make(StepResult(recording.action[t : t + 1], recording.reward[t : t + 1], *flags, np.array([True])))
        shown = recording.frames[t : t + 2, None] if t == 0 else recording.frames[t + 1 : t + 2, None]
        first = np.array([[True], [False]]) if t == 0 else np.array([[False]])
        memory.add(Block(shown, first, new, [], 1, 0.0))


def rows(batch: Batch) -> set[tuple[float, ...]]:
    columns = (batch.obs, batch.action, batch.reward, batch.discount, batch.next_obs)
    return set(zip(*(column.flatten().tolist() for column in columns), strict=True))


def everything(memory: Any, slots: np.ndarray) -> Batch:
    return memory.batch(Sample(slots, np.ones(len(slots), np.float32)))


def recorded(n: int = 1, sampler: Any = None, batch: int = 4) -> OfflineMemory:
    columns = fold(some_episodes(), n, 0.9, 2.0, None)
    return OfflineMemory(columns, layout(n), sampler or Uniform(), batch, np.random.default_rng(3))


def test_one_step_transitions_of_two_steps() -> None:
    frames = np.array([[1.0], [2.0], [3.0]], np.float32)
    made = fold([RecordedEpisode(frames, np.array([0, 1]), np.array([4.0, 6.0]), True)], 1, 0.9, 2.0, 2.0)
    assert made.frames[:, 0].tolist() == [1, 2, 3]
    assert made.before.tolist() == [0, 0, 1]
    assert (made.start.tolist(), made.end.tolist()) == ([0, 1], [1, 2])
    assert made.reward.tolist() == [1.0, 1.0]  # clipped to 2, divided by 2
    assert made.discount.tolist() == pytest.approx([0.9, 0.0])


@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_episodes_are_folded_as_those_that_are_played(n: int) -> None:
    slow = replay(n, capacity=20)
    for each in some_episodes():
        add(slow, each, n)
    memory = recorded(n)
    assert rows(everything(memory, np.arange(9))) == rows(everything(slow, np.arange(9)))
    assert memory.facts().size == len(slow) == 9
    assert memory.facts().terminal_share == pytest.approx(slow.terminal_share)


def test_more_episodes_than_are_folded_at_once() -> None:
    many = [episode(1 + i % 3, 10.0 * i) for i in range(SIDE_BY_SIDE + 5)]
    at_once = fold(many, 2, 0.9, 1.0, None)
    one_by_one = [fold([each], 2, 0.9, 1.0, None) for each in many]
    assert torch.equal(at_once.reward, torch.cat([each.reward for each in one_by_one]))
    assert torch.equal(at_once.frames[at_once.end], torch.cat([each.frames[each.end] for each in one_by_one]))


def test_a_stack_reaches_back_no_further_than_its_episode() -> None:
    obs = OBS._replace(shape=(3, 1), stack=3)
    columns = fold(some_episodes(), 1, 0.9, 1.0, None)
    memory = OfflineMemory(columns, layout(1, obs=obs), Uniform(), 4, np.random.default_rng(0))
    seen = everything(memory, np.array([0, 2, 5])).obs[:, :, 0]
    assert seen.tolist() == [[0, 0, 0], [0, 1, 2], [100, 100, 100]]


def test_recorded_transitions_are_all_drawn_and_all_demonstrations() -> None:
    memory = recorded(sampler=Prioritized(9, 0.5, 0.4))
    drawn = {slot for _ in range(50) for slot in memory.sample().slots.tolist()}
    assert drawn == set(range(9))
    assert memory.batch(memory.sample()).demonstrated.tolist() == [1.0] * 4
    assert memory.due(0, 3) == 3
    memory.update_priorities(np.array([2]), torch.tensor([1e6]))
    assert (memory.sample().slots == 2).all()


@pytest.mark.parametrize("memory", [recorded, lambda: mixed()])
def test_what_is_drawn_goes_on_after_a_restart(memory: Any) -> None:
    one, other = memory(), memory()
    one.sample()
    other.load_state_dict(one.state_dict())
    assert [a.tolist() for a in one.sample()] == [a.tolist() for a in other.sample()]


# ── Beside a replay ──────────────────────────────────────────────────────────────────────────────


def mixed(share: float = 0.25, pretrain: int = 0, n: int = 1, sampler: Any = None) -> Demonstrated:
    columns = fold(some_episodes(), n, 0.9, 2.0, None)
    return Demonstrated(replay(n, sampler=sampler), columns, share, pretrain, np.random.default_rng(1))


def test_all_is_recorded_until_the_replay_holds_enough() -> None:
    memory = mixed()
    assert (memory.sample().slots >= 8).all()
    add(memory, episode(4, 50.0), 1)
    slots = memory.sample().slots
    assert [int((slots < 8).sum()), int((slots >= 8).sum())] == [6, 2]


def test_slots_behind_the_replay_hold_what_was_recorded() -> None:
    memory = mixed(n=2)
    add(memory, episode(6, 50.0, terminated=False), 2)
    assert rows(everything(memory, 8 + np.arange(9))) == rows(everything(recorded(2), np.arange(9)))
    batch = everything(memory, np.array([0, 8]))
    assert batch.demonstrated.tolist() == [0.0, 1.0]
    assert batch.obs[:, 0].tolist() == [50.0, 0.0]


def test_what_was_recorded_stays_when_the_replay_has_come_round() -> None:
    memory = mixed()
    before = rows(everything(memory, 8 + np.arange(9)))
    for i in range(10):
        add(memory, episode(7, 1000.0 * i), 1)
    assert rows(everything(memory, 8 + np.arange(9))) == before
    assert memory.facts().size == 8 + 9


def test_errors_are_told_to_the_replay_alone() -> None:
    memory = mixed(sampler=Prioritized(8, 1.0, 0.4))
    add(memory, episode(5, 50.0), 1)
    memory.update_priorities(np.array([3, 8, 12]), torch.tensor([1e9, 5.0, 5.0]))
    slots = memory.sample().slots
    assert (slots[:6] == 3).all()


def test_updates_before_the_first_step_are_due_once() -> None:
    memory = mixed(pretrain=10)
    assert [memory.due(0, 1), memory.due(1, 2), memory.due(2, 4)] == [11, 1, 2]


def test_it_lives_on_in_other_tensors() -> None:
    memory = mixed()
    add(memory, episode(5, 50.0), 1)
    moved = Columns(*(column.clone() for column in memory.tensors))
    memory.move_to(moved)
    add(memory, episode(2, 70.0), 1)
    assert moved.frames[:9, 0].tolist() == [50, 51, 52, 53, 54, 55, 70, 71, 72]
    assert memory.num_bytes == sum(column.nbytes for column in moved)


def test_the_largest_may_be_a_recorded_one() -> None:
    assert mixed().extremes().obs == recorded().extremes().obs == 203.0


def test_nothing_is_stored_of_what_an_offline_run_hands_over() -> None:
    memory = recorded()
    none = np.zeros(0, np.int64)
    empty = none.astype(np.float32)
    nothing = Transitions(none, none, empty, empty, none)
    memory.add(Block(np.zeros((0, 1, 1), np.float32), np.ones((0, 1), bool), nothing, [], 1, 0.0))
    assert memory.facts().size == 9
    assert dict(memory.logs) == {}


def test_a_recorded_stack_behind_the_replay_reaches_back_no_further_either() -> None:
    obs = OBS._replace(shape=(3, 1), stack=3)
    columns = fold(some_episodes(), 1, 0.9, 1.0, None)
    own = Replay(layout(1, obs=obs), Uniform(), Pace(4, 1, 8), np.random.default_rng(0))
    memory = Demonstrated(own, columns, 0.25, 0, np.random.default_rng(1))
    seen = everything(memory, 8 + np.array([0, 2, 5])).obs
    assert isinstance(seen, torch.Tensor)
    assert seen[:, :, 0].tolist() == [[0, 0, 0], [0, 1, 2], [100, 100, 100]]
