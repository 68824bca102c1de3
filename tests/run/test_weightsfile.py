"""What a file of weights may hold."""

from pathlib import Path

import numpy as np
import pytest
import torch

from dqnlab.app.cli import main
from dqnlab.errors import CheckpointError
from dqnlab.store.agent import load
from dqnlab.store.weightsfile import read_weights

WEIGHTS = {
    "fc.0.weight": torch.ones(3, 4),
    "fc.0.bias": torch.zeros(3),
    "fc.2.weight": torch.ones(2, 3),
    "fc.2.bias": torch.zeros(2),
}


@pytest.mark.parametrize(
    ("value", "dtype", "why"),
    [
        (np.nan, torch.float32, r"holds fc\.2\.bias with values that are not finite, such as nan"),
        (-np.inf, torch.float16, r"holds fc\.2\.bias with values that are not finite, such as -inf"),
        (1e300, torch.float64, r"fc\.2\.bias as torch\.float64 with numbers that float32 cannot hold, such as 1e\+300"),
        (complex(1, np.nan), torch.complex64, "not a plain state_dict"),
    ],
)
def test_weights_that_are_not_finite_are_refused(
    value: complex, dtype: torch.dtype, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "net.pth"
    torch.save(WEIGHTS, file)
    assert load(file, env="CartPole-v1").q_values(np.ones(4)).tolist() == [12, 12]
    torch.save({**WEIGHTS, "fc.2.bias": torch.tensor([0, value], dtype=dtype)}, file)
    with pytest.raises(CheckpointError, match=why):
        read_weights(file)
    for command in ("evaluate", "watch", "record", "export"):
        assert main([command, str(file), "--env", "CartPole-v1"]) == 4, command
        assert "fc.2.bias" in capsys.readouterr().err or dtype == torch.complex64
