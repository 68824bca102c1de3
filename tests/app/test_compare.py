"""Comparisons: what is trained, reused and resumed, and that the same words train nothing twice."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import dqnlab
from dqnlab.config import Config, Env
from dqnlab.envs.seeds import env_seeds
from dqnlab.errors import ResourceError
from dqnlab.lab import compare as comparing
from dqnlab.lab.many import crew as many
from dqnlab.store.find import find_run, list_runs

from ..tiny import TINY, tiny
from .comparing import LONG, PAIR, QUICK, InProcess, data, dqn, folder, results
from .test_many import TROUBLE

# ── What is trained and what is reused ───────────────────────────────────────────────────────────


def test_every_arm_is_trained_with_every_seed_and_the_same_words_train_nothing(crew: type[InProcess]) -> None:
    assert dqn(PAIR) == 0
    assert crew.asked == [("n=1", (0, 1)), ("n=2", (0, 1))]
    content = data()
    assert content["baseline"] == "dqn"
    assert [row["name"] for row in content["differing"]] == ["n"]
    assert set(results(content)) == {(a, "CartPole-v1", s) for a in ("dqn", "dqn n=2") for s in (0, 1)}
    assert all(len(score["returns"]) == 3 for score, *_ in results(content).values())
    before = {path.name: path.read_bytes() for path in folder().iterdir() if path.is_file()}
    assert dqn(PAIR) == 0
    assert dqn(f"compare --quiet --plan {folder() / 'plan.toml'}") == 0
    assert dqn(f"compare --quiet {folder()}") == 0
    assert len(crew.asked) == 2
    assert {path.name: path.read_bytes() for path in folder().iterdir() if path.is_file()} == before


def test_a_run_is_reused_for_what_it_is_and_not_for_what_it_is_called(crew: type[InProcess]) -> None:
    """By its settings and seed; the name of its preset, and where it lies, do not count."""
    config = dqnlab.app.parse.parse_train(["CartPole-v1", "--preset", "nstep", "--n", "2", *shlex.split(QUICK)])[
        0
    ].config
    dqnlab.train(replace(config, seed=1, preset="mine", explain=True), out=Path("runs/odd/anything"), trackers=())
    dqnlab.train(replace(config, seed=0, gamma=0.5), runs=Path("runs"), trackers=())
    assert dqn(PAIR) == 0
    assert crew.asked == [("n=1", (0, 1)), ("n=2", (0,))]
    cell = data()["cells"][1]
    assert [Path(seed["folder"]).name for seed in cell["seeds"]][1] == "anything"


def test_an_arm_may_begin_with_the_weights_of_a_run(crew: type[InProcess]) -> None:
    dqnlab.train(TINY, out=Path("before"), trackers=())
    line = PAIR.replace('"dqn n=2"', '"dqn init=before"')
    assert dqn(line) == 0
    assert [row["name"] for row in data()["differing"]] == ["init.source", "init.sha256"]
    assert dqn(line) == 0
    assert len(crew.asked) == 2


def test_more_seeds_train_only_those_that_are_missing(crew: type[InProcess]) -> None:
    assert dqn(PAIR) == 0
    assert dqn(PAIR.replace("--seeds 2", "--seeds 3")) == 0
    assert crew.asked[2:] == [("n=1", (2,)), ("n=2", (2,))]


def test_an_interrupted_run_is_resumed_and_not_trained_again(crew: type[InProcess]) -> None:
    """To the same result as one that was never interrupted."""
    assert dqn(PAIR) == 0
    whole = results(data())
    run = next(row["folder"] for row in list_runs(Path("runs")) if row["seed"] == 1)
    for name in ("result.json", "curves.png"):
        (run / name).unlink()
    assert dqn(PAIR) == 0
    assert len(crew.asked) == 2
    assert results(data()) == whole


def test_a_group_is_not_resumed_if_that_would_train_seeds_that_nobody_asked_for(crew: type[InProcess]) -> None:
    assert dqn(PAIR.replace("--seeds 2", "--seeds 3")) == 0
    rows = list_runs(Path("runs"))
    for row in [row for row in rows if row["folder"].parent == rows[0]["folder"].parent and row["seed"] > 0]:
        (row["folder"] / "result.json").unlink()
        (row["folder"] / "curves.png").unlink()
    asked = len(crew.asked)
    assert dqn(PAIR) == 0
    assert [seeds for _, seeds in crew.asked[asked:]] == [(1,)]
    assert {row["status"] for row in list_runs(Path("runs"))} == {"finished", "unfinished"}


def test_a_seed_that_has_failed_stays_in_the_table_and_is_not_tried_again(
    crew: type[InProcess], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(crew, "fails", lambda config, seed: (config.n, seed) == (2, 1))
    assert dqn(PAIR) == 1
    assert results(data())["dqn n=2", "CartPole-v1", 1][:2] == (None, "it broke")
    assert dqn(PAIR.replace("--quiet", "--dry-run")) == 0
    assert "1 reused, seed 1 has failed before, in runs/CartPole-v1/" in capsys.readouterr().out
    before = (folder() / "comparison.json").read_bytes()
    assert dqn(PAIR) == 1
    assert len(crew.asked) == 2
    assert (folder() / "comparison.json").read_bytes() == before


def test_a_run_that_branched_off_another_is_not_reused(crew: type[InProcess]) -> None:
    """It began with other settings than it names now."""
    assert dqn(PAIR) == 0
    meta = find_run("seed-1", next(Path("runs/CartPole-v1").glob("*-dqn-s0-1"))) / "meta.json"
    content = json.loads(meta.read_text())
    meta.write_text(json.dumps(content | {"parent": {"run": "elsewhere", "step": 100}}))
    assert dqn(PAIR) == 0
    assert len(crew.asked) == 3
    assert crew.asked[2][1] == (1,)


def test_what_stops_it_says_how_to_continue(
    crew: type[InProcess], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(config: Config, seed: int) -> bool:
        if config.n == 2:
            raise ResourceError("the disk is full")
        return False

    monkeypatch.setattr(crew, "fails", full)
    assert dqn(PAIR + " --runs mine") == 5
    error, note = capsys.readouterr().err.splitlines()[-2:]
    assert error == "error: the disk is full"
    monkeypatch.setattr(crew, "fails", lambda config, seed: False)
    assert dqn(note.partition("To continue: dqn ")[2] + " --quiet") == 0
    assert crew.asked == [("n=1", (0, 1)), ("n=2", (0, 1)), ("n=2", (0, 1))]


def test_a_folder_of_another_comparison_is_left_alone(
    crew: type[InProcess], capsys: pytest.CaptureFixture[str]
) -> None:
    assert dqn(PAIR + " --out mine") == 0
    before = (Path("mine") / "comparison.json").read_bytes()
    assert dqn(PAIR.replace("--seeds 2", "--seeds 3") + " --out mine") == 2
    assert "'mine' holds another comparison" in capsys.readouterr().err
    assert dqn(PAIR + " --out mine") == 0
    assert (Path("mine") / "comparison.json").read_bytes() == before
    assert len(crew.asked) == 2


# ── The plan ─────────────────────────────────────────────────────────────────────────────────────


def test_the_plan_says_what_is_trained_reused_and_how_long_that_may_take(
    crew: type[InProcess], capsys: pytest.CaptureFixture[str]
) -> None:
    dry = PAIR.replace("--quiet", "--dry-run")
    assert dqn(dry) == 0
    assert capsys.readouterr().out.splitlines() == [
        "comparing dqn, dqn n=2 on CartPole-v1, seeds 0 to 1",
        "  CartPole-v1  dqn      2 to train",
        "  CartPole-v1  dqn n=2  2 to train",
        "4 seeds to train in 2 groups; how long that takes is not known before the first is done",
    ]
    assert not Path("runs").exists()
    assert dqn(PAIR) == 0
    capsys.readouterr()
    assert dqn(dry) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "  CartPole-v1  dqn      2 reused",
        "  CartPole-v1  dqn n=2  2 reused",
        "nothing is left to train",
    ]
    assert dqn(dry.replace("--seeds 2", "--seeds 6") + ' --arm "dqn n=3"') == 0
    out = capsys.readouterr().out
    assert "2 reused, 4 to train" in out
    assert "14 seeds to train in 3 groups; about 0:08 by what such runs have taken" in out
    assert "and 1 group of which that is not known" in out


def test_progress_says_which_group_of_how_many_begins(
    crew: type[InProcess], capsys: pytest.CaptureFixture[str]
) -> None:
    assert dqn(PAIR.replace("--quiet", "")) == 0
    out = capsys.readouterr().out
    assert "[1 of 2] dqn on CartPole-v1: training 2 seeds" in out
    assert "[2 of 2] dqn n=2 on CartPole-v1: training 2 seeds" in out
    assert out.splitlines()[-1].startswith("runs/comparisons/CartPole-v1-dqn-dqn-n-2-")


def test_a_comparison_is_no_run(crew: type[InProcess], capsys: pytest.CaptureFixture[str]) -> None:
    assert dqn(PAIR) == 0
    assert len(list_runs(Path("runs"))) == 4
    assert find_run("latest", Path("runs")).parent.parent.name == "CartPole-v1"
    capsys.readouterr()
    assert dqn("runs") == 0
    assert "comparisons" not in capsys.readouterr().out


# ── Runs that are there, and Python ──────────────────────────────────────────────────────────────


def test_two_groups_are_compared_as_they_are(crew: type[InProcess], capsys: pytest.CaptureFixture[str]) -> None:
    assert dqn(PAIR) == 0
    one, two = sorted(Path("runs/CartPole-v1").iterdir(), key=lambda path: path.stat().st_mtime)
    capsys.readouterr()
    assert dqn(f"compare {one} {two} --out mine") == 0
    assert len(crew.asked) == 2
    assert "nothing is trained" in capsys.readouterr().out
    assert list(results(data(Path("mine"))).values()) == list(results(data()).values())
    assert dqn("compare --quiet --plan mine/plan.toml --out again") == 0
    assert (Path("again") / "comparison.json").read_bytes() == (Path("mine") / "comparison.json").read_bytes()


def test_runs_that_are_there_may_stand_beside_an_arm_that_is_trained(crew: type[InProcess]) -> None:
    run = dqnlab.train(tiny(n=3), trackers=())
    result = dqnlab.compare("CartPole-v1", [run, tiny()], seeds=1, quiet=True)
    assert crew.asked == [("n=1", (0,))]
    assert result.comparison is not None
    assert [arm.name for arm in result.comparison.arms] == [run.folder.name, "tiny"]


def test_python_compares_configurations_by_name(crew: type[InProcess]) -> None:
    result = dqnlab.compare(arms={"one": TINY, "three": tiny(n=3)}, seeds=[4, 6], quiet=True)
    assert crew.asked == [("n=1", (4, 6)), ("n=3", (4, 6))]
    assert result.comparison is not None
    assert result.page is not None
    assert result.page.is_file()
    assert not result.interrupted
    assert repr(result).startswith("ComparisonResult(['one', 'three'], envs=['CartPole-v1'], folder='runs/comparisons/")
    assert result.page.resolve().as_uri() in result._repr_html_()
    again = dqnlab.compare(plan=result.folder / "plan.toml", quiet=True)
    assert len(crew.asked) == 2
    assert again.folder == result.folder


def test_texts_mean_in_python_what_they_mean_on_the_command_line(crew: type[InProcess]) -> None:
    settings = {"torso": {"hidden": [8, 6]}, "learning_starts": 64, "batch_size": 16, "score_episodes": 3}
    settings |= {"confirm_episodes": 2, "select_episodes": 2, "compile": "off", "explain": False}
    env = Env(id="CartPole-v1", max_episode_steps=40)
    result = dqnlab.compare(env, ["dqn", "dqn n=2"], seeds=1, steps=300, settings=settings, quiet=True)
    assert result.comparison is not None
    assert [arm.cells[0].settings["n"] for arm in result.comparison.arms] == [1, 2]
    assert {arm.cells[0].settings["env.max_episode_steps"] for arm in result.comparison.arms} == {40}


# ── In processes ─────────────────────────────────────────────────────────────────────────────────


def begun(line: str, ready: Callable[[], bool]) -> subprocess.Popen[str]:
    """The command in a process of its own, as soon as it is so far."""
    code = "from dqnlab.app import cli; from dqnlab.lab.many import crew; crew.usable_cores = lambda: 1; "
    code += f"raise SystemExit(cli.main({shlex.split(line)}))"
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-c", code], stdout=pipe, stderr=pipe, text=True)
    until = time.monotonic() + 100
    while not ready() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    assert process.poll() is None, process.communicate()
    return process


def in_the_second_group() -> bool:
    """Whether the first arm has ended and the second is in the middle of its first seed."""
    groups = list(Path("runs").glob("CartPole-v1/*"))
    return len(groups) == 2 and all(any(group.glob("seed-0/checkpoints/*")) for group in groups)


@pytest.mark.world
def test_a_comparison_that_was_killed_goes_on_where_it_was_and_comes_to_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(many, "usable_cores", lambda: 1)
    process = begun(LONG, in_the_second_group)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    first = sorted(Path("runs/CartPole-v1").iterdir())[0]
    written = {path: path.stat().st_mtime_ns for path in first.rglob("result.json")}
    assert len(written) == 2
    assert dqn(LONG) == 0
    assert {path: path.stat().st_mtime_ns for path in first.rglob("result.json")} == written
    assert len(list(Path("runs/CartPole-v1").iterdir())) == 2
    assert len(list_runs(Path("runs"))) == 4
    monkeypatch.setattr(InProcess, "asked", [], raising=False)
    monkeypatch.setattr(InProcess, "fails", lambda config, seed: False, raising=False)
    monkeypatch.setattr(comparing, "Crew", InProcess)
    assert dqn(f"{LONG} --runs whole") == 0
    (whole,) = Path("whole/comparisons").iterdir()
    assert results(data()) == results(data(whole))


@pytest.mark.world
def test_ctrl_c_saves_and_says_how_to_continue(monkeypatch: pytest.MonkeyPatch) -> None:
    process = begun(LONG, in_the_second_group)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    (advice,) = [line for line in err.splitlines() if "To continue: " in line]
    assert not (folder() / "comparison.json").exists()
    monkeypatch.setattr(many, "usable_cores", lambda: 1)
    assert dqn(advice.partition("To continue: dqn ")[2] + " --quiet") == 0
    assert len(list_runs(Path("runs"))) == 4
    assert {seed["error"] for cell in data()["cells"] for seed in cell["seeds"]} == {None}


@pytest.mark.world
def test_a_seed_whose_environment_breaks_stays_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one whose process dies before it has left anything."""
    Path("trouble.py").write_text(TROUBLE + "\ngym.register('Trouble-v0', Trouble)\n")
    monkeypatch.syspath_prepend(str(Path.cwd()))
    first = {seed: str(env_seeds(seed, "train", 1)[0]) for seed in range(3)}
    env = Env(id="trouble:Trouble-v0", kwargs={"dooms": {first[1]: "shows nan"}}, max_episode_steps=20)
    arms = {"one": replace(TINY, env=env), "three": tiny(n=3, env=env)}
    result = dqnlab.compare(arms=arms, seeds=3, quiet=True)
    assert result.failed == 2
    assert result.comparison is not None
    for arm in result.comparison.arms:
        assert [seed.score is None for seed in arm.cells[0].seeds] == [False, True, False]
        assert "observation holds nan" in str(arm.cells[0].seeds[1].error)
    runs = {row["folder"]: os.stat(row["folder"] / "config.toml").st_mtime_ns for row in list_runs(Path("runs"))}
    again = dqnlab.compare(plan=result.folder / "plan.toml", quiet=True, trust_env_modules=["trouble"])
    assert again.failed == 2
    assert {
        row["folder"]: os.stat(row["folder"] / "config.toml").st_mtime_ns for row in list_runs(Path("runs"))
    } == runs
