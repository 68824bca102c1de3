"""Draws the pictures of docs/dqn.md from runs.json and maps.json, which runs.py wrote.

    python docs/pictures/draw.py

Dark ink on a paper of its own, so that a picture reads the same on light and on dark pages.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from dqnlab.store.interval import seeds_mean

HERE = Path(__file__).resolve().parent
PAPER, INK, MUTED, LINE = "#fbfaf6", "#2b2d31", "#6b7079", "#dfdcd3"
RIGHT, WRONG, TRUTH = "#2a6fbb", "#c8641b", "#3b7f5c"
STYLE = {
    "font.size": 9.5,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "svg.hashsalt": "dqnlab",  # the same runs give the same file
}
Curves = Sequence[dict[str, list[float]]]


def main() -> None:
    """Writes docs/pictures/<name>.svg of each, the same bytes for the same runs."""
    with rc_context(STYLE):
        for name, figure in figures().items():
            figure.savefig(HERE / f"{name}.svg", metadata={"Date": None})


def figures() -> dict[str, Figure]:
    """Every picture by its name."""
    runs, maps = (json.loads((HERE / f"{name}.json").read_text("utf-8")) for name in ("runs", "maps"))
    return {"truncation": truncation(runs), "chase": chase(runs), "value-map": value_maps(maps)}


def truncation(runs: dict[str, Curves]) -> Figure:
    """Returns and values with cut episodes told rightly and wrongly, in two environments."""
    figure, panels = page(9.6, 6.6, 2, 2)
    both = (("right", RIGHT, "cut episodes bootstrap"), ("mistaken", WRONG, "cut episodes count as ended"))
    for row, env in enumerate(("lake", "pole")):
        for name, colour, label in both:
            curves = runs[f"{env}/{name}"]
            line(panels[row][0], curves, "return", colour, label)
            line(panels[row][1], curves, "value", colour, f"expected, {label}")
            line(panels[row][1], curves, "earned", colour, "earned", dashed=True)
    titles = ("FrozenLake: share of tests that reach the goal", "FrozenLake: value of the start")
    for panel, title in zip(panels[0], titles, strict=True):
        dress(panel, title)
        panel.set_ylim(0, 1)
    for panel, title in zip(panels[1], ("CartPole: return of a test", "CartPole: value of the start"), strict=True):
        dress(panel, title)
    panels[1][0].set_ylim(0, 500)
    panels[1][1].set_ylim(0, 110)
    panels[0][0].legend(frameon=False, fontsize=8.5, loc="lower right", labelcolor=INK)
    panels[0][1].legend(frameon=False, fontsize=8.5, loc="upper left", labelcolor=INK)
    return figure


def chase(runs: dict[str, Curves]) -> Figure:
    """What a network expects and earns, with and without a target network."""
    figure, (panels,) = page(9.6, 3.5, 1, 2)
    titles = {"1": "without a target network", "100": "target copied every 100 updates"}
    for panel, (every, title) in zip(panels, titles.items(), strict=True):
        curves = runs[f"chase/{every}"]
        line(panel, curves, "value", WRONG, "expected", band=False, each=True)
        line(panel, curves, "earned", TRUTH, "earned", dashed=True, band=False)
        panel.axhline(100, color=MUTED, linewidth=0.9, linestyle=(0, (1, 2)))
        panel.text(300, 106, "all that can be earned: 1 / (1 - 0.99)", color=MUTED, fontsize=8)
        panel.set_ylim(0, 1.05 * max(max(c["value"]) for name in titles for c in runs[f"chase/{name}"]))
        dress(panel, f"CartPole, {title}")
        panel.legend(frameon=False, fontsize=8.5, loc="upper left", labelcolor=INK, bbox_to_anchor=(0, 0.95))
    return figure


def value_maps(maps: dict[str, Any]) -> Figure:
    """How a CartPole network's values and choices form over training."""
    figure, (panels,) = page(9.6, 3.6, 1, 3)
    angle, speed = np.degrees(maps["angle"]), np.asarray(maps["speed"])
    for panel, one in zip(panels, maps["maps"], strict=True):
        extent = (angle[0], angle[-1], speed[0], speed[-1])
        how = {"origin": "lower", "aspect": "auto", "interpolation": "bilinear", "cmap": "YlGnBu_r"}
        drawn = panel.imshow(np.asarray(one["value"]), extent=extent, vmin=0, vmax=100, **how)
        for colour, width in (("white", 2.6), (WRONG, 1.4)):
            panel.contour(angle, speed, np.asarray(one["gap"]), levels=[0], colors=colour, linewidths=width)
        dress(panel, f"step {one['step']:,}, return {one['return']:.0f}", grid=False)
        panel.xaxis.set_major_formatter("{x:g}°")
        panel.set_xlabel("angle of the pole")
    for x, y, text in ((6.2, 0.45, "push right"), (-6.2, -0.75, "push left")):
        box = {"facecolor": PAPER, "edgecolor": "none", "alpha": 0.75, "pad": 1.5}
        panels[-1].text(x, y, text, fontsize=8, ha="center", bbox=box)
    bar = figure.colorbar(drawn, ax=panels, pad=0.015, label="value of the better push")
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0)
    panels[0].set_ylabel("angular velocity, rad/s")
    return figure


def page(width: float, height: float, rows: int, columns: int) -> tuple[Figure, list[list[Axes]]]:
    """A figure and its panels by row."""
    figure = Figure(figsize=(width, height), facecolor=PAPER, layout="constrained")
    FigureCanvasSVG(figure)
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.1, wspace=0.05, hspace=0.05)
    made = figure.subplots(rows, columns, squeeze=False)
    return figure, [list(row) for row in made]


def line(axes: Axes, curves: Curves, name: str, colour: str, label: str, **how: bool) -> None:
    """The mean over seeds, with its 95 % interval; with `each` every seed faintly."""
    step = np.array(curves[0]["step"])
    values = np.array([one[name] for one in curves])  # [S, T]
    stats = [seeds_mean(list(column)) for column in values.T]
    style = (0, (4, 2)) if how.get("dashed") else "-"
    axes.plot(step, [s.mean for s in stats], color=colour, linewidth=1.2 if how.get("dashed") else 2, linestyle=style)
    axes.plot([], [], color=colour, linestyle=style, linewidth=1.6, label=label)
    if how.get("each"):
        axes.plot(step, values.T, color=colour, linewidth=0.7, alpha=0.45)
    if how.get("band", not how.get("dashed")):
        low, high = ([getattr(s, end) for s in stats] for end in ("low", "high"))
        axes.fill_between(step, low, high, color=colour, alpha=0.16, linewidth=0)


def dress(axes: Axes, title: str, *, grid: bool = True) -> None:
    """A quiet frame."""
    axes.set_facecolor(PAPER)
    axes.set_title(title, loc="left", fontsize=10, fontweight="bold", color=INK)
    axes.tick_params(length=0, labelsize=8.5)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(LINE)
    if grid:
        axes.grid(True, color=LINE, linewidth=0.7)
        axes.set_axisbelow(True)
        axes.set_xlim(left=0)
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        axes.set_xlabel("env steps of training", fontsize=8.5)


if __name__ == "__main__":
    main()
