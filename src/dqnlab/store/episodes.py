"""Episodes as they are played, written as files to learn from (the format is that of `envs.recordings`)."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from ..envs.make import EnvSpec
from ..envs.rollout import RolloutStep
from ..errors import FolderError
from .door import make_path, replacing


class EpisodeWriter:
    """Writes each episode into a folder of its own files when it has ended; one that is left is not written."""

    def __init__(self, folder: Path, spec: EnvSpec, label: str):
        """Makes the folder. Raises FolderError if it holds episodes already, or cannot be made."""
        if any(folder.glob("*.npz")):
            raise FolderError(f"{str(folder)!r} holds recorded episodes already: choose another folder")
        try:
            if not folder.is_dir():
                make_path(folder)
        except OSError as e:
            raise FolderError(f"cannot make the folder {str(folder)!r} ({e.strerror or e}): choose another") from e
        self.folder = folder
        self.count = 0
        self._obs = spec.obs
        self._label = label
        self._open: dict[int, list[tuple[np.ndarray, int, float]]] = {}  # by env

    def take(self, step: RolloutStep) -> None:
        """Takes a step of E episodes. Raises ResourceError if an episode cannot be written."""
        frames, after = self._obs.newest(step.obs), self._obs.newest(step.next_obs)
        for i in step.playing.nonzero()[0].tolist():
            steps = self._open.setdefault(i, [])
            steps.append((frames[i].copy(), int(step.action[i]), float(step.reward[i])))
            if step.terminated[i] or step.truncated[i]:
                del self._open[i]
                self._write(steps, after[i], terminated=bool(step.terminated[i]))

    def _write(self, steps: list[tuple[np.ndarray, int, float]], last: np.ndarray, *, terminated: bool) -> None:
        frames, action, reward = zip(*steps, strict=True)
        ends = np.arange(len(steps)) == len(steps) - 1
        whole = io.BytesIO()
        np.savez_compressed(
            whole,
            obs=np.stack([*frames, last]),
            action=np.array(action, np.int64),
            reward=np.array(reward, np.float64),
            terminated=ends & terminated,
            truncated=ends & (not terminated),
            env=np.array(self._label),
        )
        self.count += 1
        with replacing(self.folder / f"episode-{self.count:06}.npz") as part:
            part.write(whole.getbuffer())
