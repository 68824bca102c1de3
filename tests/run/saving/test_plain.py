"""A value goes through JSON and bytes and comes back as it was."""

from collections import deque
from typing import Any

import numpy as np
import pytest

from dqnlab.envs.codec import decode, encode

from .recipes import carried


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 3, 2**200, -0.5, "a", b"", b"\x00\xff", [], (), {}, deque([1], 2), deque()),
        *(np.float32(0.1), np.int8(-3), np.bool_(True), np.zeros((0, 3)), np.array(2.0), np.arange(6).reshape(2, 3).T),
        {"a": [(1, {2: np.float64(0.5)})], (1, "b"): deque([[b"x"]])},
        {"scalar": 1, "tuple": [2]},
    ],
    ids=repr,
)
def test_a_value_comes_back_with_its_type(value: Any) -> None:
    back = decode(carried(encode(value, "value")))
    assert type(back) is type(value)
    assert repr(back) == repr(value)
    if isinstance(value, deque):
        assert back.maxlen == value.maxlen
