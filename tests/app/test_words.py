"""One command line, word by word: flags, values, switches, choices of kind, mistakes; and the help texts."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqnlab.app.aliases import CHOOSING, FLAGS, SWITCHES
from dqnlab.app.arguments import Evaluate, Resume, Train
from dqnlab.app.cli import COMMANDS, main
from dqnlab.app.flags import dashed, flags_of
from dqnlab.app.parse import parse_args, parse_doctor, parse_train
from dqnlab.config import Config, Constant, Double, Greedy, Linear, LinearEpisodes, Prioritized, Uniform, presets
from dqnlab.config.fields import hints, tagged
from dqnlab.errors import ConfigError


def resolve(*words: str) -> Config:
    return parse_train(words)[0].config


def complaint(*words: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_train(words)
    return str(caught.value)


# ── Values ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "words", [["--seed", "3"], ["--seed=3"], ["--seed", "1", "--seed=3"], ["--seed=9", "--seed", "3"]]
)
def test_a_value_follows_or_stands_behind_an_equals_sign_and_the_last_one_counts(words: list[str]) -> None:
    assert resolve(*words) == resolve("--seed", "3")


def test_only_behind_an_equals_sign_a_value_holds_one_itself_or_begins_with_a_dash() -> None:
    assert parse_args(Evaluate, "evaluate", ["run", "--env=mine:A=-v0"]).env == "mine:A=-v0"
    assert parse_args(Evaluate, "evaluate", ["run", "--env=--odd"]).env == "--odd"
    assert complaint("--out", "-odd") == (
        "Missing value: --out must be a path, got '-odd'; a value that begins with a dash is written --out=-odd"
    )
    assert complaint("--name", "-my run") == (
        "Missing value: --name must be a text, got '-my run'; a value that begins with a dash is written "
        "--name='-my run'"
    )
    assert complaint("--name", "--seed") == "Missing value: --name must be a text, got ''"
    assert complaint("--gamma", "-odd") == "Missing value: --gamma must be a number, got ''"


@pytest.mark.parametrize("text", ["-100", "-1e2", "-.5", "-0.5"])
def test_a_negative_number_is_a_value(text: str) -> None:
    assert resolve("--env.reward-threshold", text).env.reward_threshold == float(text)
    assert resolve("--threshold", text, "--seed", "3").seed == 3


def test_a_list_of_numbers_takes_all_that_follow_and_a_later_one_replaces_it() -> None:
    assert resolve("--torso.hidden", "64", "32", "--torso.hidden", "16", "8").torso.hidden == (16, 8)
    assert parse_train(["--hidden=64", "32"])[0].env == "32"  # behind an equals sign there is one


def test_a_list_of_words_takes_one_each_time() -> None:
    args = parse_args(Evaluate, "evaluate", ["--trust-env-module", "a", "run", "--trust-env-module=b"])
    assert (args.trust_env_module, args.run) == (("a", "b"), "run")


def test_words_after_two_dashes_are_no_flags() -> None:
    assert parse_args(Resume, "resume", ["--steps", "5", "--", "--odd"]).run == "--odd"
    assert parse_train(["--", "head:scalar"])[0].env == "head:scalar"


def test_none_is_a_value_of_settings_that_may_be_none() -> None:
    assert resolve("--preset", "cartpole", "--head.huber", "None").head.huber is None
    assert complaint("--seed", "none") == "--seed must be a whole number, got 'none'"
    assert complaint("--seeds", "none") == "--seeds must be a whole number, got 'none'"


# ── Switches ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("words", "on"),
    [
        ([], True),
        (["--explain"], True),
        (["--no-explain"], False),
        (["--no_explain", "--explain"], True),
        (["--explain", "--no-explain"], False),
        (["--explain=true"], True),
        (["--explain=OFF"], False),
        (["--no-explain=true"], False),
        (["--no-explain=false"], True),
    ],
)
def test_a_setting_is_switched_on_and_off(words: list[str], on: bool) -> None:
    assert resolve(*words).explain is on


def test_a_switch_is_on_or_off() -> None:
    said = "--explain is given by itself, or as --no-explain, or set to true or false, got '2'"
    assert complaint("--explain=2") == said


@pytest.mark.parametrize("word", ["--quiet=false", "--per=1"])
def test_a_switch_that_is_no_setting_takes_no_value(word: str) -> None:
    flag, _, value = word.partition("=")
    assert complaint(word) == f"{flag} takes no value, got {value!r}"


def test_what_a_command_does_by_itself_cannot_be_switched_off() -> None:
    assert complaint("--no-quiet") == "unknown flag --no-quiet. Perhaps you meant --quiet?"


# ── Choices of kind ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("words", [["rule:greedy"], ["--rule", "greedy"], ["--rule=greedy"]])
def test_a_kind_is_chosen_in_three_ways(words: list[str]) -> None:
    assert (resolve().rule, resolve(*words).rule) == (Double(), Greedy())


def test_another_kind_begins_with_its_own_defaults_and_takes_its_own_flags() -> None:
    assert resolve("--sampler.alpha", "0.7", "--sampler", "prioritized").sampler == Prioritized(alpha=0.7)
    assert resolve("--sampler", "uniform").sampler == Uniform()
    assert resolve("epsilon:linear_episodes", "--epsilon.episodes", "7").epsilon == LinearEpisodes(episodes=7)
    assert resolve("--epsilon", "0.2").epsilon == Constant(value=0.2)
    assert resolve("--epsilon", "linear").epsilon == Linear(start=1.0, end=0.05, steps=10_000)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--rule dubble", "unknown kind 'dubble' for rule; did you mean double?"),
        ("--sync", "unknown kind '' for sync; choose from hard, polyak"),
        ("sync:", "unknown kind '' for sync; choose from hard, polyak"),
        ("sampler:Prioritized", "unknown kind 'Prioritized' for sampler; did you mean prioritized?"),
        ("evaluate-every:Steps", "unknown kind 'Steps' for evaluate_every; did you mean steps?"),
        (
            "epsilon:0.1",
            "unknown kind '0.1' for epsilon; choose from linear, linear_episodes, geometric, constant, ladder",
        ),
        ("Sampler:prioritized", "unknown choice 'Sampler:prioritized'; did you mean sampler?"),
        ("rule:double --rule double", "rule is chosen twice: rule:double and rule:double"),
        ("--epsilon 0.1 epsilon:linear", "epsilon is chosen twice: epsilon:constant and epsilon:linear"),
        (
            "epsilon:constant --epsilon.end 0.1",
            "--epsilon.end belongs to epsilon:linear, and epsilon is constant here: add epsilon:linear",
        ),
    ],
)
def test_a_choice_that_cannot_be_made_is_answered(line: str, said: str) -> None:
    assert complaint(*line.split()) == said


def test_an_environment_of_a_module_that_is_called_like_a_field() -> None:
    assert parse_train(["sampler:Mine-v0"])[0].env == "sampler:Mine-v0"
    assert parse_train(["--env", "sampler:Mine"])[0].env == "sampler:Mine"


# ── Mistakes ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--gama 0.9", "unknown flag --gama. Perhaps you meant --gamma?"),
        ("--learning-rtae 1", "unknown flag --learning-rtae. Perhaps you meant --learning-rate or --learning-starts?"),
        ("--beta1 0.5", "unknown flag --beta1. Perhaps you meant --optimizer.beta1?"),
        ("-x", "unknown flag -x: --help lists them all"),
        ("--help=1", "--help takes no value, got '1'"),
        ("-h=", "-h takes no value, got ''"),
        ("--debug=on", "--debug takes no value, got 'on'"),
        ("--evaluate-every.num 0", "evaluate_every.num must be a whole number of at least 1, got 0"),
        (
            '--env.kwargs {"a":1,"b":[{"c":1,"c":2}]}',
            (
                """--env.kwargs must be a JSON object such as {"name": 1}, got '{"a":1,"b":[{"c":1,"c":2}]}': """
                "the name 'c' stands there twice"
            ),
        ),
        ("--frobnicate=3", "unknown flag --frobnicate: --help lists them all"),
        ("--gamma", "Missing value: --gamma must be a number, got ''"),
        ("--seed --gamma 0.5", "Missing value: --seed must be a whole number, got ''"),
        ("--lr fast", "--optimizer.lr must be a number, got 'fast'"),
        ("--epsilon.steps soon", "--epsilon.steps must be a whole number or auto, got 'soon'"),
        ("--torso.hidden 64,x", "--torso.hidden must be a whole number, got 'x'"),
        ("--device=gpu", "--device must be one of 'auto', 'cpu', 'cuda', got 'gpu'"),
        ("--env.kwargs 3", """--env.kwargs must be a JSON object such as {"name": 1}, got '3'"""),
    ],
)
def test_what_is_not_understood_is_named_with_what_to_say_instead(line: str, said: str) -> None:
    assert complaint(*line.split()) == said


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("evaluate", "error: RUN is missing: a run's folder, its name, or a saved network"),
        ("evaluate a b", "error: one RUN, please: got 'a' and 'b'"),
        ("runs a b", "error: 'a' is neither a run nor a folder that holds runs: `dqn runs` lists what there is"),
        (
            "selftest now",
            "error: unknown probe 'now'; choose from end, sign, delay, choice, context, cut, corridor, worlds, "
            "best next, numbered, pixels",
        ),
        ("resume a --lor 3", "error: unknown flag --lor: --help lists them all"),
        ("doctor --out x", "error: unknown flag --out: --help lists them all"),
        ("runs --runs mine", "error: 'mine' is not a folder: name the one that holds the runs"),
        ("evaluate --run mine", "error: unknown flag --run: RUN is given by itself, without a flag"),
    ],
)
def test_each_command_answers_in_one_line(line: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(line.split()) == 2
    assert capsys.readouterr() == ("", f"{said}\n")


def test_a_number_of_any_length_is_a_message() -> None:
    assert complaint("--seed", "1" + "0" * 400) == (
        "seed must be a whole number in [0, 2**32), got a number of 1329 bits"
    )
    assert complaint("--seed", "1" * 5000).startswith("--seed must be a whole number, got '1111")


PIECES = [*map(dashed, [*flags_of(Train), *FLAGS, *SWITCHES, *CHOOSING, *tagged()]), "-h", "--", "-", "rule:double"]
PIECES += [
    "3",
    "-1",
    "-2e-3",
    "nan",
    "1e400",
    "none",
    "auto",
    "{}",
    '{"a": [null]}',
    "[",
    "A-v0",
    "budget:episodes",
    "",
]
pieces = st.sampled_from(PIECES) | st.text(max_size=5)
lines = st.lists(pieces | st.builds("{}={}".format, st.sampled_from(PIECES), pieces), max_size=6)


@given(lines, st.sampled_from([Train, Resume, Evaluate]))
def test_any_words_are_arguments_or_a_message_of_one_line(words: list[str], kind: type) -> None:
    words = [word for word in words if not word.startswith("--config")]  # which would read that file
    said = ""
    try:
        parse_train(words) if kind is Train else parse_args(kind, "any", words)
    except ConfigError as error:
        said = str(error)
    except SystemExit as end:
        said = f"help {end.code}"
    assert "\n" not in said
    assert not said.startswith("help") or (said == "help 0" and "-h" in words)


# ── Help ─────────────────────────────────────────────────────────────────────────────────────────

HELP = """\
usage: dqn evaluate RUN [--FLAG VALUE …]

Play greedy episodes with a run's network and print what it earned.

  RUN                       a run's folder, its name, or a saved network
  --episodes INT            how many episodes (default: 100)
  --seed INT                seed of the episodes' starts (default: 0)
  --which best|last         the best network, as judged, or the last one
                            (default: best)
  --json                    print one JSON object instead of text
  --record PATH             a folder to write each episode into, to be learned
                            from with `dqn train --demos` or `--offline`
  --env ENV                 play in this environment instead of the run's own
  --runs PATH               folder in which runs are looked up (default: runs)
  --trust-env-module MODULE
                            a module that the environment and wrappers of the
                            run's configuration may import (repeatable)
  -h, --help                show this text
"""


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def test_the_help_of_a_command_reads_like_this(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--help"]) == 0
    assert capsys.readouterr().out == HELP


def test_the_help_of_train_says_which_observations_are_divided_by_what(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--help"]) == 0
    words = " ".join(capsys.readouterr().out.split())
    assert "high divides by the upper bound of their space; auto does so for pictures (at least 32 pixels" in words
    assert "smaller arrays, which are codes, as they are; floats are never divided" in words


@pytest.mark.parametrize("columns", ["34", "55", "56", "80", "100", "200"])
@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_is_no_wider_than_the_terminal_and_never_hard_to_read(
    command: str, columns: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    main([*command.split(), "-h"])
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if len(line) > min(int(columns), 100)] == []
    assert [line for line in lines if line != line.rstrip()] == []


def test_the_help_of_train_explains_every_setting_of_its_kinds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert main(["train", "--sampler", "prioritized", "budget:episodes", "--preset", "textbook", "--help"]) == 0
    text = capsys.readouterr().out
    rows = text.splitlines()
    assert "rule:greedy: The target network chooses and rates the next action (Mnih et al. 2015)." in rows
    assert "  --sampler.alpha FLOAT     0 draws uniformly, 1 in proportion to the error (default: 0.5)" in rows
    assert "  --gamma FLOAT             discount per env step (default: 0.99)" in rows
    assert "  --torso.hidden INT …      units of each hidden layer (default: 64 64)" in rows
    assert "  --env.kwargs JSON         keyword arguments for the environment's constructor (default: {})" in rows
    assert "  --stop-when-solved, --no-stop-when-solved" in rows
    for name in set(hints(Config)) - {"env", "film"}:
        assert re.search(rf"--{name.replace('_', '-')}[ ,]|\n{name}:", text), name


@pytest.mark.parametrize("line", ["--gama 0.9 --help", "-h --seed", "rule:dubble --help", "--seed x -h"])
def test_help_is_shown_whatever_else_is_wrong_with_the_words(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", *line.split()]) == 0
    assert capsys.readouterr().out.startswith("usage: dqn train [ENV]")


def test_the_help_of_the_doctor_lists_no_name_that_it_does_not_understand(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_doctor(["--help"])
    assert "--save-dir" not in capsys.readouterr().out


def test_a_file_is_part_of_the_defaults_that_the_help_shows(capsys: pytest.CaptureFixture[str]) -> None:
    Path("my.toml").write_text('preset = "cartpole"\ngamma = 0.5\n')
    assert main(["train", "--config", "my.toml", "--help"]) == 0
    assert "discount per env step (default: 0.5)" in capsys.readouterr().out
    assert presets.get("cartpole").gamma == 0.99
