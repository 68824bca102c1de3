"""The lean path: what a step of training costs is counted, for seconds tell more of the machine than of the code."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dqnlab.config import Config, Double, Env, Mlp, Prioritized, Steps
from dqnlab.envs.vector import NativeEnvs, SerialEnvs
from dqnlab.learn.fast import stack
from dqnlab.learn.networks import QNetwork
from dqnlab.run.events import BlockEnded
from dqnlab.run.system import System, assemble

STEPS, STARTS = 200, 64


class Tally:
    """Counts calls of whatever it is put around."""

    def __init__(self, patch: pytest.MonkeyPatch):
        self.calls: Counter[str] = Counter()
        self._patch = patch

    def around(self, owner: Any, name: str, label: str) -> None:
        self._patch.setattr(owner, name, self.counting(getattr(owner, name), label))

    def counting(self, function: Callable[..., Any], label: str) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.calls[label] += 1
            return function(*args, **kwargs)

        return counted

    def watch(self, system: System) -> None:
        """Counts what the loop may do once per step."""
        self.around(system.collector.envs, "step", "env")
        self.around(system.collector.policy.actor, "q_values", "actor")
        for name in ("add", "sample", "batch", "update_priorities"):
            self.around(system.memory, name, name)
        for name in ("update", "finish_update"):
            self.around(system.learner, name, name)

    def of_steps(self, events: Iterator[Any]) -> Counter[str]:
        """The calls of STEPS vector steps, after the first that learned."""
        for event in events:
            if isinstance(event, BlockEnded) and event.updates:
                break
        self.calls.clear()
        for _ in range(STEPS):
            while not isinstance(next(events), BlockEnded):
                pass
        return +self.calls


@pytest.fixture
def tally(monkeypatch: pytest.MonkeyPatch) -> Tally:
    return Tally(monkeypatch)


@pytest.fixture
def endless(scripted: Any) -> Env:
    """An environment without resets, so that every vector step is a step."""
    return Env(id=scripted, kwargs={"lengths": (10**9,)})


def config(**changes: Any) -> Config:
    small = {"learning_starts": STARTS, "torso": Mlp(hidden=(8, 8)), "metrics_every": 10**6, "batch_size": 16}
    far = {"budget": Steps(num=10**6), "evaluate_every": Steps(num=10**6), "replay_capacity": 500}
    return Config(**{**small, **far, **changes})


ONCE = ("env", "actor", "add", "sample", "update_priorities", "finish_update")


@pytest.mark.parametrize("changes", [{}, {"sampler": Prioritized(), "n": 3}, {"rule": Double()}], ids=str)
def test_a_step_does_everything_once(tally: Tally, endless: Env, changes: dict[str, Any]) -> None:
    system = assemble(config(compile="off", env=endless, **changes))
    tally.watch(system)
    assert tally.of_steps(system.events()) == dict.fromkeys((*ONCE, "batch", "update"), STEPS)


@pytest.mark.parametrize(("rule", "forwards"), [({}, 2), ({"rule": Double()}, 3)], ids=["greedy", "double"])
def test_an_update_asks_the_networks_no_more_than_its_formula_does(
    tally: Tally, endless: Env, rule: dict[str, Any], forwards: int
) -> None:
    system = assemble(config(compile="off", env=endless, **rule))
    tally.around(QNetwork, "forward", "forward")  # acting does without (`q_function`)
    assert tally.of_steps(system.events()) == {"forward": forwards * STEPS}


@pytest.mark.filterwarnings("ignore:There is a performance drop:UserWarning")
def test_a_compiled_step_runs_one_program_and_none_of_what_it_replaces(
    tally: Tally, endless: Env, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is counted is who is called: a program that torch reads one operation after the other will do.
    as_it_is = lambda function, *_: tally.counting(lambda tensors: list(function(*tensors)), "program")  # noqa: E731
    monkeypatch.setattr(stack, "compile_program", as_it_is)
    system = assemble(config(compile="on", env=endless))
    tally.watch(system)
    expected = dict.fromkeys((*ONCE, "program"), STEPS)
    del expected["actor"]  # the program says what is to be acted on
    assert tally.of_steps(system.events()) == expected


@pytest.mark.parametrize(("num_envs", "kind"), [(4, SerialEnvs), (8, NativeEnvs)])
def test_a_vector_step_is_one_call_whatever_the_number_of_envs(tally: Tally, num_envs: int, kind: type) -> None:
    system = assemble(config(compile="off", env=Env(num_envs=num_envs), update_every=10**5))
    tally.watch(system)
    assert isinstance(system.collector.envs, kind)
    events, ended = system.events(), 0
    while ended < STEPS:
        ended += isinstance(next(events), BlockEnded)
    assert tally.calls == dict.fromkeys(("env", "actor", "add"), STEPS)


def test_every_gymnasium_env_is_stepped_once_per_step_or_reset(tally: Tally, scripted: Any) -> None:
    for name in ("step", "reset"):
        tally.around(scripted, name, "step or reset")
    system = assemble(config(compile="off", env=Env(id=scripted, kwargs={"lengths": (3, 7, 50)})))
    assert tally.of_steps(system.events()) == {"step or reset": STEPS}
