"""What is printed when a run has ended."""

from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from dqnlab import presets
from dqnlab.app.parse import parse_train
from dqnlab.app.summary import evaluation, labelled, summary
from dqnlab.config.toml import to_toml
from dqnlab.store.folder import Run, write_json
from dqnlab.store.group import Group
from dqnlab.store.score import Score

SCORE = Score(mean=488.25, low=480.0, high=495.5, minimum=312.0, maximum=500.0, episodes=100, returns=(488.25,), cut=93)
SECONDS = {"import": 1.0, "train": 12.34, "evaluate": 0.5, "confirm": 0.25, "film": 2.0, "report": 1.0, "total": 17.1}

ENV = {"obs_shape": [4], "obs_dtype": "float32", "num_states": None, "obs_start": 0, "num_actions": 2}
ENV |= {"action_start": 0, "reward_threshold": 475.0, "max_episode_steps": 500, "callable": False}


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
    assert "500.0  biased, the best of 9 evaluations; 2 attempts to confirm" in text_of(summary(run(evaluations=9)))
    assert "500.0  biased, the best of many evaluations" in text_of(summary(run()))  # of before they were counted
    assert "1 attempt to confirm" in text_of(summary(run(attempts=1)))


def test_the_only_evaluation_is_not_called_biased_and_none_has_no_line() -> None:
    text = text_of(summary(run(evaluations=1, attempts=0)))
    assert "500.0  the only evaluation; 0 attempts to confirm" in text
    assert "biased" not in text
    assert "selected" not in text_of(summary(run(score=None, solved=None, interrupted=True, selected_score=None)))


def test_the_summary_counts_steps_updates_and_seconds() -> None:
    text = text_of(summary(run()))
    assert "36,034 env steps · 2,209 updates" in text
    assert "17.1" in text
    assert "import 1.0 · train 12.3 · evaluate 0.5 · confirm 0.2 · film 2.0 · report 1.0" in text


def test_phases_that_took_no_time_are_not_listed() -> None:
    text = text_of(summary(run(seconds={"train": 2.0, "save": 0.004, "film": 0.0, "trackers": 0.3, "total": 2.3})))
    assert "          train 2.0 · trackers 0.3\n" in text


def test_a_run_that_is_not_exact_says_why() -> None:
    text = text_of(summary(run(resumed="not exact", inexact="versions.torch: '2.8' then, '2.9' now")))
    assert "resumed   not exact: an uninterrupted run would have given different numbers\n" in text
    assert "          versions.torch: '2.8' then, '2.9' now\n" in text
    assert "resumed" not in text_of(summary(run(resumed="exact")))


def test_solved_is_yes_no_or_unknown() -> None:
    answers = [text_of(summary(run(solved=solved))).partition("solved")[2].split()[0] for solved in (True, False, None)]
    assert answers == ["yes", "no", "unknown"]


def test_an_interrupted_run_says_so_and_has_no_score() -> None:
    text = text_of(summary(run(score=None, solved=None, interrupted=True, selected_score=None)))
    assert "interrupted: these are the results so far" in text
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
    assert "100, 93 of them truncated" in text_of(evaluation(SCORE, "x"))
    assert "100, none of them truncated" in text_of(evaluation(replace(SCORE, cut=0), "x"))
    assert "312.0" in text_of(evaluation(SCORE, "x"))


def test_a_score_without_spread_has_no_interval_and_says_why() -> None:
    same = replace(
        SCORE, mean=500.0, minimum=500.0, low=None, high=None, interval="none: no spread seen in 100 episodes"
    )
    text = text_of(summary(run(score=same)))
    assert "500.0  100 fresh greedy episodes" in text
    assert "all 100 episodes returned 500.0: no spread was seen" in text
    assert "95 % interval" not in text


def test_the_page_comes_first_and_a_window_only_where_there_can_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path.cwd() / "runs" / "mein ä"
    (folder / "videos").mkdir(parents=True)
    made = run(folder=folder)
    monkeypatch.delenv("DISPLAY", raising=False)
    assert "next " not in text_of(summary(made))
    assert "films" not in text_of(summary(made))  # an empty folder is none
    (folder / "report.html").touch()
    (folder / "videos" / "best-1.mp4").touch()
    monkeypatch.setattr("dqnlab.app.summary.has_display", lambda: False)
    text = text_of(summary(made))
    assert "/runs/mein%20%C3%A4/report.html\n" in text.partition("next      open file://")[2]
    assert "dqn watch" not in text
    monkeypatch.setattr("dqnlab.app.summary.has_display", lambda: True)
    assert "          dqn watch 'runs/mein ä'\n" in text_of(summary(made))


def test_after_a_fast_preset_comes_the_textbook_with_what_differs() -> None:
    folder = Path.cwd() / "runs" / "x"
    folder.mkdir(parents=True)
    assert "--preset textbook" not in text_of(summary(run()))
    write_json(folder / "meta.json", {"env": ENV})
    text = text_of(summary(run()), width=1000)
    assert "dqn train CartPole-v1 --preset textbook --seed 7\n" in text
    differing = text.partition("          it differs from the textbook in: ")[2].partition("\n")[0]
    assert "update_every" in differing
    assert "--preset textbook" not in text_of(summary(run(preset="textbook")))
    assert "--preset textbook" not in text_of(summary(run(interrupted=True)))  # resuming comes first
    (folder / "config.toml").write_text('[env]\ncopies = "none"\n')
    assert "dqn train CartPole-v1 --preset textbook --seed 7\n" in text_of(summary(run()), width=1000)
    (folder / "config.toml").write_text('[env]\ncopies = 1\n[env.kwargs]\nmap_name = "8x8"\n')
    again = 'dqn train CartPole-v1 --env.kwargs \'{"map_name": "8x8"}\' --env.copies 1 --preset textbook --seed 7\n'
    assert again in text_of(summary(run()), width=1000)
    write_json(folder / "meta.json", {"env": ENV | {"callable": True}})
    assert "--preset textbook" not in text_of(summary(run()))


def test_what_differs_from_the_textbook_is_what_the_run_was_told_and_not_its_preset() -> None:
    folder = Path.cwd() / "runs" / "x"
    folder.mkdir(parents=True)
    write_json(folder / "meta.json", {"env": ENV, "trackers": []})
    config = replace(presets.get("cartpole"), update_every=presets.get("textbook").update_every, gamma=0.9)
    (folder / "config.toml").write_text(to_toml(config))
    text = text_of(summary(run()), width=1000)
    differing = text.partition("          it differs from the textbook in: ")[2].partition("\n")[0].split(", ")
    assert "update_every" not in differing  # it was given as the textbook has it
    assert "gamma" not in differing  # the command keeps it
    assert "optimizer.lr" in differing
    assert "budget" in differing  # the command leaves the textbook its own length
    assert "dqn train CartPole-v1 --preset textbook --seed 7 --gamma 0.9 --tracker none\n" in text
    write_json(folder / "meta.json", {"env": ENV, "trackers": ["tensorboard"]})
    assert "--gamma 0.9 --tracker tensorboard\n" in text_of(summary(run()), width=1000)
    write_json(folder / "meta.json", {"env": ENV, "trackers": ["swanlab"]})
    assert "--gamma 0.9\n" in text_of(summary(run()), width=1000)


def test_a_note_that_is_wrapped_keeps_its_column() -> None:
    text = text_of(summary(run(notes=["one two three four five six seven eight nine ten eleven"])), width=44)
    assert "note      one two three four five six seven\n          eight nine ten eleven\n" in text


def test_the_threshold_is_named_with_whose_it_is() -> None:
    text = text_of(summary(run(threshold=475.0, threshold_says="475 is registered with CartPole-v1")))
    assert "solved    yes  475 is registered with CartPole-v1\n" in text
    why = "475, registered with CartPole-v1, does not count: TransformReward may change its rewards or ends"
    assert f"solved    unknown  {why}\n" in text_of(summary(run(solved=None, threshold_says=why)))
    assert "solved    unknown  no threshold\n" in text_of(summary(run(solved=None)))


def test_episodes_cut_at_the_limit_that_dqnlab_set_are_said_to_be() -> None:
    cut = replace(SCORE, cut=100, own_limit=10_000)
    said = "all 100 episodes were cut at 10,000 steps, dqnlab's own limit"
    assert said in text_of(summary(run(score=cut)))
    assert said in text_of(evaluation(cut, "x"))
    assert "dqnlab's own" not in text_of(summary(run(score=replace(cut, own_limit=None))))


def test_what_python_prints_of_a_result_is_one_line() -> None:
    made = run()
    group = Group(Path("g"), "CartPole-v1", "cartpole", (7,), (made,), 1.0)
    for each in (made, made.score, group):
        assert len(repr(each)) < 200
        assert "\n" not in repr(each)
    assert repr(made.score) == "Score(mean=488.25, low=480, high=495.5, episodes=100)"


@pytest.mark.parametrize(
    ("words", "again"),
    [
        (["zoo:Lane-v0"], "zoo:Lane-v0 --preset textbook --env.max-episode-steps none --steps 100000"),
        (
            ["zoo:Lane-v0", "--steps", "1200", "--gamma", "0.9", "--seed", "5", "--lr", "0.1"],
            "zoo:Lane-v0 --preset textbook --seed 5 --gamma 0.9 --env.max-episode-steps none --steps 1200",
        ),
        (["CartPole-v1"], "CartPole-v1 --preset textbook"),
        (["CartPole-v1", "--steps", "9e4"], "CartPole-v1 --preset textbook --steps 90000"),
        (["Taxi-v4", "--episodes", "300"], "Taxi-v4 --preset textbook --env.max-episode-steps none --episodes 300"),
        (
            ["Acrobot-v1", "--steps", "2000", "--max-episode-steps", "99", "--frame-stack", "2"],
            "Acrobot-v1 --env.max-episode-steps 99 --env.frame-stack 2 --preset textbook --steps 2000",
        ),
    ],
)
def test_the_textbook_is_trained_on_the_same_problem_for_as_long_and_as_it_is_printed(
    words: list[str], again: str
) -> None:
    config = parse_train(words)[0].config
    folder = Path.cwd() / "runs" / "x"
    folder.mkdir(parents=True)
    write_json(folder / "meta.json", {"env": ENV})
    (folder / "config.toml").write_text(to_toml(config), encoding="utf-8")
    text = text_of(summary(run(env=config.env.id, preset=config.preset, seed=config.seed)), width=1000)
    assert f"dqn train {again}\n" in text
    textbook = parse_train(again.split())[0].config
    assert (textbook.preset, textbook.seed, textbook.gamma) == ("textbook", config.seed, config.gamma)
    assert textbook.env.frame_stack == config.env.frame_stack
    if config.env.id != "CartPole-v1":  # whose limit is part of the classic program
        assert textbook.env.max_episode_steps == config.env.max_episode_steps


def test_what_only_python_can_make_again_is_said_in_python() -> None:
    folder = Path.cwd() / "runs" / "x"
    folder.mkdir(parents=True)
    write_json(folder / "meta.json", {"env": ENV | {"callable": True}})
    text = text_of(summary(run(score=None, solved=None, interrupted=True, selected_score=None)))
    assert "to resume dqnlab.resume('runs/x', env=…) in Python" in text


def test_a_label_of_any_length_stands_off_its_words() -> None:
    assert labelled("interrupted", "seed 0").plain == "interrupted seed 0"
    assert labelled("folder", "x").plain == "folder    x"
