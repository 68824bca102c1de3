"""A run as small as can be, and every command that writes into it."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dqnlab.app.cli import main
from dqnlab.config import Env, Film, Steps
from dqnlab.envs.make import describe
from dqnlab.lab.many.line import Line, Task
from dqnlab.lab.many.worker import train_share
from dqnlab.lab.stopwatch import Stopwatch
from dqnlab.run import film
from dqnlab.track import curves
from dqnlab.track.curves import draw_curves

from ..tiny import tiny

CONFIG = tiny(
    update_every=1,
    env=Env(num_envs=1, max_episode_steps=30),
    replay_capacity=500,
    budget=Steps(num=200),
    metrics_every=50,
    checkpoint_every=100,
    film=Film(episodes=1, max_seconds=0.1),
    explain=True,
)
BRIEF = replace(CONFIG, film=Film(episodes=0), explain=False)


class Reel:
    """A film that costs no second: one picture of nothing."""

    def __init__(self, path: Path, fps: float):
        self.path = path

    def __enter__(self) -> Reel:
        return self

    def add(self, picture: object) -> None:
        self.path.write_bytes(b"a film")

    def __exit__(self, *_: object) -> None: ...


def spare_drawing(patch: pytest.MonkeyPatch) -> None:
    """Nothing is drawn: films and curves are written as ever, but hold a few bytes."""
    patch.setattr(film, "Reel", Reel)
    patch.setattr(curves, "draw_curves", draw_curves)
    patch.setattr("matplotlib.figure.Figure.savefig", lambda figure, file, **_: file.write(b"curves"))


def dqn(*words: str | Path) -> int:
    """The exit code of a command, in this process."""
    return main([str(word) for word in words])


def train_seed(folder: Path) -> list[Any]:
    """What the process of a group's only seed reports, in this process."""
    ours, theirs = multiprocessing.Pipe()
    train_share(Task(BRIEF, (0,), ()), describe(BRIEF.env), folder, Line(theirs), Stopwatch())
    heard = []
    while ours.poll():
        heard.append(ours.recv())
    return heard
