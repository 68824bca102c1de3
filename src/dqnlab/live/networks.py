"""The networks that a run shows while it trains, and one of its updates. Needs no environment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError, safe_open

from ..errors import CheckpointError, DqnlabError, FolderError
from ..explain.evidence import read_arrays
from ..store.checkpoint.manifest import ARRAYS, TREE
from ..store.checkpoint.pack import decode_arrays, parse_json, unpack
from ..store.checkpoint.verify import found, read_manifest, read_whole
from ..store.control import LIVE
from ..store.folder import BATCH, BEST, CHECKPOINTS, RESULT, SNAPSHOTS, TARGET
from ..store.reading import oddity

Weights = Mapping[str, np.ndarray]


class ShownNetworks(NamedTuple):
    """What there is to show of a run."""

    newest: tuple[int, Weights] | None
    """env step and online network, if the run shows one"""
    target: Weights
    """beside the newest; empty where there is none"""
    snapshots: dict[int, Weights]
    """by env step, rising"""
    moment: Weights
    """a recorded update with all that it was made of, as `run.keep` writes it; empty if there is none"""

    @property
    def steps(self) -> list[int]:
        """The env steps that one can look at, rising."""
        return sorted({*self.snapshots, *(() if self.newest is None else (self.newest[0],))})


def networks_of(folder: Path) -> ShownNetworks:
    """What a run's folder holds of its networks; of one without a viewer what its latest checkpoint kept.

    Raises FolderError, CheckpointError.
    """
    live, kept = read_arrays(folder / LIVE), read_arrays(folder / SNAPSHOTS)
    snapshots = _by_step(kept, folder / SNAPSHOTS)
    batch = live if "updates" in live else read_arrays(folder / BATCH)
    if not snapshots and not live:
        kept = _of_checkpoint(folder)
        snapshots, batch = kept.snapshots, kept.moment
    newest = None if not live else (int(_step_in(live, folder / LIVE)), _below(live, "online/"))
    target = _below(live, "target/") if live else read_arrays(folder / TARGET)
    return ShownNetworks(newest, target, dict(sorted(snapshots.items())), batch)


def mark_of(folder: Path) -> tuple[object, ...]:
    """What differs whenever a run may show another network or result than before; nothing is read for it."""
    marks: list[object] = []
    for name in (LIVE, SNAPSHOTS, BEST, CHECKPOINTS, RESULT):
        try:
            at = (folder / name).stat()
            marks.append((at.st_ino, at.st_mtime_ns, at.st_size))
        except OSError:
            marks.append(None)
    return tuple(marks)


def steps_of(folder: Path) -> tuple[list[int], int | None]:
    """The env steps of which there is a network to see, rising, and that of the network of now; little is read.

    Raises FolderError, CheckpointError.
    """
    newest = _newest_step(folder / LIVE)
    kept = {int(name.partition("/")[0]) for name in names_in(folder / SNAPSHOTS) if name.partition("/")[0].isdecimal()}
    if newest is None and not kept:
        kept = set(_of_checkpoint(folder).snapshots)
    return sorted(kept | ({newest} if newest is not None else set())), newest


def names_in(path: Path) -> list[str]:
    """What the arrays of a safetensors file are called; nothing if there is none. Raises as `steps_of` does."""
    return [] if (file := _opened(path)) is None else list(file.keys())


def _newest_step(path: Path) -> int | None:
    file = _opened(path)
    return None if file is None or "step" not in file.keys() else _step_in({"step": file.get_tensor("step")}, path)  # noqa: SIM118


def _opened(path: Path) -> Any:
    if odd := oddity(path):
        raise FolderError(f"{str(path)!r} {odd}")
    if not path.exists():
        return None
    try:
        return safe_open(path, "np")
    except (OSError, SafetensorError) as e:
        raise CheckpointError(f"{str(path)!r} cannot be read: {e}") from e


def tensors(weights: Weights) -> dict[str, torch.Tensor]:
    """The weights as tensors."""
    return {name: torch.from_numpy(np.array(array)) for name, array in weights.items()}


def _by_step(arrays: Weights, path: Path) -> dict[int, Weights]:
    by_step: dict[int, dict[str, np.ndarray]] = {}
    for name, array in arrays.items():
        step, _, weight = name.partition("/")
        if not (step.isascii() and step.isdigit() and len(step) < 19):
            raise CheckpointError(f"{str(path)!r} is damaged: {name[:60]!r} is not a weight of an env step")
        by_step.setdefault(int(step), {})[weight] = array
    return dict(by_step)


def _below(arrays: Weights, prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _step_in(arrays: Weights, path: Path) -> int:
    step = arrays.get("step")
    if step is None or step.size != 1 or not np.issubdtype(step.dtype, np.integer) or int(step.reshape(())) < 0:
        raise CheckpointError(f"{str(path)!r} is damaged: it says of no env step")
    return int(step.reshape(()))


def _of_checkpoint(folder: Path) -> ShownNetworks:
    """What the keeper of a run had when its latest whole checkpoint was written; nothing if there is none."""
    for _, _, path in found(folder / CHECKPOINTS):
        try:
            manifest = read_manifest(path)
            if any(oddity(path / name) for name in manifest.members):
                raise FolderError(f"{str(path)!r} holds something else than files")
            data = {name: read_whole(path / name, written) for name, written in manifest.members.items()}
            state: dict[str, Any] = unpack(decode_arrays(data[ARRAYS]), parse_json(data[TREE]))["keeper"]
            snapshots: dict[int, Weights] = {
                int(step): _arrays(weights) for step, weights in state["snapshots"].items()
            }
            return ShownNetworks(None, {}, snapshots, _arrays(state["batch"]))
        except (DqnlabError, AttributeError, KeyError, TypeError, ValueError):
            continue
    return ShownNetworks(None, {}, {}, {})


def _arrays(weights: Mapping[str, Any]) -> dict[str, np.ndarray]:
    return {name: np.asarray(value) for name, value in weights.items()}
