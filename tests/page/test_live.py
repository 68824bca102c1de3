"""The real thing: a run, a server beside it, and a browser; each may be killed, and the others go on."""

import json
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from dqnlab.live.networks import steps_of

from .program import PATIENCE, Program, waited

TRAIN = (
    "train CartPole-v1 --preset dqn --hidden 8 --steps 1000000000 --compile off --tracker none --no-explain "
    "--film.episodes 0 --evaluate-every.num 500000 --update-every 4 --no-stop-when-solved --name watched"
)


def steps(folder: Path) -> int:
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return json.loads(lines[-1])["step"] if len(lines) > 1 else 0


@pytest.fixture
def training(tmp_path: Path) -> Iterator[Program]:
    program = Program(TRAIN, tmp_path)
    yield program
    program.kill()


@pytest.fixture
def server(training: Program, tmp_path: Path) -> Iterator[Program]:
    """Begun beside the run, so that neither waits for the other to be loaded."""
    program = Program("live", tmp_path)
    yield program
    program.kill()


@pytest.mark.world
@pytest.mark.timeout(900)
def test_a_run_is_watched_paused_and_continued_in_a_browser_and_either_side_may_be_killed(
    training: Program, server: Program, pages: Any, tmp_path: Path
) -> None:
    from playwright.sync_api import expect

    address = server.until(r"live: (http\S+)")
    listening = [c.laddr.ip for c in psutil.Process(server.process.pid).net_connections() if c.status == "LISTEN"]
    assert listening == ["127.0.0.1"]
    page = pages(0)
    said: list[str] = []
    hear = lambda message: said.append(message.text)  # noqa: E731
    page.on("console", hear)
    page.on("pageerror", hear)
    page.goto(address)
    page.get_by_role("link", name="watched").click(timeout=1_000 * PATIENCE)  # once there is such a run
    expect(page.locator("#live-line .dot.running")).to_be_visible(timeout=1_000 * PATIENCE)
    expect(page.locator("#world canvas, #world svg").first).to_be_visible(timeout=1_000 * PATIENCE)
    folder = next(tmp_path.glob("runs/*/*/metrics.jsonl")).parent
    page.click("#live-orders [data-order=pause]")
    expect(page.locator("#live-line .dot.paused")).to_be_visible(timeout=1_000 * PATIENCE)
    expect(page.locator("#live-said")).to_have_text("done: Pause")
    before = steps(folder)
    page.click("#live-orders [data-order=step]")
    waited(lambda: '"control/step"' in (folder / "metrics.jsonl").read_text())
    assert steps(folder) < before + 50  # a few steps, and not a hundred thousand
    expect(page.locator("#live-said")).to_have_text("done: One block")
    waited(lambda: steps_of(folder)[1] == steps(folder))  # the network that it shows is one of that very moment
    expect(page.locator("#live-line")).to_contain_text(f"step {steps(folder):,}")
    page.click("#live-orders [data-order=continue]")
    waited(lambda: steps(folder) > before + 100)

    again = Program("live watched --read-only --port 0", tmp_path)
    try:
        page.click("#live-orders [data-order=pause]")
        expect(page.locator("#live-line .dot.paused")).to_be_visible(timeout=1_000 * PATIENCE)
        assert said == []
        page.remove_listener("console", hear)  # which says what cannot be loaded
        server.kill()
        before = steps(folder)
        expect(page.locator("#live-said")).to_contain_text("No connection", timeout=1_000 * PATIENCE)
        page.goto("about:blank")
        page.remove_listener("pageerror", hear)
        address = again.until(r"to look only: (http\S+)")
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(address.replace("/run/", "x/run/"), timeout=PATIENCE)
        waited(lambda: steps(folder) > before + 100)  # nobody holds it any more
        training.process.send_signal(signal.SIGKILL)
        training.process.wait()

        def lost() -> bool:
            with urllib.request.urlopen(f"{address}news", timeout=PATIENCE) as stream:
                state = next(line for line in stream if line.startswith(b'data: {"status":'))
                return b'"status":"unfinished"' in state

        waited(lost)
        again.process.send_signal(signal.SIGINT)
        assert again.process.wait(PATIENCE) == 128 + signal.SIGINT
    finally:
        again.kill()
