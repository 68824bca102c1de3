"""What a comparison comes to, in words."""

from __future__ import annotations

from ..store.interval import seeds_mean
from .comparison import Comparison


def conclusion(comparison: Comparison) -> str:
    """Which arm is better, by how much, how sure, and at what cost, as one English sentence or a few."""
    said = []
    for env in comparison.envs:
        cells = [(arm.name, arm.on(env)) for arm in comparison.arms]
        means = [
            f"{name} {seeds_mean(cell.scores).mean:.4g}" if cell.scores else f"{name} none" for name, cell in cells
        ]
        said.append(f"{env}: mean scores {', '.join(means)}")
    return "; ".join(said) + "."
