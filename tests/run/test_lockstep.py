"""Loops in lockstep, each as if it were alone."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch

from dqnlab.config import Env, Steps
from dqnlab.errors import EnvironmentFault
from dqnlab.learn.learner import Update
from dqnlab.learn.types import Sample
from dqnlab.run.events import BlockEnded, Evaluated
from dqnlab.run.lockstep import Stopped, lockstep
from dqnlab.run.system import System, assemble, make_update

from ..tiny import TINY


def weights(system: System) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in system.learner.online.parameters()])


def together(systems: list[System]) -> tuple[list[tuple[int, Any]], list[int]]:
    """All that was said, and how many samples were answered at once."""
    update, sizes = make_update(systems), []

    def counted(samples: Mapping[int, Sample]) -> Mapping[int, Update]:
        sizes.append(len(samples))
        return update(samples)

    return list(lockstep([system.loop() for system in systems], counted)), sizes


def test_each_loop_says_and_learns_what_it_would_alone() -> None:
    configs = [replace(TINY, seed=seed, budget=Steps(num=100 + 50 * seed)) for seed in range(3)]
    said, sizes = together(systems := [assemble(config) for config in configs])
    for i, config in enumerate(configs):
        alone = assemble(config)
        expected = list(alone.events())
        own = [event for number, event in said if number == i]
        assert own[-1] == Stopped(None)
        for kind in (BlockEnded, Evaluated):
            assert [e for e in own if isinstance(e, kind)] == [e for e in expected if isinstance(e, kind)]
        assert torch.equal(weights(systems[i]), weights(alone))
    assert sizes == sorted(sizes, reverse=True)  # all at once, until the first has its fill
    assert sizes[0] == 3
    assert sum(sizes) == sum(system.learner.updates for system in systems)


def test_a_loop_that_fails_stops_alone(scripted: Any) -> None:
    class Breaks(scripted):
        def step(self, action: Any) -> Any:
            if self.step_number == 90:
                raise ValueError("worn out")
            return super().step(action)

    good = replace(TINY, env=Env(id=scripted, kwargs={"lengths": (120,)}))
    bad = replace(good, env=Env(id=Breaks, kwargs={"lengths": (120,)}))
    said, _ = together(systems := [assemble(config) for config in (good, bad, good)])
    ends = {i: event for i, event in said if isinstance(event, Stopped)}
    assert isinstance(ends[1].error, EnvironmentFault)
    assert ends[0] == ends[2] == Stopped(None)
    assert [system.progress.now.steps for system in systems] == [300, 90, 300]


def test_loops_that_never_want_an_update_come_to_their_end() -> None:
    idle = replace(TINY, learning_starts=200, batch_size=200, budget=Steps(num=200), update_every=10**6)
    said, sizes = together([assemble(replace(idle, seed=seed)) for seed in range(2)])
    assert sizes == []
    assert [event for _, event in said if isinstance(event, Stopped)] == [Stopped(None)] * 2


@pytest.mark.parametrize("number", [0, 1])
def test_leaving_early_leaves_every_loop_where_it_was(number: int) -> None:
    systems = [assemble(replace(TINY, seed=seed)) for seed in range(2)]
    for i, event in lockstep([system.loop() for system in systems], make_update(systems)):
        if i == number and isinstance(event, BlockEnded) and event.step == 100:
            break
    assert systems[number].progress.now.steps == 100
    assert abs(systems[1 - number].progress.now.steps - 100) <= 20  # resets count no steps
