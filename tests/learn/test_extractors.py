"""Numbers that are normalised by what has been seen of them."""

import numpy as np
import pytest
import torch

from dqnlab.learn.encoder import Encoder
from dqnlab.learn.extractors import Normalizer
from dqnlab.learn.types import ObsPart, ObsSpec

FLOAT = np.dtype(np.float32)


def test_literal_numbers() -> None:
    normal = Normalizer(2)
    assert normal(torch.tensor([[3.0, -4.0]])).tolist() == [[3.0, -4.0]]  # nothing has been seen
    normal.refresh(torch.tensor([[1.0, 10.0], [3.0, 10.0]]))
    assert (normal.mean.tolist(), normal.variance.tolist(), normal.count.tolist()) == ([2.0, 10.0], [1.0, 0.0], [2.0])
    seen = normal(torch.tensor([[4.0, 10.0], [-50.0, 11.0]]))
    torch.testing.assert_close(seen, torch.tensor([[2.0, 0.0], [-10.0, 10.0]]))  # ten deviations at most
    normal.refresh(torch.tensor([[8.0, 10.0]]))
    torch.testing.assert_close(normal.mean, torch.tensor([4.0, 10.0]))
    torch.testing.assert_close(normal.variance, torch.tensor([(9 + 1 + 16) / 3, 0.0]))


@pytest.mark.parametrize("size", [1, 7, 64])
def test_batch_by_batch_is_as_all_at_once(size: int) -> None:
    """Far from 0, where sums of squares would lose all digits."""
    seen = np.random.default_rng(0).normal([1e4, -3.0, 0.01], [2.0, 50.0, 1e-3], (448, 3)).astype(np.float32)
    normal = Normalizer(3)
    for batch in torch.from_numpy(seen).split(size):
        normal.refresh(batch)
    exact = seen.astype(np.float64)
    np.testing.assert_allclose(normal.mean.numpy(), exact.mean(0), rtol=1e-5)
    np.testing.assert_allclose(normal.variance.numpy(), exact.var(0), rtol=2e-3)
    assert normal.count.item() == 448


def test_parts_without_an_extractor_go_in_as_they_are() -> None:
    parts = (ObsPart(("a",), 0, (2,), FLOAT), ObsPart(("b",), 2, (1,), FLOAT))
    obs = ObsSpec((3,), FLOAT, parts=parts)
    encode = Encoder(obs, {0: Normalizer(2)})
    assert not encode.takes_vector
    encode.refresh(torch.tensor([[1.0, 5.0, 7.0], [3.0, 9.0, 7.0]]))
    torch.testing.assert_close(encode(torch.tensor([[2.0, 9.0, 7.0]])), torch.tensor([[0.0, 1.0, 7.0]]))
