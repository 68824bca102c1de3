"""Agents of other programs: what their files say is what they do here, and what nobody knows is called unknown."""

import json
import math
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import dqnlab
from dqnlab.app.cli import main
from dqnlab.config import Env, Mlp
from dqnlab.errors import ConfigError
from dqnlab.explain.evidence import gather_evidence
from dqnlab.lab.existing import ExistingRuns
from dqnlab.run import film
from dqnlab.store.agent import read_config
from dqnlab.store.find import read_run
from dqnlab.store.folder import Run
from dqnlab.store.imported import read_imported

from ..foreign import SAID, chain, named, nature, policy, sb3_zip, torch_bytes
from ..tiny import tiny

FEW: dict[str, Any] = {"score_episodes": 3, "film": 0, "explain": False}


def bring(file: Path, env: Any = "CartPole-v1", **changes: Any) -> Run:
    return dqnlab.import_agent(file, env, **{**FEW, **changes})


def written(name: str, content: object, old: bool = False) -> Path:
    Path(name).write_bytes(torch_bytes(content, old))
    return Path(name)


def same(run: Run, twin: nn.Module, obs: np.ndarray) -> None:
    """The agent values observations as the twin does."""
    agent = dqnlab.load(run.folder, env=None)
    with torch.no_grad():
        wanted = twin(torch.from_numpy(obs).float()).numpy()
    np.testing.assert_allclose(agent.q_values(obs), wanted, rtol=1e-5, atol=1e-5)
    assert (agent.act(obs) == wanted.argmax(1)).all()


OBS = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)


class Pixels(gym.Env[Any, Any]):
    """Noise of 84 x 84 bytes, for episodes of two steps."""

    observation_space = gym.spaces.Box(0, 255, (84, 84), np.uint8)
    action_space = gym.spaces.Discrete(3)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.left = 2
        return self.np_random.integers(0, 256, (84, 84), np.uint8), {}

    def step(self, action: Any) -> Any:
        self.left -= 1
        return self.np_random.integers(0, 256, (84, 84), np.uint8), 1.0, self.left == 0, False, {}


# ── What is read ─────────────────────────────────────────────────────────────────────────────────


def test_an_agent_of_stable_baselines3_is_brought_in_whole() -> None:
    twin = chain(4, 16, 8, 2)
    run = bring(sb3_zip(Path("a.zip"), policy(twin)))
    same(run, twin, OBS)
    assert run.imported == "a.zip, Stable-Baselines3 DQN 2.9.2"
    assert (run.env_steps, run.updates, run.unknown, run.seed) == (50_176, 25_000, ["seconds"], 3)
    assert run.score is not None
    assert run.score.episodes == 3
    config = dqnlab.load(run.folder).config
    assert (config.gamma, config.batch_size, config.learning_starts, config.budget.num) == (0.97, 32, 100, 50_000)
    assert dict(vars(config.epsilon)) == {"start": 1.0, "end": 0.04, "steps": 8_000}
    assert vars(config.torso) == {"hidden": (16, 8)}


def test_quantiles_of_the_contrib_package_are_sorted_by_action() -> None:
    twin = chain(4, 8, 5 * 2)  # [quantile, action] there
    said = SAID | {"policy_kwargs": {":serialized:": "gASV", "n_quantiles": 5}}
    run = bring(sb3_zip(Path("qr.zip"), policy(twin, "quantile_net"), said))
    mean = nn.Sequential(twin, nn.Unflatten(1, (5, 2)))
    agent = dqnlab.load(run.folder)
    wanted = mean(torch.from_numpy(OBS)).detach().numpy().mean(1)
    np.testing.assert_allclose(agent.q_values(OBS), wanted, atol=1e-5)
    assert "QR-DQN" in run.imported


def test_a_model_of_cleanrl_is_brought_in_and_its_training_is_unknown() -> None:
    twin = chain(4, 12, 2)
    run = bring(written("dqn.cleanrl_model", named(twin, "network")))
    same(run, twin, OBS)
    assert run.unknown == ["env_steps", "updates", "seconds"]
    assert run.learned == "unknown"
    assert run.notes == ["assumed, for the file does not say it: ReLU between its layers"]
    about = read_imported(run.folder / "meta.json")
    assert about is not None
    assert about.program == "CleanRL"
    assert about.knows("torso.hidden")
    assert not about.knows("seed")
    assert not about.knows("gamma")


def test_a_c51_of_cleanrl_brings_its_returns_and_arguments() -> None:
    twin = chain(4, 8, 2 * 11)
    atoms = torch.linspace(-5, 15, 11)
    content = {"model_weights": {"atoms": atoms, **named(twin, "network")}, "args": {"gamma": 0.9, "exp_name": "c51"}}
    run = bring(written("c51.cleanrl_model", content))
    shares = twin(torch.from_numpy(OBS)).view(-1, 2, 11).softmax(2)
    agent = dqnlab.load(run.folder)
    np.testing.assert_allclose(agent.q_values(OBS), (shares * atoms).sum(2).detach().numpy(), rtol=1e-5, atol=1e-4)
    assert agent.config.gamma == 0.9


@pytest.mark.parametrize("form", ["sb3", "cleanrl"])
def test_convolutions_see_bytes_divided_by_255(form: str) -> None:
    network = nature(4, 3)
    state = network.state_dict()
    if form == "sb3":
        places = {"0": "cnn.0", "2": "cnn.2", "4": "cnn.4", "7": "linear.0"}
        own = {f"q_net.features_extractor.{places[k[0]]}{k[1:]}": w for k, w in state.items() if k[0] in places}
        own |= {f"q_net.q_net.0{k[1:]}": w for k, w in state.items() if k[0] == "9"}
        file = sb3_zip(Path("cnn.zip"), own)
    else:
        file = written("atari.cleanrl_model", named(network, "network"))
    run = bring(file, Env(id=Pixels, frame_stack=4))
    obs = np.random.default_rng(1).integers(0, 256, (3, 4, 84, 84), np.uint8)
    agent = dqnlab.load(run.folder, env=Pixels)
    wanted = network(torch.from_numpy(obs) / 255).detach().numpy()
    np.testing.assert_allclose(agent.q_values(obs), wanted, atol=1e-5)


@pytest.mark.parametrize("end", ["pt", "safetensors", "nested", "old", "reversed"])
def test_any_chain_of_relu_layers_is_brought_in(end: str) -> None:
    twin = chain(4, 8, 8, 8, 2)
    weights = {f"fc{i}.{part}": w for i in range(4) for part, w in twin[2 * i].named_parameters()}
    if end == "safetensors":
        save_file({name: w.detach() for name, w in reversed(weights.items())}, "net.safetensors")
        file = Path("net.safetensors")
    else:
        beside = {"model_state_dict": weights, "target_state_dict": weights, "optimizer_state_dict": {}, "epoch": 3}
        weights = dict(reversed(weights.items())) if end == "reversed" else weights
        file = written(f"net.{end}", beside if end == "nested" else weights, old=end == "old")
    run = bring(file)
    same(run, twin, OBS)
    said = "; ".join(run.notes)
    assert ("order fc0, fc1, fc2, fc3" in said) == (end in ("safetensors", "reversed"))
    assert ("that 'model_state_dict' is the network that acts, not 'target_state_dict'" in said) == (end == "nested")


def test_what_weights_lack_or_have_otherwise_is_said() -> None:
    twin = chain(4, 8, 2)
    halved = {name: w.half() if "bias" in name else w.double() for name, w in named(twin, "net").items()}
    del halved["net.2.bias"]
    run = bring(written("net.pt", halved))
    assert "assumed, for the file does not say it: zeros for the biases of net.2, where it has none" in run.notes
    assert "not as it was in the file: its weights were float16 and float64: they are float32 now" in run.notes


def test_parts_of_ones_own_make_it_unknown_how_it_learned() -> None:
    kwargs = {":serialized:": "gASV", "optimizer_class": "<class 'torch.optim.rmsprop.RMSprop'>"}
    own = {"policy_kwargs": kwargs, "replay_buffer_class": {":serialized:": "gASV", "__module__": "mine"}}
    run = bring(sb3_zip(Path("a.zip"), policy(chain(4, 8, 2)), SAID | own))
    about = read_imported(run.folder / "meta.json")
    assert about is not None
    assert about.knows("rule")
    assert [about.knows(name) for name in ("optimizer", "optimizer.lr", "memory", "sampler")] == [
        False,
        True,
        False,
        False,
    ]


def test_what_a_program_allows_and_ours_does_not_is_left_out_and_said() -> None:
    strange = {"gamma": 1.5, "learning_starts": 0, "learning_rate": "oops", "batch_size": -4, "n_steps": math.nan}
    strange |= {"seed": -1, "num_timesteps": -7}
    run = bring(sb3_zip(Path("a.zip"), policy(chain(4, 8, 2)), SAID | strange))
    (note,) = [note for note in run.notes if "not taken over" in note]
    said = "gamma = 1.5, learning_starts = 0, optimizer.lr = oops, batch_size = -4, n = nan, seed = -1, env_steps = -7"
    assert note.endswith(said)
    assert run.unknown == ["env_steps", "seconds"]
    about = read_imported(run.folder / "meta.json")
    assert about is not None
    assert not about.knows("gamma")


# ── What can be done with it ─────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def agents(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three agents of one arm, explained, and three short runs of our own."""
    home = tmp_path_factory.mktemp("agents")
    file = home / "dqn.cleanrl_model"
    for seed in range(3):
        weights = {name: w + 0.01 * seed for name, w in named(chain(4, 8, 2), "network").items()}
        file.write_bytes(torch_bytes(weights))
        bring(file, seed=seed, out=home / f"theirs-{seed}", score_episodes=10, explain=seed == 0)
        dqnlab.train(tiny(seed=seed, score_episodes=10), out=home / f"ours-{seed}", trackers=())
    return [home / f"{whose}-{seed}" for whose in ("theirs", "ours") for seed in range(3)]


@pytest.mark.parametrize(
    "words", [["resume"], ["branch", "--at", "100"], ["heal"], ["resume", "--steps", "9999"]], ids=" ".join
)
def test_what_needs_its_training_is_refused_and_says_what_can_be_done(
    words: list[str], agents: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([words[0], str(agents[0]), *words[1:]]) == 2
    said = capsys.readouterr().err
    assert "was imported (dqn.cleanrl_model, CleanRL) and cannot be" in said
    assert f"dqn train CartPole-v1 --init {agents[0]} --torso.hidden 8 head:scalar (in Python" in said


@pytest.mark.parametrize("kind", ["scalar", "qr", "c51"])
def test_the_command_that_trains_it_further_works(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    if kind == "qr":
        said = SAID | {"policy_kwargs": {":serialized:": "gASV", "n_quantiles": 5}}
        file = sb3_zip(Path("qr.zip"), policy(chain(4, 8, 10), "quantile_net"), said)
    else:
        numbers, atoms = (3, {"atoms": torch.linspace(-5, 5, 3)}) if kind == "c51" else (1, {})
        file = written("a.pt", named(chain(4, 8, 2 * numbers), "network") | atoms)
    assert (
        main(["import", str(file), "--env", "CartPole-v1", "--film", "0", "--score-episodes", "2", "--out", "a"]) == 0
    )
    words = shlex.split(capsys.readouterr().out.rpartition("dqn train ")[2])
    few = "--preset default --steps 80 --learning-starts 64 --batch-size 32 --score-episodes 2 --film 0 --tracker none"
    assert main(["train", *words, *few.split(), "--no-explain", "--quiet", "--out", "b"]) == 0
    assert json.loads(Path("b/meta.json").read_text())["init"]["parts"] == ["encode", "torso", "stream"]


def test_it_has_no_learning_step_and_no_last_network(agents: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(agents[0]), "--step"]) == 0
    assert "no learning step" in capsys.readouterr().out
    assert main(["evaluate", str(agents[0]), "--which", "last"]) == 4
    assert "has one network, --which best" in capsys.readouterr().err


def test_it_has_no_metrics_which_is_said(agents: list[Path]) -> None:
    with pytest.raises(ConfigError, match=r"was imported .*, so it has no metrics"):
        dqnlab.read_metrics(agents[0])


def test_its_page_shows_what_is_there_and_calls_the_rest_unknown(agents: list[Path]) -> None:
    assert (agents[0] / "report.html").is_file()
    run = json.loads((agents[0] / "result.json").read_text())
    assert (run["failed_steps"], run["unfinished"]) == ({}, [])
    evidence = gather_evidence(Run(folder=agents[0], **{k: v for k, v in run.items() if k != "schema"}))
    assert evidence.imported is not None
    assert evidence.records == []
    found = evidence.imported.as_known({"gamma": 0.99, "torso.hidden": [8]})
    assert found == {"gamma": "unknown", "torso.hidden": [8]}


def test_it_can_be_compared_and_its_costs_are_unknown(agents: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    arms = [word for arm in (agents[3:], agents[:3]) for word in ("--arm", " ".join(map(str, arm)))]
    assert main(["compare", *arms]) == 2
    assert "budget.num is 300 for" in capsys.readouterr().err
    assert main(["compare", *arms, "--allow-unequal", "--out", "c"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "it took an unknown amount" in said
    assert re.search(
        r"cleanrl on CartPole-v1 was trained by another program: \d+ settings of its training are unknown", said
    )
    assert not {"optimizer.lr", "compile", "explain", "device"} & set(said.split())
    assert "| unknown | unknown |" in Path("c/comparison.md").read_text()


def test_one_agent_is_no_second_seed(agents: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    file = agents[0].parent / "dqn.cleanrl_model"
    again, other = (bring(file, seed=seed, out=Path(f"again-{seed}"), score_episodes=10).folder for seed in (2, 9))
    assert main(["compare", "--arm", f"{agents[2]} {other}", "--arm", str(agents[3]), "--allow-unequal"]) == 2
    assert "imported from the same file, dqn.cleanrl_model" in capsys.readouterr().err
    assert main(["compare", "--arm", f"{agents[2]} {again}", "--arm", str(agents[3]), "--allow-unequal"]) == 2
    assert "or give each a number, --seed N" in capsys.readouterr().err


def test_a_comparison_that_trains_never_takes_an_imported_agent_for_a_run_of_its_own(agents: list[Path]) -> None:
    home = Path(shutil.copytree(agents[3], "runs/CartPole-v1/mine"))
    config = read_config(home)
    assert [run.folder.name for run in ExistingRuns(Path("runs"), ["CartPole-v1"]).of(config)] == ["mine"]
    about = json.loads((home / "meta.json").read_text())
    (home / "meta.json").write_text(json.dumps(about | {"imported": {"file": "a.zip"}}))
    assert ExistingRuns(Path("runs"), ["CartPole-v1"]).of(config) == []


def test_a_listing_leaves_out_what_is_unknown(agents: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", str(agents[0]), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["runs"]
    assert (row["env_steps"], row["updates"], row["seconds"], row["status"]) == (None, None, None, "finished")


def test_a_run_may_begin_with_its_weights(agents: list[Path]) -> None:
    run = dqnlab.train(tiny(torso=Mlp(hidden=(8,))), init=agents[0], out=Path("on"), trackers=())
    first = json.loads((run.folder / "meta.json").read_text())["init"]
    assert first["parts"] == ["encode", "torso", "stream"]


def test_the_command_takes_the_settings_of_training_as_flags(capsys: pytest.CaptureFixture[str]) -> None:
    written("net.pt", named(chain(8, 8, 2), "net"))
    words = ["--env", "CartPole", "--frame-stack", "2", "--gamma", "0.9", "--seed", "7", "--score-episodes", "2"]
    assert main(["import", "net.pt", *words, "--film", "0", "--no-explain", "--out", "a", "--name", "old"]) == 0
    said = capsys.readouterr()
    assert "imported  net.pt, a state_dict" in said.out
    assert "learned   unknown" in said.out
    assert "note      assumed, for the file does not say it: ReLU between its layers" in said.out
    about = read_imported(Path("a/meta.json"))
    assert about is not None
    assert about.knows("gamma")
    assert "state_dict · seed 7" in said.out
    assert dqnlab.load("a").config.seed == 7


def test_what_was_interrupted_after_the_score_is_made_by_the_commands_that_are_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupted(*args: Any, **how: Any) -> None:
        raise KeyboardInterrupt

    file = written("a.pt", named(chain(4, 8, 2), "net"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(film, "record", interrupted)
        words = ["--env", "CartPole-v1", "--score-episodes", "2", "--out", "a", "--quiet"]
        assert main(["import", str(file), *words]) == 130
    out, err = capsys.readouterr()
    assert err == ""  # only the summary
    note = "interrupted before: film and page; to make it: dqn record a, dqn explain a"
    assert note in " ".join(out.split())
    assert main(["record", "a", "--episodes", "1", "--max-seconds", "0.2"]) == 0
    assert read_run(Path("a")).notes[1:] == ["interrupted before: page; to make it: dqn explain a"]
    assert main(["explain", "a"]) == 0
    assert "state_dict · seed unknown" in out
    assert main(["train", "--config", "a/config.toml", "--dry-run"]) == 0
    assert "a/config.toml is of an agent that was imported (a.pt, a state_dict): what nobody" in capsys.readouterr().err
    assert (read_run(Path("a")).notes[1:], read_run(Path("a")).unfinished) == ([], [])


@pytest.mark.parametrize("words", ["evaluate", "train CartPole --init", "train --config", "train CartPole --demos"])
def test_a_url_is_called_one_wherever_a_file_is_named(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words.split(), "https://example.com/a.zip"]) == 2
    assert "'https://example.com/a.zip' is a URL, and dqnlab fetches nothing" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "FILE is missing"),
        (["https://example.com/a.zip", "--env", "CartPole-v1"], "'https://example.com/a.zip' is a URL"),
        (["a.zip"], "--env is missing"),
        (["a.zip", "b.zip", "--env", "x"], "one FILE, please"),
        (["a.zip", "--env", "CartPole-v1"], "'a.zip' does not exist"),
        ([".", "--env", "CartPole-v1"], "'.' is not a file"),
        (["a.zip", "--env", "CartPole-v1", "--lerning-rate", "1"], "unknown flag"),
    ],
)
def test_a_mistake_in_the_words_is_named(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", *words]) != 0
    assert said in capsys.readouterr().err
