"""What a configuration leaves open, found out: a value wherever it says "auto"."""

from __future__ import annotations

from dataclasses import replace

from . import config as c
from .config.fields import leaves
from .envs.make import EnvSpec
from .envs.open import open_envs
from .envs.recordings import Recordings, read_recordings
from .envs.trial import Rewards, measure_rewards, rewards_in
from .envs.vector import Envs
from .envs.watchdog import watched
from .errors import ConfigError
from .learn.convs import Picture, find_pictures
from .learn.types import ObsSpec

UPDATES_THAT_PAY = 40_000  # an update saves some 0.4 ms, compiling for the first time takes some 15 s
EXPLORATION = 0.3  # of the budget, where epsilon.steps is "auto"
LEAST_SIDE = {
    "auto": 10,
    "small": 3,
    "nature": 36,
    "impala": 3,
    "hadamax": 3,
    "auto_impala": 10,
}  # pixels; below, an array is no picture
EPISODE_STEPS = 200  # a guess, for budgets counted in episodes


def settle(config: c.Config, spec: EnvSpec, envs: Envs, recordings: Recordings | None = None) -> c.Config:
    """The configuration with a value wherever it says that one shall be found: what the run's own files hold.

    Rewards are measured in random play, or in what was recorded.
    """
    rewards = Rewards(1, 1)
    if config.measures_rewards and recordings is not None:
        rewards = rewards_in(recordings.rewards, config.reward_clip)
    elif config.measures_rewards:
        rewards = measure_rewards(envs, spec, config.reward_clip)
    most = rewards.most_return(config.gamma, spec.max_episode_steps)
    return replace(
        config,
        env=settle_env(config.env, spec),
        head=settle_range(config.head, most) if isinstance(config.head, c.C51 | c.HlGauss) else config.head,
        reward_scale=rewards.scale if config.reward_scale == "auto" else config.reward_scale,
        experience=settle_experience(config.experience, recordings),
        lr_schedule=settle_rate(config),
        sampler=settle_sampler(config),
        epsilon=settle_epsilon(config),
        compile="on" if should_compile(config, spec.obs) else "off",
    )


_BY_PLAY = "by the rewards of random play"
_REASONS = {
    "reward_scale": _BY_PLAY,
    "head.v_min": _BY_PLAY,
    "head.v_max": _BY_PLAY,
    "epsilon.steps": f"{EXPLORATION:.0%} of the budget",
    "epsilon.episodes": f"{EXPLORATION:.0%} of the budget",
    "lr_schedule.updates": "those of the budget",
    "sampler.updates": "those of the budget",
    "env.action_mask": "as the environment says",
}


def explain_settled(asked: c.Config, settled: c.Config) -> str:
    """What was found for each setting that was left open, and why, in one line; empty if there was none."""
    before, after = dict(leaves(asked)), dict(leaves(settled))
    found = dict[str, list[str]]()
    for name, value in after.items():
        left_open = before.get(name) == "auto" or (name == "epsilon.episodes" and before.get("epsilon.steps") == "auto")
        if settled.is_offline and name.startswith("epsilon."):
            continue  # nothing is played
        if name in _REASONS and left_open and value not in ("auto", "off"):
            why = _REASONS[name]
            if why == _BY_PLAY and not isinstance(settled.experience, c.Own):
                why = "by the recorded rewards"
            found.setdefault(why, []).append(f"{name} = {_short(value)}")
    return "; ".join(f"{', '.join(values)} ({why})" for why, values in found.items())


def _short(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}" if isinstance(value, float) else str(value)


def settle_range(head: c.C51 | c.HlGauss, most: float) -> c.C51 | c.HlGauss:
    """The head with a range of returns: up to `most` if nothing else is said, and as wide below 0 as above."""
    v_max = most if head.v_max == "auto" else head.v_max
    return replace(head, v_min=-v_max if head.v_min == "auto" else head.v_min, v_max=v_max)


def settle_experience(
    experience: c.Own | c.Demos | c.Offline, recordings: Recordings | None
) -> c.Own | c.Demos | c.Offline:
    """What is learned from, with the hash of what was recorded."""
    match experience:
        case c.Demos() | c.Offline() if recordings is not None:
            return replace(experience, sha256=recordings.sha256)
        case _:
            return experience


def recordings_of(config: c.Config, spec: EnvSpec) -> Recordings | None:
    """The recorded episodes that are learned from; none if there are none. Raises as `read_recordings`."""
    match config.experience:
        case c.Demos(source=source, sha256=sha256) | c.Offline(source=source, sha256=sha256):
            return read_recordings(source, spec, config.env, sha256)
        case _:
            return None


def settle_env(env: c.Env, spec: EnvSpec) -> c.Env:
    """The environment's settings, completed by what trying it has shown."""
    return replace(env, action_mask="off" if spec.obs.mask is None else "on")


def foresee_settings(config: c.Config) -> c.Config:
    """The settings that a run of this configuration would find: makes its environments and closes them again."""
    with watched(config.env.timeout):
        spec, envs = open_envs(config.env)
        try:
            return settle(config, spec, envs, recordings_of(config, spec))
        finally:
            envs.close()


def settle_rate(config: c.Config) -> c.ConstantRate | c.LinearRate | c.CosineRate:
    """The schedule of the learning rate in updates, which a later end of the run leaves as it is."""
    schedule = config.lr_schedule
    if isinstance(schedule, c.ConstantRate) or schedule.updates != "auto":
        return schedule
    return replace(schedule, updates=expected_updates(config))


def settle_sampler(config: c.Config) -> c.Uniform | c.Prioritized | c.Custom:
    """The sampler, with beta's way in updates, which a later end of the run leaves as it is."""
    sampler = config.sampler
    if isinstance(sampler, c.Prioritized) and sampler.beta_end is not None and sampler.updates == "auto":
        return replace(sampler, updates=expected_updates(config))
    return sampler


def expected_updates(config: c.Config) -> int:
    """As many as the budget has; a guess where that is counted in episodes."""
    steps = config.budget.num * (1 if isinstance(config.budget, c.Steps) else EPISODE_STEPS)
    return updates_in(config, steps)


def updates_in(config: c.Config, steps: int) -> int:
    """How many updates so many steps bring, at least 1."""
    every, row = pace(config)
    return max((steps - waits(config)) // every * row, 1)


def waits(config: c.Config) -> int:
    """Steps before which nothing is learned, beside those that the first update takes."""
    return 0 if config.is_offline or isinstance(config.memory, c.Rollout) else config.learning_starts


def pace(config: c.Config) -> tuple[int, int]:
    """Steps from one row of updates to the next, and how many updates a row has."""
    if isinstance(config.memory, c.Rollout):
        return config.memory_size, config.memory.num_epochs * config.memory_size // config.batch_size
    return 1 if config.is_offline else config.update_every, 1


def settle_epsilon(config: c.Config) -> c.Linear | c.LinearEpisodes | c.Geometric | c.Constant | c.Ladder:
    """The schedule in steps or episodes, which a later end of the run leaves as it is."""
    match config.epsilon, config.budget:
        case c.Linear(start=start, end=end, steps="auto"), c.Steps(num=num):
            return c.Linear(start=start, end=end, steps=max(round(EXPLORATION * num), 1))
        case c.Linear(start=start, end=end, steps="auto"), c.Episodes(num=num):
            return c.LinearEpisodes(start=start, end=end, episodes=max(round(EXPLORATION * num), 1))
    return config.epsilon


def choose_convs(config: c.Config, obs: ObsSpec) -> dict[int, tuple[str, Picture]]:
    """Which convolutions look at what of an observation: their kind and how it is a picture, by the number of the part.

    Raises:
        ConfigError: convolutions were asked for where nothing is a picture, or none large enough.
    """
    if config.conv == "none":
        return {}
    least = LEAST_SIDE[config.conv]
    found = find_pictures(obs, least)
    if config.conv == "auto_impala":
        return {number: ("impala", picture) for number, picture in found.items()}
    if config.conv == "auto":
        return {
            number: ("nature" if min(picture.sides) >= LEAST_SIDE["nature"] else "small", picture)
            for number, picture in found.items()
        }
    if not found:
        seen = ", ".join(str(part.shape) for part in obs.parts or (obs,))
        raise ConfigError(
            f"conv = {config.conv!r} is for pictures of at least {least} pixels a side, and env {config.env.label!r} "
            f"shows {seen}: leave conv out"
        )
    return {number: (config.conv, picture) for number, picture in found.items()}


def cut_after(config: c.Config) -> int | None:
    """Steps of each copy between two checkpoints, which cut the episodes of an environment that cannot be saved.

    None where no checkpoint comes before the end of training.
    """
    every = config.checkpoint_every
    if not every or (isinstance(config.budget, c.Steps) and every >= config.budget.num):
        return None
    return max(1, every // config.env.num_envs)


def should_compile(config: c.Config, obs: ObsSpec) -> bool:
    """Whether to compile the update: as chosen, or if there may be enough updates to pay for it even the first time.

    Only the configuration and the shape of observations decide, so that the same run always computes the same.
    """
    if config.compile != "auto" or config.device == "cuda" or config.remembers:  # never measured: only if asked
        return config.compile == "on"
    if any(kind != "small" for kind, _ in choose_convs(config, obs).values()):
        return False  # their products are the same as uncompiled, and take nearly all the time
    if c.has_own_parts(config):
        return False  # nobody knows whether the compiler understands them: only if asked
    steps = config.budget.num * (1 if isinstance(config.budget, c.Steps) else EPISODE_STEPS)
    every, row = pace(config)
    return steps // every * row >= UPDATES_THAT_PAY
