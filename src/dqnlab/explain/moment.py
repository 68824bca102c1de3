"""The recorded moment of a run, checked and brought back to life: its batch, and a learner as it stood then."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from ..build import make_learner
from ..config import Config
from ..config.fields import leaves
from ..envs.make import EnvSpec
from ..errors import CheckpointError, counted
from ..learn.learner import Learner
from ..learn.types import NOTHING, Batch, Draws, Observations, Sequences
from ..learn.weights import import_weights
from ..run.held import End
from ..run.moment import DEPTHS, MOST_RETURNS, MOST_SINGLES
from ..store.folder import BATCH

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Chain:
    """The single env steps from each row's start on; only the first `length` of them mean anything."""

    length: np.ndarray  # [R]
    reward: np.ndarray  # [R, D]
    end: np.ndarray  # [R] how the last known step ends, a `run.held.End`
    obs: Tensor  # [R, D, *obs_shape] what each step led to


@dataclass(frozen=True)
class Singles:
    """The first rewards from each row's start on, one by one; only the first `length` of them mean anything."""

    length: np.ndarray  # [R]
    reward: np.ndarray  # [R, N]


@dataclass(frozen=True)
class Windows:
    """The S sequences that the rows of a batch are in, one after another: U rows of each. W moments."""

    frames: Tensor  # [S, W, *obs_shape]
    first: np.ndarray  # [S, W] which of them begin an episode
    state: np.ndarray  # [S, N] what the actor remembered before the first
    start: np.ndarray  # [S, U] the moment that a row starts from
    end: np.ndarray  # [S, U] and the one to bootstrap from
    counts: np.ndarray  # [S, U] 1, or 0 of a row that only stands in


@dataclass(frozen=True)
class Returns:
    """The lambda-returns from each row on, in the environment's units; the first `length` of them mean something."""

    length: np.ndarray  # [R]
    reward: np.ndarray  # [R, D]
    discount: np.ndarray  # [R, D]
    value: np.ndarray  # [R, D] of the best action where each step led to
    g: np.ndarray  # [R, D]
    end: np.ndarray  # [R] how the last of them ends, a `run.held.End`
    more: np.ndarray  # [R] whether the rollout goes on behind it


@dataclass(frozen=True)
class Moment:
    """What `run.moment` recorded. R rows, D steps."""

    learner: Learner  # before the update
    batch: Batch  # its rewards divided as the learner's were
    slots: np.ndarray  # [R] where the rows lie in the memory, or [S] their sequences
    span: np.ndarray  # [R] env steps
    end: np.ndarray  # [R] how they end, each a `run.held.End`
    chain: Chain | None  # of replays and recordings
    singles: Singles | None  # of replays and recordings whose chain holds fewer than n; unknown to earlier versions
    windows: Windows | None  # of sequences
    returns: Returns | None  # of rollouts
    step: int  # env steps so far
    size: int  # transitions that the memory holds
    epsilon: float


def read_moment(arrays: Arrays, config: Config, spec: EnvSpec) -> Moment | None:
    """The moment; none where nothing was recorded, or only what an earlier dqnlab did.

    Raises:
        CheckpointError: the arrays are not those of such a run.
    """
    if not arrays or ("updates" in arrays and "slots" not in arrays):
        return None
    try:
        _check_shapes(arrays, config, spec)
        _check_values(arrays, config, spec)
        learner = _revive(arrays, config, spec)
    except (KeyError, RuntimeError, ValueError, IndexError) as e:
        raise CheckpointError(f"{BATCH} is damaged, or from another run: {e}") from e
    number = {name: array.item() for name, array in arrays.items() if array.ndim == 0}
    return Moment(
        learner=learner,
        batch=_batch(arrays, learner.online.reward_scale),
        slots=arrays["slots"],
        span=arrays["span"],
        end=arrays["end"],
        chain=_chain(arrays),
        singles=_part(Singles, arrays, "single"),
        windows=_windows(arrays),
        returns=_part(Returns, arrays, "returns"),
        step=number["step"],
        size=number["size"],
        epsilon=number["epsilon"],
    )


Part = TypeVar("Part", Returns, Singles)


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.array(array))


def _batch(arrays: Arrays, scale: float) -> Batch:
    draws = Draws(**{name: _tensor(arrays[f"draws/{name}"]) for name in Draws._fields if f"draws/{name}" in arrays})
    columns = {name: _tensor(arrays[f"batch/{name}"]) for name in _COLUMNS}
    columns["reward"] = columns["reward"] / scale
    shown = _tensor(arrays["batch/demonstrated"]) if "batch/demonstrated" in arrays else NOTHING
    obs: list[Observations]
    if "sequences/frames" in arrays:
        frames, first, state, start, end = (
            _tensor(arrays[f"sequences/{name}"]) for name in ("frames", "first", "state", "start", "end")
        )
        obs = [Sequences(frames, first, state, at) for at in (start, end)]
    else:
        obs = [_tensor(arrays[f"batch/{name}"]) for name in ("obs", "next_obs")]
    return Batch(obs=obs[0], next_obs=obs[1], draws=draws, demonstrated=shown, **columns)


def _chain(arrays: Arrays) -> Chain | None:
    if "chain/obs" not in arrays:
        return None
    known = {name: arrays[f"chain/{name}"] for name in ("length", "reward", "end")}
    return Chain(obs=_tensor(arrays["chain/obs"]), **known)


def _windows(arrays: Arrays) -> Windows | None:
    if "sequences/frames" not in arrays:
        return None
    names = ("first", "state", "start", "end", "counts")
    return Windows(_tensor(arrays["sequences/frames"]), *(arrays[f"sequences/{name}"] for name in names))


def _part(kind: type[Part], arrays: Arrays, name: str) -> Part | None:
    if f"{name}/length" not in arrays:
        return None
    return kind(**{each.name: arrays[f"{name}/{each.name}"] for each in fields(kind)})


_COLUMNS = ("action", "reward", "discount", "weight")  # of every memory
_COUNTS = ("updates", "size", "step", "optimizer/steps")

Layout = dict[str, tuple[Any, tuple[int, ...]]]
"""Type and shape of each array"""


def _layout(arrays: Arrays, config: Config, spec: EnvSpec) -> Layout:
    """Type and shape of everything but the weights."""
    rows = arrays["batch/action"].shape[0]
    if not 1 <= rows <= config.batch_size:
        raise ValueError(f"it has {counted(rows, 'row')}, and batch_size is {config.batch_size}")
    f32 = np.float32
    i64 = np.int64
    with torch.device("meta"):  # where tensors have shapes and take no memory
        learner = make_learner(config, spec, torch.device("meta"))
    parameters, draws = learner.state.online.shape, learner.online.num_draws(rows)
    wanted: Layout = {
        **dict.fromkeys(("batch/reward", "batch/discount", "batch/weight"), (f32, (rows,))),
        **dict.fromkeys(("batch/action", "slots", "span"), (i64, (rows,))),
        "end": (np.uint8, (rows,)),
        **{f"draws/{name}": (f32, (draws,)) for name in Draws._fields if draws},
        **{f"optimizer/{i}": (f32, tuple(parameters)) for i in range(len(learner.state.memory))},
        **dict.fromkeys(_COUNTS, (i64, ())),
        "epsilon": (np.float64, ()),
    }
    named = dict(leaves(config))
    if "experience.source" in named:
        wanted["batch/demonstrated"] = (f32, (rows,))
    if config.remembers:
        memory = learner.online.torso.state_size
        return wanted | _of_sequences(rows, named["torso.burn_in"], named["torso.unroll"], memory, config, spec)
    wanted |= dict.fromkeys(("batch/obs", "batch/next_obs"), (spec.obs.dtype, (rows, *spec.obs.shape)))
    return wanted | (
        _of_rollout(arrays, rows) if "memory.td_lambda" in named else _of_replay(arrays, rows, config.n, spec)
    )


def _of_replay(arrays: Arrays, rows: int, n: int, spec: EnvSpec) -> Layout:
    depth = arrays["chain/reward"].shape[1]
    if depth not in DEPTHS:
        raise ValueError(f"it has {counted(depth, 'step')} after each row")
    single = {"single/length": (np.uint8, (rows,)), "single/reward": (np.float32, (rows, min(n, MOST_SINGLES)))}
    return {
        **(single if "single/length" in arrays else {}),
        **dict.fromkeys(("chain/length", "chain/end"), (np.uint8, (rows,))),
        "chain/reward": (np.float32, (rows, depth)),
        "chain/obs": (spec.obs.dtype, (rows, depth, *spec.obs.shape)),
    }


def _of_rollout(arrays: Arrays, rows: int) -> Layout:
    depth = arrays["returns/g"].shape[1]
    if not 1 <= depth <= MOST_RETURNS:
        raise ValueError(f"it has {counted(depth, 'return')} of each row")
    return {
        "returns/length": (np.int64, (rows,)),
        **dict.fromkeys(("returns/end", "returns/more"), (np.uint8, (rows,))),
        **{f"returns/{name}": (np.float32, (rows, depth)) for name in ("reward", "discount", "value", "g")},
    }


def _of_sequences(rows: int, burn_in: int, unroll: int, memory: int, config: Config, spec: EnvSpec) -> Layout:
    if rows % unroll:
        raise ValueError(f"it has {counted(rows, 'row')}, in sequences of {unroll}")
    num, length = rows // unroll, burn_in + unroll + config.n
    each = {
        "frames": (spec.obs.dtype, (length, *spec.obs.shape)),
        "first": (np.bool_, (length,)),
        "state": (np.float32, (memory,)),
    }
    return {
        "slots": (np.int64, (num,)),
        **{f"sequences/{name}": (dtype, (num, *shape)) for name, (dtype, shape) in each.items()},
        **dict.fromkeys(("sequences/start", "sequences/end"), (np.int64, (num, unroll))),
        "sequences/counts": (np.float32, (num, unroll)),
    }


def _check_shapes(arrays: Arrays, config: Config, spec: EnvSpec) -> None:
    wanted = _layout(arrays, config, spec)
    weights = {name for name in arrays if name.startswith(("online/", "target/"))}
    unread = {name for name in arrays if name.startswith("newest/")}  # of a transition that earlier versions recorded
    if wrong := wanted.keys() ^ (arrays.keys() - weights - unread):
        raise ValueError(f"missing or unknown: {', '.join(sorted(wrong))[:100]}")
    for name, (dtype, shape) in {**wanted, **{name: (np.float32, arrays[name].shape) for name in weights}}.items():
        found = arrays[name]
        if found.dtype != dtype or found.shape != shape:
            raise ValueError(f"{name[:60]} is {found.dtype} {found.shape}, not {np.dtype(dtype)} {shape}")


def _check_values(arrays: Arrays, config: Config, spec: EnvSpec) -> None:
    def some(*names: str) -> list[np.ndarray]:
        return [arrays[name] for name in names if name in arrays]

    obs = some("batch/obs", "batch/next_obs", "chain/obs", "sequences/frames")
    counts = some(*_COUNTS, "slots")
    lengths, ends = some("chain/length"), some("end", "chain/end", "returns/end")
    sound = {
        "a number that is not finite": all(np.isfinite(each).all() for each in arrays.values()),
        "a negative count": all((each >= 0).all() for each in counts),
        "an action that does not exist": _all_within(some("batch/action"), 0, spec.num_actions - 1),
        "an impossible span": _all_within(some("span"), 1, config.n),
        "an impossible end": _all_within(ends, 0, max(End)),
        "an impossible length": all(_within(each, 0, arrays["chain/reward"].shape[1]) for each in lengths)
        and all(_within(each, 0, arrays["single/reward"].shape[1]) for each in some("single/length"))
        and all(_within(each, 1, arrays["returns/g"].shape[1]) for each in some("returns/length")),
        "a discount beyond [0, 1]": _all_within(some("batch/discount", "returns/discount"), 0, 1),
        "an epsilon beyond [0, 1]": _within(arrays["epsilon"], 0, 1),
        "a row outside of its sequence": all(
            _within(each, 0, arrays["sequences/first"].shape[1] - 1)
            for each in some("sequences/start", "sequences/end")
        ),
        "a mark that is neither 0 nor 1": all(
            np.isin(each, (0, 1)).all() for each in some("sequences/counts", "batch/demonstrated", "returns/more")
        ),
    }
    if spec.obs.num_states is not None:
        sound["a state that does not exist"] = _all_within(obs, 0, spec.obs.num_states - 1)
    wrong = next((what for what, ok in sound.items() if not ok), None)
    if wrong is not None:
        raise ValueError(f"it holds {wrong}")


def _all_within(arrays: list[np.ndarray], low: float, high: float) -> bool:
    return all(_within(each, low, high) for each in arrays)


def _within(array: np.ndarray, low: float, high: float) -> bool:
    return bool(((array >= low) & (array <= high)).all())


def _revive(arrays: Arrays, config: Config, spec: EnvSpec) -> Learner:
    """The learner as it stood, made by the same hands as in training."""
    learner = make_learner(config, spec, torch.device("cpu"))
    online, target = learner.online, learner.target
    for name, network in (("online", online), ("target", target)):
        import_weights(network, _weights(arrays, name))
    places = range(len(learner.optimizer.memory))
    memory = [_tensor(arrays[f"optimizer/{i}"]) for i in places]
    learner.optimizer.load_state_dict({"steps": int(arrays["optimizer/steps"]), "memory": memory})
    learner.updates = int(arrays["updates"])
    return learner


def _weights(arrays: Arrays, network: str) -> dict[str, Tensor]:
    named = {name.partition("/"): array for name, array in arrays.items()}
    return {name: _tensor(array) for (part, _, name), array in named.items() if part == network}
