"""The recorded moment of a run, checked and brought back to life: its batch, and a learner as it stood then."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..build import make_learner
from ..config import Config
from ..envs.make import EnvSpec
from ..errors import CheckpointError, counted
from ..learn.learner import Learner
from ..learn.types import Batch, Draws
from ..learn.weights import import_weights
from ..run.moment import DEPTHS, End
from ..store.folder import BATCH

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Chain:
    """The single env steps from each row's start on; only the first `length` of them mean anything."""

    length: np.ndarray  # [R]
    reward: np.ndarray  # [R, D]
    end: np.ndarray  # [R] how the last known step ends, a `run.moment.End`
    obs: Tensor  # [R, D, *obs_shape] what each step led to


@dataclass(frozen=True)
class Newest:
    """The transition stored last."""

    slot: int
    obs: Tensor  # [*obs_shape]
    action: int
    reward: float
    discount: float
    span: int  # env steps


@dataclass(frozen=True)
class Moment:
    """What `run.moment` recorded. R rows, D steps."""

    learner: Learner  # before the update
    batch: Batch  # its rewards divided as the learner's were
    slots: np.ndarray  # [R] where the rows lie in the replay
    span: np.ndarray  # [R] env steps
    end: np.ndarray  # [R] how they end, each a `run.moment.End`
    chain: Chain
    newest: Newest
    step: int  # env steps so far
    size: int  # transitions that the replay holds
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
    part = {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}
    part["batch/reward"] = part["batch/reward"] / learner.online.reward_scale
    number = {name: array.item() for name, array in arrays.items() if array.ndim == 0}
    draws = Draws(**{name: part[f"draws/{name}"] for name in Draws._fields if f"draws/{name}" in part})
    return Moment(
        learner=learner,
        batch=Batch(**{name: part[f"batch/{name}"] for name in _COLUMNS}, draws=draws),
        slots=arrays["slots"],
        span=arrays["span"],
        end=arrays["end"],
        chain=Chain(arrays["chain/length"], arrays["chain/reward"], arrays["chain/end"], part["chain/obs"]),
        newest=Newest(obs=part["newest/obs"], **{n: number[f"newest/{n}"] for n in _NEWEST}),
        step=number["step"],
        size=number["size"],
        epsilon=number["epsilon"],
    )


_COLUMNS = tuple(name for name in Batch._fields if name not in ("draws", "demonstrated"))  # of a replay
_NEWEST = ("slot", "action", "reward", "discount", "span")
_COUNTS = ("updates", "size", "step", "optimizer/steps", "newest/slot", "newest/action", "newest/span")


def _layout(arrays: Arrays, config: Config, spec: EnvSpec) -> dict[str, tuple[Any, tuple[int, ...]]]:
    """Type and shape of everything but the weights."""
    rows, depth = arrays["batch/action"].shape[0], arrays["chain/reward"].shape[1]
    if not 1 <= rows <= config.batch_size:
        raise ValueError(f"it has {counted(rows, 'row')}, and batch_size is {config.batch_size}")
    if depth not in DEPTHS:
        raise ValueError(f"it has {counted(depth, 'step')} after each row")
    seen = spec.obs.shape
    obs = spec.obs.dtype
    f32 = np.float32
    i64 = np.int64
    with torch.device("meta"):  # where tensors have shapes and take no memory
        learner = make_learner(config, spec, torch.device("meta"))
    parameters, draws = learner.state.online.shape, learner.online.num_draws(rows)
    return {
        **dict.fromkeys(("batch/obs", "batch/next_obs"), (obs, (rows, *seen))),
        **dict.fromkeys(("batch/reward", "batch/discount", "batch/weight"), (f32, (rows,))),
        **dict.fromkeys(("batch/action", "slots", "span"), (i64, (rows,))),
        **dict.fromkeys(("end", "chain/length", "chain/end"), (np.uint8, (rows,))),
        "chain/reward": (f32, (rows, depth)),
        "chain/obs": (obs, (rows, depth, *seen)),
        "newest/obs": (obs, seen),
        **dict.fromkeys(("newest/reward", "newest/discount"), (f32, ())),
        **{f"draws/{name}": (f32, (draws,)) for name in Draws._fields if draws},
        **{f"optimizer/{i}": (f32, tuple(parameters)) for i in range(len(learner.state.memory))},
        **dict.fromkeys(_COUNTS, (i64, ())),
        "epsilon": (np.float64, ()),
    }


def _check_shapes(arrays: Arrays, config: Config, spec: EnvSpec) -> None:
    wanted = _layout(arrays, config, spec)
    weights = {name for name in arrays if name.startswith(("online/", "target/"))}
    if wrong := wanted.keys() ^ (arrays.keys() - weights):
        raise ValueError(f"missing or unknown: {', '.join(sorted(wrong))[:100]}")
    for name, (dtype, shape) in {**wanted, **{name: (np.float32, arrays[name].shape) for name in weights}}.items():
        found = arrays[name]
        if found.dtype != dtype or found.shape != shape:
            raise ValueError(f"{name[:60]} is {found.dtype} {found.shape}, not {np.dtype(dtype)} {shape}")


def _check_values(arrays: Arrays, config: Config, spec: EnvSpec) -> None:
    obs = [arrays[name] for name in ("batch/obs", "batch/next_obs", "chain/obs", "newest/obs")]
    actions, lengths = [arrays["batch/action"], arrays["newest/action"]], arrays["chain/length"]
    sound = {
        "a number that is not finite": all(np.isfinite(each).all() for each in arrays.values()),
        "a negative count": all(arrays[name] >= 0 for name in _COUNTS) and bool((arrays["slots"] >= 0).all()),
        "an action that does not exist": all(_within(each, 0, spec.num_actions - 1) for each in actions),
        "an impossible span": all(_within(arrays[name], 1, config.n) for name in ("span", "newest/span")),
        "an impossible end": all(_within(arrays[name], 0, max(End)) for name in ("end", "chain/end")),
        "an impossible length": _within(lengths, 0, arrays["chain/reward"].shape[1]),
        "a discount beyond [0, 1]": _within(arrays["batch/discount"], 0, 1),
        "an epsilon beyond [0, 1]": _within(arrays["epsilon"], 0, 1),
    }
    if spec.obs.num_states is not None:
        sound["a state that does not exist"] = all(_within(each, 0, spec.obs.num_states - 1) for each in obs)
    wrong = next((what for what, ok in sound.items() if not ok), None)
    if wrong is not None:
        raise ValueError(f"it holds {wrong}")


def _within(array: np.ndarray, low: float, high: float) -> bool:
    return bool(((array >= low) & (array <= high)).all())


def _revive(arrays: Arrays, config: Config, spec: EnvSpec) -> Learner:
    """The learner as it stood, made by the same hands as in training."""
    learner = make_learner(config, spec, torch.device("cpu"))
    online, target = learner.online, learner.target
    for name, network in (("online", online), ("target", target)):
        import_weights(network, _weights(arrays, name))
    places = range(len(learner.optimizer.memory))
    memory = [torch.from_numpy(np.array(arrays[f"optimizer/{i}"])) for i in places]
    learner.optimizer.load_state_dict({"steps": int(arrays["optimizer/steps"]), "memory": memory})
    learner.updates = int(arrays["updates"])
    return learner


def _weights(arrays: Arrays, network: str) -> dict[str, Tensor]:
    named = {name.partition("/"): array for name, array in arrays.items()}
    return {name: torch.from_numpy(np.array(array)) for (part, _, name), array in named.items() if part == network}
