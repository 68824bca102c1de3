"""The one gate to an environment: whatever it raises is named, whatever it changes of the process is put back."""

import asyncio
import locale
import logging
import os
import signal
import statistics
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces

from dqnlab.config import Env
from dqnlab.envs.guard import Guarded
from dqnlab.envs.make import describe, make_one
from dqnlab.envs.open import make_envs
from dqnlab.envs.surroundings import surroundings
from dqnlab.errors import EnvironmentFault


class Odd(gym.Env[np.ndarray, int]):
    """Does at one of its calls whatever it is told to."""

    observation_space, action_space = spaces.Box(-1, 1, (2,), np.float32), spaces.Discrete(2)
    metadata = {"render_modes": ["rgb_array"]}  # noqa: RUF012
    at, deed = "", staticmethod(lambda: None)

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode
        self.do("constructor")

    def do(self, call: str) -> None:
        if call == Odd.at:
            Odd.deed()

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        self.do("reset")
        return np.zeros(2, np.float32), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.do("step")
        return np.zeros(2, np.float32), 1.0, True, False, {}

    def render(self) -> np.ndarray:
        self.do("render")
        return np.zeros((8, 8, 3), np.uint8)

    def close(self) -> None:
        self.do("close")


@pytest.fixture(autouse=True)
def anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Odd, "at", "")
    monkeypatch.setattr(Odd, "deed", staticmethod(lambda: None))


def told(at: str, deed: Callable[[], object]) -> None:
    Odd.at, Odd.deed = at, staticmethod(deed)


class Own(BaseException):
    """Of a library that wants to end everything."""


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def raises(error: BaseException) -> Callable[[], None]:
    def deed() -> None:
        raise error

    return deed


ERRORS = [
    (SystemExit(0), "SystemExit: 0"),
    (Own("enough"), "Own: enough"),
    (GeneratorExit(), "GeneratorExit"),
    (asyncio.CancelledError(), "CancelledError"),
    (MemoryError(), "MemoryError"),
    (Mute(), r"Mute: \(its text raised RuntimeError\)"),
]


@pytest.mark.parametrize(("error", "words"), ERRORS, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("call", ["constructor", "reset", "step", "render"])
def test_whatever_an_environment_raises_is_a_fault_that_names_the_call(
    call: str, error: BaseException, words: str
) -> None:
    made = make_one(Env(id=Odd), "rgb_array")
    told(call, raises(error))
    where = {
        "constructor": r"env 'Odd' could not be made: ",
        "reset": r"env 'Odd', step 2: reset raised ",
        "step": r"env 'Odd', step 3 raised ",
        "render": r"env 'Odd', step 2: render raised ",
    }
    Odd.at = ""
    for _ in range(2):
        made.reset()
        made.step(0)
    made.reset()
    Odd.at = call
    with pytest.raises(EnvironmentFault, match=where[call] + words):
        {"constructor": lambda: make_one(Env(id=Odd)), "step": lambda: made.step(0)}.get(
            call, getattr(made, call, None)
        )()


def test_a_fault_ends_with_the_place_in_the_users_own_file() -> None:
    """Not in Gymnasium's wrappers around it, and not in a library that it calls."""

    class Asks(Odd):
        def step(self, action: Any) -> Any:
            return statistics.mean([])  # raises in a library

    line = Asks.step.__code__.co_firstlineno + 1
    made = make_one(Env(id=Asks, frame_stack=2))
    made.reset()
    with pytest.raises(EnvironmentFault, match=rf"step 1 raised StatisticsError.* \(test_guard\.py, line {line}\)$"):
        made.step(0)


@pytest.mark.parametrize("error", [SystemExit(0), Own(), RuntimeError()])
def test_an_environment_that_fails_to_close_has_done_its_work(error: BaseException) -> None:
    envs = make_envs(Env(id=Odd), describe(Env(id=Odd)), 1)
    told("close", raises(error))
    with pytest.warns(UserWarning, match=r"env 'Odd': close raised"):
        envs.close()


@pytest.mark.parametrize("name", ["observation_space", "action_space", "metadata", "spec"])
def test_properties_that_raise_are_faults_of_the_environment(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_one(Env(id=Odd))
    monkeypatch.setattr(Odd, name, property(lambda env: sys.exit(1)), raising=False)
    with pytest.raises(EnvironmentFault, match=f"{name} raised SystemExit: 1"):
        getattr(made, name)


def test_somebody_who_wants_the_process_to_end_is_heard() -> None:
    made = make_one(Env(id=Odd))
    told("reset", raises(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        made.reset()


def test_a_fault_names_the_env_among_several_and_counts_its_own_steps() -> None:
    envs = make_envs(Env(id=Odd), describe(Env(id=Odd)), 3)
    envs.reset([0, 1, 2])
    for _ in range(5):  # steps and resets by turns
        envs.step(np.zeros(3, np.int64))
    told("reset", raises(OSError("gone")))
    with pytest.raises(EnvironmentFault, match=r"env 'Odd' \(copy 1 of 3\), step 3: reset raised OSError: gone"):
        envs.step(np.zeros(3, np.int64))


DEEDS: dict[str, Callable[[], object]] = {
    "autograd off": lambda: torch.set_grad_enabled(False),
    "inference mode": lambda: torch.inference_mode().__enter__(),
    "float64": lambda: torch.set_default_dtype(torch.float64),
    "meta device": lambda: torch.set_default_device("meta"),
    "threads": lambda: torch.set_num_threads(torch.get_num_threads() + 1),
    "deterministic": lambda: torch.use_deterministic_algorithms(True),
    "numpy raises": lambda: np.seterr(all="raise"),
    "another folder": lambda: os.chdir("/"),
    "another stdout": lambda: setattr(sys, "stdout", None),
    "another stderr": lambda: setattr(sys, "stderr", None),
    "variables": lambda: os.environ.clear(),
    "locale": lambda: locale.setlocale(locale.LC_ALL, "C.UTF-8"),
    "warnings": lambda: warnings.simplefilter("ignore"),
    "logging": lambda: logging.disable(logging.CRITICAL),
    "logs everything": lambda: logging.basicConfig(level=logging.DEBUG, force=True),
    "empty search path": lambda: sys.path.clear(),
    "umask": lambda: os.umask(0o777),
    "bfloat16": lambda: torch.set_float32_matmul_precision("medium"),
    "autocast": lambda: torch.set_autocast_enabled("cpu", True),
    "anomalies": lambda: torch.autograd.set_detect_anomaly(True),
    "low recursion": lambda: sys.setrecursionlimit(400),
    "deaf to signals": lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN),
    "signals blocked": lambda: signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM]),
}


def the_umask() -> int:
    """What files that are made now are kept from."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_every_deed_is_seen_by_other_eyes_too() -> None:
    """What is compared in the test below is what the code under test looks at."""
    looks: dict[str, Callable[[], Any]] = {
        "logs everything": lambda: (logging.root.level, list(logging.root.handlers)),
        "empty search path": lambda: list(sys.path),
        "umask": the_umask,
        "bfloat16": torch.get_float32_matmul_precision,
        "autocast": lambda: torch.is_autocast_enabled("cpu"),
        "anomalies": torch.is_anomaly_enabled,
        "signals blocked": lambda: signal.pthread_sigmask(signal.SIG_BLOCK, []),
    }
    before = {name: look() for name, look in looks.items()}
    for name in looks:
        told("reset", DEEDS[name])
        make_one(Env(id=Odd)).reset()
    assert {name: look() for name, look in looks.items()} == before


@pytest.mark.parametrize("deed", DEEDS)
@pytest.mark.parametrize("call", ["constructor", "reset", "step", "render", "close"])
def test_what_an_environment_changes_of_the_process_is_put_back(call: str, deed: str) -> None:
    before = surroundings()
    told(call, DEEDS[deed])
    made = make_one(Env(id=Odd))
    for _ in range(2):
        made.reset()
        made.step(0)
        made.render()
    made.close()
    assert surroundings() == before


def test_what_an_environment_changed_is_its_own_again_at_its_next_call(tmp_path: Path) -> None:
    seen: list[Any] = []
    told("constructor", lambda: os.chdir(tmp_path))
    here, made = os.getcwd(), make_one(Env(id=Odd))
    told("step", lambda: seen.append(os.getcwd()))
    made.reset()
    made.step(0)
    assert seen == [str(tmp_path)]
    assert os.getcwd() == here


def test_a_folder_that_an_environment_adds_to_the_search_path_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    told("constructor", lambda: sys.path.insert(0, "helpers"))
    make_one(Env(id=Odd))
    assert sys.path[0] == "helpers"


def test_an_environment_that_moves_to_a_folder_that_is_gone_costs_nothing(tmp_path: Path) -> None:
    made: Guarded = make_one(Env(id=Odd))
    (tmp_path / "gone").mkdir()
    told("reset", lambda: os.chdir(tmp_path / "gone"))
    made.reset()
    (tmp_path / "gone").rmdir()
    made.step(0)
