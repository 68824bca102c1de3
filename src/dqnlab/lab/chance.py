"""What a run earned by chance, before it had learned anything: a threshold below that says nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import CheckpointError, FolderError, counted, either
from ..store.folder import METRICS
from ..store.metrics import read_records

RANDOM = 0.9  # share of random actions from which on an episode counts as played by chance
FEWEST = 5  # episodes that say something of what chance earns


def beaten_by_chance(folder: Path, threshold: float | None) -> str:
    """What to say of a run whose threshold its first, random episodes reach in the mean; empty if they do not."""
    if threshold is None:
        return ""
    try:
        rows = read_records(folder / METRICS)
    except (CheckpointError, FolderError):  # somebody has changed it
        return ""
    returns = [row["train/reward"] for row in rows if row.get("train/epsilon", 0.0) >= RANDOM and "train/reward" in row]
    if len(returns) < FEWEST or not (mean := float(np.mean(returns))) >= threshold:
        return ""
    return (
        f"'solved' says nothing here: the {counted(len(returns), 'episode')} played almost at random, before anything "
        f"was learned, earned {mean:,.4g} on average, and reward_threshold = {threshold:,.4g} is no more than that: "
        f"set a higher one, {either('--env.reward-threshold N', 'Env(reward_threshold=…)')}"
    )
