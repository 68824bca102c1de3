"""What an environment says over several lines is one line of ours, whichever command asked it what."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from dqnlab.app.cli import main

SAYS = "cannot go on:\n    the simulator said\r\n\tno licence"
HEARD = "cannot go on: the simulator said no licence"


class Talks(gym.Env[np.ndarray, int]):
    """Fails in one of its calls, at length."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012  as people write it
    observation_space = gym.spaces.Box(-1, 1, (2,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def __init__(self, where: str = "", render_mode: str | None = None) -> None:
        self.where, self.steps, self.render_mode = where, 0, render_mode
        self._fail("make")

    def _fail(self, where: str) -> None:
        if where == self.where:
            raise RuntimeError(SAYS)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        self._fail("reset")
        return np.zeros(2, np.float32), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict]:
        self._fail("step")
        self.steps += 1
        return np.zeros(2, np.float32), 1.0, self.steps % 5 == 0, False, {}

    def render(self) -> np.ndarray:
        self._fail("render")
        return np.zeros((64, 64, 3), np.uint8)

    def close(self) -> None:
        self._fail("close")


@pytest.fixture(autouse=True)
def talks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Registered as the module `talks` would do it."""
    module = ModuleType("talks")
    module.Talks = Talks  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "talks", module)
    gym.register("Talks-v0", "talks:Talks", max_episode_steps=20)
    yield
    del gym.registry["Talks-v0"]


@pytest.mark.filterwarnings("default")  # as for everybody: what fails in closing is a warning
@pytest.mark.parametrize("where", ["make", "reset", "step", "close"])
@pytest.mark.parametrize("command", ["train", "doctor"])
def test_a_call_that_fails_at_length(
    command: str, where: str, small: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["Talks-v0", "--env.kwargs", f'{{"where": "{where}"}}']
    words += small if command == "train" else ["--random-steps", "50"]
    assert main([command, *words]) == (3 if where in {"make", "reset", "step"} else 0)
    out, err = capsys.readouterr()
    said = [line for line in (out + err).splitlines() if "cannot go on" in line]
    assert said, out + err
    assert [line for line in said if HEARD not in line] == []
    assert "\t" not in out + err


ODD = "No\npe\x1b[31m-v1"
LINES = [
    [["train", ODD, "--dry-run"], 2],
    [["train", "--preset", ODD], 2],
    [["train", f"--{ODD}"], 2],
    [["train", "--config", ODD], 2],
    [["doctor", ODD], 2],
    [["evaluate", ODD], 2],
    [["record", ODD], 2],
    [["presets", ODD], 2],
    [["runs", ODD], 2],
    [["train", "--config", "odd.toml", "-h"], 0],
]


@pytest.mark.parametrize(("words", "code"), LINES)
def test_what_was_typed_breaks_no_line_and_steers_no_terminal(
    words: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("odd.toml").write_text(r'env.id = "my\npet\u001b[31m"')
    assert main(words) == code
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err
    assert [line for line in (out + err).splitlines() if line.startswith("pe")] == []


def test_a_film_that_fails_at_length(small: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "Talks-v0", "--env.kwargs", '{"where": "render"}', "--out", "run", *small]) == 0
    assert main(["record", "run"]) == 3
    assert HEARD in capsys.readouterr().err
