"""How far each of many seeds has come, as shown while it trains."""

from dataclasses import dataclass
from typing import Literal

Phase = Literal["waiting", "compiling", "training", "judging", "finishing", "done", "failed", "interrupted"]


@dataclass(frozen=True)
class Standing:
    """How far a seed has come."""

    seed: int
    state: Phase = "waiting"
    steps: int = 0
    mean: float | None = None  # of the latest evaluation
    left: float | None = None  # seconds until it has its score, about
