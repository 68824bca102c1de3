"""Nothing that changes during training is forgotten by the state that is saved."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from dqnlab import presets
from dqnlab.config import Config, Prioritized, Steps
from dqnlab.device import arithmetic
from dqnlab.lab.restore import facts, restore
from dqnlab.run.system import System
from dqnlab.store.checkpoint.checkpoint import Store

# What two runs may hold that differs: clocks, and scratch that is written before it is read.
FREE = (
    "judge.seconds",
    "judge.scratch",
    "judge.evaluator",  # its environments begin every evaluation anew
    "online._parameters",
    "learner._online.gradient",  # zeroed before each update
    "learner._target.gradient",
    "guard.calls",  # tells the watchdog one call from the next
)


def walk(value: Any, path: str, seen: set[int]) -> Iterator[tuple[str, Any]]:
    """Every number, text, array, tensor and generator that can be reached from an object, by the path to it."""
    if path.endswith(FREE) or any(f"{free}." in path for free in FREE):
        return
    if isinstance(value, (bool, int, float, str, type(None), np.ndarray, np.generic, torch.Tensor)):
        yield path, value
        return
    if isinstance(value, np.random.Generator):
        yield path, value.bit_generator.state
        return
    if callable(value) and not hasattr(value, "__dict__"):
        return
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, dict):
        items = [(str(key), each) for key, each in value.items()]
    elif isinstance(value, (list, tuple, set, frozenset)):
        items = [(str(i), each) for i, each in enumerate(value)]
    elif is_dataclass(value) and not isinstance(value, type):
        items = [(each.name, getattr(value, each.name)) for each in fields(value)]
    elif isinstance(value, gym.Env) or type(value).__module__.startswith("dqnlab"):
        items = list(vars(value).items()) if hasattr(value, "__dict__") else []
    else:
        return
    for name, each in items:
        yield from walk(each, f"{path}.{name}", seen)


def differing(a: System, b: System) -> list[str]:
    left, right = dict(walk(a, "system", set())), dict(walk(b, "system", set()))
    keys = [*left, *(key for key in right if key not in left)]
    return [key for key in keys if key not in left or key not in right or not equal(left[key], right[key])]


def equal(a: Any, b: Any) -> bool:
    if isinstance(a, (np.ndarray, np.generic)):
        return np.asarray(a).tobytes() == np.asarray(b).tobytes()
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    return type(a) is type(b) and (a == b or (a != a and b != b))


def trained(config: Config, steps: int) -> System:
    from dqnlab.run.events import BlockEnded
    from dqnlab.run.system import assemble

    system = assemble(config)
    with arithmetic(1):
        for event in system.events(notify=lambda line: None):
            if isinstance(event, BlockEnded) and event.step >= steps:
                break
    return system


def config_of(name: str) -> Config:
    preset = presets.get(name)
    sizes = {"replay_capacity": 1_000, "learning_starts": 64}
    own: dict[str, Any] = {size: num for size, num in sizes.items() if size not in preset.absent}
    config = replace(
        preset,
        compile="off",
        budget=Steps(num=10_000),
        evaluate_every=Steps(num=200),
        select_episodes=2,
        batch_size=32,
        **own,
    )
    env = (
        "CartPole-v1" if name == "lunarlander" else config.env.id
    )  # the lander's physics keep their state to themselves
    return replace(config, env=replace(config.env, id=env, num_envs=2), n=min(config.n, 3))


@pytest.mark.parametrize("sampler", [None, Prioritized()])
@pytest.mark.parametrize("name", presets.names())
def test_whatever_differs_from_a_fresh_system_is_in_the_state(name: str, sampler: Any, tmp_path: Path) -> None:
    config = config_of(name)
    plain = sampler is None or "sampler" in config.absent
    check(config if plain else replace(config, sampler=sampler), tmp_path)


def test_what_confirming_leaves_is_in_the_state(tmp_path: Path) -> None:
    config = config_of("default")
    check(replace(config, env=replace(config.env, reward_threshold=5.0)), tmp_path)


def check(config: Config, tmp_path: Path) -> None:
    system = trained(config, 450)
    store = Store(tmp_path)
    store.save(450, {"system": system.state_dict()}, system.memory.logs, {**facts(system), "exact": True})
    again, at = restore(config, Store(tmp_path))
    assert at is not None
    assert differing(system, again) == []
    changed = differing(system, trained(config, 1))
    for part in ("collector", "memory", "learner", "judge", "progress"):  # the walk sees what training changes
        assert any(key.startswith(f"system.{part}.") for key in changed), part
    system.close()
    again.close()
