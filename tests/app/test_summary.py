"""What is printed when a run has ended."""

from dataclasses import replace
from pathlib import Path

from rich.console import Console, RenderableType

from dqnlab.app.summary import evaluation, summary
from dqnlab.run.folder import Run
from dqnlab.run.score import Score

SCORE = Score(mean=488.25, low=480.0, high=495.5, minimum=312.0, maximum=500.0, episodes=100, returns=(488.25,), cut=93)
SECONDS = {"import": 1.0, "train": 12.34, "evaluate": 0.5, "confirm": 0.25, "film": 2.0, "report": 1.0, "total": 17.1}


def run(**changes: object) -> Run:
    made = Run(
        folder=Path.cwd() / "runs" / "x",
        env="CartPole-v1",
        preset="cartpole",
        seed=7,
        score=SCORE,
        selected_score=500.0,
        attempts=2,
        solved=True,
        env_steps=36_034,
        updates=2_209,
        seconds=SECONDS,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def text_of(what: RenderableType, width: int = 80) -> str:
    console = Console(width=width, color_system=None)
    with console.capture() as text:
        console.print(what, soft_wrap=True)
    return text.get()


def test_the_summary_has_the_score_its_interval_and_where_that_comes_from() -> None:
    text = text_of(summary(run()))
    assert "488.2  95 % interval 480.0 to 495.5  100 fresh greedy episodes" in text
    assert "over episodes, not over training seeds" in text


def test_the_biased_score_stands_beside_it_with_the_number_of_attempts() -> None:
    assert "500.0  biased, the best of many looks; 2 attempts to confirm" in text_of(summary(run()))
    assert "1 attempt to confirm" in text_of(summary(run(attempts=1)))


def test_the_summary_counts_steps_updates_and_seconds() -> None:
    text = text_of(summary(run()))
    assert "36,034 env steps · 2,209 updates" in text
    assert "17.1" in text
    assert "import 1.0 · train 12.3 · evaluate 0.5 · confirm 0.2 · film 2.0 · report 1.0" in text


def test_solved_is_yes_no_or_unknown() -> None:
    answers = [text_of(summary(run(solved=solved))).partition("solved")[2].split()[0] for solved in (True, False, None)]
    assert answers == ["yes", "no", "unknown:"]


def test_an_interrupted_run_says_so_and_has_no_score() -> None:
    text = text_of(summary(run(score=None, solved=None, interrupted=True, selected_score=None)))
    assert "interrupted: this is what there is so far" in text
    assert "none: judging was not reached" in text


def test_the_registered_step_limit_gets_a_line_of_its_own() -> None:
    other = replace(SCORE, mean=499.0)
    assert "499.0  95 % interval 480.0 to 495.5  100 fresh greedy episodes, registered step limit" in text_of(
        summary(run(score_registered=other))
    )


def test_files_that_exist_are_listed_below_their_folder() -> None:
    folder = Path("runs/x")
    folder.mkdir(parents=True)
    (folder / "best_model.pth").touch()
    text = text_of(summary(run()))
    assert f"folder    {folder}\n" in text
    assert "best network    best_model.pth\n" in text
    assert "last_model.pth" not in text
    assert f"dqn watch {folder}" in text


def test_a_long_path_is_not_broken_and_no_line_ends_in_spaces() -> None:
    folder = Path.cwd() / ("long" * 40)
    text = text_of(summary(run(folder=folder, notes=["see " + "path/" * 40])), width=60)
    assert "long" * 40 in text
    assert "path/" * 40 in text
    assert [line for line in text.splitlines() if line != line.rstrip()] == []


def test_names_are_shown_as_they_are_but_cannot_steer_the_terminal() -> None:
    text = text_of(summary(run(env="[red]Odd\x1b[31m", notes=["[/bold]\x07"])))
    assert "[red]Odd[31m" in text
    assert "note      [/bold]\n" in text


def test_an_evaluation_says_how_many_episodes_the_limit_cut() -> None:
    assert "100, 93 of them cut by the step limit" in text_of(evaluation(SCORE, "x"))
    assert "100, none cut by the step limit" in text_of(evaluation(replace(SCORE, cut=0), "x"))
    assert "312.0" in text_of(evaluation(SCORE, "x"))


def test_a_score_without_spread_has_no_interval_and_says_why() -> None:
    same = replace(SCORE, mean=500.0, low=None, high=None, interval="none: no spread seen in 100 episodes")
    text = text_of(summary(run(score=same)))
    assert "500.0  100 fresh greedy episodes" in text
    assert "no spread seen in 100 episodes" in text
    assert "95 % interval" not in text
