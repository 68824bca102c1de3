"""Equal to the last bit."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch


def same(a: Any, b: Any) -> None:
    """Asserts that two nested states are equal to the last bit."""
    assert type(a) is type(b) or (isinstance(a, Mapping) and isinstance(b, Mapping)) or isinstance(a, (list, tuple))
    if isinstance(a, Mapping):
        assert list(a) == list(b)
        for key in a:
            same(a[key], b[key])
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            same(one, other)
    elif isinstance(a, torch.Tensor):
        same(a.numpy(), b.numpy())
    elif isinstance(a, np.ndarray):
        assert (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
    else:
        assert a == b
