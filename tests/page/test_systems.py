"""The physics in the page is Gymnasium's: step by step, and steered by a network for a whole episode."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

import dqnlab
from dqnlab.config import Env, Film
from dqnlab.envs.make import describe
from dqnlab.explain.page import pack_for_page
from dqnlab.explain.world import look
from dqnlab.learn.networks import QNetwork

from .conftest import Open
from .playing import balancing
from .sample import layers, network, sample

PARAMS = {
    "cartpole": "gravity masspole total_mass length polemass_length force_mag tau kinematics_integrator "
    "theta_threshold_radians x_threshold",
    "mountaincar": "min_position max_position max_speed goal_position goal_velocity force gravity",
    "acrobot": "dt LINK_LENGTH_1 LINK_MASS_1 LINK_MASS_2 LINK_COM_POS_1 LINK_COM_POS_2 LINK_MOI MAX_VEL_1 MAX_VEL_2 "
    "AVAIL_TORQUE book_or_nips",
}
# (kind, environment, what differs from the usual one, how far from zero a state may start)
CASES: list[tuple[str, str, dict[str, Any], tuple[float, ...]]] = [
    ("cartpole", "CartPole-v1", {}, (2.0, 2.0, 0.2, 2.0)),
    ("cartpole", "CartPole-v1", {"kinematics_integrator": "semi-implicit"}, (2.0, 2.0, 0.2, 2.0)),
    ("cartpole", "CartPole-v1", {"_sutton_barto_reward": True, "length": 0.8, "tau": 0.03}, (2.0, 2.0, 0.2, 2.0)),
    ("mountaincar", "MountainCar-v0", {}, (0.5, 0.07)),
    ("mountaincar", "MountainCar-v0", {"goal_velocity": 0.03, "force": 0.002}, (0.5, 0.07)),
    ("acrobot", "Acrobot-v1", {}, (3.1, 3.1, 6.0, 12.0)),
    ("acrobot", "Acrobot-v1", {"book_or_nips": "nips", "dt": 0.1, "LINK_MASS_2": 1.5}, (3.1, 3.1, 6.0, 12.0)),
]
COMPARE = """(() => {
  const system = m.systems[argument.kind];
  const worst = { state: 0, obs: 0, back: 0, outcome: 0 };
  const apart = (a, b) => Math.max(...Array.from(a, (x, i) => Math.abs(x - b[i])));
  for (const row of argument.rows) {
    const next = system.step(row.state, row.action, argument.params);
    const obs = system.observe(next.state, argument.params);
    worst.state = Math.max(worst.state, apart(next.state, row.next));
    worst.obs = Math.max(worst.obs, apart(obs, row.obs));
    worst.back = Math.max(worst.back, apart(system.observe(system.fromObs(obs), argument.params), row.obs));
    if (next.reward !== row.reward || next.terminated !== row.terminated) worst.outcome += 1;
  }
  return worst;
})()"""


def own_steps(env: Any, reach: tuple[float, ...], count: int) -> list[dict[str, Any]]:
    """Steps of the environment itself: random actions from random states, a new start every 50 steps."""
    rng = np.random.default_rng(0)
    rows: list[dict[str, Any]] = []
    fresh = True
    while len(rows) < count:
        if fresh or len(rows) % 50 == 0:
            env.reset(seed=len(rows))
            env.state = rng.uniform(-1, 1, len(reach)) * reach
        before, action = [float(x) for x in env.state], int(rng.integers(env.action_space.n))
        obs, reward, fresh, _, _ = env.step(action)
        after = [float(x) for x in env.state]
        rows.append(
            {
                "state": before,
                "action": action,
                "next": after,
                "obs": obs.tolist(),
                "reward": reward,
                "terminated": fresh,
            }
        )
    return rows


@pytest.mark.parametrize(("kind", "name", "changes", "reach"), CASES)
def test_one_step_is_gymnasiums(
    open_page: Open, kind: str, name: str, changes: dict[str, Any], reach: tuple[float, ...]
) -> None:
    env: Any = gym.make(name).unwrapped
    for attribute, value in changes.items():
        setattr(env, attribute, value)
    params = {attribute: getattr(env, attribute) for attribute in PARAMS[kind].split()}
    params["sutton_barto_reward"] = getattr(env, "_sutton_barto_reward", False)
    rows = own_steps(env, reach, 1500)
    assert 5 < sum(row["terminated"] for row in rows) < 1000
    worst = open_page(sample()).module("world/systems.js", COMPARE, {"kind": kind, "params": params, "rows": rows})
    assert worst["outcome"] == 0
    assert worst["state"] <= 1e-9
    assert worst["obs"] <= 1e-6  # one unit in the last place of a float32, where the last bits of a double differ
    assert worst["back"] <= 2e-6


LET_GO = """(() => {
  const net = modules["net/network.js"].makeNetwork(modules["core/codec.js"].unpack(argument.net));
  const q = (obs) => net.qValues(obs);
  const system = modules["world/systems.js"].systems.cartpole;
  const first = system.observe(argument.state, argument.params);
  const seen = Float32Array.from(Array(argument.stack ?? 1).fill(Array.from(first)).flat());
  const walk = m.makeWalk({ system, params: argument.params, state: argument.state, seen, limit: 500 });
  const states = [];
  while (!walk.ended) {
    walk.advance(modules["net/network.js"].argmax(q(walk.obs)));
    states.push(Array.from(walk.state));
  }
  return { states, ended: walk.ended, total: walk.total, seen: Array.from(walk.obs) };
})()"""


def closed_loop(net: QNetwork, seed: int) -> tuple[list[float], list[list[float]]]:
    """The first state and all that follow, as the network steers Gymnasium's own CartPole for up to 500 steps."""
    env: Any = gym.make("CartPole-v1")
    obs, _ = env.reset(seed=seed)
    start, states = [float(x) for x in env.unwrapped.state], []
    over = False
    while not over:
        obs, _, terminated, truncated, _ = env.step(int(net.q_values(torch.from_numpy(obs)[None]).argmax()))
        states.append([float(x) for x in env.unwrapped.state])
        over = terminated or truncated
    return start, states


def assert_same_way(open_page: Open, net: QNetwork, seeds: range, least: int) -> None:
    opened = open_page(sample())
    params = sample()["world"]["params"]
    for seed in seeds:
        start, states = closed_loop(net, seed)
        assert len(states) >= least
        packed = {"net": pack_for_page(layers(net)), "state": start, "params": params}
        got = opened.module("world/walk.js", LET_GO, packed)
        assert len(got["states"]) == len(states) == got["total"]
        assert got["ended"] == ("truncated" if len(states) == 500 else "terminated")
        np.testing.assert_allclose(got["states"], states, rtol=0, atol=1e-6)


def test_let_go_is_gymnasiums_own_episode(open_page: Open) -> None:
    assert_same_way(open_page, balancing(), range(3), 500)
    assert_same_way(open_page, network(0), range(3), 5)


def test_a_stacking_network_is_given_its_last_observations_in_order(open_page: Open) -> None:
    net = network(3, inputs=12)
    env: Any = gym.make("CartPole-v1")
    obs, _ = env.reset(seed=0)
    start, seen, states = [float(x) for x in env.unwrapped.state], np.tile(obs, 3), []
    terminated = False
    while not terminated:
        obs, _, terminated, _, _ = env.step(int(net.q_values(torch.from_numpy(seen)[None]).argmax()))
        seen = np.concatenate([seen[4:], obs])
        states.append([float(x) for x in env.unwrapped.state])
    given = {"net": pack_for_page(layers(net)), "state": start, "params": sample()["world"]["params"], "stack": 3}
    got = open_page(sample()).module("world/walk.js", LET_GO, given)
    np.testing.assert_allclose(got["states"], states, rtol=0, atol=1e-6)
    np.testing.assert_allclose(got["seen"], seen, rtol=0, atol=1e-6)


@pytest.mark.world
def test_let_go_with_a_trained_network_is_gymnasiums_own_episode(open_page: Open, tmp_path: Path) -> None:
    cartpole = replace(dqnlab.presets.get("cartpole"), film=Film(episodes=0), explain=False)
    dqnlab.train(cartpole, out=tmp_path / "run", trackers=("none",))
    net = dqnlab.load(tmp_path / "run").network.requires_grad_(False)
    assert max(len(closed_loop(net, seed)[1]) for seed in range(5)) == 500
    assert_same_way(open_page, net, range(5), 100)


@pytest.mark.parametrize(("kind", "name"), [(case[0], case[1]) for case in CASES[::3]])
def test_a_world_as_it_is_read_has_all_that_its_physics_needs(open_page: Open, kind: str, name: str) -> None:
    env = Env(id=name)
    world = look(env, describe(env))
    assert world.kind == kind
    needed = open_page(sample()).module("world/systems.js", "m.systems[argument].needs", kind)
    assert needed
    assert set(needed) <= set(world.params)


def test_a_world_with_a_constant_missing_has_no_physics(open_page: Open) -> None:
    opened = open_page(sample())
    params = sample()["world"]["params"]
    asks = "m.systemOf(argument) !== null"
    assert opened.module("world/systems.js", asks, {"kind": "cartpole", "params": params})
    assert not opened.module("world/systems.js", asks, {"kind": "cartpole", "params": params | {"tau": None}})
    assert not opened.module("world/systems.js", asks, {"kind": "toString", "params": params})
    assert not opened.module("world/systems.js", asks, {"kind": "none", "params": {}})


def test_an_angle_from_far_away_is_wrapped_without_waiting_for_ever(open_page: Open) -> None:
    env: Any = gym.make("Acrobot-v1").unwrapped
    params = {attribute: getattr(env, attribute) for attribute in PARAMS["acrobot"].split()}
    step = "Array.from(m.systems.acrobot.step([1e300, 0, 0, 0], 1, argument).state)"
    assert -np.pi <= open_page(sample()).module("world/systems.js", step, params)[0] <= np.pi
