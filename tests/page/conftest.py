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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever opens a page needs a browser: `make check` leaves it out."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)


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
        page.on("console", lambda message: self.problems.append(f"console {message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        page.on("dialog", self._dialog)
        page.on("request", self._request)

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


@pytest.fixture
def open_page(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Writes a page of data, opens it from disk, and at the end of the test wants no console message and no request.

    `open_page(data, hash="t=3", width=400, scheme="dark")`.
    """
    opened: list[Opened] = []

    def open_(data: Mapping[str, Any], hash: str = "", width: int = 1100, scheme: str = "light") -> Opened:
        path = tmp_path / f"report-{len(opened)}.html"
        path.write_text(render(data), encoding="utf-8")
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, locale="en-GB")
        opened.append(Opened(context.new_page()))
        opened[-1].page.goto(path.as_uri() + (f"#{hash}" if hash else ""))
        return opened[-1]

    yield open_
    problems = [problem for each in opened for problem in each.problems]
    for each in opened:
        each.page.context.close()
    assert problems == []
