"""What an environment's answers are taken for is said once in a piece of work, with all its copies and phases."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import dqnlab
from dqnlab.check.doctor.examination import examine
from dqnlab.config import Env, Film, Steps
from dqnlab.envs.contract import TakenAs
from dqnlab.run import film

from ..tiny import tiny

ENV = Env(id="zoo:ArrayReward-v0", num_envs=2, timeout=0)  # timeout: it is said once without a watchdog too
CONFIG = tiny(update_every=1, env=ENV, film=Film(episodes=1, max_seconds=1.0), explain=True)


@pytest.fixture(autouse=True)
def zoo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "zoo"))


@pytest.fixture
def said() -> Iterator[Callable[[], int]]:
    """How often something was said since the last time that was asked."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")

        def count() -> int:
            about = [each.message.about for each in caught if isinstance(each.message, TakenAs)]
            caught.clear()
            assert set(about) <= {("zoo:ArrayReward-v0", "reward")}
            return len(about)

        yield count


def test_each_function_says_it_once(said: Callable[[], int], dummy_display: None) -> None:
    run = dqnlab.train(CONFIG, trackers=("none",), out=Path("run"))  # two copies, three evaluations, a film, a page
    assert run.failed_steps == {}
    assert said() == 1
    dqnlab.resume(run, budget=Steps(num=450))
    assert said() == 1
    agent = dqnlab.load(run)
    for work in (
        lambda: dqnlab.evaluate(agent, episodes=40),
        lambda: film.record(agent, Path("films"), episodes=2, max_seconds=1.0),
        lambda: list(film.watch(agent, episodes=2)),
        lambda: dqnlab.report(run),
        lambda: list(dqnlab.events(replace(CONFIG, budget=Steps(num=450)))),
    ):
        work()
        assert said() == 1


def test_the_doctor_says_it_among_its_findings_only(said: Callable[[], int], capfd: Any) -> None:
    report = examine(CONFIG, steps=200)
    assert "reward" in [each.check for each in report.findings if each.level == "warning"]
    assert said() == 0
    assert capfd.readouterr() == ("", "")
