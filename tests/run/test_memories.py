"""A memory that is no replay, through everything that a run does: it hands out each block once and then forgets it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import dqnlab
from dqnlab.build import make_memory
from dqnlab.config import Config, Env, Steps
from dqnlab.errors import NumericsError
from dqnlab.explain.trace_text import step_text
from dqnlab.lab.session import train
from dqnlab.learn.memory import Extremes, MemoryFacts
from dqnlab.learn.types import Batch, Block, Sample
from dqnlab.run import system as systems
from dqnlab.run.lockstep import lockstep
from dqnlab.run.moment import record_moment
from dqnlab.run.runaway import check_weights_finite
from dqnlab.run.system import System, assemble, make_update
from dqnlab.run.train import Loop

from ..equal import same
from ..tiny import tiny

ROWS, SIZE = 32, 8  # of a rollout and of a batch
ONCE = tiny(
    env=Env(id="CartPole-v1", num_envs=2),
    n=1,
    budget=Steps(num=600),
    evaluate_every=Steps(num=200),
    stop_when_solved=False,
)


class Rollout:
    """Waits for 32 transitions of one step, hands them out in four batches of a random order, and forgets them."""

    batch_size, logs = SIZE, {}

    def __init__(self, obs_size: int, rng: np.random.Generator):
        self._rng, self._held, self._given = rng, 0, 0
        self._order, self._last = np.arange(ROWS), np.zeros((2, obs_size), np.float32)
        whole, number = torch.zeros(ROWS, obs_size), torch.zeros(ROWS)
        self.tensors: tuple[Tensor, ...] = (whole, number.long(), number.clone(), number.clone(), whole.clone())

    def add(self, block: Block) -> None:
        for frames in block.frames[:-1]:
            self._last = frames
        if self._given == ROWS:
            self._held = self._given = 0
        new, last = block.transitions, block.frames[-1]
        for i, env in enumerate(new.env[: ROWS - self._held]):
            values = self._last[env], new.action[i], new.reward[i], new.discount[i], last[env]
            for column, value in zip(self.tensors, values, strict=True):
                column[self._held] = torch.as_tensor(value)
            self._held += 1
        self._last = last

    def due(self, before: int, after: int) -> int:
        if self._held < ROWS or self._given:
            return 0
        self._order = self._rng.permutation(ROWS)
        return ROWS // SIZE

    def sample(self) -> Sample:
        slots, self._given = self._order[self._given : self._given + SIZE], self._given + SIZE
        return Sample(slots, np.ones(SIZE, np.float32))

    def gather(self, tensors: Any, slots: Tensor, weight: Tensor) -> Batch:
        obs, action, reward, discount, next_obs = (column.index_select(0, slots) for column in tensors)
        return Batch(obs, action, reward, discount, next_obs, weight)

    def batch(self, sample: Sample) -> Batch:
        return self.gather(self.tensors, torch.from_numpy(sample.slots), torch.from_numpy(sample.weight))

    def update_priorities(self, slots: np.ndarray, error: Tensor) -> None:
        assert len(error) == SIZE

    def facts(self) -> MemoryFacts:
        return MemoryFacts(self._held, float((self.tensors[3][: self._held] == 0).float().mean()), ("it forgets",))

    def extremes(self) -> Extremes:
        return Extremes(float(self.tensors[0].abs().max()), float(self.tensors[2].abs().max()), n=1)

    def move_to(self, tensors: Any) -> None:
        self.tensors = tuple(tensors)

    @property
    def num_bytes(self) -> int:
        return sum(column.nbytes for column in self.tensors)

    def state_dict(self) -> dict[str, Any]:
        kept = {"tensors": [column.clone() for column in self.tensors], "last": self._last.copy()}
        return kept | {"counts": [self._held, self._given], "rng": self._rng.bit_generator.state, "order": self._order}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for column, saved in zip(self.tensors, state["tensors"], strict=True):
            column.copy_(saved)
        self._last, (self._held, self._given), self._order = state["last"].copy(), state["counts"], state["order"]
        self._rng.bit_generator.state = state["rng"]


@pytest.fixture(autouse=True)
def once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every run is given a rollout where it would be given a replay."""

    def made(config: Config, layout: Any, device: Any, online: Any, recordings: Any = None) -> Rollout:
        return Rollout(4, np.random.default_rng(config.seed))

    assert made.__code__.co_argcount == make_memory.__code__.co_argcount
    monkeypatch.setattr(systems, "make_memory", made)


def driven(config: Config) -> System:
    system = assemble(config)
    for _ in system.events():
        pass
    return system


def test_each_transition_is_learned_from_once_and_a_run_is_judged_and_reported(tmp_path: Path) -> None:
    run = train(ONCE, out=tmp_path / "run", trackers=("none",))
    assert run.updates == pytest.approx(600 / SIZE, abs=6)
    assert run.score is not None
    assert "it forgets" in run.notes


def test_a_run_that_was_cut_goes_on_exactly(tmp_path: Path) -> None:
    whole = driven(ONCE)
    for stop in (1, 63, 64, 200, 331):
        cut, again = assemble(ONCE), assemble(ONCE)
        for event in cut.events():
            if getattr(event, "step", 0) >= stop and type(event).__name__ == "BlockEnded":
                break
        again.load_state_dict(cut.state_dict())
        for _ in again.events():
            pass
        same(again.learner.state_dict(), whole.learner.state_dict())
        same(again.memory.state_dict(), whole.memory.state_dict())


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seeds", [3])
def test_compiled_and_side_by_side_it_learns_the_same(cache: Path, seeds: int) -> None:
    alone = [driven(replace(ONCE, seed=seed)) for seed in range(seeds)]
    together = [assemble(replace(ONCE, seed=seed, compile="on")) for seed in range(seeds)]
    said: list[str] = []
    loops: list[Loop] = [each.loop() for each in together]
    for _ in lockstep(loops, make_update(together, said.append)):
        pass
    assert not [line for line in said if "uncompiled" in line]
    for one, other in zip(alone, together, strict=True):
        assert other.stack == seeds
        assert other.learner.updates == one.learner.updates > 50
        torch.testing.assert_close(other.learner.state.online, one.learner.state.online, rtol=1e-4, atol=1e-5)


def test_it_is_explained_without_what_it_does_not_keep(tmp_path: Path) -> None:
    run = train(replace(ONCE, budget=Steps(num=1200)), out=tmp_path / "run", trackers=("none",))
    assert run.updates > 137
    assert dqnlab.report(run).path.exists()
    assert "its memory keeps no transitions to look back at" in step_text(run.folder)


def test_nothing_is_recorded_of_it() -> None:
    system = driven(replace(ONCE, budget=Steps(num=300)))
    assert record_moment(system.learner, system.memory, 0.9, np.random.default_rng(0)) == {}


def test_learning_that_runs_away_from_it_names_what_it_holds() -> None:
    system = driven(replace(ONCE, budget=Steps(num=100)))
    system.memory.tensors[2].fill_(1e20)
    system.learner.state.online.fill_(float("nan"))
    with pytest.raises(NumericsError, match=r"rewards as large as 1e\+20"):
        check_weights_finite(system.learner, system.memory, 100)
