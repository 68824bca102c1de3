"""What must hold together so that learning from a replay can start at all."""

from __future__ import annotations

from ..errors import ConfigError, counted, either


def check_learning_can_start(
    budget: int | None, *, starts: int, capacity: int, batch_size: int, n: int, num_envs: int
) -> None:
    """Raises ConfigError if it never would. `budget` is in steps; none if it is in episodes."""
    if batch_size > capacity:
        raise ConfigError(f"batch_size = {batch_size} is larger than replay_capacity = {capacity}")
    if batch_size > starts:
        raise ConfigError(f"learning_starts = {starts} is below batch_size = {batch_size}: raise it")
    if starts > capacity:
        raise ConfigError(
            f"learning would never start: learning_starts = {starts} is above replay_capacity = {capacity}: "
            f"lower {either('--learning-starts', 'learning_starts')}, or raise replay_capacity"
        )
    if budget is not None and starts > budget:
        raise ConfigError(
            f"learning would never start: learning_starts = {starts} is above budget.num = "
            f"{counted(budget, 'step')}: lower {either('--learning-starts', 'learning_starts')}, or train for longer"
        )
    if n * num_envs > capacity:
        raise ConfigError(
            f"replay_capacity = {capacity} cannot hold n = {counted(n, 'step')} of {counted(num_envs, 'env')}"
        )
