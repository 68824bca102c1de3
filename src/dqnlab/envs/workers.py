"""Environments in processes of their own, stepped side by side: for simulators that take long.

They answer what the same environments answer one after another in one process (`SerialEnvs`), to the last bit, and
their saved state is the same, so that a run may be resumed with any number of workers. A worker that dies is a fault
of the environment; one whose environment does not answer says so itself (`watchdog`).
"""

from __future__ import annotations

import multiprocessing
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

import numpy as np

from ..config import Env
from ..errors import EnvironmentFault
from ..processes import check_sendable, end, how, kill, start
from .guard import EnvironmentHangs
from .make import EnvSpec
from .once import Topic
from .said import say_again
from .state import EnvState
from .vector import Step, check_parts
from .watchdog import GRACE, LOOK_EVERY
from .worker import PLAYING, TRAINING, Reply, serve

STARTING = 60.0  # seconds that a process has to load what it needs


class Workers:
    """The processes that hold copies of one environment, `env.workers` of them."""

    def __init__(self, env: Env, spec: EnvSpec):
        """Raises ConfigError if the environment cannot be passed to other processes."""
        check_sendable(env, env.label)
        self.env, self.spec = env, spec
        self._said = set[Topic]()
        self._workers: list[_Worker] = []
        self._ended = weakref.finalize(self, _end_all, self._workers)  # also if this process ends without closing
        try:
            for number in range(env.workers):
                self._workers.append(_Worker(env, spec, number))
        except BaseException:
            self._ended()
            raise

    def train(self, num: int) -> WorkerEnvs:
        """This many environments that reset themselves, for training. Call it once."""
        sizes = self._shares(num)
        restorable = self._fill("make", sizes)
        return WorkerEnvs(self, TRAINING, sizes, restorable=all(restorable))

    def lend(self, num: int) -> WorkerEnvs:
        """This many others for whole episodes, without autoreset; the same ones each time if there are enough."""
        sizes = self._shares(num)
        self._fill("lend", sizes)
        return WorkerEnvs(self, PLAYING, sizes, restorable=False)

    def _fill(self, what: str, sizes: Sequence[int]) -> list[Any]:
        """Lets each worker have its share, of which each copy knows its number among all."""
        for worker, size in zip(self._workers, sizes, strict=False):
            worker.copies = max(worker.copies, size)
        try:
            return self.ask(what, [(size, (first + 1, sum(sizes))) for first, size in _places(sizes)])
        except EnvironmentHangs:
            raise
        except EnvironmentFault as e:  # here one was made already
            raise type(e)(f"{e} (in a worker's process; env.workers = 0 keeps it in this one)") from e

    def ask(self, what: str, each: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Asks as many workers as there are tuples of arguments, all at once; their answers.

        Raises whatever one of them raised: of several the first, as if they had been asked one after another.
        """
        asked = self._workers[: len(each)]
        for worker, args in zip(asked, each, strict=True):
            worker.send(what, args)
        return self._taken([worker.reply() for worker in asked])

    def close(self) -> None:
        """Closes every environment and ends the processes; a second time does nothing."""
        idle = [worker for worker in self._workers if worker.is_idle]
        try:
            for worker in idle:
                worker.send("close", ())
            replies = [worker.reply() for worker in idle]
        finally:
            self._ended()
        self._taken(replies)

    def _taken(self, replies: Sequence[Reply]) -> list[Any]:
        """Their answers, once what was to be said there has been said here, once. Raises the first error."""
        say_again([said for reply in replies for said in reply.said], self._said, stacklevel=4)
        for reply in replies:
            if reply.error is not None:
                raise reply.error
        return [reply.answer for reply in replies]

    def _shares(self, num: int) -> list[int]:
        """How many environments of `num` each worker gets; a worker without any is not asked."""
        share, rest = divmod(num, len(self._workers))
        return [share + (i < rest) for i in range(min(num, len(self._workers)))]


def _places(sizes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The number of the first environment of each share, and how many it has."""
    first = 0
    for size in sizes:
        yield first, size
        first += size


def _end_all(workers: list[_Worker]) -> None:
    for worker in workers:
        worker.leave()
    for worker in workers:
        end(worker.process)
    workers.clear()


class _Worker:
    """One process, and this end of its pipe."""

    def __init__(self, env: Env, spec: EnvSpec, number: int):
        """`number`: from 0 on."""
        self._env = env
        self._name = f"worker {number + 1} of {env.workers}"
        self._asked = "start"
        self._answered = False
        self.copies = 1
        """the most that one request has it call, one after another"""
        ours, theirs = multiprocessing.Pipe()
        self.process: SpawnProcess = start(serve, (theirs, env, spec), f"dqnlab, {self._name}")
        theirs.close()  # so that the pipe ends when the process does
        self._pipe: Connection[tuple[str, tuple[Any, ...]], Reply] = ours
        self._owes = 0  # replies that nobody has read: somebody was interrupted who waited for them
        self._is_gone = False  # whether it was said that it has ended, or was stopped

    @property
    def is_idle(self) -> bool:
        """Whether it waits to be asked."""
        return not self._owes and not self._is_gone

    def send(self, what: str, args: tuple[Any, ...]) -> None:
        while self._owes:
            self.reply()
        self._owes += 1
        self._asked = what
        try:
            self._pipe.send((what, args))
        except OSError:  # it has died, which `reply` finds out
            return

    def reply(self) -> Reply:
        """Waits for the answer to what was sent. Raises EnvironmentFault if there will be none."""
        try:
            self._wait()
            reply = self._pipe.recv()
        except (EOFError, OSError) as e:
            self._owes = 0
            self._is_gone = True
            self.process.join(1)
            raise EnvironmentFault(self._ended()) from e
        self._owes -= 1
        self._answered = True
        return reply

    def _wait(self) -> None:
        """Until there is an answer, or will be none. Raises EnvironmentHangs if the process has been stopped.

        Its own watchdog knows what hangs, and speaks first.
        """
        limit = (self._env.timeout + GRACE) * (self.copies + 1) + (0.0 if self._answered else STARTING)
        lasted = 0.0  # seconds in sight: a process that was stopped for the night blames nobody
        while not self._pipe.poll(LOOK_EVERY):
            lasted += LOOK_EVERY
            if self._env.timeout and lasted >= limit:
                self._owes = 0
                self._is_gone = True
                kill(self.process)
                raise EnvironmentHangs(
                    f"env {self._env.label!r}: {self._name} gave no answer to {self._asked!r} for {lasted:g} s, nor "
                    "said why: its process was stopped, or cannot be interrupted"
                )

    def _ended(self) -> str:
        """That its process has ended, and what that may mean."""
        code = self.process.exitcode
        why = "see what it printed, or try env.workers = 0"
        if code == 1 and not self._answered:
            why = 'in a script, training belongs under `if __name__ == "__main__":`'
        elif code == -9:
            why = "it was killed, perhaps because memory ran out"
        what = "closed its connection" if code == 0 else f"ended {how(code)}"
        return f"env {self._env.label!r}: {self._name} {what} when asked to {self._asked}: {why}"

    def leave(self) -> None:
        """Lets the process end: it does so when its pipe is closed, but for one that is still at work."""
        if self._owes:
            kill(self.process)
        self._pipe.close()


class WorkerEnvs:
    """E environments in workers, each of which steps its share."""

    def __init__(self, workers: Workers, which: str, sizes: Sequence[int], *, restorable: bool):
        self.num_envs = sum(sizes)
        self.restorable = restorable
        self._workers = workers
        self._which = which
        self._parts = [slice(first, first + size) for first, size in _places(sizes)]

    def reset(self, seeds: Sequence[int]) -> np.ndarray:
        return np.concatenate(self._ask("reset", [(part,) for part in self._shared(seeds)]))

    def step(self, action: np.ndarray) -> Step:
        steps = self._ask("step", [(part,) for part in self._shared(action)])
        obs, reward, terminated, truncated = (
            np.concatenate(column) for column in zip(*(step[:4] for step in steps), strict=True)
        )
        parts = zip(self._parts, steps, strict=True)
        numbers = {part.start + i: said for part, step in parts for i, said in step.numbers.items()}
        return Step(obs, reward, terminated, truncated, numbers)

    @contextmanager
    def playing(self, role: str, first: int | None = None) -> Iterator[None]:
        self._ask("begin", [(role, None if first is None else first + part.start) for part in self._parts])
        try:
            yield
        finally:
            self._ask("end", [()] * len(self._parts))

    def lend(self, num: int) -> WorkerEnvs:
        """This many others of the same workers, to play whole episodes in."""
        return self._workers.lend(num)

    def close(self) -> None:
        """Ends the workers, with all that they hold."""
        self._workers.close()

    def state_dict(self) -> EnvState:
        states = self._ask("state", [()] * len(self._parts))
        joined = {name: np.concatenate([each[name] for each in states]) for name in ("steps", "ended", "obs")}
        return {"envs": [one for each in states for one in each["envs"]], **joined}

    def load_state_dict(self, state: EnvState) -> None:
        spec = self._workers.spec
        obs, ended = np.zeros((self.num_envs, *spec.obs.shape), spec.obs.dtype), np.zeros(self.num_envs, bool)
        check_parts(state, {"envs": self.num_envs, "obs": obs, "ended": ended}, self._workers.env.label)
        steps = np.broadcast_to(state["steps"], self.num_envs)
        whole = {**state, "steps": steps}
        self._ask("set_state", [({name: column[part] for name, column in whole.items()},) for part in self._parts])

    def remake(self, seeds: Sequence[int]) -> np.ndarray:
        return np.concatenate(self._workers.ask("remake", [(part,) for part in self._shared(seeds)]))

    def _ask(self, what: str, each: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Asks each worker that has a share of these environments, with arguments of its own."""
        return self._workers.ask(what, [(self._which, *args) for args in each])

    def _shared(self, column: Sequence[Any] | np.ndarray) -> list[Sequence[Any] | np.ndarray]:
        """A column with one entry for each environment, cut into the shares of the workers."""
        if len(column) != self.num_envs:
            raise ValueError(f"{len(column)} entries for {self.num_envs} environments")
        return [column[part] for part in self._parts]
