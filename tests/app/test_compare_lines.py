"""What a comparison prints before it trains anything."""

import pytest

from .comparing import PAIR, dqn


def test_cells_stand_in_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert dqn(PAIR.replace("--quiet", "--dry-run").replace("CartPole-v1", "CartPole-v1 Acrobot-v1")) == 0
    assert capsys.readouterr().out.splitlines()[1:5] == [
        "  CartPole-v1  dqn      2 to train",
        "  CartPole-v1  dqn n=2  2 to train",
        "  Acrobot-v1   dqn      2 to train",
        "  Acrobot-v1   dqn n=2  2 to train",
    ]
