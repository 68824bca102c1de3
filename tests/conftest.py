"""What every test gets: one torch thread, a home and a working folder of its own, no tracker that talks, no curves."""

import gc
import os
import sys
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from dqnlab.device import cache_folder
from dqnlab.learn.fast import stack
from dqnlab.processes import usable_cores
from dqnlab.track import curves

from .rings import BUDGETS, is_unit, ring_of

ROOT = Path(__file__).resolve().parent.parent

# Small networks are slower on several threads, and results are promised equal for equal thread counts only.
torch.set_num_threads(1)
# The same examples in every run, so that a red test is red again tomorrow; torch's first call may be slow.
settings.register_profile("dqnlab", deadline=None, derandomize=True, database=None)
settings.load_profile("dqnlab")


# ── Rings ────────────────────────────────────────────────────────────────────────────────────────

BEGAN = time.monotonic()
STARTS = {"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.system"}
HELPERS = {"git", "fc", "ffmpeg"}
"""each run asks git for its revision, matplotlib asks fc-list for its fonts, films are written by ffmpeg-linux-…"""
started: list[str] = []
"""what has begun a process since the test began"""


def note_processes(event: str, args: tuple[object, ...]) -> None:
    if event in STARTS and not (args and Path(str(args[0])).name.partition("-")[0] in HELPERS):
        started.append(event)


sys.addaudithook(note_processes)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--ring", choices=[*BUDGETS], help="run the tests of one ring only (tests/rings.py)")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """More than cores for the house, which waits a fifth of its time, and for the world, which waits for processes."""
    ring, cores = config.getoption("ring"), usable_cores()
    return {"house": cores + cores // 2, "world": 2 * cores}.get(ring)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Spares the house the files of the unit ring, and the other way round."""
    if collection_path.is_dir() or (ring := config.getoption("ring")) in (None, "world"):
        return None
    return is_unit(collection_path) != (ring == "unit") or None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keeps the tests of the ring that was asked for; compiling, which takes longest, comes first."""
    ring = config.getoption("ring")
    others = [item for item in items if ring not in (None, ring_of(item))]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if ring in (None, ring_of(item))]
    items.sort(key=lambda item: "programs" not in getattr(item, "fixturenames", ()))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Spares the collector of garbage all that is here to stay: to look through it takes half a second each time."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Notes of a test outside the world that it had a process."""
    started.clear()
    yield
    if started and ring_of(item) != "world":
        item.user_properties.append(("process", started[0]))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """What a ring has cost beside what it may cost, and which of its tests belong to the world."""
    if (ring := config.getoption("ring")) is None:
        return
    reports = [each for how in ("passed", "failed", "skipped") for each in terminalreporter.stats.get(how, [])]
    for report in reports:
        if report.when == "call" and "process" in dict(report.user_properties):
            terminalreporter.write_line(f"starts a process, so it belongs to the world: {report.nodeid}")
    seconds = time.monotonic() - BEGAN
    terminalreporter.write_line(f"{ring}: {len(reports)} tests in {seconds:.0f} s, of {BUDGETS[ring]} s on two cores")


# ── What every test gets ─────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="session")
def font_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One matplotlib folder for the session: to list the fonts anew for each test would take seconds."""
    return tmp_path_factory.mktemp("matplotlib")


@pytest.fixture(autouse=True)
def isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, font_cache: Path) -> None:
    """A test writes nowhere but in its temporary folder, and finds no account and no settings of the user's."""
    for name in os.environ:
        if name.startswith("SWANLAB_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SWANLAB_MODE", "disabled")
    monkeypatch.setenv("MPLCONFIGDIR", str(font_cache))
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    for name in ("HOME", "USERPROFILE"):
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        monkeypatch.setenv(name, str(home))
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))  # for child processes, whatever folder they start in
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session", autouse=True)
def no_curves() -> Iterator[None]:
    """Curves are an empty file: to draw them takes longer than the whole run of a test. Processes draw as ever."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(curves, "draw_curves", lambda folder, threshold: (folder / "curves.png").touch())
        yield


@pytest.fixture(scope="session", autouse=True)
def no_flushing() -> Iterator[None]:
    """Nothing waits for the disk: what a loss of power leaves is the question of no test. Processes flush as ever."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda file: None)
        yield


@pytest.fixture(scope="session")
def program_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder of compiled programs for all processes of the session: each is compiled once, whoever uses it."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "programs"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def programs(program_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where runs keep their programs: a test that compiles finds those of the others there, and leaves its own."""
    from torch._inductor import config

    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(program_folder / "inductor"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(program_folder))
    # What calls the kernels, which are compiled as ever, takes the compiler longest: a quarter less without -O1.
    with config.patch({"aot_inductor.compile_wrapper_opt_level": "O0"}):
        yield cache_folder()


@pytest.fixture
def not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """What would be compiled is run by torch as it is written, one operation after the other."""
    monkeypatch.setattr(stack, "compile_program", lambda function, *_: lambda tensors: list(function(*tensors)))


@pytest.fixture(params=["written", pytest.param("compiled", marks=pytest.mark.world)])
def cache(request: pytest.FixtureRequest, programs: Path) -> Path:
    """Where stacks find their programs, which are compiled or not."""
    if request.param == "written":
        request.getfixturevalue("not_compiled")
    return programs


@pytest.fixture
def no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a server: nowhere to open a window."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def dummy_display(monkeypatch: pytest.MonkeyPatch) -> None:
    """A display that shows nothing, so that windows open anywhere."""
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    monkeypatch.setenv("SDL_AUDIODRIVER", "dummy")
