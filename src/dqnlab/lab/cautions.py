"""What will cut episodes of training short, said before it begins."""

from __future__ import annotations

from ..config import Config
from ..errors import counted
from ..settle import cut_after


def cautions(config: Config, *, cuts: bool) -> list[str]:
    """What will cut training, and how often, if anything does.

    Args:
        cuts: whether checkpoints do, for the environment cannot be saved.
    """
    env = config.env
    period = config.evaluate_every
    lines = list[str]()
    if cuts and (most := cut_after(config)) is not None:
        line = (
            f"env {env.label!r} cannot be saved: at every checkpoint, each "
            f"{counted(config.checkpoint_every, 'step')}, its unfinished episodes are truncated (dqn doctor says why)"
        )
        if env.num_envs > 1:
            longest = counted(most, "step")
            line += f"; {counted(env.num_envs, 'copy')} share those steps, so no episode lasts longer than {longest}"
        lines.append(line)
    if env.copies == env.num_envs and not config.is_offline:
        lines.append(
            f"env.copies = {env.copies} leaves none for judging: training is cut for each evaluation, "
            f"every {period.num:,} {period.kind}, and its unfinished episodes are truncated"
        )
    return lines
