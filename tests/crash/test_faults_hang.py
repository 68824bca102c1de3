"""Environments that never answer (F14), and what the watchdog leaves alone."""

import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from dqnlab.check.doctor.examination import examine
from dqnlab.config import Env, Film, Steps
from dqnlab.envs.roundtrip import AFTER, BEFORE
from dqnlab.envs.watchdog import watched
from dqnlab.errors import EnvironmentFault
from dqnlab.lab.resume import resume
from dqnlab.lab.session import train
from dqnlab.run.evaluate import evaluate
from dqnlab.run.film import record, watch
from dqnlab.settle import foresee_settings
from dqnlab.store.agent import load

from .kit import Faulty, checkpoint, short

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
OUT = Path("mine")


class Hangs(Faulty):
    """Waits for what never comes, in step or reset of one of its copies, at call `at`."""

    where, how, at, only, made = "step", "sleeps", 10**9, 0, 0
    calls = 0

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 30}

    def __init__(self, render_mode: str | None = None) -> None:
        super().__init__()
        Hangs.made += 1
        self.number, self.render_mode = Hangs.made, render_mode
        self.hang("the constructor")

    def hang(self, where: str) -> None:
        if where != Hangs.where or Hangs.only not in (0, self.number):
            return
        Hangs.calls += 1
        if Hangs.calls != Hangs.at:
            return
        match Hangs.how:
            case "sleeps":
                time.sleep(60)
            case "loops":
                while True:
                    pass
            case "waits":
                threading.Event().wait()

    def reset(self, **settings: Any) -> Any:
        self.hang("reset")
        return super().reset(**settings)

    def step(self, action: Any) -> Any:
        self.hang("step")
        return super().step(action)

    def render(self) -> Any:
        self.hang("render")
        return np.zeros((64, 64, 3), np.uint8)

    def close(self) -> None:
        self.hang("close")
        super().close()


@pytest.fixture(autouse=True)
def anew(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("where", "how", "at", "only", "made", "calls"):
        monkeypatch.setattr(Hangs, name, getattr(Hangs, name))


def hanging(**settings: Any) -> Any:
    for name, value in settings.items():
        setattr(Hangs, name, value)
    return short(env=Env(id=Hangs, timeout=0.3), budget=Steps(num=200), update_every=4)


@pytest.mark.parametrize("how", ["sleeps", "loops", "waits"])
def test_f14_an_environment_that_hangs_is_named_and_the_run_can_go_on(how: str) -> None:
    config = hanging(how=how, at=130, only=2)
    with pytest.raises(
        EnvironmentFault, match=r"env 'Hangs', step 130: step did not answer for 0\.3 s: .*env\.timeout"
    ) as caught:
        train(config, trackers=("none",), out=OUT)
    assert caught.value.exit_code == 3
    assert (OUT / "last_model.pth").exists()
    assert checkpoint(OUT).step == 100
    assert resume(OUT, env=Hangs).env_steps == 200


@pytest.mark.parametrize(("only", "at"), [(2, 1), (2, 5), (3, 1)])
def test_f14_a_reset_that_hangs_is_found_also_at_the_very_start_and_in_an_evaluation(only: int, at: int) -> None:
    with pytest.raises(
        EnvironmentFault, match=r"env 'Hangs'( \(judging, episode 1\))?, step \d+: reset did not answer for 0\.3 s"
    ):
        train(hanging(where="reset", only=only, at=at), trackers=("none",), out=OUT)
    assert OUT.exists() == ((only, at) != (2, 1))


TRIED = BEFORE + 2 * AFTER  # steps that try whether an environment can be saved, whenever it is described


@pytest.mark.parametrize(("at", "step"), [(5, 5), (TRIED + 5, 3)], ids=["at the door", "in the episodes"])
def test_f14_a_score_of_an_environment_that_hangs_is_refused(at: int, step: int) -> None:
    import dqnlab

    env = Env(id=Hangs, timeout=0.3)
    agent = dqnlab.load(train(hanging(), trackers=("none",)).folder, env=env)
    Hangs.at = Hangs.calls + at
    with pytest.raises(EnvironmentFault, match=rf"step {step}: step did not answer for 0\.3 s"):
        evaluate(agent, env, episodes=2)


@pytest.mark.parametrize("at", [5, TRIED + 5], ids=["at the door", "in play"])
def test_f14_the_doctor_names_an_environment_that_hangs(at: int) -> None:
    report = examine(hanging(at=at), steps=100)
    assert report.exit_code == 3
    assert [each.what for each in report.findings if "step did not answer for 0.3 s" in each.what]


@pytest.mark.parametrize("at", [5, TRIED + 5], ids=["at the door", "in play"])
def test_f14_settings_are_not_foreseen_of_an_environment_that_hangs(at: int) -> None:
    with pytest.raises(EnvironmentFault, match=r"step did not answer for 0\.3 s"):
        foresee_settings(replace(hanging(at=at), reward_scale="auto"))


@pytest.mark.parametrize("only", [1, 2, 3], ids=["described", "in training", "for judging"])
def test_f14_a_constructor_that_hangs_is_named_wherever_it_is_called(only: int) -> None:
    with pytest.raises(EnvironmentFault, match=r"env 'Hangs': the constructor did not answer for 0\.3 s") as caught:
        train(hanging(where="the constructor", only=only, at=1), trackers=("none",), out=OUT)
    assert caught.value.exit_code == 3
    assert ("--env.copies 1" in str(caught.value)) == (only == 3)  # the second that would live


@pytest.mark.parametrize("where", ["the constructor", "close", "render"])
def test_f14_the_doctor_names_a_call_that_hangs_beside_the_steps(where: str) -> None:
    report = examine(hanging(where=where, at=1), steps=50)
    said = [each for each in report.findings if f"{where} did not answer for 0.3 s" in each.what]
    assert said
    assert report.exit_code == (0 if where == "render" else 3)  # which costs a film and nothing else


def test_f14_a_film_that_hangs_is_a_note_and_record_refuses() -> None:
    config = replace(hanging(where="render", at=1), film=Film(episodes=1))
    run = train(config, trackers=("none",), out=OUT)
    assert run.score is not None
    assert "render did not answer for 0.3 s" in run.failed_steps["film"]
    Hangs.at = Hangs.calls + 1
    with pytest.raises(EnvironmentFault, match=r"render did not answer for 0\.3 s"):
        record(load(OUT, env=config.env), OUT / "videos", episodes=1, max_seconds=1)


@pytest.mark.parametrize("where", ["the constructor", "reset", "step", "render", "close"])
@pytest.mark.parametrize("window", ["human", "rgb_array"], ids=["a window of its own", "pictures in ours"])
def test_f14_watching_an_environment_that_hangs_ends_with_its_name(
    where: str, window: str, dummy_display: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Hangs, "metadata", {"render_modes": [window], "render_fps": 1_000})
    agent = load(train(hanging(), trackers=("none",)).folder, env=Env(id=Hangs, timeout=0.3))
    played = 3 if window == "rgb_array" and where in ("reset", "step", "render") else 2  # no window of its own: again
    hanging(where=where, at=1, calls=0, only=Hangs.made + played)  # the first is only described
    if (where, window) == ("render", "human"):
        assert list(watch(agent, episodes=1)) == [10.0]  # it draws by itself, in its steps
        return
    with pytest.raises(EnvironmentFault, match=rf"env 'Hangs'.*{where} did not answer for 0\.3 s"):
        list(watch(agent, episodes=1))


def test_f14_after_the_score_a_close_that_hangs_is_a_note() -> None:
    run = train(hanging(where="close", only=2, at=1), trackers=("none",), out=OUT)
    assert run.score is not None
    assert [note for note in run.notes if "close did not answer for 0.3 s" in note]


STUBBORN = """
import sys, time
sys.path.insert(0, {here!r})
import gymnasium as gym
from dqnlab.app import cli
from dqnlab.envs import watchdog
from gymnasium.envs.classic_control.cartpole import CartPoleEnv

class Deaf(CartPoleEnv):
    life = 0
    def step(self, action):
        Deaf.life += 1
        while Deaf.life > 130:
            try:
                time.sleep(1)
            except Exception:
                pass
        return super().step(action)

gym.register("Deaf-v0", Deaf)
watchdog.GRACE = 0.3
words = "train Deaf-v0 --env.timeout 0.3 --steps 400 --learning-starts 64 --batch-size 64 --checkpoint-every 50"
words += " --reward-scale 1"
sys.exit(cli.main([*words.split(), "--env.num-envs", "1", "--compile", "off", "--tracker", "none", "--out", "mine"]))
"""


@pytest.mark.world
def test_f14_an_environment_that_swallows_the_error_ends_the_process_and_the_checkpoint_stands() -> None:
    code = STUBBORN.format(here=str(Path.cwd()))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 3, done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: env 'Deaf-v0', step 1")
    assert "not answer for 0.3 s" in done.stderr
    assert checkpoint(OUT).step == 100


def test_f14_many_short_calls_are_not_one_long_one_and_other_work_may_last() -> None:
    class Slow(Faulty):
        def step(self, action: Any) -> Any:
            time.sleep(0.01)
            return super().step(action)

    from dqnlab.envs.make import describe
    from dqnlab.envs.vector import SerialEnvs

    env = Slow()
    envs = SerialEnvs([env], describe(Env(id=Slow)), "Slow")
    with watched(0.2):
        envs.reset([0])
        for _ in range(50):
            envs.step([0])  # type: ignore[arg-type]
        time.sleep(0.5)


def test_f14_in_other_threads_and_with_a_timeout_of_zero_nobody_watches() -> None:
    def count() -> None:
        with watched(0.1):
            seen.append(sum(each.name == "dqnlab-watchdog" for each in threading.enumerate()))

    seen: list[int] = []
    thread = threading.Thread(target=count)
    thread.start()
    thread.join()
    count()
    with watched(0):
        seen.append(sum(each.name == "dqnlab-watchdog" for each in threading.enumerate()))
    assert seen == [0, 1, 0]
    assert not [each for each in threading.enumerate() if each.name == "dqnlab-watchdog"]
