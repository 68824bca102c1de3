"""Runs as their folders tell them, and comparisons as they are read, without training any."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dqnlab.comparing.comparison import Arm, ArmCell, Comparison, SeedResult
from dqnlab.config import Config
from dqnlab.config.toml import to_toml
from dqnlab.store.folder import CONFIG, META, METRICS, Run, write_json, write_result
from dqnlab.store.score import Score

from ..tiny import tiny


def score(mean: float, episodes: int = 4) -> Score:
    """A score whose episodes lie 10 to either side of the mean."""
    returns = tuple(mean + (10.0 if i % 2 else -10.0) for i in range(episodes))
    return Score(
        mean=mean,
        low=mean - 5,
        high=mean + 5,
        minimum=min(returns),
        maximum=max(returns),
        episodes=episodes,
        returns=returns,
        cut=0,
    )


def write_run(
    folder: Path,
    seed: int,
    mean: float | None = 100.0,
    error: str | None = None,
    evaluations: Sequence[float] = (40.0, 60.0),
    **changes: Any,
) -> Path:
    """A run's folder with what a comparison reads: settings, result, metrics, and what its environment is called."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG).write_text(to_toml(config(seed, **changes)), encoding="utf-8")
    write_json(folder / META, {"env": {"label": "CartPole-v1"}})
    rows = [
        {"schema": 1},
        {"step": 100, "eval/returns": [10.0, 30.0]},
        {"step": 200, "eval/returns": list(evaluations)},
    ]
    (folder / METRICS).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    write_result(
        Run(
            folder=folder,
            env="CartPole-v1",
            preset="tiny",
            seed=seed,
            score=None if mean is None else score(mean),
            selected_score=None,
            attempts=0,
            solved=None,
            env_steps=300,
            updates=59,
            seconds={"train": 2.0, "film": 0.5, "curves": 0.25, "page": 1.0, "total": 4.0},
            interrupted=mean is None and error is None,
            error=error,
        )
    )
    return folder


def config(seed: int, **changes: Any) -> Config:
    return tiny(seed=seed, **changes)


def cell(
    scores: Sequence[float | None], env: str = "CartPole-v1", settings: Mapping[str, object] | None = None
) -> ArmCell:
    """A cell whose seeds came to these scores; those without one have failed."""
    return ArmCell(
        env=env,
        settings={"preset": "tiny", "optimizer.lr": 0.001} if settings is None else settings,
        seeds=tuple(
            SeedResult(
                seed=seed,
                folder=Path("runs") / env / f"seed-{seed}",
                score=None if mean is None else score(mean),
                error="it fell" if mean is None else None,
                env_steps=1000,
                updates=500,
                seconds=10.0,
                curve=((500, 20.0), (1000, 40.0)) if mean is None else ((500, mean / 2), (1000, mean)),
            )
            for seed, mean in enumerate(scores)
        ),
    )


def comparison(**scores: Sequence[float | None]) -> Comparison:
    """Arms on CartPole-v1 by name, each with the scores of its seeds; the first is the baseline."""
    arms = tuple(Arm(name=name, cells=(cell(each),)) for name, each in scores.items())
    return Comparison(arms=arms, envs=("CartPole-v1",))
