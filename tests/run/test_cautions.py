"""What will cut training is said before it begins."""

from dataclasses import replace

import pytest

from dqnlab.config import Env, Steps
from dqnlab.lab.cautions import cautions

from ..tiny import TINY


@pytest.mark.parametrize(
    ("num_envs", "ends"),
    [
        (1, "its unfinished episodes are truncated (dqn doctor says why)"),
        (3, "3 copies share those steps, so no episode lasts longer than 333 steps"),
    ],
)
def test_how_long_episodes_can_last_between_checkpoints_is_told(num_envs: int, ends: str) -> None:
    config = replace(TINY, env=Env(num_envs=num_envs), checkpoint_every=1_000, budget=Steps(num=5_000))
    (line,) = cautions(config, cuts=True)
    assert line.startswith("env 'CartPole-v1' cannot be saved: at every checkpoint, each 1,000 steps, ")
    assert line.endswith(ends)
    assert cautions(config, cuts=False) == []
    assert cautions(replace(config, checkpoint_every=5_000), cuts=True) == []
