"""Whatever stands in a table or a TOML text: a configuration that survives being written, or a ConfigError."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from dqnlab import presets
from dqnlab.config import Config
from dqnlab.config.fields import bare, choices, hints, tagged, types
from dqnlab.config.toml import from_toml, override, to_toml
from dqnlab.errors import ConfigError

numbers = (
    st.integers(-3, 3)
    | st.sampled_from([7, 64, 10_000, 2**31, 2**32, 2**63, 2**64, 10**300])
    | st.floats()
    | st.sampled_from([0.5, 1.0, 1e3, 1e19, 1e308])
)
scalars = numbers | st.booleans() | st.none() | st.text(max_size=6) | st.dates() | st.times() | st.datetimes()
anything: st.SearchStrategy[Any] = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=2)
)
words = st.sampled_from(["none", "auto", "cpu", "on", "default", "CartPole-v1", "3e-4", "nan", "{}", '{"a": NaN}'])
values = anything | words | st.lists(st.integers(0, 100), max_size=3)


FITTING: dict[Any, st.SearchStrategy[Any]] = {
    int: st.integers(1, 100),
    float: st.floats(0.01, 1),
    bool: st.booleans(),
    str: st.text(min_size=1, max_size=6),
}


@st.composite
def tables(draw: st.DrawFn) -> dict[str, Any]:
    """Settings under their own names, some with values of another type or size than they want."""
    table: dict[str, Any] = {}
    for name in draw(st.lists(st.sampled_from([*types(), *tagged(), "nonsense"]), max_size=3)):
        field, _, key = name.partition(".")
        fits = draw(st.integers(0, 4)) > 0
        if not key:
            kinds = [{"kind": kind} for kind in choices(field)]
            fitting = st.sampled_from(kinds) if kinds else FITTING.get(bare(types().get(name)), values)
            table[field] = draw(fitting if fits else values)
        elif isinstance(table.setdefault(field, {}), dict):
            table[field][key] = draw(FITTING.get(bare(types()[name]), values) if fits else values)
            owners = [kind for kind, cls in choices(field).items() if key in hints(cls)]
            if owners and draw(st.booleans()):
                table[field]["kind"] = owners[0]
    return table


def outcome(make: Callable[[], Config]) -> Config | ConfigError:
    """The configuration, if it stays the same when it is written and read again, or the error; none but ConfigError."""
    try:
        config = make()
    except ConfigError as error:
        return error
    text = to_toml(config)
    text.encode()
    assert to_toml(from_toml(text, Config(), "again.toml")) == text
    return config


def check(result: Config | ConfigError) -> None:
    """An error says something, and not without end."""
    event(type(result).__name__)
    assert isinstance(result, Config) or 20 < len(str(result)) < 2_000


@given(tables())
@settings(max_examples=200)
def test_any_table_gives_a_configuration_or_a_message(table: dict[str, Any]) -> None:
    check(outcome(lambda: override(Config(), table, "any.toml")))


def test_a_table_that_sets_nothing_changes_nothing() -> None:
    assert outcome(lambda: override(Config(), {}, "any.toml")) == Config()


# ── Damaged files ────────────────────────────────────────────────────────────────────────────────

TEXTS = [to_toml(presets.get(name)) for name in presets.names()]
TOKENS = [
    *'=[]{}"#.,\n\\-+',
    "'''",
    "true",
    "nan",
    "1e999",
    "_",
    "none",
    "kind",
    "\x00",
    "\ufeff",
    "é",
    "日",
    "[env]",
    "[[",
]
TOKENS += ["9" * 5000, "1979-05-27", '"none"', "\r", "\ud800"]


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """The file of a preset after a few accidents: something lost, doubled, moved or typed into it."""
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 40)))
        accident = draw(st.sampled_from(["lost", "doubled", "typed", "replaced", "swapped lines", "value"]))
        piece = draw(st.sampled_from(TOKENS) | st.text(max_size=4))
        lines = text.split("\n")
        at, to = draw(st.integers(0, len(lines) - 1)), draw(st.integers(0, len(lines) - 1))
        if accident == "swapped lines":
            lines[at], lines[to] = lines[to], lines[at]
        elif accident == "value" and "=" in lines[at]:
            lines[at] = f"{lines[at].split('=')[0]}= {piece}"
        swapped = "\n".join(lines)
        text = {
            "lost": text[:start] + text[end:],
            "doubled": text[:end] + text[start:],
            "typed": text[:start] + piece + text[start:],
            "replaced": text[:start] + piece + text[end:],
        }.get(accident, swapped)
    return text


@given(damaged())
@settings(max_examples=200)
def test_any_damage_to_a_file_gives_a_configuration_or_a_message(text: str) -> None:
    check(outcome(lambda: from_toml(text, Config(), "damaged.toml")))


def test_an_undamaged_file_gives_its_preset() -> None:
    for name, text in zip(presets.names(), TEXTS, strict=True):
        read = outcome(lambda text=text: from_toml(text, replace(Config(), preset="other"), "x.toml"))
        assert read == presets.get(name)
