"""What the doctor says of numbers that are divided, and of those that are not."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from dqnlab.check.doctor import forecast
from dqnlab.check.doctor.diagnosis import DIVIDE, NORMALIZE
from dqnlab.check.doctor.examination import examine
from dqnlab.config import Config, Env

from ...jobs import Jobs
from .patients import Sound, sees


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody measures here."""
    monkeypatch.setattr(forecast, "PATIENCE", 0.01)


@pytest.mark.parametrize(
    ("high", "side", "seen", "level", "words"),
    [
        (255, 40, 3, "warning", "divided by 255, the bound that its space announces, but reached only 3"),
        (255, 40, 255, "ok", "the network sees observations divided by 255"),
        (3, 40, 3, "ok", "the network sees observations divided by 3"),
        (255, 6, 3, "note", f"whole numbers up to 3 are taken for codes and not divided; {DIVIDE} divides them"),
        (255, 6, 255, "warning", "observations reach 255"),
    ],
)
def test_what_is_divided_and_what_is_not_is_told(high: int, side: int, seen: int, level: str, words: str) -> None:
    def look(self: Sound) -> Any:
        picture = np.zeros((side, side), np.uint8)
        picture[0, 0] = seen
        return picture

    report = examine(sees(look, spaces.Box(0, high, (side, side), np.uint8)), steps=20)
    assert [words in each.what for each in report.findings if (each.check, each.level) == ("scale", level)] == [True]


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize(("conv", "normalized"), [("auto", False), ("none", True)])
def test_what_convolutions_look_at_is_not_to_be_normalised(alone: bool, conv: Any, normalized: bool) -> None:
    picture = spaces.Box(0, 255, (12, 12, 3), np.uint8)
    space = picture if alone else spaces.Dict(image=picture)
    seen = np.full(picture.shape, 200, np.uint8)
    made = sees(lambda self: seen if alone else {"image": seen}, space)
    found = examine(Config(env=Env(id=made), conv=conv), steps=20).findings
    advice = [each.advice for each in found if (each.check, each.level) == ("scale", "warning")]
    assert advice == [f"{DIVIDE} divides them by their announced bound" + NORMALIZE * normalized]


def test_pictures_are_as_small_as_the_chosen_convolutions_can_see() -> None:
    env = Env(id=sees(lambda self: np.zeros((6, 6, 3), np.uint8), spaces.Box(0, 255, (6, 6, 3), np.uint8)))
    for conv, told in (("auto", 1), ("small", 0)):  # pixels that never change
        found = examine(Config(env=env, conv=conv), steps=20).findings
        assert [each.check for each in found].count("constant") == told


def test_the_only_part_is_called_the_observation() -> None:
    plain = spaces.Box(0, 1, (2,), np.float32)

    def made() -> Any:
        return gym.wrappers.TransformObservation(Jobs(), lambda obs: obs["load"][0], plain)

    found = examine(Config(env=Env(id=made)), steps=20).findings
    assert [each.what for each in found if each.check == "parts"] == ["the network sees the observation (2 numbers)"]


def test_pictures_are_said_to_go_flat_where_convolutions_are_turned_off() -> None:
    env = Env(id=sees(lambda self: np.zeros((40, 40, 3), np.uint8), spaces.Box(0, 255, (40, 40, 3), np.uint8)))
    for conv, said in (("none", ["warning"]), ("auto", [])):
        report = examine(Config(env=env, conv=conv), steps=20)
        assert [each.level for each in report.findings if each.check == "pictures"] == said


def test_what_convolutions_will_look_at_is_part_of_the_forecast() -> None:
    parts = spaces.Dict(map=spaces.Box(0, 1, (2, 12, 11), np.uint8), image=spaces.Box(0, 255, (40, 50, 3), np.uint8))
    forecast = examine(sees(lambda self: parts.sample(), parts), steps=20).forecast
    assert forecast is not None
    assert forecast.pictures == (
        "map, 12 x 11 pixels with 2 channels, by conv small: 1,440 features",
        "image, 40 x 50 pixels with 3 channels, by conv nature: 128 features",
    )
    assert forecast.layers[0] == 128 + 1_440


def test_pixels_that_never_change_are_not_counted_and_other_numbers_are() -> None:
    parts = spaces.Dict(image=spaces.Box(0, 1, (12, 11), np.uint8), speed=spaces.Box(-1, 1, (2,), np.float32))
    still = {"image": np.zeros((12, 11), np.uint8), "speed": np.array([0.5, 0.25], np.float32)}
    report = examine(sees(lambda self: still, parts), steps=20)
    (said,) = [each.what for each in report.findings if each.check == "constant"]
    assert said == "2 of 134 numbers of the observation never changed: speed[0], speed[1]"


def test_large_numbers_are_no_matter_where_they_are_normalised() -> None:
    env = Env(id=sees(lambda self: np.full(3, 1e4, np.float32), spaces.Box(-1e5, 1e5, (3,), np.float32)))
    for normalized, level in ((False, "warning"), (True, "ok")):
        report = examine(Config(env=env, normalize_obs=normalized), steps=20)
        (found,) = [each for each in report.findings if each.check == "scale"]
        assert found.level == level
        assert normalized or "--normalize-obs" in str(found.advice)
