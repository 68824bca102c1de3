"""What the doctor says of numbers that are divided, and of those that are not."""

from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from dqnlab.check.doctor import forecast
from dqnlab.check.doctor.diagnosis import DIVIDE
from dqnlab.check.doctor.examination import examine

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


def test_pictures_are_said_to_go_flat_into_the_network() -> None:
    report = examine(
        sees(lambda self: np.zeros((40, 40, 3), np.uint8), spaces.Box(0, 255, (40, 40, 3), np.uint8)), steps=20
    )
    assert [each.level for each in report.findings if each.check == "pictures"] == ["warning"]
