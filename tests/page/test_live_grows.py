"""The real thing: pages of a server that stay open while seeds and runs begin, and are never loaded again."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dqnlab.config import Steps
from dqnlab.lab.session import train
from dqnlab.store.folder import Run

from ..tiny import tiny
from .program import PATIENCE, Program

GROUP = "20260101T000000Z-tiny-s0-2"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that has ended, with a curve."""
    return train(tiny(budget=Steps(num=300)), out=tmp_path_factory.mktemp("trained") / "run", trackers=("none",))


@pytest.fixture
def group(tmp_path: Path) -> Path:
    """A group of which no seed has begun."""
    folder = tmp_path / "runs" / "CartPole-v1" / GROUP
    folder.mkdir(parents=True)
    (folder / "summary.json").write_text('{"schema": 1, "seeds": [0, 1, 2]}')
    return folder


@pytest.fixture
def server(group: Path, tmp_path: Path) -> Iterator[Program]:
    program = Program(f"live {group}", tmp_path)
    yield program
    program.kill()


@pytest.mark.world
@pytest.mark.timeout(900)
def test_seeds_and_runs_appear_and_go_on_open_pages(
    trained: Run, group: Path, server: Program, pages: Any, tmp_path: Path
) -> None:
    from playwright.sync_api import expect

    address = server.until(r"live: (http\S+)")
    page, front = pages(0), pages(1)
    said: list[str] = []
    page.goto(address)
    front.goto(address.partition("run/")[0])
    hear = lambda error: said.append(str(error))  # noqa: E731
    for each in (page, front):
        each.on("pageerror", hear)
        each.evaluate("window.opened = 'once'")
    patience = {"timeout": 1_000 * PATIENCE}
    names, curves = page.locator("#page tbody tr td:first-child"), page.locator("#page svg [class^='line own-']")
    rows = front.locator("#list-runs tbody tr td:nth-child(2)")
    expect(page.locator("#page .card p")).to_have_text("Nothing has been evaluated yet.", **patience)

    shutil.copytree(trained.folder, group / "seed-1")
    expect(names).to_have_text(["seed-1"], **patience)
    expect(curves).to_have_count(1, **patience)
    colour = curves.get_attribute("class")
    expect(page.locator("#page tbody .dot.finished")).to_have_count(1, **patience)
    expect(rows).to_have_text([GROUP], **patience)

    shutil.copytree(trained.folder, group / "seed-0")
    expect(names).to_have_text(["seed-0", "seed-1"], **patience)
    expect(curves).to_have_count(2, **patience)
    assert curves.nth(1).get_attribute("class") == colour  # of seed-1, which it was before

    alone = group.with_name("20260102T000000Z-alone-s0")
    shutil.copytree(trained.folder, alone)
    expect(rows).to_have_text([alone.name, GROUP], **patience)
    for box in front.locator("#list-runs tbody input").all():
        box.check()
    expect(front.locator("#list-differing .card")).to_be_visible(**patience)
    shutil.rmtree(alone)
    expect(rows).to_have_text([GROUP], **patience)
    expect(front.locator("#list-differing .card")).to_have_count(0, **patience)
    assert [each.evaluate("window.opened") for each in (page, front)] == ["once", "once"]
    assert said == []
    for each in (page, front):
        each.goto("about:blank")
        each.remove_listener("pageerror", hear)
