"""Every argument of every public function is checked before anything is done: one ConfigError that names it."""

import inspect
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

import dqnlab
from dqnlab.check.doctor.examination import examine
from dqnlab.config import Config, Env, Film, Steps
from dqnlab.config.presets import plan
from dqnlab.errors import CheckpointError, ConfigError, DqnlabError
from dqnlab.run import film
from dqnlab.store.agent import Agent, load
from dqnlab.store.folder import Run


class Room(gym.Env[Any, Any]):
    """Nobody plays in it."""


@pytest.fixture
def agent() -> Agent:
    """A classic network without a run: four numbers in, two actions out."""
    layers = {"fc.0": (3, 4), "fc.2": (3, 3), "fc.4": (2, 3)}
    weights = {f"{name}.weight": torch.ones(shape) for name, shape in layers.items()}
    torch.save(weights | {f"{name}.bias": torch.zeros(shape[0]) for name, shape in layers.items()}, "classic.pth")
    return load("classic.pth", env="CartPole-v1")


RUN = Run(
    folder=Path("none"), env="", preset="", seed=0, score=None, selected_score=None, attempts=0, solved=None,
    env_steps=0, updates=0, seconds={},
)  # fmt: skip


def doors(agent: Agent) -> list[tuple[Callable[..., Any], dict[str, Any]]]:
    """Every public function, with arguments that it would take."""
    return [
        (dqnlab.train, {"config": "CartPole-v1"}),
        (dqnlab.train_many, {"config": "CartPole-v1", "seeds": (1, 2)}),
        (dqnlab.events, {"config": "CartPole-v1"}),
        (dqnlab.resume, {"run": "nowhere"}),
        (dqnlab.load, {"run_or_file": "nowhere"}),
        (dqnlab.evaluate, {"agent": agent}),
        (agent.env_config, {}),
        (agent.check_fits, {"env": Env()}),
        (dqnlab.report, {"run": RUN}),
        (examine, {"what": "CartPole-v1"}),
        (film.record, {"agent": agent, "folder": "films", "episodes": 1, "max_seconds": 1.0}),
        (film.watch, {"agent": agent, "episodes": 1}),
        *[(getattr(dqnlab.presets, name), {"name": "default"}) for name in ("get", "describe", "parent", "diff")],
    ]


UNCHECKED = {"self", "notify"}


def test_every_argument_of_every_public_function_refuses_what_it_cannot_take(agent: Agent) -> None:
    before = set(Path.cwd().rglob("*"))
    rows = 0
    for function, fitting in doors(agent):
        for name in set(inspect.signature(function).parameters) - UNCHECKED:
            for wrong in (object(), 1j, b"x", [object()], Room()):
                with pytest.raises(ConfigError) as caught:
                    function(**fitting | {name: wrong})
                assert str(caught.value).startswith(name), (function, name, wrong)
                rows += 1
    assert rows > 200
    assert set(Path.cwd().rglob("*")) == before


def bad(agent: Agent) -> list[tuple[Callable[[], Any], str]]:
    """Values of about the right kind that cannot be meant."""
    evaluate: Any = dqnlab.evaluate
    return [
        (lambda: load("run", which="Best"), "which must be one of best, last, got 'Best'"),
        (lambda: load("run", device="gpu"), "device must be one of auto, cpu, cuda, got 'gpu'"),
        (lambda: load("run", runs=""), "runs must be a path, got ''"),
        (lambda: evaluate(agent, episodes=0), "episodes must be a whole number from 1 to 1,000,000, got 0"),
        (lambda: evaluate(agent, episodes=True), "episodes must be a whole number from 1 to 1,000,000, got True"),
        (lambda: evaluate(agent, episodes=2.5), "got 2.5"),
        (lambda: evaluate(agent, episodes=float("nan")), "got nan"),
        (lambda: evaluate(agent, seed="a"), "seed must be a whole number in [0, 2**32), got 'a'"),
        (lambda: evaluate(agent, seed=-1), "got -1"),
        (lambda: evaluate("latest"), "agent must be an Agent, as dqnlab.load(run) gives it, got 'latest'"),
        (lambda: dqnlab.train_many("CartPole-v1", 3), "seeds must be a list of whole numbers, got 3"),
        (lambda: dqnlab.train_many("CartPole-v1", [1, 1]), "seeds must be distinct and at least one, got [1, 1]"),
        (lambda: dqnlab.train_many("CartPole-v1", []), "seeds must be distinct and at least one, got []"),
        (lambda: dqnlab.train_many("CartPole-v1", [-1]), "seed must be a whole number in [0, 2**32), got -1"),
        (lambda: dqnlab.train_many("CartPole-v1", range(10**9)), "seeds must be at most 10,000, got 1,000,000,000"),
        (
            lambda: dqnlab.train("CartPole-v1", trackers=None),
            "trackers must be names of trackers, Swanlab(…), or objects with the methods",
        ),
        (lambda: dqnlab.train("CartPole-v1", trackers="swan"), "unknown tracker 'swan': did you mean swanlab?"),
        (lambda: dqnlab.train("CartPole-v1", out=""), "out must be a path or none, got ''"),
        (lambda: dqnlab.train("cartpole"), "is a preset, not an environment: pass dqnlab.presets.get('cartpole')"),
        (lambda: dqnlab.train(3), "config must be Config(), Env(), a text or a class or a function, got 3"),
        (lambda: examine("CartPole-v1", steps=0), "steps must be a whole number from 1 to 1,000,000, got 0"),
        (lambda: film.record(agent, "x", episodes=1, max_seconds=0), "max_seconds must be in (0, 3600], got 0.0"),
        (lambda: dqnlab.presets.get("cartpoel"), "unknown preset 'cartpoel'; did you mean cartpole?"),
        (lambda: agent.act("up"), "obs must be numbers of the type float32, got 'up'"),
        (lambda: agent.act([1, 2, 3, float("nan")]), "obs must be finite numbers"),
        (lambda: agent.act(None), "obs must be"),
        (lambda: agent.act([1, 2]), "observation has shape (2,); this agent takes (4,)"),
        (lambda: agent.act([[1, 2], [3]]), "obs must be numbers"),
    ]


def test_a_value_out_of_range_is_refused_by_name(agent: Agent) -> None:
    for call, words in bad(agent):
        with pytest.raises(ConfigError) as caught:
            call()
        assert words in str(caught.value)


def test_arguments_of_other_libraries_are_taken(agent: Agent) -> None:
    score = dqnlab.evaluate(agent, episodes=np.int64(2), seed=np.uint32(3))  # type: ignore[arg-type]
    assert (score.episodes, type(score.episodes)) == (2, int)
    with pytest.raises(DqnlabError, match="no run 'nowhere'"):
        load(Path("nowhere"), runs=str(Path("runs")))  # type: ignore[arg-type]


# ── What is trained ──────────────────────────────────────────────────────────────────────────────


def test_an_environment_alone_is_trained_with_the_preset_that_suits_it() -> None:
    assert plan("CartPole-v1") == plan("CartPole") == dqnlab.presets.get("cartpole")
    assert (plan("Blackjack-v1").preset, plan("Blackjack-v1").env.id) == ("default", "Blackjack-v1")
    assert (plan(Room).preset, plan(Room).env.id) == ("default", Room)
    env = Env(id="CartPole-v1", num_envs=3)
    assert (plan(env).preset, plan(env).env) == ("default", env)
    assert plan(Config(seed=3)) == Config(seed=3)


def test_an_id_without_a_version_is_what_gymnasium_takes_it_for() -> None:
    with pytest.warns(match="latest versioned environment `CartPole-v1`"):
        made = gym.make("CartPole")
    assert made.spec is not None
    assert made.spec.id == plan("CartPole").env.id
    made.close()


@pytest.mark.parametrize("function", [dqnlab.train, dqnlab.events, examine], ids=lambda each: each.__name__)
def test_an_environment_that_exists_already_is_refused(function: Callable[[Any], Any]) -> None:
    made = gym.make("CartPole-v1")
    with pytest.raises(ConfigError, match=r"is an environment that already exists.*pass 'CartPole-v1'"):
        function(made)
    with pytest.raises(ConfigError, match=r"is an environment that already exists.*the class Room"):
        function(Room())
    made.close()


@pytest.mark.world
def test_an_id_and_a_run_stand_for_themselves() -> None:
    small = {"learning_starts": 64, "budget": 128, "evaluate_every": 64, "select_episodes": 2, "confirm_episodes": 2}
    run = dqnlab.train(Config(**small, score_episodes=2, film=False, explain=False), trackers="none")
    assert load(run).act([0, 0, 0, 0]) in (0, 1)
    again = dqnlab.resume(run, budget=192, trackers=())  # type: ignore[arg-type]
    assert again.env_steps == 192
    assert (Film(episodes=0), Steps(num=192)) == (load(run).config.film, load(run).config.budget)


def test_a_network_on_a_device_that_is_not_there_is_a_mistake_of_the_settings(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(ConfigError, match="torch sees no CUDA GPU"):
        load("classic.pth", device="cuda")
    with pytest.raises(CheckpointError):
        load(__file__)


# ── Many processes ───────────────────────────────────────────────────────────────────────────────

INTERACTIVE = """
from functools import partial
import gymnasium as gym
import dqnlab
class Mine(gym.Env):
    def make(self): return self
def make(): return Mine()
for env in (Mine, make, lambda: Mine(), partial(make), Mine().make):
    try:
        dqnlab.train_many(env, range(2))
    except dqnlab.errors.ConfigError as error:
        print(error)
"""


@pytest.mark.world
def test_what_other_processes_cannot_find_is_refused_before_any_starts() -> None:
    """A script from stdin is to Python what a notebook is: nothing that another process could import."""
    code = INTERACTIVE.replace("import dqnlab\n", "import dqnlab, dqnlab.errors\n")
    done = subprocess.run([sys.executable], input=code, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert (len(lines), done.stderr) == (5, "")
    interactive = [line for line in lines if "is defined in an interactive session" in line]
    assert len(interactive) == 4
    assert "such as envs.py, and import it from there" in interactive[0]
    assert "env '<lambda>' cannot be passed to other processes" in lines[2]
    assert list(Path.cwd().glob("runs")) == []


def test_a_lambda_and_a_closure_are_refused_before_any_process_starts() -> None:
    def closure() -> None: ...

    for env in (lambda: None, closure):
        with pytest.raises(ConfigError, match=r"make env\.id a function at the top level of a module"):
            dqnlab.train_many(env, range(2))
