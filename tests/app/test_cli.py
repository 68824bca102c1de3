"""The command `dqn` as a person meets it: help, every mistake answered in one message, what reaches the experiment."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from dqnlab import errors
from dqnlab._version import __version__
from dqnlab.app.cli import COMMANDS, main
from dqnlab.lab import session
from dqnlab.terminal.view import PlainView, QuietView


def files() -> set[Path]:
    """What was written into the working folder."""
    return {path for path in Path.cwd().rglob("*") if "home" not in path.parts}


# ── Help ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_help_lists_every_command(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    out = capsys.readouterr().out
    assert [name for name in COMMANDS if f"\n  {name} " not in out] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_of_its_own(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    assert f"usage: dqn {command}" in capsys.readouterr().out


def test_help_of_train_shows_the_flags_of_the_chosen_kinds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "epsilon:geometric", "budget:episodes", "--help"]) == 0
    out = capsys.readouterr().out
    assert "--epsilon.factor" in out
    assert "--epsilon.steps" not in out
    assert "epsilon:linear|linear_episodes|geometric|constant" in out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"dqnlab {__version__}\n"


# ── Mistakes ─────────────────────────────────────────────────────────────────────────────────────

BAD: list[tuple[str, int, list[str]]] = [
    ("evalute", 2, ["unknown command 'evalute'", "evaluate"]),
    ("train --seeed 1", 2, ["--seeed", "Perhaps you meant", "--seed"]),
    ("train --head.hubr 1", 2, ["--head.hubr", "--head.huber"]),
    ("train --seed", 2, ["Missing value", "--seed"]),
    ("train --seed x", 2, ["--seed", "whole number", "'x'"]),
    ("train --seed 1.5", 2, ["--seed", "'1.5'"]),
    ("train --seed -1", 2, ["seed must be a whole number in [0, 2**32), got -1"]),
    ("train --gamma 1.5", 2, ["gamma must be in [0, 1], got 1.5"]),
    ("train --gamma nan", 2, ["gamma", "nan"]),
    ("train --preset cartpol", 2, ["unknown preset 'cartpol'; did you mean cartpole?"]),
    ("train --steps many", 2, ["--steps must be a whole number, got 'many'"]),
    ("train --steps 0", 2, ["at least 1, got 0"]),
    ("train --steps 300", 2, ["learning would never start", "learning_starts = 500", "budget.num = 300"]),
    ("train --steps 9 --budget.num 9", 2, ["--steps is a budget too"]),
    ("train budget:episodes --steps 9", 2, ["--steps is a budget too"]),
    ("train budget:episodes", 2, ["budget.num is missing"]),
    ("train budget:episodes --budget.num x", 2, ["--budget.num must be a whole number, got 'x'"]),
    ("train --batch-size 99999", 2, ["batch_size = 99999", "replay_capacity = 50000"]),
    ("train head:scaler", 2, ["unknown kind 'scaler' for head; did you mean scalar?"]),
    ("train hed:scalar", 2, ["unknown choice 'hed:scalar'; did you mean head?"]),
    ("train rule:double rule:greedy", 2, ["rule is chosen twice"]),
    ("train --epsilon.factor 0.9", 2, ["belongs to epsilon:geometric", "epsilon is linear here"]),
    ("train --env.kwargs {", 2, ["--env.kwargs"]),
    ("train --env.kwargs [1]", 2, ["--env.kwargs", "JSON object"]),
    ("train --tracker wandb", 2, ["'wandb'", "swanlab"]),
    ("train --tracker none --tracker swanlab", 2, ["--tracker none excludes the others"]),
    ("train --config none.toml", 2, ["none.toml cannot be read"]),
    ("train A-v0 B-v0", 2, ["one environment", "'A-v0'", "'B-v0'"]),
    ("train A-v0 --env.id B-v0", 2, ["one environment", "'A-v0'", "'B-v0'"]),
    ("train CartPol-v1", 2, ["CartPol", "CartPole"]),
    ("train no_such_module:Env-v0", 3, ["no_such_module"]),
    ("train Pendulum-v1", 2, ["Pendulum-v1", "Box", "Discrete"]),
    ("train --device cuda", 2, ["cuda"]),
    ("evaluate", 2, ["RUN"]),
    ("evaluate nowhere", 2, ["no run 'nowhere'", "dqn runs"]),
    ("evaluate nowhere --episodes 0", 2, ["--episodes must be a whole number from 1 to 1,000,000, got 0"]),
    ("evaluate nowhere --which worst", 2, ["worst", "best"]),
    ("watch nowhere", 2, ["no run 'nowhere'"]),
    ("record nowhere --max-seconds 0", 2, ["--max-seconds must be in (0, 3600], got 0.0"]),
    ("presets cartpol", 2, ["unknown preset 'cartpol'; did you mean cartpole?"]),
    ("runs a b", 2, ["'a' is neither a run"]),
    ("selftest --fast", 2, ["--fast"]),
]


@pytest.mark.parametrize(("line", "code", "words"), BAD)
def test_bad_input_gets_one_message_and_writes_nothing(
    line: str, code: int, words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    before = files()
    assert main(line.split()) == code
    out, err = capsys.readouterr()
    message = " ".join(err.replace("│", " ").split())  # the parser's box breaks lines
    assert [word for word in words if word not in message] == []
    assert out == ""
    assert "Traceback" not in err
    assert files() == before


def test_a_mistake_in_a_file_names_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    Path("my.toml").write_text("gama = 0.9\n")
    assert main(["train", "--config", "my.toml", "--dry-run"]) == 2
    assert "my.toml: unknown key 'gama'; did you mean gamma?" in capsys.readouterr().err


def test_an_output_folder_that_holds_something_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine").mkdir()
    Path("mine/thesis.txt").write_text("years of work")
    assert main(["train", "--out", "mine", "--quiet", "--tracker", "none"]) == 2
    assert "'mine' exists and is not empty" in capsys.readouterr().err
    assert [path.name for path in Path("mine").iterdir()] == ["thesis.txt"]


def raising(error: BaseException) -> Callable[..., Any]:
    def train(*args: Any, **kwargs: Any) -> Any:
        raise error

    return train


@pytest.mark.parametrize(
    "error",
    [errors.EnvironmentFault, errors.CheckpointError, errors.ResourceError, errors.NumericsError, errors.ConfigError],
)
def test_each_error_leaves_with_its_own_code(
    error: type[errors.DqnlabError], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "train", raising(error("the pole fell at step 7")))
    assert main(["train"]) == error.exit_code
    assert capsys.readouterr().err == "error: the pole fell at step 7\n"


def test_debug_shows_where_an_error_came_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "train", raising(errors.NumericsError("nan")))
    with pytest.raises(errors.NumericsError):
        main(["train", "--debug"])


def test_debug_hides_nothing_that_an_interrupt_says(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = KeyboardInterrupt()
    stopped.add_note("to continue: dqn tune --study s")
    monkeypatch.setattr(session, "train", raising(stopped))
    assert main(["train", "--debug"]) == 130
    assert capsys.readouterr().err == "interrupted; to continue: dqn tune --study s\n"


def test_messages_cannot_steer_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "train", raising(errors.EnvironmentFault("a red\x1b[31m pole\u202e\x07")))
    assert main(["train"]) == 3
    assert capsys.readouterr().err == "error: a red[31m pole\n"


def test_ctrl_c_before_training_leaves_with_130(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "train", raising(KeyboardInterrupt()))
    assert main(["train"]) == 130
    assert capsys.readouterr().err == "interrupted\n"


# ── What `dqn train` hands on ────────────────────────────────────────────────────────────────────


@pytest.fixture
def handed_on(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What reaches the experiment, which then ends at once."""
    seen: dict[str, Any] = {}

    def train(config: Any, **kwargs: Any) -> Any:
        seen.update(kwargs, config=config)
        raise KeyboardInterrupt

    monkeypatch.setattr(session, "train", train)
    return seen


@pytest.mark.parametrize(
    ("words", "trackers"),
    [
        ([], ("swanlab",)),
        (["--tracker", "none"], ()),
        (["--tracker", "tensorboard", "--tracker", "swanlab"], ("tensorboard", "swanlab")),
        (["--tracker", "tensorboard", "--tracker", "tensorboard"], ("tensorboard",)),
    ],
)
def test_trackers_are_those_asked_for(words: list[str], trackers: Sequence[str], handed_on: dict[str, Any]) -> None:
    main(["train", *words])
    assert tuple(handed_on["trackers"]) == trackers


def test_folders_view_and_settings_are_handed_on(handed_on: dict[str, Any]) -> None:
    main(["train", "--out", "here", "--runs", "there", "--seed", "3"])
    assert (handed_on["out"], handed_on["runs"]) == (Path("here"), Path("there"))
    assert isinstance(handed_on["view"], PlainView)
    assert handed_on["config"].seed == 3


def test_the_wait_counts_from_the_first_line_of_the_program(handed_on: dict[str, Any]) -> None:
    before = time.perf_counter()
    main(["train"])
    assert before <= handed_on["started"] <= time.perf_counter()


def test_quiet_shows_no_progress(handed_on: dict[str, Any]) -> None:
    main(["train", "--quiet"])
    assert isinstance(handed_on["view"], QuietView)
