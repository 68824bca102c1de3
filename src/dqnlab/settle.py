"""What a configuration leaves open, found out: the values with which a run of it is made."""

from __future__ import annotations

from dataclasses import replace

from . import config as c
from .envs.make import EnvSpec
from .envs.reward_scale import measure_reward_scale
from .envs.vector import Envs, open_envs
from .envs.watchdog import watched

UPDATES_THAT_PAY = 40_000  # an update saves some 0.4 ms, compiling for the first time takes some 15 s
EXPLORATION = 0.3  # of the budget, where epsilon.steps is "auto"
EPISODE_STEPS = 200  # a guess, for budgets counted in episodes


def settle(config: c.Config, spec: EnvSpec, envs: Envs) -> c.Config:
    """The configuration with a value wherever it says that one shall be found: what the run's own files hold."""
    scale = measure_reward_scale(envs, spec) if config.reward_scale == "auto" else config.reward_scale
    return replace(
        config,
        reward_scale=scale,
        epsilon=settle_epsilon(config),
        compile="on" if pays_to_compile(config) else "off",
    )


def foresee_settings(config: c.Config) -> c.Config:
    """The settings that a run of this configuration would find: makes its environments and closes them again."""
    with watched(config.env.timeout):
        spec, envs = open_envs(config.env)
        try:
            return settle(config, spec, envs)
        finally:
            envs.close()


def settle_epsilon(config: c.Config) -> c.Linear | c.LinearEpisodes | c.Geometric | c.Constant:
    """The schedule in steps or episodes, which a later end of the run leaves as it is."""
    match config.epsilon, config.budget:
        case c.Linear(start=start, end=end, steps="auto"), c.Steps(num=num):
            return c.Linear(start=start, end=end, steps=max(round(EXPLORATION * num), 1))
        case c.Linear(start=start, end=end, steps="auto"), c.Episodes(num=num):
            return c.LinearEpisodes(start=start, end=end, episodes=max(round(EXPLORATION * num), 1))
    return config.epsilon


def pays_to_compile(config: c.Config) -> bool:
    """Whether to compile the update: as asked, or if there may be so many that it pays even the first time.

    Only the configuration decides, so that the same one always computes the same.
    """
    if config.compile != "auto" or config.device == "cuda":  # on a GPU it was never measured: only if asked
        return config.compile == "on"
    steps = config.budget.num * (1 if isinstance(config.budget, c.Steps) else EPISODE_STEPS)
    return steps // config.update_every >= UPDATES_THAT_PAY
