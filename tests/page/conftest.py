"""A real browser for the page: Debian's chromium, without a network.

Where there is none the tests are skipped with the reason, unless REQUIRE_BROWSER=1 turns that into a failure.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import pytest

from dqnlab.explain.page import render

FLAGS = [
    "--no-sandbox",  # which chromium cannot have as root
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def missing(why: str) -> NoReturn:
    """No browser: a failure where one is required, else a skip with the reason."""
    if os.environ.get("REQUIRE_BROWSER") == "1":
        pytest.fail(f"REQUIRE_BROWSER=1, but {why}")
    pytest.skip(why)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One chromium for all tests of a process."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        missing("there is no chromium: apt install chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing('there is no playwright: pip install "dqnlab[dev]"')
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield launched
        launched.close()


class Opened:
    """A page on the screen, and everything that it said or asked for."""

    def __init__(self, page: Any):
        self.page = page
        self.problems: list[str] = []
        self._heard = {
            "console": lambda message: self.problems.append(f"console {message.type}: {message.text}"),
            "pageerror": lambda error: self.problems.append(f"error: {error}"),
            "dialog": self._dialog,
            "request": self._request,
        }
        for event, hear in self._heard.items():
            page.on(event, hear)

    def leave(self) -> None:
        """Leaves the page to the next test: empty, heard by nobody."""
        self.page.goto("about:blank")
        for event, hear in self._heard.items():
            self.page.remove_listener(event, hear)

    def _request(self, request: Any) -> None:
        if not request.url.startswith(("file:", "data:")):
            self.problems.append(f"request: {request.url}")

    def _dialog(self, dialog: Any) -> None:
        self.problems.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def module(self, name: str, expression: str, argument: Any = None) -> Any:
        """What an expression over the exports `m` of one of the page's modules, and `argument`, comes to."""
        script = f"(argument) => {{ const m = modules[{name!r}]; return {expression}; }}"
        return self.page.evaluate(script, argument)


Open = Callable[..., Opened]


@pytest.fixture(scope="session")
def pages(browser: Any) -> Callable[[int], Any]:
    """The n-th page on the screen, the same for every test: a new one costs more than to draw a report.

    What a page keeps is the size and the colours of its screen, and both are set anew at each opening.
    """
    context = browser.new_context(locale="en-GB")
    made: list[Any] = []

    def page(number: int) -> Any:
        while len(made) <= number:
            made.append(context.new_page())
        return made[number]

    return page


@pytest.fixture
def open_page(pages: Callable[[int], Any], tmp_path: Path) -> Iterator[Open]:
    """Writes a page of data, opens it from disk, and at the end of the test wants no console message and no request.

    `open_page(data, hash="t=3", width=400, scheme="dark")`. Less motion is wanted, so that no page plays unasked.
    `kind="beside"` opens the page of two runs.
    """
    opened: list[Opened] = []

    def open_(
        data: Mapping[str, Any],
        hash: str = "",
        width: int = 1100,
        scheme: str = "light",
        height: int = 900,
        motion: str = "reduce",
        kind: str = "main",
    ) -> Opened:
        path = tmp_path / f"report-{len(opened)}.html"
        path.write_text(render(data, kind), encoding="utf-8")
        page = pages(len(opened))
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(media="screen", color_scheme=scheme, reduced_motion=motion)
        opened.append(Opened(page))
        page.goto(path.as_uri() + (f"#{hash}" if hash else ""))
        return opened[-1]

    yield open_
    problems = [problem for each in opened for problem in each.problems]
    for each in opened:
        each.leave()
    assert problems == []
