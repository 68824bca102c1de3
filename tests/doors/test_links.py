"""No command writes outside the folder of its run, whatever lies under the names that it writes."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from dqnlab.config import Env
from dqnlab.lab.many.seed import failed
from dqnlab.lab.session import train
from dqnlab.store.find import read_run
from dqnlab.store.folders import BY_DESCRIPTOR
from dqnlab.store.group import Group, write_summary

from .kit import BRIEF, dqn, spare_drawing, train_seed

pytestmark = pytest.mark.skipif(not BY_DESCRIPTOR, reason="here links are made by administrators only")
RUN = Path("run")
OUTSIDE = Path("outside")
KINDS = ["link to a file", "link to a folder", "link to nothing", "second name", "pipe"]
DRAFT = f"checkpoints/.step-000000200-{os.getpid()}.tmp"
NETWORKS = [
    "best_model.pth",
    "last_model.pth",
    "target_model.safetensors",
    "snapshots.safetensors",
    "batch.safetensors",
]
LEARNING = [*NETWORKS, "checkpoints/rows/transitions-100-200.safetensors", "checkpoints/step-000000200", DRAFT]
SHOWING = ["curves.png", "report.html", "videos/best-1.mp4"]
FOLDERS = ["checkpoints", "checkpoints/rows", "videos", "tensorboard", "swanlab"]
READ = ["config.toml", "meta.json", "metrics.jsonl", "result.json"]  # before they are written, so that these refuse
PLANTED = {*LEARNING, *SHOWING, *FOLDERS, *READ, "run.lock", "mark.json", "videos/episode-1.mp4"}
PLANTED |= {"summary.json", "seed-0", "error.txt"}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    spare_drawing(monkeypatch)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        spare_drawing(patch)
        return train(BRIEF, trackers=("tensorboard",), out=base / "run").folder


@pytest.fixture
def ended(trained: Path) -> Path:
    """A run without film and page, beside something precious."""
    (OUTSIDE / "folder").mkdir(parents=True)
    for name in ("file", "folder/file"):
        (OUTSIDE / name).write_text("precious")
    return Path(shutil.copytree(trained, RUN))


@pytest.fixture
def killed(ended: Path) -> Path:
    """A run that was killed when half of it was saved."""
    shutil.rmtree(ended / "checkpoints/step-000000200")
    (ended / "result.json").unlink()
    return ended


@pytest.fixture
def lacking(ended: Path) -> Path:
    """A run of which film, curves and page are still to be made."""
    about = json.loads((ended / "result.json").read_text())
    (ended / "result.json").write_text(json.dumps(about | {"unfinished": ["film", "curves", "page"]}))
    settings = (ended / "config.toml").read_text()
    (ended / "config.toml").write_text(settings.replace("[film]\nepisodes = 0", "[film]\nepisodes = 1"))
    return ended


def plant(kind: str, path: Path) -> None:
    """Puts something in the place of what a command writes."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    outside = OUTSIDE.resolve()
    match kind:
        case "link to a file":
            path.symlink_to(outside / "file")
        case "link to a folder":
            path.symlink_to(outside / "folder")
        case "link to nothing":
            path.symlink_to(outside / "nothing")
        case "second name":
            os.link(outside / "file", path)
        case "pipe":
            os.mkfifo(path)


def is_untouched() -> bool:
    files = {path.relative_to(OUTSIDE).as_posix(): path for path in OUTSIDE.rglob("*")}
    assert sorted(files) == ["file", "folder", "folder/file"]
    return all(path.is_dir() or path.read_text() == "precious" for path in files.values())


def check_own(folder: Path, names: list[str]) -> None:
    """What was planted has given way to a file, or the folder of a checkpoint, of the run's own."""
    for name in names:
        path = folder / name
        assert not path.is_symlink(), name
        assert path.is_dir() or (path.is_file() and path.stat().st_nlink == 1), name


# ── What gives way ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.world
@pytest.mark.parametrize("kind", KINDS)
def test_training_goes_on_past_whatever_lies_where_it_writes(kind: str, killed: Path) -> None:
    for name in [*LEARNING, "curves.png", "result.json", "mark.json", "tensorboard", "swanlab"]:
        plant(kind, killed / name)
    assert dqn("resume", killed, "--quiet") == 0
    assert is_untouched()
    check_own(killed, [*NETWORKS, "curves.png", "result.json"])


@pytest.mark.world
@pytest.mark.parametrize("kind", KINDS)
def test_what_comes_after_the_score_is_made_past_whatever_lies_there(kind: str, lacking: Path) -> None:
    for name in SHOWING:
        plant(kind, lacking / name)
    assert dqn("resume", lacking, "--quiet") == 0
    assert is_untouched()
    check_own(lacking, ["curves.png", "report.html", "videos/best-2.mp4"])  # films that exist are left alone
    plant(kind, lacking / "videos/episode-1.mp4")
    assert dqn("record", lacking, "--max-seconds", "0.1") == 0
    assert is_untouched()
    plant(kind, lacking / "videos")
    assert dqn("record", lacking, "--max-seconds", "0.1") == 2
    assert is_untouched()


class Plants(gym.Env[np.ndarray, int]):
    """While it is played, somebody else puts links under every name of the run."""

    observation_space, action_space = spaces.Box(-1, 1, (2,), np.float32), spaces.Discrete(2)
    kind = ""
    at = steps = 0
    names: list[str] = []  # noqa: RUF012

    def reset(self, **_: Any) -> tuple[np.ndarray, dict[str, Any]]:
        return np.zeros(2, np.float32), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        Plants.steps += 1
        if Plants.steps == Plants.at:
            for name in Plants.names:
                plant(Plants.kind, RUN / name)
        return np.zeros(2, np.float32), 1.0, Plants.steps % 10 == 0, False, {}

    def get_state(self) -> dict[str, Any]:
        return {}

    def set_state(self, state: dict[str, Any]) -> None: ...


@pytest.mark.world
@pytest.mark.parametrize("kind", KINDS)
def test_links_that_come_up_during_training_are_not_followed(kind: str, ended: Path, monkeypatch: Any) -> None:
    shutil.rmtree(ended)
    names = [*LEARNING, "curves.png", "result.json", "meta.json", "config.toml", "mark.json", "swanlab"]
    for name, value in {"kind": kind, "at": 150, "steps": 0, "names": names}.items():
        monkeypatch.setattr(Plants, name, value)
    train(replace(BRIEF, env=Env(id=Plants, num_envs=1)), trackers=(), out=RUN)
    assert Plants.steps > 200
    assert is_untouched()
    check_own(RUN, [*NETWORKS, "result.json"])


# ── What is refused ──────────────────────────────────────────────────────────────────────────────

RESUME = ("resume", "run", "--quiet")
EXTEND = (*RESUME, "--steps", "300")
NOT_OURS = "is a link out of the run's folder: copy the file it leads to"
REFUSED: list[tuple[str, tuple[str, ...], str, int, str]] = [
    ("killed", RESUME, "run.lock", 2, "run.lock"),
    ("killed", RESUME, "metrics.jsonl", 2, NOT_OURS),
    ("killed", RESUME, "checkpoints", 4, "is not a folder of its own"),
    ("killed", RESUME, "checkpoints/rows", 4, "rows is a link"),
    ("ended", EXTEND, "config.toml", 2, NOT_OURS),
    ("ended", EXTEND, "meta.json", 2, NOT_OURS),
    ("ended", EXTEND, "result.json", 2, NOT_OURS),
    ("ended", ("explain", "run"), "report.html", 2, "is a link, which may lead anywhere: use --out"),
    ("ended", ("explain", "run"), "result.json", 2, NOT_OURS),
    ("ended", ("record", "run"), "videos", 2, "is a link, which may lead anywhere: use --out"),
    ("fresh", ("train", "--out", "run", "--quiet", "--tracker", "none"), "run.lock", 2, "run.lock is a link"),
]


@pytest.mark.parametrize(("state", "words", "name", "code", "says"), REFUSED, ids=str)
def test_where_nothing_can_give_way_one_line_says_so(
    state: str, words: tuple[str, ...], name: str, code: int, says: str, request: Any, capsys: Any
) -> None:
    request.getfixturevalue("ended" if state == "fresh" else state)
    if state == "fresh":
        shutil.rmtree(RUN)
    for kind in KINDS[:3]:
        plant(kind, RUN / name)
        capsys.readouterr()
        got, err = dqn(*words), capsys.readouterr().err
        if kind != "link to a file":  # other kinds may come to other words; the first is what an attacker plants
            assert (got == 0) == ("error: " not in err)
        else:
            assert (got, err.count("error: "), says in err) == (code, 1, True), err
        assert is_untouched()
        assert "Traceback" not in err


@pytest.mark.parametrize("name", ["metrics.jsonl", "best_model.pth", "curves.png", "result.json"])
def test_a_link_under_the_name_of_a_part_would_not_be_followed_even_if_somebody_could_guess_it(
    name: str, killed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(secrets, "token_hex", lambda size: "0" * 2 * size)
    plant("link to a file", killed / f".{name}.{'0' * 12}.part")
    assert dqn("resume", killed, "--quiet") == {"curves.png": 0, "best_model.pth": 2}.get(name, 2)
    assert is_untouched()
    assert "Traceback" not in capsys.readouterr().err


# ── Groups ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.world
@pytest.mark.parametrize("kind", KINDS)
def test_a_group_writes_its_own_files(kind: str, ended: Path) -> None:
    group = Path("group")
    plant(kind, group / "summary.json")
    write_summary(Group(group, "CartPole-v1", "tiny", (0,), (read_run(ended),), 1.0))
    check_own(group, ["summary.json"])
    plant(kind, group / "seed-0/error.txt")
    failed(0, group / "seed-0", ValueError("unforeseen"))
    check_own(group / "seed-0", ["error.txt"])
    plant(kind, group / "seed-0")
    assert "error" in str(train_seed(group)[-1]).lower()
    assert is_untouched()
