"""Recorded episodes: written, read, refused by name, learned from."""

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import dqnlab
from dqnlab.app.cli import main
from dqnlab.check.doctor.forecast import Costs, describe_training, measure, with_times
from dqnlab.config import Config, Cql, Demos, Env, Episodes, Gru, Margin, Offline, Prioritized, Steps
from dqnlab.config.toml import from_toml, to_toml
from dqnlab.envs.make import EnvSpec, describe
from dqnlab.envs.recordings import Recordings, read_recordings
from dqnlab.errors import CheckpointError, ConfigError, DqnlabError, FolderError, ResourceError
from dqnlab.lab.many import crew
from dqnlab.lab.overrides import Overrides
from dqnlab.lab.session import train
from dqnlab.learn.demonstrations import Demonstrated, OfflineMemory
from dqnlab.run.evaluate import evaluate, play_out
from dqnlab.run.events import Updated
from dqnlab.run.system import assemble, events
from dqnlab.store.agent import Agent, load
from dqnlab.store.folder import CONFIG, LAST, Run
from dqnlab.store.weightsfile import read_weights

from ..equal import same
from ..resuming import check_resumes
from ..tiny import SMALL, tiny

QUIET: dict[str, Any] = {"trackers": ("none",)}
CARTPOLE = Env(id="CartPole-v1")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(tiny(), out=tmp_path_factory.mktemp("run") / "run", **QUIET)


@pytest.fixture(scope="module")
def demos(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty episodes."""
    folder = tmp_path_factory.mktemp("demos")
    evaluate(load(run.folder), episodes=20, record=folder)
    return folder


@pytest.fixture(scope="module")
def spec() -> EnvSpec:
    return describe(CARTPOLE)


def read(folder: Path, spec: EnvSpec, env: Env = CARTPOLE) -> Recordings:
    return read_recordings(str(folder), spec, env)


# ── Writing and reading ──────────────────────────────────────────────────────────────────────────


def test_what_is_recorded_is_what_was_played(run: Run, tmp_path: Path, spec: EnvSpec) -> None:
    score = evaluate(load(run.folder), episodes=3, seed=5, record=tmp_path / "new")
    found = read(tmp_path / "new", spec)
    assert sorted(each.reward.sum() for each in found.episodes) == sorted(score.returns)
    assert found.envs == {"CartPole-v1"}
    assert found.num_steps == sum(score.returns)
    for each in found.episodes:
        q = load(run.folder).q_values(each.frames[:-1])
        assert each.action.tolist() == q.argmax(1).tolist()  # each frame is what was seen before its action
        assert each.terminated
    env = gym.make("CartPole-v1")
    env.reset()
    env.unwrapped.state = found.episodes[0].frames[-2].astype(float)  # type: ignore[attr-defined]
    after = env.step(int(found.episodes[0].action[-1]))[0]
    assert np.allclose(after, found.episodes[0].frames[-1], atol=1e-5)  # and the last one is what the end showed


def test_frames_of_a_stack_are_recorded_once(tmp_path: Path) -> None:
    config = tiny(env=Env(id="CartPole-v1", frame_stack=3, max_episode_steps=4))
    system = assemble(config)
    system.close()
    play_out(Agent(config, system.spec, system.learner.online, config.env), 2, 0, record=tmp_path)
    found = read(tmp_path, system.spec, config.env)
    assert [each.frames.shape for each in found.episodes] == [(5, 4), (5, 4)]
    assert not found.episodes[0].terminated
    made = assemble(replace(config, experience=Offline(source=str(tmp_path)), budget=Steps(num=5)))
    made.close()
    assert made.memory.batch(made.memory.sample()).obs.shape == (16, 3, 4)


def test_a_folder_with_episodes_is_not_written_into_again(run: Run, demos: Path) -> None:
    with pytest.raises(FolderError, match="holds recorded episodes already"):
        evaluate(load(run.folder), episodes=1, record=demos)


def test_the_command_records(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(run.folder), "--episodes", "2", "--json", "--record", str(tmp_path / "d")]) == 0
    assert json.loads(capsys.readouterr().out)["episodes"] == 2
    assert [path.name for path in sorted((tmp_path / "d").iterdir())] == ["episode-000001.npz", "episode-000002.npz"]


# ── What is refused ──────────────────────────────────────────────────────────────────────────────


def sound() -> dict[str, Any]:
    """An episode of two steps, as anyone may write it."""
    return {
        "obs": np.zeros((3, 4), np.float32),
        "action": np.array([0, 1]),
        "reward": np.ones(2),
        "terminated": np.array([False, True]),
        "truncated": np.zeros(2, bool),
    }


def without(name: str) -> Callable[[dict[str, Any]], object]:
    return lambda arrays: arrays.pop(name)


def setting(name: str, value: Any) -> Callable[[dict[str, Any]], object]:
    return lambda arrays: arrays.update({name: value})


def test_an_episode_that_anyone_has_written_will_do(tmp_path: Path, spec: EnvSpec) -> None:
    np.savez(
        tmp_path / "a.npz", **(sound() | {"obs": np.zeros((3, 4), np.float64), "action": np.array([0, 1], np.uint8)})
    )
    (one,) = read(tmp_path, spec).episodes
    assert (one.frames.dtype, one.action.dtype, one.terminated) == (np.float32, np.int64, True)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (without("reward"), CheckpointError, "lacks reward"),
        (
            setting("obs", np.zeros((2, 4), np.float32)),
            CheckpointError,
            "must have 3 observations, and it has 2",
        ),
        (setting("obs", np.zeros((3, 6), np.float32)), CheckpointError, r"observations \(6,\), .* shows \(4,\)"),
        (setting("obs", np.full((3, 4), np.nan)), CheckpointError, "no finite numbers"),
        (setting("obs", np.full((3, 4), "x")), CheckpointError, "obs has dtype"),
        (setting("action", np.array([0, 2])), CheckpointError, "has the action 2, and this environment has 2 actions"),
        (setting("action", np.array([0, -1])), CheckpointError, "the action -1"),
        (setting("action", np.array([0.5, 1])), CheckpointError, "whole numbers"),
        (setting("action", np.array([0, 1, 1])), CheckpointError, "reward has shape"),
        (setting("action", np.zeros(0, int)), CheckpointError, "holds no step"),
        (setting("action", np.array(1)), CheckpointError, "holds no step"),
        (setting("reward", np.array([1, np.inf])), CheckpointError, "rewards that are no finite numbers"),
        (setting("reward", np.array(["1", "2"])), CheckpointError, "reward has dtype"),
        (setting("terminated", np.array([True, True])), CheckpointError, "true at the last step only"),
        (setting("truncated", np.array([0, 1])), CheckpointError, "truncated must be bool"),
        (setting("reward", np.array([object(), object()])), CheckpointError, "cannot be read"),
    ],
)
def test_what_is_no_episode_of_this_environment_is_refused_by_name(
    tmp_path: Path, spec: EnvSpec, change: Callable[[dict[str, Any]], object], error: type[DqnlabError], words: str
) -> None:
    arrays = sound()
    change(arrays)
    np.savez(tmp_path / "one.npz", **arrays)
    with pytest.raises(error, match=rf"one\.npz.*{words}"):
        read(tmp_path, spec)


def test_files_that_are_no_archives_are_refused(tmp_path: Path, spec: EnvSpec) -> None:
    (tmp_path / "one.npz").write_bytes(b"nothing of the kind")
    with pytest.raises(CheckpointError, match="is no recorded episode, which is an archive of arrays"):
        read(tmp_path, spec)
    (tmp_path / "one.npz").unlink()
    (tmp_path / "one.npz").mkdir()
    with pytest.raises(CheckpointError, match="is no file"):
        read(tmp_path, spec)


def test_a_file_that_claims_more_than_there_is_memory_is_not_unpacked(
    tmp_path: Path, spec: EnvSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.savez_compressed(tmp_path / "one.npz", **sound())
    monkeypatch.setattr("dqnlab.envs.recordings.available_memory", lambda: 10)
    with pytest.raises(ResourceError, match=r"the episodes of .* need .* GB of memory"):
        read(tmp_path, spec)


def test_a_folder_without_episodes_and_a_name_of_nothing_are_refused(tmp_path: Path, spec: EnvSpec) -> None:
    with pytest.raises(FolderError, match="holds no recorded episodes"):
        read(tmp_path, spec)
    with pytest.raises(FolderError, match="neither a folder here nor the name of a Minari data set"):
        read_recordings("nowhere", spec, CARTPOLE)


def test_states_have_to_be_those_of_the_environment(tmp_path: Path) -> None:
    lake = Env(id="FrozenLake-v1")
    for obs, words in [
        (np.array([0, 1, 16]), "the state 16, and this environment has 16"),
        (np.array([0, 0.5, 1]), "0.5"),
    ]:
        np.savez(tmp_path / "one.npz", **(sound() | {"obs": obs}))
        with pytest.raises(CheckpointError, match=words):
            read(tmp_path, describe(lake), lake)


def test_settings_that_contradict_each_other_are_refused() -> None:
    for wrong in (
        {"regularizer": Margin()},
        {"experience": Offline(source="x"), "budget": Episodes(num=3)},
        {"experience": Demos(source="x"), "torso": Gru()},
    ):
        with pytest.raises(ConfigError, match=r"= 'margin' is about|budget must be steps|= 'gru' exclude each other"):
            tiny(**wrong)
    for experience in ({"source": ""}, {"source": "x", "sha256": "1"}, {"source": "x", "share": 0}):
        with pytest.raises(ConfigError, match=r"experience\."):
            Demos(**experience)


def test_one_text_means_demonstrations() -> None:
    assert Config(experience="somewhere").experience == Demos(source="somewhere")


def test_episodes_that_have_changed_since_are_refused(demos: Path, tmp_path: Path) -> None:
    shutil.copytree(demos, tmp_path / "d")
    system = assemble(tiny(experience=Demos(source=str(tmp_path / "d"))))
    system.close()
    assert from_toml(to_toml(system.config), Config(), CONFIG) == system.config
    (tmp_path / "d" / "episode-000001.npz").unlink()
    with pytest.raises(ConfigError, match=r"holds other episodes than experience\.sha256 names"):
        assemble(system.config)


# ── Minari ───────────────────────────────────────────────────────────────────────────────────────


def test_a_data_set_without_the_package_names_what_to_install(monkeypatch: pytest.MonkeyPatch, spec: EnvSpec) -> None:
    monkeypatch.setitem(sys.modules, "minari", None)
    with pytest.raises(ResourceError, match=r"pip install 'dqnlab\[minari\]'"):
        read_recordings("cartpole/expert-v0", spec, CARTPOLE)


def minari_with(*episodes: dict[str, Any], label: str = "CartPole-v1") -> SimpleNamespace:
    names = {"obs": "observations", "action": "actions", "reward": "rewards"}
    names |= {"terminated": "terminations", "truncated": "truncations"}
    made = [SimpleNamespace(**{names[name]: array for name, array in each.items()}) for each in episodes]

    def load_dataset(name: str, download: bool) -> Any:
        assert not download
        if name != "cartpole/expert-v0":
            raise FileNotFoundError(f"no {name} here")
        return SimpleNamespace(env_spec=SimpleNamespace(id=label), iterate_episodes=lambda: iter(made))

    return SimpleNamespace(load_dataset=load_dataset)


def test_a_data_set_on_this_machine_is_read_and_nothing_downloaded(
    monkeypatch: pytest.MonkeyPatch, spec: EnvSpec
) -> None:
    other = sound() | {"action": np.array([[1], [0]]), "terminated": np.zeros(2, bool)}
    monkeypatch.setitem(sys.modules, "minari", minari_with(sound(), other))
    found = read_recordings("cartpole/expert-v0", spec, CARTPOLE)
    assert [each.action.tolist() for each in found.episodes] == [[0, 1], [1, 0]]
    assert [each.terminated for each in found.episodes] == [True, False]
    assert found.envs == {"CartPole-v1"}
    with pytest.raises(FolderError, match=r"no cartpole/other-v0 here\); nothing is downloaded here: `minari download"):
        read_recordings("cartpole/other-v0", spec, CARTPOLE)


def test_a_data_set_of_another_environment_or_seen_otherwise_is_refused(
    monkeypatch: pytest.MonkeyPatch, spec: EnvSpec
) -> None:
    wrong = sound() | {"obs": np.zeros((3, 6))}
    monkeypatch.setitem(sys.modules, "minari", minari_with(wrong, label="Acrobot-v1"))
    with pytest.raises(CheckpointError, match=r"episode 0', recorded in 'Acrobot-v1', has observations \(6,\)"):
        read_recordings("cartpole/expert-v0", spec, CARTPOLE)
    with pytest.raises(ConfigError, match="this run sees it differently"):
        read_recordings("cartpole/expert-v0", spec, replace(CARTPOLE, frame_stack=2))
    monkeypatch.setitem(sys.modules, "minari", minari_with(sound() | {"obs": {"a": 1}}))
    with pytest.raises(CheckpointError, match="several parts"):
        read_recordings("cartpole/expert-v0", spec, CARTPOLE)


# ── Learning from them ───────────────────────────────────────────────────────────────────────────


def test_demonstrations_have_a_share_of_every_batch(demos: Path) -> None:
    system = assemble(tiny(experience=Demos(source=str(demos), share=0.5, pretrain=7), regularizer=Margin()))
    told = list(system.events())
    system.close()
    assert isinstance(system.memory, Demonstrated)
    assert system.learner.updates == 300 // 4 + 7
    assert system.memory.batch(system.memory.sample()).demonstrated.tolist() == [0.0] * 8 + [1.0] * 8
    assert any(isinstance(each, Updated) for each in told)


def test_offline_no_step_is_taken_and_the_judge_is_as_honest_as_ever(demos: Path, tmp_path: Path) -> None:
    config = tiny(experience=Offline(source=str(demos)), regularizer=Cql(), sampler=Prioritized(), reward_scale="auto")
    made = train(config, out=tmp_path / "run", **QUIET)
    assert (made.env_steps, made.updates, made.evaluations) == (0, 300, 3)
    assert made.score is not None
    assert made.score.episodes == 3
    config = from_toml((made.folder / CONFIG).read_text("utf-8"), Config(), CONFIG)
    assert config.reward_scale == 1.0
    assert len(str(config.experience.sha256)) == 64  # type: ignore[union-attr]
    again = train(config, out=tmp_path / "again", **QUIET)
    same(read_weights(made.folder / LAST), read_weights(again.folder / LAST))


def test_offline_the_first_mean_of_observations_is_that_of_recorded_ones(demos: Path, spec: EnvSpec) -> None:
    config = tiny(experience=Offline(source=str(demos)), normalize_obs=True)
    system = assemble(config)
    system.close()
    frames = np.concatenate([each.frames[:-1] for each in read(demos, spec).episodes])
    (mean,) = (w for name, w in system.learner.online.state_dict().items() if name.endswith(".mean"))
    assert isinstance(system.memory, OfflineMemory)
    assert np.allclose(mean.numpy(), frames.mean(0), atol=0.1)


@pytest.mark.parametrize("experience", [Demos, Offline])
def test_a_run_resumes_to_the_bit(demos: Path, tmp_path: Path, experience: Any) -> None:
    config = replace(SMALL, experience=experience(source=str(demos)), regularizer=Margin(), sampler=Prioritized())
    _, resumed = check_resumes(config, tmp_path, Overrides())
    assert resumed.resumed == "exact"


@pytest.mark.parametrize(("experience", "regularizer"), [(Demos, Margin()), (Offline, Cql())])
@pytest.mark.world
@pytest.mark.usefixtures("programs")
def test_seeds_learn_from_them_side_by_side_and_compiled(
    demos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, experience: Any, regularizer: Any
) -> None:
    monkeypatch.setattr(crew, "usable_cores", lambda: 1)  # both in one process, and in one program
    config = tiny(experience=experience(source=str(demos)), regularizer=regularizer)
    group = dqnlab.train_many(replace(config, compile="on"), [0, 1], out=tmp_path / "group", quiet=True, **QUIET)
    for made in group.runs:
        plain = train(replace(config, seed=made.seed), out=tmp_path / str(made.seed), **QUIET)
        assert (made.updates, made.evaluations, made.interrupted) == (plain.updates, plain.evaluations, False)
        for name, w in read_weights(plain.folder / LAST).items():
            assert np.allclose(w.numpy(), read_weights(made.folder / LAST)[name].numpy(), atol=1e-4), name


def test_offline_what_cannot_apply_is_not_there(demos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    offline = ["train", "CartPole", "--dry-run", "--offline", str(demos)]
    assert main(offline) == 0
    text = capsys.readouterr().out
    assert 'kind = "offline"' in text
    assert "learning_starts" not in text
    assert "[epsilon]" not in text
    assert main([*offline, "--epsilon", "0.1", "--update-every", "4"]) == ConfigError.exit_code
    assert "--epsilon, --update-every cannot apply offline" in capsys.readouterr().err


def test_in_python_events_do_as_well(demos: Path) -> None:
    told = list(events(tiny(experience=Offline(source=str(demos)), budget=Steps(num=30))))
    assert told


def test_a_run_that_guesses_is_told(demos: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = tiny(experience=Offline(source=str(demos)), budget=Steps(num=20), reward_scale="auto")
    train(config, out=tmp_path / "run", **QUIET)
    assert "never recorded are guesses" in caplog.text
    assert "20 recorded episodes (" in caplog.text
    assert "reward_scale = 1 (by the recorded rewards)" in caplog.text
    assert "actions are still random" not in caplog.text
    assert "epsilon" not in caplog.text


def test_what_was_recorded_elsewhere_is_said(demos: Path, spec: EnvSpec) -> None:
    found = read(demos, spec)
    assert "recorded in CartPole-v1" in found.says("demos", "CartPole-v0")
    assert "recorded in" not in found.says("demos", "CartPole-v1")


def test_the_doctor_foresees_no_step_of_an_offline_run(demos: Path, spec: EnvSpec) -> None:
    config = tiny(experience=Offline(source=str(demos)), regularizer=Margin())
    forecast = describe_training(config, spec)
    steps = read(demos, spec).num_steps
    assert forecast.replay_transitions == forecast.replay_least == steps
    beside = describe_training(replace(config, experience=Demos(source=str(demos))), spec)
    assert beside.replay_transitions == 50_000 + steps
    slow = Costs(step=1.0, update=0.0, reward_scale=1.0)
    episodes = (1 + 3) * 2 + 3 * 2 + 3  # evaluations, confirmations, the score
    assert with_times(forecast, config, slow, 1.0, 1).seconds == (episodes, episodes)
    assert 0 < measure(replace(config, budget=Steps(num=20))).step < 0.1


def test_the_page_of_such_a_run_is_written(demos: Path, tmp_path: Path) -> None:
    for number, experience in enumerate((Demos(source=str(demos)), Offline(source=str(demos)))):
        config = tiny(experience=experience, regularizer=Cql(), explain=True, update_every=1)
        made = train(config, out=tmp_path / str(number), **QUIET)
        assert made.failed_steps == {}
        assert (made.folder / "report.html").exists()
