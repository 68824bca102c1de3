"""Parts of one's own: settings, with what they make, for a place that dqnlab has kinds for.

    class Mine(Custom, place="head"):
        \"\"\"What `dqn train --help` says of it.\"\"\"

        kappa: Annotated[float, Between(0, 10)] = 1.0
        \"\"\"what it says of this setting\"\"\"

        def make(self, scale: float) -> Head: ...

`Config(head=Mine(kappa=2.0))` uses it, and so does `dqn train head:module:Mine --head.kappa 2`.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, dataclass_transform

from ..errors import ConfigError, named
from ..importing import import_here
from ..trust import check_part
from .typed import check_fields, hints_of

MAKES = {
    "torso": "make(inputs) -> Torso",
    "stream": "make(width, num_actions, num_values) -> Stream",
    "head": "make(scale) -> Head",
    "memory": "make(replay, online, rng) -> Memory",
    "rule": "make() -> Rule",
    "sampler": "make(capacity) -> Sampler",
    "sync": "make() -> Sync",
    "exploration": "make() -> Choose",
}
"""for each place, what its part is asked to make: objects that are described in `dqnlab.learn`"""


_NAME = re.compile(r"[a-z][a-z0-9_]*")
_HERE: dict[str, type] = {}  # by kind, those that no import finds: of the running program itself


@dataclass_transform(kw_only_default=True, frozen_default=True)
@dataclass(frozen=True, kw_only=True)
class Custom:
    """A part of one's own: settings, as a frozen dataclass that checks its values, and the object that they make.

    A subclass says where it belongs, `class Mine(Custom, place="head")`, and is known by its module and name.
    """

    place: ClassVar[str] = ""
    absent: ClassVar[tuple[str, ...]] = ()
    kind: ClassVar[str]

    def __init_subclass__(cls, place: str = "") -> None:
        """Raises ConfigError if there is no such place, or the class has no `make`."""
        place = place or cls.place
        if place not in MAKES:
            raise ConfigError(f"there is no place {place!r} for a part of your own: choose from {', '.join(MAKES)}")
        if not callable(getattr(cls, "make", None)):
            raise ConfigError(f"{cls.__name__} makes nothing: a {place} of your own needs {MAKES[place]}")
        cls.place, cls.kind = place, f"{_module_of(cls)}:{cls.__qualname__}"
        if cls.__module__ == "__main__" or not can_be_imported(cls.kind):
            _HERE[cls.kind] = cls
        try:
            dataclass(frozen=True, kw_only=True)(cls)  # which changes the class itself
            names = list(hints_of(cls))
        except (TypeError, ValueError, NameError) as error:
            raise ConfigError(f"{place} {cls.kind!r}: its settings cannot be read: {error}") from error
        for name in names:
            if not _NAME.fullmatch(name) or name in ("kind", "place", "make", "absent"):
                raise ConfigError(
                    f"{place} {cls.kind!r}: {name!r} cannot be the name of a setting: use another one, of the letters "
                    "a to z, digits and _"
                )

    def __post_init__(self) -> None:
        check_fields(self, f"{self.place}.")
        for name in hints_of(type(self)):
            if isinstance(value := getattr(self, name), float) and not math.isfinite(value):
                raise ConfigError(f"{self.place}.{name} must be a finite number, got {value}")


def _module_of(cls: type) -> str:
    """The name by which another program imports the class; a script goes by the name of its file."""
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    return Path(file).stem if cls.__module__ == "__main__" and file else cls.__module__


def module_of(kind: object) -> str | None:
    """The module that a kind such as `module:Mine` is imported from; none of a kind of dqnlab's."""
    return kind.rpartition(":")[0] if isinstance(kind, str) and ":" in kind else None


def can_be_imported(kind: str) -> bool:
    """Whether another program could import a part: not one of a prompt, or inside a function."""
    module, _, name = kind.rpartition(":")
    return name.isidentifier() and _is_module(module) and module != "__main__"


def _is_module(name: str) -> bool:
    """Whether this can be the name of a module."""
    return all(part.isidentifier() for part in name.split("."))


def _parts_in(tables: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for place in MAKES:
        table = tables.get(place)
        kind = table.get("kind") if isinstance(table, Mapping) else None
        if isinstance(kind, str) and module_of(kind) is not None:
            yield place, kind


def kinds_in(tables: Mapping[str, Any]) -> Iterator[str]:
    """The kinds of parts of one's own that the tables of a configuration name."""
    yield from (kind for _, kind in _parts_in(tables))


def modules_in(tables: Mapping[str, Any]) -> Iterator[str]:
    """The modules of parts of one's own that the tables of a configuration name."""
    yield from (str(module_of(kind)) for kind in kinds_in(tables))


def imported_in(tables: Mapping[str, Any]) -> Iterator[str]:
    """Those of them that reading the tables imports: not the running program itself."""
    yield from (str(module_of(kind)) for kind in kinds_in(tables) if kind not in _HERE)


def check_trusted_parts(tables: Mapping[str, Any], trusted: Collection[str], source: str = "") -> None:
    """Raises ConfigError if reading the tables, which came with a file, would import a part that is not trusted."""
    for place, kind in _parts_in(tables):
        if kind not in _HERE:
            check_part(f"{place} = {kind!r}", str(module_of(kind)), trusted, source)


def find(place: str, kind: str) -> type:
    """The class that `module:Mine` names, which is imported. Raises ConfigError."""
    module, _, name = kind.rpartition(":")
    what = f"{place} {kind!r}"
    if place not in MAKES:
        raise ConfigError(f"unknown {what}: parts of your own can be {', '.join(MAKES)}")
    if kind in _HERE:  # a script is not run a second time
        _check_place(place, _HERE[kind])
        return _HERE[kind]
    if not _is_module(module):
        raise ConfigError(f"unknown {what}: {module!r} is not a module's name: write {place}:module:{name or 'Class'}")
    found = getattr(_imported(module, what), name, None)
    if getattr(found, "place", None) is None:
        one = f"class {name or 'Mine'}(Custom, place={place!r})"
        raise ConfigError(f"unknown {what}: {module} has no part of that name, which begins with {one}")
    _check_place(place, found)
    assert isinstance(found, type)
    return found


def check_places(config: Any) -> None:
    """Raises ConfigError if a part of one's own stands where another kind of part belongs."""
    for place in MAKES:
        if isinstance(value := getattr(config, place), Custom):
            _check_place(place, value)


def has_own_parts(config: Any) -> bool:
    """Whether a configuration uses any part of one's own."""
    return any(isinstance(getattr(config, place), Custom) for place in MAKES)


def _check_place(place: str, part: Any) -> None:
    if part.place != place:
        raise ConfigError(f"{place} = {part.kind!r} is a {part.place}: use it as {part.place} = {part.kind!r}")


def _imported(module: str, what: str) -> Any:
    try:
        return import_here(module)
    except ModuleNotFoundError as error:
        if error.name is not None and (module == error.name or module.startswith(f"{error.name}.")):
            raise ConfigError(f"{what}: there is no module {module!r}, neither installed nor here") from error
        raise ConfigError(f"{what}: importing {module!r} failed: {named(error)}") from error
    except (Exception, SystemExit) as error:  # a module may raise anything, and may even end the program
        raise ConfigError(f"{what}: importing {module!r} failed: {named(error)}") from error
