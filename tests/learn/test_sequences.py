"""The memory of sequences, against plain lists of all that was shown."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dqnlab.learn.nstep import NStep, StepResult
from dqnlab.learn.replay import Pace
from dqnlab.learn.samplers import Prioritized, Uniform
from dqnlab.learn.sequences import SequenceLayout, SequenceReplay
from dqnlab.learn.types import Block, ObsSpec, Sample, Sequences, Transitions

GAMMA = 0.5


def memory(
    n: int = 1, burn_in: int = 2, unroll: int = 3, capacity: int = 30, *, starts: int = 1, prioritised: bool = False
) -> SequenceReplay:
    layout = SequenceLayout(capacity, ObsSpec((3,), np.dtype(np.float32)), n, burn_in, unroll, 1)
    sampler = Prioritized(layout.num_sequences, 1.0, 1.0) if prioritised else Uniform()
    return SequenceReplay(layout, sampler, Pace(starts, 1, 4 * unroll), np.random.default_rng(0))


class Feed:
    """A source of E envs that show (source, env, moment). It remembers, and hands over, how long an episode lasts."""

    def __init__(self, name: int, num_envs: int, n: int, length: float):
        self.name, self.num_envs, self.length = name, num_envs, length
        self.fold, self.rng = NStep(n, GAMMA, num_envs), np.random.default_rng(name)
        self.unshown, self.live = True, np.ones(num_envs, bool)
        self.first: list[np.ndarray] = []  # [moment] of every frame
        self.acted: list[np.ndarray] = []  # [moment] what the actor had remembered before it saw a frame
        self.rows: list[tuple[Any, ...]] = []  # source, env, start, end, action, reward, discount of every transition

    def frames(self) -> np.ndarray:
        return np.array([[self.name, env, len(self.first) - 1] for env in range(self.num_envs)], np.float32)

    def show(self, first: np.ndarray) -> np.ndarray:
        before = np.zeros(self.num_envs) if not self.first else np.where(self.first[-1], 1, self.acted[-1] + 1)
        self.first.append(first)
        self.acted.append(before)
        return self.frames()

    def note(self, new: Transitions) -> None:
        now = len(self.first) - 1
        for env, action, reward, discount, span in zip(*(column.tolist() for column in new), strict=True):
            self.rows.append((self.name, env, now - span, now, action, reward, discount))

    def step(self) -> Block:
        frames, first = [], []
        if self.unshown:
            first.append(np.ones(self.num_envs, bool))
            frames.append(self.show(first[0]))
            self.unshown, self.live = False, ~first[0] | True
        over = self.live & (self.rng.random(self.num_envs) < 1 / self.length)
        cut = over & (self.rng.random(self.num_envs) < 0.5)
        action, reward = self.rng.integers(5, size=self.num_envs), self.rng.random(self.num_envs)
        moved = self.fold(StepResult(action, np.where(self.live, reward, 0), over & ~cut, cut, self.live))
        first.append(~self.live)
        frames.append(self.show(~self.live))
        steps, self.live = int(self.live.sum()), ~over
        self.note(moved)
        state = self.acted[-1][:, None].astype(np.float32)
        return Block(np.stack(frames), np.stack(first), moved, [], steps, 0.0, self.name, state)

    def cut(self) -> Block:
        self.unshown = True
        moved = self.fold.cut()
        self.note(moved)
        nothing = np.zeros((0, self.num_envs), np.float32)
        return Block(nothing[..., None], nothing.astype(bool), moved, [], 0, 0.0, self.name)


def check(held: SequenceReplay, feeds: list[Feed]) -> None:
    """Each row is a stretch of what one env showed; all of its transitions are there, and no others."""
    layout, rows = held.layout, held.rows
    every = {row[:3]: row[3:] for feed in feeds for row in feed.rows}
    seen: list[tuple[Any, ...]] = []
    for slot in (np.arange(*rows.bounds) % layout.num_sequences).tolist():
        batch = held.batch(Sample(np.array([slot]), np.ones(1, np.float32)))
        assert isinstance(batch.obs, Sequences)
        assert isinstance(batch.next_obs, Sequences)
        name, env, start = (int(number) for number in batch.obs.frames[0, 0])
        feed, moments = feeds[name], np.arange(start, start + layout.length)
        assert batch.obs.frames[0].tolist() == [[name, env, moment] for moment in moments]
        assert batch.obs.first[0].tolist() == [bool(feed.first[moment][env]) for moment in moments]
        if not feed.first[start][env]:
            assert batch.obs.state.tolist() == [[feed.acted[start][env]]]
        learned = [m for m in moments[layout.burn_in :][: layout.unroll].tolist() if (name, env, m) in every]
        counts = [(name, env, m) for m in learned]
        assert (batch.weight > 0).sum() == len(learned) > 0
        assert batch.weight.mean().item() == pytest.approx(1)
        columns = batch.obs.rows, batch.next_obs.rows, batch.action, batch.reward, batch.discount, batch.weight
        found = []
        for obs, next_obs, action, reward, discount, weight in zip(*(c.tolist() for c in columns), strict=True):
            end, *said = every[(int(obs[0]), int(obs[1]), int(obs[2]))]
            assert next_obs == [name, env, end]
            assert said == [action, reward, discount]
            if weight > 0:
                found.append((name, env, int(obs[2])))
        assert found == counts
        seen += found
    assert len(set(seen)) == len(seen) == held.facts().size


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 3),
    st.integers(0, 3),
    st.integers(1, 5),
    st.sampled_from([1.2, 3.0, 40.0]),
    st.booleans(),
    st.integers(0, 99),
)
def test_every_sequence_is_what_one_env_showed_with_all_that_started_there(
    n: int, burn_in: int, unroll: int, length: float, prioritised: bool, seed: int
) -> None:
    held = memory(n, burn_in, unroll, 12 * unroll, prioritised=prioritised)
    feeds, rng = [Feed(0, 2, n, length), Feed(1, 1, n, length)], np.random.default_rng(seed)
    for turn in range(90):
        feed = feeds[int(rng.random() < 0.3)]
        held.add(feed.cut() if rng.random() < 0.04 and not feed.unshown else feed.step())
        if turn % 15 == 14:
            check(held, feeds)
    assert held.rows.added > 0
    sample = held.sample()
    assert len(sample.slots) == 4
    assert held.added >= held.facts().size


def test_each_transition_is_in_one_sequence_but_those_that_only_warm_up_the_first() -> None:
    held, feed = memory(n=2, burn_in=2, unroll=3, capacity=300), Feed(0, 1, 2, 1000.0)
    for _ in range(21):  # moments 0 … 21
        held.add(feed.step())
    check(held, [feed])
    assert held.rows.added == 6  # the last of which begins at 15 and ends at 21
    assert held.added == held.facts().size == 18  # those that start at 2 … 19


def test_a_sequence_in_which_nothing_starts_is_not_stored() -> None:
    held, feed = memory(burn_in=0, unroll=1), Feed(0, 1, 1, 1.0)  # every other moment ends an episode
    for _ in range(12):
        held.add(feed.step())
    assert held.rows.added == held.added == 6
    check(held, [feed])


def test_learning_starts_with_transitions_and_goes_by_steps() -> None:
    held, feed = memory(starts=7), Feed(0, 1, 1, 1000.0)
    due = []
    for step in range(12):
        held.add(feed.step())
        due.append(held.due(step, step + 1))
    # Windows of 6 moments are whole at the moments 5, 8 and 11, which the steps 5, 8 and 11 led to.
    assert due == [0] * 10 + [1] * 2
    assert held.added == 9
    assert held.batch_size == 4


def test_weights_count_transitions_and_not_what_stands_in_for_them() -> None:
    held = memory(unroll=2)
    held.tensors.counts[:2] = torch.tensor([[1.0, 1.0], [1.0, 0.0]])
    batch = held.batch(Sample(np.array([0, 1]), np.array([1.0, 0.5], np.float32)))
    assert batch.weight.tolist() == pytest.approx([4 / 3, 4 / 3, 2 / 3, 0])
    assert len(batch.action) == 4


def test_the_priority_of_a_sequence_mixes_its_largest_error_and_their_mean() -> None:
    held, feed = memory(prioritised=True), Feed(0, 1, 1, 1000.0)
    for _ in range(12):
        held.add(feed.step())
    held.update_priorities(np.array([0, 2]), torch.tensor([1.0, 2.0, 6.0, 0.0, 0.0, 3.0]))
    assert isinstance(held.sampler, Prioritized)
    priority = held.sampler.state_dict()["priority"][:4]
    assert priority.tolist() == pytest.approx([0.9 * 6 + 0.1 * 3, 1, 0.9 * 3 + 0.1 * 1, 0], abs=1e-5)


def test_it_takes_the_room_that_it_said() -> None:
    held = memory(n=2, prioritised=True)
    assert held.num_bytes == sum(column.nbytes for column in held.tensors)
    assert (held.layout.num_sequences, held.layout.length, held.layout.least) == (10, 7, 10)


def test_it_goes_on_from_what_was_saved() -> None:
    whole, feed = memory(n=2, prioritised=True), Feed(0, 2, 2, 5.0)
    for _ in range(50):
        whole.add(feed.step())
    again = memory(n=2, prioritised=True)
    start, stop = whole.logs["sequences"].bounds
    again.logs["sequences"].write(start, whole.logs["sequences"].read(start, stop))
    again.load_state_dict(whole.state_dict())
    for _ in range(40):
        block = feed.step()
        whole.add(block)
        again.add(block)
        one, other = whole.sample(), again.sample()
        assert one.slots.tolist() == other.slots.tolist()
    check(again, [feed])
    assert all(torch.equal(a, b) for a, b in zip(whole.tensors, again.tensors, strict=True))
    assert whole.facts() == again.facts()


@pytest.mark.parametrize(("length", "size"), [(1.0, 15), (1000.0, 30)])
def test_it_is_said_if_short_episodes_leave_room_for_fewer_transitions(length: float, size: int) -> None:
    held, feed = memory(burn_in=0, unroll=2), Feed(0, 1, 1, length)
    for _ in range(29):
        held.add(feed.step())
    assert held.facts().notes == ()  # it is not full
    for _ in range(40):
        held.add(feed.step())
    assert held.facts().size == size
    said = f"transitions in the replay: {size} of 30, for in sequences the last observation of each"
    assert [note.startswith(said) for note in held.facts().notes] == [True] * (size < 30)


def test_it_says_how_large_its_contents_are() -> None:
    held, feed = memory(), Feed(0, 1, 1, 3.0)
    for _ in range(30):
        held.add(feed.step())
    counted = held.tensors.counts.bool()
    share = (held.tensors.discount[counted] == 0).float().mean().item()
    assert held.facts().terminal_share == pytest.approx(share)
    assert 0 < share < 1
    assert held.extremes().obs == held.tensors.frames.max()
    assert held.extremes().n == 1
