"""Environments in workers: the same as one after another, whatever happens to a worker."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import psutil
import pytest
import torch

import dqnlab
from dqnlab.config import Env, Steps
from dqnlab.envs import workers
from dqnlab.envs.guard import EnvironmentHangs
from dqnlab.envs.make import EnvSpec, describe
from dqnlab.envs.open import make_envs
from dqnlab.envs.vector import Envs, SerialEnvs
from dqnlab.envs.workers import WorkerEnvs
from dqnlab.errors import ConfigError, EnvironmentFault
from dqnlab.store.metrics import read_records

from ..equal import same
from ..tiny import tiny

pytestmark = pytest.mark.world


class Deeds(gym.Env[np.ndarray, int]):
    """Does what an action calls for, in the copy that was reset with seed 2; another copy shows how far it is."""

    observation_space = gym.spaces.Box(-1e6, 1e6, (1,), np.float32)
    action_space = gym.spaces.Discrete(6)

    def __init__(self) -> None:
        self.at = self.seed = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.at, self.seed = 0, self.seed if seed is None else seed
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> Any:
        self.at += 1
        if self.seed == 2:
            self.do(action)
        info: Any = [] if action == 4 else {}
        return np.full(1, self.at, np.float32), 1.0, False, False, info

    def do(self, action: int) -> None:
        match action:
            case 1:
                raise OSError("gone")
            case 2:
                os._exit(7)
            case 3:
                time.sleep(60)
            case 5:
                time.sleep(0.3)


@contextmanager
def opened(env: Env) -> Iterator[tuple[EnvSpec, Envs]]:
    spec = describe(env)
    envs = make_envs(env, spec, env.num_envs)
    try:
        yield spec, envs
    finally:
        envs.close()


@pytest.fixture(scope="module")
def three() -> Iterator[Envs]:
    """Three environments in two workers, for tests that leave the workers in order: each has to load torch."""
    with opened(Env(id=Deeds, num_envs=3, workers=2, timeout=0.4)) as (_, envs):
        yield envs


def all_do(action: int) -> np.ndarray:
    return np.full(3, action)


# ── The same ─────────────────────────────────────────────────────────────────────────────────────


def test_they_answer_to_the_last_bit_as_one_after_another_and_so_do_their_saved_states() -> None:
    num, env, chance = 5, Env(id="Taxi-v4", num_envs=5), np.random.default_rng(0)
    with opened(env) as (spec, serial), opened(replace(env, workers=3)) as (_, parallel):
        assert isinstance(serial, SerialEnvs)
        assert isinstance(parallel, WorkerEnvs)
        assert serial.restorable
        assert parallel.restorable
        obs = serial.reset(range(num))
        same(obs, parallel.reset(range(num)))
        saved: Any = ()
        for step in range(250):  # beyond the step limit
            action = spec.any_actions(obs, chance)
            ours, theirs = serial.step(action), parallel.step(action)
            same(ours, theirs)
            obs = ours.next_obs
            if step == 60:
                saved = serial.state_dict(), parallel.state_dict()
        same(*({name: np.array(part) for name, part in state.items() if name != "envs"} for state in saved))
        serial.load_state_dict(saved[1])
        parallel.load_state_dict(saved[0])
        for _ in range(5):
            same(serial.step(np.zeros(num, int)), parallel.step(np.zeros(num, int)))
        same(serial.remake(range(num, 2 * num)), parallel.remake(range(num, 2 * num)))


def test_a_run_learns_the_same_with_any_number_of_workers_and_goes_on_the_same(tmp_path: Path) -> None:
    def run(num: int) -> Any:
        env = Env(id="CartPole-v1", num_envs=3, workers=num)
        run = dqnlab.train(tiny(env=env, checkpoint_every=100), out=tmp_path / str(num))
        run = dqnlab.resume(run.folder, budget=Steps(num=400))
        timed = ("seconds", "steps_per_second")
        metrics = [
            {name: value for name, value in each.items() if not name.endswith(timed)}
            for each in read_records(run.folder / "metrics.jsonl")
        ]
        return metrics, torch.load(run.folder / "best_model.pth"), run.score.returns

    same(run(0), run(2))
    assert not multiprocessing.active_children()


def test_whole_episodes_are_played_in_others_of_the_same_workers(three: Envs) -> None:
    assert isinstance(three, WorkerEnvs)
    three.reset([1, 3, 4])
    three.step(all_do(0))
    before = multiprocessing.active_children()
    for num in (3, 1, 5):
        lent = three.lend(num)
        with lent.playing("judging", 1):
            lent.reset(range(10, 10 + num))
            for at in range(1, 4):
                assert lent.step(np.zeros(num, int)).next_obs.ravel().tolist() == [at] * num
    assert multiprocessing.active_children() == before
    assert three.step(all_do(0)).next_obs.ravel().tolist() == [2] * 3


# ── Faults ───────────────────────────────────────────────────────────────────────────────────────


def test_what_one_raises_is_said_as_if_it_were_here_and_the_others_go_on(three: Envs) -> None:
    faults = []
    with opened(Env(id=Deeds, num_envs=3)) as (_, serial):
        for envs in (serial, three):
            with envs.playing("trying"):  # counts from 0
                envs.reset([1, 2, 3])
                envs.step(all_do(0))
                with pytest.raises(EnvironmentFault) as fault:
                    envs.step(all_do(1))
                faults.append(str(fault.value))
    assert faults[0] == faults[1]
    assert faults[0].startswith("env 'Deeds' (trying), step 2 raised OSError: gone")
    assert three.step(all_do(0)).next_obs.ravel().tolist() == [3] * 3


def test_what_is_taken_for_something_else_is_said_once_of_all_workers(three: Envs) -> None:
    three.reset([1, 3, 4])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            three.step(all_do(4))
    (said,) = caught
    assert "(copy 1 of 3)" in str(said.message)
    assert "info is of type list, not a dict: return {} if it is empty" in str(said.message)


def test_one_that_gives_no_answer_is_named(three: Envs) -> None:
    three.reset([1, 2, 3])
    with pytest.raises(EnvironmentHangs, match=r"\(copy 2 of 3\), step \d+: step did not answer for 0.4 s"):
        three.step(all_do(3))


def test_an_answer_that_nobody_waited_for_is_not_taken_for_the_next(three: Envs) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    three.reset([1, 2, 3])
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(KeyboardInterrupt):
            three.step(all_do(5))
    finally:
        signal.signal(signal.SIGALRM, before)
    assert three.step(all_do(0)).next_obs.ravel().tolist() == [2] * 3


def test_a_worker_that_dies_is_a_fault_and_leaves_nothing_behind() -> None:
    with opened(Env(id=Deeds, num_envs=1, workers=1)) as (_, envs):
        before = multiprocessing.active_children()
        envs.reset([2])
        with pytest.raises(
            EnvironmentFault, match="env 'Deeds': worker 1 of 1 ended with exit code 7 when asked to step"
        ):
            envs.step(np.full(1, 2))
        with pytest.raises(EnvironmentFault, match="ended with exit code 7"):
            envs.step(np.zeros(1, int))
    assert len(multiprocessing.active_children()) == len(before) - 1


def test_a_worker_that_was_stopped_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "GRACE", 0.1)
    with opened(Env(id=Deeds, num_envs=1, workers=1, timeout=1)) as (_, envs):
        envs.reset([1])
        (process,) = [each for each in multiprocessing.active_children() if "worker 1 of 1" in each.name]
        assert process.pid is not None
        os.kill(process.pid, signal.SIGSTOP)
        with pytest.raises(EnvironmentHangs, match="worker 1 of 1 gave no answer to 'step' for 3 s, nor said why"):
            envs.step(np.zeros(1, int))
    assert not process.is_alive()


UNGUARDED = """
import gymnasium as gym, dqnlab
from dqnlab.config import Config, Env, Steps

class Mine(gym.Wrapper):
    def __init__(self):
        super().__init__(gym.make("CartPole-v1"))

dqnlab.train(Config(env=Env(id=Mine, workers=1), budget=Steps(num=2_000)))
"""


def test_a_script_that_trains_wherever_it_is_imported_is_told_where_to_put_that(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED)
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert 'training belongs under `if __name__ == "__main__":`' in done.stderr.splitlines()[-1]
    assert not (tmp_path / "runs").exists()


WHOLE = """
import sys, time
from dqnlab.config import Env
from dqnlab.envs.make import describe
from dqnlab.envs.open import make_envs

if __name__ == "__main__":
    env = Env(id="CartPole-v1", num_envs=1, workers=1)
    envs = make_envs(env, describe(env), 1)
    envs.reset([0])
    print("ready", flush=True)
    if sys.argv[1] == "waits":
        time.sleep(60)
"""


@pytest.mark.parametrize("how", ["waits", "ends"])
def test_no_worker_outlives_a_process_that_was_killed_or_ended_without_closing(tmp_path: Path, how: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(WHOLE)
    with subprocess.Popen([sys.executable, str(script), how], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        started = psutil.Process(process.pid).children()
        if how == "waits":
            assert started
            process.kill()
        process.wait(30)
    _, alive = psutil.wait_procs(started, 20)
    assert not alive


# ── At the door ──────────────────────────────────────────────────────────────────────────────────


def test_what_workers_cannot_find_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    def local() -> gym.Env[Any, Any]:
        return gym.make("CartPole-v1")

    with pytest.raises(ConfigError, match="cannot be passed to other processes"):
        dqnlab.train(tiny(env=Env(id=local, num_envs=2, workers=2)), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_copies_that_are_counted_live_in_one_process() -> None:
    with pytest.raises(ConfigError, match=r"env.workers = 2 and env.copies = 4 exclude each other"):
        Env(copies=4, workers=2)
