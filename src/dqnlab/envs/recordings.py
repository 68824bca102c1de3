"""Recorded episodes: read from a folder of our own format, or from a Minari data set on this machine.

The format: one `.npz` file for each episode of T steps, with the arrays

    obs         [T + 1, *shape]   what the environment showed, from its reset to the end, as it is stored
    action      [T]               the number of each action, from 0 on
    reward      [T]               as the environment paid it
    terminated  [T] bool          only the last may be true
    truncated   [T] bool          likewise; an episode that just stops counts as truncated
    env         text, optional    the id of the environment

An observation is stored as it is shown, one frame of a stack; states are counted from 0 on; the parts of a Dict or
Tuple lie end to end in one row, and the mask of allowed actions behind them.
"""

from __future__ import annotations

import hashlib
import importlib
import math
import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..config import Env
from ..device import available_memory
from ..errors import CheckpointError, ConfigError, FolderError, ResourceError, counted, either, named
from ..learn.demonstrations import RecordedEpisode
from ..trust import not_fetched
from .make import EnvSpec

ARRAYS = ("obs", "action", "reward", "terminated", "truncated")
EXTRA = "minari"
RECORD = either("dqn evaluate RUN --record DIR", "dqnlab.evaluate(agent, record=DIR)")
_DATA_SET = re.compile(r"[\w.-]+(/[\w.-]+)*-v\d+")


class Recordings(NamedTuple):
    """The episodes of a data set, and what they were recorded in."""

    episodes: Sequence[RecordedEpisode]
    sha256: str
    envs: frozenset[str]  # the ids of the environments, as far as the data says

    def says(self, source: str, label: str) -> str:
        """What is learned from, in a line; `label` is the environment of the run."""
        others = sorted(self.envs - {label})
        elsewhere = f", recorded in {', '.join(others)}" if others else ""
        size = f"{counted(len(self.episodes), 'recorded episode')} ({counted(self.num_steps, 'step')}{elsewhere})"
        return f"{size} of {source!r} {'is' if len(self.episodes) == 1 else 'are'} learned from"

    @property
    def num_steps(self) -> int:
        """Env steps in them."""
        return sum(len(each.action) for each in self.episodes)

    @property
    def num_bytes(self) -> int:
        """Of their observations."""
        return sum(each.frames.nbytes for each in self.episodes)

    @property
    def rewards(self) -> np.ndarray:
        """All that was paid, [N]."""
        return np.concatenate([each.reward for each in self.episodes])


def read_recordings(source: str, spec: EnvSpec, env: Env, sha256: str | None = None) -> Recordings:
    """The episodes of a folder, or of a Minari data set, checked against an environment.

    Args:
        sha256: what their hash has to be, if that is known.

    Raises:
        FolderError: there is neither, or the folder is empty.
        CheckpointError: a file is damaged, or holds something else than an episode of this environment.
        ConfigError: the episodes are not those of the hash.
        ResourceError: a package is missing, or memory.
    """
    if Path(source).is_dir():
        found = [(str(file), _checked(file, *_read(file), spec)) for file in _files(Path(source))]
    elif _DATA_SET.fullmatch(source):
        found = list(_of_minari(source, spec, env))
    else:
        if said := not_fetched(source):
            raise FolderError(f"experience.source: {said}")
        raise FolderError(
            f"experience.source = {source!r} is neither a folder here nor the name of a Minari data set such as "
            f"cartpole/expert-v0: make such a folder with {RECORD}"
        )
    episodes = [recording for _, (recording, _) in found]
    own = _hash(episodes)
    if sha256 not in (None, own):
        raise ConfigError(
            f"experience.source = {source!r} holds other episodes than experience.sha256 names ({own[:12]}… instead of "
            f"{str(sha256)[:12]}…): name the folder that they are in, or leave out experience.sha256"
        )
    return Recordings(episodes, own, frozenset(label for _, (_, label) in found if label))


def _files(folder: Path) -> list[Path]:
    files = sorted(folder.glob("*.npz"))
    size, free = sum(map(_unpacked, files)), available_memory()
    if size > free:
        raise ResourceError(
            f"the episodes of {str(folder)!r} need {size / 1e9:,.1f} GB of memory, and {free / 1e9:,.1f} GB are free: "
            "learn from fewer of them"
        )
    if not files:
        raise FolderError(f"{str(folder)!r} holds no recorded episodes (.npz): make some with {RECORD}")
    return files


def _unpacked(file: Path) -> int:
    """How many bytes are in an archive; 0 of what is none, which whoever reads it will say."""
    try:
        with zipfile.ZipFile(file) as parts:
            return sum(part.file_size for part in parts.infolist())
    except Exception:  # zipfile raises many kinds for a damaged file
        return 0


def _read(file: Path) -> tuple[dict[str, np.ndarray], str]:
    """The arrays of a file, and the environment that it names. Nothing in it is run. Raises CheckpointError."""
    try:
        if not file.is_file():
            raise CheckpointError(f"{str(file)!r} is no file: remove it, or what it links to is gone")
        if not zipfile.is_zipfile(file):
            raise CheckpointError(f"{str(file)!r} is no recorded episode, which is an archive of arrays: remove it")
        with np.load(file, allow_pickle=False) as content:
            missing = [name for name in ARRAYS if name not in content]
            if missing:
                raise CheckpointError(
                    f"{str(file)!r} is no recorded episode: it lacks {', '.join(missing)} (it holds "
                    f"{', '.join(content) or 'nothing'})"
                )
            label = content["env"] if "env" in content else np.array("")
            return {name: content[name] for name in ARRAYS}, str(label) if label.shape == () else ""
    except CheckpointError:
        raise
    except Exception as e:  # zipfile and numpy raise many kinds for a damaged or hostile file
        raise CheckpointError(f"{str(file)!r} cannot be read as a recorded episode: {named(e)}") from e


def _checked(where: object, arrays: dict[str, np.ndarray], label: str, spec: EnvSpec) -> tuple[RecordedEpisode, str]:
    """An episode as it is stored, and the environment it names. Raises CheckpointError."""
    obs, action, reward, terminated = (arrays[name] for name in ARRAYS[:4])
    steps = len(action) if action.ndim else 0
    if steps == 0:
        raise CheckpointError(f"{str(where)!r} holds no step: remove it")
    wanted = {"action": (steps,), "reward": (steps,), "terminated": (steps,), "truncated": (steps,)}
    for name, shape in wanted.items():
        if arrays[name].shape != shape:
            raise CheckpointError(
                f"{str(where)!r} is damaged: {name} has shape {arrays[name].shape}, and action {action.shape}"
            )
    frame = spec.obs.frame_shape
    if obs.shape[1:] != frame:
        own = f", recorded in {label!r}," if label else ""
        raise CheckpointError(
            f"{str(where)!r}{own} has observations {obs.shape[1:]}, and this environment shows {frame}: it is another"
        )
    if len(obs) != steps + 1:
        raise CheckpointError(
            f"{str(where)!r} is damaged: of {counted(steps, 'step')} it must have {counted(steps + 1, 'observation')}, "
            f"and it has {len(obs):,}"
        )
    for name in ("terminated", "truncated"):
        if arrays[name].dtype != bool or arrays[name][:-1].any():
            raise CheckpointError(f"{str(where)!r} is damaged: {name} must be bool, and true at the last step only")
    return RecordedEpisode(
        _frames(where, obs, spec), _actions(where, action, spec), _rewards(where, reward), bool(terminated[-1])
    ), label


def _frames(where: object, obs: np.ndarray, spec: EnvSpec) -> np.ndarray:
    dtype, states = spec.obs.dtype, spec.obs.num_states
    if obs.dtype.kind not in "biuf":
        raise CheckpointError(f"{str(where)!r} is damaged: obs has dtype {obs.dtype}")
    with np.errstate(invalid="ignore", over="ignore"):
        frames = obs.astype(dtype)
    if not np.isfinite(frames).all():
        raise CheckpointError(f"{str(where)!r} holds observations that are no finite numbers: remove it")
    if dtype != np.float32 and (frames != obs).any():
        changed = obs[frames != obs][0]
        raise CheckpointError(f"{str(where)!r} has observations such as {changed}, and this environment shows {dtype}")
    if states is not None and not ((frames >= 0) & (frames < states)).all():
        raise CheckpointError(
            f"{str(where)!r} has the state {frames.max()}, and this environment has {states}, from 0 on"
        )
    return frames


def _actions(where: object, action: np.ndarray, spec: EnvSpec) -> np.ndarray:
    if action.dtype.kind not in "iu":
        raise CheckpointError(f"{str(where)!r} is damaged: action must be whole numbers, and has dtype {action.dtype}")
    wrong = (action < 0) | (action >= spec.num_actions)
    if wrong.any():
        raise CheckpointError(
            f"{str(where)!r} has the action {action[wrong][0]}, and this environment has "
            f"{counted(spec.num_actions, 'action')}, from 0 on"
        )
    return action.astype(np.int64)


def _rewards(where: object, reward: np.ndarray) -> np.ndarray:
    if reward.dtype.kind not in "biuf":
        raise CheckpointError(f"{str(where)!r} is damaged: reward has dtype {reward.dtype}")
    rewards = reward.astype(np.float64)
    if not np.isfinite(rewards).all():
        raise CheckpointError(f"{str(where)!r} holds rewards that are no finite numbers: remove it")
    return rewards


def _hash(episodes: Sequence[RecordedEpisode]) -> str:
    """Of all that is learned from."""
    digest = hashlib.sha256()
    for each in episodes:
        digest.update(f"{each.frames.shape} {each.frames.dtype} {each.terminated}\n".encode())
        for array in (each.frames, each.action, each.reward):
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


# ── Minari ───────────────────────────────────────────────────────────────────────────────────────


def _of_minari(name: str, spec: EnvSpec, env: Env) -> Iterator[tuple[str, tuple[RecordedEpisode, str]]]:
    """The episodes of a data set that is on this machine; nothing is downloaded."""
    try:
        minari: Any = importlib.import_module("minari")
    except ImportError as e:
        raise ResourceError(
            f"experience.source = {name!r} is no folder here; to read it as a Minari data set: "
            f"pip install 'dqnlab[{EXTRA}]'"
        ) from e
    if spec.obs.parts or spec.joint is not None or env.frame_stack > 1 or env.gray or env.resize or env.wrappers:
        raise ConfigError(
            f"experience.source = {name!r} shows what env {env.label!r} itself does, and this run sees it differently "
            f"(parts, stacks, wrappers, or actions of several components): use episodes made with {RECORD}"
        )
    try:
        data = minari.load_dataset(name, download=False)
    except Exception as e:  # whatever it finds wrong
        raise FolderError(
            f"the Minari data set {name!r} cannot be read on this machine ({named(e)}); nothing is downloaded here: "
            f"`minari download {name}` fetches one, `minari list local` shows those that there are"
        ) from e
    label = getattr(getattr(data, "env_spec", None), "id", None) or ""
    for number, episode in enumerate(data.iterate_episodes()):
        where = f"{name}, episode {number}"
        yield where, _checked(where, _minari_arrays(where, episode, spec), str(label), spec)


def _minari_arrays(where: str, episode: Any, spec: EnvSpec) -> dict[str, np.ndarray]:
    if not isinstance(episode.observations, np.ndarray):
        raise CheckpointError(f"{where!r} has observations of several parts, which are not read from Minari")
    obs, action = np.asarray(episode.observations), np.asarray(episode.actions)
    if math.prod(action.shape[1:]) == 1:
        action = action.reshape(len(action))
    return {
        "obs": obs - spec.obs_start if spec.obs_start else obs,
        "action": action - spec.action_start if spec.action_start and action.dtype.kind in "iu" else action,
        "reward": np.asarray(episode.rewards),
        "terminated": np.asarray(episode.terminations),
        "truncated": np.asarray(episode.truncations),
    }
