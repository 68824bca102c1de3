"""What every benchmark says of the machine, and where results lie."""

import json
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import psutil

RESULTS = Path(__file__).parent / "results"


def describe_machine() -> dict[str, Any]:
    """Processor, cores and versions."""
    packages = ("dqnlab", "torch", "numpy", "gymnasium")
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }


class Others:
    """How much of the machine other processes took while a block ran: processor seconds per second, so cores."""

    cores: float

    def __enter__(self) -> Self:
        self._before = self._read()
        return self

    def __exit__(self, *_: object) -> None:
        wall, busy, ours = (after - before for after, before in zip(self._read(), self._before, strict=True))
        self.cores = round(max(busy - ours, 0.0) / wall, 3)

    def _read(self) -> tuple[float, float, float]:
        """Seconds that have passed; that all processors were busy; that this process and its ended children were."""
        times, own = psutil.cpu_times(), os.times()
        idle = times.idle + getattr(times, "iowait", 0.0)
        return time.monotonic(), sum(times[:8]) - idle, sum(own[:4])


def write_results(name: str, content: dict[str, Any]) -> None:
    """Writes results/NAME.json."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")
