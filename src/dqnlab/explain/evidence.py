"""What a run left that explains it: its networks, snapshots, recorded batch, metrics and result."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..build import make_network
from ..config import AnyEnvironment, Config
from ..config.fields import leaves
from ..envs.make import EnvSpec
from ..errors import CheckpointError, FolderError, counted
from ..learn.networks import QNetwork
from ..learn.weights import import_weights
from ..run.keep import FIRST_BATCH, MOST_SNAPSHOTS
from ..run.moment import room, sequence_room
from ..store.agent import Agent, load
from ..store.checkpoint.verify import read_rows
from ..store.folder import BATCH, BEST, LAST, META, METRICS, RESULT, SNAPSHOTS, TARGET, Run
from ..store.imported import Imported, origin_of, read_imported
from ..store.metrics import read_records
from ..store.reading import oddity, read_json
from ..store.weightsfile import check_finite
from .health.findings import RunFacts, facts_of


@dataclass(frozen=True)
class Evidence:
    """A run, and all that it left to explain it by."""

    run: Run
    best: Agent
    stands_in: bool
    """whether there was no best network, and the last one is in its place"""
    online: QNetwork | None
    """at the end of training; none if an interruption left none"""
    target: QNetwork | None
    snapshots: list[tuple[int, QNetwork]]
    """env step and the online network then, in order"""
    moment: Mapping[str, np.ndarray]
    """the recorded batch and both networks at that time, as `run.keep` wrote them; empty if there is none"""
    records: list[dict[str, Any]]
    """the rows of metrics.jsonl"""
    imported: Imported | None
    """where it came from, if another program trained it: then there are no metrics, and nothing of its training"""
    created: str
    versions: Mapping[str, str]

    @property
    def config(self) -> Config:
        return self.best.config

    @property
    def spec(self) -> EnvSpec:
        return self.best.spec

    @cached_property
    def facts(self) -> RunFacts:
        """What a diagnosis must know beside the metrics."""
        return facts_of(self.config, self.spec)

    @property
    def networks(self) -> dict[str, QNetwork]:
        """Those that there are, by name."""
        named = {"best": self.best.network, "online": self.online, "target": self.target}
        return {name: network for name, network in named.items() if network is not None}


def gather_evidence(run: Run, env: AnyEnvironment | None = None, trusted: Collection[str] = ()) -> Evidence:
    """Reads a run's folder; nothing in it is believed or executed.

    Args:
        env: the run's environment, where a file cannot hold it, or another one.
        trusted: modules that the run's own environment and wrappers may import.

    Raises:
        FolderError, CheckpointError: the folder is damaged, or training ended before anything was evaluated.
        ConfigError: its configuration cannot work, or would import another module.
    """
    folder = run.folder
    stands_in = not (folder / BEST).exists() and (folder / LAST).is_file()  # then the last one is shown in its place
    best = load(folder, which="last" if stands_in else "best", env=env, trust_env_modules=trusted)
    last = load(folder, which="last", env=env, trust_env_modules=trusted) if (folder / LAST).is_file() else None
    about, imported = read_json(folder / META), read_imported(folder / META)
    created, versions = about.get("created"), about.get("versions")
    return Evidence(
        run=run,
        best=best,
        stands_in=stands_in,
        online=None if last is None else last.network,
        target=_target(folder, best),
        snapshots=_snapshots(folder, best),
        moment=read_arrays(folder / BATCH),
        records=[] if imported is not None else read_records(folder / METRICS),
        imported=imported,
        created=created if isinstance(created, str) else "",
        versions={str(k): str(v) for k, v in versions.items()} if isinstance(versions, dict) else {},
    )


def why_nothing(folder: Path, agent: Agent) -> str:
    """Why a run has no recorded batch, if that is known."""
    path, obs = folder / BATCH, agent.spec.obs
    if (came := origin_of(folder)) is not None:
        return (
            f"This agent was imported ({came.says}): of its training only the weights are here, and no learning step."
        )
    if not path.exists() and (folder / LAST).exists():  # both are written when training ends
        return f"{str(path)!r} is missing: the run wrote it when its training ended, and it has been removed since."
    if not path.exists():
        return f"{str(path)!r} does not exist yet: it is written when training ends."
    named, size = dict(leaves(agent.config)), math.prod(obs.shape) * obs.dtype.itemsize
    num = room(agent.config.batch_size, size).rows
    if agent.config.remembers:
        unroll = named["torso.unroll"]
        length = named["torso.burn_in"] + unroll + agent.config.n
        num = sequence_room(agent.config.batch_size // unroll, length, size)
    if num == 0:
        what = "a sequence of observations" if agent.config.remembers else "one observation"
        return f"This run has recorded no batch: {what} is too large to be kept."
    if (folder / RESULT).exists() and read_json(folder / RESULT).get("updates", 0) >= FIRST_BATCH:
        return (
            "This run has recorded no batch: its memory keeps no transitions to look back at, or an earlier dqnlab, "
            "which could not record those of such a memory, trained it."
        )
    return f"This run has recorded no batch: it ended before its update number {FIRST_BATCH}."


def _target(folder: Path, best: Agent) -> QNetwork | None:
    arrays = read_arrays(folder / TARGET)
    return _network(arrays, best, folder / TARGET) if arrays else None


def _snapshots(folder: Path, best: Agent) -> list[tuple[int, QNetwork]]:
    """Snapshots are stored under `<env step>/<weight>`."""
    path = folder / SNAPSHOTS
    by_step: dict[int, dict[str, np.ndarray]] = {}
    for name, array in read_arrays(path).items():
        step, _, weight = name.partition("/")
        if not (step.isascii() and step.isdigit() and len(step) < 19):
            raise CheckpointError(f"{str(path)!r} is damaged: {name[:60]!r} is not a weight of an env step")
        by_step.setdefault(int(step), {})[weight] = array
    if len(by_step) > MOST_SNAPSHOTS:
        raise CheckpointError(
            f"{str(path)!r} holds {counted(len(by_step), 'snapshot')}; a run writes up to {MOST_SNAPSHOTS}"
        )
    return [(step, _network(by_step[step], best, path)) for step in sorted(by_step)]


def _network(weights: Mapping[str, np.ndarray], best: Agent, path: Path) -> QNetwork:
    """A network like the best one with other weights. Raises CheckpointError if they are not finite or do not fit."""
    network = make_network(best.config, best.spec).requires_grad_(False)
    try:
        tensors = {name: torch.from_numpy(array) for name, array in weights.items()}
        check_finite(tensors, path)
        import_weights(network, tensors)
    except (RuntimeError, TypeError, ValueError) as e:
        raise CheckpointError(f"{str(path)!r} does not fit the run's network: {e}") from e
    return network


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a safetensors file in the run's folder; none if there is no such file. Raises CheckpointError."""
    if odd := oddity(path):
        raise FolderError(f"{str(path)!r} {odd}")
    return read_rows(path) if path.exists() else {}
