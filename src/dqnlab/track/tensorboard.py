"""TensorBoard as a tracker: event files under `tensorboard/` in the run folder."""

from __future__ import annotations

import importlib
import json
import shlex
from collections.abc import Mapping
from typing import Any

from .tracker import About


class TensorboardTracker:
    """Writes scalars as they come, and the config as a text."""

    def __init__(self, about: About) -> None:
        # Looked up by name: torch gives the class no types.
        writer: Any = importlib.import_module("torch.utils.tensorboard").SummaryWriter

        self._folder = about.run_folder / "tensorboard"
        # Taken up again, a run has no use for what was recorded after its checkpoint.
        purge = None if about.after is None else about.after + 1
        self._writer = writer(str(self._folder), flush_secs=10, purge_step=purge)
        config = json.dumps(about.config, indent=2, default=str)
        self._writer.add_text("about", f"{about.env}: {about.description}", 0)
        self._writer.add_text("config", f"```json\n{config}\n```", 0)

    def log(self, step: int, row: Mapping[str, float]) -> None:
        for name, value in row.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> str | None:
        self._writer.close()
        return f"TensorBoard: to see it: tensorboard --logdir {shlex.quote(str(self._folder))}"
