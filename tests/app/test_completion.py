"""`dqn completion`: what a word may become, and bash asking for it as it would at a prompt."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import gymnasium
import pytest

from dqnlab import presets
from dqnlab.app.calls import KINDS
from dqnlab.app.cli import COMMANDS, main
from dqnlab.app.complete import completions
from dqnlab.app.shells import SCRIPTS


def offered(line: str) -> list[str]:
    """What the last word of a line may become; of one that ends with a blank that is an empty word."""
    words = shlex.split(line)[1:] + [""] * line.endswith(" ")
    return completions(KINDS, [*COMMANDS, "--help", "--version"], words)


def make_run(folder: Path, name: str | None = None) -> None:
    folder.mkdir(parents=True)
    (folder / "config.toml").touch()
    if name is not None:
        (folder / "meta.json").write_text(json.dumps({"schema": 1, "name": name, "tags": []}))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("dqn ev", ["evaluate"]),
        ("dqn --v", ["--version"]),
        ("dqn evaluate --whi", ["--which"]),
        ("dqn evaluate --which ", ["best", "last"]),
        ("dqn evaluate --which=l", ["--which=last"]),
        ("dqn train --preset cart", ["cartpole"]),
        ("dqn compare --presets rain", ["rainbow"]),
        ("dqn presets text", ["textbook"]),
        ("dqn train CartPole-v1 head:q", ["head:qr"]),
        ("dqn train rule:d", ["rule:double"]),
        ("dqn train --learning-r", ["--learning-rate"]),
        ("dqn train --no-expl", ["--no-explain"]),
        ("dqn train --duel", ["--dueling"]),
        ("dqn train --epsilon.fac", ["--epsilon.factor"]),
        ("dqn train CartP", ["CartPole-v1"]),
        ("dqn import agent.zip --env Acro", ["Acrobot-v1"]),
        ("dqn export latest --format ", ["onnx", "numpy", "js", "c"]),
        ("dqn completion ", ["bash", "zsh", "fish"]),
    ],
)
def test_the_last_word_becomes_what_may_stand_there(line: str, expected: list[str]) -> None:
    assert offered(line) == expected


@pytest.mark.parametrize("line", ["dqn nope ", "dqn train --config ", "dqn train --gamma ", "dqn train -- Cart"])
def test_where_a_file_or_a_number_is_wanted_the_shell_is_left_alone(line: str) -> None:
    assert offered(line) == []


def test_every_command_and_every_preset_is_offered() -> None:
    assert offered("dqn ")[:-2] == list(COMMANDS)
    assert offered("dqn train --preset ") == presets.names()


def test_every_flag_that_the_help_shows_is_offered(capsys: pytest.CaptureFixture[str]) -> None:
    for command in COMMANDS:
        assert main([command, "--help"]) == 0
        lines = capsys.readouterr().out.splitlines()
        shown = {re.split(r"[ ,=]", line[2:])[0] for line in lines if line.startswith("  --")}
        assert shown - set(offered(f"dqn {command} --")) == set(), command


def test_of_environments_the_newest_version_is_offered_and_none_without_discrete_actions() -> None:
    found = offered("dqn doctor ")
    assert {"CartPole-v1", "FrozenLake8x8-v1", "LunarLander-v3"} <= set(found)
    assert not {"CartPole-v0", "HalfCheetah-v5"} & set(found)
    assert [each for each in found if ":" not in each and each not in gymnasium.registry] == []


def test_runs_are_offered_by_folder_by_name_and_seeds_behind_their_group() -> None:
    make_run(Path("runs/CartPole-v1/20260101-one-s0"), "mine")
    group = Path("runs/CartPole-v1/20260102-dqn-s0-1")
    make_run(group / "seed-0")
    make_run(group / "seed-1")
    (group / "summary.json").write_text("{}")
    make_run(Path("elsewhere/Acrobot-v1/20260103-dqn-s0"))
    ours = ["20260101-one-s0", group.name, "latest", "mine", *(f"{group.name}/seed-{seed}" for seed in (0, 1))]
    assert sorted(offered("dqn watch ")) == sorted(ours)
    assert offered("dqn watch --runs elsewhere ") == ["latest", "20260103-dqn-s0"]
    assert offered("dqn runs mi") == ["mine"]


def test_no_run_is_offered_by_a_name_that_a_shell_would_do_something_with() -> None:
    for number, name in enumerate(["$(touch hit)", "two words", "`id`", "a;b", "a\nb", "it's", "雙網路"]):
        make_run(Path(f"runs/CartPole-v1/2026010{number}-dqn-s0"), name)
    make_run(Path("runs/CartPole-v1/$(touch hit)"))
    found = set(offered("dqn watch "))
    assert found == {"latest", "雙網路", *(f"2026010{number}-dqn-s0" for number in range(7))}


def test_each_shell_gets_its_script(capsys: pytest.CaptureFixture[str]) -> None:
    for shell, script in SCRIPTS.items():
        assert main(["completion", shell]) == 0
        assert capsys.readouterr().out == script
        assert f"completion {shell} " in script


def test_a_shell_without_a_script_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "tcsh"]) == 2
    assert "must be one of 'bash', 'zsh', 'fish', got 'tcsh'" in capsys.readouterr().err


@pytest.mark.world
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has another shell")
def test_bash_replaces_the_word_at_the_cursor() -> None:
    """With `:` and `=`, at which bash cuts words, and with the cursor in the middle of the line."""
    dqn = Path("bin/dqn")
    dqn.parent.mkdir()
    dqn.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m dqnlab "$@"\n')
    dqn.chmod(0o755)
    lines = {
        "dqn tra": ["train"],
        "dqn train head:q": ["qr"],
        "dqn evaluate --which=b": ["best"],
        "dqn train --preset cartp| --seed 1": ["cartpole"],
        "dqn evaluate nowh": [],
    }
    script = 'eval "$(dqn completion bash)"; complete -p dqn\n'
    for line in lines:
        before, _, after = line.partition("|")
        script += f"COMP_LINE={shlex.quote(before + after)} COMP_POINT={len(before)}\n"
        script += "COMP_WORDS=($COMP_LINE) COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n"
        script += '_dqn dqn; echo "[${COMPREPLY[*]}]"\n'
    paths = os.pathsep.join([str(dqn.parent.resolve()), os.environ["PATH"]])
    told = subprocess.run(
        ["bash", "--norc", "-c", script], env={**os.environ, "PATH": paths}, capture_output=True, text=True, check=True
    )
    assert told.stderr == ""
    assert told.stdout.splitlines() == [
        "complete -o bashdefault -o default -F _dqn dqn",
        *(f"[{' '.join(found)}]" for found in lines.values()),
    ]
