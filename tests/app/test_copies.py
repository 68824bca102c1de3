"""How many copies of an environment live at once (`Env.copies`), and how often one is made."""

import gc
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces

import dqnlab
from dqnlab.check.doctor.examination import examine
from dqnlab.config import Config, Env, Film, Steps
from dqnlab.errors import ConfigError, EnvironmentFault
from dqnlab.explain.report import write_report
from dqnlab.lab.many.worker import check
from dqnlab.lab.resume import resume
from dqnlab.lab.session import train
from dqnlab.run.evaluate import evaluate
from dqnlab.run.film import record
from dqnlab.store.agent import load

from ..tiny import tiny

OUT = Path("mine")


class Rare(gym.Env[np.ndarray, int]):
    """Walks to the end of a lane; so many may live at once, and so many be made."""

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 10}
    room, supply = 1, 10**9
    alive = made = peak = 0

    def __init__(self, render_mode: str | None = None) -> None:
        kind = type(self)
        if kind.alive >= kind.room or kind.made >= kind.supply:
            raise ConnectionError("port 5005 is in use by another instance")
        kind.alive, kind.made = kind.alive + 1, kind.made + 1
        kind.peak = max(kind.peak, kind.alive)
        self.render_mode, self.open = render_mode, True
        self.observation_space, self.action_space = spaces.Box(0, 1, (2,), np.float32), spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        assert self.open
        super().reset(seed=seed)
        self.at, self.left = int(self.np_random.integers(0, 3)), 12
        return self.look(), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        assert self.open
        self.at, self.left = max(0, self.at + (1 if action == 1 else -1)), self.left - 1
        return self.look(), 1.0 if self.at >= 5 else -0.1, self.at >= 5, self.left == 0, {}

    def look(self) -> np.ndarray:
        return np.array([self.at / 5, self.np_random.random() / 9], np.float32)

    def render(self) -> np.ndarray:
        return np.full((64, 64, 3), 40 * self.at, np.uint8)

    def close(self) -> None:
        if self.open:
            type(self).alive, self.open = type(self).alive - 1, False


class Unclosed(Rare):
    """Gives its place back only when nothing of it is left; it holds itself in a ring."""

    def __init__(self, render_mode: str | None = None) -> None:
        super().__init__(render_mode)
        self.me = self
        weakref.finalize(self, Unclosed.leave)

    @staticmethod
    def leave() -> None:
        Unclosed.alive -= 1

    def close(self) -> None:
        pass


class Saved(Rare):
    """Can be saved."""

    def get_state(self) -> dict[str, Any]:
        return {"at": self.at, "left": self.left}

    def set_state(self, state: dict[str, Any]) -> None:
        self.at, self.left = state["at"], state["left"]


class Locked(gym.Wrapper[Any, Any, Any, Any]):
    """Holds a file while it lives: no other process can have one."""

    def __init__(self, path: str) -> None:
        import fcntl

        self.file = Path(path).open("w")  # noqa: SIM115
        fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        super().__init__(gym.make("CartPole-v1", max_episode_steps=20))

    def close(self) -> None:
        self.file.close()
        super().close()


@pytest.fixture(autouse=True)
def anew() -> None:
    gc.collect()  # what other tests have left
    for kind in (Rare, Unclosed, Saved):
        kind.room, kind.supply = 1, 10**9
        kind.alive = kind.made = kind.peak = 0


def config(kind: Any = Rare, **env: Any) -> Config:
    return tiny(
        update_every=1,
        env=Env(id=kind, **{"copies": 1, **env}),
        replay_capacity=500,
        evaluate_every=Steps(num=70),
        select_episodes=3,
        checkpoint_every=100,
    )


def weights(folder: Path) -> np.ndarray:
    return np.concatenate([w.numpy().ravel() for w in torch.load(folder / "last_model.pth").values()])


def trained(what: Config, out: Path = OUT) -> Any:
    return train(what, trackers=("none",), out=out)


@pytest.mark.world  # a film, a page and an examination
@pytest.mark.parametrize("kind", [Rare, Unclosed, Saved])
def test_one_copy_is_enough_for_all_that_is_done_with_a_run(kind: Any, tmp_path: Path) -> None:
    run = trained(replace(config(kind), film=Film(episodes=1, max_seconds=1), explain=True))
    assert [note for note in run.notes if not note.startswith("No progress")] == []  # it is too short for any
    assert run.score is not None
    assert run.score.episodes == 3
    agent = load(run.folder, env=Env(id=kind, copies=1))
    assert evaluate(agent, episodes=2).episodes == 2
    assert record(agent, tmp_path / "films", episodes=1, max_seconds=1)
    assert write_report(run, Env(id=kind, copies=1)).path.exists()
    assert resume(run.folder, budget=Steps(num=400), env=Env(id=kind, copies=1)).env_steps == 400
    report = examine(config(kind), steps=100)
    assert report.exit_code == 0, report.findings
    assert report.forecast is not None
    assert kind.peak == 1
    gc.collect()
    assert kind.alive == 0


@pytest.mark.parametrize(("num_envs", "copies"), [(1, 1), (2, 2), (2, 3), (3, 3), (1, 4)])
def test_training_and_judging_keep_to_the_bound_together(num_envs: int, copies: int) -> None:
    Rare.room = copies
    run = trained(config(num_envs=num_envs, copies=copies))
    assert run.env_steps >= 300
    assert Rare.peak == min(copies, num_envs + 3 if copies > num_envs else copies)


@pytest.mark.parametrize("kind", [Rare, Saved])
@pytest.mark.parametrize("num_envs", [1, 2])
def test_with_one_copy_a_resumed_run_is_the_one_that_nobody_interrupted(kind: Any, num_envs: int) -> None:
    kind.room = num_envs
    whole = replace(config(kind, copies=num_envs, num_envs=num_envs), evaluate_every=Steps(num=100))
    trained(whole, Path("whole"))
    trained(replace(whole, budget=Steps(num=200)), Path("part"))
    again = resume("part", budget=Steps(num=300), env=whole.env)
    assert again.resumed == "exact"
    assert np.array_equal(weights(Path("part")), weights(Path("whole")))


def test_environments_are_made_anew_only_at_checkpoints() -> None:
    for copies in (1, 2, 5):
        Rare.room, Rare.made = copies, 0
        trained(config(copies=copies), Path(f"of-{copies}"))
        judging = min(copies - 1, 3)
        assert Rare.made == 3 * (1 + judging), copies  # at the start, at 100 and at 200
        assert Rare.made <= copies * (3 + 2)


def test_training_that_is_cut_for_each_evaluation_says_so(caplog: pytest.LogCaptureFixture) -> None:
    trained(config())
    assert [line for line in caplog.messages if "copies" in line] == [
        "env.copies = 1 leaves none for judging: training is cut for each evaluation, every 70 steps, "
        "and its unfinished episodes are truncated"
    ]


@pytest.mark.parametrize(("room", "num_envs", "advice"), [(1, 1, ""), (2, 1, ""), (1, 2, "--env.num-envs 1 ")])
def test_a_run_that_cannot_have_so_many_copies_says_what_helps(room: int, num_envs: int, advice: str) -> None:
    Rare.room = room
    with pytest.raises(EnvironmentFault, match=f"port 5005 .*: {advice}--env.copies 1") as caught:
        trained(config(copies=None, num_envs=num_envs))
    assert caught.value.exit_code == 3
    assert Rare.alive == 0
    trained(config(copies=1), Path("helped"))


def test_of_one_that_can_be_made_twice_in_all_training_comes_to_its_score() -> None:
    Rare.room, Rare.supply = 9, 2
    with pytest.raises(EnvironmentFault, match=r"--env\.copies 1"):
        trained(config(copies=None))
    Rare.made = 0
    run = trained(replace(config(), checkpoint_every=200, explain=True), Path("helped"))
    assert run.score is not None
    assert [note[:12] for note in run.notes] == ["no page: env"]


def test_an_only_copy_that_cannot_be_made_is_given_no_advice() -> None:
    Rare.supply = 0
    with pytest.raises(EnvironmentFault) as caught:
        trained(config(copies=None))
    assert "--env.copies" not in str(caught.value)


def test_the_doctor_tells_who_can_be_there_only_once() -> None:
    report = examine(config(copies=None), steps=50)
    (found,) = [each for each in report.findings if each.level == "error"]
    assert "--env.copies 1" in found.what
    assert report.exit_code == 3


def test_seeds_of_one_that_can_be_there_only_once_are_refused_before_anything_is_made() -> None:
    with pytest.raises(EnvironmentFault, match=r"port 5005 .*: --env\.copies 1"):
        check(config(copies=None))
    assert Rare.alive == 0
    check(config(copies=1))
    assert (Rare.alive, Rare.peak) == (0, 1)


def test_fewer_copies_than_collect_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"env\.copies = 1 is below env\.num_envs = 2"):
        Env(num_envs=2, copies=1)


def test_counted_copies_of_a_native_vector_are_single_ones() -> None:
    what = replace(config("CartPole-v1", num_envs=8, copies=8), budget=Steps(num=200), evaluate_every=Steps(num=100))
    assert trained(what).env_steps >= 200
    assert dqnlab.load(OUT).config.env.copies == 8


@pytest.mark.world  # processes
def test_seeds_that_may_have_one_copy_together_learn_one_after_another(tmp_path: Path) -> None:
    path = tmp_path / "port.lock"
    group = dqnlab.train_many(replace(config(Locked), env=Env(id=Locked, kwargs={"path": str(path)}, copies=1)), [0, 1])
    assert [run.score is not None for run in group.runs] == [True, True], group.failures
