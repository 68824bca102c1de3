"""The remark on the preset that was chosen where none was asked for: never before an error says what there is not."""

from itertools import product
from pathlib import Path
from textwrap import dedent

import pytest

from dqnlab.app.cli import main

from .comparing import QUICK

MODULES = {
    "nothing_there": "",
    "breaks": "raise RuntimeError('not today')",
    "cannot_begin": """
        import gymnasium as gym
        class Broken(gym.Env):
            def __init__(self):
                raise RuntimeError("no board")
        gym.register("Broken-v0", Broken)
        """,
    "of_numbers": """
        import gymnasium as gym
        from gymnasium.envs.classic_control import PendulumEnv
        gym.register("Swing-v0", PendulumEnv, max_episode_steps=20)
        """,
    "plays": """
        import gymnasium as gym
        from gymnasium.envs.classic_control import CartPoleEnv
        gym.register("Pole-v0", CartPoleEnv, max_episode_steps=20)
        """,
}
CANNOT = [
    "Acrobat-v1",
    "Blackjack-v9",
    "no_such_module:Pole-v0",
    "nothing_there:Pole-v0",
    "breaks:Pole-v0",
    "cannot_begin:Broken-v0",
    "of_numbers:Swing-v0",
]
CAN = ["Blackjack-v1", "plays:Pole-v0"]


@pytest.fixture(autouse=True)
def modules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules of the user's own, in the folder of the test."""
    for name, text in MODULES.items():
        Path(f"{name}.py").write_text(dedent(text))
    monkeypatch.syspath_prepend(str(Path.cwd()))


def lines(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was said, with what was logged first: this process shows that only where nobody else takes it."""
    return [*caplog.messages, *capsys.readouterr().err.splitlines()]


@pytest.mark.parametrize("env", CANNOT)
@pytest.mark.parametrize("words", ["train --tracker none", "train --dry-run", "tune --trials 1"])
def test_nothing_is_said_of_the_preset_of_an_environment_that_cannot_be_made(
    words: str, env: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert main([*words.split(), env]) in (2, 3)
    (said,) = lines(capsys, caplog)
    assert said.startswith("error: ")


@pytest.mark.world
@pytest.mark.parametrize("env", ["nothing_there:Pole-v0", "cannot_begin:Broken-v0"])
def test_nor_where_other_processes_make_it(
    env: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert main(["train", env, "--tracker", "none", "--seeds", "2"]) in (2, 3)
    (said,) = lines(capsys, caplog)
    assert said.startswith("error: ")


TRAIN = f"train --tracker none --film.episodes 0 {QUICK}"
TUNE = f"tune --trials 1 --seeds 1 --confirm 0 --film.episodes 0 {QUICK.replace('--no-explain', '')}"


@pytest.mark.parametrize(
    ("words", "env"),
    [
        *product([TRAIN, "train --dry-run", "train --dry-run --reward-scale 1", "tune --dry-run"], CAN),
        pytest.param(f"{TRAIN} --seeds 2", "plays:Pole-v0", marks=pytest.mark.world),
        pytest.param(TUNE, "plays:Pole-v0", marks=pytest.mark.world),
    ],
)
def test_else_it_is_said_once_and_before_all_that_is_said_of_the_settings(
    words: str, env: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert main([*words.split(), env]) == 0
    said = lines(capsys, caplog)
    assert said[0] == f"{env} has no preset of its own: using `default` (see `dqn presets`)"
    assert not any("no preset" in line for line in said[1:])
