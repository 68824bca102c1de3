"""Faults of numbers and environments (F11 to F13, F20, F23, F24): the run ends where it must, and keeps the rest."""

import builtins
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import dqnlab
from dqnlab.app.cli import main
from dqnlab.config import Env, Film, Steps
from dqnlab.errors import DqnlabError, EnvironmentFault, NumericsError, ResourceError
from dqnlab.lab.resume import resume
from dqnlab.lab.session import train
from dqnlab.learn.learner import Learner

from .kit import Faulty, checkpoint, short

OUT = Path("mine")


def finite(value: Any) -> bool:
    """Whether every number of a nested state is."""
    if isinstance(value, dict):
        return all(map(finite, value.values()))
    if isinstance(value, torch.Tensor):
        return bool(value.isfinite().all())
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return bool(np.isfinite(value).all())
    return True


def fails(config: Any, error: type[DqnlabError], words: str) -> int:
    """Trains, checks how it fails, returns the exit code."""
    with pytest.raises(error, match=words) as caught:
        train(config, trackers=("none",), out=OUT)
    return caught.value.exit_code


@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_f11_learning_that_runs_away_ends_within_the_update_and_spoils_nothing(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    update = Learner.update

    def spoilt(learner: Learner, batch: Any) -> Any:
        if learner.updates == 150 and what == "loss":
            batch = batch._replace(reward=batch.reward * torch.inf)
        elif learner.updates == 150:
            with torch.no_grad():
                next(learner.online.parameters()).mul_(1e38)
        return update(learner, batch)

    monkeypatch.setattr(Learner, "update", spoilt)
    words = r"the gradient's norm is (nan|inf) after update 151, env step 214, with optimizer\.lr = .*: lower it"
    assert fails(short(), NumericsError, words) == 6
    assert finite(torch.load(OUT / "best_model.pth", weights_only=True))
    last = checkpoint(OUT)
    assert last.step == 200
    assert finite(last.state["system"]["learner"])


def test_f11_a_network_that_is_not_finite_is_never_saved_nor_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    update, quiet = Learner.update, {"grad_norm": torch.tensor(1.0), "loss": torch.tensor(1.0)}

    def poisoned(learner: Learner, batch: Any) -> Any:
        done = update(learner, batch)
        if learner.updates == 70:
            with torch.no_grad():
                next(learner.online.parameters()).fill_(torch.nan)
        return done._replace(**quiet) if learner.updates >= 70 else done

    monkeypatch.setattr(Learner, "update", poisoned)
    config = short(metrics_every=10**6)  # neither gradient, loss nor metrics tell
    assert fails(config, NumericsError, "the online network's weights are not finite after update") == 6
    assert finite(torch.load(OUT / "best_model.pth", weights_only=True))
    assert checkpoint(OUT).step == 100
    assert finite(checkpoint(OUT).state["system"]["learner"])


FAULTS = [
    ("shows nan", "observation holds nan: it must be finite"),
    ("pays inf", "reward is inf: not finite"),
    ("raises", "raised RuntimeError: the pole fell"),
]


@pytest.mark.parametrize(
    ("row", "fault", "words"),
    [pytest.param("f13" if f == "raises" else "f12", f, w, id=f.replace(" ", "-")) for f, w in FAULTS],
)
@pytest.mark.parametrize("num_envs", [1, 4])
def test_f12_f13_an_environment_that_breaks_is_named_and_leaves_no_half_transition(
    row: str, fault: str, words: str, num_envs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = short(env=Env(id=Faulty, num_envs=num_envs), checkpoint_every=40)
    whole = train(config, trackers=("none",))
    # The first of its kind only describes itself, the next ones collect; of four the third breaks.
    for name, value in {"fault": fault, "at": 217 // num_envs, "made": 0, "only": 2 if num_envs == 1 else 4}.items():
        monkeypatch.setattr(Faulty, name, value)
    copy = r" \(copy 3 of 4\)" if num_envs == 4 else ""
    assert fails(config, EnvironmentFault, rf"env 'Faulty'{copy}, step {217 // num_envs}\b.*{words}") == 3
    assert (OUT / "last_model.pth").exists()
    last = checkpoint(OUT)
    assert last.step in (200, 201, 202, 203)
    assert last.about["exact"]
    monkeypatch.setattr(Faulty, "fault", "")
    run = resume(OUT, env=Faulty)
    assert (run.score, run.env_steps, run.updates) == (whole.score, whole.env_steps, whole.updates)
    assert run.resumed == "exact"
    for name in ("best_model.pth", "last_model.pth"):
        one, other = (torch.load(each.folder / name, weights_only=True) for each in (run, whole))
        assert all(torch.equal(one[key], other[key]) for key in one)


# ── Clocks ───────────────────────────────────────────────────────────────────────────────────────


def test_f20_a_clock_that_jumps_changes_no_duration_and_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    before = train(short(), trackers=("none",))
    now = [2e9]

    def jumps() -> float:
        now[0] *= -1  # a century forth and back
        return now[0]

    start = time.monotonic()
    monkeypatch.setattr(time, "time", jumps)
    run = train(short(), trackers=("none",))
    assert run.score == before.score
    assert all(0 <= seconds <= time.monotonic() - start for seconds in run.seconds.values())
    again = resume(run.folder, budget=Steps(num=500))
    assert 0 <= again.seconds["total"] <= time.monotonic() - start


# ── What a machine does not have ─────────────────────────────────────────────────────────────────


def test_f23_a_replay_that_cannot_fit_is_refused_before_anything_is_made(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--replay-capacity", "1e12", "--tracker", "none", "--quiet"]) == 5
    err = capsys.readouterr().err
    assert err.count("error:") == 1
    assert "GB are free" in err
    assert not Path("runs").exists()


def without(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Any] = builtins.__import__

    def refuse(name: str, *args: Any, **more: Any) -> Any:
        if name.split(".", maxsplit=1)[0] == package:
            raise ImportError(f"No module named {package!r}")
        return real(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    monkeypatch.delitem(sys.modules, package, raising=False)


def no_ffmpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    import moviepy.video.io.ffmpeg_writer as writers

    def fail(*args: Any, **more: Any) -> None:
        raise OSError("MoviePy error: the file 'ffmpeg' could not be found")

    monkeypatch.setattr(writers.FFMPEG_VideoWriter, "__init__", fail)


@pytest.mark.parametrize(("missing", "words"), [("moviepy", "pip install"), ("ffmpeg", "'ffmpeg' could not be found")])
def test_f24_without_a_film_the_score_is_reported_all_the_same(
    missing: str, words: str, monkeypatch: pytest.MonkeyPatch, no_display: None
) -> None:
    no_ffmpeg(monkeypatch) if missing == "ffmpeg" else without("moviepy", monkeypatch)
    run = train(short(film=Film(episodes=1, max_seconds=0.1)), trackers=("none",))
    assert run.score is not None
    assert [note for note in run.notes if "no film:" in note and words in note]


def test_f24_without_a_display_a_film_is_made(no_display: None) -> None:
    run = train(short(film=Film(episodes=1, max_seconds=0.1)), trackers=("none",))
    assert run.notes == []
    assert list((run.folder / "videos").glob("*.mp4"))
    with pytest.raises(ResourceError, match="no display to open a window on"):
        next(iter(dqnlab.run.film.watch(dqnlab.load(run.folder), episodes=1)))
