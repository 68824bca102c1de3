"""What a value must be, and the message if it is not: ranges, and what a file can hold."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from ..errors import ConfigError

LARGEST = 2**63 - 1  # what an int64, a TOML file and a counter of steps can hold
LARGEST_ARGUMENT = 10**300  # what a float can hold
DEEPEST = 20  # tables and lists inside each other
TUPLE = "!tuple"  # the key that marks a tuple where files know lists only


def require(ok: bool, name: str, value: object, wanted: str) -> None:
    """Raises ConfigError naming the field, its value and what it must be, unless `ok`."""
    if not ok:
        raise ConfigError(f"{name} must be {wanted}, got {quoted(value)}")


def quoted(value: object) -> str:
    """The value as a message shows it: a long one by its beginning, a huge number by its size."""
    if isinstance(value, int) and value.bit_length() > 128:
        return f"{value:.4e}" if value.bit_length() <= 1000 else f"a number of {value.bit_length()} bits"
    try:
        text = repr(value).replace("\n", " ")
    except Exception:  # the user's own object may raise anything when it is asked for its name
        text = f"an object of {type(value).__name__}"
    return text if len(text) <= 300 else f"{text[:299]}…"


# ── Numbers ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Whole:
    """In an annotation: a whole number in this range."""

    low: int
    high: int = LARGEST

    def check(self, name: str, value: object) -> None:
        whole(name, value, self.low, self.high)


@dataclass(frozen=True)
class Between:
    """In an annotation: a finite number in this range."""

    low: float
    high: float
    open_low: bool = False
    open_high: bool = False

    def check(self, name: str, value: object) -> None:
        between(name, value, self.low, self.high, open_low=self.open_low, open_high=self.open_high)


@dataclass(frozen=True)
class Says:
    """In an annotation: what a value must be, in words."""

    wanted: str


def whole(name: str, value: object, low: int, high: int = LARGEST) -> None:
    """Raises ConfigError unless this is a whole number in the range."""
    ok = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    wanted = f"a whole number of at least {low}"
    if high == 2**32 - 1:
        wanted = f"a whole number in [{low}, 2**32)"
    elif high != LARGEST:
        wanted = f"a whole number from {low} to {high:,}"
    elif isinstance(value, int) and value > high:
        wanted = "a whole number below 2**63"
    require(ok, name, value, wanted)


def between(
    name: str, value: object, low: float, high: float, *, open_low: bool = False, open_high: bool = False
) -> None:
    """Raises ConfigError unless this is a number in the range."""
    number = as_float(value)
    ok = low <= number <= high  # NaN is in no range
    ok = ok and not (open_low and number == low) and not (open_high and number == high)
    require(ok, name, value, f"in {'(' if open_low else '['}{low:g}, {high:g}{')' if open_high else ']'}")


def scalar(value: object) -> object:
    """A number or text of Python where another library's own kind of it was given (numpy, torch), else the value."""
    if isinstance(value, bool | int | float | str) or getattr(value, "shape", None) != ():
        return value
    return value.item() if callable(getattr(value, "item", None)) else value  # type: ignore[attr-defined]


def as_float(value: Any) -> float:
    """The number; NaN if it is none, infinite if no float can hold it."""
    if not isinstance(value, Real) or isinstance(value, bool):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf if value == abs(value) else -math.inf


# ── What a file can hold ─────────────────────────────────────────────────────────────────────────


def written(name: str, value: object) -> None:
    """Raises ConfigError for what no file can hold: half a character, or a table that contains itself."""
    try:
        json.dumps(value, ensure_ascii=False, default=repr, skipkeys=True).encode()
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{name} must be values that a text file can hold, got {quoted(value)}: {error}") from error


def storable(name: str, value: object) -> Any:
    """The value in Python's own types, as it will be after it was stored and read again; numpy's numbers are converted.

    Raises:
        ConfigError: it is, or holds, something that cannot be stored exactly.
    """
    try:
        return _storable(name, value, DEEPEST)
    except RecursionError as error:
        raise ConfigError(
            f"{name} must be values that a text file can hold, at most {DEEPEST} tables or lists inside each other, "
            f"got {quoted(value)}"
        ) from error


def _storable(name: str, value: object, depth: int) -> Any:
    value = scalar(value)
    if depth < 0:
        raise RecursionError
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        written(name, value)
        return str(value)
    if isinstance(value, Integral):
        number = int(value)
        require(abs(number) <= LARGEST_ARGUMENT, name, number, "a number of at most 300 digits")
        return number
    if isinstance(value, float):
        return float(value)
    if type(value) is list or type(value) is tuple:
        items = [_storable(f"{name}[{i}]", each, depth - 1) for i, each in enumerate(value)]
        return items if type(value) is list else tuple(items)
    if isinstance(value, Mapping):
        return {_key(name, key): _storable(f"{name}.{key}", each, depth - 1) for key, each in value.items()}
    raise ConfigError(
        f"{name} must be values that a text file can hold (strings, numbers, true or false, None; lists, tuples and "
        f"tables of these), got {quoted(value)}: make it one of these or, in Python, pass a function that makes the "
        "environment with it"
    )


def _key(name: str, key: object) -> str:
    require(isinstance(key, str), f"a name in {name}", key, "a text")
    require(key != TUPLE, f"a name in {name}", key, "a different name: this one marks tuples in files")
    written(name, key)
    return str(key)


def as_json(value: Any) -> str:
    """Storable values as JSON text with None, tuples and numbers that are not finite."""
    return json.dumps(_marked(value))


def from_json(text: str) -> Any:
    """What `as_json` was given. Raises ValueError, also where a name stands twice in a table, or RecursionError."""
    return json.loads(text, object_pairs_hook=_unmarked)


def _marked(value: Any) -> Any:
    if isinstance(value, tuple):
        return {TUPLE: [_marked(each) for each in value]}
    if isinstance(value, list):
        return [_marked(each) for each in value]
    if isinstance(value, dict):
        return {key: _marked(each) for key, each in value.items()}
    return value


def _unmarked(pairs: list[tuple[str, Any]]) -> Any:
    table = dict(pairs)
    if len(table) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the name {next(name for name in names if names.count(name) > 1)!r} stands there twice")
    if set(table) == {TUPLE} and isinstance(table[TUPLE], list):
        return tuple(table[TUPLE])
    return table
