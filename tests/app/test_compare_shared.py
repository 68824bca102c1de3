"""Several processes on one comparison: each takes what nobody has, and the last one writes the page."""

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dqnlab.config import Config
from dqnlab.lab import existing
from dqnlab.store.find import list_runs
from dqnlab.store.lock import holder, locked

from .comparing import LONG, PAIR, InProcess, data, dqn, folder

ROOT = Path(__file__).resolve().parents[2]
OTHERS_WORDS = ("seconds", "folder", "costs", "conclusion", "says")
"""what differs between two comparisons that came to the same: clocks and places"""


def timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: timeless(each) for key, each in value.items() if key not in OTHERS_WORDS}
    return list(map(timeless, value)) if isinstance(value, list) else value


# ── One after the other's look, in this process ──────────────────────────────────────────────────


def test_what_another_has_taken_is_left_to_it_and_the_last_one_writes_the_page(
    crew: type[InProcess], capsys: pytest.CaptureFixture[str]
) -> None:
    taken = Path("mine/locks/cell-0-seed-0")
    assert dqn(PAIR.replace("--quiet", "--dry-run")) == 0
    begun = Path("mine/plan.toml")
    begun.parent.mkdir()
    assert dqn(PAIR + " --out whole --runs other") == 0
    begun.write_bytes(Path("whole/plan.toml").read_bytes())
    taken.mkdir(parents=True)
    crew.asked.clear()
    capsys.readouterr()
    with locked(taken):
        assert dqn(PAIR + " --out mine") == 0
        assert crew.asked == [("n=1", (1,)), ("n=2", (0, 1))]
        assert "still in training: 1 seed (process " in capsys.readouterr().out
        assert not (begun.parent / "comparison.json").exists()
    assert dqn(PAIR + " --out mine") == 0
    assert crew.asked[2:] == [("n=1", (0,))]
    assert timeless(data(Path("mine"))) == timeless(data(Path("whole")))
    assert not taken.parent.exists()


def test_a_second_process_takes_what_the_first_has_not_and_the_first_finds_it_done(
    crew: type[InProcess], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each looks again once it has taken something: what was done since the first look is not done again."""
    said = []

    def meanwhile(config: Config, seed: int) -> bool:
        if not said:
            said.append("begun")
            assert dqn(PAIR) == 0
            said.append(capsys.readouterr().out)
        return False

    monkeypatch.setattr(crew, "fails", meanwhile)
    assert dqn(PAIR) == 0
    assert crew.asked == [("n=1", (0, 1)), ("n=2", (0, 1))]
    assert "still in training: 2 seeds (process " in said[1]
    assert "CartPole-v1" in capsys.readouterr().out  # the table
    assert len(list_runs(Path("runs"))) == 4


def test_a_job_array_begins_with_small_pieces(crew: type[InProcess], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_ARRAY_TASK_COUNT", "4")
    assert dqn(PAIR) == 0
    assert crew.asked == [("n=1", (0,)), ("n=1", (1,)), ("n=2", (0,)), ("n=2", (1,))]


def test_runs_that_somebody_resumes_by_hand_are_left_to_whoever_does(
    crew: type[InProcess], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dqn(PAIR) == 0
    whole = timeless(data())
    run = next(row["folder"] for row in list_runs(Path("runs")) if row["seed"] == 1)
    for name in ("result.json", "curves.png"):
        (run / name).unlink()
    monkeypatch.setattr(existing, "PATIENCE", 0.0)
    capsys.readouterr()
    with locked(run):
        assert dqn(PAIR) == 0
        assert "still in training: 1 seed (process " in capsys.readouterr().out
        assert dqn(PAIR.replace("--quiet", "--dry-run")) == 0
        assert "1 in training by process " in capsys.readouterr().out
    assert dqn(PAIR) == 0
    assert timeless(data()) == whole
    assert len(crew.asked) == 2


# ── Two processes ────────────────────────────────────────────────────────────────────────────────

# The command in a process of its own, which trains in that process; each group that it begins is a line of its output.
CODE = """
import sys
sys.path.insert(0, {root!r})
from dqnlab.lab import compare
from tests.app.comparing import InProcess, dqn

class Told(InProcess):
    asked = []
    fails = staticmethod(lambda config, seed: False)
    def train(self):
        print("begun", flush=True)
        return super().train()

compare.Crew = Told
code = dqn({line!r})
print("asked", [(n, seed) for n, seeds in Told.asked for seed in seeds])
sys.exit(code)
"""


def process(line: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", CODE.format(root=str(ROOT), line=line)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def until(ready: Callable[[], bool], *processes: subprocess.Popen[str]) -> None:
    for _ in range(5000):
        if ready() or any(each.poll() is not None for each in processes):
            break
        time.sleep(0.02)
    assert [each.poll() for each in processes] == [None] * len(processes), [each.communicate() for each in processes]


@pytest.mark.world
def test_two_processes_do_nothing_twice_and_come_to_what_one_does(crew: type[InProcess]) -> None:
    line = PAIR.replace("--seeds 2", "--seeds 3")
    both = [process(line), process(line)]
    said = [each.communicate(timeout=120) for each in both]
    assert [each.returncode for each in both] == [0, 0], said
    asked = [pair for out, _ in said for pair in pairs_in(out)]
    assert Counter(asked) == {(n, seed): 1 for n in ("n=1", "n=2") for seed in range(3)}
    assert len(list_runs(Path("runs"))) == 6
    assert dqn(line + " --runs alone") == 0
    (alone,) = Path("alone/comparisons").iterdir()
    assert timeless(data()) == timeless(data(alone))
    assert not (folder() / "locks").exists()


def pairs_in(out: str) -> list[tuple[str, int]]:
    """What a process says that it was asked to train."""
    words = out.partition("asked ")[2].replace("(", "").replace(")", "").strip("[]\n ").split(", ")
    return [(name.strip("'"), int(seed)) for name, seed in zip(words[::2], words[1::2], strict=True)]


@pytest.mark.world
def test_what_a_killed_process_had_in_hand_is_taken_over_by_another() -> None:
    both = [process(LONG), process(LONG)]

    def victim() -> subprocess.Popen[str] | None:
        """Whoever trains a seed that has a checkpoint, while the other one is at work too."""
        groups = {path.parents[2] for path in Path("runs").glob("CartPole-v1/*/seed-*/checkpoints/step-*")}
        said = [who for group in groups if (who := holder(group)) is not None]
        here = len(list(Path("runs").glob("comparisons/*/locks/process-*"))) == 2
        return next((each for each in both for who in said if here and f"process {each.pid} " in who), None)

    until(lambda: victim() is not None, *both)
    killed = victim()
    assert killed is not None
    killed.kill()
    (other,) = [each for each in both if each is not killed]
    out, err = other.communicate(timeout=170)
    killed.communicate()
    assert other.returncode == 0, err
    assert "still in training" not in out
    runs = list_runs(Path("runs"))
    assert sorted(row["seed"] for row in runs) == [0, 0, 1, 1]
    assert {(row["status"], row["resumed"] or "exact") for row in runs} == {("finished", "exact")}
    assert any(row["resumed"] for row in runs)
