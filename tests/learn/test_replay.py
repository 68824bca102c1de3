"""⑥ The ring of transitions, against a list; for the frames that they lead to see test_frames."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dqnlab.learn.layout import Columns, Layout
from dqnlab.learn.replay import Pace, Replay
from dqnlab.learn.samplers import Prioritized, Sampler, Slots, Uniform
from dqnlab.learn.types import Batch, Block, ObsSpec, Sample, Transitions

NUMBER = ObsSpec((1,), np.dtype(np.float32))


class InOrder(Uniform):
    """A sampler that draws the first slots as they lie."""

    def draw(self, size: int, held: Slots, rng: np.random.Generator) -> Sample:
        return Sample(np.arange(size), np.ones(size, np.float32))


class Source:
    """Hands out transitions that can be told apart by their number; number i goes from what shows i to i + 1.

    Each block is that of a source of its own, whose envs begin and take one step.
    """

    def __init__(self) -> None:
        self.numbered = self.blocks = 0

    def block(self, size: int, discount: float = 0.5) -> Block:
        """The next `size` transitions, in one block."""
        t = np.arange(self.numbered, self.numbered + size)
        self.numbered += size
        self.blocks += 1
        moved = Transitions(np.arange(size), t, t * 10.0, np.full(size, discount), np.ones(size, int))
        return Block(np.stack([t, t + 1])[..., None] * 1.0, begins(2, size), moved, [], size, 0, self.blocks)


def begins(moments: int, num_envs: int) -> np.ndarray:
    """[T, E] only at the first moment."""
    return (np.arange(moments) == 0)[:, None] & np.ones(num_envs, bool)


def empty(capacity: int, sampler: Sampler | None = None, obs: ObsSpec = NUMBER) -> Replay:
    layout = Layout(capacity, obs, n=1, reach=2 * capacity)
    return Replay(layout, sampler or InOrder(), Pace(1, 1, 16), np.random.default_rng(0))


def held(replay: Replay) -> list[list[object]]:
    return [column.tolist() for column in everything(replay).columns().values()]


def everything(replay: Replay) -> Batch:
    """All transitions, in the order of their slots (needs the InOrder sampler)."""
    return replay.batch(replay.sample(len(replay)))


def stored(replay: Replay) -> list[int]:
    return everything(replay).action.tolist()


def test_the_oldest_are_overwritten_first() -> None:
    replay, source = empty(4), Source()
    for _ in range(2):
        replay.add(source.block(3))
    assert stored(replay) == [4, 5, 2, 3]


@pytest.mark.parametrize("capacity", [1, 2, 10])
def test_after_31_adds_exactly_the_last_ones_are_there(capacity: int) -> None:
    replay, source = empty(capacity), Source()
    for number in range(31):
        replay.add(source.block(1))
        assert sorted(stored(replay)) == list(range(max(0, number + 1 - capacity), number + 1))


@settings(max_examples=50)
@given(st.integers(5, 12), st.lists(st.integers(0, 5), max_size=12))
def test_random_blocks_agree_with_a_list(capacity: int, sizes: list[int]) -> None:
    replay, source, naive, added = empty(capacity), Source(), [-1] * capacity, 0
    for size in sizes:
        replay.add(source.block(size))
        for number in range(added, added + size):
            naive[number % capacity] = number
        added += size
        assert len(replay) == min(added, capacity)
        assert replay.added == added
    batch = everything(replay)
    expected = torch.tensor(naive[: len(replay)])
    assert batch.action.tolist() == expected.tolist()
    assert batch.obs[:, 0].tolist() == expected.tolist()
    assert batch.next_obs[:, 0].tolist() == (expected + 1).tolist()
    assert batch.reward.tolist() == (expected * 10.0).tolist()
    assert batch.discount.tolist() == [0.5] * len(replay)
    assert batch.weight.tolist() == [1.0] * len(replay)


@pytest.mark.parametrize("sampler", [Uniform(), Prioritized(100, 0.6, 0.4)])
def test_an_empty_replay_has_nothing_to_sample_and_one_with_a_row_as_much_as_is_wanted(sampler: Sampler) -> None:
    replay, source = empty(100, sampler), Source()
    with pytest.raises(ValueError, match="cannot sample 10 transitions from an empty replay"):
        replay.sample(10)
    replay.add(source.block(1))
    assert len(replay.sample(10).slots) == 10


def test_a_sample_names_the_slots_it_came_from() -> None:
    replay = empty(20, Uniform())
    replay.add(Source().block(20))
    sample = replay.sample(20)
    assert sample.slots.tolist() == replay.batch(sample).action.tolist()


def test_a_batch_carries_the_weights_of_its_sample() -> None:
    replay = empty(20)
    replay.add(Source().block(2))
    weight = np.float32([0.25, 0.75])
    assert replay.batch(Sample(np.array([1, 0]), weight)).weight.tolist() == [0.25, 0.75]


@pytest.mark.parametrize("dtype", ["uint8", "bool", "int64", "float32"])
def test_observations_keep_their_type_and_shape(dtype: str) -> None:
    frames = np.arange(24).reshape(2, 2, 3, 2).astype(dtype)
    two, ones = np.arange(2), np.ones(2, int)
    replay = empty(5, obs=ObsSpec((3, 2), np.dtype(dtype)))
    replay.add(Block(frames, begins(2, 2), Transitions(two, two, ones, ones, ones), [], 2, 0.0))
    batch = everything(replay)
    types = [str(column.dtype).removeprefix("torch.") for column in batch.columns().values()]
    assert types == [dtype, "int64", "float32", "float32", dtype, "float32"]
    assert batch.obs.tolist() == frames[0].tolist()
    assert batch.next_obs.tolist() == frames[1].tolist()


def test_float64_from_an_environment_is_stored_as_float32() -> None:
    replay, block = empty(5), Source().block(2)
    assert block.frames.dtype == block.transitions.reward.dtype == np.float64
    replay.add(block)
    assert {column.dtype for column in everything(replay).columns().values() if column.is_floating_point()} == {
        torch.float32
    }


def test_the_ring_shares_no_memory_with_what_goes_in_or_comes_out() -> None:
    replay, incoming = empty(2), Source().block(2)
    replay.add(incoming)
    for column in (*incoming.transitions, incoming.frames, incoming.first):
        column[:] = 1
    before = held(replay)
    for column in everything(replay).columns().values():
        column.fill_(99)
    assert held(replay) == before
    assert before[1] == [0, 1]
    assert before[0] == [[0], [1]]


@pytest.mark.parametrize("stack", [1, 3])
def test_a_ring_lives_on_in_other_memory(stack: int) -> None:
    shape = (1,) if stack == 1 else (stack, 1)
    moved, stayed = (empty(7, obs=ObsSpec(shape, np.dtype(np.float32), stack=stack)) for _ in range(2))
    sources = Source(), Source()
    for size in (3, 2, 5, 4, 1):
        for replay, source in zip((moved, stayed), sources, strict=True):
            replay.add(source.block(size))
        left = moved.tensors
        moved.move_to(Columns(*(column.clone() for column in left)))
        for column in left:
            column.zero_()
        assert held(moved) == held(stayed)


def test_the_share_of_terminal_transitions_counts_what_is_stored() -> None:
    replay, source = empty(4), Source()
    assert replay.terminal_share == 0
    replay.add(source.block(1, discount=0.0))
    assert replay.terminal_share == 1
    replay.add(source.block(2))
    assert replay.terminal_share == pytest.approx(1 / 3)
    replay.add(source.block(2))  # the second overwrites the terminal one
    assert replay.terminal_share == 0
    replay.add(source.block(2, discount=0.0))
    assert replay.terminal_share == 1 / 2


def test_whoever_asked_for_the_logs_before_sees_them_grow() -> None:
    replay = empty(4)
    logs = replay.logs
    replay.add(Source().block(3))
    bounds = {name: log.bounds for name, log in logs.items()}
    assert bounds == {"frames": (0, 6), "transitions": (0, 3), "moments": (0, 6)}


def test_an_update_is_due_at_each_multiple_of_its_period_however_many_steps_come_at_once() -> None:
    layout = Layout(8, NUMBER, n=1, reach=16)
    replay = Replay(layout, InOrder(), Pace(4, 3, 16), np.random.default_rng(0))
    replay.add(Source().block(3))
    assert replay.due(0, 3) == 0  # learning has not started
    replay.add(Source().block(3))
    assert [replay.due(*steps) for steps in ((3, 6), (6, 8), (8, 16), (16, 24))] == [1, 0, 3, 3]
