"""What a notebook shows of a run, of a group, and of a report."""

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from dqnlab.explain.report import Report
from dqnlab.store.folder import METRICS, REPORT, Run
from dqnlab.store.group import Failure, Group
from dqnlab.store.score import Score


def score(mean: float) -> Score:
    return Score(
        mean=mean, low=mean - 10, high=mean + 10, minimum=0.0, maximum=500.0, episodes=3, returns=(1.0, 2.0, 3.0), cut=0
    )


def run(folder: Path, **changes: object) -> Run:
    values: dict[str, object] = {
        "folder": folder,
        "env": "CartPole-v1",
        "preset": "cartpole",
        "seed": 0,
        "score": score(480.0),
        "selected_score": 500.0,
        "attempts": 1,
        "solved": True,
        "env_steps": 12_345,
        "updates": 678,
        "seconds": {"total": 2.5},
    }
    return Run(**(values | changes))  # type: ignore[arg-type]


def evaluations(folder: Path, *means: float) -> None:
    lines = [{"schema": 1}, *({"step": 100 * i, "eval/reward": mean} for i, mean in enumerate(means, start=1))]
    (folder / METRICS).write_text("".join(json.dumps(line) + "\n" for line in lines))


def parsed(html: str) -> ElementTree.Element:
    """Raises if the html is not closed everywhere."""
    return ElementTree.fromstring(html.replace("&nbsp;", " "))


def test_a_run_shows_its_score_its_interval_and_its_folder(tmp_path: Path) -> None:
    text = "".join(parsed(run(tmp_path)._repr_html_()).itertext())
    assert "CartPole-v1 · cartpole · seed 0" in text
    assert "score 480.0, 95 % interval 470.0 to 490.0 over 3 fresh episodes · solved" in text
    assert str(tmp_path) in text


def test_the_curve_goes_through_every_evaluation_from_low_to_high(tmp_path: Path) -> None:
    evaluations(tmp_path, 0.0, 50.0, 100.0)
    line = parsed(run(tmp_path)._repr_html_()).find(".//polyline")
    assert line is not None
    assert line.get("points") == "142.0,104.0 278.0,55.0 414.0,6.0"


def test_a_run_without_score_or_curve_says_so(tmp_path: Path) -> None:
    html = run(tmp_path, score=None, solved=None)._repr_html_()
    assert "no score: training was interrupted" in html
    assert "<svg" not in html


def test_a_report_that_is_there_is_linked(tmp_path: Path) -> None:
    assert "report.html" not in run(tmp_path)._repr_html_()
    (tmp_path / REPORT).write_text("<p>")
    link = parsed(run(tmp_path)._repr_html_()).find(".//a")
    assert link is not None
    assert link.get("href") == (tmp_path / REPORT).resolve().as_uri()


def test_its_page_stands_below_it_in_a_frame_unless_that_is_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / REPORT).write_text('<p title="a">\u7e41</p>', encoding="utf-8")
    frame = parsed(run(tmp_path)._repr_html_()).find("./iframe")
    assert frame is not None
    assert (frame.get("srcdoc"), frame.get("sandbox")) == ('<p title="a">\u7e41</p>', "allow-scripts")
    monkeypatch.setattr("dqnlab.store.card.LARGEST_FRAME", 5)
    assert "<iframe" not in run(tmp_path)._repr_html_()


def test_a_group_shows_every_seed_on_one_scale_and_the_mean(tmp_path: Path) -> None:
    runs = [run(tmp_path / f"seed-{i}", seed=i, score=score(400.0 + 50 * i)) for i in range(2)]
    failed = Failure(seed=2, folder=tmp_path, error="<b>broken</b>", exit_code=1)
    html = Group(tmp_path, "CartPole-v1", "cartpole", (0, 1, 2), (*runs, failed), 9.0)._repr_html_()
    tree = parsed(html)
    assert "mean 425.0" in "".join(tree.itertext())
    assert "failed: <b>broken</b>" in "".join(tree.itertext())
    bars = [(bar.get("x"), bar.get("width")) for bar in tree.iterfind(".//rect[@y='3']")]
    assert bars == [("0.0", "28.6"), ("71.4", "28.6")]


@pytest.mark.parametrize("name", ["env", "preset"])
def test_a_hostile_name_stays_text(tmp_path: Path, name: str) -> None:
    hostile = '"><script>alert(1)</script>'
    html = run(tmp_path, **{name: hostile})._repr_html_()
    assert hostile in "".join(parsed(html).itertext())
    assert "<script" not in html


def test_a_report_is_shown_in_a_frame_that_cannot_reach_the_notebook(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text('<p title="a">&amp; 繁體</p>', encoding="utf-8")
    frame = parsed(Report(tmp_path / "page.html", ())._repr_html_())
    assert frame.get("srcdoc") == '<p title="a">&amp; 繁體</p>'
    assert frame.get("sandbox") == "allow-scripts"


def test_scores_without_spread_have_no_interval_and_say_so(tmp_path: Path) -> None:
    same = replace(score(500.0), low=None, high=None, interval="none: no spread seen in 3 episodes")
    runs = [run(tmp_path / f"seed-{i}", seed=i, score=same) for i in range(2)]
    text = "".join(parsed(runs[0]._repr_html_()).itertext())
    assert "score 500.0, over 3 fresh episodes, no interval: no spread seen in 3 episodes" in text
    tree = parsed(Group(tmp_path, "CartPole-v1", "cartpole", (0, 1), tuple(runs), 9.0)._repr_html_())
    text = "".join(tree.itertext())
    assert "mean 500.0, no spread seen in 2 seeds" in text
    assert [cell.text for cell in tree.findall(".//td")][2::5] == ["none", "none"]
