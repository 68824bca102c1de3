"""The health strip and the learning curve in a browser: verdicts in words, signals, facts to filter."""

from typing import Any

import numpy as np
import pytest

from dqnlab.explain.health.findings import Finding, Foreseen, as_data
from dqnlab.explain.page import words
from dqnlab.explain.series import DRAWN

from .conftest import Open
from .playing import at_numbers
from .sample import sample

COLLAPSE = Finding(
    kind="forgetting",
    severity="bad",
    step=600,
    foreseen=Foreseen("learn/td_error", 300),
    numbers={"best": 480.0, "fell": 30.0, "evaluations": 4.0, "last": 20.0, "ceiling": 100.0},
    causes=("no-target",),
)
LEFT = Finding(kind="no-failures", severity="notice", step=500)
HEALTHY = Finding(kind="healthy", severity="good", numbers={"evaluations": 9.0, "ceiling": 100.0})


@pytest.fixture(name="open_page")
def open_at_numbers(open_page: Open) -> Open:
    return at_numbers(open_page)


def drawn() -> dict[str, Any]:
    step = np.arange(0, 1000, 100, dtype=np.float32)
    kept = {name: step[2:] if name.startswith("eval") else step for name in DRAWN}  # evaluations are rarer
    return {
        name: {"step": kept[name], "value": (kept[name] / 10 + i).astype(np.float32)} for i, name in enumerate(DRAWN)
    }


def data(*findings: Finding, **changes: Any) -> dict[str, Any]:
    return sample(findings=as_data(findings), series=drawn(), **changes)


def test_a_healthy_run_is_called_healthy_and_marks_nothing(open_page: Open) -> None:
    page = open_page(data(HEALTHY)).page
    assert page.inner_text("#health .verdict h3") == "Healthy"
    assert page.locator("#health .mark").count() == 0
    assert page.locator("#health .todo").count() == 0


def test_a_collapse_says_since_when_what_announced_it_why_and_what_to_do(open_page: Open) -> None:
    page = open_page(data(COLLAPSE, LEFT)).page
    told = page.inner_text("#health .verdict")
    assert told.startswith("Forgetting\n\nThe evaluations fell from 480 to 30 and stayed low for 4 in a row.")
    assert "There is no target network" in told
    assert "From step 600. It could have been foreseen from step 300: see “TD error”." in told
    assert "What to do: The best network was kept" in told
    assert page.inner_text("#health .verdict li h4") == "No failures left"


def test_the_chart_that_proves_the_verdict_is_large_and_the_others_open(open_page: Open) -> None:
    page = open_page(data(COLLAPSE)).page
    assert page.get_attribute("#health .proof", "data-signal") == "reward"
    others = page.eval_on_selector_all("#health button.signal", "all => all.map(each => each.dataset.signal)")
    assert len(others) == 8
    assert page.locator("#health .mark.bad").count() == 1
    assert page.locator("#health svg.sparkline").count() == 8
    place = "[...document.querySelectorAll('#health button.signal')].map(each => [each.offsetLeft, each.offsetTop])"
    before = page.evaluate(place)
    page.click("#health button[data-signal=td_error]")
    assert page.evaluate(place) == before  # nothing moves
    panel = page.locator("#health .signal-open")
    assert panel.locator("figcaption").inner_text() == words()["health.signal.td_error.says"]["en"]
    assert panel.locator(".mark.bad").count() == panel.locator(".mark:not(.bad)").count() == 1
    assert page.locator("#health .band").count() == 0


def test_values_below_the_returns_are_explained_and_every_tile_says_what_it_is(open_page: Open) -> None:
    series = drawn()
    for name, values in (("eval/value", [10, 84, 84.5]), ("eval/discounted_return", [20, 99, 99.3])):
        series[name] = {"step": np.array([300, 600, 900], np.float32), "value": np.array(values, np.float32)}
    page = open_page(data(HEALTHY) | {"series": series}, hash="level=story").page
    tile = page.locator("#health button[data-signal=overestimation]")
    assert tile.inner_text().startswith("Value and return\nvalue 84.5 · earned 99.3")
    for each in page.locator("#health button.signal").all():
        assert each.locator(".signal-brief").inner_text()
    tile.click()
    said = page.inner_text("#health .signal-open figcaption")
    assert "expected less than was earned: 84.5 against 99.3" in said
    assert "look beyond" not in said


@pytest.mark.parametrize(
    ("limit", "share", "right"),
    [(60, 0.0, True), (60, 0.01, False), (500, 0.0, False)],  # some have ended by themselves; too far to matter
)
def test_values_above_the_returns_are_right_where_the_step_limit_cut_off_the_rest(
    limit: int, share: float, right: bool, open_page: Open
) -> None:
    series, step = drawn(), np.array([300, 600, 900], np.float32)
    for name, values in (
        ("eval/value", [10, 84, 90]),
        ("eval/discounted_return", [20, 60, 60]),
        ("replay/terminal_share", [0.5, 0.2, share]),
    ):
        series[name] = {"step": step, "value": np.array(values, np.float32)}
    found = data(HEALTHY) | {"series": series}
    found["settings"] = found["settings"] | {"max_episode_steps": limit}
    page = open_page(found).page
    page.click("#health button[data-signal=overestimation]")
    said = page.inner_text("#health .signal-open figcaption")
    assert "expected more than was earned: 90 against 60" in said
    cut = (
        "Here that is right: the step limit of 60 cut off every episode that is remembered, and values look beyond it, "
    )
    assert (f"{cut}by up to 54.7." in said) is right  # 0.99 ** 60 of the ceiling of 100
    assert ("wishful thinking" in said) is not right


def test_values_stand_to_returns_in_five_ways_and_one_point_is_a_dot(open_page: Open) -> None:
    opened = open_page(data(HEALTHY))
    ways = "[[[1, 5, 9.5], [10]], [[1, 5, 12], [10]], [[8, 8, 8, 8], [10]], [[1, 2, 4, 8], [10]], [[4], [6]]]"
    found = opened.module("views/health.js", f"{ways}.map(([value, earned]) => m.standing(value, earned))")
    assert found == ["met", "above", "below", "climbing", "early"]
    dots = "m.sparkline([{ x: [9], y: [3], class: 'line-0' }], [0, 9]).querySelectorAll('circle').length"
    assert opened.module("views/sparkline.js", dots) == 1


@pytest.mark.parametrize(
    ("kind", "proof", "bands"),
    [("over-estimating", "overestimation", 1), ("diverging", "q_max", 0), ("always-random", "epsilon", 1)],
)
def test_a_range_is_shaded_where_it_decides_only(open_page: Open, kind: str, proof: str, bands: int) -> None:
    page = open_page(data(Finding(kind=kind, severity="bad", step=300, numbers={"ceiling": 100.0}))).page
    assert page.get_attribute("#health .proof", "data-signal") == proof
    assert page.locator("#health .band.good").count() == bands
    assert ("shaded" in page.inner_text("#health .proof")) == bool(bands)


@pytest.mark.parametrize(("ceiling", "there"), [(100.0, True), (1000.0, False)])
def test_a_ceiling_far_above_all_values_is_not_drawn(open_page: Open, ceiling: float, there: bool) -> None:
    page = open_page(data(Finding(kind="diverging", severity="bad", step=300, numbers={"ceiling": ceiling}))).page
    assert ("most that can be earned" in (page.locator("#health .proof").text_content() or "")) is there


def test_solved_and_over_estimating_are_both_true_in_one_sentence(open_page: Open) -> None:
    finding = Finding(kind="over-estimating", severity="bad", numbers={"ceiling": 100.0})
    assert "Solved all the same: the score counts" in open_page(data(finding)).page.inner_text("#health .verdict")
    assert "Solved all the same: the best" in open_page(data(COLLAPSE)).page.inner_text("#health .verdict")
    unsolved = sample()["run"] | {"solved": False}
    for each in (data(finding, run=unsolved), data(HEALTHY)):
        assert "Solved" not in open_page(each).page.inner_text("#health .verdict")


def test_solved_and_confirmed_are_reconciled_in_words(open_page: Open) -> None:
    run = sample()["run"]
    sure = run | {"score": run["score"] | {"low": 476.0, "high": 490.0}}
    failed = [{"step": 500, "returns": [480.0] * 50, "passed": False}]
    told = {
        "Solved, yet not confirmed": {"run": sure, "confirms": failed},
        "Narrowly solved": {"run": run, "confirms": []},
        "Confirmed, yet not solved": {"run": run | {"solved": False}},
    }
    for said, changes in told.items():
        assert open_page(data(HEALTHY, **changes)).page.inner_text(".curve-standing").startswith(said)
    opened = open_page(data(HEALTHY, run=sure))
    assert opened.page.locator(".curve-standing").count() == 0
    assert opened.page.locator(".chip[data-at=curve]").inner_text() == "Solved"
    assert "likely 476 to 490" in opened.page.inner_text(".summary")


def test_the_command_that_tries_a_change_stands_below_the_verdict(open_page: Open) -> None:
    trial = {"kind": "repair", "command": "dqn heal a-run"}
    page = open_page(data(COLLAPSE, trial=trial)).page
    assert page.inner_text(".health-trial code") == "dqn heal a-run"
    assert open_page(data(COLLAPSE)).page.locator(".health-trial").count() == 0


def test_arrow_keys_read_the_values_of_a_signal(open_page: Open) -> None:
    page = open_page(data(HEALTHY)).page
    page.click("#health button[data-signal=overestimation]")
    chart = page.locator("#health .signal-open svg.chart")
    chart.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert chart.locator(".readout").text_content() == "400: value 53 · earned 54"


def test_without_metrics_the_view_says_so(open_page: Open) -> None:
    page = open_page(sample(findings=[], series={}, evaluations=[], confirms=[])).page
    assert page.inner_text("#health .view") == words()["health.none"]["en"]
    assert page.inner_text("#curve .view > p") == words()["curve.none"]["en"]


@pytest.mark.parametrize("width", [360, 1100])
def test_it_speaks_chinese_and_fits_a_phone(open_page: Open, width: int) -> None:
    page = open_page(data(COLLAPSE, LEFT), hash="lang=zh-Hant", width=width).page
    assert page.inner_text("#health .verdict h3") == words()["health.kind.forgetting.name"]["zh-Hant"]
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    unknown = page.evaluate("document.body.innerText.match(/(health|curve)[.][a-z_.-]+/g)")
    assert unknown is None


def test_the_curve_shows_every_evaluation_the_score_and_the_threshold(open_page: Open) -> None:
    page = open_page(data(HEALTHY)).page
    line = page.locator("#curve path.line").get_attribute("d")
    assert line.count("L") == len(data()["evaluations"]) - 1
    assert page.locator("#curve .band").count() == 3
    assert page.locator("#curve .mark.good").count() == 1
    said = page.inner_text("#curve .card")
    assert "score 480.5, 95 % interval 470 to 490" in said
    assert "threshold 475" in page.locator("#curve svg").first.text_content()


def test_a_score_without_spread_has_a_mean_and_no_interval(open_page: Open) -> None:
    run = sample()["run"]
    same = {**run["score"], "mean": 500.0, "low": None, "high": None}
    page = open_page(data(HEALTHY, run=run | {"score": same, "score_registered": same | {"episodes": 1}})).page
    assert page.locator("#curve .band").count() == 2
    assert "score 500, no spread seen, so no interval" in page.inner_text("#curve .card")
    assert "500 (one episode, so no interval)" in page.inner_text("#curve .card")
    assert "Score 500 (no spread seen, so no interval) over 100 fresh episodes." in page.text_content(".summary")
    assert page.evaluate("document.body.innerText.match(/(main|curve)[.][a-z_.-]+/g)") is None


def test_one_evaluation_is_a_dot_on_an_axis_of_its_values(open_page: Open) -> None:
    run = sample()["run"] | {"score": None}
    one = [{"step": 500, "returns": [0.0, 0.0]}]
    page = open_page(data(HEALTHY, run=run, threshold=1.0, evaluations=one, confirms=[])).page
    chart = page.locator("#curve svg.chart").first
    assert chart.locator("circle.dot").count() == 1
    ticks = {text for text in chart.locator(".tick").all_text_contents() if text}
    assert {"0", "0.5", "1"} <= ticks
    assert "0.001" not in ticks


def test_no_number_of_an_axis_is_cut_off(open_page: Open) -> None:
    page = open_page(data(HEALTHY)).page
    cut = """all => all.filter(each => {
      const [box, chart] = [each, each.closest("svg")].map(node => node.getBoundingClientRect());
      return box.left < chart.left - 1 || box.right > chart.right + 1;
    }).map(each => each.textContent)"""
    assert page.eval_on_selector_all("#curve .tick, #health .tick", cut) == []


def test_the_total_of_the_seconds_comes_last(open_page: Open) -> None:
    run = sample()["run"] | {"seconds": {"train": 1.5, "total": 2.5, "page": 0.5}}
    names = open_page(data(HEALTHY, run=run)).page.locator("#curve .facts tbody td:first-child").all_inner_texts()
    first = names.index("writing the page")
    assert names[first + 1 : first + 3] == ["compiling, opening trackers, and the rest", "total"]


def test_a_run_without_a_score_or_threshold_has_a_curve(open_page: Open) -> None:
    run = sample()["run"] | {"score": None, "score_registered": None}
    page = open_page(data(HEALTHY, run=run, threshold=None, confirms=[])).page
    assert page.locator("#curve path.line").count() == 1
    assert page.locator("#curve .level").count() == 0


def test_values_of_very_different_sizes_get_an_axis_that_shows_them_all(open_page: Open) -> None:
    means = [100.0, 200.0, 400.0, 450.0, 20_000.0]
    rows = [{"step": 100 * i, "returns": [mean]} for i, mean in enumerate(means, 1)]
    page = open_page(data(HEALTHY, evaluations=rows)).page
    assert "return, on a logarithmic scale" in page.locator("#curve svg").first.text_content()
    place = page.locator("#curve path.line").get_attribute("d")
    heights = [float(each.split()[1]) for each in place[1:].split("L")]
    assert heights[0] - heights[3] > 0.2 * (heights[0] - heights[4])  # of a linear one it would be a fiftieth
    ticks = page.locator("#curve svg .tick[text-anchor=end]").all_text_contents()
    assert {"100", "1,000"} <= set(ticks)
    plain = open_page(data(HEALTHY)).page
    assert "logarithmic" not in plain.locator("#curve svg").first.text_content()


def test_settings_are_filtered_and_the_filter_stands_in_the_address(open_page: Open) -> None:
    page = open_page(data(HEALTHY)).page
    page.fill("#curve input[type=search]", "GAM")
    assert page.inner_text("#curve .facts tbody").split() == ["gamma", "0.99"]
    assert page.inner_text("#curve [role=status]") == "1 of 3 settings"
    assert "curve.filter=GAM" in page.evaluate("location.hash")
    again = open_page(data(HEALTHY), hash="curve.filter=seed").page
    assert again.inner_text("#curve .facts tbody").split() == ["seed", "0"]


def test_files_seconds_and_versions_are_listed(open_page: Open) -> None:
    page = open_page(data(HEALTHY)).page
    tables = page.locator("#curve .facts").all_inner_texts()
    assert any("best_model.pth" in text for text in tables)
    assert any("training" in text and "1.5" in text for text in tables)
    assert any("2.13.0" in text for text in tables)
