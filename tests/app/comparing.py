"""Comparisons in this process: what the tests of `dqn compare` share."""

import json
import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import dqnlab
from dqnlab.app.cli import main
from dqnlab.config import Config
from dqnlab.store.folder import Run, seed_name
from dqnlab.store.group import Failure, Group, write_summary
from dqnlab.store.new import new_folder

# The settings of TINY as flags, in which presets are compared within a moment.
QUICK = (
    "--hidden 8 6 --learning-starts 64 --batch-size 16 --steps 300 --eval-every 100 --eval-episodes 2 "
    "--confirm-episodes 2 --score-episodes 3 --update-every 4 --no-explain --compile off"
)
PAIR = f'compare CartPole-v1 --presets dqn --arm "dqn n=2" --seeds 2 --quiet {QUICK}'
LONG = PAIR.replace("--steps 300", "--steps 1500").replace("--no-explain", "--no-explain --save-every 100")
LONG += " --no-stop-when-solved --eval-every 500"


class InProcess:
    """Trains a group of seeds one after another in this process, and keeps what was asked of it."""

    asked: list[tuple[str, tuple[int, ...]]]
    fails: Callable[[Config, int], bool]

    def __init__(self, config: Config, seeds: Sequence[int], *, runs: Path, **others: Any) -> None:
        self.config, self.seeds, self.runs = config, tuple(seeds), runs

    def train(self) -> Group:
        self.asked.append((f"n={self.config.n}", self.seeds))
        results: list[Run | Failure] = []
        with new_folder(self.config, None, self.runs, self.seeds) as folder:
            group = Group(folder, self.config.env.label, self.config.preset, self.seeds, (), 0.0)
            write_summary(group)
            for seed in self.seeds:
                home = folder / seed_name(seed)
                if type(self).fails(self.config, seed):
                    results.append(Failure(seed=seed, folder=home, error="it broke", exit_code=3))
                else:
                    results.append(dqnlab.train(replace(self.config, seed=seed), out=home, trackers=()))
            group = replace(group, results=tuple(results), seconds=2.0)
            write_summary(group)
        return group


def dqn(line: str) -> int:
    return main(shlex.split(line))


def folder() -> Path:
    (found,) = Path("runs/comparisons").iterdir()
    return found


def data(of: Path | None = None) -> dict[str, Any]:
    return json.loads(((of or folder()) / "comparison.json").read_text())


def results(content: dict[str, Any]) -> dict[tuple[str, str, int], Any]:
    """What each seed of each cell came to, without clocks and places."""
    return {
        (cell["arm"], cell["env"], seed["seed"]): (seed["score"], seed["error"], seed["env_steps"], seed["curve"])
        for cell in content["cells"]
        for seed in cell["seeds"]
    }
