"""Training in a notebook shows how far it is in one place, drawn anew."""

from pathlib import Path
from typing import Any

from dqnlab.config import Config, Steps
from dqnlab.run.events import BlockEnded, Evaluated
from dqnlab.terminal.notebook import NotebookBoard, NotebookTrials, in_notebook
from dqnlab.terminal.notebook_view import NotebookView, view_for_python
from dqnlab.terminal.python import board_for_python, trials_for_python
from dqnlab.terminal.standing import Standing
from dqnlab.terminal.tally import RunInfo


def drawn(clock: Any) -> tuple[NotebookView, list[tuple[str, str]]]:
    shown: list[tuple[str, str]] = []
    view = NotebookView(lambda html, text: shown.append((html, text)), clock)
    view.start(Config(budget=Steps(num=2_000)), RunInfo(threshold=475.0))
    return view, shown


def test_a_run_is_drawn_anew_at_most_twice_a_second_and_at_its_end() -> None:
    now = [0.0]
    view, shown = drawn(lambda: now[0])
    for step in range(1, 101):
        now[0] = step / 50
        view(BlockEnded(step, 0, 0, epsilon=0.5))
    assert len(shown) == 1 + 4
    view.stop()
    view.stop()
    assert len(shown) == 6
    html, text = shown[-1]
    assert "100 of 2,000 steps" in html
    assert "width:5.0%" in html
    assert text.splitlines()[1] == "100 of 2,000 steps, no episode has ended"


def test_what_is_said_stays_on_the_card_and_is_no_markup() -> None:
    view, shown = drawn(lambda: 0.0)
    view.say("<b>filming</b> …")
    assert "&lt;b&gt;filming&lt;/b&gt; …" in shown[-1][0]
    assert shown[-1][1].endswith("<b>filming</b> …")


def test_the_latest_evaluation_stands_beside_the_best_and_the_threshold() -> None:
    view, shown = drawn(lambda: 0.0)
    for step, mean in ((50, 20.0), (100, 10.0)):
        view(BlockEnded(step, 0, 0, epsilon=0.5))
        view(Evaluated(step, (mean, mean), mean, best=step == 50, best_mean=20.0, value=0.0, discounted_return=0.0))
    view.stop()
    assert "greedy 10.0 (best 20.0, solved at 475.0)" in shown[-1][0]
    assert "<polyline" in shown[-1][0]


def test_seeds_are_rows_of_one_table() -> None:
    shown: list[tuple[str, str]] = []
    board = NotebookBoard(lambda html, text: shown.append((html, text)), lambda: 0.0)
    board.start(Config(), (0, 1), Path("group"), 2)
    board.show([Standing(0, "training", 1200, 20.0), Standing(1)])
    board.stop()
    assert "<td" in shown[-1][0]
    assert shown[-1][1].splitlines()[1:3] == ["0  training  1,200  20.0  -  -", "1  waiting  0  -  -  -"]


def test_the_lines_of_a_study_stand_in_one_place() -> None:
    shown: list[tuple[str, str]] = []
    trials = NotebookTrials(lambda html, text: shown.append((html, text)), lambda: 0.0)
    trials.start("CartPole-v1", Path("study"), 0, 2)
    trials.ended("trial 0: 12.0", 2)
    assert shown[-1][1].splitlines() == ["tuning CartPole-v1, 2 trials -> study", "trial 0: 12.0"]


def test_outside_a_notebook_nothing_is_drawn_and_ipython_is_not_loaded() -> None:
    assert not in_notebook()
    assert (view_for_python(), board_for_python(), trials_for_python()) == (None, None, None)
