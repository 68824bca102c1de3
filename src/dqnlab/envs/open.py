"""Opens the environments of a run: stepped one after another, as one vector, or in processes of their own."""

from typing import Any

import gymnasium as gym
from gymnasium.vector import VectorEnv

from ..config import Env
from .guard import CONSTRUCTOR, Guard
from .make import AnyEnv, EnvSpec, close, make_one, make_several, open_one
from .modules import import_named
from .pools import is_pooled, registered_id
from .vector import Envs, NativeEnvs, SerialEnvs
from .workers import WorkerEnvs, Workers

# Environments with a vector version of their own, and how many copies it takes to beat single ones.
NATIVE = {"CartPole-v0": 8, "CartPole-v1": 8}
POOLED = 2  # the same of EnvPool's, all of which have one


def is_native(env: Env, num_envs: int) -> bool:
    """Whether this many copies are made as one vector; never if copies are limited, for a vector cannot be shared."""
    if not isinstance(env.id, str) or env.copies is not None or env.workers:
        return False
    if env.wrappers or env.frame_stack > 1 or env.gray or env.resize:  # of single environments
        return False
    fewest = POOLED if is_pooled(env.id) else NATIVE.get(env.id)
    return fewest is not None and num_envs >= fewest


def open_envs(env: Env) -> tuple[EnvSpec, Envs]:
    """The environments to collect in, and what they are. Raises as `describe`."""
    spec, first = open_one(env)
    if not env.workers and not is_native(env, env.num_envs):
        return spec, make_envs(env, spec, env.num_envs, first=first)
    close(first, env.label)
    return spec, make_envs(env, spec, env.num_envs)


def make_envs(env: Env, spec: EnvSpec, num_envs: int, *, autoreset: bool = True, first: AnyEnv | None = None) -> Envs:
    """`num_envs` copies: in workers if there are any, natively vectorised where that pays, else one after the other.

    Without `autoreset` an env whose episode ended rests until the next `reset`, if it can.

    Args:
        first: one that is as new, to begin with, where they are stepped one after the other.
    """
    if env.workers:
        return _in_workers(env, spec, num_envs, autoreset=autoreset)
    if first is None and is_native(env, num_envs):
        return _as_vector(env, spec, num_envs)

    def make() -> AnyEnv:
        return make_one(env)

    made = make_several(make, num_envs, env.label, [] if first is None else [first])
    return SerialEnvs(made, spec, env.label, autoreset=autoreset, make=make)


def _in_workers(env: Env, spec: EnvSpec, num_envs: int, *, autoreset: bool) -> WorkerEnvs:
    workers = Workers(env, spec)
    try:
        return workers.train(num_envs) if autoreset else workers.lend(num_envs)
    except BaseException:
        workers.close()
        raise


def _as_vector(env: Env, spec: EnvSpec, num_envs: int) -> NativeEnvs:
    def make() -> VectorEnv[Any, Any, Any]:
        kwargs: dict[str, Any] = {**env.kwargs, "max_episode_steps": spec.max_episode_steps}
        return Guard(env.label).call(
            CONSTRUCTOR, gym.make_vec, known, num_envs, vectorization_mode="vector_entry_point", **kwargs
        )

    import_named(str(env.id))
    known = registered_id(str(env.id))
    return NativeEnvs(make(), spec, env.label, make=make, own_seeds=is_pooled(env.id))
