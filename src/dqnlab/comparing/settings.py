"""The settings in which arms differ, and those in which they may not if they are to be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..config.changes import NO_MATTER
from ..errors import ConfigError, either
from ..store.imported import UNKNOWN
from .comparison import Comparison

ALIKE = (
    "budget",
    "score_episodes",
    "stop_when_solved",
    "env.id",
    "env.kwargs",
    "env.wrappers",
    "env.max_episode_steps",
    "env.reward_threshold",
)
"""what an arm may spend, and how it is judged: settings, with those below them, that all arms must share"""
ABSENT = "–"
SHORT_DIGITS = 6
MOST_DIGITS = 17
"""of a number: two different ones differ in these"""


class SettingRow(NamedTuple):
    """One setting in which arms differ, on one environment or, with none named, on all of them."""

    name: str
    env: str | None
    values: tuple[str, ...]
    """as text, one per arm"""


def differing(comparison: Comparison) -> list[SettingRow]:
    """The settings in which the arms differ; one that cannot change what is learned is none.

    What nobody knows of one of them is left out, except where all must be alike.
    """
    by_env = [{row.name: row.values for row in _differing_on(comparison, env)} for env in comparison.envs]
    rows = []
    for name in dict.fromkeys(name for found in by_env for name in found):
        values = [found.get(name) for found in by_env]
        if values.count(values[0]) == len(values) and values[0] is not None:
            rows.append(SettingRow(name, None, values[0]))
            continue
        pairs = zip(comparison.envs, values, strict=True)
        rows += [SettingRow(name, env, each) for env, each in pairs if each is not None]
    return rows


def unequal(comparison: Comparison) -> list[SettingRow]:
    """Of the settings that differ, those that give an arm more to spend, or another judge."""
    return [row for row in differing(comparison) if _is_below(row.name, ALIKE)]


def check_alike(comparison: Comparison, *, allow_unequal: bool = False) -> None:
    """Raises ConfigError if the arms have different budgets or judges, unless that is allowed.

    It needs no seeds: arms can be checked before they are trained.
    """
    if allow_unequal or not (rows := unequal(comparison)):
        return
    arms = [arm.name for arm in comparison.arms]
    said = "; ".join(f"{row.name}{_where(row)} is {_by_arm(arms, row.values)}" for row in rows[:3])
    more = f"; and {len(rows) - 3} more" if len(rows) > 3 else ""
    raise ConfigError(
        f"these arms do not have the same budget and judge: {said}{more}. Give them the same, or add "
        f"{either('--allow-unequal', 'allow_unequal=True')} to see them side by side all the same"
    )


def _differing_on(comparison: Comparison, env: str) -> list[SettingRow]:
    cells = [arm.on(env) for arm in comparison.arms]
    names = dict.fromkeys(name for cell in cells for name in cell.settings)
    rows = [SettingRow(n, env, _texts([c.settings.get(n, ABSENT) for c in cells])) for n in names if n not in NO_MATTER]
    return [
        row for row in rows if len(set(row.values)) > 1 and (UNKNOWN not in row.values or _is_below(row.name, ALIKE))
    ]


def setting_text(value: object, digits: int = MOST_DIGITS) -> str:
    """A setting as a table shows it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return min(str(value), f"{value:.{digits}g}", key=len)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(setting_text(each, digits) for each in value) or "none"
    return str(value)


def _texts(values: Sequence[object]) -> tuple[str, ...]:
    """Settings side by side: all digits where fewer would make different ones look alike."""
    short, whole = ([setting_text(value, digits) for value in values] for digits in (SHORT_DIGITS, MOST_DIGITS))
    return tuple(short if len(set(short)) == len(set(whole)) else whole)


def _is_below(name: str, tops: tuple[str, ...]) -> bool:
    return any(name == top or name.startswith(f"{top}.") for top in tops)


def _where(row: SettingRow) -> str:
    return "" if row.env is None else f" on {row.env}"


def _by_arm(arms: list[str], values: tuple[str, ...]) -> str:
    """Of each value the arms that have it: 100 for dqn, 200 for double and rainbow."""
    by_value: dict[str, list[str]] = {}
    for arm, value in zip(arms, values, strict=True):
        by_value.setdefault(value, []).append(arm)
    return ", ".join(f"{value} for {' and '.join(names)}" for value, names in by_value.items())


Settings = Mapping[str, object]


def settings_apart(found: Sequence[Settings]) -> dict[str, list[str]]:
    """The settings in which these differ, by name, each with its value as text for every one of them."""
    names = dict.fromkeys(name for each in found for name in each if name != "preset")
    values = {name: [setting_text(each.get(name, ABSENT)) for each in found] for name in names}
    return {name: texts for name, texts in values.items() if len(set(texts)) > 1}
