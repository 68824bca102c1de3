"""The real thing: what the page of a run says of the orders that it was given, until each of them is done."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dqnlab.config import Steps
from dqnlab.lab.session import train
from dqnlab.store import lock

from ..tiny import tiny
from .program import PATIENCE, Program


@pytest.fixture
def going(tmp_path: Path) -> Iterator[Path]:
    """A run as it was in the middle of training, with this process at work on it."""
    config = tiny(budget=Steps(num=300), checkpoint_every=1_000)
    folder = train(config, out=tmp_path / "runs" / "CartPole-v1" / "going", trackers=("none",)).folder
    (folder / "result.json").unlink()
    settings = folder / "config.toml"
    settings.write_text(settings.read_text().replace("\nnum = 300\n", "\nnum = 5000\n"))  # it is not at its end
    with lock.locked(folder):
        yield folder


@pytest.fixture
def server(going: Path, tmp_path: Path) -> Iterator[Program]:
    program = Program(f"live {going}", tmp_path)
    yield program
    program.kill()


@pytest.mark.world
@pytest.mark.timeout(900)
def test_an_order_under_way_is_said_until_it_is_done_whatever_else_is_asked(
    going: Path, server: Program, pages: Any
) -> None:
    from playwright.sync_api import expect

    def record(*names: str) -> None:
        """What the run writes that has done these."""
        with (going / "metrics.jsonl").open("a") as file:
            file.writelines(f'{{"step": 300, "control/{name}": 1.0}}\n' for name in names)

    page = pages(0)
    page.goto(server.until(r"live: (http\S+)"))
    expect(page.locator("#live-line .dot")).to_have_text("training", timeout=1_000 * PATIENCE)
    said = page.locator("#live-said p")
    waits = (
        "asked: Save a checkpoint. It waits for the next moment from which the run can be resumed exactly, at the "
        "latest step 1,000"
    )
    page.click("#live-orders [data-order=checkpoint]")
    expect(said).to_have_text([waits])
    page.click("#live-orders [data-order=pause]")
    expect(said).to_have_text([waits, "asked: Pause"])
    record("pause")
    expect(said).to_have_text([waits, "done: Pause"])
    page.click("#live-orders [data-order=step]")
    page.click("#live-orders [data-order=step]")
    expect(said).to_have_text([waits, "asked: One block", "asked: One block"])
    record("step", "pause")
    expect(said).to_have_text([waits, "done: One block", "asked: One block"])
    record("checkpoint", "step", "pause")
    expect(said.first).to_have_text("done: Save a checkpoint")
    page.click("#live-orders [data-order=stop]")
    page.click("#live-orders [data-order=stop]")
    expect(said).to_have_text(["asked: Stop and judge"])
    record("stop")
    expect(page.locator("#live-line .dot")).to_have_text("judging")
    expect(said).to_have_count(0)
    expect(page.locator("#live-orders button")).to_have_count(0)
    page.goto("about:blank")  # which asks nothing of a server that has ended
