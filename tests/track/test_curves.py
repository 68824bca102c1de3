import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dqnlab.errors import FolderError
from dqnlab.track.curves import draw_curves, metric_series, moving_mean
from dqnlab.track.jsonl import MetricsFile


def write(folder: Path, records: list[dict[str, float]]) -> None:
    file = MetricsFile(folder / "metrics.jsonl", {"env": "CartPole-v1"})
    for record in records:
        file.log(int(record["step"]), {name: value for name, value in record.items() if name != "step"})
    file.close()


def whole_run() -> list[dict[str, float]]:
    records: list[dict[str, float]] = []
    for step in range(100, 4000, 100):
        records.append({"step": step, "train/reward": step / 10, "train/epsilon": 1 - step / 4000})
        records.append({"step": step, "learn/loss": 1 / step, "learn/td_error": 2.0, "learn/q_mean": step / 50})
        records.append({"step": step, "learn/q_max": step / 40})
        if step % 1000 == 0:
            records.append({"step": step, "eval/reward": step / 8, "eval/min": 3.0, "eval/max": 500.0})
            records.append({"step": step, "eval/value": 50.0, "eval/discounted_return": 45.0})
    return [*records, {"step": 3900, "confirm/reward": 480.0}]


SICK = [
    {"step": 5, "learn/loss": math.nan, "learn/td_error": math.inf, "train/reward": math.nan, "eval/value": 3.0},
    {"step": 6, "learn/loss": 0.0, "eval/reward": -20.0, "eval/min": -30.0, "eval/max": math.nan},
]


@pytest.mark.parametrize(
    ("records", "threshold"),
    [
        (whole_run(), 475.0),
        ([], None),
        ([{"step": 7, "train/reward": 9.0, "train/epsilon": 1.0, "learn/loss": 2.0, "learn/td_error": 1.0}], 475.0),
        (SICK, math.nan),
    ],
    ids=["whole run", "empty", "single point", "not finite"],
)
def test_curves_are_a_picture_of_sensible_size(
    tmp_path: Path, records: list[dict[str, float]], threshold: float | None
) -> None:
    write(tmp_path, records)
    path = draw_curves(tmp_path, threshold)
    assert path == tmp_path / "curves.png"
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert image.size == (1680, 1120)
        pixels = np.asarray(image.convert("L"))
    assert 10_000 < path.stat().st_size < 500_000
    assert 0.005 < (pixels < 200).mean() < 0.3  # ink, and room around it


def test_drawing_leaves_no_figure_behind(tmp_path: Path) -> None:
    from matplotlib import _pylab_helpers

    write(tmp_path, [])
    draw_curves(tmp_path, None)
    assert _pylab_helpers.Gcf.get_num_fig_managers() == 0


def test_run_without_metrics_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match=r"metrics\.jsonl"):
        draw_curves(tmp_path, None)


def test_series_leaves_out_what_is_absent_or_not_finite() -> None:
    records = [{"step": 1, "a": 2.0}, {"step": 2, "b": 1.0}, {"step": 3, "a": math.nan}, {"step": 4, "a": 5.0}]
    found = metric_series(records, "a")
    assert found.step.tolist() == [1.0, 4.0]
    assert found.value.tolist() == [2.0, 5.0]


def test_moving_mean_grows_into_its_window() -> None:
    assert moving_mean(np.array([2.0, 4.0, 6.0, 8.0]), 3).tolist() == [2.0, 3.0, 4.0, 6.0]
