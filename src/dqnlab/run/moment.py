"""One moment of learning, as it is recorded to be explained later: a batch, where it came from, what followed it.

Everything is drawn by a generator of the recorder's own and read, never written: the run does not notice.
"""

import math
from enum import IntEnum
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..learn.learner import Learner
from ..learn.memory import Memory
from ..learn.replay import Replay, observe
from ..learn.types import Draws
from ..learn.weights import export_weights

MOST_BYTES = 200_000  # of observations, however large one is
DEPTHS = (10, 5, 3, 1, 0)  # how many of the steps after a row's start may be kept
LONGEST = 2_000  # steps looked ahead for single rewards, which takes some 0.2 ms each row
_ROUNDING = 2.0**-23  # what storing a number as float32 may change of it, with room for the float64 sum behind it
_NEWEST = ("obs", "action", "reward", "discount")
REWARDS = ("batch/reward", "newest/reward")  # what counts as the stored rewards do


class End(IntEnum):
    """What became of an episode where a transition ends."""

    GOES_ON = 0
    TERMINATED = 1
    TRUNCATED = 2
    UNKNOWN = 3  # nothing later had been stored


class Room(NamedTuple):
    """How much of a batch is kept."""

    rows: int  # of the batch
    depth: int  # steps after each row's start


def room(batch_size: int, obs_bytes: int) -> Room:
    """As many rows as the batch has, and up to ten steps after each, within MOST_BYTES; 0 rows if not even one fits."""
    most = MOST_BYTES // max(obs_bytes, 1) - 1  # beside that of the newest transition
    rows = min(batch_size, max(16, most // (2 + DEPTHS[0])))
    depth = next((depth for depth in DEPTHS if rows * (2 + depth) <= most), 0)
    return Room(max(min(rows, most // (2 + depth)), 0), depth)


def record_moment(learner: Learner, memory: Memory, gamma: float, rng: np.random.Generator) -> dict[str, Tensor]:
    """The moment as named tensors on the CPU; empty if observations are too large to be kept.

    Empty too if the memory is no replay: others need not keep what they have handed out, nor what followed it.
    `gamma` finds the single rewards in the sums over n steps.

    batch/*            [R] rows drawn as the learner draws, at most a batch
    slots, span, end   [R] where they lie in the replay, how many steps they span, how they end (`End`)
    chain/*            [R, D] the single env steps from each row's start on: `length` [R] of them are known,
                       `reward` and `obs` (the one each step led to) hold them, `end` [R] says how the last one ends
    newest/*           the transition stored last, without what it led to
    draws/*            [W] the random numbers of the three passes, where networks need any
    online/*, target/* weights; optimizer/* [P] what the optimiser remembers, by number, and its steps
    updates, size      so far, and how many transitions the replay holds

    Rewards and weights are in the environment's own units; what the optimiser remembers is the learner's, whose rewards
    were divided by `reward_scale`.
    """
    if not isinstance(memory, Replay):
        return {}
    replay, spec = memory, memory.layout.obs
    rows, depth = room(memory.batch_size, math.prod(spec.shape) * spec.dtype.itemsize)
    if rows == 0:
        return {}
    sample = replay.sample(rows, rng)
    newest = np.array([(replay.added - 1) % replay.layout.capacity])
    last = replay.batch(sample._replace(slots=newest, weight=np.ones(1, np.float32)))
    scale = learner.online.reward_scale
    held, online = _Held(replay, gamma, scale), learner.online
    found = {
        **{f"batch/{name}": column for name, column in replay.batch(sample).columns().items()},
        "slots": torch.from_numpy(sample.slots),
        "span": torch.from_numpy(held.span(sample.slots)),
        "end": torch.from_numpy(held.end(sample.slots)),
        **held.chain(sample.slots, depth),
        **{f"newest/{name}": column[0] for name, column in last._asdict().items() if name in _NEWEST},
        "newest/slot": torch.tensor(int(newest[0])),
        "newest/span": torch.tensor(int(held.span(newest)[0])),
        **{f"online/{name}": w for name, w in export_weights(learner.online).items()},
        **{f"target/{name}": w for name, w in export_weights(learner.target).items()},
        **{f"optimizer/{i}": vector for i, vector in enumerate(learner.optimizer.memory)},
        "optimizer/steps": torch.tensor(learner.optimizer.steps),
        "updates": torch.tensor(learner.updates),
        "size": torch.tensor(len(replay)),
    }
    if online.num_draws(rows):
        found |= {f"draws/{name}": online.draw(rows, rng) for name in Draws._fields}
    found |= {name: found[name] * scale for name in REWARDS}
    return {name: column.detach().cpu().clone() for name, column in found.items()}


def unfold(reward: np.ndarray, span: np.ndarray, n: int, gamma: float) -> np.ndarray:
    """The single rewards [T] float64 of successive env steps, NaN where they cannot be known.

    Step t began the transition with the discounted sum reward[t] over span[t] <= n steps. Two neighbours that
    end together differ by one reward:   r_t = R_t - gamma R_t+1
    two whole windows by two:            r_t = R_t - gamma R_t+1 + gamma^n r_t+n
    so each needs those after it, up to the end of the episode: in an episode that goes on none is known.

    The sums were stored as float32, so what they are solved for is known to some digits only: -0.999997 where the
    environment gave -1. Each is rounded to the shortest number that those sums cannot tell from it.
    """
    sums, spans = reward.tolist(), span.tolist()
    single, doubt = [math.nan] * len(sums), [0.0] * len(sums)
    for t in range(len(sums) - 1, -1, -1):
        after = t + n < len(sums)
        if spans[t] == 1:
            single[t], doubt[t] = sums[t], abs(sums[t]) * _ROUNDING
        elif t + 1 < len(sums):
            single[t] = sums[t] - gamma * sums[t + 1]
            doubt[t] = (abs(sums[t]) + gamma * abs(sums[t + 1])) * _ROUNDING
            if spans[t] == spans[t + 1]:
                single[t] += gamma**n * single[t + n] if after else math.nan
                doubt[t] += gamma**n * doubt[t + n] if after else 0.0
    return np.array([_shortest(*each) for each in zip(single, doubt, strict=True)])


def _shortest(value: float, doubt: float) -> float:
    """The number of the fewest digits that is no further from a value than `doubt`."""
    if math.isnan(value):
        return value
    if abs(value) <= doubt:
        return 0.0
    shorter = (float(f"{value:.{digits}e}") for digits in range(16))
    return next((each for each in shorter if abs(each - value) <= doubt), value)


class _Held:
    """What a replay holds, looked up by the links between frames. Both are told by their slots; -1 is none."""

    def __init__(self, replay: Replay, gamma: float, reward_scale: float):
        self._replay = replay
        self._layout = replay.layout
        self._gamma = gamma
        self._scale = reward_scale
        names = ("before", "start", "reward", "discount", "end")
        self._before, self._start, self._reward, self._discount, self._end = (
            getattr(replay.tensors, name).cpu().numpy() for name in names
        )
        self._after = self._frames_after()
        oldest = replay.added - len(replay)
        held = np.arange(oldest, replay.added) % self._layout.capacity
        starts = np.full(self._layout.num_frames + 1, -1)  # frame -> the transition that starts from it
        starts[self._start[held]] = held
        self._next = np.full(self._layout.capacity + 1, -1)  # transition -> the one that starts a step later
        self._next[held] = starts[self._after[self._start[held]]]
        # With gamma = 0 a discount says nothing.
        self._tells = np.float32(gamma**self._layout.n) > 0

    def _frames_after(self) -> np.ndarray:
        """[F + 1] the frame that followed each one in its episode."""
        slots, before = np.arange(self._layout.num_frames), self._before
        newest = self._replay.frames.added - 1
        age = (newest - slots) % self._layout.num_frames
        linked = (age <= newest) & (age[before] > age)  # else the frame before is itself, or was overwritten
        after = np.full(len(slots) + 1, -1)
        after[before[linked]] = slots[linked]
        return after

    def span(self, slots: np.ndarray) -> np.ndarray:
        """[R] env steps."""
        frame = self._end[slots]
        start = self._start[slots]
        steps = np.zeros(len(slots), np.int64)
        while (on_the_way := frame != start).any():
            steps += on_the_way
            frame = np.where(on_the_way, self._before[frame], frame)
        return steps

    def end(self, slots: np.ndarray) -> np.ndarray:
        """[R] uint8, each an `End`."""
        end = self._end[slots]
        goes_on, is_newest = self._after[end] >= 0, np.isin(end, self._replay.newest_frames)
        over = ~goes_on & (~is_newest | (self.span(slots) < self._layout.n))
        ended = np.where(self._tells, End.TRUNCATED, End.UNKNOWN)
        code = np.where(over, ended, np.where(goes_on, End.GOES_ON, End.UNKNOWN))
        return np.where((self._discount[slots] == 0) & self._tells, End.TERMINATED, code).astype(np.uint8)

    def chain(self, slots: np.ndarray, depth: int) -> dict[str, Tensor]:
        """The single steps from where the transitions in `slots` [R] start."""
        rows = len(slots)
        length, end = np.zeros(rows, np.uint8), np.zeros(rows, np.uint8)
        reward = np.zeros((rows, depth), np.float32)
        paths = self._successors(slots, depth if self._layout.n == 1 else LONGEST)
        for row, path in enumerate(paths):
            path = path[path >= 0]
            sums = self._reward[path].astype(np.float64) * self._scale
            single = unfold(sums, self.span(path), self._layout.n, self._gamma)[:depth]
            known = int(np.isfinite(single).cumprod().sum())
            length[row], reward[row, :known] = known, single[:known]
            if known and self.span(path[known - 1 : known])[0] == 1:
                end[row] = self.end(path[known - 1 : known])[0]
        seen = torch.from_numpy(self._frames(slots, length, depth).ravel()).to(self._replay.tensors.frames.device)
        obs = observe(self._replay.tensors, self._layout, seen).reshape(rows, depth, *self._layout.obs.shape)
        return {
            "chain/length": torch.from_numpy(length),
            "chain/reward": torch.from_numpy(reward),
            "chain/end": torch.from_numpy(end),
            "chain/obs": obs,
        }

    def _successors(self, slots: np.ndarray, most: int) -> np.ndarray:
        """[R, at most `most`] those in `slots` [R], those that start a step later, and so on within the episode."""
        columns = [slots]
        while len(columns) < most and (columns[-1] >= 0).any():
            columns.append(self._next[columns[-1]])
        return np.stack(columns, 1)

    def _frames(self, slots: np.ndarray, length: np.ndarray, depth: int) -> np.ndarray:
        """[R, D] the frames that the first `length` [R] steps from the start led to, then the last of them again."""
        frame, columns = self._after[self._start[slots]], []
        for step in range(depth):
            frame = np.where((step > 0) & (step < length), self._after[frame], frame)
            columns.append(frame)
        return np.stack(columns, 1) if columns else np.zeros((len(slots), 0), np.int64)
