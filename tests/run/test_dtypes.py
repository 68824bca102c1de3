"""Numbers of any type reach the network as they are, or divided by what their space announces; all agree by which."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.grid import Grid

from dqnlab.check.doctor import forecast
from dqnlab.check.doctor.diagnosis import DIVIDE
from dqnlab.check.doctor.examination import examine
from dqnlab.config import Config, Env, Steps
from dqnlab.envs.make import describe
from dqnlab.errors import ConfigError
from dqnlab.learn.weights import export_weights
from dqnlab.run.keep import save_weights
from dqnlab.run.system import assemble
from dqnlab.store.agent import load
from dqnlab.store.folder import BEST
from dqnlab.store.start import write_start

from ..tiny import tiny

# type, side (0: a vector), bound, stored as, divided by
NUMBERS: list[tuple[str, int, float, str, float]] = [
    ("uint8", 40, 255, "uint8", 255),
    ("uint8", 40, 2, "uint8", 2),
    ("uint8", 40, 1, "uint8", 1),
    ("uint8", 6, 255, "uint8", 1),
    ("uint8", 6, 2, "uint8", 1),
    ("uint8", 0, 255, "uint8", 1),
    ("int8", 6, 2, "float32", 1),
    ("int8", 40, 100, "float32", 100),
    ("uint16", 6, 1000, "float32", 1),
    ("uint16", 40, 65_535, "float32", 65_535),
    ("int64", 0, 1000, "float32", 1),
    ("int64", 6, 1, "float32", 1),
    ("int64", 40, 255, "float32", 255),
    ("int64", 40, 1_000_000, "float32", 1),
    ("bool", 0, 1, "bool", 1),
    ("bool", 6, 1, "bool", 1),
    ("bool", 40, 1, "bool", 1),
    ("float16", 6, 1000, "float32", 1),
    ("float32", 40, 255, "float32", 1),
    ("float64", 40, 1, "float32", 1),
    ("float64", 0, 255, "float32", 1),
]
CONFIG = tiny(budget=Steps(num=96), learning_starts=32)


@pytest.mark.parametrize(("dtype", "side", "high", "stored", "scale"), NUMBERS)
def test_training_acting_and_exports_see_the_same_numbers(
    dtype: str, side: int, high: float, stored: str, scale: float
) -> None:
    make = partial(Grid, dtype, side, high)
    config = replace(CONFIG, env=Env(id=make, num_envs=1), conv="none")  # computed by hand below
    system = assemble(config)
    try:
        assert (system.spec.obs.dtype, system.spec.obs.scale) == (stored, scale)
        list(system.events())
        drawn = system.memory.batch(system.memory.sample(64))
    finally:
        system.close()
    assert drawn.obs.max() == high  # nothing has wrapped, nothing has been divided yet
    network = system.learner.online
    assert network.encode(drawn.obs).max().item() == pytest.approx(high / scale)
    Path("run").mkdir()
    write_start(Path("run"), system.config, system.spec, 1)
    save_weights(Path("run", BEST), export_weights(network))
    weights = torch.load(Path("run", BEST))
    layers = [name.removesuffix(".weight") for name in weights if name.endswith(".weight")]
    made = make()
    shown, _ = made.reset(seed=3)
    x = np.asarray(shown, np.float32).ravel() / np.float32(scale)
    for layer in layers[:-1]:
        x = np.maximum(weights[f"{layer}.weight"].numpy() @ x + weights[f"{layer}.bias"].numpy(), 0)
    by_hand = weights[f"{layers[-1]}.weight"].numpy() @ x + weights[f"{layers[-1]}.bias"].numpy()
    found = load(Path("run"), env=make)
    assert found.spec.obs == system.spec.obs
    given: list[Callable[[np.ndarray], Any]] = [lambda obs: obs, np.ndarray.tolist, lambda obs: torch.from_numpy(obs)]
    for form in given[: 2 if dtype == "uint16" else 3]:
        np.testing.assert_allclose(found.q_values(form(shown)), by_hand, rtol=1e-4, atol=1e-4)


def test_whole_numbers_on_both_sides_of_zero_are_divided_by_the_larger_bound() -> None:
    def scale(how: Any, *env: Any) -> float:
        return describe(Env(id=partial(Grid, *env), scale=how)).obs.scale

    assert scale("auto", "int8", 40, 127, -128) == 128
    assert scale("high", "int16", 6, 10, -100) == 100
    assert scale("high", "bool", 6, 1) == 1
    assert scale("high", "int64", 0, 1_000_000) == 1_000_000


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint32", "uint64"])
def test_a_bound_that_is_none_divides_nothing(dtype: str) -> None:
    make = partial(Grid, dtype, 40, np.iinfo(dtype).max, 0, 3)
    assert describe(Env(id=make)).obs.scale == 1
    with pytest.raises(ConfigError, match=r"shows Box\(.*\), which has none: announce the true one"):
        describe(Env(id=make, scale="high"))


@pytest.mark.parametrize(
    ("env", "level", "words"),
    [
        (("int64", 6, 2), "note", f"whole numbers up to 2 are taken for codes and not divided; {DIVIDE} divides them"),
        (("int64", 0, 1000), "warning", "observations reach 1,000 (number 0): large inputs make learning slow"),
        (("int64", 40, 1000, 0, 2), "warning", "divided by 1000, the bound that its space announces, but reached"),
        (("int8", 40, 127, -128), "ok", "the network sees observations divided by 128"),
        (("uint16", 6, 3), "note", "whole numbers up to 3 are taken for codes"),
        (("float64", 6, 255), "warning", "observations reach 255"),
        (("float16", 6, 1), "", ""),
        (("bool", 6, 1), "", ""),
    ],
    ids=str,
)
def test_the_doctor_says_what_is_divided(
    env: tuple[Any, ...], level: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forecast, "PATIENCE", 0.01)
    report = examine(Config(env=Env(id=partial(Grid, *env), max_episode_steps=9)), steps=20)
    said = [(each.level, each.what) for each in report.findings if each.check == "scale"]
    assert [words in what for found, what in said if found == level] == ([True] if level else [])
    advice = [each.advice for each in report.findings if (each.check, each.level) == ("scale", "warning")]
    if level == "warning" and "reach" in words and "reached" not in words:
        assert ("--env.scale high" in advice[0]) == (env[0] == "int64")
