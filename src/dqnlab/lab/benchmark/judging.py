"""What a benchmark judges of a run beside its score: the last network, the end of training, the exact return.

It is kept in the run's folder, so that whoever benchmarks the run again need not play again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...envs.optimum import Dynamics, best_by_state, best_return, dynamics_of, policy_return
from ...errors import FolderError, named
from ...run.evaluate import Asks, play_out, score_of
from ...store.agent import Agent, load, read_config
from ...store.folder import BENCHMARK, METRICS, write_json
from ...store.lock import locked
from ...store.metrics import read_records
from ...store.reading import read_json
from ...store.score import Score

EPISODES = 100
"""fresh greedy episodes of the last network, and training episodes at the end"""


class Exact(NamedTuple):
    """Expected returns of an environment that says how it works, without chance."""

    best: float
    """of the best network's policy"""
    last: float
    optimum: float
    """the best return there is, for whoever sees the clock"""
    by_state: float | None = None
    """the best that was found of policies that see the state only; none in files of before that was looked for"""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What was judged of a run beside its score."""

    last: Score
    """of the last network, over fresh greedy episodes"""
    training: tuple[float, ...]
    """returns of the last training episodes, in which it explored"""
    exact: Exact | None = None

    @property
    def training_mean(self) -> float | None:
        """The mean of those; none if no episode of training ended."""
        return float(np.mean(self.training)) if self.training else None

    def as_dict(self) -> dict[str, Any]:
        last = asdict(self.last) | {"returns": list(self.last.returns)}
        exact = None if self.exact is None else self.exact._asdict()
        return {"last": last, "training": list(self.training), "exact": exact}


def judged_of(about: Mapping[str, Any], where: str) -> Judged:
    """The same of what a file says. Raises FolderError."""
    try:
        last = Score(**about["last"] | {"returns": tuple(about["last"]["returns"])})
        exact = None if about["exact"] is None else Exact(**about["exact"])
        return Judged(last=last, training=tuple(map(float, about["training"])), exact=exact)
    except (KeyError, TypeError, ValueError) as e:
        raise FolderError(f"{where!r} is damaged: {named(e)}") from e


def read_judged(folder: Path) -> Judged | None:
    """What was judged of a run earlier; none if nothing was. Raises FolderError."""
    path = folder / BENCHMARK
    return judged_of(read_json(path), str(path)) if path.exists() else None


def judge(folder: Path, trusted: Collection[str] = (), asks: Asks = lambda: False) -> Judged:
    """Plays the episodes of a finished run's last network, and keeps what came of it in the run's folder.

    The episodes are those of `dqn evaluate RUN --which last --seed SEED` with the run's own seed.

    Raises:
        FolderInUse: another process is at it.
        KeyboardInterrupt: a stop was requested by `asks`.
        DqnlabError: the run cannot be read, or its environment fails.
    """
    with locked(folder):
        if (found := read_judged(folder)) is not None:
            return found
        agents = {name: load(folder, which=name, trust_env_modules=trusted) for name in ("best", "last")}
        seed = read_config(folder, trusted).seed
        found = Judged(
            last=score_of(play_out(agents["last"], EPISODES, seed, asks=asks)),
            training=_training(folder),
            exact=_exact(agents["best"], agents["last"]),
        )
        write_json(folder / BENCHMARK, found.as_dict())
    return found


def _training(folder: Path) -> tuple[float, ...]:
    """The returns of the last training episodes."""
    returns = [row["train/reward"] for row in read_records(folder / METRICS) if "train/reward" in row]
    return tuple(returns[-EPISODES:])


def _exact(best: Agent, last: Agent) -> Exact | None:
    """The exact returns of both policies; none where nobody knows how the environment works."""
    table = None if best.config.remembers else dynamics_of(best.env_config())
    if table is None:
        return None
    own = [policy_return(table, _policy(agent, table)) for agent in (best, last)]
    return Exact(best=own[0], last=own[1], optimum=best_return(table), by_state=best_by_state(table))


def _policy(agent: Agent, table: Dynamics) -> np.ndarray:
    """What an agent does in every state."""
    states = np.arange(len(table.start))
    mask = table.allowed if agent.spec.obs.mask is not None else None
    return np.asarray(agent.act(states, mask))
