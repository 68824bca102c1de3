"""A run with every folder that dqnlab makes, those of its trackers too."""

from dataclasses import replace
from pathlib import Path

from dqnlab.config import Film
from dqnlab.lab.session import train

from ..tiny import SMALL

RECORDING = "run-20260101_000000-8l1v4n4p"


def train_everything(folder: Path) -> Path:
    """Trains it into a folder, and lays what SwanLab leaves beside it."""
    train(replace(SMALL, explain=True, film=Film(episodes=1)), trackers=("tensorboard",), out=folder)
    for name in ("swanlab", "swanlab-2"):
        (folder / name / RECORDING / "media").mkdir(parents=True)
        (folder / name / ".gitignore").write_text("*")
        (folder / name / RECORDING / "media" / "any name").write_text("x" * 100)
    return folder
