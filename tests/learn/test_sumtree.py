"""The tree of sums, against running sums over a plain array."""

import math

import numpy as np
import pytest

from dqnlab.learn.sumtree import SumTree

SIZES = pytest.mark.parametrize("size", [1, 2, 3, 37])


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
