"""Packed arrays arrive in the page as they were."""

import numpy as np

from dqnlab.explain.page import LARGE, pack_for_page

from .conftest import Open
from .sample import sample


def test_weights_that_are_packed_closer_are_the_same_to_the_bit(open_page: Open) -> None:
    numbers = np.random.default_rng(0).normal(0, 0.1, (LARGE // 10, 10)).astype(np.float32)
    numbers[0, :4] = [0.0, -0.0, np.inf, np.float32(1e-42)]
    packed = pack_for_page(numbers)
    assert packed["planes"] == 4
    assert len(packed["data"]) < 0.95 * 5 * numbers.size  # five digits are four bytes
    assert "planes" not in pack_for_page(numbers[1:])
    bits = "Array.from(new Uint32Array(m.unpack(argument).data.buffer))"
    assert open_page(sample()).module("core/codec.js", bits, packed) == numbers.view(np.uint32).ravel().tolist()


def test_whole_and_broken_numbers_of_every_size_arrive_as_they_were(open_page: Open) -> None:
    """Pictures and codes that a network sees as single precision are whole numbers, and many of them."""
    cases = [
        np.full(size, number, kind)
        for size in (3, LARGE - 1, LARGE, LARGE + 5)
        for number in (90, 255, 256, 65_535, 65_536, -1, 0.5)
        for kind in (np.float32, np.float64, np.int64)
        if number == int(number) or kind != np.int64
    ]
    ends = "argument.map(each => m.unpack(each).data).map(data => [data.length, data[0], data[data.length - 1]])"
    found = open_page(sample()).module("core/codec.js", ends, [pack_for_page(case) for case in cases])
    assert found == [[len(case), case[0], case[-1]] for case in cases]
