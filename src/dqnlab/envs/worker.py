"""A worker: a process that holds some copies of an environment and steps them when it is asked to."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from multiprocessing.connection import Connection
from typing import Any, NamedTuple, Self

import numpy as np
import torch

from ..config import Env
from ..errors import DqnlabError, named
from ..memory import is_short_of_memory, out_of_memory
from ..processes import ignore_signals
from ..streams import steady_streams
from .guard import Guarded
from .make import EnvSpec, close_all, make_one, make_several
from .said import Said, said_by
from .state import EnvState
from .vector import SerialEnvs, Step
from .watchdog import watched

TRAINING = "training"
PLAYING = "playing"


class Reply(NamedTuple):
    """What a request came to."""

    answer: Any
    error: DqnlabError | None
    said: list[Said]


def serve(pipe: Connection[Reply, tuple[str, tuple[Any, ...]]], env: Env, spec: EnvSpec) -> None:
    """The whole life of a worker: answers requests, each the name of a method of `_Held` and its arguments, in turn.

    It ends when the pipe does, and so with the process that asks.
    """
    ignore_signals()  # terminals and schedulers send them to everyone; whoever asks decides
    torch.set_num_threads(1)
    with (
        steady_streams(),
        watched(env.timeout),
        warnings.catch_warnings(record=True) as caught,
        _Held(env, spec) as held,
    ):
        while True:
            try:
                what, args = pipe.recv()
                answer, error = answered(getattr(held, what), args)
                pipe.send(Reply(answer, error, [said_by(each.message) for each in caught]))
            except (EOFError, OSError):
                return
            caught.clear()


def answered(method: Callable[..., Any], args: tuple[Any, ...]) -> tuple[Any, DqnlabError | None]:
    """What a method gives, or the error that it raised, as the process that asked may raise it."""
    try:
        return method(*args), None
    except DqnlabError as error:
        return None, error
    except Exception as error:
        return None, out_of_memory(error) if is_short_of_memory(error) else DqnlabError(named(error))


class _Held:
    """The copies of one worker: those that are trained in, and those in which whole episodes are played."""

    def __init__(self, env: Env, spec: EnvSpec):
        self._env = env
        self._spec = spec
        self._envs: dict[str, SerialEnvs] = {}
        self._spare: list[Guarded] = []  # for playing: making them costs more than a short episode
        self._roles: dict[str, ExitStack] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def make(self, num: int, among: tuple[int, int]) -> bool:
        """Makes the copies that are trained in; says whether their state can be saved."""

        def make() -> Guarded:
            return make_one(self._env)

        made = make_several(make, num, self._env.label, [])
        envs = SerialEnvs(made, self._spec, self._env.label, make=make, among=among)
        self._envs[TRAINING] = envs
        return envs.restorable

    def lend(self, num: int, among: tuple[int, int]) -> None:
        """This many copies to play whole episodes in, existing ones where possible."""
        while len(self._spare) < num:
            self._spare.append(make_one(self._env))
        lent = self._spare[:num]
        self._envs[PLAYING] = SerialEnvs(lent, self._spec, self._env.label, autoreset=False, among=among)

    def reset(self, which: str, seeds: Sequence[int]) -> np.ndarray:
        return self._envs[which].reset(seeds)

    def step(self, which: str, action: np.ndarray) -> Step:
        return self._envs[which].step(action)

    def begin(self, which: str, role: str, first: int | None) -> None:
        """From here on messages say what is played for."""
        self._roles[which] = ExitStack()
        self._roles[which].enter_context(self._envs[which].playing(role, first))

    def end(self, which: str) -> None:
        """From here on they do not."""
        self._roles.pop(which).close()

    def state(self, which: str) -> EnvState:
        return self._envs[which].state_dict()

    def set_state(self, which: str, state: EnvState) -> None:
        self._envs[which].load_state_dict(state)

    def remake(self, seeds: Sequence[int]) -> np.ndarray:
        """Recreates the copies for training; those for playing are closed, and made again when they are needed."""
        self._close_spare()
        return self._envs[TRAINING].remake(seeds)

    def close(self) -> None:
        """Closes every copy."""
        with ExitStack() as stack:
            stack.callback(self._close_spare)
            if (training := self._envs.pop(TRAINING, None)) is not None:
                stack.callback(training.close)

    def _close_spare(self) -> None:
        spare, self._spare = self._spare, []
        self._envs.pop(PLAYING, None)
        close_all(spare, self._env.label)
