"""How soon `dqn live` shows what a run writes, what that costs the run, and what memory an hour of it takes.

    python benchmarks/live.py                 # latency and cost: some 20 minutes, on two quiet cores
    python benchmarks/live.py --only latency  # two minutes
    python benchmarks/live.py --only cost --turns 3
    python benchmarks/live.py --hour          # memory; --minutes 5 for less

Real processes, and a real Chromium with the page open: apt install chromium; pip install "dqnlab[dev,live]". What the
run writes is timed by looking at its folder every 2 ms, what the page shows by an observer in it, in the frame after.
For the cost (Linux only) the run has one core to itself, and everybody else another one; what a run pays is also
measured with nobody there but somebody who touches its control.json, as the viewer does. Each part writes its own
share of benchmarks/results/live.json.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
from machine import RESULTS, describe_machine, write_results
from safetensors import safe_open

from dqnlab.live.places import run_number
from dqnlab.store.control import LIVE, Control, touch_control, write_control

CARTPOLE = (
    "train CartPole-v1 --preset dqn --hidden 64 64 --seed 1 --tracker none --no-explain --film.episodes 0 "
    "--no-stop-when-solved --confirm-episodes 2 --score-episodes 2 --quiet"
)
ENDLESS = "--steps 1000000000 --compile off"
OFTEN = "--evaluate-every.num 6000 --select-episodes 2"
KINDS = {"row": "a record", "evaluation": "an evaluation", "network": "a network"}
ARMS = ("alone", "touched", "watched")
STEPS = {"off": 60_000, "on": 200_000}
"""of the runs whose cost is measured, compiled or not"""
SLOWLY = '''"""An environment that takes its time where DQNLAB_SLOWLY says how much: in training, not on the page."""

import os
import time

import gymnasium


class Slowly(gymnasium.Wrapper):
    def step(self, action):
        if "DQNLAB_SLOWLY" in os.environ:
            time.sleep(float(os.environ["DQNLAB_SLOWLY"]))
        return super().step(action)
'''
OBSERVE = """() => {
  window.seen = [];
  const shown = {};
  const selectors = {row: "#live-line .number", evaluation: "#curve .said", network: "#live-networks .number"};
  const look = () => {
    for (const [kind, selector] of Object.entries(selectors)) {
      const number = document.querySelector(selector)?.textContent.replaceAll(",", "").match(/\\d+/)?.[0];
      if (number === undefined || number === shown[kind]) continue;
      shown[kind] = number;
      requestAnimationFrame(() => setTimeout(() => window.seen.push([kind, Number(number), Date.now() / 1000])));
    }
  };
  new MutationObserver(look).observe(document.body, {childList: true, subtree: true, characterData: true});
}"""


# ── Whoever takes part ───────────────────────────────────────────────────────────────────────────


def training(words: str, folder: Path, core: int | None = None, **environment: str) -> subprocess.Popen[bytes]:
    """`dqn` at work, into a folder; on one core alone if one is named."""
    return subprocess.Popen(
        [sys.executable, "-m", "dqnlab", *words.split(), "--out", str(folder)],
        stdout=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        preexec_fn=None if core is None else lambda: os.sched_setaffinity(0, {core}),
    )


@contextmanager
def serving(runs: Path, *words: str, **environment: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """`dqn live` over a folder of runs: where its list is, and its process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dqnlab", "live", "--runs", str(runs), *words],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        if not said.startswith("live: "):
            raise RuntimeError(f"dqn live said {said!r}")
        yield said.split()[1], process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


@contextmanager
def chromium() -> Iterator[Any]:
    """A page on the screen of a browser of its own."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        raise SystemExit("there is no chromium: apt install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield browser.new_page(locale="en-GB", viewport={"width": 1280, "height": 900})
        browser.close()


def begun(folder: Path) -> None:
    """Waits until a run records."""
    until(lambda: (folder / "metrics.jsonl").exists())


def until(what: Callable[[], Any], patience: float = 120.0) -> None:
    end = time.monotonic() + patience
    while not what():
        if time.monotonic() > end:
            raise RuntimeError(f"not within {patience:.0f} s")
        time.sleep(0.02)


def open_page(page: Any, address: str, folder: Path) -> None:
    """Opens the page of a run, and waits until it has drawn a network."""
    page.goto(f"{address}run/{run_number(folder)}/")
    page.locator("#world .view > *").first.wait_for(state="attached", timeout=120_000)


# ── How soon ─────────────────────────────────────────────────────────────────────────────────────


class Writes(threading.Thread):
    """What a run writes, and when that was first seen."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.found: dict[str, list[tuple[int, float]]] = {kind: [] for kind in KINDS}
        self.ends = threading.Event()
        self._folder = folder
        self._mark: tuple[int, int] | None = None

    def run(self) -> None:
        evaluations = 0
        with (self._folder / "metrics.jsonl").open("rb") as file:
            rest = b""
            while not self.ends.wait(0.002):
                if piece := file.read():
                    now = time.time()
                    *lines, rest = (rest + piece).split(b"\n")
                    rows = [json.loads(line) for line in lines]
                    evaluations += (new := sum("eval/returns" in row for row in rows))
                    if steps := [row["step"] for row in rows if "step" in row]:
                        self._note("row", steps[-1], now)
                    if new:
                        self._note("evaluation", evaluations, now)
                self._look_at_networks()

    def _look_at_networks(self) -> None:
        try:
            at = (self._folder / LIVE).stat()
            mark, now = (at.st_ino, at.st_mtime_ns), time.time()
            if mark != self._mark:
                self._mark = mark
                with safe_open(self._folder / LIVE, "np") as file:
                    self._note("network", int(file.get_tensor("step")), now)
        except OSError:
            pass

    def _note(self, kind: str, value: int, now: float) -> None:
        """Of records one a second, for there are many."""
        found = self.found[kind]
        if kind != "row" or not found or now - found[-1][1] > 1.0:
            found.append((value, now))


def latency(samples: int) -> dict[str, Any]:
    """Seconds from written to drawn, of a run in progress."""
    with tempfile.TemporaryDirectory() as home, chromium() as page:
        folder = Path(home) / "runs" / "CartPole-v1" / "watched"
        process = training(f"{CARTPOLE} {ENDLESS} {OFTEN}", folder)
        try:
            begun(folder)
            writes = Writes(folder)
            with serving(folder.parents[1]) as (address, _):
                open_page(page, address, folder)
                page.locator("#curve .said").first.wait_for(state="attached", timeout=120_000)
                page.evaluate(OBSERVE)
                page.wait_for_timeout(2_000)
                began = time.time()
                writes.start()
                while min(map(len, fresh(writes.found, began).values())) < samples:
                    page.wait_for_timeout(500)
                ended = time.time()
                seen = all_seen(page, fresh(writes.found, began, ended))
                writes.ends.set()
                writes.join()
        finally:
            process.kill()
            process.wait()
    found = {}
    for kind, written in fresh(writes.found, began, ended).items():
        drawn = [(value, at) for each, value, at in seen if each == kind]
        took = [next((at for shown, at in drawn if shown >= value), float("inf")) - then for value, then in written]
        found[kind] = summary(took)
        print(f"{KINDS[kind]}: {found[kind]}")
    pictures = [at for kind, _, at in seen if kind == "network"]
    found["seconds between networks"] = round(statistics.median(b - a for a, b in pairwise(pictures)), 2)
    return found


def all_seen(page: Any, written: dict[str, list[tuple[int, float]]]) -> list[tuple[str, int, float]]:
    """What the page showed and when, once it has shown the latest of all that was written."""
    for _ in range(120):
        seen = page.evaluate("() => window.seen")
        if all(
            any(each == kind and value >= found[-1][0] for each, value, _ in seen) for kind, found in written.items()
        ):
            return seen
        page.wait_for_timeout(1_000)
    raise RuntimeError("the page does not show what was written two minutes ago")


def fresh(
    found: dict[str, list[tuple[int, float]]], began: float, ended: float = float("inf")
) -> dict[str, list[tuple[int, float]]]:
    """What was written in between."""
    return {kind: [each for each in written if began < each[1] <= ended] for kind, written in found.items()}


def summary(took: list[float]) -> dict[str, float]:
    return {"samples": len(took), "median": round(statistics.median(took), 3), "worst": round(max(took), 3)}


# ── What it costs ────────────────────────────────────────────────────────────────────────────────


def cost(turns: int, steps: dict[str, int]) -> dict[str, Any]:
    """Seconds of the run's process and of the clock, watched and not; and that all end in the same bits."""
    if not hasattr(os, "sched_setaffinity") or len(cores := sorted(os.sched_getaffinity(0))) < 2:
        raise SystemExit(
            "the cost is measured with the run on one core and everybody else on another: Linux, two cores"
        )
    os.sched_setaffinity(0, {cores[1]})
    found: dict[str, Any] = {"load before": os.getloadavg()[0]}
    try:
        with tempfile.TemporaryDirectory() as home, chromium() as page:
            for compile in STEPS:
                words = f"{CARTPOLE} --update-every 1 --threads 1 --compile {compile} --steps"
                training(f"{words} 3000", Path(home) / compile, cores[0]).wait()  # compiles, and warms the disk
                seconds: dict[str, list[tuple[float, float]]] = {arm: [] for arm in ARMS}
                bits = set()
                for turn in range(turns):
                    for arm in ARMS if turn % 2 == 0 else ARMS[::-1]:
                        folder = Path(home) / "runs" / "CartPole-v1" / f"{compile}-{arm}-{turn}"
                        seconds[arm].append(one_run(f"{words} {steps[compile]}", folder, arm, page, cores[0]))
                        bits.add(state_of(folder))
                        print(f"compile {compile}, {arm}: processor {seconds[arm][-1][0]:.2f} s, "
                              f"clock {seconds[arm][-1][1]:.2f} s", flush=True)  # fmt: skip
                found[f"compile {compile}"] = table(seconds) | {"steps": steps[compile], "same bits": len(bits) == 1}
                print(f"compile {compile}: {found[f'compile {compile}']}")
    finally:
        os.sched_setaffinity(0, cores)
    return found


def one_run(words: str, folder: Path, arm: str, page: Any, core: int) -> tuple[float, float]:
    """Processor and clock seconds of a run, from its first record to its end."""
    if arm == "watched":
        folder.parents[1].mkdir(parents=True, exist_ok=True)
        with serving(folder.parents[1]) as (address, _):
            page.goto(address)
            return timed(words, folder, core, page, lambda: open_page(page, address, folder))
    page.goto("about:blank")
    if arm == "touched":
        return timed(words, folder, core, page, lambda: write_control(folder, Control("0" * 16)), touch_control)
    return timed(words, folder, core, page, lambda: None)


def timed(
    words: str,
    folder: Path,
    core: int,
    page: Any,
    at_first: Callable[[], object],
    now_and_then: Callable[[Path], object] = lambda folder: None,
) -> tuple[float, float]:
    process = training(words, folder, core)
    begun(folder)
    before = psutil.Process(process.pid).cpu_times()
    began = time.perf_counter()
    at_first()
    told = 0.0
    while True:
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        if ended:
            break
        if time.perf_counter() - told > 2.0:
            told = time.perf_counter()
            now_and_then(folder)
        page.wait_for_timeout(20)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"dqn {words} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime - before.user - before.system, wall


def table(seconds: dict[str, list[tuple[float, float]]]) -> dict[str, Any]:
    """The median of every arm, and that of its ratios to the run alone, turn by turn."""
    found: dict[str, Any] = {}
    for arm, pairs in seconds.items():
        ratios = [
            tuple(ours / theirs for ours, theirs in zip(pair, other, strict=True))
            for pair, other in zip(pairs, seconds["alone"], strict=True)
        ]
        for number, clock in enumerate(("processor", "clock")):
            found[f"{arm}, {clock}"] = {
                "seconds": [round(pair[number], 3) for pair in pairs],
                "ratio": round(statistics.median(ratio[number] for ratio in ratios), 4),
                "ratios": [round(ratio[number], 4) for ratio in ratios],
            }
    return found


def state_of(folder: Path) -> str:
    """A hash of a run's weights, and of its records without clocks and orders."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*")):
        if path.suffix in (".pth", ".safetensors"):
            digest.update(path.name.encode() + path.read_bytes())
    for line in (folder / "metrics.jsonl").read_text().splitlines():
        row = {name: value for name, value in json.loads(line).items() if not name.startswith("time/")}
        digest.update(json.dumps(row).encode())
    return digest.hexdigest()


# ── An hour ──────────────────────────────────────────────────────────────────────────────────────


def hour(minutes: int) -> dict[str, Any]:
    """Megabytes of everybody, each minute, beside a run that waits most of its time for its environment."""
    rows: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as home, chromium() as page:
        (Path(home) / "slowly.py").write_text(SLOWLY)
        here = {"PYTHONPATH": os.pathsep.join([home, os.environ.get("PYTHONPATH", "")])}
        folder = Path(home) / "runs" / "CartPole-v1" / "watched"
        words = f"{CARTPOLE} {ENDLESS} --env.wrappers slowly:Slowly --evaluate-every.num 5000 --select-episodes 2"
        process = training(words, folder, **here, DQNLAB_SLOWLY="0.002")
        try:
            begun(folder)
            with serving(folder.parents[1], "--trust-env-module", "slowly", **here) as (address, server):
                open_page(page, address, folder)
                devtools = page.context.new_cdp_session(page)
                devtools.send("Performance.enable")
                for minute in range(minutes + 1):
                    if minute:
                        page.wait_for_timeout(60_000)
                    rows.append({"minute": minute, **memory(process.pid, server.pid, devtools)})
                    print(json.dumps(rows[-1]), flush=True)
        finally:
            process.kill()
            process.wait()
    growth = {name: grown([row[name] for row in rows]) for name in rows[0] if name != "minute"}
    print("growth over the last half:", growth)
    return {"minutes": minutes, "growth over the last half": growth, "rows": rows}


def memory(run: int, server: int, devtools: Any) -> dict[str, float]:
    """Megabytes that are resident, of the browser those of the page; and what the page itself says it holds."""

    def resident(process: psutil.Process) -> float:
        return round(process.memory_info().rss / 1e6, 1)

    renderers = [
        child for child in psutil.Process().children(recursive=True) if "--type=renderer" in " ".join(child.cmdline())
    ]
    painters = psutil.Process(server).children(recursive=True)
    said = {each["name"]: each["value"] for each in devtools.send("Performance.getMetrics")["metrics"]}
    return {
        "run": resident(psutil.Process(run)),
        "viewer": resident(psutil.Process(server)),
        "painter": max(map(resident, painters), default=0.0),
        "page": max(map(resident, renderers)),
        "heap": round(said["JSHeapUsedSize"] / 1e6, 1),
        "nodes": said["Nodes"],
        "listeners": said["JSEventListeners"],
    }


def grown(values: list[float]) -> float:
    """The mean of the last tenth, less that of the tenth after half the time."""
    tenth = max(1, len(values) // 10)
    middle = len(values) // 2
    return round(statistics.mean(values[-tenth:]) - statistics.mean(values[middle : middle + tenth]), 1)


def store(part: str, content: dict[str, Any]) -> None:
    """Writes one part of the results, and leaves the others."""
    path = RESULTS / "live.json"
    others = json.loads(path.read_text()) if path.exists() else {}
    write_results("live", {**others, part: {**content, "machine": describe_machine()}})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("latency", "cost"), help="one of the two")
    parser.add_argument("--samples", type=int, default=20, help="of each latency")
    parser.add_argument("--turns", type=int, default=5, help="of each way to run, one after the other")
    parser.add_argument("--steps", type=int, help="of each run whose cost is measured")
    parser.add_argument("--hour", action="store_true", help="memory over an hour instead")
    parser.add_argument("--minutes", type=int, default=60, help="instead of that hour")
    args = parser.parse_args()
    if args.hour:
        store("hour", hour(args.minutes))
        return
    if args.only != "cost":
        store("latency", latency(args.samples))
    if args.only != "latency":
        steps = {compile: args.steps or default for compile, default in STEPS.items()}
        store("cost", cost(args.turns, steps))


if __name__ == "__main__":
    main()
