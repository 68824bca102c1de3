"""What comes after the score: whatever fails there, the result is whole, says so, and the rest can be made later."""

import json
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import dqnlab
from dqnlab.app.cli import main
from dqnlab.app.summary import summary
from dqnlab.config import Config, Env, Film, Steps
from dqnlab.errors import ConfigError
from dqnlab.explain.health.findings import Finding
from dqnlab.explain.page import words
from dqnlab.explain.report import Report
from dqnlab.lab.overrides import Overrides
from dqnlab.lab.resume import resume, resume_folder
from dqnlab.lab.session import train
from dqnlab.run import film
from dqnlab.store.find import read_run
from dqnlab.store.folder import write_result
from dqnlab.terminal.tally import RunInfo
from dqnlab.terminal.view import PlainView, QuietView
from dqnlab.track import curves

from ..tiny import tiny

ZOO = Path(__file__).resolve().parent.parent / "zoo"
TINY = tiny(budget=Steps(num=200), film=Film(episodes=1, max_seconds=0.2))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, no_display: None) -> None:
    """Modules of the zoo can be imported."""
    monkeypatch.syspath_prepend(str(ZOO))


def trained(env: Any, **changes: Any) -> dqnlab.Run:
    env = env if isinstance(env, Env) else Env(id=env)
    return train(replace(TINY, env=env, **changes), trackers=("none",), out=Path("run"))


def result() -> dict[str, Any]:
    return json.loads(Path("run/result.json").read_text())


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ("zoo:GrowingFrames-v0", " pixels after 64 x "),
        ("zoo:TextRender-v0", "render returned None"),
        ("zoo:Codes-v0", "draws no images"),
        ("zoo:NoRenderMode-v0", "announces the render mode 'rgb_array', but cannot be made with it"),
        ("zoo:QuitsDrawing-v0", " raised SystemExit"),
        (Env(id="zoo:Paced-v0", kwargs={"fps": 0}), "metadata['render_fps'] is 0"),
        (Env(id="zoo:Paced-v0", kwargs={"fps": "fast"}), "metadata['render_fps'] is 'fast'"),
        (Env(id="zoo:Paced-v0", kwargs={"fps": float("nan")}), "metadata['render_fps'] is nan"),
        (Env(id="zoo:Paced-v0", kwargs={"fps": float("inf")}), "metadata['render_fps'] is inf"),
        (Env(id="zoo:Paced-v0", kwargs={"fps": -5}), "metadata['render_fps'] is -5"),
        (Env(id="zoo:Paced-v0", kwargs={"fps": 1e12}), "metadata['render_fps'] is 1000000000000.0"),
    ],
)
def test_a_film_that_cannot_be_made_is_one_note_and_listed(env: Any, words: str) -> None:
    run = trained(env, film=Film(episodes=4, max_seconds=5))
    assert run.score is not None
    (note,) = run.notes
    assert note.startswith("no film: ")
    assert words in note
    assert "\n" not in note
    assert result()["failed_steps"] == {"film": note.removeprefix("no film: ")}
    assert result()["unfinished"] == []
    assert read_run(run.folder) == run
    assert not (run.folder / "videos").exists()
    assert (run.folder / "curves.png").exists()  # the steps after it were made


@pytest.mark.parametrize("env", ["zoo:GrayFrames-v0", "zoo:OldFrames-v0"])
def test_what_can_be_shown_is_filmed(env: str) -> None:
    assert trained(env).failed_steps == {}
    assert (Path("run") / "videos" / "best-1.mp4").stat().st_size > 500


class Told(PlainView):
    """Keeps what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


@pytest.mark.parametrize(("env", "announced"), [("OldFrames", 1), ("TextRender", 0), ("Codes", 0), ("NoRenderMode", 0)])
def test_a_film_is_announced_when_its_first_picture_is_there(env: str, announced: int) -> None:
    view = Told()
    film = Film(episodes=2, max_seconds=0.2)
    train(replace(TINY, env=Env(id=f"zoo:{env}-v0"), film=film), trackers=("none",), out=Path("run"), view=view)
    assert sum("filming" in line for line in view.lines) == announced


SMALL = "--steps 200 --learning-starts 64 --batch-size 64 --evaluate-every.num 200 --select-episodes 2 --out group"
SMALL += " --confirm-episodes 2 --score-episodes 2 --no-explain --tracker none --compile off"


@pytest.mark.world
@pytest.mark.parametrize("name", ["TextRender", "GrowingFrames"])
def test_the_film_of_the_best_of_many_seeds_that_cannot_be_made_is_said_and_listed(
    name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", f"zoo:{name}-v0", "--seeds", "2", *SMALL.split()]) == 0  # as for a single run
    out, err = capfd.readouterr()
    assert "Traceback" not in out + err
    assert out.count("no film: ") == 1
    runs = [read_run(Path(f"group/seed-{seed}")) for seed in (0, 1)]
    (best,) = [run for run in runs if run.failed_steps]
    assert [run.unfinished for run in runs] == [[], []]
    assert best.notes == [f"no film: {best.failed_steps['film']}"]
    assert f"seed {best.seed}: no film: " in " ".join(out.split())


def test_the_result_is_whole_before_anything_of_lesser_worth(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, Any]] = []

    def look(*args: Any, **how: Any) -> None:
        seen.append(result())
        raise ZeroDivisionError("in a library")

    monkeypatch.setattr(film, "record", look)
    monkeypatch.setattr(curves, "draw_curves", look)
    monkeypatch.setattr("dqnlab.explain.report.write_report", look)
    run = trained("CartPole-v1", explain=True)
    assert [each["unfinished"] for each in seen] == [["film", "curves", "page"], ["curves", "page"], ["page"]]
    assert all(each["score"]["mean"] == run.score.mean for each in seen)  # type: ignore[union-attr]
    assert set(run.failed_steps.values()) == {"ZeroDivisionError: in a library"}
    assert [note.partition(":")[0] for note in run.notes] == ["no film", "no curves", "no page"]
    assert {f"curve.phase.{phase}" for phase in run.seconds} <= words().keys()  # so that the page can name them


def test_that_there_was_no_progress_and_whatever_is_bad_is_said_in_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sick = Finding(kind="unbounded", severity="bad", numbers={"before": 1.0, "value": 9.0})
    flat = Finding(kind="not-learning", severity="notice", numbers={"best": 2.0, "first": 1.0})
    well = Finding(kind="healthy", severity="notice")
    report = Report(Path("page"), (sick, flat, well))
    monkeypatch.setattr("dqnlab.explain.report.write_report", lambda *_: report)
    run = trained("CartPole-v1", explain=True, film=Film(episodes=0))
    assert run.notes == report.verdicts[:2]
    console = Console(width=80)
    console.print(summary(run))
    shown = " ".join(capsys.readouterr().out.split())
    assert all(" ".join(verdict.split()) in shown for verdict in run.notes)


def test_resume_makes_what_is_lacking_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **how: Any) -> None:
        raise ZeroDivisionError("in a library")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(film, "record", fail)
        before = trained("CartPole-v1")
    after = resume("run")
    assert (after.failed_steps, after.unfinished, after.notes) == ({}, [], [])
    assert (after.score, after.env_steps) == (before.score, before.env_steps)
    assert (Path("run") / "videos" / "best-1.mp4").exists()
    assert read_run(Path("run").resolve()) == after
    with pytest.raises(ConfigError, match="has ended"):
        resume("run")


def test_a_run_that_died_before_its_result_is_finished_by_resume() -> None:
    before = trained("zoo:TextRender-v0")
    (before.folder / "result.json").unlink()
    after = resume("run", trust_env_modules=("zoo",))
    assert after.score == before.score
    assert after.failed_steps == before.failed_steps


def test_ctrl_c_after_the_score_keeps_it_and_leaves_the_rest_for_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*args: Any, **how: Any) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(film, "record", interrupted)
        run = trained("CartPole-v1")
    assert (run.interrupted, run.signal, run.unfinished) == (False, signal.SIGINT, ["film", "curves"])
    assert run.notes == ["interrupted before: film and curves; to make it: dqn resume run"]
    assert resume("run").notes == []
    assert (result()["signal"], result()["unfinished"]) == (None, [])


def test_record_prints_one_line_and_settles_what_failed(capsys: pytest.CaptureFixture[str]) -> None:
    trained("zoo:TextRender-v0")
    capsys.readouterr()
    assert main(["record", "run", "--trust-env-module", "zoo"]) == 3
    out, err = capsys.readouterr()
    assert out.replace("at 0\n", "").replace("at 1\n", "").replace("at 2\n", "") == ""  # the environment's own words
    (line,) = err.splitlines()
    assert line.startswith("error: env 'zoo:TextRender-v0', picture 1: render returned None")
    assert main(["record", "run", "--env", "CartPole-v1"]) != 0 or result()["failed_steps"] == {}
    assert main(["record", "run", "--env", "zoo:Lane-v0", "--trust-env-module", "zoo"]) == 0
    assert (result()["failed_steps"], result()["notes"]) == ({}, [])


def test_a_result_of_an_earlier_version_can_be_read() -> None:
    run = trained("CartPole-v1", film=Film(episodes=0))
    content = {name: value for name, value in result().items() if name not in {"failed_steps", "unfinished"}}
    (run.folder / "result.json").write_text(json.dumps(content))
    assert read_run(run.folder) == run


def test_a_finished_run_that_goes_on_is_unfinished_until_its_end() -> None:
    class Looks(QuietView):
        def start(self, config: Config, about: RunInfo) -> None:
            seen.append(read_run(run.folder).interrupted)

    seen: list[bool] = []
    run = trained("CartPole-v1", film=Film(episodes=0))
    assert resume_folder(run.folder, Overrides(budget=Steps(num=300)), Looks()).env_steps == 300
    assert seen == [True]  # so that a run that is killed there can be resumed
    assert not read_run(run.folder).interrupted


def test_a_disk_that_is_full_after_the_score_costs_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    from dqnlab.errors import ResourceError
    from dqnlab.lab import unfinished

    written: list[int] = []

    def full(run: Any) -> None:
        written.append(1)
        raise ResourceError("'result.json' cannot be written: No space left on device")

    monkeypatch.setattr(unfinished, "write_result", full)
    run = trained("CartPole-v1", film=Film(episodes=0))
    assert written
    assert run.notes[0] == "'result.json' cannot be written: No space left on device"
    assert result()["score"]["mean"] == run.score.mean  # type: ignore[union-attr]
    write_result(run)
