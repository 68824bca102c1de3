"""One moment of learning, as it is recorded to be explained later: a batch, where it came from, what followed it.

Everything is drawn by a generator of the recorder's own and read, never written: the run does not notice.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..learn.demonstrations import Demonstrated, OfflineMemory
from ..learn.learner import Learner
from ..learn.memory import Memory
from ..learn.replay import Replay
from ..learn.rollouts import Rollout
from ..learn.sequences import Rows, SequenceReplay
from ..learn.types import Draws, ObsSpec, Sample
from ..learn.weights import export_weights
from .held import End, Held, links_of, one_behind_the_other, recorded_links

MOST_BYTES = 200_000  # of observations, however large one is
DEPTHS = (10, 5, 3, 1, 0)  # how many of the steps after a row's start may be kept
MOST_SINGLES = 20  # rewards of a sum over n steps that are kept one by one
MOST_RETURNS = 20  # steps after a row's start whose lambda-returns are kept
REWARDS = ("batch/reward", "returns/reward", "returns/value", "returns/g")  # what counts as rewards do

Arrays = dict[str, Tensor]


class Room(NamedTuple):
    """How much of a batch is kept."""

    rows: int  # of the batch
    depth: int  # steps after each row's start


def room(batch_size: int, obs_bytes: int) -> Room:
    """As many rows as the batch has, and up to ten steps after each, within MOST_BYTES; 0 rows if not even one fits."""
    most = MOST_BYTES // max(obs_bytes, 1)
    rows = min(batch_size, max(16, most // (2 + DEPTHS[0])))
    depth = next((depth for depth in DEPTHS if rows * (2 + depth) <= most), 0)
    return Room(max(min(rows, most // (2 + depth)), 0), depth)


def sequence_room(num: int, length: int, obs_bytes: int) -> int:
    """As many of `num` sequences of `length` observations as fit into MOST_BYTES; 0 if none."""
    return min(num, MOST_BYTES // max(length * obs_bytes, 1))


class Circumstances(NamedTuple):
    """What a recorder goes by."""

    gamma: float
    scale: float  # what rewards were divided by
    rng: np.random.Generator


def record_moment(learner: Learner, memory: Memory, gamma: float, rng: np.random.Generator) -> Arrays:
    """The moment as named tensors on the CPU; empty if observations are too large to be kept.

    Empty too if nobody here knows the memory: it need not keep what it has handed out, nor what followed it.
    `gamma` finds the single rewards in the sums over n steps.

    batch/*            [R] rows drawn as the learner draws, at most a batch
    slots, span, end   [R] where they lie in the memory, how many steps they span, how they end (`End`)
    draws/*            [W] the random numbers of the three passes, where networks need any
    online/*, target/* weights; optimizer/* [P] what the optimiser remembers, by number, and its steps
    updates, size      so far, and how many transitions the memory holds

    Of replays and recorded episodes:
    chain/*            [R, D] the single env steps from each row's start on: `length` [R] of them are known,
                       `reward` and `obs` (the one each step led to) hold them, `end` [R] says how the last one ends
    single/*           [R, N] the first rewards from each row's start on, where the chain holds fewer than n
    Of rollouts:
    returns/*          [R, D] the lambda-returns `g` from each row on, by the online network of this moment, and what
                       they are made of; `length` [R] of them are listed, `more` [R] says whether steps follow
    Of sequences, whose rows B are theirs one after another:
    sequences/*        [S, ..] what `learn.sequences.Rows` holds of them; `slots` [S]

    Rewards and weights are in the environment's own units; what the optimiser remembers is the learner's, whose rewards
    were divided by `reward_scale`.
    """
    record = RECORDERS.get(type(memory))
    given = Circumstances(gamma, learner.online.reward_scale, rng)
    found = None if record is None else record(memory, given)
    if not found:
        return {}
    rows, online = len(found["batch/action"]), learner.online
    found |= {
        **{f"online/{name}": w for name, w in export_weights(learner.online).items()},
        **{f"target/{name}": w for name, w in export_weights(learner.target).items()},
        **{f"optimizer/{i}": vector for i, vector in enumerate(learner.optimizer.memory)},
        "optimizer/steps": torch.tensor(learner.optimizer.steps),
        "updates": torch.tensor(learner.updates),
    }
    if online.num_draws(rows):
        found |= {f"draws/{name}": online.draw(rows, rng) for name in Draws._fields}
    found |= {name: found[name] * given.scale for name in REWARDS if name in found}
    return {name: column.detach().cpu().clone() for name, column in found.items()}


# ── Each kind of memory ──────────────────────────────────────────────────────────────────────────


def _of_replay(replay: Replay, given: Circumstances) -> Arrays:
    rows, depth = _room(replay.batch_size, replay.layout.obs)
    if rows == 0:
        return {}
    held = Held(replay.tensors, replay.layout, links_of(replay), given.gamma, given.scale)
    found = _drawn(replay, replay.sample(rows, given.rng), held, depth)
    return found | {"size": torch.tensor(len(replay))}


def _of_demonstrations(memory: Demonstrated, given: Circumstances) -> Arrays:
    own = memory.own
    rows, depth = _room(memory.batch_size, own.layout.obs)
    if rows == 0:
        return {}
    links = one_behind_the_other(links_of(own), recorded_links(memory.recorded), *own_sizes(own))
    held = Held(memory.tensors, own.layout, links, given.gamma, given.scale)
    found = _drawn(memory, memory.sample(rows, given.rng), held, depth)
    return found | {"size": torch.tensor(len(own))}


def own_sizes(own: Replay) -> tuple[int, int]:
    """Slots for frames, and for transitions."""
    return len(own.tensors.before), len(own.tensors.action)


def _of_recordings(memory: OfflineMemory, given: Circumstances) -> Arrays:
    rows, depth = _room(memory.batch_size, memory.layout.obs)
    if rows == 0:
        return {}
    held = Held(memory.tensors, memory.layout, recorded_links(memory.tensors), given.gamma, given.scale)
    size = torch.tensor(len(memory.tensors.action))
    return _drawn(memory, memory.sample(rows, given.rng), held, depth) | {"size": size}


def _of_rollout(rollout: Rollout, given: Circumstances) -> Arrays:
    """The lambda-returns are those that the network of this moment begins to learn from, were the rollout whole now."""
    replay = rollout.replay
    rows, _ = _room(rollout.batch_size, replay.layout.obs)
    made = rollout.recursion()
    if rows == 0 or not len(made.slots):
        return {}
    held = Held(replay.tensors, replay.layout, links_of(replay), given.gamma, given.scale)
    chosen = given.rng.permutation(len(made.slots))[:rows]
    slots = made.slots[chosen]
    batch = replay.batch(Sample(slots, np.ones(len(slots), np.float32)))
    paths = [chosen]
    while len(paths) < MOST_RETURNS and (paths[-1] >= 0).any():
        paths.append(np.append(made.following, -1)[paths[-1]])
    path = np.stack([each for each in paths if (each >= 0).any()], 1)  # [R, D]; -1 is none
    last = path[np.arange(len(path)), (path >= 0).sum(1) - 1]
    listed = {"reward": made.reward, "discount": made.discount, "value": made.value, "g": made.returns}
    columns = {name: np.where(path >= 0, column[path], 0).astype(np.float32) for name, column in listed.items()}
    return {
        **{f"batch/{name}": column for name, column in batch.columns().items()},
        "batch/reward": torch.from_numpy(made.returns[chosen].astype(np.float32)),
        "batch/discount": torch.zeros(len(chosen)),
        "slots": torch.from_numpy(slots),
        "span": torch.ones(len(chosen), dtype=torch.int64),
        "end": torch.from_numpy(held.end(slots)),
        **{f"returns/{name}": torch.from_numpy(column) for name, column in columns.items()},
        "returns/length": torch.from_numpy((path >= 0).sum(1)),
        "returns/end": torch.from_numpy(held.end(made.slots[last])),
        "returns/more": torch.from_numpy((made.following[last] >= 0).astype(np.uint8)),
        "size": torch.tensor(len(made.slots)),
    }


def _of_sequences(memory: SequenceReplay, given: Circumstances) -> Arrays:
    layout = memory.layout
    num = sequence_room(memory.batch_size, layout.length, _bytes(layout.obs))
    if num == 0:
        return {}
    sample = memory.sample(num, given.rng)
    batch, rows = memory.batch(sample), memory.at(sample.slots)
    columns = {name: column for name, column in batch.columns().items() if name not in ("obs", "next_obs")}
    span = rows.end - rows.start
    end = _ends(rows, span, layout.n)
    return {
        **{f"batch/{name}": column for name, column in columns.items()},
        **{f"sequences/{name}": getattr(rows, name) for name in SEQUENCES},
        "slots": torch.from_numpy(sample.slots),
        "span": span.flatten(),
        "end": end.flatten() if given.gamma > 0 else torch.full_like(end.flatten(), End.UNKNOWN),
        "size": torch.tensor(memory.facts().size),
    }


def _ends(rows: Rows, span: Tensor, n: int) -> Tensor:
    """[S, U] uint8, each an `End`; what comes after the last moment of a sequence is not known."""
    first, end = rows.first, rows.end
    after = torch.cat([first, torch.zeros_like(first[:, :1])], 1).gather(1, end + 1)
    code = torch.where(end + 1 < first.shape[1], int(End.GOES_ON), int(End.UNKNOWN))
    cut = after | (span < n)  # a span is shorter only where the episode ended
    code = torch.where(cut, int(End.TRUNCATED), code)
    return torch.where(rows.discount == 0, int(End.TERMINATED), code).to(torch.uint8)


SEQUENCES = ("frames", "first", "state", "start", "end", "counts")
RECORDERS: Mapping[type, Callable[[Any, Circumstances], Arrays]] = {
    Replay: _of_replay,
    Demonstrated: _of_demonstrations,
    OfflineMemory: _of_recordings,
    Rollout: _of_rollout,
    SequenceReplay: _of_sequences,
}


# ── What they share ──────────────────────────────────────────────────────────────────────────────


def _room(batch_size: int, obs: ObsSpec) -> Room:
    return room(batch_size, _bytes(obs))


def _bytes(obs: ObsSpec) -> int:
    return math.prod(obs.shape) * obs.dtype.itemsize


def _drawn(memory: Replay | Demonstrated | OfflineMemory, sample: Sample, held: Held, depth: int) -> Arrays:
    """A batch, and what became of it."""
    return {
        **{f"batch/{name}": column for name, column in memory.batch(sample).columns().items()},
        "slots": torch.from_numpy(sample.slots),
        "span": torch.from_numpy(held.span(sample.slots)),
        "end": torch.from_numpy(held.end(sample.slots)),
        **held.chain(sample.slots, depth),
        **(held.singles(sample.slots, most) if depth < (most := min(held.n, MOST_SINGLES)) else {}),
    }
