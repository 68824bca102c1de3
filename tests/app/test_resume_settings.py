"""`dqn resume` with a setting: a run goes on with those that it had, and the message says what changes them."""

import pytest

from dqnlab.app.parse import parse_branch
from dqnlab.app.parse_resume import parse_resume
from dqnlab.errors import ConfigError

SETTINGS = [
    ("--gamma 0.5", "--set gamma=0.5"),
    ("--gamma=0.5 --quiet", "--set gamma=0.5"),
    ("--set gamma=0.5", "--set gamma=0.5"),
    ("--set=gamma=0.5", "--set gamma=0.5"),
    ("--quiet --lr 1e-4 --double", "--set lr=1e-4 --double"),
    ("rule:double --batch-size 8", "--set rule:double --set batch-size=8"),
    ("--rule double", "--set rule=double"),
    ("--hidden 64 64 --steps 400", "--set hidden=64,64"),
    ("--no-stop-when-solved", "--no-stop-when-solved"),
    ("--epsilon.end 0.1", "--set epsilon.end=0.1"),
    ("--tau", "--tau"),  # its value is missing: `dqn branch` says so
]


@pytest.mark.parametrize(("words", "branch"), SETTINGS)
def test_a_setting_given_to_the_command_is_answered_with_the_branch_that_changes_it(words: str, branch: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse_resume(["a run", *words.split()])
    assert f"dqn branch 'a run' {branch} (in Python dqnlab.branch('a run', …))" in str(raised.value)
    if branch != "--tau":
        assert parse_branch(["a run", *branch.split()]).run == "a run"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--budget.num 3", "--budget.num: of a run that is resumed, say the end with --steps or --episodes"),
        ("--preset dqn", "preset cannot change in the middle of a run"),
        ("--gama 3", "unknown flag --gama"),
        ("--quite", "unknown flag --quite. Perhaps you meant --quiet"),
        ("--name new", "unknown flag --name"),
    ],
)
def test_what_is_no_setting_is_refused_as_it_is(words: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        parse_resume(["run", *words.split()])
