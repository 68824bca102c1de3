"""What an environment is called with survives checkpoints, resuming and judging, as it was given."""

import sys
from pathlib import Path

import gymnasium as gym
import pytest
from gymnasium.envs.classic_control import CartPoleEnv

from dqnlab.app.cli import main

ARGUMENTS = '{"limit": Infinity, "size": {"!tuple": [1, null]}}'
FLAGS = ["--steps", "192", "--checkpoint-every", "64", "--film.episodes", "0", "--no-explain"]


class Particular(CartPoleEnv):
    """Accepts nothing but what the run was begun with."""

    def __init__(self, limit: float = 1.0, size: object = None, render_mode: str | None = None):
        assert (limit, size) == (float("inf"), (1, None))
        super().__init__(render_mode=render_mode)


@pytest.mark.world
def test_arguments_that_json_and_toml_have_no_words_for_go_through_a_checkpoint(
    small: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "particular", sys.modules[__name__])
    gym.register("Particular-v0", Particular, max_episode_steps=20)
    trust = ["--trust-env-module", "particular"]
    assert main(["train", "particular:Particular-v0", "--env.kwargs", ARGUMENTS, *small, *FLAGS, "--out", "run"]) == 0
    assert list(Path("run/checkpoints").iterdir())
    assert main(["resume", "run", "--steps", "256", "--quiet", *trust]) == 0
    assert main(["evaluate", "run", "--episodes", "2", *trust]) == 0
    assert main(["train", "--config", "run/config.toml", "--dry-run", *trust]) == 0
