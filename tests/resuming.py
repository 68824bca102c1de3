"""A run that is interrupted and resumed, beside the same one that never stopped."""

import math
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from dqnlab.config import Config
from dqnlab.lab import experiment
from dqnlab.lab.overrides import Overrides
from dqnlab.lab.resume import resume_folder
from dqnlab.lab.session import train
from dqnlab.store.folder import BEST, LAST, Run

from .equal import same


class Interrupts:
    """A view that asks the run to stop at an env step, once."""

    def __init__(self) -> None:
        self._asked = False

    def start(self, config: Any, about: Any) -> None:
        pass

    def __call__(self, event: Any) -> None:
        if not self._asked and getattr(event, "step", 0) >= 150:
            self._asked = True
            signal.raise_signal(signal.SIGINT)

    def say(self, line: str) -> None:
        pass

    def stop(self) -> None:
        pass


def check_resumes(config: Config, folder: Path, overrides: Overrides) -> tuple[Run, Run]:
    """The run as a whole, and as it was interrupted and resumed: equal in networks, to the last bit, and in score."""
    whole = train(config, out=folder / "whole", trackers=("none",))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment, "PATIENCE", math.inf)  # on a busy machine the next cut may be further away
        begun = train(config, out=folder / "cut", trackers=("none",), view=Interrupts())
    assert begun.interrupted
    resumed = resume_folder(begun.folder, overrides)
    for name in (BEST, LAST):
        same(torch.load(whole.folder / name), torch.load(resumed.folder / name))
    assert resumed.score == whole.score
    return whole, resumed
