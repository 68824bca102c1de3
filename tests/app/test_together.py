"""The seeds of one process as one stack; torch computes the program one operation after the other."""

import json
import multiprocessing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dqnlab.config import Config, Steps
from dqnlab.envs.make import describe
from dqnlab.lab.experiment import Experiment
from dqnlab.lab.many.line import Failed, Finished, Line, Stop, Task
from dqnlab.lab.many.worker import train_share
from dqnlab.lab.stopwatch import Stopwatch
from dqnlab.learn.fast import stack
from dqnlab.learn.fast.compiled import CompileError
from dqnlab.run.events import BlockEnded, Event
from dqnlab.store.control import Control, Order, write_control
from dqnlab.terminal.standing import Standing

from ..tiny import tiny

TINY = tiny(compile="on", budget=Steps(num=150), evaluate_every=Steps(num=75))


pytestmark = pytest.mark.usefixtures("not_compiled")


def share(config: Config, seeds: tuple[int, ...], *orders: Any) -> list[Any]:
    """What is reported of seeds that are trained in the folder `group`."""
    ours, theirs = multiprocessing.Pipe()
    for order in orders:
        ours.send(order)
    Path("group").mkdir()
    train_share(Task(config, seeds, ()), describe(config.env), Path("group"), Line(theirs), Stopwatch())
    found = []
    while ours.poll():
        found.append(ours.recv())
    return found


def test_every_seed_gets_a_run_of_its_own_that_says_how_many_shared_the_update() -> None:
    said = share(TINY, (3, 5, 7))
    runs = {each.run.seed: each.run for each in said if isinstance(each, Finished)}
    assert sorted(runs) == [3, 5, 7]
    for seed, run in runs.items():
        assert run.folder == Path(f"group/seed-{seed}").resolve()
        assert (run.env_steps, run.interrupted) == (150, False)
        assert run.score is not None
        assert run.score.episodes == 3
        assert json.loads((run.folder / "meta.json").read_text())["stack"] == 3
        assert (run.folder / "best_model.pth").is_file()
        assert 'compile = "on"' in (run.folder / "config.toml").read_text()
    assert len({run.score for run in runs.values()}) > 1  # three seeds, not one three times
    first = [each.state for each in said if isinstance(each, Standing)][:3]
    assert first == ["compiling"] * 3


def test_a_seed_that_fails_does_not_take_the_others_along(monkeypatch: pytest.MonkeyPatch) -> None:
    from dqnlab.learn.learner import Learner

    broken: list[Any] = []
    finite = Learner.is_finite.fget
    assert finite is not None

    def is_finite(self: Learner) -> bool:
        if not broken:
            broken.append(self)
        return self is not broken[0] and finite(self)

    monkeypatch.setattr(Learner, "is_finite", property(is_finite))
    said = share(TINY, (0, 1, 2))
    failures = [each for each in said if isinstance(each, Failed)]
    assert [each.exit_code for each in failures] == [6]
    assert "not finite" in failures[0].error
    assert len([each for each in said if isinstance(each, Finished)]) == 2
    result = json.loads(Path(f"group/seed-{failures[0].seed}/result.json").read_text())
    assert result["interrupted"]


def test_asked_to_stop_each_seed_keeps_what_it_has() -> None:
    config = replace(TINY, budget=Steps(num=10**8), evaluate_every=Steps(num=10**8))
    said = share(config, (0, 1), Stop())
    runs = [each.run for each in said if isinstance(each, Finished)]
    assert [run.interrupted for run in runs] == [True, True]
    assert all((run.folder / "last_model.pth").is_file() for run in runs)


def test_without_a_compiler_the_same_seeds_learn_uncompiled(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> Any:
        raise CompileError("no compiler")

    monkeypatch.setattr(stack, "compile_program", fail)
    said = share(TINY, (0, 1))
    assert len([each for each in said if isinstance(each, Finished)]) == 2
    assert caplog.messages == ["the update runs uncompiled: no compiler"]
    assert 'compile = "off"' in Path("group/seed-0/config.toml").read_text()


def test_seeds_of_a_short_run_are_trained_one_after_the_other() -> None:
    said = share(replace(TINY, compile="auto"), (0, 1))
    order = [each.run.seed if isinstance(each, Finished) else each.seed for each in said]
    assert order == sorted(order)


def test_a_seed_that_whoever_watches_ends_is_judged_and_the_others_go_on_to_the_same_bits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    share(TINY, (0, 1))
    alone = (Path("group/seed-1") / "last_model.pth").read_bytes()
    Path("group").rename("before")
    real = Experiment.take

    def take(self: Experiment, event: Event) -> None:
        if isinstance(event, BlockEnded) and event.step == 100 and self.system.config.seed == 0:
            write_control(self.folder, Control("0" * 16, (Order(0, "stop"),)))
            assert self.viewer is not None
            self.viewer._next = -1.0
        real(self, event)

    monkeypatch.setattr(Experiment, "take", take)
    runs = {each.run.seed: each.run for each in share(TINY, (0, 1)) if isinstance(each, Finished)}
    assert [(runs[seed].env_steps, runs[seed].interrupted) for seed in (0, 1)] == [(100, False), (150, False)]
    assert runs[0].score is not None
    assert (Path("group/seed-1") / "last_model.pth").read_bytes() == alone
