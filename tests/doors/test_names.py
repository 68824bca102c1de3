"""Whatever any command writes is one of the names that `test_links` plants links under."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from dqnlab.lab.many.seed import failed
from dqnlab.lab.session import train
from dqnlab.store.control import CONTROL, LIVE, drop_shown
from dqnlab.store.find import read_run
from dqnlab.store.group import Group, write_summary

from .kit import CONFIG, dqn, spare_drawing, train_seed
from .ledger import general, ledger
from .test_links import DRAFT, LEARNING, PLANTED, RUN

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="reads there which folder is open")
EVENTS = "tensorboard/events.out.tfevents.*"  # a name with the time and the number of the process


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    spare_drawing(monkeypatch)


@pytest.fixture
def here(tmp_path: Path) -> Callable[[Path], str]:
    """Where a path belongs: a name in the run's folder, or one of the few other places that may be written."""

    def place(path: Path) -> str:
        aside = Path(tempfile.gettempdir())
        if path in (tmp_path / "group", tmp_path / "run"):
            return "."
        for home in (tmp_path / "group/seed-0", tmp_path / "group", tmp_path / "run"):
            if path.is_relative_to(home) and path != home:
                return general(path, home)
        passing = ("dqnlab-aside-", "torchinductor_")  # the latter as torch's compiler is imported
        if path.parts[: len(aside.parts)] == aside.parts and path.parts[len(aside.parts)].startswith(passing):
            return "aside"
        own = path == Path(os.devnull) or "__pycache__" in path.parts or path.is_relative_to(tmp_path / "home")
        return "aside" if own else str(path)

    return place


@pytest.mark.world
def test_every_name_that_is_ever_written_is_one_that_was_planted(here: Callable[[Path], str]) -> None:
    with ledger() as touched:
        train(CONFIG, trackers=("tensorboard", "swanlab"), out=RUN)
        assert dqn("resume", RUN, "--steps", "300", "--quiet") == 0
        assert dqn("record", RUN, "--max-seconds", "0.1") == 0
        assert dqn("explain", RUN) == 0
        for words in (["explain", RUN, "--step"], ["evaluate", RUN, "--episodes", "1"], ["runs"], ["presets"]):
            assert dqn(*words) == 0
        assert dqn("doctor", "CartPole-v1", "--random-steps", "100") == 0
        Path("group").mkdir()
        train_seed(Path("group"))
        write_summary(Group(Path("group"), "CartPole-v1", "tiny", (0,), (read_run(RUN),), 1.0))
        failed(0, Path("group/seed-0"), ValueError("unforeseen"))
    names = {here(path) for path in touched} - {"aside", ".", ""}
    parts = {name for name in names if name.endswith(".*.part")}
    steps = {
        name for name in names if name.startswith(("checkpoints/.step-", "checkpoints/step-", "checkpoints/rows/"))
    }
    films = {name for name in names if name.startswith("videos/") and name.endswith(".mp4")}
    assert len(steps) > 10
    assert films
    assert names - parts - steps - films - {EVENTS, CONTROL, LIVE} <= PLANTED
    assert PLANTED - names - {"mark.json", DRAFT, *LEARNING} == set()


def test_of_what_a_viewer_left_the_links_go_and_what_they_lead_to_stays(tmp_path: Path) -> None:
    """The only thing that is done with these names where nobody watches."""
    folder, outside = tmp_path / "run", tmp_path / "outside"
    folder.mkdir()
    outside.write_text("kept")
    for name in (CONTROL, LIVE):
        (folder / name).symlink_to(outside)
    drop_shown(folder)
    assert [*folder.iterdir()] == []
    assert outside.read_text() == "kept"
