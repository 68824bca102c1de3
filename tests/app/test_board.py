"""What is shown of many seeds: a table in a terminal, lines in a pipe, and the summary at the end."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from dqnlab.app.summary import group_summary
from dqnlab.config import Config
from dqnlab.store.folder import Run
from dqnlab.store.group import Failure, Group
from dqnlab.store.score import Score
from dqnlab.terminal.board import LiveBoard, PlainBoard, QuietBoard, choose_board
from dqnlab.terminal.standing import Standing

SCORE = Score(mean=488.25, low=480.0, high=495.5, minimum=312.0, maximum=500.0, episodes=100, returns=(488.25,), cut=93)
RUN = Run(
    folder=Path("group/seed-0"),
    env="CartPole-v1",
    preset="cartpole",
    seed=0,
    score=SCORE,
    selected_score=500.0,
    attempts=2,
    solved=True,
    env_steps=36_034,
    updates=2_209,
    seconds={"total": 17.1},
)
OTHER = replace(RUN, seed=1, folder=Path("group/seed-1"), score=replace(SCORE, mean=400.25), solved=False)
FAILURE = Failure(seed=2, folder=Path("group/seed-2"), error="obs is \x1b[31mnan", exit_code=3, env_steps=12)
GROUP = Group(Path("group"), "CartPole-v1", "cartpole", (0, 1, 2), (RUN, OTHER, FAILURE), 40.25)


def text_of(what: RenderableType) -> str:
    console = Console(width=120, color_system=None)
    with console.capture() as text:
        console.print(what, soft_wrap=True)
    return text.get()


def test_the_live_table_has_a_line_for_every_seed() -> None:
    out, now = io.StringIO(), [0.0]
    board = LiveBoard(Console(file=out, force_terminal=True, width=100, color_system=None), lambda: now[0])
    board.start(Config(), range(3), Path("group"), 2)
    board.ended(RUN, 1, 3)
    now[0] = 65.0
    board.show([Standing(0, "done", 36_034, 500.0), Standing(1, "training", 1_200, 33.5), Standing(2)])
    board.stop()
    board.stop()
    rows = [line.split() for line in out.getvalue().rpartition("solved")[2].splitlines()]
    assert ["0", "done", "36,034", "500.0", "488.2", "yes"] in rows
    assert ["1", "training", "1,200", "33.5", "-", "-"] in rows
    assert ["2", "waiting", "0", "-", "-", "-"] in rows
    assert "1 of 3 ended  1:05" in out.getvalue()
    assert "3 seeds, 0 to 2, in 2 processes" in out.getvalue()


def test_a_pipe_gets_a_line_for_every_seed_that_ends(capsys: pytest.CaptureFixture[str]) -> None:
    board = PlainBoard()
    board.start(Config(preset="x"), [4], Path("group"), 1)
    board.show([Standing(4, "training", 10)])
    board.ended(RUN, 1, 2)
    board.ended(FAILURE, 2, 2)
    assert capsys.readouterr().out.splitlines() == [
        "training CartPole-v1, preset x, seed 4, in 1 process -> group",
        "seed 0: score 488.2, solved yes, 36,034 steps, 17.1 s  (1 of 2)",
        "seed 2: failed: obs is [31mnan  (2 of 2)",
    ]


def test_a_seed_that_was_interrupted_has_not_failed(capsys: pytest.CaptureFixture[str]) -> None:
    stopped = replace(RUN, score=None, solved=None, env_steps=388, interrupted=True)
    never = replace(FAILURE, error="interrupted before it began")
    for board in (PlainBoard(), QuietBoard()):
        board.ended(stopped, 1, 2)
        board.ended(never, 2, 2)
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "seed 0: interrupted at 388 steps  (1 of 2)",
        "seed 2: interrupted before it began  (2 of 2)",
    ]
    assert err == "seed 2: interrupted before it began\n"


def test_quiet_says_only_what_failed(capsys: pytest.CaptureFixture[str]) -> None:
    board = choose_board(quiet=True)
    assert isinstance(board, QuietBoard)
    board.start(Config(), [0], Path("group"), 1)
    board.ended(RUN, 1, 2)
    board.ended(FAILURE, 2, 2)
    board.stop()
    out, err = capsys.readouterr()
    assert (out, err) == ("", "seed 2 failed: obs is [31mnan\n")


def test_without_a_terminal_the_board_is_plain() -> None:
    assert isinstance(choose_board(), PlainBoard)


def test_the_summary_shows_every_seed_and_the_mean_over_seeds() -> None:
    text = text_of(group_summary(GROUP))
    rows = [line.split() for line in text.splitlines()]
    assert ["0", "488.2", "480.0", "to", "495.5", "yes", "36,034", "17.1", "seed-0"] in rows
    assert ["2", "none", "-", "12", "0.0", "seed-2"] in rows
    assert "mean      444.2  95 % interval -114.8 to 1,003.3  2 of 3 seeds" in text  # 12.706 · 44 on either side
    assert "95 % Student t over seeds" in text
    assert "solved    1 of 2" in text
    assert "failed    seed 2: obs is [31mnan" in text
    assert "seconds   40.2" in text
    assert "best seed       seed-0" in text


def test_a_summary_without_scores_says_so() -> None:
    failed = replace(GROUP, results=(FAILURE,))
    assert "to resume" not in text_of(group_summary(failed))
    text = text_of(group_summary(replace(failed, interrupted=True)))
    assert "none: no seed has a score" in text
    assert "interrupted: these are the results so far" in text
    assert "dqn watch" not in text
    assert "to resume" not in text  # with what? no seed has begun


def test_an_interrupted_group_says_how_to_go_on_with_it(tmp_path: Path) -> None:
    group = replace(GROUP, folder=tmp_path / "my group", results=(FAILURE,), interrupted=True)
    (group.folder / "seed-0").mkdir(parents=True)
    settings = group.folder / "seed-0" / "config.toml"
    settings.write_text('[env]\nid = "CartPole-v1"\n')
    assert "to resume dqn resume 'my group'\n" in text_of(group_summary(group))
    settings.write_text('[env]\nid = "zoo:Lane-v0"\n')  # a copy, for it bears no mark
    assert "my group' --trust-env-module zoo\n" in text_of(group_summary(group))


def test_notes_of_a_run_name_its_seed() -> None:
    noted = replace(OTHER, notes=["no film: \x07codec"])
    text = text_of(group_summary(replace(GROUP, results=(RUN, noted))))
    assert "note      seed 1: no film: codec" in text


def test_one_seed_has_no_interval() -> None:
    text = text_of(group_summary(replace(GROUP, seeds=(0,), results=(RUN,))))
    assert "mean      488.2  1 seed\n" in text
    assert "one seed says nothing about others" in text


def test_both_say_about_how_long_it_still_takes(capsys: pytest.CaptureFixture[str]) -> None:
    """Film and page take 6 s; whoever waits for a turn takes as long as the others do."""
    now, out = [0.0], io.StringIO()
    console = Console(file=out, force_terminal=True, width=100, color_system=None)
    moments = [
        (0.0, [Standing(0, "compiling"), Standing(1, "compiling"), Standing(2)], ""),
        (0.0, [Standing(0, "training"), Standing(1, "training"), Standing(2)], ""),  # nobody can tell yet
        (10.0, [Standing(0, "training", left=20.0), Standing(1, "training", left=30.0), Standing(2)], "1:11"),
        (40.0, [Standing(0, "done"), Standing(1, "judging", left=5.0), Standing(2)], "0:54"),  # 5, 42.5 and 6
        (45.0, [Standing(0, "done"), Standing(1, "done"), Standing(2, "training", left=9.0)], "0:15"),
        (50.0, [Standing(0, "finishing"), Standing(1, "done"), Standing(2, "done")], ""),
    ]
    for board in (LiveBoard(console, lambda: now[0]), PlainBoard(lambda: now[0])):
        board.start(Config(), range(3), Path("group"), 2)
        for number, (when, standings, left) in enumerate(moments):
            now[0] = when
            board.show(standings)
            board.ended(replace(RUN, seed=number), 1, 3)
            lines = (out.getvalue() + capsys.readouterr().out).splitlines()
            last = next(line for line in reversed(lines) if " of 3" in line)
            assert ("left" in last) == bool(left), (when, last)
            assert left in last
        board.stop()
        out.seek(0)
        out.truncate()
