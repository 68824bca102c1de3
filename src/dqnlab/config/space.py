"""Which values of which settings are searched for the best: read from TOML, or what `ranges` says of a configuration.

A file of it looks like a file of settings, with a range or a list of choices in place of each value:

    gamma = [0.98, 0.99, 0.995]
    head = ["scalar", "c51"]                # kinds
    n = "auto"                              # its range in `ranges`

    [optimizer]
    lr = { low = 1e-4, high = 1e-2, log = true }
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import ConfigError
from .checks import as_float, quoted
from .choices import Steps
from .config import Config
from .custom import check_trusted_parts, imported_in
from .fields import bare, choice, choices, docs, elsewhere, hints, leaves, nearest, plain, required, tagged, types
from .ranges import RANGES, Around, Numbers, OfBudget, OneOf, Times
from .toml import literal, override, parse
from .typed import hints_of, limits_in, typed

Range = Numbers | OneOf

_KEYS = ("low", "high", "log")
_SEARCHED_OF_ENV = {"env.num_envs", "env.frame_stack"}
# These decide what is measured and kept, how precisely and at which cost, not how an agent learns.
_NOT_SEARCHED = {
    *("preset", "seed", "device", "compile", "threads", "env", "experience", "init", "budget", "evaluate_every"),
    *("select_episodes", "confirm_episodes", "score_episodes", "stop_when_solved", "metrics_every"),
    *("checkpoint_every", "keep_checkpoints", "film", "explain", "collectors"),
}


@dataclass(frozen=True)
class Space:
    """The settings that are searched, by dotted name; a choice of kind by the name of its field."""

    ranges: Mapping[str, Range]

    def applies(self, name: str, base: Config, chosen: Mapping[str, Any]) -> bool:
        """Whether a setting exists beside the kinds that were chosen; the configuration's own where none was."""
        field, dot, key = name.partition(".")
        if not dot or not choices(field):
            return True
        return key in hints(choice(field, chosen.get(field, getattr(base, field).kind)))

    @property
    def names(self) -> list[str]:
        """Every setting, choices of kind before what belongs to a kind."""
        return sorted(self.ranges, key=lambda name: "." in name)

    def as_dict(self) -> dict[str, Any]:
        """The ranges as a file of JSON holds them."""
        return {name: _as_plain(each) for name, each in self.ranges.items()}


def config_of(base: Config, values: Mapping[str, Any]) -> Config:
    """`base` with values of dotted settings. Raises ConfigError if they do not go together."""
    table: dict[str, Any] = {}
    kinds = tagged()
    for name, value in values.items():
        field, _, key = name.partition(".")
        if key or field in kinds:
            table.setdefault(field, {})[key or "kind"] = value
        else:
            table[field] = value
    return override(base, table, trusted=set(imported_in(table)))


def space_toml(space: Space) -> str:
    """The space as a file of it, with what each setting means."""
    kinds = tagged()
    rows = {
        name: f"{name}{'.kind' if name in kinds else ''} = {_range_text(each)}" for name, each in space.ranges.items()
    }
    width = min(max(map(len, rows.values())), 60)
    lines = [f"{row:<{width}}  # {words}" if (words := _meaning(name)) else row for name, row in rows.items()]
    return "\n".join(["# What a study searches: dqn tune with --space on this file", *lines]) + "\n"


def _range_text(each: Range) -> str:
    if isinstance(each, OneOf):
        return literal([plain(value) for value in each.values])
    ends = [literal(int(end) if each.whole else end) for end in (each.low, each.high)]
    return f"{{ low = {ends[0]}, high = {ends[1]}{', log = true' if each.log else ''} }}"


def _meaning(name: str) -> str:
    """What a setting means, by the first kind that has it."""
    field, _, key = name.partition(".")
    if not key:
        return docs(Config).get(name, "")
    owners = [cls for cls in choices(field).values() if key in hints(cls)] or [hints(Config)[field]]
    return docs(owners[0]).get(key, "")


# ── Choices as text ──────────────────────────────────────────────────────────────────────────────


def choice_text(value: Any) -> Any:
    """A choice as a store of trials takes it: a number, a text, true or false; a list as JSON text."""
    value = plain(value)
    return json.dumps(value) if isinstance(value, list) else value


def choice_value(value: Any, name: str) -> Any:
    """What `choice_text` was given, of a dotted setting."""
    is_list = isinstance(value, str) and value.startswith("[")
    return json.loads(value) if is_list and name in types() and bare(types()[name]) is not str else value


def _as_plain(each: Range) -> Any:
    if isinstance(each, OneOf):
        return [plain(value) for value in each.values]
    return {"low": each.low, "high": each.high, "log": each.log}


# ── Without a file ───────────────────────────────────────────────────────────────────────────────


def default_space(base: Config) -> Space:
    """What is searched around a configuration if nobody says what."""
    found = {name: default_range(name, base) for name in RANGES}
    return Space({name: each for name, each in found.items() if each is not None})


def default_range(name: str, base: Config) -> Range | None:
    """Where a setting's best value is looked for; none if the configuration has no such setting, or only 0."""
    own = dict(leaves(base))
    if name not in RANGES or name not in own or name.partition(".")[0] in base.absent:
        return None
    value, each = own[name], RANGES[name]
    whole = bare(types()[name]) is int
    match each:
        case OneOf(values=values):
            return OneOf(tuple(sorted({*values, value})))
        case Numbers():
            found: Range | None = Numbers(min(each.low, value), max(each.high, value), each.log, whole)
        case Around(factor=factor):
            found = Numbers(value / factor, value * factor, log=True, whole=whole)
        case OfBudget(low=low, high=high):
            if own["budget"] != Steps.kind:
                return None
            ends = [share * own["budget.num"] for share in (low, high)] + ([value] if value != "auto" else [])
            found = Numbers(min(ends), max(ends), log=True, whole=whole)
        case Times(factors=factors):
            found = _multiples(name, value, factors, base)
    return _within(name, found, base) if isinstance(found, Numbers) else found


def _multiples(name: str, value: Any, factors: Sequence[float], base: Config) -> OneOf | None:
    """The products that the configuration can have."""
    made = []
    for factor in factors:
        product = [round(each * factor) for each in value] if isinstance(value, tuple) else round(value * factor)
        try:
            config_of(base, {name: product})
        except ConfigError:
            continue
        made.append(tuple(product) if isinstance(product, list) else product)
    return OneOf(tuple(dict.fromkeys(made))) if len(set(made)) > 1 else None


def _within(name: str, each: Numbers, base: Config) -> Numbers | None:
    """The range cut to what the setting may be; none if a logarithm or nothing is left of it."""
    low, high = each.low, each.high
    for limit in limits_in(_hint(name, base)):
        low, high = max(low, limit.low), min(high, limit.high)
    if each.whole:
        low, high = math.ceil(low), math.floor(high)
    if low >= high or (each.log and low <= 0):
        return None
    return Numbers(low, high, each.log, each.whole)


def _hint(name: str, base: Config) -> Any:
    """The annotation of a setting, ranges and all; of a choice's setting by the first kind that has it."""
    field, _, key = name.partition(".")
    if not key:
        return hints_of(Config)[field]
    own = type(getattr(base, field))
    classes = [own, *choices(field).values()]
    return next(hints_of(each)[key] for each in classes if key in hints(each))


# ── From a file ──────────────────────────────────────────────────────────────────────────────────


def read_space(text: str, source: str, base: Config, trusted: Collection[str] = ()) -> Space:
    """The space in a TOML text. Raises ConfigError, which begins with `source`."""
    return space_of(parse(text, source), source, base, trusted)


def space_of(table: Mapping[str, Any], source: str, base: Config, trusted: Collection[str] = ()) -> Space:
    """The space in a nested table.

    Args:
        source: where the table is from, which messages begin with.
        trusted: modules that kinds of one's own may import.

    Raises:
        ConfigError: a setting that is none or is not searched, or a range without anything in it.
    """
    try:
        given = dict(_entries(table, ""))
        if not given:
            raise ConfigError("no setting is searched: give one a range, as lr = { low = 1e-4, high = 1e-2 }")
        for name, value in given.items():
            for kind in value if name in tagged() and isinstance(value, list) else ():
                check_trusted_parts({name: {"kind": kind}}, trusted)
        ranges = {name: _range(name, value, base) for name, value in given.items()}
        space = Space(ranges)
        for name in ranges:
            _check_owner(name, space, base)
        return space
    except ConfigError as error:
        raise ConfigError(f"{source}: {error}") from error


def _entries(table: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    """Dotted name and range as given; `head.kind` is `head`. Raises ConfigError for a name that is no setting."""
    known, kinds = types(), tagged()
    parents = {name.partition(".")[0] for name in known if "." in name}
    for key, value in table.items():
        name = f"{prefix}{key}"
        if name in known or (name in kinds and not isinstance(value, Mapping)):
            _check_searched(name)
            yield name, value
        elif key == "kind" and prefix[:-1] in kinds:
            yield prefix[:-1], value
        elif not prefix and name in parents and isinstance(value, Mapping):
            yield from _entries(value, f"{name}.")
        else:
            hint = nearest(name, [*known, *kinds])
            hint = hint if hint.startswith("did") else elsewhere(key)
            raise ConfigError(f"unknown setting {name!r}; {hint}")


def _check_searched(name: str) -> None:
    if name.partition(".")[0] in _NOT_SEARCHED and name not in _SEARCHED_OF_ENV:
        raise ConfigError(
            f"{name} cannot be searched: it decides what is measured or kept, not how an agent learns; set it for all "
            "trials instead"
        )


def _range(name: str, value: Any, base: Config) -> Range:
    """What was given for a setting, checked. Raises ConfigError."""
    if value == "auto":
        found = default_range(name, base)
        if found is None:
            raise ConfigError(f"{name} has no range of its own here: give it one, as {{ low = …, high = … }}")
        return found
    if isinstance(value, Mapping):
        return _numbers(name, value, base)
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise ConfigError(
            f"{name} must be a range such as {{ low = 1, high = 10 }}, a list of choices or 'auto', got {quoted(value)}"
        )
    if name in tagged():
        return _kinds(name, value)
    values = tuple(_typed(name, each, base) for each in value)
    if len({choice_text(each) for each in values}) < max(len(values), 2):
        raise ConfigError(f"{name} must be a list of at least two different choices, got {quoted(value)}")
    return OneOf(values)


def _kinds(field: str, kinds: Sequence[Any]) -> OneOf:
    for kind in kinds:
        needs = required(choice(field, kind))
        if needs:
            raise ConfigError(
                f"{field} = {kind!r} cannot be searched: it needs {field}.{needs[0]}, which has no default"
            )
    if len(set(kinds)) < max(len(kinds), 2):
        raise ConfigError(f"{field} must be a list of at least two different kinds, got {quoted(list(kinds))}")
    return OneOf(tuple(kinds))


def _numbers(name: str, given: Mapping[str, Any], base: Config) -> Numbers:
    for key in given:
        if key not in _KEYS:
            raise ConfigError(f"unknown key {f'{name}.{key}'!r}; {nearest(key, list(_KEYS))}")
    for key in ("low", "high"):
        if key not in given:
            raise ConfigError(f"{name}.{key} is missing: a range has both ends, as {{ low = 1, high = 10 }}")
    if bare(types().get(name)) not in (int, float):
        raise ConfigError(f"{name} is no number: give it a list of choices, not a range")
    low, high = (_typed(name, given[key], base, key) for key in ("low", "high"))
    log = given.get("log", False)
    if not isinstance(log, bool):
        raise ConfigError(f"{name}.log must be true or false, got {quoted(log)}")
    if math.isnan(as_float(low)) or math.isnan(as_float(high)):
        raise ConfigError(f"{name} must be a range of numbers, got {quoted(dict(given))}")
    if low >= high:
        what = "is empty" if low == high else "is upside down"
        raise ConfigError(f"the range of {name} {what}: low = {low:g} must be below high = {high:g}")
    if log and low <= 0:
        raise ConfigError(f"{name}.low must be above 0 where log = true, got {low:g}: 0 has no logarithm")
    return Numbers(low, high, log, bare(types()[name]) is int)


def _typed(name: str, value: Any, base: Config, key: str = "") -> Any:
    """A value as the setting wants it. Raises ConfigError."""
    if value == "none":
        value = None
    return typed(_hint(name, base), value, f"{name}.{key}" if key else name)


def _check_owner(name: str, space: Space, base: Config) -> None:
    """Raises ConfigError for a setting that no trial can have."""
    field, dot, key = name.partition(".")
    if field in base.absent:
        raise ConfigError(f"{name} cannot apply here: this configuration has no {field}")
    if not dot or not choices(field):
        return
    own = getattr(base, field).kind
    searched = space.ranges.get(field)
    kinds = searched.values if isinstance(searched, OneOf) else (own,)
    if not any(key in hints(choice(field, kind)) for kind in kinds):
        others = [kind for kind, cls in choices(field).items() if key in hints(cls)]
        raise ConfigError(
            f"{name} belongs to kind {others[0]!r}, and {field} is {own!r} here: search it too, as "
            f"{field}.kind = {json.dumps([own, others[0]])}, or choose {field}:{others[0]}"
        )
