"""The page of a comparison in a browser: it shows, asks for nothing, and fits narrow screens in light and dark."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dqnlab.comparing.write import write_comparison

from ..compare.kit import comparison
from .conftest import Opened

LOW = (100.0, 110.0, 120.0)
HIGH = (400.0, 420.0, 410.0)


@pytest.mark.world
@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_comparison_fits_the_screen_and_says_nothing(
    pages: Callable[[int], Any], tmp_path: Path, width: int, scheme: str
) -> None:
    path = write_comparison(comparison(dqn=LOW, double=[*HIGH, None], other=LOW), tmp_path)
    page = pages(0)
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(media="screen", color_scheme=scheme)
    opened = Opened(page)
    page.goto(path.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert (
        page.evaluate("getComputedStyle(document.body).backgroundColor")
        == {
            "light": "rgb(251, 251, 249)",
            "dark": "rgb(20, 24, 29)",
        }[scheme]
    )
    assert page.eval_on_selector_all("svg", "all => all.filter(s => s.getBoundingClientRect().width > 0).length") == 5
    arms = page.eval_on_selector_all(".legend:first-of-type li", "all => all.map(one => one.textContent)")
    assert arms[:3] == ["dqn", "double", "other"]
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#settings"
    opened.leave()
    assert opened.problems == []
