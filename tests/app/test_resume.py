"""`dqn resume` and `dqnlab.resume`: what goes on, how far, and what is refused."""

import json
import signal
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces

import dqnlab
from dqnlab.config import Config, Env, Episodes, Steps
from dqnlab.config.toml import as_dict
from dqnlab.envs.make import describe
from dqnlab.errors import CheckpointError, ConfigError, FolderError
from dqnlab.lab import experiment, restore
from dqnlab.lab.many import resume as resume_many
from dqnlab.lab.many.crew import Crew
from dqnlab.lab.many.resume import resume_group
from dqnlab.lab.overrides import Overrides
from dqnlab.lab.resume import resume_folder
from dqnlab.lab.session import train
from dqnlab.learn.layout import Layout
from dqnlab.run.events import BlockEnded
from dqnlab.store import remembered
from dqnlab.store.advice import how_to_resume
from dqnlab.store.checkpoint.checkpoint import Store
from dqnlab.store.folder import BEST, LAST, METRICS, Run, seed_name, write_result
from dqnlab.store.ledger import entries
from dqnlab.store.start import write_start

from ..equal import same
from ..tiny import tiny

TINY = tiny(checkpoint_every=100)


class Sealed(gym.Env[np.ndarray, int]):
    """Its state cannot be saved: nobody knows the class."""

    observation_space, action_space = spaces.Box(-1, 1, (2,), np.float32), spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        return self.np_random.random(2, np.float32), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        return self.np_random.random(2, np.float32), 1.0, bool(self.np_random.random() < 0.02), False, {}


class Presser:
    """A view that sends this process a signal at an env step."""

    def __init__(self, step: int, signum: int = signal.SIGINT):
        self.step, self.signum = step, signum

    def start(self, config: Config, about: Any) -> None:
        pass

    def __call__(self, event: Any) -> None:
        if isinstance(event, BlockEnded) and event.step == self.step:
            signal.raise_signal(self.signum)

    def say(self, line: str) -> None:
        pass

    def stop(self) -> None:
        pass


def begun(folder: Path, step: int = 150, signum: int = signal.SIGINT, **changes: Any) -> Run:
    """A run that a signal ended."""
    run = train(replace(TINY, **changes), out=folder, trackers=("none",), view=Presser(step, signum))
    assert run.interrupted
    return run


def metrics(folder: Path) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in (folder / METRICS).read_text().splitlines()]
    return [{name: value for name, value in row.items() if not name.startswith("time/")} for row in rows]


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_run_that_was_interrupted_ends_as_one_that_was_not(tmp_path: Path) -> None:
    whole = train(TINY, out=tmp_path / "whole", trackers=("none",))
    begun(tmp_path / "cut")
    run = dqnlab.resume(tmp_path / "cut")
    assert (run.score, run.env_steps, run.updates, run.solved) == (whole.score, 300, whole.updates, whole.solved)
    assert (run.interrupted, run.resumed, whole.resumed) == (False, "exact", None)
    assert run.seconds["earlier"] > 0
    assert [row.seconds for row in entries([tmp_path / "cut"])] == [run.seconds["total"] + run.seconds["earlier"]]
    same(metrics(whole.folder), metrics(run.folder))
    for name in (BEST, LAST):
        same(torch.load(whole.folder / name, weights_only=True), torch.load(run.folder / name, weights_only=True))


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_every_signal_leaves_a_checkpoint_of_its_own_moment(signum: int, tmp_path: Path) -> None:
    run = begun(tmp_path / "run", 150, signum)
    assert run.signal == signum
    assert json.loads((run.folder / "result.json").read_text())["signal"] == signum
    at = Store(run.folder).latest()
    assert at is not None
    assert at.step == run.env_steps == 150


def test_a_second_signal_leaves_the_last_checkpoint(tmp_path: Path) -> None:
    class Insists(Presser):
        def __call__(self, event: Any) -> None:
            if isinstance(event, BlockEnded) and event.step == 150:
                signal.raise_signal(signal.SIGINT)
                signal.raise_signal(signal.SIGINT)

    run = train(TINY, out=tmp_path / "run", trackers=("none",), view=Insists(150))
    at = Store(run.folder).latest()
    assert run.interrupted
    assert at is not None
    assert at.step == 100
    assert dqnlab.resume(run.folder).resumed == "exact"


def test_metrics_that_were_cut_are_a_note_of_the_run_that_goes_on(tmp_path: Path) -> None:
    run = begun(tmp_path / "cut")
    (run.folder / METRICS).unlink()
    lost = "metrics.jsonl lacks rows of before step 150: the curves and the verdicts on its health are incomplete"
    assert lost in dqnlab.resume(run.folder).notes


def test_metrics_that_were_cut_are_a_note_of_a_run_that_is_completed(tmp_path: Path) -> None:
    run = train(TINY, out=tmp_path / "run", trackers=("none",))
    (run.folder / METRICS).write_text((run.folder / METRICS).read_text().splitlines(keepends=True)[0])
    write_result(replace(run, unfinished=["curves"]))
    assert any(line.startswith("metrics.jsonl lacks rows of this run") for line in dqnlab.resume(run.folder).notes)


def test_a_run_without_a_checkpoint_begins_again(tmp_path: Path) -> None:
    whole = train(TINY, out=tmp_path / "whole", trackers=("none",))
    run = begun(tmp_path / "cut", 50, checkpoint_every=0)
    for path in (run.folder / "checkpoints").glob("step-*/*"):
        path.unlink()
    for path in (run.folder / "checkpoints").glob("step-*"):
        path.rmdir()
    again = dqnlab.resume(run.folder)
    assert again.score == whole.score
    same(metrics(whole.folder), metrics(again.folder))


# ── Where the environment cannot be saved ────────────────────────────────────────────────────────


def test_a_signal_waits_for_the_next_cut(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    env = Env(id=Sealed)
    whole = train(replace(TINY, env=env), out=tmp_path / "whole", trackers=("none",))
    assert "env 'Sealed' cannot be saved: at every checkpoint, each 100 steps" in caplog.text
    run = begun(tmp_path / "cut", 150, env=env)
    assert run.env_steps == 200
    again = dqnlab.resume(run.folder, env=Sealed)
    assert (again.resumed, again.score) == ("exact", whole.score)
    same(metrics(whole.folder), metrics(again.folder))


def test_a_cut_in_an_open_episode_is_never_called_exact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(experiment, "PATIENCE", 0.0)
    run = begun(tmp_path / "cut", 150, env=Env(id=Sealed))
    assert run.env_steps == 150
    monkeypatch.undo()
    why = "its environment, which cannot be saved, was cut off in mid-episode at step 150"
    again = dqnlab.resume(run.folder, env=Sealed)
    assert (again.resumed, again.inexact) == ("not exact", why)
    assert f"the results will not be exactly those of an uninterrupted run: {why}" in caplog.text
    train_on = dqnlab.resume(run.folder, env=Sealed, budget=Steps(num=400))
    assert (train_on.resumed, train_on.inexact) == ("not exact", why)


def test_an_environment_made_in_python_must_be_given_again(tmp_path: Path) -> None:
    run = begun(tmp_path / "cut", 150, env=Env(id=Sealed))
    remembered.KNOWN.clear()  # as in another process
    with pytest.raises(ConfigError, match=r"'Sealed', an environment made in Python.*resume\('.*cut', env=…\)"):
        dqnlab.resume(run.folder)


# ── How far ──────────────────────────────────────────────────────────────────────────────────────


def test_a_run_that_has_ended_goes_on_only_for_longer(tmp_path: Path) -> None:
    run = train(TINY, out=tmp_path / "run", trackers=("none",))
    with pytest.raises(ConfigError, match="has ended: to train further"):
        dqnlab.resume(run.folder)
    for num in (300, 20):  # the latter not even enough to begin to learn
        with pytest.raises(ConfigError, match=rf"is at step 300 already, .* {num} steps in all: choose a later end"):
            dqnlab.resume(run.folder, budget=Steps(num=num))
    with pytest.raises(ConfigError, match=r"is at step 300 and episode .* until 1 episode in all: choose a later end"):
        dqnlab.resume(run.folder, budget=Episodes(num=1))
    longer = dqnlab.resume(run.folder, budget=Steps(num=420))
    assert (longer.env_steps, longer.resumed) == (420, "exact")
    assert tomllib.loads((run.folder / "config.toml").read_text())["budget"]["num"] == 420
    assert [row["step"] for row in metrics(run.folder)[1:]] == sorted(row["step"] for row in metrics(run.folder)[1:])


def test_a_run_that_was_interrupted_cannot_go_back(tmp_path: Path) -> None:
    run = begun(tmp_path / "cut", 150)
    with pytest.raises(ConfigError, match=r"is at step 150 already, .* 20 steps in all.* to its own, 300 steps"):
        dqnlab.resume(run.folder, budget=Steps(num=20))


def test_settings_are_those_that_the_run_had(tmp_path: Path) -> None:
    run = begun(tmp_path / "cut", 150)
    with pytest.raises(TypeError, match=r"'steps'; did you mean budget=Steps\(num=…\)\?"):
        dqnlab.resume(tmp_path, steps=6_000)
    with pytest.raises(TypeError, match=r"'gamma'.* resumed with the settings that it had: .*dqnlab\.branch\(run,"):
        dqnlab.resume(run.folder, gamma=0.5)  # type: ignore[call-arg]


def test_a_solved_run_trains_on_if_it_is_asked_to(tmp_path: Path) -> None:
    easy = replace(TINY, env=Env(id="CartPole-v1", reward_threshold=1.0))
    run = train(easy, out=tmp_path / "run", trackers=("none",))
    assert run.env_steps == 100
    assert dqnlab.resume(run.folder, budget=Steps(num=200)).env_steps == 200


# ── What is refused ──────────────────────────────────────────────────────────────────────────────


def test_another_environment_or_network_is_refused_with_a_list(tmp_path: Path) -> None:
    run = begun(tmp_path / "cut")
    rewrite(run.folder / "config.toml", "hidden = [8, 6]", "hidden = [9, 6]")
    rewrite(run.folder / "config.toml", "gamma = 0.99", "gamma = 0.5")
    before = {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
    with pytest.raises(CheckpointError, match=r"config\.torso\.hidden: \[8, 6\] then, \[9, 6\] now") as raised:
        dqnlab.resume(run.folder)
    assert "config.gamma: 0.99 then, 0.5 now" in str(raised.value)
    assert {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()} == before


def test_a_checkpoint_of_another_version_is_refused_by_its_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr(restore, "STATE", 1)
        run = begun(tmp_path / "cut")
    with pytest.raises(CheckpointError, match="is a checkpoint of version 1, and this dqnlab continues only version 2"):
        dqnlab.resume(run.folder)


def test_a_run_of_before_a_setting_was_known_goes_on_as_it_was_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def earlier(config: Config) -> dict[str, Any]:
        known = as_dict(config)
        del known["conv"], known["stream"], known["reward_clip"], known["optimizer"]["kind"], known["env"]["keys"]
        return known

    with monkeypatch.context() as then:
        then.setattr(restore, "as_dict", earlier)
        run = begun(tmp_path / "cut", conv="none")
    path = run.folder / "config.toml"
    path.write_text("".join(line for line in path.read_text().splitlines(True) if not line.startswith("conv = ")))
    whole = train(replace(TINY, conv="none"), out=tmp_path / "whole", trackers=("none",))
    resumed = dqnlab.resume(run.folder)
    same(torch.load(whole.folder / LAST), torch.load(resumed.folder / LAST))
    rewrite(path, "gamma", 'conv = "small"\ngamma')
    with pytest.raises((CheckpointError, ConfigError), match="conv"):
        dqnlab.resume(run.folder, budget=Steps(num=400))


def test_a_replay_with_other_room_for_frames_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = begun(tmp_path / "cut")
    monkeypatch.setattr(Layout, "spare", 7)
    with pytest.raises(CheckpointError, match=r"memory\.bytes: [\d,]+ then, [\d,]+ now"):
        dqnlab.resume(run.folder)


def test_other_versions_go_on_but_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run = begun(tmp_path / "cut")
    monkeypatch.setattr("dqnlab.lab.restore.versions", lambda: {"torch": "9.9"})
    again = dqnlab.resume(run.folder)
    assert again.resumed == "not exact"
    assert "versions.torch" in again.inexact
    assert "versions.torch" in caplog.text


def test_damage_everywhere_is_a_message_and_changes_nothing(tmp_path: Path) -> None:
    run = begun(tmp_path / "cut")
    for path in run.folder.glob("checkpoints/step-*/state.safetensors"):
        path.write_bytes(path.read_bytes()[:-1])
    before = {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
    with pytest.raises(CheckpointError, match=r"no checkpoint in .* is intact"):
        dqnlab.resume(run.folder)
    assert {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()} == before


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="not a run"):
        dqnlab.resume(tmp_path)


# ── Groups ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.world
def test_a_group_goes_on_where_each_of_its_seeds_stands(tmp_path: Path) -> None:
    config = replace(TINY, compile="off")
    cut = Crew(config, (0, 1, 2), out=tmp_path / "cut", trackers=("none",)).train()
    scores = [run.score for run in cut.runs]
    for path in (cut.folder / "summary.json", cut.folder / seed_name(1) / "result.json"):
        rewrite(path, '"interrupted": false', '"interrupted": true')
    for name in ("config.toml", "meta.json", "metrics.jsonl"):  # seed 2 had not begun
        (cut.folder / seed_name(2) / name).unlink()
    left = cut.folder / seed_name(2)
    left.rename(tmp_path / "elsewhere")
    again = resume_group(cut.folder, Overrides())
    assert [run.score for run in again.runs] == scores
    assert not again.interrupted
    assert again.seconds > cut.seconds  # what it had taken before is part of it
    with pytest.raises(ConfigError, match=r"every seed of .* has ended"):
        resume_group(cut.folder, Overrides())
    with pytest.raises(ConfigError, match="is a group of seeds"):
        resume_group(cut.folder, Overrides(budget=Steps(num=400)))


@pytest.mark.world
def test_a_group_goes_on_in_python_by_its_folder_or_its_object(tmp_path: Path) -> None:
    whole = Crew(replace(TINY, compile="off"), (0, 1), out=tmp_path / "group", trackers=("none",)).train()
    rewrite(whole.folder / seed_name(1) / "result.json", '"interrupted": false', '"interrupted": true')
    with pytest.raises(ConfigError, match=r"is a group of seeds: dqnlab\.resume_many\('.*group'\) continues all"):
        dqnlab.resume(whole.folder)
    with pytest.raises(ConfigError, match=r"is a run, not a group of seeds: use dqnlab\.resume"):
        dqnlab.resume_many(whole.folder / seed_name(0))
    again = dqnlab.resume_many(whole.folder, quiet=True)
    assert [run.score for run in again.runs] == [run.score for run in whole.runs]
    with pytest.raises(ConfigError, match="has ended"):
        dqnlab.resume_many(again)


def test_a_group_of_an_environment_that_only_python_knows_says_how_it_goes_on(tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text('{"schema": 1, "seeds": [0], "results": []}')
    (tmp_path / "seed-0").mkdir()
    write_start(
        tmp_path / "seed-0", replace(TINY, env=Env(id=Sealed)), describe(Env(id=Sealed)), 1, {"trackers": ["none"]}
    )
    assert how_to_resume(tmp_path) == "dqnlab.resume_many('.', env=…) in Python"  # for that is where the test runs


def test_a_group_of_which_nothing_has_begun_is_refused(tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text('{"schema": 1, "seeds": [0, 1], "results": []}')
    with pytest.raises(ConfigError, match=r"no seed of .* has begun"):
        resume_group(tmp_path, Overrides())
    (tmp_path / "summary.json").write_text('{"schema": 1, "seeds": ["../x"], "results": []}')
    with pytest.raises(FolderError, match="damaged"):
        resume_many.resume_group(tmp_path, Overrides())


def test_the_run_folder_is_held_while_it_is_worked_on(tmp_path: Path) -> None:
    run = begun(tmp_path / "cut")

    class Second(Presser):
        def __call__(self, event: Any) -> None:
            with pytest.raises(FolderError, match=r"in use by process \d+"):
                resume_folder(run.folder, Overrides())

    assert not resume_folder(run.folder, Overrides(), Second(0)).interrupted
