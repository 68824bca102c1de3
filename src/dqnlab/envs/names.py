"""What an environment calls its inputs and actions: `obs_names`, `obs_units` and `action_names` of its metadata.

People read them; nothing is learned from them. What cannot be used is told and left out, and is never an error.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

import gymnasium as gym

from ..config.checks import quoted
from ..errors import counted
from ..learn.types import ObsSpec
from .actions import Joint
from .copying import frame_space
from .parts import Chosen, dotted, leaf_spaces

LONGEST = 40  # characters of a name
MOST = 4_096  # numbers of an observation, or actions, that have names: more are never listed


class Unused(NamedTuple):
    """One entry of the metadata that cannot be used."""

    key: str
    what: str
    advice: str


class GivenNames(NamedTuple):
    """What people call the numbers of a frame, and actions 0..A-1; () for what the environment does not say."""

    obs: tuple[str, ...] = ()  # in the order of a frame, a mask left out; "" for one without a name
    units: tuple[str, ...] = ()  # likewise
    actions: tuple[str, ...] = ()
    unused: tuple[Unused, ...] = ()


NAMED = ("obs", "units", "actions")
"""those that a run keeps"""


class _Wrong(Exception):
    """What is wrong with an entry, and what to do."""

    def __init__(self, what: str, advice: str):
        super().__init__(what)
        self.advice = advice


def names_of(made: gym.Env[Any, Any], obs: ObsSpec, num_actions: int, joint: Joint | None) -> GivenNames:
    """The names in an environment's metadata, or in those of the outermost wrapper that has metadata of its own."""
    unused: list[Unused] = []

    def read(key: str, reader: Callable[[Any], tuple[str, ...]]) -> tuple[str, ...]:
        given = made.metadata.get(key)
        if given is None:
            return ()
        try:
            return reader(given)
        except _Wrong as e:
            unused.append(Unused(key, f"metadata[{key!r}] {e}, so it is not used", e.advice))
        except Exception as e:  # objects of their own may raise anything
            unused.append(Unused(key, f"metadata[{key!r}] cannot be read ({type(e).__name__})", "give lists of texts"))
        return ()

    numbers = _Numbers(made, obs)
    obs_names, units = read("obs_names", numbers.names), read("obs_units", numbers.units)
    actions = read("action_names", lambda given: _of_actions(given, num_actions, joint))
    return GivenNames(obs_names, units, actions, tuple(unused))


def kept_names(said: Mapping[str, Sequence[str]], obs: ObsSpec, num_actions: int) -> GivenNames:
    """The names that a run kept; those that do not fit its spaces are left out."""
    size = frame_size(obs)
    kept = {name: tuple(map(printable, said.get(name, ()))) for name in NAMED}
    wanted = {"obs": size, "units": size, "actions": num_actions}
    found = {name: texts if len(texts) == wanted[name] else () for name, texts in kept.items()}
    return GivenNames(found["obs"], found["units"], found["actions"])


def frame_size(obs: ObsSpec) -> int:
    """How many numbers a frame has, a mask left out."""
    if not obs.parts:
        return math.prod(obs.frame_shape)
    return sum(part.size for part in obs.parts) // obs.stack


def printable(text: str) -> str:
    """A text from outside as a short one that can be printed; "" if there is nothing to read in it."""
    return "".join(c for c in text[:LONGEST] if c.isprintable()).strip()


class _Numbers:
    """The numbers of one frame, and how names are given to them."""

    def __init__(self, made: gym.Env[Any, Any], obs: ObsSpec):
        sizes = [(part.path, part.size // obs.stack if obs.stack > 1 else part.size) for part in obs.parts]
        if not obs.parts:
            sizes = [((), math.prod(obs.frame_shape))]
        self._paths = [path for path, size in sizes for _ in range(size)]
        self._made = made
        self._by_key = any(path and isinstance(path[0], str) for path, _ in sizes)

    def names(self, given: Any) -> tuple[str, ...]:
        return self._read(given, "name", self._with_part)

    def units(self, given: Any) -> tuple[str, ...]:
        return self._read(given, "unit", lambda key, units: units)

    def _read(self, given: Any, what: str, shown: Callable[[str, list[str]], list[str]]) -> tuple[str, ...]:
        total = len(self._paths)
        if total > MOST:
            return ()
        if not self._by_key:
            return tuple(_texts(given, total, what))
        out = [""] * total
        for key, (places, each) in self._keyed(given, what).items():
            alone = isinstance(each, str) and len(places) == 1
            texts = _texts(each, len(places), what, f" for {key!r}")
            for place, text in zip(places, texts if alone else shown(key, texts), strict=True):
                out[place] = text
        return tuple(out)

    def _with_part(self, key: str, names: list[str]) -> list[str]:
        """Names with that of their part, where there are several parts and the name says more."""
        several = len(set(self._paths)) > 1
        return [f"{key}.{name}" if several and name != key else name for name in names]

    def _keyed(self, given: Any, what: str) -> dict[str, tuple[list[int], Any]]:
        """By each key that is used, where its numbers are, and what is given for them."""
        listed = ", ".join(map(repr, dict.fromkeys(dotted(path) for path in self._paths)))
        example = f"give a dict with a list of {what}s for each part; the parts are {listed}"
        if not isinstance(given, Mapping):
            raise _Wrong(f"is {quoted(given)}, and an observation has parts", example)
        known = {dotted(path[:depth]) for path in _all_paths(self._made) for depth in range(1, len(path) + 1)}
        found = {}
        for key, each in given.items():
            if key not in known:
                raise _Wrong(f"has the key {quoted(key)}, which is no part of an observation", example)
            places = [i for i, path in enumerate(self._paths) if _begins(path, key)]
            if places:  # `env.keys` may leave parts out, and a mask is no input
                found[key] = (places, each)
        return found


def _begins(path: Sequence[str | int], key: str) -> bool:
    return any(dotted(tuple(path[:depth])) == key for depth in range(1, len(path) + 1))


def _all_paths(made: gym.Env[Any, Any]) -> Iterator[tuple[str | int, ...]]:
    """The ways to all parts of an observation, those that `env.keys` leaves out included."""
    layer: Any = made
    while isinstance(layer, gym.Wrapper) and not isinstance(layer, Chosen):
        layer = layer.env
    space = layer.env.observation_space if isinstance(layer, Chosen) else frame_space(made)
    return (path for path, _ in leaf_spaces(space))


def _of_actions(given: Any, num_actions: int, joint: Joint | None) -> tuple[str, ...]:
    if joint is None:
        return tuple(_texts(given, num_actions, "name", noun="action"))
    sizes = joint.sizes
    advice = f"give a list of names for each of the {counted(len(sizes), 'component')} of an action"
    if not _is_list(given) or len(given) != len(sizes):
        raise _Wrong(f"is {quoted(given)}, and an action has {counted(len(sizes), 'component')}", advice)
    lists = zip(given, sizes, strict=True)
    each = [_texts(names, size, "name", f" for component {i}", "choice") for i, (names, size) in enumerate(lists)]
    return tuple(" + ".join(names) for names in product(*each))  # the last component changes first


def _texts(given: Any, num: int, what: str, where: str = "", noun: str = "number") -> list[str]:
    """As many different names, or as many units, of which some may be empty or None, as there are. Raises _Wrong."""
    if isinstance(given, str) and num == 1:
        given = [given]
    if not _is_list(given):
        raise _Wrong(f"is {quoted(given)}{where}, not a list", f"give a list with one {what} for each {noun}")
    if len(given) != num:
        held = f"holds {counted(len(given), what)}{where}"
        raise _Wrong(f"{held}, and there are {counted(num, noun)}", f"give one {what} for each {noun}, in order")
    found: list[str] = []
    for each in given:
        text = "" if each is None and what == "unit" else printable(each) if isinstance(each, str) else None
        if text is None or (what == "name" and not text):
            raise _Wrong(f"holds {quoted(each)}{where}", f"each {what} is a text that can be read")
        if what == "name" and text in found:
            raise _Wrong(f"holds {text!r} twice{where}", f"give each {noun} a name of its own")
        found.append(text)
    return found


def _is_list(given: Any) -> bool:
    return isinstance(given, Sequence) and not isinstance(given, str | bytes)
