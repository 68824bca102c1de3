"""A run that is cut anywhere and goes on from its checkpoint is the run that nobody cut, to the last bit."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from dqnlab import presets
from dqnlab.config import Adam, Config, Env, Mlp, Prioritized, Steps, Uniform
from dqnlab.device import arithmetic
from dqnlab.envs.seeds import generator
from dqnlab.lab.restore import facts, restore
from dqnlab.learn.fast.stack import Stack
from dqnlab.run.events import BlockEnded, Event, Updated
from dqnlab.run.keep import Keeper
from dqnlab.run.lockstep import Stopped, lockstep
from dqnlab.run.system import make_update
from dqnlab.store.checkpoint.checkpoint import Store
from dqnlab.track.rows import row

from ...equal import same

END = 360  # env steps; the replay has wrapped around by then
CUTS = (1, 77, 120, 241, END - 1)  # before the first update, between two, at an evaluation, behind one, at the end


class Counter(gym.Env[np.ndarray, int]):
    """Shows how far its episode is, and hides a number that no reset touches: its state cannot be saved."""

    observation_space = gym.spaces.Box(-100, 100, (2,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def __init__(self) -> None:
        self.steps = self.hidden = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.steps = 0
        return self._look(), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.steps, self.hidden = self.steps + 1, self.hidden + action
        return self._look(), float(self.hidden % 5), bool(self.np_random.random() < 0.05), False, {}

    def _look(self) -> np.ndarray:
        return np.array([self.steps, self.hidden % 7], np.float32)


def short(config: Config, **changes: Any) -> Config:
    """The same kind of run, over in a second."""
    small: dict[str, Any] = {
        "budget": Steps(num=END),
        "evaluate_every": Steps(num=120),
        "select_episodes": 2,
        "confirm_episodes": 2,
        "replay_capacity": max(150, config.n * config.env.num_envs),
        "learning_starts": 50,
        "batch_size": 16,
        "update_every": min(config.update_every, 8),
        "metrics_every": 5,
        "checkpoint_every": 90,
    }
    return replace(config, **small | changes)


KINDS = {name: presets.get(name) for name in ("default", "cartpole", "textbook", "qr", "munchausen", "rainbow")}
KINDS |= {
    f"{name}, {kind.__name__}": replace(KINDS[name], sampler=kind())
    for name in ("textbook", "default")
    for kind in (Uniform, Prioritized)
    if not isinstance(KINDS[name].sampler, kind)
}


def in_envs(config: Config, num_envs: int) -> Config:
    return replace(config, env=replace(config.env, num_envs=num_envs))


COMPILED = replace(
    in_envs(KINDS["default, Prioritized"], 2),
    torso=Mlp(hidden=(8, 8)),
    optimizer=Adam(lr=5e-4),
    reward_scale=1.0,
)
"""The same arithmetic, and so the same compiled program, as that of the agents in learn/test_stack.py."""


class Life:
    """A system with what a folder keeps of it, and what it told."""

    def __init__(self, config: Config, folder: Path):
        folder.mkdir(exist_ok=True)
        self.config, self.folder = config, folder
        self.system, self.at = restore(config, Store(folder))
        learner, replay = self.system.learner, self.system.memory
        self.keeper = Keeper(folder, learner, replay, config.gamma, generator(config.seed, "record"))
        if self.at is not None:
            self.keeper.load_state_dict(self.at.state["keeper"])
        self.told: list[Any] = []
        self.left: dict[str, Any] = {}  # what it has learned when it ends
        self.saved: dict[int, int] = {}  # cut -> how much it had told

    def take(self, event: Event, cuts: Sequence[int]) -> None:
        """Keeps an event, and at the first clean block end after a cut the state, in a folder of the cut's own."""
        self.keeper.take(event)
        self.told.append(plain(event))
        if not isinstance(event, BlockEnded) or self.system.collector.level == "C":
            return
        for cut in cuts:
            if event.step >= cut and cut not in self.saved:
                self.saved[cut] = len(self.told)
                self._save(self.at_cut(cut))

    def at_cut(self, cut: int) -> Path:
        return self.folder.with_name(f"{self.folder.name}-cut-{cut}")

    def _save(self, folder: Path) -> None:
        folder.mkdir()
        state = {"system": self.system.state_dict(), "keeper": self.keeper.state_dict()}
        about = {**facts(self.system), "exact": True}
        Store(folder).save(self.system.progress.now.steps, state, self.system.memory.logs, about)

    def everything(self) -> dict[str, Any]:
        rows = {name: log.read(*log.bounds) for name, log in self.system.memory.logs.items()}
        return {**self.system.state_dict(), "rows": rows, "keeper": self.keeper.state_dict()}


def plain(event: Event) -> Any:
    """An event that can be compared: of an update, what became of its tensors in the metrics."""
    return row(event) if isinstance(event, Updated) else event


def live(lives: Sequence[Life], cuts: Sequence[int] = ()) -> None:
    """Lets all run to their ends, by one update if there are several."""
    update = make_update([life.system for life in lives], lambda line: None)
    with arithmetic(1):
        for i, said in lockstep([life.system.loop() for life in lives], update):
            if isinstance(said, Stopped):
                assert said.error is None
                lives[i].left = deepcopy(lives[i].everything())  # its row is not kept while others go on
            else:
                lives[i].take(said, cuts)
    for life in lives:
        assert life.system.progress.now.steps >= END
        life.system.close()


def compare(config: Config, seeds: int, folder: Path) -> None:
    """Runs it once without a checkpoint, once with one at each cut, and from each of these to the end."""
    configs = [replace(config, seed=seed) for seed in range(seeds)]
    whole = [Life(each, folder / f"whole-{each.seed}") for each in configs]
    live(whole)
    saving = [Life(each, folder / f"saving-{each.seed}") for each in configs]
    live(saving, CUTS)
    for one, other in zip(whole, saving, strict=True):
        same(one.told, other.told)
    for cut in CUTS:
        again = [Life(life.config, life.at_cut(cut)) for life in saving]
        live(again)
        for one, before, after in zip(whole, saving, again, strict=True):
            assert after.at is not None
            same(one.told[before.saved[cut] :], after.told)
            same(one.left, after.left)


@pytest.mark.parametrize(("kind", "num_envs"), [*zip(KINDS, cycle([4, 1]))])
def test_a_run_goes_on_to_the_same_bits_from_every_cut(kind: str, num_envs: int, tmp_path: Path) -> None:
    compare(short(in_envs(KINDS[kind], num_envs), compile="off"), 1, tmp_path)


@pytest.mark.world
@pytest.mark.timeout(300)
def test_many_compiled_seeds_go_on_to_the_same_bits_from_every_cut(
    tmp_path: Path, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Closer together they would compute the same (test_stack), only after compiling once more.
    monkeypatch.setattr(Stack, "_shrink", lambda self, agents: None)
    compare(short(COMPILED, replay_capacity=200, compile="on"), 3, tmp_path)


@pytest.mark.parametrize("num_envs", [1, 4])
def test_an_environment_that_cannot_be_saved_is_made_anew_at_the_same_cuts(num_envs: int, tmp_path: Path) -> None:
    compare(short(in_envs(replace(Config(), env=Env(id=Counter), n=3), num_envs), compile="off"), 1, tmp_path)


def test_stacked_frames_go_on_to_the_same_bits(tmp_path: Path) -> None:
    env = Env(id="CartPole-v1", frame_stack=3, num_envs=2)
    compare(short(replace(Config(), env=env, n=2), compile="off"), 1, tmp_path)
