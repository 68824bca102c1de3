"""The tree of runs shows what was branched from what."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from dqnlab.app.cli import main
from dqnlab.store.lock import locked


def run_of(name: str, parent: dict[str, Any] | None = None, *, group: str = "") -> Path:
    """A folder that looks like a run without a result."""
    folder = Path("runs") / "Env-v0" / group / name
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text("")
    (folder / "meta.json").write_text(json.dumps({"schema": 1, **({"parent": parent} if parent else {})}))
    if group:
        (folder.parent / "summary.json").write_text("{}")
    return folder


@pytest.fixture
def forest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_of("20260101-a")
    run_of("20260102-b", {"run": "Env-v0/20260101-a", "step": 5000, "changes": {"optimizer.lr": 0.0001}})
    run_of("20260103-c", {"run": "Env-v0/20260101-a", "step": 1200, "changes": {}})
    run_of("20260104-d", {"run": "Env-v0/20260102-b", "step": 7000, "changes": {"gamma": 0.9, "head.huber": "none"}})
    for seed in range(3):
        run_of(f"seed-{seed}", group="20260105-e")


def drawn(capsys: pytest.CaptureFixture[str]) -> list[str]:
    assert main(["runs", "--tree"]) == 0
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


@pytest.mark.usefixtures("forest")
def test_branches_hang_below_what_they_left_in_the_order_of_their_steps(capsys: pytest.CaptureFixture[str]) -> None:
    assert drawn(capsys) == [
        "20260101-a  unfinished",
        "├── at 1,200  nothing changed  20260103-c  unfinished",
        "└── at 5,000  optimizer.lr=0.0001  20260102-b  unfinished",
        "    └── at 7,000  gamma=0.9  20260104-d  unfinished",
        "20260105-e  3 seeds",
    ]


@pytest.mark.usefixtures("forest")
def test_filters_choose_what_is_drawn_with_what_it_comes_from(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "--tree", "--name", "d"]) == 0
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [
        "20260101-a  unfinished",
        "└── at 5,000  optimizer.lr=0.0001  20260102-b  unfinished",
        "    └── at 7,000  gamma=0.9  20260104-d  unfinished",
    ]
    assert main(["runs", "--tree", "--env", "Pong"]) == 0
    assert "no run is like that" in capsys.readouterr().out
    assert main(["runs", "--tree", "--sort", "score"]) == 2
    assert "leave out --sort" in capsys.readouterr().err


@pytest.mark.usefixtures("forest")
def test_a_run_is_called_by_its_own_name_and_is_at_work_while_somebody_holds_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for letter, name in (("1-a", "first"), ("3-c", "same"), ("4-d", "same")):
        meta = next(Path("runs/Env-v0").glob(f"*{letter}")) / "meta.json"
        meta.write_text(json.dumps({**json.loads(meta.read_text()), "name": name}))
    with locked(Path("runs/Env-v0/20260102-b")):
        assert drawn(capsys)[:4] == [
            "first  unfinished",
            "├── at 1,200  nothing changed  same (20260103-c)  unfinished",
            "└── at 5,000  optimizer.lr=0.0001  20260102-b  running",
            "    └── at 7,000  gamma=0.9  same (20260104-d)  unfinished",
        ]


@pytest.mark.usefixtures("forest")
def test_a_parent_that_is_gone_still_holds_its_branches(capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree("runs/Env-v0/20260101-a")
    first, *rest = [line for line in drawn(capsys) if "seeds" not in line]
    assert first.endswith("Env-v0/20260101-a  gone")
    assert len(rest) == 3


@pytest.mark.usefixtures("forest")
def test_runs_that_call_each_other_their_parents_end_the_drawing(capsys: pytest.CaptureFixture[str]) -> None:
    meta = Path("runs/Env-v0/20260101-a/meta.json")
    meta.write_text(json.dumps({"schema": 1, "parent": {"run": "Env-v0/20260104-d", "step": 1, "changes": {}}}))
    assert any("20260101-a" in line for line in drawn(capsys))


@pytest.mark.usefixtures("forest")
def test_a_damaged_lineage_leaves_a_run_alone(capsys: pytest.CaptureFixture[str]) -> None:
    Path("runs/Env-v0/20260104-d/meta.json").write_text('{"schema": 1, "parent": {"run": 3}}')
    assert "20260104-d  unfinished" in drawn(capsys)
