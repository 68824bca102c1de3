"""What a text of a step says of one row: its reward, what its actions are worth, what was seen."""

import numpy as np

from ..errors import counted
from .few import telling
from .lines import folded, six, value
from .stages import Trace

MOST_INPUTS = 16  # numbers of an observation that are printed


def reward_lines(trace: Trace, row: int) -> list[str]:
    """The reward, and how a span of several steps adds up where its single rewards are known."""
    clip = trace.settings.reward_clip
    if clip is None:
        return _summed(trace, row)
    return [*_summed(trace, row), f"   (rewards were clipped at {six(-clip)} and {six(clip)} before they were stored)"]


def _summed(trace: Trace, row: int) -> list[str]:
    rows, single = trace.rows, trace.single_rewards(row)
    span = int(trace.rows.span[row])
    if span == 1 or len(single) < span:
        return [f"   reward = {six(rows.reward[row])}{over(span)}"]
    terms = [f"{six(trace.settings.gamma)}^{k} * {six(r)}" for k, r in enumerate(single[:span])]
    return [*folded("   reward = " + " + ".join(terms)), f"          = {six(rows.reward[row])}"]


def over(span: int) -> str:
    """What is said of a reward that is a sum."""
    return "" if span == 1 else f" (discounted sum over {counted(span, 'step')})"


def rated(trace: Trace, q: np.ndarray, what: str, at: int, says: str) -> list[str]:
    """What each action is worth, and what is said of action `at`."""
    shown = listed({"": q}, at)
    lines = [f"   Q({what}{trace.action(a)}) = {value(q[a])}{f'   <- {says}' if a == at else ''}" for a in shown]
    return [*lines, *unlisted(shown, q)]


def listed(values: dict[str, np.ndarray | None], always: int | None) -> list[int]:
    """The actions that are printed: of many those rated highest, and one more."""
    size = next(len(each) for each in values.values() if each is not None)
    kept = telling(values, None if always is None else np.array(always))
    return list(range(size)) if kept is None else kept.tolist()


def unlisted(shown: list[int], q: np.ndarray) -> list[str]:
    """What is said of actions that are not printed."""
    left = len(q) - len(shown)
    return [f"   (those rated highest; {counted(left, 'other action')} not listed)"] if left else []


def obs_text(trace: Trace, obs: np.ndarray) -> str:
    """The numbers of an observation, or how many there are."""
    if obs.size > MOST_INPUTS:
        return counted(obs.size, "number")
    return ", ".join(six(x + trace.settings.obs_start) for x in obs.ravel())
