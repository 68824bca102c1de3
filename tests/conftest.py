"""What every test gets: one torch thread, a home and a working folder of its own, no tracker that talks, no curves."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from dqnlab.track import curves

ROOT = Path(__file__).resolve().parent.parent

# Small networks are slower on several threads, and results are promised equal for equal thread counts only.
torch.set_num_threads(1)
# The same examples in every run, so that a red test is red again tomorrow; torch's first call may be slow.
settings.register_profile("dqnlab", deadline=None, derandomize=True, database=None)
settings.load_profile("dqnlab")


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
