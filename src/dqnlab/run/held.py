"""What a memory holds, looked up by the links between frames: how long, and how, each transition went on."""

import math
from enum import IntEnum
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..learn.layout import Columns, Layout
from ..learn.replay import Replay, observe

LONGEST = 2_000  # steps looked ahead for single rewards, which takes some 0.2 ms each row
_ROUNDING = 2.0**-23  # what storing a number as float32 may change of it, with room for the float64 sum behind it


class End(IntEnum):
    """What became of an episode where a transition ends."""

    GOES_ON = 0
    TERMINATED = 1
    TRUNCATED = 2
    UNKNOWN = 3  # nothing later had been stored


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


class Links(NamedTuple):
    """How frames and transitions of a memory follow each other. Both are told by their slots; -1 is none."""

    after: np.ndarray  # [F + 1] the frame that followed each one in its episode
    held: np.ndarray  # [M] the transitions that are held
    newest_frames: np.ndarray  # those that nothing has followed yet
    paid: np.ndarray | None = None  # [F] the reward with which each frame came, NaN if not known; none if none is


def links_of(replay: Replay) -> Links:
    """Those of what a replay holds, which overwrites its oldest frames."""
    num, before = replay.layout.num_frames, replay.tensors.before.cpu().numpy()
    slots, newest = np.arange(num), replay.frames.added - 1
    age = (newest - slots) % num
    linked = (age <= newest) & (age[before] > age)  # else the frame before is itself, or was overwritten
    oldest = replay.added - len(replay)
    held = np.arange(oldest, replay.added) % replay.layout.capacity
    return Links(_inverse(before, linked), held, replay.newest_frames, replay.paid)


def recorded_links(columns: Columns) -> Links:
    """Those of recorded episodes, which are whole."""
    before = columns.before.cpu().numpy()
    linked = before != np.arange(len(before))
    return Links(_inverse(before, linked), np.arange(len(columns.action)), np.zeros(0, np.int64))


def _inverse(before: np.ndarray, linked: np.ndarray) -> np.ndarray:
    after = np.full(len(before) + 1, -1)
    after[before[linked]] = np.flatnonzero(linked)
    return after


def one_behind_the_other(own: Links, recorded: Links, frames: int, transitions: int) -> Links:
    """The links of one memory behind another, which has so many slots for frames and for transitions."""
    moved = np.where(recorded.after >= 0, recorded.after + frames, -1)
    held = np.concatenate([own.held, recorded.held + transitions])
    paid = None if own.paid is None else np.concatenate([own.paid, np.full(len(recorded.after) - 1, np.nan)])
    return Links(np.concatenate([own.after[:-1], moved]), held, own.newest_frames, paid)


class Held:
    """What a memory's columns hold. `gamma` tells whether a discount says anything: with 0 it does not."""

    def __init__(self, columns: Columns, layout: Layout, links: Links, gamma: float, reward_scale: float):
        self._columns = columns
        self._layout = layout
        self._gamma = gamma
        self._scale = reward_scale
        names = ("before", "start", "reward", "discount", "end")
        self._before, self._start, self._reward, self._discount, self._end = (
            getattr(columns, name).cpu().numpy() for name in names
        )
        self._after, held = links.after, links.held
        self._newest_frames = links.newest_frames
        self._paid = links.paid
        starts = np.full(len(self._before) + 1, -1)  # frame -> the transition that starts from it
        starts[self._start[held]] = held
        self._next = np.full(len(self._start) + 1, -1)  # transition -> the one that starts a step later
        self._next[held] = starts[self._after[self._start[held]]]
        self._tells = np.float32(gamma**layout.n) > 0

    @property
    def n(self) -> int:
        """Most steps that a transition spans."""
        return self._layout.n

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
        goes_on, is_newest = self._after[end] >= 0, np.isin(end, self._newest_frames)
        over = ~goes_on & (~is_newest | (self.span(slots) < self._layout.n))
        ended = np.where(self._tells, End.TRUNCATED, End.UNKNOWN)
        code = np.where(over, ended, np.where(goes_on, End.GOES_ON, End.UNKNOWN))
        return np.where((self._discount[slots] == 0) & self._tells, End.TERMINATED, code).astype(np.uint8)

    def chain(self, slots: np.ndarray, depth: int) -> dict[str, Tensor]:
        """The single steps from where the transitions in `slots` [R] start."""
        rows = len(slots)
        end = np.zeros(rows, np.uint8)
        length, reward, paths = self._singles(slots, depth)
        for row, path in enumerate(paths):
            known = int(length[row])
            last = path[max(known - 1, 0) : known]  # nothing where none is known, or that transition is not whole yet
            if len(last) and self.span(last)[0] == 1:
                end[row] = self.end(last)[0]
        seen = torch.from_numpy(self._frames(slots, length, depth).ravel()).to(self._columns.frames.device)
        obs = observe(self._columns, self._layout, seen).reshape(rows, depth, *self._layout.obs.shape)
        return {
            "chain/length": torch.from_numpy(length),
            "chain/reward": torch.from_numpy(reward),
            "chain/end": torch.from_numpy(end),
            "chain/obs": obs,
        }

    def singles(self, slots: np.ndarray, most: int) -> dict[str, Tensor]:
        """The first rewards, at most `most`, from where the transitions in `slots` [R] start."""
        length, reward, _ = self._singles(slots, most)
        return {"single/length": torch.from_numpy(length), "single/reward": torch.from_numpy(reward)}

    def _singles(self, slots: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
        """How many single rewards are known [R], they themselves [R, most], and the transitions that start with each.

        Those that came with the frames; where these are not known, what the sums over n steps are solved for.
        """
        length, reward = np.zeros(len(slots), np.uint8), np.zeros((len(slots), most), np.float32)
        came = self._came(slots, most)
        paths = [path[path >= 0] for path in self._successors(slots, most if self._layout.n == 1 else LONGEST)]
        for row, path in enumerate(paths):
            single = came[row]
            if not np.isfinite(single[:1]).all():
                sums = self._reward[path].astype(np.float64) * self._scale
                single = unfold(sums, self.span(path), self._layout.n, self._gamma)[:most]
            known = int(np.isfinite(single).cumprod().sum())
            length[row], reward[row, :known] = known, single[:known]
        return length, reward, paths

    def _came(self, slots: np.ndarray, most: int) -> np.ndarray:
        """[R, most] the rewards that came with the frames from the start on, NaN where none did or it is not known."""
        found = np.full((len(slots), most), np.nan, np.float32)
        frame = self._start[slots]
        if self._paid is None:
            return found
        for step in range(most):
            frame = self._after[frame]
            found[:, step] = np.where(frame >= 0, self._paid[frame], np.nan)
        return found

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
