"""What a comparison of several groups says of their settings, in processes."""

import shlex

import pytest

from dqnlab.app.cli import main

from .comparing import PAIR


@pytest.mark.world
def test_a_remark_that_every_group_would_make_is_made_once_and_names_the_flag(
    caplog: pytest.LogCaptureFixture,
) -> None:
    line = PAIR.replace("--seeds 2", "--seeds 1").replace("--eval-every 100", "--eval-every 500")
    assert main(shlex.split(line)) == 0
    assert caplog.text.count("nothing is evaluated before the end: evaluate_every = 500 steps") == 1
    assert "give --evaluate-every 30 (in Python evaluate_every=Steps(num=30))" in caplog.text
