"""The page of a comparison as text, and the drawings on it."""

import base64
import hashlib
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dqnlab.comparing.assess import assessment_of
from dqnlab.comparing.axes import short, ticks
from dqnlab.comparing.charts import colour, curves_chart, differences_chart, mean_course, seeds_chart
from dqnlab.comparing.comparison import Arm, Comparison, SeedResult
from dqnlab.comparing.markup import Markup, el
from dqnlab.comparing.page import SECTIONS, render_comparison
from dqnlab.comparing.write import PAGE, write_comparison
from dqnlab.store.folder import REPORT

from .kit import cell, comparison

LOW = (100.0, 110.0, 120.0)
HIGH = (400.0, 420.0, 410.0)


def page_of(found: Comparison, folder: Path = Path("out")) -> str:
    return render_comparison(assessment_of(found), folder)


def seed(*curve: tuple[int, float]) -> SeedResult:
    return replace(cell([100.0]).seeds[0], curve=curve)


# ── The page ─────────────────────────────────────────────────────────────────────────────────────


def test_the_page_has_every_section_and_each_arm() -> None:
    text = page_of(comparison(dqn=LOW, double=HIGH))
    assert [name for name, _ in SECTIONS if f'<section id="{name}"' in text] == [name for name, _ in SECTIONS]
    assert "double is better than dqn on CartPole-v1" in text
    assert text.count("<svg") == 6  # curves for wide and for narrow screens, seeds, differences, profiles, probability


def test_the_policy_lets_in_nothing_but_the_pages_own_style() -> None:
    text = page_of(comparison(dqn=LOW, double=HIGH))
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"default-src &#x27;none&#x27;; style-src &#x27;sha256-{digest}&#x27;; " in text
    assert "<script" not in text
    assert " style=" not in text  # which the policy would not let in
    assert "http:" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "https:" not in text


def test_names_and_errors_are_text() -> None:
    evil = "<script>alert(1)</script>"
    found = comparison(**{evil: [*LOW, None], "b": HIGH})
    bad = replace(found.arms[0].cells[0].seeds[3], error='"><img src=x>')
    arm = replace(
        found.arms[0], cells=(replace(found.arms[0].cells[0], seeds=(*found.arms[0].cells[0].seeds[:3], bad)),)
    )
    text = page_of(replace(found, arms=(arm, found.arms[1])))
    assert "<script" not in text
    assert "<img" not in text
    assert "&lt;script&gt;" in text


def test_each_run_with_a_page_of_its_own_is_linked_to(tmp_path: Path) -> None:
    found = comparison(dqn=LOW, double=HIGH)
    home = tmp_path / "runs" / "a b" / "seed-0"
    home.mkdir(parents=True)
    (home / REPORT).write_text("a report")
    one = found.arms[0].cells[0]
    seeds = (replace(one.seeds[0], folder=home), *one.seeds[1:])
    arms = (replace(found.arms[0], cells=(replace(one, seeds=seeds),)), found.arms[1])
    page = write_comparison(replace(found, arms=arms), tmp_path / "compared" / "one")
    assert page == tmp_path / "compared" / "one" / PAGE
    assert re.findall(r'<a href="(\.\.[^"]*)"', page.read_text()) == ["../../runs/a%20b/seed-0/report.html"]


@pytest.mark.parametrize(
    "found",
    [
        comparison(alone=LOW),
        comparison(dqn=[None, None], double=[None]),
        comparison(dqn=[5.0], double=[5.0]),
        comparison(dqn=[0.0] * 3, double=[0.0] * 3),
        comparison(**{f"arm {i}": LOW for i in range(9)}),
        comparison(dqn=[1e30, 2e30, 3e30], double=[-1e30, 0.0, 1e-30]),
    ],
    ids=["alone", "all failed", "one seed", "no spread", "nine", "huge"],
)
def test_odd_comparisons_have_a_page_too(found: Comparison) -> None:
    text = page_of(found)
    assert "nan" not in text.partition("</style>")[2].replace("NaN", "").lower().replace("dominan", "")
    for drawing in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        ET.fromstring(drawing)


def test_several_environments_are_drawn_one_by_one_and_together() -> None:
    arms = tuple(
        Arm(name=n, cells=(cell(scores, "A-v0"), cell(scores, "B-v0")))
        for n, scores in (("dqn", LOW), ("double", HIGH))
    )
    text = page_of(Comparison(arms=arms, envs=("A-v0", "B-v0")))
    assert text.count("<figcaption>Every seed</figcaption>") == 2
    assert "Probability of a better score, all environments" in text
    assert "Normalised score = " in text


# ── Drawings ─────────────────────────────────────────────────────────────────────────────────────


def test_the_mean_curve_counts_each_seed_with_its_latest_evaluation() -> None:
    course = mean_course([seed((100, 10.0), (200, 20.0), (300, 30.0)), seed((100, 0.0), (200, 100.0))])
    assert course is not None
    assert course.step.tolist() == [100, 200, 300]
    assert course.mean.tolist() == [5.0, 60.0, 65.0]  # the second stopped at 200 with 100
    assert (course.high - course.mean)[0] == pytest.approx(12.706 * 5, rel=1e-4)  # t of one degree of freedom


def test_the_mean_curve_begins_where_all_seeds_have_been_evaluated() -> None:
    course = mean_course([seed((50, 1.0), (150, 3.0)), seed((100, 5.0))])
    assert course is not None
    assert course.step.tolist() == [100, 150]
    assert course.mean.tolist() == [3.0, 4.0]
    assert mean_course([seed()]) is None


def test_a_long_curve_is_thinned_out_to_what_a_screen_shows() -> None:
    course = mean_course([seed(*((i, float(i)) for i in range(1000)))])
    assert course is not None
    assert len(course.step) == 200
    assert (course.step[0], course.step[-1]) == (0, 999)
    assert np.array_equal(course.low, course.mean)  # a single seed says nothing of others


def test_every_seed_is_a_point_and_every_failed_one_a_cross() -> None:
    chart = seeds_chart(assessment_of(comparison(dqn=LOW, double=[*HIGH, None])), "CartPole-v1")
    assert chart is not None
    assert chart.count("<circle") == 6
    assert chart.count("failed") == 1
    assert "double, seed 3: it fell" in chart
    curves = curves_chart(assessment_of(comparison(dqn=LOW, double=[*HIGH, None])), "CartPole-v1")
    assert curves is not None
    assert curves.count('class="thin') == 7
    assert curves.count('class="cross') == 1


def test_a_branch_is_marked_where_it_left_its_parent() -> None:
    found = comparison(old=LOW, branch=HIGH)
    one = found.arms[1].cells[0]
    forked = replace(one, seeds=tuple(replace(each, fork=500) for each in one.seeds))
    found = replace(found, arms=(found.arms[0], replace(found.arms[1], cells=(forked,))))
    chart = curves_chart(assessment_of(found), "CartPole-v1")
    assert chart is not None
    assert chart.count('class="fork arm-1"') == 1
    assert "branch was branched at env step 500" in chart
    assert "until then they are the same" in page_of(found)
    assert "until then they are the same" not in page_of(comparison(dqn=LOW, double=HIGH))


def test_ticks_are_round_numbers_within_the_ends() -> None:
    assert ticks(0, 500) == [0, 100, 200, 300, 400, 500]
    assert ticks(-0.03, 1.02, 6) == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert ticks(3, 3) == [3]
    assert [short(v) for v in (500, 2500, 25_000, 1e6, 0.25, -1500)] == ["500", "2,500", "25k", "1M", "0.25", "-1,500"]


def test_colours_begin_again_with_dashes() -> None:
    assert [colour(i) for i in (0, 5, 6)] == ["arm-0", "arm-5", "arm-0 again"]


def test_only_markup_made_here_is_markup() -> None:
    assert el("p", "<b>", el("b", "&"), class_="a<b") == '<p class="a&lt;b">&lt;b&gt;<b>&amp;</b></p>'
    assert isinstance(el("p"), Markup)
    assert el("line", x1=3, stroke_width=None) == '<line x1="3"/>'


def test_of_one_evaluation_points_and_mean_stand_together_and_the_whole_interval_is_seen() -> None:
    found = comparison(dqn=LOW, double=HIGH)
    arms = []
    for arm in found.arms:
        seeds = tuple(replace(each, curve=((3000, 100.0 * each.seed),)) for each in arm.cells[0].seeds)
        arms.append(replace(arm, cells=(replace(arm.cells[0], seeds=seeds),)))
    chart = curves_chart(assessment_of(replace(found, arms=tuple(arms))), "CartPole-v1")
    assert chart is not None
    for name in ("arm-0", "arm-1"):
        places = set(re.findall(rf'class="(?:faint|dot) {name}" cx="([\d.]+)"', chart))
        assert len(places) == 1
        (bar,) = re.findall(rf'class="whisker {name}" x1="([\d.]+)" x2="[\d.]+" y1="([\d.]+)" y2="([\d.]+)"', chart)
        assert {bar[0]} == places
        assert 10 <= float(bar[2]) < float(bar[1]) <= 242  # the frame's own ends


def test_the_line_of_no_difference_leaves_the_words_of_a_row_alone() -> None:
    chart = differences_chart(assessment_of(comparison(dqn=LOW, double=HIGH, other=LOW)), "CartPole-v1")
    assert chart is not None
    lines = [tuple(map(float, ends)) for ends in re.findall(r'class="level".*?y1="([\d.]+)" y2="([\d.]+)"', chart)]
    words = [float(y) for y in re.findall(r'class="name" x="4" y="([\d.]+)"', chart)]
    assert len(lines) == len(words) == 2
    assert all(not start <= y <= end for y in words for start, end in lines)
    assert "mean score minus the baseline" in chart
