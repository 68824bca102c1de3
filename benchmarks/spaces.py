"""What `auto` chooses for eleven kinds of observation, and what the doctor says of each.

    python benchmarks/spaces.py

Prints a table: the convolutions and the divisor of each part, the features that reach the torso, and the doctor's lines
on pictures, scale, parts and words. Takes a few seconds; nothing is timed, and the same is printed on every machine.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from dqnlab import presets
from dqnlab.build import make_encoder
from dqnlab.check.doctor.examination import examine
from dqnlab.config import Config, Env
from dqnlab.envs.make import describe
from dqnlab.errors import ConfigError
from dqnlab.learn.types import ObsSpec
from dqnlab.settle import choose_convs

SAID = ("scale", "parts", "stored", "mask", "actions", "spaces")  # checks of the doctor that tell of the space


class Sampled(gym.Env[Any, Any]):
    """Shows samples of a space, for twenty steps."""

    def __init__(self, space: spaces.Space[Any], action_space: spaces.Space[Any]):
        self.observation_space = space
        self.action_space = action_space

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.steps = 0
        return self._shown(), {}

    def step(self, action: Any) -> Any:
        self.steps += 1
        return self._shown(), 1.0, self.steps == 20, False, {}

    def _shown(self) -> Any:
        self.observation_space.seed(int(self.np_random.integers(2**31)))
        return self.observation_space.sample()


def pixels(*shape: int) -> spaces.Box:
    return spaces.Box(0, 255, shape, np.uint8)


FOUR = spaces.Box(-1, 1, (4,), np.float32)
SPACES: dict[str, spaces.Space[Any]] = {
    "4 numbers": FOUR,
    "6 × 7 codes": spaces.Box(0, 2, (6, 7), np.int64),
    "10 × 10 × 4 booleans (MinAtar)": spaces.Box(0, 1, (10, 10, 4), np.bool_),
    "84 × 84 × 1 bytes": pixels(84, 84, 1),
    "210 × 160 × 3 bytes (Atari)": pixels(210, 160, 3),
    "3 × 64 × 64 bytes, colours first": pixels(3, 64, 64),
    "picture and numbers": spaces.Dict(image=pixels(64, 64, 3), speed=FOUR),
    "picture, number, words": spaces.Dict(direction=spaces.Discrete(4), image=pixels(7, 7, 3), mission=spaces.Text(40)),
    "MultiDiscrete([3, 5, 2])": spaces.MultiDiscrete([3, 5, 2]),
    "Tuple(Discrete(6), 4 numbers)": spaces.Tuple((spaces.Discrete(6), FOUR)),
    "7 × 7 × 3 codes (MiniGrid)": spaces.Box(0, 10, (7, 7, 3), np.uint8),
}


def setting(space: spaces.Space[Any]) -> Config:
    """The preset `default` on an environment that shows the space."""
    env = Env(id=partial(Sampled, space, spaces.Discrete(3)))
    return replace(presets.get("default"), env=env)


def chosen(config: Config) -> tuple[str, str, str]:
    """Convolutions, divisors and features."""
    obs = describe(config.env).obs
    kinds = choose_convs(config, obs)
    parts = obs.parts or (obs,)
    convs = {number: f"{kind} on {' × '.join(map(str, picture.sides))}" for number, (kind, picture) in kinds.items()}
    shown = [convs.get(number, "one-hot" if part.num_states else "none") for number, part in enumerate(parts)]
    scales = ["none" if part.scale == 1 else f"{part.scale:g}" for part in parts]
    return named(obs, shown), named(obs, scales), f"{make_encoder(config, obs).width:,}"


def named(obs: ObsSpec, values: list[str]) -> str:
    """A value of each part by its name, or once for all."""
    if len(set(values)) == 1:
        return values[0]
    return ", ".join(f"{part.name}: {value}" for part, value in zip(obs.parts, values, strict=True))


def said(config: Config) -> Iterator[str]:
    """The doctor's lines on the space."""
    examination = examine(config, steps=200, seconds=2.0)
    for finding in examination.findings:
        if finding.check in SAID and not finding.what.startswith(("Discrete", "MultiDiscrete")):
            yield f"{finding.level}: {finding.what}"
    if examination.forecast is not None:
        yield from (f"picture: {line}" for line in examination.forecast.pictures)


def main() -> None:
    print("| observations | convolutions | divided by | features | the doctor says |\n|---|---|---|---|---|")
    for name, space in SPACES.items():
        config = setting(space)
        try:
            row = chosen(config)
        except ConfigError:  # the doctor's line has the reason
            row = "refused", "", ""
        print("| " + " | ".join([name, *row, "<br>".join(said(config))]) + " |", flush=True)


if __name__ == "__main__":
    main()
