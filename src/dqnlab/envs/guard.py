"""The one gate to an environment: each call into it passes here, is watched, and fails by a name.

Whatever an environment raises, `sys.exit` included, becomes an EnvironmentFault that names the environment, the call
and the step; what it changes of the process is put back (`surroundings`). `watched` looks for `Guard.call` on the
stack, and so watches whatever passes here. Only KeyboardInterrupt goes through: somebody wants this process to end.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar
from weakref import WeakSet

import gymnasium as gym

from ..errors import DqnlabError, EnvironmentFault
from .place import named_with_place
from .surroundings import Surroundings, as_surroundings, enter, put_back, quick, surroundings

P = ParamSpec("P")
T = TypeVar("T")

CONSTRUCTOR = "the constructor"
FIRST, EVERY = 64, 256  # a look at everything that an environment may have changed: its first steps, then so often
FREQUENT = {"step", "action_space", "observation_space"}  # calls that come by the thousand; others are always looked at


class EnvironmentHangs(EnvironmentFault):
    """An environment that does not answer; nothing else should be asked of it."""


class Guard:
    """Stands between dqnlab and one environment, or one vector of them."""

    def __init__(self, label: str):
        self.label = label
        self.steps = 0
        """taken by this environment since its training began, the one that is going on included; a reset is no step"""
        self.role = ""
        """what it is played for, where that is not training"""
        self.copy: tuple[int, int] | None = None
        """which one it is of how many, where there are several"""
        self._theirs: Surroundings = {}
        self.calls = 0
        """of whatever is its own, the one that is going on included"""

    @contextmanager
    def playing(self, role: str) -> Iterator[None]:
        """Meanwhile its steps are counted from 0, and messages say what it is played for."""
        before = self.steps, self.role, self.copy
        self.steps = 0
        self.role = role
        self.copy = None
        try:
            yield
        finally:
            self.steps, self.role, self.copy = before

    @property
    def name(self) -> str:
        """Which environment."""
        copy = "" if self.copy is None or self.copy[1] == 1 else f" (copy {self.copy[0]} of {self.copy[1]})"
        role = f" ({self.role})" if self.role else ""
        return f"env {self.label!r}{copy}{role}"

    @property
    def where(self) -> str:
        """Which environment, and at which of its own steps."""
        return f"{self.name}, step {self.steps}"

    def call(self, what: str, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Calls the environment.

        Args:
            what: is called, as a message names it: "step".

        Raises:
            EnvironmentFault: it raised anything at all; EnvironmentHangs, a kind of it, where it is watched.
        """
        self.calls += 1
        thorough = self._theirs or what not in FREQUENT or self.steps < FIRST or self.steps % EVERY == 0
        before = None if thorough else quick()
        ours = surroundings() if thorough else None
        if self._theirs:
            enter(self._theirs)
        try:
            return function(*args, **kwargs)
        except (DqnlabError, KeyboardInterrupt):
            raise
        except BaseException as e:  # games with a window of their own end the program; others cancel, or worse
            raise EnvironmentFault(self._raised(what, e)) from e
        finally:
            if ours is not None:
                self._theirs = put_back(ours)
            elif before is not None and before != quick():
                self._theirs = put_back(as_surroundings(before))

    def hangs(self, what: str, seconds: float) -> EnvironmentHangs:
        """The error of a call that has lasted so long."""
        where = f"env {self.label!r}" if what == CONSTRUCTOR else self.where
        advice = "find out what it waits for, or allow more time with env.timeout"
        return EnvironmentHangs(f"{where}: {what} did not answer for {seconds:g} s: {advice}")

    def _raised(self, what: str, error: BaseException) -> str:
        if what == CONSTRUCTOR:
            return f"env {self.label!r} could not be made: {named_with_place(error)}"
        if what == "step":
            return f"{self.where} raised {named_with_place(error)}"
        return f"{self.where}: {what} raised {named_with_place(error)}"


def _read_guarded(name: str) -> Any:
    return property(lambda env: env._read(name))


class Guarded(gym.Wrapper[Any, Any, Any, Any]):
    """An environment behind its guard, as `make_one` gives it: the outermost layer, which changes nothing."""

    def __init__(self, env: gym.Env[Any, Any], guard: Guard):
        self.guard = guard
        guard.call("the environment", super().__init__, env)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        return self.guard.call("reset", self.env.reset, seed=seed, options=options)

    def step(self, action: Any) -> Any:
        guard = self.guard
        guard.steps += 1
        return guard.call("step", self.env.step, action)

    def render(self) -> Any:
        return self.guard.call("render", self.env.render)

    def close(self) -> None:
        LIVING.discard(self)
        self.guard.call("close", self.env.close)

    observation_space = _read_guarded("observation_space")
    action_space = _read_guarded("action_space")
    metadata = _read_guarded("metadata")
    render_mode = _read_guarded("render_mode")
    spec = _read_guarded("spec")
    unwrapped = _read_guarded("unwrapped")

    def _read(self, name: str) -> Any:
        """Reads what may be a property of the environment's, which can do anything that a call can."""
        try:
            return self.guard.call(name, getattr, self.env, name)
        except EnvironmentFault as e:
            if isinstance(e.__cause__, AttributeError):  # it is not there, which the reader may have a word for
                raise e.__cause__ from None
            raise


LIVING: WeakSet[Guarded] = WeakSet()
"""the environments of this process that were made and not closed since"""


def guarded(env: gym.Env[Any, Any], label: str) -> Guarded:
    """The environment behind a guard: its own, if it has one already."""
    return env if isinstance(env, Guarded) else Guarded(env, Guard(label))
