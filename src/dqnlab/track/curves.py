"""curves.png: how a run went, on one page.

Drawn with matplotlib's objects, never with pyplot, whose figures and settings are global.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..errors import counted
from ..store.door import replacing
from ..store.metrics import read_header, read_records
from ..trust import clean
from .jsonl import NAME

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Records = Sequence[Mapping[str, Any]]

BLUE = "#2a6fbb"
ORANGE = "#e08214"
GREEN = "#1b8a5a"
RED = "#c0392b"
PURPLE = "#7b52ab"
INK, GREY = "#222222", "#8a8f98"


class Series(NamedTuple):
    """The finite values of one metric."""

    step: np.ndarray  # [N] env steps
    value: np.ndarray  # [N] float64


MARGINS = {"left": 0.06, "right": 0.985, "top": 0.91, "bottom": 0.07, "hspace": 0.3, "wspace": 0.22}


def draw_curves(run_folder: Path, threshold: float | None) -> Path:
    """Draws the metrics of a run into curves.png and returns its path.

    `threshold` is the mean return that counts as solved. Raises as `read_records` does.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    source = run_folder / NAME
    header, records = read_header(source), read_records(source)
    figure = Figure(figsize=(12, 8), dpi=140, facecolor="white")
    FigureCanvasAgg(figure)
    # Fixed margins: a layout that finds its own draws everything twice.
    grid = figure.add_gridspec(2, 3, height_ratios=(1.35, 1), **MARGINS)
    top = figure.add_subplot(grid[0, :])
    draw_returns(top, records, threshold)
    for column, draw in enumerate((draw_epsilon, draw_loss, draw_values)):
        draw(figure.add_subplot(grid[1, column], sharex=top), records)
    top.set_xlim(left=0)
    title = clean(f"{str(header.get('env', ''))[:100]}   {run_folder.resolve().name}".replace("\n", " ")).strip()
    figure.suptitle(title, parse_math=False, fontsize=14, fontweight="bold", color=INK, x=0.01, ha="left")
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png")
    target = run_folder / "curves.png"
    with replacing(target) as part:
        part.write(drawn.getbuffer())
    return target


def metric_series(records: Records, name: str) -> Series:
    """Where a metric was recorded, and what; NaN and infinity are left out."""
    found = [(record["step"], record[name]) for record in records if math.isfinite(record.get(name, math.nan))]
    pairs = np.array(found, dtype=np.float64).reshape(-1, 2)
    return Series(pairs[:, 0], pairs[:, 1])


def moving_mean(values: np.ndarray, window: int) -> np.ndarray:
    """The mean of each value and up to `window` - 1 before it, [N]."""
    sums = np.cumsum(np.concatenate([[0.0], values]))
    end = np.arange(1, len(values) + 1)
    start = np.maximum(end - window, 0)
    return np.asarray((sums[end] - sums[start]) / (end - start))


def draw_returns(axes: Axes, records: Records, threshold: float | None) -> None:
    """Training episodes, evaluations with their range, attempts to confirm, and the threshold."""
    _dress(axes, "Return", "return of an episode")
    episodes, window = _with_mean(axes, metric_series(records, "train/reward"), BLUE)
    _label(
        axes, BLUE, f"training, mean of {counted(window, 'episode')}" if window > 1 else "training episodes", episodes
    )
    mean, low, high = (metric_series(records, f"eval/{name}") for name in ("reward", "min", "max"))
    if len(mean.step) == len(low.step) == len(high.step):
        axes.fill_between(mean.step, low.value, high.value, color=ORANGE, alpha=0.15, linewidth=0, zorder=2)
    if len(mean.step):
        axes.plot(mean.step, mean.value, color=ORANGE, linewidth=2, marker="o", markersize=4, zorder=4)
        _label(axes, ORANGE, "evaluation, greedy: mean, lowest to highest", mean)
        _mark_best(axes, mean)
    confirmed = metric_series(records, "confirm/reward")
    if len(confirmed.step):
        axes.scatter(*confirmed, marker="D", s=45, color=GREEN, edgecolor="white", zorder=8, label="confirmation")
    if threshold is not None and math.isfinite(threshold):
        axes.axhline(threshold, color=GREEN, linewidth=1.2, linestyle=(0, (5, 4)), zorder=1)
        axes.annotate(
            f"solved at {threshold:g}",
            (0.004, threshold),
            xycoords=("axes fraction", "data"),
            xytext=(0, 4),
            textcoords="offset points",
            color=GREEN,
            fontsize=9,
        )
    _finish(axes, episodes, mean, confirmed)


def draw_epsilon(axes: Axes, records: Records) -> None:
    """The share of random actions."""
    _dress(axes, "Exploration", "epsilon")
    epsilon = metric_series(records, "train/epsilon")
    axes.plot(*epsilon, color=PURPLE, linewidth=2, marker=_marker(epsilon))
    axes.fill_between(epsilon.step, epsilon.value, color=PURPLE, alpha=0.10, linewidth=0)
    axes.set_ylim(0, 1.05 * max([*epsilon.value, 0.05]))
    _finish(axes, epsilon)


def draw_loss(axes: Axes, records: Records) -> None:
    """Loss and absolute TD error on one logarithmic axis."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    _dress(axes, "Loss and TD error", "logarithmic")
    drawn = []
    for name, text, colour in (("learn/loss", "loss", RED), ("learn/td_error", "absolute TD error", BLUE)):
        found = metric_series(records, name)
        above = found.value > 0  # a logarithm knows no zero
        found = Series(found.step[above], found.value[above])
        _with_mean(axes, found, colour, logarithmic=True)
        _label(axes, colour, text, found)
        drawn.append(found)
    if any(len(one.step) for one in drawn):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    _finish(axes, *drawn)


def draw_values(axes: Axes, records: Records) -> None:
    """What the network expects, against what the greedy episodes earned."""
    _dress(axes, "Q-values", "discounted return")
    mean, top = metric_series(records, "learn/q_mean"), metric_series(records, "learn/q_max")
    value, earned = metric_series(records, "eval/value"), metric_series(records, "eval/discounted_return")
    axes.plot(*top, color=BLUE, linewidth=1, alpha=0.45, marker=_marker(top), label="Q in batches: highest")
    axes.plot(*mean, color=BLUE, linewidth=1.6, marker=_marker(mean), label="Q in batches: mean")
    if len(value.step) == len(earned.step):
        axes.fill_between(value.step, value.value, earned.value, color=RED, alpha=0.10, linewidth=0)
    axes.plot(*value, color=RED, linewidth=1.6, marker="o", markersize=3.5, label="start of episode: expected")
    axes.plot(*earned, color=GREEN, linewidth=1.6, marker="o", markersize=3.5, label="start of episode: earned")
    _finish(axes, mean, top, value, earned)


def _with_mean(axes: Axes, found: Series, colour: str, *, logarithmic: bool = False) -> tuple[Series, int]:
    """Draws single values faintly and their moving mean boldly; returns the series and the window."""
    window = max(1, min(100, len(found.step) // 10))
    if window == 1:
        axes.plot(*found, color=colour, linewidth=1.6, marker="o", markersize=4, zorder=3)
        return found, window
    smooth = np.exp(moving_mean(np.log(found.value), window)) if logarithmic else moving_mean(found.value, window)
    if logarithmic:
        axes.plot(*found, color=colour, linewidth=0.8, alpha=0.30)
    else:
        axes.scatter(*found, s=7, color=colour, alpha=0.22, linewidth=0, zorder=2)
    axes.plot(found.step, smooth, color=colour, linewidth=2, zorder=3)
    return found, window


def _mark_best(axes: Axes, mean: Series) -> None:
    best = int(np.argmax(mean.value))  # the first of equals: a later one has to be better to replace it
    point = (mean.step[best], mean.value[best])
    axes.scatter(*point, marker="*", s=260, color=ORANGE, edgecolor=INK, linewidth=0.8, zorder=7)
    right = mean.step[best] > 0.85 * mean.step[-1]
    axes.annotate(
        f"best {point[1]:.4g}",
        point,
        xytext=(-14 if right else 14, -16),
        textcoords="offset points",
        ha="right" if right else "left",
        fontsize=10,
        fontweight="bold",
        color=INK,
        bbox={"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 1.5},
        zorder=7,
    )


def _label(axes: Axes, colour: str, text: str, found: Series) -> None:
    if len(found.step):
        axes.plot([], [], color=colour, linewidth=2, label=text)


def _marker(found: Series) -> str:
    return "o" if len(found.step) == 1 else ""


def _dress(axes: Axes, title: str, unit: str) -> None:
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", color=INK)
    axes.set_ylabel(unit, fontsize=9, color=GREY)
    axes.set_xlabel("env steps", fontsize=9, color=GREY)
    axes.tick_params(which="both", labelsize=9, colors=GREY, length=0)
    axes.grid(True, color="#e6e8eb", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color("#c9ccd1")


def _finish(axes: Axes, *drawn: Series) -> None:
    from matplotlib.ticker import EngFormatter

    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    if not any(len(one.step) for one in drawn):
        axes.text(0.5, 0.5, "nothing recorded", transform=axes.transAxes, ha="center", color=GREY)
        axes.tick_params(labelleft=False, labelbottom=False)
        return
    handles, _ = axes.get_legend_handles_labels()
    if handles:
        axes.legend(frameon=True, framealpha=0.85, edgecolor="none", fontsize=8.5, loc="best")
