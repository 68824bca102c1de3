"""A binary tree of sums."""

import numpy as np


class SumTree:
    """Numbers at leaves 0..size-1: set some, or find the leaf of a prefix sum, each in O(log size).

    Every inner node is recomputed from its children, so rounding errors never add up.
    """

    def __init__(self, size: int):
        self.size = size
        self._leaf = 1 << (size - 1).bit_length()  # index of leaf 0; a power of two >= size
        self._node = np.zeros(2 * self._leaf)

    @property
    def total(self) -> float:
        """The sum of all leaves."""
        return float(self._node[1])

    def get(self, index: np.ndarray) -> np.ndarray:
        """Values [N] of leaves [N]."""
        return self._node[self._leaf + index]

    def set(self, index: np.ndarray, value: np.ndarray) -> None:
        """Sets leaves [N] to values [N] >= 0; of equal leaves the last wins."""
        node = self._leaf + index
        self._node[node] = value
        while len(node) and node[0] > 1:
            node = node // 2  # one that comes twice is computed twice, alike
            self._node[node] = self._node[2 * node] + self._node[2 * node + 1]

    def find(self, prefix: np.ndarray) -> np.ndarray:
        """The first leaf [N] whose cumulative sum exceeds each prefix [N] in [0, total)."""
        node, prefix = np.ones(len(prefix), np.int64), prefix.copy()
        while node[0] < self._leaf:
            left = 2 * node
            right = prefix >= self._node[left]
            # A right child of zero is reached only by a rounding error: stay where there is something.
            right &= self._node[left + 1] > 0
            prefix -= np.where(right, self._node[left], 0.0)
            node = left + right
        return node - self._leaf
