"""Observations of every kind: the decision, the maps and the inside of the network say something sensible of each."""

from typing import Any

import numpy as np
import pytest

from dqnlab.explain.frames import picture
from dqnlab.learn.types import ObsPart, ObsSpec

from .conftest import Open
from .odd import STEPS, page_of


@pytest.mark.parametrize(
    ("run", "maps", "inside"),
    [
        ((ObsSpec((20, 20), np.dtype(np.uint8)), 3, True), "The observation is a picture", "388 others: together"),
        ((ObsSpec((12,), np.dtype(np.float32)), 9), "The other inputs are held", "x[11]"),
        ((ObsSpec((1,), np.dtype(np.float32)), 2), "sees only one number", "x[0]"),
        ((ObsSpec((3,), np.dtype(np.float32)), 1), "a0 100 %", "There is only one action"),
        ((ObsSpec((5,), np.dtype(np.uint8)), 2), "The other inputs are held", "x[4]"),
        ((ObsSpec((2,), np.dtype(np.int64), 7), 2), "several state numbers at once", "state 6"),
        ((ObsSpec((), np.dtype(np.int64), 500), 6), "visited states", "others: together"),
        ((ObsSpec((), np.dtype(np.int64), 2000), 2), "more states than a map could show", "others: together"),
    ],
    ids=["image", "twelve", "one number", "one action", "bytes", "several states", "500 states", "2000 states"],
)
def test_every_kind_of_observation_is_spoken_of(open_page: Open, run: Any, maps: str, inside: str) -> None:
    page = open_page(page_of(*run), hash="level=numbers&t=3", width=360).page
    assert maps in page.inner_text("#maps > .view")
    assert inside in page.inner_text("#inside .inside-mattered")
    assert page.locator("#decision .decision-network").count() == 3
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_mask_is_no_input_and_an_input_that_never_moved_has_no_place_on_a_range(open_page: Open) -> None:
    part = ObsPart(("x",), 0, (3,), np.dtype(np.float32))
    data = page_of(ObsSpec((5,), np.dtype(np.float32), parts=(part,), mask=3), 2)
    data["episodes"][0]["obs"][:, 1] = 2.0
    page = open_page(data, hash="level=numbers&t=3").page
    rows = page.locator("#decision .decision-parts .card").first.locator("tr")
    assert rows.locator("th").all_inner_texts() == ["x[0]", "x[1]", "x[2]"]
    assert [rows.nth(i).locator(".decision-dot").count() for i in range(3)] == [1, 0, 1]


def test_a_forbidden_action_is_said_to_be_so_and_has_no_bar(open_page: Open) -> None:
    data = page_of(ObsSpec((3,), np.dtype(np.float32)), 3)
    q = {name: np.where([True, False, True], values, -np.inf) for name, values in data["episodes"][0]["q"].items()}
    data["episodes"][0]["q"] = {name: values.astype(np.float32) for name, values in q.items()}
    data["networks"] = dict.fromkeys(data["networks"])
    page = open_page(data).page
    network = page.locator("[data-network=best]")
    bars = network.locator(".bar")
    assert bars.count() == 3
    assert bars.nth(1).inner_text().split() == ["a1", "forbidden"]
    assert bars.nth(1).locator(".fill").evaluate("bar => bar.getBoundingClientRect().width") == 0
    assert all("NaN" not in text and "∞" not in text for text in network.all_inner_texts())


def test_where_one_action_is_allowed_there_is_no_gap(open_page: Open) -> None:
    data = page_of(ObsSpec((3,), np.dtype(np.float32)), 3)
    alone = np.full((STEPS, 3), -np.inf, np.float32)
    alone[:, 2] = 5.0
    data["episodes"][0]["q"] = dict.fromkeys(data["episodes"][0]["q"], alone)
    data["networks"] = dict.fromkeys(data["networks"])
    page = open_page(data)
    assert page.module("views/decision.js", "m.choice([-Infinity, -Infinity, 5])") == {
        "best": 2,
        "second": None,
        "gap": 0,
    }
    said = page.page.locator(".decision-verdict").inner_text()
    assert "a2" in said
    assert "worth" not in said


@pytest.mark.parametrize("shape", [(11, 12), (11, 12, 3), (3, 11, 12), (2, 11, 12), (11, 12, 4), (11, 12, 1)])
def test_a_picture_is_drawn_as_its_film_strip_is(open_page: Open, shape: tuple[int, ...]) -> None:
    spec = ObsSpec(shape, np.dtype(np.uint8))
    data = page_of(spec, 3, True)
    opened = open_page(data, hash="t=3")
    seen = data["episodes"][0]["obs"][3]
    expected = picture(seen, 0, 255)
    assert opened.page.inner_text("#decision .decision-parts p >> nth=1").startswith(
        "A picture of 11 × 12 pixels, with "
    )
    drawn = opened.module(
        "world/seen.js", "[...m.pixels(...argument)]", [data["obs"]["pictures"][0], seen.ravel().tolist()]
    )
    assert drawn == expected.ravel().tolist()
    assert opened.page.locator("#decision .decision-picture").evaluate("node => [node.height, node.width]") == [11, 12]


def test_of_parts_pictures_are_drawn_and_other_numbers_listed(open_page: Open) -> None:
    data = page_of(ObsSpec((146,), np.dtype(np.float32)), 3)
    image = {"name": "image", "first": 1, "start": 73, "shape": [6, 12], "rows": 0, "black": 0.0, "white": 1.0}
    data["obs"] |= {"pictures": [image], "stack": 2}
    card = open_page(data, hash="t=3").page.locator("#decision .decision-parts > .card >> nth=0")
    assert "image: a picture of 6 × 12 pixels, with 1 channel." in card.inner_text()
    assert "the newest 2; this is the last of them" in card.inner_text()
    assert [text.split()[0] for text in card.locator("tr").all_inner_texts()] == ["x[0]", "x[145]"]


@pytest.mark.parametrize("source", ["observation", "render"])
@pytest.mark.parametrize(("shape", "image"), [((20, 20, 3), True), ((300,), False)])
def test_observations_that_were_not_kept_leave_the_rest_of_the_page(
    open_page: Open, shape: tuple[int, ...], image: bool, source: str
) -> None:
    data = page_of(ObsSpec(shape, np.dtype(np.uint8 if image else np.float32)), 3, image)
    data["episodes"][0]["obs"] = None
    data["world"] = {"kind": "frames", "params": {"fps": 5, "source": source}}
    page = open_page(data, hash="t=3").page
    said = "The world above shows it." if source == "observation" else "too large to be kept in this page"
    assert said in page.inner_text("#decision")
    assert page.locator("#decision .decision-network").count() == 3
    for view in ("inside", *(() if image else ("whatif", "maps"))):
        assert "too large to be kept in this page" in page.inner_text(f"#{view} > .view")
    assert page.inner_text("#curve > .view") != ""  # the last view, which comes after all others


def test_it_is_said_why_no_network_runs_in_the_page(open_page: Open) -> None:
    data = page_of(ObsSpec((20, 20), np.dtype(np.uint8)), 3, True) | {"closed": "closed_pictures"}
    data["networks"] = dict.fromkeys(data["networks"])
    page = open_page(data).page
    for view in ("whatif", "inside"):
        assert "because its convolutions look at pictures" in page.inner_text(f"#{view} > .view")
