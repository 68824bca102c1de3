"""A wide tree of sums."""

import numpy as np

WIDTH = 32  # children of a node: numpy adds up 32 numbers as fast as two
TOP = 1024  # nodes above which a level gets another one on top


class SumTree:
    """Numbers at leaves 0..size-1: set some, or find the leaf of a prefix sum, each in O(log size).

    Each level holds the sums of 32 nodes of the level below; the top one, of at most 1024 nodes, is searched as a
    whole. Every inner node is recomputed from its children, so rounding errors never add up.
    """

    def __init__(self, size: int):
        self.size = size
        self._levels: list[np.ndarray] = []  # leaves first: [nodes]
        self._groups: list[np.ndarray] = []  # the same memory but for the top, by parents: [nodes above, WIDTH]
        nodes = size
        while nodes > TOP:
            above = -(-nodes // WIDTH)
            self._groups.append(np.zeros((above, WIDTH)))
            self._levels.append(self._groups[-1].reshape(-1)[:nodes])
            nodes = above
        self._levels.append(np.zeros(nodes))
        self._before = np.zeros(nodes + 1)  # the sum of the nodes of the top before each; last the total

    @property
    def total(self) -> float:
        """The sum of all leaves."""
        return float(self._before[-1])

    def get(self, index: np.ndarray) -> np.ndarray:
        """Values [N] of leaves [N]."""
        return self._levels[0].take(index)

    def set(self, index: np.ndarray, value: np.ndarray) -> None:
        """Sets leaves [N] to values [N] >= 0; of equal leaves the last wins."""
        self._levels[0][index] = value
        for group, above in zip(self._groups, self._levels[1:], strict=True):
            if len(index) < len(above):
                index = index // WIDTH  # one that comes twice is computed twice, alike
                above[index] = group.take(index, 0).sum(1)
            else:  # so many that the whole level is less work
                group.sum(1, out=above)
        self._levels[-1].cumsum(out=self._before[1:])

    def find(self, prefix: np.ndarray) -> np.ndarray:
        """The first leaf [N] whose cumulative sum exceeds each prefix [N] in [0, total)."""
        # A prefix is kept below the sum it is looked for in: rounding never leads past the last leaf above zero.
        prefix = np.minimum(prefix, np.nextafter(self._before[-1], 0.0))
        node = self._before[1:].searchsorted(prefix, "right")
        prefix -= self._before[node]
        row = np.arange(len(prefix))
        before = np.zeros((len(prefix), WIDTH + 1))  # sum of the children before each; last of all
        for group in reversed(self._groups):
            group.take(node, 0).cumsum(1, out=before[:, 1:])
            prefix = np.minimum(prefix, np.nextafter(before[:, -1], 0.0))
            child = (before[:, 1:] > prefix[:, None]).argmax(1)
            prefix -= before[row, child]
            node = node * WIDTH + child
        return node
