"""An agent acts as its network says, in the environment's own numbers, and is found again on disk."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces

import dqnlab
from dqnlab.config import Config, Env, Mlp
from dqnlab.errors import CheckpointError, ConfigError, FolderError, ObservationError
from dqnlab.learn.weights import export_weights
from dqnlab.run.evaluate import evaluate
from dqnlab.run.keep import save_weights
from dqnlab.run.system import assemble
from dqnlab.store import remembered
from dqnlab.store.agent import Agent, load
from dqnlab.store.folder import BEST, LAST
from dqnlab.store.start import write_start

from ..jobs import Jobs

CONFIG = Config(torso=Mlp(hidden=(8, 6)))
OBS = np.linspace(-0.1, 0.1, 12, dtype=np.float32).reshape(3, 4)


def agent(config: Config = CONFIG) -> Agent:
    system = assemble(config)
    return Agent(config, system.spec, system.learner.online, config.env)


def saved(folder: Path, config: Config = CONFIG, file: str = BEST) -> Agent:
    """An agent, and a run folder that holds it."""
    made = agent(config)
    folder.mkdir(exist_ok=True)
    write_start(folder, config, made.spec, 1)
    save_weights(folder / file, export_weights(made.network))
    return made


class Lift(gym.Env):
    """Floors 3 to 7, actions -1 to 1."""

    observation_space, action_space = spaces.Discrete(5, start=3), spaces.Discrete(3, start=-1)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[int, dict]:
        super().reset(seed=seed)
        return 3, {}

    def step(self, action: int) -> tuple[int, float, bool, bool, dict]:
        assert self.action_space.contains(np.int64(action))
        return 7, 1.0, True, False, {}


# ── Acting ───────────────────────────────────────────────────────────────────────────────────────


def test_one_observation_gives_one_action_and_a_batch_gives_many() -> None:
    a = agent()
    assert type(a.act(OBS[0])) is np.int64  # as its environment's action space samples
    assert a.q_values(OBS[0]).shape == (2,)
    assert a.q_values(OBS).shape == (3, 2)
    assert a.act(OBS).tolist() == [a.act(obs) for obs in OBS] == a.q_values(OBS).argmax(1).tolist()


def test_values_are_those_of_the_network_whatever_type_the_observation_has() -> None:
    a = agent()
    with torch.no_grad():
        expected = a.network.q_values(torch.from_numpy(OBS)).numpy()
    for given in (OBS, OBS.astype(np.float64), OBS.tolist()):
        np.testing.assert_allclose(a.q_values(given), expected, atol=1e-6)


def test_states_and_actions_are_counted_as_the_environment_counts_them() -> None:
    a = agent(replace(CONFIG, env=Env(id=Lift)))
    with torch.no_grad():
        a.network.linears()[-1].bias.copy_(torch.tensor([9.0, 0.0, 0.0]))
    assert a.act(3) == -1
    assert a.act([3, 7]).tolist() == [-1, -1]


MASKED = Config(env=Env(id=Jobs), torso=Mlp(hidden=(8,)))
PARTS = {"job": 2, "load": np.full((2, 2), 0.5), "flags": {"night": [0, 1]}}


def test_an_observation_of_parts_is_valued_with_its_mask_alone_and_in_batches() -> None:
    made = agent(MASKED)
    q = made.q_values(PARTS, [1, 0, 1])
    assert (q == -np.inf).tolist() == [False, True, False]
    assert made.act(PARTS, [0, 1, 0]) == 6  # actions begin with 5
    both = {"job": [2, 3], "load": np.full((2, 2, 2), 0.5), "flags": {"night": [[0, 1], [1, 1]]}}
    many = made.q_values(both, [[1, 0, 1], [1, 1, 1]])
    np.testing.assert_allclose(many[0], q, rtol=1e-6)
    assert made.act(both, [[0, 1, 0], [0, 0, 1]]).tolist() == [6, 7]


def test_a_mask_within_the_observation_needs_no_other() -> None:
    made = agent(replace(MASKED, env=Env(id=partial(Jobs, "key"))))
    assert made.act(PARTS | {"action_mask": np.array([0, 0, 1])}) == 7


@pytest.mark.parametrize(
    ("obs", "mask", "says"),
    [
        (PARTS, None, r"the mask is missing: pass mask=info\['action_mask'\] as well"),
        (PARTS, [0, 0, 0], "the mask allows no action"),
        (PARTS, {"action_mask": [1, 1, 1]}, "the mask is a dict: pass its 'action_mask'"),
        (PARTS, np.array([1, 0, 1], object), "the mask is of type object, not numbers"),
        (PARTS, [1, 1], r"the mask has shape \(2,\), not \(3,\)"),
        (PARTS, [1, 1, 3], "holds numbers other than 1"),
        (PARTS, [[1, 1, 1]], r"the mask has shape \(1, 3\)"),
        (PARTS | {"job": 0}, [1, 1, 1], "observation 'job' is 0, not a state from 1 to 3"),
        (PARTS | {"flags": 3}, [1, 1, 1], "observation is of type int, not a dict with 'flags.night'"),
        (
            PARTS | {"flags": {"night": [0, 300]}},
            [1, 1, 1],
            "observation 'flags.night' holds int64 that do not fit into bool",
        ),
        ({"job": 2}, [1, 1, 1], "observation has no part 'flags.night'; it has 'job'"),
        (PARTS | {"load": [1, 2]}, [1, 1, 1], r"observation 'load' has shape \(2,\), not \(2, 2\)"),
        (None, [1, 1, 1], "observation is of type NoneType, not a dict with"),
        ("night", [1, 1, 1], "observation is of type str, not a dict with"),
    ],
    ids=str,
)
def test_parts_and_masks_of_another_kind_are_refused(obs: Any, mask: Any, says: str) -> None:
    with pytest.raises(ObservationError, match=says):
        agent(MASKED).act(obs, mask)


def test_a_mask_for_an_agent_that_knows_none_is_refused() -> None:
    with pytest.raises(ObservationError, match="trained without masks"):
        agent().act(OBS[0], [1, 1])


def test_a_loaded_agent_knows_its_parts_and_its_mask(tmp_path: Path) -> None:
    config = replace(MASKED, env=replace(MASKED.env, action_mask="on"))
    made = saved(tmp_path / "run", config)
    loaded = load(tmp_path / "run", env=Jobs)
    assert loaded.spec.obs == made.spec.obs
    np.testing.assert_array_equal(loaded.q_values(PARTS, [1, 0, 1]), made.q_values(PARTS, [1, 0, 1]))


@pytest.mark.parametrize(
    "change",
    [
        {"mask": 6},
        {"mask": None},
        {"mask": "7"},
        {"obs_parts": []},
        {"obs_parts": 3},
        {"obs_parts": [3]},
        {"obs_parts": [{"path": ["x"], "start": 0, "shape": [7]}]},
        {"obs_shape": [11]},
        {"num_actions": 4},
    ],
    ids=str,
)
def test_parts_that_do_not_fill_their_row_are_damage(change: dict[str, Any], tmp_path: Path) -> None:
    saved(tmp_path / "run", replace(MASKED, env=replace(MASKED.env, action_mask="on")))
    path = tmp_path / "run" / "meta.json"
    about = json.loads(path.read_text())
    about["env"] |= change
    path.write_text(json.dumps(about))
    with pytest.raises(FolderError, match="damaged"):
        load(tmp_path / "run", env=Jobs)


def test_a_run_of_before_masks_were_read_goes_without(tmp_path: Path) -> None:
    saved(tmp_path / "run", replace(CONFIG, env=replace(CONFIG.env, action_mask="off")))
    path = tmp_path / "run" / "meta.json"
    about = json.loads(path.read_text())
    del about["env"]["mask"], about["env"]["obs_parts"]
    path.write_text(json.dumps(about))
    config = tmp_path / "run" / "config.toml"
    config.write_text("".join(line for line in config.read_text().splitlines(True) if "action_mask" not in line))
    assert load(tmp_path / "run").config.env.action_mask == "off"


@pytest.mark.parametrize("shape", [(3,), (2, 3), (1, 1, 4), ()])
def test_an_observation_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"this agent takes \(4,\)"):
        agent().q_values(np.zeros(shape))


@pytest.mark.parametrize("state", [2, 8, [3, 8], -1])
def test_a_state_that_the_environment_has_not_is_refused(state: Any) -> None:
    with pytest.raises(ValueError, match="this agent knows the states 3 to 7"):
        agent(replace(CONFIG, env=Env(id=Lift))).q_values(state)


# ── Environments ─────────────────────────────────────────────────────────────────────────────────


def test_the_agents_own_environment_is_the_default_and_keeps_its_arguments() -> None:
    config = replace(CONFIG, env=Env(kwargs={"sutton_barto_reward": True}, max_episode_steps=30))
    assert agent(config).env_config() == config.env
    assert agent(config).env_config("CartPole-v1") == config.env
    assert agent(config).env_config("Acrobot-v1").kwargs == {}
    given = Env(id="CartPole-v0")
    assert agent(config).env_config(given) is given


def test_an_environment_of_other_spaces_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"env 'Acrobot-v1' has observations \(6,\).*takes \(4,\)"):
        agent().check_fits(Env(id="Acrobot-v1"))


def test_evaluating_plays_as_many_episodes_as_asked_and_repeats_for_a_seed() -> None:
    a = agent()
    first, again, other = (evaluate(a, episodes=5, seed=seed) for seed in (0, 0, 1))
    assert first.episodes == 5
    assert first == again
    assert first.returns != other.returns


# ── Loading ──────────────────────────────────────────────────────────────────────────────────────


def test_a_loaded_agent_values_everything_as_before() -> None:
    a = saved(Path("run"))
    for where in ("run", Path("run"), Path("run") / BEST):
        np.testing.assert_array_equal(load(where).q_values(OBS), a.q_values(OBS))
    assert load("run").config == CONFIG
    assert load("run").spec == a.spec._replace(threshold_says="")  # which only a run has to say
    assert dqnlab.load is load


def test_best_and_last_are_different_files() -> None:
    saved(Path("run"))
    last = saved(Path("run"), replace(CONFIG, seed=1), LAST)
    np.testing.assert_array_equal(load("run", which="last").q_values(OBS), last.q_values(OBS))
    assert not np.array_equal(load("run").q_values(OBS), last.q_values(OBS))


def test_the_agent_of_an_environment_made_in_python_asks_for_it() -> None:
    a = saved(Path("run"), replace(CONFIG, env=Env(id=Lift)))
    remembered.KNOWN.clear()  # as in another process
    loaded = load("run")
    np.testing.assert_array_equal(loaded.q_values([3, 5, 7]), a.q_values([3, 5, 7]))
    assert loaded.act(3) == a.act(3)
    with pytest.raises(ConfigError, match=r"'Lift'.*pass env=.*--env module:Id"):
        loaded.env_config()
    assert load("run", env=Lift).env_config().id is Lift
    assert evaluate(loaded, Lift, episodes=2).mean == 1


def test_a_classic_weights_file_is_an_agent_by_itself() -> None:
    a = agent()
    save_weights(Path("classic.pth"), export_weights(a.network))
    loaded = load("classic.pth", env="CartPole-v1")
    np.testing.assert_array_equal(loaded.q_values(OBS), a.q_values(OBS))
    assert evaluate(loaded, episodes=2).episodes == 2


def test_a_classic_module_takes_the_file_strictly() -> None:
    a = saved(Path("run"))

    class Classic(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            layers = [torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 6), torch.nn.ReLU()]
            self.fc = torch.nn.Sequential(*layers, torch.nn.Linear(6, 2))

    classic = Classic()
    classic.load_state_dict(torch.load(Path("run") / BEST, weights_only=True), strict=True)
    with torch.no_grad():
        values = classic.fc(torch.from_numpy(OBS)).numpy()
    np.testing.assert_allclose(values, a.q_values(OBS), atol=1e-6)


@pytest.mark.parametrize("hidden", [(7,), (5, 5, 5)])
def test_a_file_of_any_depth_is_an_agent_with_or_without_its_folder(hidden: tuple[int, ...]) -> None:
    a = saved(Path("run"), replace(CONFIG, torso=Mlp(hidden=hidden)))
    np.testing.assert_array_equal(load("run").q_values(OBS), a.q_values(OBS))
    (Path("run") / BEST).rename("only.pth")
    np.testing.assert_array_equal(load("only.pth", env="CartPole-v1").q_values(OBS), a.q_values(OBS))


def test_what_cannot_be_loaded_is_named() -> None:
    saved(Path("run"))
    with pytest.raises(FolderError, match="no run 'elsewhere'"):
        load("elsewhere")
    with pytest.raises(
        CheckpointError, match=r"last_model.pth.*is written when training ends; until then there is --which best"
    ):
        load("run", which="last")

    whole = (Path("run") / BEST).read_bytes()
    (Path("run") / BEST).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match=r"best_model.pth.*not a readable weights file"):
        load("run")
    torch.save([1, 2], Path("run") / BEST)
    with pytest.raises(CheckpointError, match="not a plain state_dict"):
        load("run")
    save_weights(Path("run") / BEST, export_weights(agent(replace(CONFIG, torso=Mlp(hidden=(9, 9)))).network))
    with pytest.raises(CheckpointError, match="does not fit"):
        load("run")


def test_a_lone_file_of_unknown_shape_is_refused() -> None:
    weights = export_weights(agent().network)
    for odd, words in [
        ({"fc.1.weight": weights["fc.0.weight"]}, "not in a complete run folder"),
        ({}, "not in a complete run folder"),
        ({**weights, "more": weights["fc.0.bias"]}, "does not fit"),
    ]:
        save_weights(Path("odd.pth"), odd)
        with pytest.raises(CheckpointError, match=words):
            load("odd.pth")


def test_a_lone_file_with_no_environment_says_what_is_missing() -> None:
    save_weights(Path("classic.pth"), export_weights(agent().network))
    with pytest.raises(ConfigError, match="env="):
        load("classic.pth").env_config()


# ── Of earlier versions ──────────────────────────────────────────────────────────────────────────


def codes(high: int) -> gym.Env:
    """A room of whole numbers, which earlier versions divided by 255 whatever its space announced."""
    env = gym.make("CartPole-v1")
    space = spaces.Box(0, high, (4,), np.uint8)
    return gym.wrappers.TransformObservation(env, lambda obs: np.clip(np.abs(obs), 0, high).astype(np.uint8), space)


def bytes_255() -> gym.Env:
    return codes(255)


def bytes_2() -> gym.Env:
    return codes(2)


def saved_before_scales(make: Any) -> Agent:
    """As `saved`, in the shape that runs had when every byte was divided by 255, and no file said so."""
    made = saved(Path("run"), replace(CONFIG, env=Env(id=make)))
    meta, config = Path("run/meta.json"), Path("run/config.toml")
    about = json.loads(meta.read_text())
    del about["env"]["obs_scale"]
    meta.write_text(json.dumps(about))
    config.write_text("\n".join(line for line in config.read_text().splitlines() if not line.startswith("scale")))
    return made


def test_a_network_of_bytes_of_an_earlier_version_sees_them_divided_by_255() -> None:
    made = saved_before_scales(bytes_255)
    obs = np.array([[0, 1, 2, 255]], np.uint8)
    layers = made.network.linears()
    x = torch.from_numpy(obs / np.float32(255))
    with torch.no_grad():
        for layer in layers[:-1]:
            x = layer(x).relu()
        expected = layers[-1](x).numpy()
    found = load(Path("run"), env=bytes_255)
    np.testing.assert_allclose(found.q_values(obs), expected, atol=1e-6)
    assert not np.allclose(made.q_values(obs), expected, atol=1e-3)  # as the same file would be read today
    assert evaluate(found, episodes=2).episodes == 2


def test_an_environment_whose_bytes_would_be_divided_otherwise_today_is_refused() -> None:
    saved_before_scales(bytes_2)
    with pytest.raises(ConfigError, match=r"uint8 divided by 2 .*takes \(4,\) uint8 divided by 255"):
        evaluate(load(Path("run"), env=bytes_2), episodes=2)


@pytest.mark.parametrize(
    "obs",
    [
        np.array([0, 1, 300.0, 2]),
        np.array([0, 1, -1, 2]),
        np.array([0, 0.5, 1, 2]),
        np.array([0, 1, np.nan, 2]),
        np.array([0, 1, np.inf, 2]),
        [0, 1, 2, 256],
        ["a", "b", "c", "d"],
        None,
    ],
    ids=str,
)
@pytest.mark.parametrize("ask", ["act", "q_values"])
def test_numbers_that_a_byte_cannot_hold_are_refused_and_never_wrapped(obs: Any, ask: str) -> None:
    a = agent(replace(CONFIG, env=Env(id=bytes_255)))
    with pytest.raises(ObservationError, match="obs must be numbers of the type uint8, got "):
        getattr(a, ask)(obs)
    assert a.act(np.array([0.0, 1.0, 2.0, 255.0])) == a.act([0, 1, 2, 255])  # whole ones of another type are meant


@pytest.mark.parametrize("obs", [3.5, [3, 4.5], np.nan], ids=str)
def test_a_state_that_is_no_whole_number_is_refused(obs: Any) -> None:
    with pytest.raises(ObservationError, match="obs must be numbers of the type int64"):
        agent(replace(CONFIG, env=Env(id=Lift))).act(obs)
