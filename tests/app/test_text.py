"""Small pieces of text."""

from pathlib import Path

import pytest

from dqnlab.terminal.text import clean, duration, size, sparkline
from dqnlab.trust import shown


def test_clean_drops_what_could_steer_a_terminal_and_keeps_the_rest() -> None:
    assert clean("a\x1b[2J\x00\x9b\u202eé 日\nb") == "a[2Jé 日 b"


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (61, "1:01"), (3_725, "1:02:05")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_sparkline_runs_from_the_lowest_to_the_highest() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7], 10) == "▁▂▃▄▅▆▇█"
    assert sparkline([5, -5], 10) == "█▁"


def test_a_sparkline_of_many_values_averages_neighbours() -> None:
    assert sparkline([0, 0, 10, 10, 0, 0, 10, 10], 4) == "▁█▁█"
    assert sparkline([0, 10, 10, 20], 2) == "▁█"


def test_a_sparkline_of_equal_values_is_flat_and_of_none_empty() -> None:
    assert sparkline([3, 3, 3], 10) == "▄▄▄"
    assert sparkline([], 10) == ""


def test_paths_below_the_working_folder_are_shown_relative() -> None:
    assert shown(Path.cwd() / "runs" / "x") == str(Path("runs/x"))
    assert shown(Path.cwd().parent) == str(Path.cwd().parent)


@pytest.mark.parametrize(
    ("num", "text"), [(20_000, "0.0 MB"), (3_140_000, "3.1 MB"), (52_000_000, "52 MB"), (7_131_000_000, "7.1 GB")]
)
def test_sizes(num: int, text: str) -> None:
    assert size(num) == text
