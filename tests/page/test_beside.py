"""The page of two runs in a browser: one clock for both, the step at which they part, their values and figures."""

import re
from typing import Any

import numpy as np
import pytest

from dqnlab.explain.page import LANGUAGES, words

from .conftest import Open, Opened
from .sample import episode, network, sample
from .test_world import INK, until


def side(seed: int, start: int) -> dict[str, Any]:
    """An episode of a network with random weights."""
    nets = {"best": network(seed)}
    return {**episode(nets, start), "terrain": None, "outlook": None, "looks": None, "memory": None}


def both(**changes: Any) -> dict[str, Any]:
    """The data of a page: two small networks in CartPole, from three starts."""
    run = sample()
    pairs = [(side(0, start), side(3, start)) for start in range(3)]
    judged = {"step": np.arange(0, 1000, 100, dtype=np.float32), "mean": np.arange(10, dtype=np.float32)}
    judged |= {"low": judged["mean"] - 1, "high": judged["mean"] + 1}
    about = {name: run["run"][name] for name in ("preset", "seed", "solved", "env_steps", "updates", "score")}
    about |= {"imported": "", "finding": None, "policy": None, "judged": judged, "stands_in": False, "page": None}
    data = {
        "schema": 1,
        "env": "CartPole-v1",
        "threshold": 475.0,
        "runs": [about | {"called": "slow"}, about | {"called": "fast", "page": "./../fast/report.html"}],
        "fork": None,
        "differing": [["optimizer.lr", "0.001", "0.01"]],
        **{name: run[name] for name in ("obs", "world", "inputs", "actions")},
        "episodes": [
            {"seed": i, "parting": _parting(*pair), "repeats": True, "sides": list(pair)}
            for i, pair in enumerate(pairs)
        ],
        "labels": {"first": 0},
        "returns": [[pair[0]["return"], pair[1]["return"]] for pair in pairs],
    }
    return data | changes


def _parting(one: dict[str, Any], other: dict[str, Any]) -> int | None:
    shared = min(one["length"], other["length"])
    apart = np.flatnonzero(one["action"][:shared] != other["action"][:shared])
    return int(apart[0]) if len(apart) else None


def step(opened: Opened) -> int:
    return int(opened.page.get_attribute(".beside-strips", "aria-valuenow"))


def test_both_play_at_once_on_one_clock_until_the_longer_ends(open_page: Open) -> None:
    data = both()
    opened = open_page(data, kind="beside", motion="no-preference")
    until(lambda: step(opened) > 0)
    last = max(each["length"] for each in data["episodes"][0]["sides"]) - 1
    opened.page.press(".beside-strips", "End")
    assert step(opened) == last
    said = opened.page.locator(".beside-said").all_inner_texts()
    shorter = int(np.argmin([each["length"] for each in data["episodes"][0]["sides"]]))
    assert re.match("ended at step .* return", said[shorter])
    assert all(opened.page.eval_on_selector(f".side-{letter} canvas", INK) > 0.01 for letter in "ab")


def test_one_click_leads_to_the_first_different_decision_and_the_bars_show_it(open_page: Open) -> None:
    data = both()
    place = next(i for i, each in enumerate(data["episodes"]) if each["parting"] is not None)
    parting = data["episodes"][place]["parting"]
    opened = open_page(data, hash=f"ep={place}&t=5", kind="beside")
    opened.page.click(".beside-jump")
    assert step(opened) == parting
    assert f"t={parting}" in opened.page.evaluate("location.hash") or parting == 0
    for letter, each in zip("ab", data["episodes"][place]["sides"], strict=True):
        chosen = opened.page.inner_text(f".card.side-{letter} .chosen .value-number")
        assert float(chosen) == pytest.approx(each["q"]["best"][parting].max(), abs=0.02)
    assert sorted(opened.page.locator(".chosen .value-name").all_inner_texts()) == ["left", "right"]
    when = f"Until step {parting} both saw the same" if parting else "differently from the first step on"
    assert when in opened.page.inner_text(".beside-parting")


@pytest.mark.parametrize(
    ("parting", "repeats", "said"),
    [
        (None, True, "In this episode they never decide differently."),
        (None, False, "They never decide differently here, and yet"),
        (0, True, "They decide differently from the first step on"),
        (3, False, "by step 3, where they first decide differently"),
    ],
)
def test_what_is_said_of_the_parting_fits_when_it_was(
    open_page: Open, parting: int | None, repeats: bool, said: str
) -> None:
    data = both()
    data["episodes"][0] |= {"parting": parting, "repeats": repeats}
    assert said in open_page(data, kind="beside").page.inner_text(".beside-parting")


def test_what_differs_stands_on_top_and_each_run_leads_to_its_own_page(open_page: Open) -> None:
    page = open_page(both(), kind="beside").page
    assert " ".join(page.inner_text(".beside-settings").split()) == "optimizer.lr A 0.001 B 0.01"
    assert page.get_attribute(".beside-head a", "href") == "./../fast/report.html"
    assert page.locator(".beside-head a").count() == 1
    assert page.locator(".beside-curves .line").count() == 2
    assert page.title() == "slow | fast – dqnlab"


def test_a_branch_has_its_curves_from_the_fork_on(open_page: Open) -> None:
    page = open_page(both(fork={"step": 500, "branch": 1}), kind="beside").page
    assert "Both are the same run until step 500; from there on fast goes its own way." in page.inner_text(".summary")
    assert page.locator(".beside-curves .mark").count() == 1
    assert page.locator(".beside-curves .tick").all_inner_texts().count("0") <= 1  # of the returns, not of the steps


@pytest.mark.parametrize("width", [360, 1100])
def test_nothing_is_scrolled_sideways_and_every_language_is_spoken(open_page: Open, width: int) -> None:
    page = open_page(both(), width=width, kind="beside").page
    for language in LANGUAGES:
        page.select_option("header .choose-lang", language)
        assert words()["beside.title"][language] in page.inner_text("h1")
        assert not re.search(r"undefined|NaN|(beside|world|main|curve)\.\w", page.inner_text("body"))
        assert page.evaluate("document.documentElement.scrollWidth") <= width
