"""Agents of every kind with the weights that they begin with, and states for them: what is exported in the tests."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dqnlab import config as c
from dqnlab.build import make_network
from dqnlab.config import Config, Mlp
from dqnlab.envs.actions import Joint
from dqnlab.envs.make import EnvSpec
from dqnlab.exporting.about import About, about_agent
from dqnlab.exporting.export import WRITERS
from dqnlab.exporting.portable import captured, state_size
from dqnlab.exporting.states import OwnTypes, States, network_values
from dqnlab.learn.types import ObsPart, ObsSpec
from dqnlab.store.agent import Agent

F32, U8, I64 = (np.dtype(name) for name in ("float32", "uint8", "int64"))


def spec(shape: tuple[int, ...] = (4,), dtype: np.dtype = F32, **more: Any) -> EnvSpec:
    return EnvSpec(ObsSpec(shape, dtype, **more), 0, 3, 0, None, 0)


NUMBERS = spec()
PICTURES = spec((2, 36, 36), U8, scale=255.0)
SMALLER = spec((2, 16, 16), U8, scale=255.0)
CODES = spec((10, 10, 4), np.dtype(np.bool_))
PARTS = (
    ObsPart(("a",), 0, (2,), F32),
    ObsPart(("b", "c"), 2, (3,), U8, scale=255.0),
    ObsPart(("d",), 5, (), I64, 4, lowest=2),
)
MASKED = EnvSpec(ObsSpec((9,), F32, parts=PARTS, mask=6), 0, 3, 1, None, 0)
JOINT = EnvSpec(
    ObsSpec((3 + 6,), U8, parts=tuple(ObsPart((i,), i, (), I64, 3, lowest=1) for i in range(3)), mask=3),
    *(0, 6, 0, None, 0),
    joint=Joint((3, 2), (0, -1), (2,)),
)

SMALL = Config(torso=Mlp(hidden=(8, 6)))
NOISY = {"layers": c.Noisy(), "epsilon": c.Constant(value=0.0)}
BOUNDS = {"v_min": -1.0, "v_max": 5.0}
KINDS: dict[str, tuple[Config, EnvSpec]] = {
    "mlp": (SMALL, NUMBERS),
    "states": (SMALL, spec((), I64, num_states=5)._replace(obs_start=3)),
    "noisy dueling qr": (replace(SMALL, stream=c.Dueling(), head=c.Quantiles(num=5), **NOISY), NUMBERS),
    "normed c51": (replace(SMALL, norm=c.LayerNorm(), head=c.C51(num=7, **BOUNDS)), NUMBERS),
    "spectral hl_gauss": (replace(SMALL, norm=c.SpectralNorm(), head=c.HlGauss(num=7, **BOUNDS)), NUMBERS),
    "dueling iqn": (replace(SMALL, stream=c.Dueling(), head=c.Iqn(num=4, cosines=6)), NUMBERS),
    "normalised hadamax": (Config(torso=c.Hadamax(hidden=(8,)), normalize_obs=True), NUMBERS),
    "masked parts": (SMALL, MASKED),
    "joint": (SMALL, JOINT),
    "gru of parts": (Config(torso=c.Gru(hidden=(8,), units=6)), MASKED),
    "lstm": (Config(torso=c.Lstm(hidden=(), units=5), **NOISY), NUMBERS),
    "small conv": (replace(SMALL, conv="small"), CODES),
    "nature": (replace(SMALL, conv="nature"), PICTURES),
    "impala": (replace(SMALL, conv="impala", norm=c.LayerNorm()), SMALLER),
    "hadamax conv": (Config(torso=c.Hadamax(hidden=(8,)), conv="hadamax"), SMALLER),
}


def make_agent(config: Config, env: EnvSpec) -> Agent:
    network = make_network(config, env).requires_grad_(False)
    if config.normalize_obs:
        for module in network.encode.extractors.values():
            module.refresh(torch.from_numpy(np.random.default_rng(5).normal(2, 3, (50, 4)).astype(np.float32)))
    return Agent(config, env, network)


def seen(env: EnvSpec, num: int) -> np.ndarray:
    """Stored observations by chance, [num, *obs_shape]."""
    rng, obs = np.random.default_rng(3), env.obs
    if not obs.parts:
        high = obs.num_states or (2 if obs.dtype == np.bool_ else 256)
        numbers = rng.integers(0, high, (num, *obs.shape)) if obs.dtype != F32 else rng.normal(0, 1, (num, *obs.shape))
        return numbers.astype(obs.dtype)
    rows = np.zeros((num, *obs.shape), obs.dtype)
    for part in obs.parts:
        whole = rng.integers(0, part.num_states or 256, (num, part.size))
        rows[:, part.place] = rng.normal(0, 1, (num, part.size)) if part.dtype == F32 else whole
    rows[:, obs.mask :] = rng.random((num, env.num_actions)) < 0.6
    rows[:, -1] = 1
    return rows


def states_for(agent: Agent, num: int | None = None) -> States:
    """What its network says to states by chance, few if they are pictures; every fifth begins an episode."""
    num = num or (6 if len(agent.spec.obs.shape) == 3 else 24)
    obs = seen(agent.spec, num)
    first = np.arange(num) % 5 == 0
    if state_size(agent.network):
        actor = agent.actor()
        values = np.concatenate([actor(obs[i : i + 1], first[i : i + 1]) for i in range(num)])
    else:
        values = network_values(agent, obs)
    names = tuple(map(agent.spec.action_text, range(agent.spec.num_actions)))
    return States(obs, first, values, names, given_of(agent.spec.obs))


def given_of(obs: ObsSpec) -> OwnTypes:
    """Other types than those that are stored, as environments give them."""
    own = {F32: "float64", U8: "uint8", I64: "int32", np.dtype(np.bool_): "int8"}
    types = tuple(np.dtype(own[dtype]) for dtype in ([part.dtype for part in obs.parts] or [obs.dtype]))
    return OwnTypes(types, None if obs.mask is None else np.dtype(np.int8))


def about_of(agent: Agent, run: str = "a-run") -> About:
    names = tuple(map(agent.spec.action_text, range(agent.spec.num_actions)))
    return about_agent(agent, run, names, given_of(agent.spec.obs))


def write_all(agent: Agent, folder: Path, formats: Mapping[str, Any] = WRITERS, run: str = "a-run") -> About:
    """The agent in every format, each in a folder of its name."""
    program, about = captured(agent), about_of(agent, run)
    for format, write in formats.items():
        (folder / format).mkdir(parents=True)
        for name, content in write(program, about).items():
            (folder / format / name).write_bytes(content)
    return about


def balancing_agent() -> Agent:
    """One that balances CartPole's pole, with weights by hand: it pushes to where the pole leans and the cart is."""
    agent = make_agent(Config(torso=Mlp(hidden=(2,)), conv="none"), spec()._replace(num_actions=2))
    lean = torch.tensor([0.1, 0.3, 3.0, 1.0])
    with torch.no_grad():
        hidden, last = agent.network.linears()
        hidden.weight.copy_(torch.stack([lean, -lean]))
        last.weight.copy_(torch.tensor([[-1.0, 1.0], [1.0, -1.0]]))
        hidden.bias.zero_()
        last.bias.zero_()
    return agent
