"""Experiments that end before they should: what was learned is saved, and whoever waits is told."""

import json
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

import dqnlab
from dqnlab.app.cli import main
from dqnlab.config import Env, Film, LinearRate, Steps
from dqnlab.errors import CheckpointError, ConfigError, EnvironmentFault, ResourceError
from dqnlab.lab.interrupt import signals_wait
from dqnlab.lab.session import train
from dqnlab.run import film
from dqnlab.run.events import BlockEnded, Evaluated
from dqnlab.store import remembered
from dqnlab.store.agent import read_config
from dqnlab.store.find import list_runs
from dqnlab.track import curves

from ..tiny import TINY, tiny

FILES = {"config.toml", "meta.json", "metrics.jsonl", "best_model.pth", "last_model.pth", "curves.png", "result.json"}


AGAIN = (
    "there is no checkpoint, so resuming begins again at step 0 and replaces last_model.pth; to begin with that "
    "network instead: train it in Python, --init mine/last_model.pth (in Python init='mine/last_model.pth')"
)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def result(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "result.json").read_text())


class Fragile(gym.Env):
    """Pays 1 per step, ends after 10, and shows NaN at step `breaks` of its life."""

    observation_space, action_space = spaces.Box(-1, 1, (2,), np.float32), spaces.Discrete(2)

    def __init__(self, breaks: int = 200):
        self.breaks, self.life = breaks, 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        self.left = 10
        return np.zeros(2, np.float32), {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict]:
        self.life, self.left = self.life + 1, self.left - 1
        bad = np.nan if self.life == self.breaks else 0.5
        return np.full(2, bad, np.float32), 1.0, self.left == 0, False, {}


def test_an_environment_made_in_python_is_kept_as_a_label() -> None:
    run = train(tiny(env=Env(id=Fragile, kwargs={"breaks": 10**9})), trackers=("none",))
    assert run.env == "Fragile"
    assert run.solved is None
    assert "Fragile" in (run.folder / "config.toml").read_text()
    assert json.loads((run.folder / "meta.json").read_text())["env"]["callable"] is True
    assert dqnlab.load(run.folder).act(np.zeros(2)) in (0, 1)


def test_an_environment_that_breaks_is_named_and_what_was_learnt_is_saved() -> None:
    with pytest.raises(EnvironmentFault, match="env 'Fragile', step 200: observation") as caught:
        train(tiny(env=Env(id=Fragile)), trackers=("none",), out=Path("mine"))
    onward = "to resume: dqnlab.resume('mine', env=…) in Python"
    assert caught.value.__notes__ == [f"what was learned so far is in mine; {onward}", AGAIN]
    content = result(Path("mine"))
    assert content["error"] == str(caught.value)
    assert content["interrupted"]
    assert content["score"] is None
    assert content["env_steps"] == 199
    assert content["selected_score"] == 10
    assert names(Path("mine")) >= FILES


def test_an_error_is_kept_on_one_line_without_secrets_and_until_the_run_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Lost(Fragile):
        broken = True

        def step(self, action: Any) -> Any:
            if self.life == 99 and Lost.broken:
                raise RuntimeError("sensor\nlost, token=abc")
            return super().step(action)

    with pytest.raises(EnvironmentFault, match="step 100 raised"):
        train(tiny(env=Env(id=Lost)), trackers=("none",), out=Path("mine"))
    kept, place = result(Path("mine"))["error"].rsplit(" (", 1)
    assert kept == "env 'Lost', step 100 raised RuntimeError: sensor lost, token=***"
    assert place.startswith("test_experiment_ends.py, line ")
    assert [(row["status"], row["score"]) for row in list_runs(Path())] == [("failed", None)]
    Lost.broken = False
    assert dqnlab.resume("mine", env=lambda: Lost(10**9)).error is None
    told = "mine has no checkpoint: it begins again at step 0; what was learned before is replaced: last_model.pth, "
    assert told in caplog.text
    assert [row["status"] for row in list_runs(Path())] == ["finished"]


def test_steps_that_were_played_to_measure_rewards_are_not_counted_as_steps_of_training() -> None:
    config = tiny(reward_scale="auto")
    with pytest.raises(EnvironmentFault) as caught:
        train(replace(config, env=Env(id=Fragile, kwargs={"breaks": 1200})), trackers=("none",), out=Path("mine"))
    assert f"env 'Fragile', step {result(Path('mine'))['env_steps'] + 1}: observation" in str(caught.value)
    with pytest.raises(EnvironmentFault, match=r"env 'Fragile' \(measuring rewards before training\), step 200: obs"):
        train(replace(config, env=Env(id=Fragile)), trackers=("none",))


def test_a_run_made_in_this_process_knows_its_environment() -> None:
    run = train(tiny(env=Env(id=Fragile, kwargs={"breaks": 10**9})), trackers=("none",))
    agent = dqnlab.load(run.folder)
    assert dqnlab.evaluate(agent, episodes=2).mean == 10
    assert dqnlab.report(run, out=Path("page.html")).path.is_file()
    assert dqnlab.resume(run, budget=Steps(num=600), trackers=("none",)).env_steps == 600
    shutil.copytree(run.folder, "copy")
    with pytest.raises(ConfigError, match="made in Python"):  # of another folder nobody has told it
        dqnlab.evaluate(dqnlab.load("copy"), episodes=2)
    remembered.KNOWN.clear()  # as in another process
    with pytest.raises(ConfigError, match="pass env="):
        dqnlab.evaluate(dqnlab.load(run.folder), episodes=2)


def test_a_later_end_leaves_the_learning_rate_as_it_was_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    run = train(tiny(lr_schedule=LinearRate()), trackers=("none",))
    assert "learning rate" not in caplog.text
    made = read_config(run.folder).lr_schedule.updates
    dqnlab.resume(run, budget=Steps(num=2 * run.env_steps), trackers=("none",))
    assert f"the learning rate is 0 from update {made:,} on" in caplog.text
    assert read_config(run.folder).lr_schedule.updates == made


def test_a_run_without_an_evaluation_is_explained_by_its_last_network(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(EnvironmentFault):
        train(tiny(env=Env(id=Fragile, kwargs={"breaks": 90})), trackers=("none",), out=Path("mine"))
    message = r"before it was evaluated; take the last network, --which last \(in Python which='last'\), or resume"
    with pytest.raises(CheckpointError, match=message):
        dqnlab.load("mine")
    assert dqnlab.load("mine", which="last").act(np.zeros(2)) in (0, 1)
    assert main(["explain", "mine"]) == 0
    Path("mine", "result.json").unlink()
    with pytest.raises(CheckpointError, match="training ended before it was evaluated, or the file was removed; take"):
        dqnlab.load("mine")
    said = "The run has no best network: this page shows the last one in its place, as it was when training ended."
    assert said in capsys.readouterr().out
    assert '"stands_in":true' in Path("mine/report.html").read_text("utf-8").replace(" ", "")
    Path("mine/last_model.pth").unlink()
    with pytest.raises(CheckpointError, match="the run has saved no network yet; wait for it, or resume it"):
        dqnlab.load("mine")


def test_a_best_network_that_was_removed_is_not_said_never_to_have_been_saved() -> None:
    train(tiny(env=Env(id=Fragile, kwargs={"breaks": 10**9})), trackers=("none",), out=Path("mine"))
    Path("mine/best_model.pth").unlink()
    last = r"best_model\.pth' is missing: it was removed; take the last .*, --which last \(in Python which='last'\)$"
    with pytest.raises(CheckpointError, match=last):  # a run that has ended is not to be resumed
        dqnlab.load("mine")
    Path("mine/last_model.pth").rename("mine/best_model.pth")
    with pytest.raises(CheckpointError, match=r"last_model\.pth' is missing: it was removed; take the best network"):
        dqnlab.load("mine", which="last")
    Path("mine/best_model.pth").unlink()
    anew = r"best_model\.pth' is missing, and so is last_model\.pth: .*train it anew, in Python"
    with pytest.raises(CheckpointError, match=anew):
        dqnlab.load("mine")


class PressesCtrlC:
    """A view that interrupts at the first evaluation, or twice in a row."""

    def __init__(self, times: int):
        self.times, self.after = times, 0

    def start(self, *args: Any) -> None:
        pass

    def stop(self) -> None:
        pass

    def say(self, text: str) -> None:
        pass

    def __call__(self, event: Any) -> None:
        if isinstance(event, Evaluated):
            for _ in range(self.times):
                signal.raise_signal(signal.SIGINT)
        elif isinstance(event, BlockEnded) and self.times == 1:
            self.after = event.step


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_saves_best_and_last_and_gives_a_result_without_a_score(times: int) -> None:
    view = PressesCtrlC(times)
    handler = signal.getsignal(signal.SIGINT)
    run = train(TINY, trackers=("none",), view=view)  # type: ignore[arg-type]
    assert run.interrupted
    assert run.score is None
    assert run.solved is None
    assert run.env_steps == 100
    assert view.after == (100 if times == 1 else 0)  # one waits for the end of the block, two do not
    assert names(run.folder) >= FILES
    assert result(run.folder)["interrupted"]
    assert signal.getsignal(signal.SIGINT) is handler


def test_one_ctrl_c_is_a_note_and_a_second_insists() -> None:
    with signals_wait() as interrupt:
        assert not interrupt.asked
        signal.raise_signal(signal.SIGINT)
        assert interrupt.asked
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_a_film_that_fails_is_a_note_and_the_score_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise ResourceError("no codec")

    monkeypatch.setattr(film, "record", fail)
    run = train(tiny(film=Film(episodes=1)), trackers=("none",))
    assert run.score is not None
    assert "no film: no codec" in run.notes
    assert "no film: no codec" in result(run.folder)["notes"]


def test_curves_that_fail_are_a_note_and_the_score_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise OSError("no space")

    monkeypatch.setattr(curves, "draw_curves", fail)
    run = train(TINY, trackers=("none",))
    assert run.score is not None
    assert "no curves: no space" in run.notes


def test_environments_are_closed_whatever_happens() -> None:
    made, closed = [], []

    class Counted(Fragile):
        def __init__(self) -> None:
            super().__init__(breaks=200)
            made.append(self)

        def close(self) -> None:
            closed.append(self)

    with pytest.raises(EnvironmentFault):
        train(tiny(env=Env(id=Counted)), trackers=("none",))
    assert len(made) >= 3
    assert set(map(id, closed)) == set(map(id, made))
