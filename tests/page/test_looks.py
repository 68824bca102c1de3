"""A network with convolutions in a browser: the images of every moment, and the words around them."""

import base64
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from dqnlab.explain.frames import webp
from dqnlab.explain.looks import Looks, Maps, Seen

from .conftest import Open
from .sample import sample

INSIDE = "#inside .view"


def flat(level: int, height: int, width: int) -> str:
    return webp(np.full((height, width, 3), level, np.uint8), lossless=True)


def looked(every: int = 1, second: int = 1, largest: float = 0.25, frames: int = 1) -> dict[str, Any]:
    """A page of a network that looks at pictures of 6 x 5 pixels, as bright as the step."""
    data = sample(networks={"best": None, "online": None, "target": None}, closed="closed_pictures")
    data["obs"] |= {"image": True}
    for episode in data["episodes"]:
        steps = range(0, episode["length"], every)
        maps = Maps(2, 3, 2, 2, [flat(t, 4, 6) for t in steps])
        view = Seen(
            name="",
            frames=frames,
            height=6,
            width=5,
            seen=[flat(t, 6, 5 * frames) for t in steps],
            mattered=[flat(100 + t, 6, 5 * frames) for t in steps],
            largest=np.full(len(steps), largest, np.float32),
            layers=[maps, maps._replace(channels=1, columns=1)],
        )
        best = np.zeros(len(steps), np.int32)
        episode["looks"] = Looks(every, best, best + second, [view]).data()
        episode["obs"] = None
    return data


def levels(page: Any, selector: str) -> list[int]:
    """The brightness of each image."""
    sources = page.eval_on_selector_all(f"{selector} img", "all => all.map((each) => each.src)")
    images = [Image.open(io.BytesIO(base64.b64decode(each.partition(",")[2]))) for each in sources]
    return [int(np.asarray(image)[0, 0, 0]) for image in images]


def test_pictures_pixels_and_feature_maps_are_those_of_the_moment(open_page: Open) -> None:
    page = open_page(looked(), hash="level=numbers&t=4").page
    assert levels(page, INSIDE) == [4, 104, 4, 4]
    assert levels(page, "#decision .view") == [4]
    page.evaluate("location.hash = 'level=numbers&t=6'")
    expect(page.locator("#inside .view").first).to_contain_text("step 6")
    assert levels(page, INSIDE) == [6, 106, 6, 6]
    text = page.inner_text(INSIDE)
    assert "Layer 1: 2 maps of 3 × 2" in text
    assert "Layer 2: 1 map of 3 × 2" in text
    assert "Which pixels made the best network rate “left” above “right”?" in text
    assert "The largest product is 0.25, in returns." in text
    assert "Gradient × input" in text
    script = "all => all.every((x) => x.complete && x.naturalWidth > 0 && x.alt)"
    assert page.eval_on_selector_all(f"{INSIDE} img", script)


def test_between_moments_that_were_kept_the_last_one_is_shown(open_page: Open) -> None:
    page = open_page(looked(every=4), hash="t=7").page
    assert levels(page, INSIDE)[0] == 4
    assert "As of step 4: to keep the page small, one in every 4 steps came along." in page.inner_text(INSIDE)
    assert "As of step 4" in page.inner_text("#decision .view")


def test_where_one_action_is_allowed_or_no_pixel_matters_it_says_so(open_page: Open) -> None:
    text = open_page(looked(second=-1, largest=0.0)).page.inner_text(INSIDE)
    assert "“left” is the only action allowed." in text
    assert "At this moment no pixel moves it: every product is 0." in text


def test_an_episode_without_looks_says_so(open_page: Open) -> None:
    data = looked()
    data["episodes"][1]["looks"] = None
    assert "would have taken too much room" in open_page(data, hash="ep=1").page.inner_text(INSIDE)
    none = sample(networks={"best": None, "online": None, "target": None}, closed="closed_pictures")
    assert "does not run the network" in open_page(none).page.inner_text(INSIDE)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("lang", ["en", "zh-Hant"])
def test_it_fits_on_a_phone_in_both_languages(lang: str, scheme: str, open_page: Open) -> None:
    page = open_page(looked(every=2, frames=4), hash=f"lang={lang}&t=3", width=360, scheme=scheme).page
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    text = page.inner_text(INSIDE)
    assert "{" not in text
    assert "looks." not in text
    assert len(text) > 100
