"""Observations on which an exported agent is held against its network: from episodes that it plays.

Shapes: N observations, A actions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from ..config import Env
from ..device import arithmetic
from ..envs.guard import Guarded
from ..envs.make import EnvSpec, close, make_one
from ..envs.rows import MASK, given_mask, part_of
from ..envs.seeds import env_seeds
from ..envs.vector import SerialEnvs
from ..envs.watchdog import watched
from ..errors import NumericsError, counted
from ..explain.page import words
from ..explain.words import sentence
from ..explain.world import look_at
from ..learn.policy import Actor
from ..store.agent import Agent
from .portable import state_size

RANDOM = 0.3  # share of actions by chance: a network alone sees little of its environment
_WIDEST = 8  # bytes of a number
_FEW = 8  # values that a message shows
CHUNK = 100  # observations that are computed at once


@dataclass(frozen=True)
class OwnTypes:
    """In which types an environment gives its observations."""

    types: tuple[np.dtype, ...]
    """of each part; of the whole where there are no parts"""
    mask: np.dtype | None = None
    """of the actions that are allowed, if it says which"""
    is_mask_inside: bool = False
    """whether it says so in its observations, not in its infos"""


@dataclass(frozen=True)
class States:
    """What was seen, in the order in which it was seen, and what the network says to it."""

    obs: np.ndarray
    """[N, *obs_shape], as stored"""
    first: np.ndarray
    """[N] bool, which begin an episode"""
    values: np.ndarray
    """[N, A], of the network"""
    names: tuple[str, ...]
    """[A], of the actions"""
    given: OwnTypes


def play_states(
    agent: Agent, env: Env, num: int, seed: int = 0, tell: Callable[[int], None] = lambda n: None
) -> States:
    """Plays in an environment until there are so many observations; `tell` hears how many there are.

    Raises:
        ConfigError, EnvironmentFault: it cannot be made, does not fit the agent, or breaks its contract.
        NumericsError: the network's values are not finite.
    """
    with watched(env.timeout), arithmetic(agent.config.threads):
        made = make_one(env)
        try:
            spec = agent.check_made(env, made)
            names = tuple(sentence(name) if name in words() else name for name in look_at(made, env, spec).actions)
            obs, first, values = _play(agent.actor(), made, env, spec, num, seed, tell)
            given = _given(made, spec)
        finally:
            close(made, env.label)
        if not state_size(agent.network):
            values = network_values(agent, obs)
        _check_finite(spec, obs, values)
        return States(obs, first, values, names, given)


def _given(made: Guarded, spec: EnvSpec) -> OwnTypes:
    """As the first observation has them: a space announces no type of a mask in an info."""
    shown, info = made.reset(seed=0)
    obs = spec.obs
    stored = [(part_of(shown, part), part.dtype) for part in obs.parts] or [(np.asarray(shown), obs.dtype)]
    types = tuple(_plain(given.dtype, kept) for given, kept in stored)
    if obs.mask is None:
        return OwnTypes(types)
    mask = given_mask(shown, info.get(MASK))
    mask = np.asarray(mask[0] if isinstance(mask, tuple) else mask)  # one of each component
    return OwnTypes(types, _plain(mask.dtype, np.dtype(np.bool_)), isinstance(shown, Mapping) and MASK in shown)


def _plain(dtype: np.dtype, kept: np.dtype) -> np.dtype:
    """A type that other languages have too."""
    return np.dtype(dtype.name) if dtype.kind in "biuf" and dtype.itemsize <= _WIDEST else kept


def _play(
    actor: Actor, made: Guarded, env: Env, spec: EnvSpec, num: int, seed: int, tell: Callable[[int], None]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    envs = SerialEnvs([made], spec, env.label, autoreset=False)
    rng = np.random.default_rng(seed)
    seen, values = list[np.ndarray](), list[np.ndarray]()
    firsts = list[bool]()
    for start in env_seeds(seed, "evaluate", num):
        obs, begins = envs.reset([start]), True
        while len(seen) < num:
            with np.errstate(over="ignore", invalid="ignore"):  # values are looked at when all are there
                q = actor(obs, np.array([begins]))
            seen.append(obs)
            firsts.append(begins)
            values.append(q)
            tell(len(seen))
            by_chance = rng.random() < RANDOM
            after = envs.step(spec.any_actions(obs, rng) if by_chance else q.argmax(1))
            obs, begins = after.next_obs, False
            if after.terminated[0] or after.truncated[0]:
                break
        if len(seen) >= num:
            break
    return np.concatenate(seen), np.array(firsts), np.concatenate(values)


def _check_finite(spec: EnvSpec, obs: np.ndarray, values: np.ndarray) -> None:
    """Raises NumericsError if the value of an action that is allowed is no number to compare with."""
    allowed = np.ones_like(values, bool) if spec.obs.mask is None else obs[:, spec.obs.mask :] != 0
    odd = np.flatnonzero((allowed & ~np.isfinite(values)).any(1))
    if len(odd):
        shown = ", ".join(f"{value:g}" for value in values[odd[0]][:_FEW])
        raise NumericsError(
            f"the network's values are not finite in {counted(len(odd), 'state')} of {len(values):,}, such as {shown}: "
            "its weights are too large to act by; take another network, or train it again"
        )


def network_values(agent: Agent, obs: np.ndarray) -> np.ndarray:
    """What the network itself gives for stored observations, [N, A]."""
    device = next(agent.network.parameters()).device
    with torch.no_grad():
        parts = [
            agent.network.q_values(torch.from_numpy(obs[at : at + CHUNK]).to(device)).cpu()
            for at in range(0, len(obs), CHUNK)
        ]
    return torch.cat(parts).numpy()


def as_given(spec: EnvSpec, obs: np.ndarray) -> np.ndarray:
    """Stored observations in the environment's own numbers: rows of float32, others of their type."""
    if spec.obs.parts:
        return spec.obs.in_env_numbers(obs).astype(np.float32)
    return obs + spec.obs_start if spec.obs_start else obs
