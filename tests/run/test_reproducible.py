"""The same seed gives the same weights, bit for bit, and nobody else's random numbers are touched."""

import hashlib
import random
from collections.abc import Iterator
from dataclasses import astuple, replace
from typing import Any

import numpy as np
import pytest
import torch

from dqnlab.config import Config, Double, Env, Linear, Mlp, Polyak, Prioritized, Scalar, Steps
from dqnlab.learn.learner import Update
from dqnlab.run import system
from dqnlab.run.events import BlockEnded, Evaluated, Updated
from dqnlab.run.system import assemble, events

SMALL = Config(
    env=Env(id="CartPole-v1", num_envs=2),
    torso=Mlp(hidden=(16, 16)),
    epsilon=Linear(steps=300),
    n=2,
    replay_capacity=500,
    learning_starts=64,
    batch_size=32,
    budget=Steps(num=400),
    evaluate_every=Steps(num=100),
    select_episodes=3,
    metrics_every=50,
    stop_when_solved=False,
)
RAINBOWISH = replace(
    SMALL, sampler=Prioritized(), rule=Double(), head=Scalar(huber=1.0), sync=Polyak(), env=Env(num_envs=8)
)


def digest(module: torch.nn.Module) -> str:
    return hashlib.sha256(b"".join(w.numpy().tobytes() for w in module.state_dict().values())).hexdigest()


def numbers(value: Any) -> Any:
    """An event as plain numbers."""
    if isinstance(value, torch.Tensor):
        return value.tolist()
    return tuple(numbers(v) for v in value) if isinstance(value, tuple | Update) else value


def run(config: Config) -> tuple[str, list[Any]]:
    system = assemble(config)
    try:
        tape = [(type(event).__name__, numbers(astuple(event))) for event in system.events()]
        return digest(system.learner.online) + digest(system.learner.target), tape
    finally:
        system.close()


@pytest.mark.parametrize("config", [SMALL, RAINBOWISH], ids=["serial, uniform", "native, prioritised"])
def test_the_same_seed_gives_the_same_weights_and_numbers_and_another_seed_does_not(config: Config) -> None:
    first, again, other = run(config), run(config), run(replace(config, seed=1))
    assert first == again
    assert first[0] != other[0]
    assert first[1] != other[1]
    assert {name for name, _ in first[1]} >= {"EpisodeEnded", "Updated", "Evaluated", "BlockEnded"}


def test_evaluating_changes_nothing_in_training() -> None:
    often, never = run(SMALL), run(replace(SMALL, evaluate_every=Steps(num=10**6)))
    assert often[0] == never[0]
    kept = [[entry for entry in tape if entry[0] != "Evaluated"] for _, tape in (often, never)]
    assert kept[0] == kept[1]
    assert len(often[1]) > len(kept[0])


def test_looking_at_metrics_changes_nothing_in_training() -> None:
    assert run(replace(SMALL, metrics_every=1))[0] == run(replace(SMALL, metrics_every=10**6))[0]


@pytest.fixture
def global_generators() -> Iterator[Any]:
    """A function that says where the global generators of random, numpy and torch stand."""
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002

    def state() -> tuple[Any, ...]:
        name, keys, *rest = np.random.get_state()  # noqa: NPY002
        return random.getstate(), (name, keys.tolist(), *rest), torch.get_rng_state().tolist()

    yield state
    random.setstate(before[0])
    np.random.set_state(before[1])  # noqa: NPY002
    torch.set_rng_state(before[2])


def test_global_generators_are_neither_moved_nor_listened_to(global_generators: Any) -> None:
    untouched = run(SMALL)
    random.seed(99)
    np.random.seed(99)  # noqa: NPY002
    torch.manual_seed(99)
    before = global_generators()
    assert run(SMALL) == untouched
    assert global_generators() == before


def test_the_starts_of_training_and_of_judging_are_never_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: dict[str, set[bytes]] = {"training": set(), "judging": set()}
    from dqnlab.envs import open as opening
    from dqnlab.run import evaluate

    def watched(envs: Any, where: str) -> Any:
        reset = envs.reset

        def noted(seeds: Any) -> np.ndarray:
            first = reset(seeds)
            begun[where] |= {obs.tobytes() for obs in first}
            return first

        envs.reset = noted
        return envs

    def training(env: Env) -> Any:
        spec, envs = opening.open_envs(env)
        return spec, watched(envs, "training")

    def judging(*args: Any, **kwargs: Any) -> Any:
        return watched(opening.make_envs(*args, **kwargs), "judging")

    monkeypatch.setattr(system, "open_envs", training)
    monkeypatch.setattr(evaluate, "make_envs", judging)
    run(SMALL)
    assert len(begun["training"]) == 2
    assert len(begun["judging"]) == 3  # the same three each time
    assert not begun["training"] & begun["judging"]


def test_events_can_be_left_early_and_close_the_environments(scripted: Any) -> None:
    closed = []

    class Closing(scripted):  # type: ignore[misc]
        def close(self) -> None:
            closed.append(self)

    threads = torch.get_num_threads()
    running = events(replace(SMALL, env=Env(id=Closing, num_envs=2), threads=threads + 1))
    assert isinstance(next(running), BlockEnded)
    described = len(closed)
    running.close()
    assert len(closed) == described + 3  # two of training, one of judging
    assert torch.get_num_threads() == threads


def test_counts_of_events_follow_from_the_configuration() -> None:
    seen = list(events(SMALL))
    last = [e for e in seen if isinstance(e, BlockEnded)][-1]
    assert last.step in (400, 401)  # two envs, of which one may only reset
    assert len([e for e in seen if isinstance(e, Evaluated)]) == 4
    assert [e.updates for e in seen if isinstance(e, Updated)] == list(range(50, last.updates + 1, 50))
