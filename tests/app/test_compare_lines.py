"""What a comparison prints before it trains anything."""

from pathlib import Path

import pytest

from dqnlab.store.lock import locked

from .test_compare import PAIR, dqn


def test_cells_stand_in_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert dqn(PAIR.replace("--quiet", "--dry-run").replace("CartPole-v1", "CartPole-v1 Acrobot-v1")) == 0
    assert capsys.readouterr().out.splitlines()[1:5] == [
        "  CartPole-v1  dqn      2 to train",
        "  CartPole-v1  dqn n=2  2 to train",
        "  Acrobot-v1   dqn      2 to train",
        "  Acrobot-v1   dqn n=2  2 to train",
    ]


def test_whoever_finds_the_same_comparison_being_made_is_not_told_to_continue_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("mine").mkdir()
    with locked(Path("mine")):
        assert dqn(PAIR + " --out mine") == 2
    err = capsys.readouterr().err
    assert "in use by" in err
    assert "To continue" not in err
