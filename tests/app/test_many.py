"""Many seeds in real processes: what is left, who fails alone, how everybody stops."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import dqnlab
from dqnlab.app.cli import main
from dqnlab.config import Config, Env, Film
from dqnlab.envs.seeds import env_seeds
from dqnlab.errors import ConfigError, DqnlabError
from dqnlab.lab.many import crew as many
from dqnlab.lab.many import pool
from dqnlab.lab.many.crew import train_many
from dqnlab.lab.many.pool import shares
from dqnlab.store.folder import Run
from dqnlab.store.group import Failure

from ..tiny import TINY

WORDS = ["--learning-starts", "64", "--batch-size", "64"]
WORDS += ["--evaluate-every.num", "500", "--select-episodes", "2", "--tracker", "none"]
WORDS += ["--confirm-episodes", "2", "--score-episodes", "3", "--env.max-episode-steps", "60"]

TROUBLE = '''
import os
import gymnasium as gym
import numpy as np
from gymnasium import spaces

class Trouble(gym.Env):
    """Fails in the way that its first seed calls for."""

    observation_space, action_space = spaces.Box(-1, 1, (2,), np.float32), spaces.Discrete(2)
    doom = None

    def __init__(self, dooms):
        self.dooms = dooms

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.doom = self.dooms.get(str(seed), self.doom)
        self.left = 10
        return np.zeros(2, np.float32), {}

    def step(self, action):
        self.left -= 1
        if self.doom == "dies":
            os._exit(7)
        bad = np.nan if self.doom == "shows nan" else 0.5
        return np.full(2, bad, np.float32), 1.0, self.left == 0, False, {}
'''


def summary(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "summary.json").read_text())


# ── Before any process ───────────────────────────────────────────────────────────────────────────


@pytest.fixture
def no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if starting one were a mistake."""

    def hire(task: Any, workers: list[Any], place: Any) -> None:
        raise AssertionError(task)

    monkeypatch.setattr(many, "hire", hire)


@pytest.mark.usefixtures("no_process")
@pytest.mark.parametrize(
    ("config", "seeds", "words"),
    [
        (TINY, [], "seeds must be distinct and at least one"),
        (TINY, [1, 2, 1], "seeds must be distinct"),
        (TINY, [2**32 - 1, 2**32], "seed must be a whole number"),
        (replace(TINY, env=Env(id=lambda: None)), [0, 1], "function at the top level of a module"),
    ],
)
def test_what_can_be_seen_at_once_is_refused_at_once(config: Config, seeds: list[int], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        train_many(config, seeds)


@pytest.mark.usefixtures("no_process")
def test_a_tracker_that_does_not_exist_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match="swanlap"):
        train_many(TINY, [0, 1], trackers=("swanlap",))


def test_seeds_are_dealt_out_evenly() -> None:
    assert shares(range(5), 2) == [(0, 2, 4), (1, 3)]
    assert shares([7, 3], 8) == [(7,), (3,)]


@pytest.mark.world
def test_the_parent_loads_neither_torch_nor_environments() -> None:
    code = "import sys, dqnlab.terminal.board, dqnlab.lab.many.crew, dqnlab.app.summary"
    code += "; print({'torch', 'gymnasium'} & {*sys.modules})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"


@pytest.mark.parametrize("words", ["--seeds 0", "--seeds -1", "--seeds x", "--seed 4294967295 --seeds 2"])
def test_a_number_of_seeds_that_cannot_be_is_refused(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", *words.split(), "--tracker", "none"]) == 2
    assert "seed" in capsys.readouterr().err
    assert not Path("runs").exists()


class Stubborn:
    """A process and a pipe that end only by force."""

    alive = True
    pid = 2**31 - 1  # of no process: nothing has been started that would have to end too

    def is_alive(self) -> bool:
        return self.alive

    def kill(self) -> None:
        self.alive = False

    def join(self, timeout: float | None = None) -> None:
        pass

    def close(self) -> None:
        pass


def test_a_second_ctrl_c_ends_every_process_and_keeps_what_had_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    stubs: list[Any] = []

    def hire(task: Any, workers: list[Any], place: Any) -> None:
        stubs.append(Stubborn())
        workers.append(pool.Worker(stubs[-1], stubs[-1], task.seeds))

    def serve(crew: Any, interrupt: Any) -> None:
        crew.folder = Path("group")
        crew.folder.mkdir()
        crew.results[1] = Failure(seed=1, folder=Path("group/seed-1"), error="before", exit_code=3)
        raise KeyboardInterrupt

    monkeypatch.setattr(many, "hire", hire)
    monkeypatch.setattr(many.Crew, "_serve", serve)
    monkeypatch.setattr(many, "usable_cores", lambda: 2)
    group = train_many(TINY, range(3), trackers=("none",))
    assert [stub.alive for stub in stubs] == [False, False]
    assert group.interrupted
    assert [each.exit_code for each in group.failures] == [130, 3, 130]
    assert summary(Path("group"))["interrupted"]


# ── In processes ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.world
def test_every_seed_is_a_run_of_its_own_and_the_best_is_filmed(capsys: pytest.CaptureFixture[str]) -> None:
    config = replace(TINY, film=Film(episodes=1, max_seconds=0.2), seed=99)
    group = dqnlab.train_many(config, [3, 4, 5], trackers=("none",))
    assert [result.seed for result in group.results] == [3, 4, 5]
    assert group.folder.parent == Path("runs/CartPole-v1").resolve()
    assert group.folder.name.endswith("-tiny-s3-5")
    assert not group.interrupted
    for run in group.runs:
        alone = dqnlab.train(replace(config, seed=run.seed, film=Film(episodes=0), explain=False), trackers=("none",))
        assert (run.score, run.env_steps, run.updates) == (alone.score, alone.env_steps, alone.updates)
        assert run.folder == group.folder / f"seed-{run.seed}"
        assert dqnlab.load(run.folder).config.seed == run.seed
    assert group.best is not None
    assert [path.parent.parent for path in group.folder.rglob("*.mp4")] == [group.best.folder]
    content = summary(group.folder)
    assert group.mean is not None
    assert content["mean"]["mean"] == group.mean.mean
    assert [row["seed"] for row in content["results"]] == [3, 4, 5]
    assert main(["evaluate", str(group.folder), "--episodes", "2"]) == 0
    assert f"seed-{group.best.seed} (the best seed of " in " ".join(capsys.readouterr().out.split())
    assert main(["evaluate", str(group.best.folder), "--episodes", "2"]) == 0
    assert "the best seed of" not in capsys.readouterr().out


@pytest.mark.world
def test_a_seed_that_fails_or_kills_its_process_takes_no_other_along(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("trouble.py").write_text(TROUBLE)
    monkeypatch.syspath_prepend(str(Path.cwd()))
    monkeypatch.setattr(many, "usable_cores", lambda: 2)  # seeds 0, 2, 4 and 1, 3
    first = {seed: str(env_seeds(seed, "train", 1)[0]) for seed in range(5)}
    dooms = {first[0]: "dies", first[1]: "shows nan"}
    env = Env(id="trouble:Trouble-v0", kwargs={"dooms": dooms}, max_episode_steps=20)
    Path("trouble.py").write_text(TROUBLE + "\ngym.register('Trouble-v0', Trouble)\n")
    group = train_many(replace(TINY, env=env), range(5), out=Path("group"), trackers=("none",))
    assert [type(result) for result in group.results] == [Failure, Failure, Run, Run, Run]
    died, broke = group.failures
    assert (died.exit_code, died.error) == (1, "its process ended with exit code 7")
    assert broke.exit_code == 3
    assert "observation holds nan" in broke.error
    assert group.mean is not None
    assert group.mean.seeds == 3
    rows = summary(Path("group"))["results"]
    assert [row["error"] is None for row in rows] == [False, False, True, True, True]


@pytest.mark.world
def test_what_no_seed_can_do_is_said_once_and_writes_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    before = {path for path in Path.cwd().rglob("*") if "home" not in path.parts}
    assert main(["train", "CartPol-v1", "--seeds", "2", "--tracker", "none", "--quiet"]) == 2
    out, err = capfd.readouterr()
    assert err.count("error:") == 1
    assert "CartPol-v1" in err
    assert "Traceback" not in err
    assert out == ""
    assert {path for path in Path.cwd().rglob("*") if "home" not in path.parts} == before


@pytest.mark.world
def test_a_process_that_cannot_even_begin_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "work", os._exit)  # called with a pipe, which it cannot take
    with pytest.raises(DqnlabError, match=r"training could not begin: its process ended.*__main__"):
        train_many(TINY, [0], trackers=("none",))
    assert not Path("runs").exists()


@pytest.mark.world
def test_the_command_shows_every_seed_and_the_mean(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    words = ["--seed", "4", "--seeds", "2", "--steps", "400", "--film.episodes", "0", "--no-explain", *WORDS]
    assert main(["train", *words, "--out", "mine"]) == 0
    out = capfd.readouterr().out
    assert caplog.text.count("nothing is evaluated before the end: evaluate_every = 500 steps") == 1
    assert "2 seeds, 4 to 5" in out
    assert "(2 of 2" in out  # and how long it takes to show the best
    rows = [line.split() for line in out.splitlines()]
    assert {row[0] for row in rows if row and row[-1] in {"seed-4", "seed-5"} and len(row) > 3} == {"4", "5"}
    assert "95 % Student t over seeds" in out
    assert "\x1b" not in out


# ── Stopped ──────────────────────────────────────────────────────────────────────────────────────


def endless() -> subprocess.Popen[str]:
    """The command with three seeds, both processes of it in the middle of training."""
    long = "train --seeds 3 --steps 1e9 --no-stop-when-solved --compile off --out mine"
    words = [*long.split(), *WORDS]
    code = "from dqnlab.app import cli; from dqnlab.lab.many import crew; crew.usable_cores = lambda: 2; "
    code += f"raise SystemExit(cli.main({words}))"
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-c", code], stdout=pipe, stderr=pipe, text=True)
    best = [Path(f"mine/seed-{seed}/best_model.pth") for seed in (0, 1)]
    wait_for(lambda: process.poll() is not None or all(path.exists() for path in best))
    return process


def wait_for(condition: Any) -> None:
    for _ in range(600):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("waited in vain")


@pytest.mark.world
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_ctrl_c_lets_every_seed_keep_what_there_is_and_leaves_with_130() -> None:
    with endless() as process:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert process.returncode == 130, err
    assert "interrupted: these are the results so far" in out
    assert "Traceback" not in err
    for seed in (0, 1):
        assert json.loads(Path(f"mine/seed-{seed}/result.json").read_text())["interrupted"]
        assert Path(f"mine/seed-{seed}/last_model.pth").exists()
    content = summary(Path("mine"))
    assert content["interrupted"]
    assert content["results"][2]["error"] == "interrupted before it began"
    assert not Path("mine/seed-2").exists()


@pytest.mark.world
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_workers_whose_parent_is_killed_save_and_end() -> None:
    with endless() as process:
        process.kill()
    wait_for(lambda: all(Path(f"mine/seed-{seed}/result.json").exists() for seed in (0, 1)))
    assert not Path("mine/seed-2").exists()
