"""One experiment from Python: what it leaves behind, also when something goes wrong on the way."""

import json
import re
from collections.abc import Iterator
from contextlib import nullcontext
from itertools import zip_longest
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.envs.classic_control import CartPoleEnv

import dqnlab
from dqnlab.config import Config, Env, Steps
from dqnlab.config.toml import from_toml
from dqnlab.envs.seeds import env_seeds
from dqnlab.errors import ConfigError, DqnlabError, EnvironmentFault, FolderError
from dqnlab.lab import stopwatch
from dqnlab.lab.running import Start, running
from dqnlab.lab.session import train
from dqnlab.lab.stopwatch import Stopwatch
from dqnlab.learn import layout
from dqnlab.run.evaluate import Evaluator
from dqnlab.run.judge import Judge, Verdict
from dqnlab.store.folder import Run
from dqnlab.track import curves
from dqnlab.track.curves import draw_curves

from ..tiny import TINY, tiny

FILES = {"config.toml", "meta.json", "metrics.jsonl", "best_model.pth", "last_model.pth", "curves.png", "result.json"}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def result(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "result.json").read_text())


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, font_cache: Path) -> Iterator[Run]:
    """A finished run, with everything in it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MPLCONFIGDIR", str(font_cache))
        patch.setattr(curves, "draw_curves", draw_curves)
        patch.chdir(tmp_path_factory.mktemp("finished"))
        yield train(TINY, trackers=("none",))


# ── A whole run ──────────────────────────────────────────────────────────────────────────────────


def test_a_run_leaves_everything_that_it_promises(run: Run) -> None:
    assert names(run.folder) >= FILES
    assert run.folder.parent.name == "CartPole-v1"
    assert run.folder.parent.parent.name == "runs"
    assert run.folder.name.endswith("-tiny-s0")
    assert run.score is not None
    assert len(run.score.returns) == run.score.episodes == 3
    assert (run.env_steps, run.seed, run.preset, run.env) == (300, 0, "tiny", "CartPole-v1")
    assert run.solved is False
    assert not run.interrupted
    assert dqnlab.train is train


def test_the_result_file_says_what_the_run_says(run: Run) -> None:
    content = result(run.folder)
    assert run.score is not None
    assert content["score"]["mean"] == run.score.mean
    assert content["score"]["returns"] == list(run.score.returns)
    for name in ("selected_score", "attempts", "solved", "env_steps", "updates", "seed", "preset", "env"):
        assert content[name] == getattr(run, name)


def test_no_second_is_counted_twice(run: Run) -> None:
    seconds = result(run.folder)["seconds"]
    assert set(seconds) == {"import", "train", "evaluate", "confirm", "save", "curves", "trackers", "total"}
    assert sum(seconds.values()) <= 2 * seconds["total"] + 0.01
    assert min(seconds.values()) >= 0


def test_the_best_network_is_the_one_that_was_scored(run: Run) -> None:
    assert run.score is not None
    agent = dqnlab.load(run.folder)
    returns = Evaluator(TINY.env, agent.spec, 0.99).play(agent.actor(), env_seeds(0, "confirm-2", 3)).returns
    assert returns.tolist() == list(run.score.returns)


def test_the_configuration_that_a_run_leaves_repeats_it(run: Run) -> None:
    again = train(from_toml((run.folder / "config.toml").read_text(), Config(), ""), trackers=("none",))
    weights = [torch.load(each.folder / "last_model.pth", weights_only=True) for each in (run, again)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert run.score == again.score


def test_a_step_limit_of_ones_own_is_scored_beside_the_registered_one() -> None:
    config = tiny(env=Env(max_episode_steps=5, reward_threshold=4.0), stop_when_solved=False)
    run = train(config, trackers=("none",))
    assert run.score is not None
    assert run.score_registered is not None
    assert run.score.mean == 5
    assert run.score.cut == 3
    assert run.score_registered.mean > 5
    assert run.solved


def test_where_no_other_limit_is_registered_there_is_no_second_score() -> None:
    gym.register("Unlimited-v0", CartPoleEnv)
    try:
        run = train(tiny(env=Env(id="Unlimited-v0", max_episode_steps=5)), trackers=("none",))
    finally:
        del gym.registry["Unlimited-v0"]
    assert (run.score_registered, run.notes) == (None, [])
    same = train(tiny(env=Env(id="CartPole-v1", max_episode_steps=500)), trackers=("none",))
    assert same.score_registered is None


def test_training_ends_early_once_solved_unless_told_to_go_on() -> None:
    easy = Env(reward_threshold=5.0)
    assert train(tiny(env=easy), trackers=("none",)).env_steps == 100
    run = train(tiny(env=easy, stop_when_solved=False), trackers=("none",))
    assert (run.env_steps, run.attempts, run.solved) == (300, 0, True)


def test_what_is_taken_home_is_whoever_won_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    decide = Judge.decide

    def decide_for_another(judge: Judge) -> Verdict:
        verdict = decide(judge)
        for weight in verdict.winner.weights.values():
            weight.fill_(0.5)
        return verdict

    monkeypatch.setattr(Judge, "decide", decide_for_another)
    run = train(TINY, trackers=("none",))
    best = torch.load(run.folder / "best_model.pth", weights_only=True)
    assert all((weight == 0.5).all() for weight in best.values())


def test_the_time_of_judging_is_taken_off_the_time_of_training(monkeypatch: pytest.MonkeyPatch) -> None:
    play = Judge._play

    def play_for_ever(judge: Judge, network: Any, seeds: Any, phase: str) -> Any:
        judge.seconds["evaluate"] += 1000 * (phase == "evaluate")
        return play(judge, network, seeds, phase)

    monkeypatch.setattr(Judge, "_play", play_for_ever)
    run = train(tiny(stop_when_solved=False), trackers=("none",))
    assert 0 < run.seconds["train"] + run.seconds["evaluate"] < 1000


def test_experiments_driven_in_turns_leave_what_each_leaves_alone() -> None:
    configs = [tiny(seed=seed) for seed in (1, 2)]
    alone = [train(config, trackers=("none",)) for config in configs]
    starts = []
    for config in configs:
        folder = Path(f"turns-{config.seed}")
        folder.mkdir()
        starts.append(Start(config=config, folder=nullcontext(folder), trackers=(), view=None, watch=Stopwatch()))
    with running(starts) as (opened, _):
        for events in zip_longest(*(one.system.events() for one in opened)):
            for one, event in zip(opened, events, strict=True):
                if event is not None:
                    one.take(event)
        runs = [one.conclude(100.0, interrupted=False) for one in opened]
    assert [run.score for run in runs] == [run.score for run in alone]
    for run, single in zip(runs, alone, strict=True):
        weights = [torch.load(each.folder / "last_model.pth", weights_only=True) for each in (run, single)]
        assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
        assert run.seconds["train"] + run.seconds["evaluate"] == pytest.approx(100, abs=0.01)


def test_a_stopwatch_counts_each_phase_and_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([1.0, 3.5, 10.0])
    monkeypatch.setattr(stopwatch.time, "perf_counter", lambda: next(now))
    watch = Stopwatch(start=0.5)
    with watch.phase("save"):
        pass
    assert watch.report() == {
        **dict.fromkeys(["import", "train", "evaluate", "confirm", "trackers"], 0.0),
        "save": 2.5,
        "total": 9.5,
    }


# ── Refused before anything is written ───────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("env", "error"),
    [
        (Env(id="CartPol-v1"), ConfigError),
        (Env(id="Pendulum-v1"), ConfigError),
        (Env(id="no_module:X-v0"), EnvironmentFault),
    ],
)
def test_what_cannot_start_writes_nothing(env: Env, error: type[DqnlabError]) -> None:
    before = set(Path.cwd().rglob("*"))
    with pytest.raises(error):
        train(tiny(env=env), trackers=("none",))
    assert set(Path.cwd().rglob("*")) == before


def test_an_unknown_tracker_writes_nothing() -> None:
    with pytest.raises(ConfigError, match="swanlap"):
        train(TINY, trackers=("swanlap",))
    assert not Path("runs").exists()


def test_an_existing_folder_is_left_alone() -> None:
    Path("mine").mkdir()
    (Path("mine") / "diary.txt").write_text("dear")
    with pytest.raises(FolderError, match="mine"):
        train(TINY, trackers=("none",), out=Path("mine"))
    assert [path.name for path in Path("mine").iterdir()] == ["diary.txt"]


# ── What the replay holds ────────────────────────────────────────────────────────────────────────


class Bandit(gym.Env):
    """Every episode lasts one step."""

    observation_space, action_space = gym.spaces.Box(0, 1, (1,), np.float32), gym.spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        return np.ones(1, np.float32), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        return np.ones(1, np.float32), float(action), True, False, {}


@pytest.mark.parametrize("room", [2**26, 0])
def test_a_replay_that_cannot_hold_its_capacity_says_what_it_holds(
    room: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "SPARE_BYTES", room)
    config = tiny(
        env=Env(id=Bandit),
        replay_capacity=1_200,
        learning_starts=1_000,
        update_every=500,
        budget=Steps(num=1_600),
        n=3,
        evaluate_every=Steps(num=1_600),
    )
    found = train(config, out=tmp_path / "run", trackers=("none",))
    said = [note for note in found.notes if "in the replay" in note]
    if room:
        assert said == []
    else:
        (note,) = said
        assert re.match(r"transitions in the replay: 1,1\d\d of 1,200, ", note)
