"""The displays: what they say, how rarely they look at the clock, that they never stop training."""

import io
import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from dqnlab.config import Collectors, Config, Episodes, Film, Steps
from dqnlab.run.events import BlockEnded, Commanded, Confirmed, EpisodeEnded, Evaluated
from dqnlab.terminal.live import LiveView, choose_view
from dqnlab.terminal.panel import panel
from dqnlab.terminal.tally import RunInfo, Tally
from dqnlab.terminal.view import PlainView, QuietView, View


class Clock:
    """A clock that moves when told to, and counts who looks."""

    def __init__(self) -> None:
        self.now = 0.0
        self.looks = 0

    def __call__(self) -> float:
        self.looks += 1
        return self.now


def block(step: int, episodes: int = 0) -> BlockEnded:
    return BlockEnded(step=step, episodes=episodes, updates=step // 2, epsilon=0.25)


def evaluated(step: int, mean: float, *, best: bool = True) -> Evaluated:
    return Evaluated(step=step, returns=(mean,), mean=mean, best=best, best_mean=mean, value=0.0, discounted_return=0.0)


CONFIRMED = Confirmed(step=60, attempt=2, returns=(480.0,) * 50, mean=480.0, passed=True)
ENDED = EpisodeEnded(step=40, episode=3, ret=123.0, length=123, epsilon=0.25)


def live(clock: Clock, width: int = 100) -> tuple[LiveView, io.StringIO]:
    out = io.StringIO()
    return LiveView(Console(file=out, force_terminal=True, width=width, color_system=None), clock), out


# ── The live panel ───────────────────────────────────────────────────────────────────────────────


def test_the_panel_shows_progress_speed_returns_judgement_and_confirmation() -> None:
    clock = Clock()
    view, out = live(clock)
    view.start(Config(budget=Steps(num=1_000)), RunInfo(threshold=475.0))
    for event, seconds in [(ENDED, 1), (block(200), 1), (evaluated(200, 476.5), 0), (CONFIRMED, 1)]:
        clock.now += seconds
        view(event)
    last = out.getvalue().rpartition("CartPole-v1")[2]
    for words in ("200 of 1,000", "last 123.0", "now 476.5", "best 476.5", "solved at 475.0", "epsilon 0.250"):
        assert words in last
    assert "attempt 2: 50 fresh episodes" in last
    assert "solved and confirmed" in last
    assert "0:02, about 5:22 left" in last  # 8 s for 800 steps, 250 episodes of 123 steps, 6 s for film and page
    assert "100 steps/s · 50 updates/s" in last
    view.stop()
    assert "left" not in out.getvalue().rpartition("CartPole-v1")[2]  # nothing is left of what has ended


def drawn(width: int) -> list[str]:
    """The lines of a full panel in a terminal of that width."""
    clock = Clock()
    tally = Tally(Config(budget=Steps(num=100_000)), 475.0, clock)
    clock.now = 5.0
    for event in (*[ENDED] * 60, block(50_000), evaluated(50_000, 476.5), CONFIRMED):
        tally.take(event)
    tally.mark()
    console = Console(width=width, color_system=None)
    with console.capture() as text:
        console.print(panel(tally, RunInfo(threshold=475.0), width))
    return text.get().splitlines()


def test_in_a_usual_terminal_the_bars_make_room_for_the_words() -> None:
    lines = drawn(80)
    assert [line for line in lines if "…" in line] == []
    assert lines[1].endswith("50,000 of 100,000  0:05, about 0:14 left")  # 5 s, 250 episodes of 123 steps, 6 s


def test_in_a_narrow_terminal_a_line_is_cut_not_broken() -> None:
    assert [line.split()[0] for line in drawn(40)] == [line.split()[0] for line in drawn(200)]


def test_lines_that_must_stay_appear_above_the_panel_without_control_codes() -> None:
    view, out = live(Clock())
    view.start(Config(), RunInfo())
    view.say("tracker \x1b[31m[bold]offline")
    view.stop()
    assert "tracker [31m[bold]offline" in out.getvalue()


def test_stopping_twice_or_before_the_start_does_nothing() -> None:
    view, out = live(Clock())
    view.stop()
    view.start(Config(), RunInfo())
    view.stop()
    written = out.getvalue()
    view.stop()
    assert out.getvalue() == written


def test_the_panel_is_drawn_a_few_times_a_second_however_many_blocks_come() -> None:
    clock = Clock()
    view, out = live(clock)
    view.start(Config(), RunInfo())
    for step in range(10_000):
        clock.now += 0.001  # ten seconds in all
        view(block(step))
    assert 20 <= out.getvalue().count("CartPole-v1") <= 45


def test_the_display_keeps_up_when_blocks_become_a_thousand_times_slower() -> None:
    clock = Clock()
    view, out = live(clock)
    view.start(Config(), RunInfo())
    for step in range(500):  # before learning starts
        clock.now += 1e-5
        view(block(step))
    before = out.getvalue().count("CartPole-v1")
    for step in range(500, 1_000):
        clock.now += 0.01  # five seconds in all
        view(block(step))
    assert out.getvalue().count("CartPole-v1") - before >= 8


# ── Plain lines ──────────────────────────────────────────────────────────────────────────────────


def test_a_pipe_gets_plain_lines_for_what_matters(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    view = PlainView(clock)
    about = RunInfo(folder=Path.cwd() / "runs" / "x", threshold=475.0, parameters=4_610, replay_bytes=3_100_000)
    view.start(Config(seed=3, budget=Steps(num=1_000)), about)
    clock.now = 2.0
    for event in (block(200), ENDED, evaluated(200, 476.5), evaluated(220, 300.0, best=False), CONFIRMED):
        view(event)
    view.say("filming")
    view.stop()
    first, memory, judged, confirmed, said = capsys.readouterr().out.splitlines()
    assert first == f"training on CartPole-v1, preset custom, seed 3 -> {Path('runs/x')}"
    assert memory == "4,610 parameters, a replay of 50,000: 3.1 MB"
    parts = [
        "epsilon 0.25",
        "evaluated 476.5 (best 476.5, solved at 475.0)",
        "100 steps/s",
        "about 5:22 left, judging included",
    ]
    assert judged.split("  ")[-4:] == parts
    assert "confirming on 50 fresh episodes: 480.0, passed" in confirmed
    assert said == "filming"


def test_a_pipe_sees_a_sign_of_life_every_ten_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    view = PlainView(clock)
    view.start(Config(budget=Episodes(num=50)), RunInfo())
    for step in range(1, 301):
        clock.now += 0.1
        view(block(step, episodes=step // 30))
    lines = capsys.readouterr().out.splitlines()[2:]
    assert 2 <= len(lines) <= 3
    assert "3 of 50 episodes" in lines[0]


def test_training_goes_on_when_the_reader_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = itertools.count()

    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            next(calls)
            raise BrokenPipeError

    monkeypatch.setattr("sys.stdout", Gone())
    view = PlainView(Clock())
    view.start(Config(), RunInfo())
    view.say("hello?")
    assert next(calls) == 1  # one attempt, then silence


def test_quiet_says_only_what_must_be_said(capsys: pytest.CaptureFixture[str]) -> None:
    view: View = QuietView()
    view.start(Config(), RunInfo())
    view(evaluated(1, 2.0))
    view.say("no space left")
    view.stop()
    assert capsys.readouterr() == ("", "no space left\n")


def test_a_pipe_gets_no_panel(capsys: pytest.CaptureFixture[str]) -> None:
    assert isinstance(choose_view(), PlainView)
    assert isinstance(choose_view(quiet=True), QuietView)


def test_a_terminal_gets_the_panel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(choose_view(), LiveView)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(choose_view(), PlainView)


# ── The numbers behind both ──────────────────────────────────────────────────────────────────────


def test_speed_is_that_of_the_last_seconds() -> None:
    clock = Clock()
    tally = Tally(Config(), None, clock)
    for step in (1_000, 2_000, 3_000, 4_000, 4_010, 4_020, 4_030, 4_040):
        clock.now += 1
        tally.take(block(step))
        tally.mark()
    assert tally.speeds == (10.0, 5.0)


def test_the_time_left_follows_the_budget() -> None:
    clock = Clock()
    tally = Tally(Config(budget=Episodes(num=100)), None, clock)
    assert tally.seconds_left is None
    clock.now = 5.0
    tally.take(block(999, episodes=25))
    tally.mark()
    assert (tally.done, tally.unit, tally.seconds_left) == ((25, 100), "episodes", 15.0 + 6.0)  # with film and page


def test_a_run_taken_up_just_before_an_evaluation_tells_no_pace_yet() -> None:
    now = [0.0]
    tally = Tally(Config(budget=Steps(num=1_000)), None, lambda: now[0], (600, 9, 50))
    now[0] = 10.0  # of which nearly all went into compiling
    tally.take(BlockEnded(601, 9, 51, epsilon=0.1))
    tally.take(evaluated := Evaluated(601, (5.0,), 5.0, True, 5.0, 1.0, 1.0, {}))
    tally.mark()
    assert "steps/s" not in tally.line(evaluated)
    assert "left" not in tally.line(evaluated)
    now[0] = 12.0
    tally.take(BlockEnded(801, 9, 251, epsilon=0.1))
    tally.mark()
    assert "100 steps/s" in tally.line(evaluated)


def test_a_run_with_collectors_tells_no_pace_of_the_time_in_which_they_start() -> None:
    clock = Clock()
    tally = Tally(Config(budget=Steps(num=1_000), collectors=Collectors(num=2)), None, clock)
    for clock.now, step in ((10.0, 1), (12.0, 201)):
        tally.take(BlockEnded(step, 0, 0, epsilon=1.0))
        tally.mark()
        line = tally.line(evaluated(step, 0.0))
        assert ("steps/s" in line, "left" in line) == (step > 1, step > 1)
    assert tally.speeds[0] == 100.0


def test_the_time_that_a_run_stood_still_is_in_no_pace() -> None:
    clock = Clock()
    tally = Tally(Config(budget=Steps(num=1_000)), None, clock)
    for clock.now, event in ((100.0, Commanded(0, 0, "continue")), (102.0, BlockEnded(200, 0, 0, epsilon=1.0))):
        tally.take(event)
        tally.mark()
    assert tally.speeds[0] == 100.0


def test_a_run_that_is_taken_up_again_counts_from_there(capsys: pytest.CaptureFixture[str]) -> None:
    now = iter([0.0, 10.0, 10.0])
    tally = Tally(Config(budget=Steps(num=1_000)), None, lambda: next(now), (600, 9, 50))
    tally.take(BlockEnded(step=800, episodes=10, updates=60, epsilon=0.1))
    tally.mark()
    assert tally.speeds == (20.0, 1.0)
    assert tally.seconds_left == 10.0 + 6.0
    view = PlainView()
    view.start(Config(), RunInfo(at=(600, 9, 50)))
    assert "continuing from step 600 with CartPole-v1" in capsys.readouterr().out


def test_the_time_left_allows_for_growing_episodes_and_covers_judging_and_film() -> None:
    clock = Clock()
    config = Config(
        budget=Episodes(num=500), confirm_episodes=20, score_episodes=40, film=Film(episodes=0), explain=False
    )
    tally = Tally(config, None, clock)
    step = 0
    for lap, length in enumerate([10, 20, 40, 80], start=1):  # a hundred episodes each, a thousand steps a second
        for _ in range(100):
            tally.take(EpisodeEnded(step=step, episode=0, ret=0.0, length=length, epsilon=0.1))
        step += 100 * length
        clock.now = step / 1_000
        tally.take(block(step, episodes=100 * lap))
        tally.mark()
        if lap < 4:
            tally.take(evaluated(step, 0.0))
    assert tally.elapsed == 15.0
    # The latest 300 episodes took 14 s, so the last 100 take a third of that; 3 times 20 and 40 to judge take 8 s.
    assert tally.seconds_left == pytest.approx(14 / 3 + 8.0)
    with_film = Tally(replace(config, film=Film(episodes=1)), None, clock)
    assert with_film.seconds_left is None


def test_judging_is_timed_by_the_latest_evaluation_and_before_it_by_acting_alone() -> None:
    """An update may cost a hundred times as much as a step, and judging makes none."""
    clock = Clock()
    config = Config(budget=Steps(num=300), learning_starts=100, confirm_episodes=20, score_episodes=40, explain=False)
    tally = Tally(replace(config, film=Film(episodes=0)), None, clock)
    assert tally.seconds_of_judging is None
    tally.take(EpisodeEnded(step=50, episode=1, ret=0.0, length=50, epsilon=0.1))
    clock.now = 1.0
    tally.take(BlockEnded(step=100, episodes=1, updates=0, epsilon=0.1))
    tally.mark()
    clock.now = 101.0
    tally.take(BlockEnded(step=200, episodes=1, updates=100, epsilon=0.1))
    tally.mark()
    # 100 of 300 steps at half a second each; 100 episodes of 50 steps at a hundredth of a second.
    assert tally.seconds_left == pytest.approx(101 / 2 + 50.0)
    clock.now = 101.4
    tally.take(replace(evaluated(200, 0.0), returns=(0.0,) * 10))
    assert tally.seconds_of_judging == pytest.approx(40 * 0.04)  # if it ended now: one alone meets nobody
    clock.now = 201.0
    tally.take(BlockEnded(step=250, episodes=1, updates=150, epsilon=0.1))
    tally.mark()
    assert tally.seconds_left == pytest.approx(50 * 201 / 250 + 4.0)
    tally.take(BlockEnded(step=300, episodes=1, updates=200, epsilon=0.1))
    tally.mark()
    assert tally.seconds_left == pytest.approx(1.6)
