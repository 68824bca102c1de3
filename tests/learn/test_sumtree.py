"""The tree of sums, against running sums over a plain array."""

import math
import sys
import tracemalloc
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqnlab.learn.sumtree import TOP, WIDTH, SumTree

SIZES = pytest.mark.parametrize("size", [1, 2, 3, 37])
DEEP = WIDTH * TOP + 1  # the smallest tree of three levels
# On both sides of each border: of one group, of one level, of two.
BORDERS = [1, 2, WIDTH, WIDTH + 1, TOP, TOP + 1, TOP + WIDTH + 1, DEEP - 1, DEEP]


def slow_find(leaves: np.ndarray, prefix: float) -> int:
    """The first leaf whose running sum exceeds the prefix, one leaf at a time."""
    total = 0.0
    for index, leaf in enumerate(leaves):
        total += leaf
        if total > prefix:
            return index
    raise AssertionError("the prefix is not below the total")


def tree_of(*leaves: float) -> SumTree:
    tree = SumTree(len(leaves))
    tree.set(np.arange(len(leaves)), np.array(leaves))
    return tree


def test_a_prefix_finds_its_leaf_by_hand() -> None:
    tree = tree_of(1, 0, 3, 2, 0)
    assert tree.total == 6
    assert tree.get(np.array([2, 0])).tolist() == [3, 1]
    assert tree.find(np.array([0, 0.99, 1, 3.99, 4, 5.99])).tolist() == [0, 0, 2, 2, 3, 3]


@SIZES
def test_random_sets_agree_with_running_sums(size: int) -> None:
    rng = np.random.default_rng(size)
    tree, leaves = SumTree(size), np.zeros(size)
    for _ in range(1_000):
        index = rng.integers(size, size=10)  # some twice: the last wins
        value = rng.integers(0, 5, size=10).astype(float)  # whole numbers add up exactly; some are zero
        tree.set(index, value)
        for i, v in zip(index, value, strict=True):
            leaves[i] = v
        assert tree.total == leaves.sum()
    assert tree.get(np.arange(size)).tolist() == leaves.tolist()
    prefixes = np.arange(0, leaves.sum(), 0.5)
    assert tree.find(prefixes).tolist() == [slow_find(leaves, prefix) for prefix in prefixes]


@SIZES
def test_prefixes_at_both_edges_find_the_first_and_last_leaf_that_hold_something(size: int) -> None:
    leaves = np.random.default_rng(size).random(size)
    if size > 2:
        leaves[[0, -1]] = 0.0
    tree = tree_of(*leaves)
    edges = np.array([0.0, np.nextafter(tree.total, 0.0)])
    assert tree.find(edges).tolist() == np.flatnonzero(leaves)[[0, -1]].tolist()


def test_a_leaf_of_zero_is_never_found_even_where_rounding_reaches_the_total() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        leaves = rng.random(37) * (rng.random(37) < 0.3)
        leaves[rng.integers(37)] = 0.1
        tree = tree_of(*leaves)
        prefixes = np.append(rng.random(50), [0.0, 1.0]) * tree.total
        assert (tree.get(tree.find(prefixes)) > 0).all()


def test_rounding_errors_never_add_up() -> None:
    rng = np.random.default_rng(1)
    tree, leaves = SumTree(37), np.zeros(37)
    for _ in range(1_000):
        index, value = rng.permutation(37)[:10], 10.0 ** rng.uniform(-8, 8, size=10)
        tree.set(index, value)
        leaves[index] = value
    assert tree.total == pytest.approx(math.fsum(leaves), rel=1e-14)


def test_setting_no_leaf_changes_nothing() -> None:
    tree = tree_of(1, 2)
    tree.set(np.array([], np.int64), np.array([]))
    assert tree.total == 3


def test_finding_leaves_the_prefixes_as_they_were() -> None:
    prefix = np.array([2.5])
    tree_of(1, 2).find(prefix)
    assert prefix.tolist() == [2.5]


# ── Levels ───────────────────────────────────────────────────────────────────────────────────────


def test_two_thousand_ones_by_hand() -> None:
    tree = tree_of(*[1.0] * 2_000)
    assert tree.total == 2_000
    prefix = np.array([0, 31.5, 32, 1023.5, 1024, 1999.5])
    assert tree.find(prefix).tolist() == [0, 31, 32, 1023, 1024, 1999]


def test_neighbours_in_group_and_level_by_hand() -> None:
    tree = SumTree(40_000)
    tree.set(np.array([39_999, 42, 7, 40, 9, 7]), np.array([5.0, 4, 9, 3, 1, 2]))
    assert tree.total == 15
    assert tree.get(np.array([7, 8, 9, 40, 42, 39_999])).tolist() == [2, 0, 1, 3, 4, 5]
    prefixes = np.array([0, 1.5, 2, 2.5, 3, 5.5, 6, 9.5, 10, 14.5])
    assert tree.find(prefixes).tolist() == [7, 7, 9, 9, 40, 40, 42, 42, 39_999, 39_999]


@settings(max_examples=60)
@given(
    size=st.sampled_from(BORDERS),
    sets=st.lists(st.sampled_from([1, 3, 64, 3_000]), min_size=1, max_size=5),
    seed=st.integers(0, 10_000),
)
def test_trees_of_every_depth_agree_with_a_plain_list(size: int, sets: list[int], seed: int) -> None:
    rng, tree, leaves = np.random.default_rng(seed), SumTree(size), [0.0] * size
    for many in sets:
        index = rng.integers(size, size=many)
        value = rng.integers(0, 4, size=many).astype(float)  # whole numbers add up exactly; some are zero
        tree.set(index, value)
        for i, v in zip(index.tolist(), value.tolist(), strict=True):
            leaves[i] = v
    assert tree.total == sum(leaves)
    assert tree.get(np.arange(size)).tolist() == leaves
    if tree.total:
        prefixes = np.append(rng.integers(0, 2 * tree.total, size=5) / 2, [0.0, tree.total - 0.5])
        plain = np.array(leaves)
        assert tree.find(prefixes).tolist() == [slow_find(plain, prefix) for prefix in prefixes]


@pytest.mark.parametrize("size", BORDERS)
def test_every_inner_node_is_the_sum_of_its_children(size: int) -> None:
    rng, tree = np.random.default_rng(size), SumTree(size)
    for many in [1, 3, 64, 3_000, 64]:
        tree.set(rng.integers(size, size=many), 10.0 ** rng.uniform(-8, 8, size=many))
        for below, above in zip(tree._levels, tree._levels[1:], strict=False):
            children = np.zeros((len(above), WIDTH))
            children.flat[: len(below)] = below
            assert above.tolist() == children.sum(1).tolist()
        top = tree._levels[-1]
        assert len(top) <= TOP
        assert tree._before.tolist() == [0.0, *top.cumsum()]
        assert tree.total == pytest.approx(math.fsum(tree.get(np.arange(size))), rel=1e-13)


@pytest.mark.parametrize("size", BORDERS)
def test_the_edges_of_a_deep_tree_find_the_first_and_last_leaf_that_hold_something(size: int) -> None:
    leaves = np.random.default_rng(size).uniform(0.1, 1.0, size)
    if size > 4:
        leaves[[0, 1, -2, -1]] = 0.0
    tree = tree_of(*leaves)
    edges = np.array([0.0, np.nextafter(tree.total, 0.0), tree.total])
    first, last = np.flatnonzero(leaves)[[0, -1]]
    assert tree.find(edges).tolist() == [first, last, last]


@pytest.mark.parametrize("size", BORDERS)
def test_no_border_between_nodes_finds_a_leaf_of_zero(size: int) -> None:
    rng = np.random.default_rng(size)
    for share in [1.0, 0.5, 0.02]:
        leaves = 10.0 ** rng.uniform(-6, 6, size) * (rng.random(size) < share)
        leaves[rng.integers(size)] = 0.1
        tree = tree_of(*leaves)
        sums = leaves.cumsum()
        prefixes = np.concatenate([sums, np.nextafter(sums, 0.0), np.nextafter(sums, np.inf)])
        found = tree.find(prefixes[prefixes <= tree.total])
        assert found.max() < size
        assert (tree.get(found) > 0).all()


# ── Work ─────────────────────────────────────────────────────────────────────────────────────────


def lines_run(call: Callable[[], object]) -> int:
    """How many lines of the tree's own code a call runs."""
    lines = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal lines
        lines += event == "line" and frame.f_globals["__name__"] == SumTree.__module__
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return lines


def test_a_batch_among_a_million_leaves_takes_few_lines_of_python() -> None:
    tree, index = SumTree(1_000_000), np.arange(0, 64_000, 1_000)
    assert 0 < lines_run(lambda: tree.set(index, np.ones(64))) <= 16  # two children to a node would take 60
    assert 0 < lines_run(lambda: tree.find(np.arange(64.0))) <= 25  # and 100
    assert tree.find(np.arange(64.0)).tolist() == index.tolist()


def test_setting_one_leaf_adds_up_its_own_group_only() -> None:
    tree = SumTree(1_000_000)
    tree._levels[1][5] = 7.0  # an error elsewhere stays: nothing else is looked at
    tree.set(np.array([0]), np.array([1.0]))
    assert tree._levels[1][:6].tolist() == [1, 0, 0, 0, 0, 7]


def test_setting_every_leaf_at_once_takes_no_more_room_than_the_leaves() -> None:
    tree, index, value = SumTree(100_000), np.arange(100_000), np.ones(100_000)
    tracemalloc.start()
    try:
        tree.set(index, value)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert tree.total == 100_000
    assert peak <= value.nbytes  # to gather the siblings of each leaf would take 32 times that
