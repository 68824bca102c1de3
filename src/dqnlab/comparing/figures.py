"""The drawings of a comparison as files of their own, for a paper or a slide."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from ..explain.page import shell_style
from .assess import Assessment
from .charts import (
    COLOURS,
    WIDE,
    colour,
    curves_chart,
    differences_chart,
    improvement_chart,
    profiles_chart,
    seeds_chart,
)
from .markup import Markup, el, together
from .style import own_style

FONT = "font-family: system-ui, sans-serif"
LEGEND = 22.0
"""pixels above a drawing for the names of the arms"""
_LIGHT = re.compile(r":root \{(.*?)\}", re.DOTALL)
_VALUE = re.compile(r"-{2}([\w-]+): (#\w+|\d+px);")
_USED = re.compile(r"var\(-{2}([\w-]+)\)")
_RULE = re.compile(r"^\.chart \.([\w.-]+) \{(.*?)\}", re.MULTILINE)


def figures(found: Assessment) -> Iterator[tuple[str, str]]:
    """Name and SVG of every drawing: without its environment's name where there is only one."""
    envs = found.comparison.envs
    drawn: dict[str, Callable[[str], Markup | None]] = {
        "curves": lambda env: curves_chart(found, env, WIDE),
        "seeds": lambda env: seeds_chart(found, env, WIDE),
        "differences": lambda env: differences_chart(found, env, WIDE),
        "improvement": lambda env: improvement_chart(found, env, WIDE),
    }
    for number, env in enumerate(envs, start=1):
        for name, draw in drawn.items():
            chart = draw(env)
            if chart is not None:
                yield f"{name}{f'-{number}' if len(envs) > 1 else ''}", standalone(found, chart)
    if len(envs) > 1 and (chart := improvement_chart(found, None, WIDE)) is not None:
        yield "improvement", standalone(found, chart)
    if (chart := profiles_chart(found, WIDE)) is not None:
        yield "profiles", standalone(found, chart)


def standalone(found: Assessment, chart: Markup) -> str:
    """A drawing of the page as a file that needs nothing else: its colours, a white ground, and whose they are."""
    width, height = (float(each) for each in re.findall(r'viewBox="0 0 (\S+) (\S+)"', chart)[0])
    names = el("text", *_legend(found), class_="tick", x=12, y=16)
    ground = el("rect", width=f"{width:g}", height=f"{height + LEGEND:g}", fill="#ffffff")
    moved = el("svg", _inside(chart), y=LEGEND, width=f"{width:g}", height=f"{height:g}")
    return el(
        "svg",
        el("style", Markup(_style())),
        ground,
        names,
        moved,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width:g} {height + LEGEND:g}",
        width=f"{width:g}",
    )


def _legend(found: Assessment) -> list[Markup]:
    """The names of the arms, each behind a square of its colour."""
    parts = []
    for i, arm in enumerate(found.comparison.arms):
        parts.append(el("tspan", "\u25a0 ", class_=f"key {colour(i)}", dx=14 if i else None))
        parts.append(el("tspan", arm.name))
    return parts


def _inside(chart: Markup) -> Markup:
    return together([Markup(chart.partition(">")[2].removesuffix("</svg>"))])


def _style() -> str:
    """The rules of the drawings with plain colours and sizes: not every program knows those of a page."""
    told = reversed(_LIGHT.findall(shell_style()))  # the last one is for printers
    values = {name: value for block in told for name, value in _VALUE.findall(block)}
    rules = [f"text {{ {FONT} }}", ".end { text-anchor: end }", ".middle { text-anchor: middle }"]
    for names, body in _RULE.findall(f"{shell_style()}\n{own_style()}"):
        if "own" not in _USED.findall(body):
            rules.append(f".{names} {{{_plain(body, values)}}}")
            continue
        owns = [values[f"action-{i}"] for i in range(COLOURS)]
        rules += [f".{names}.arm-{i} {{{_plain(body, {**values, 'own': own})}}}" for i, own in enumerate(owns)]
    return "\n".join(dict.fromkeys(rules))


def _plain(body: str, values: dict[str, str]) -> str:
    return _USED.sub(lambda match: values[match[1]], body)
