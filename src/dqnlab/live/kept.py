"""Networks made of the weights that runs show, each once: a snapshot stays the same however often it is looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from ..explain.weights import num_weights
from ..learn.networks import QNetwork
from ..store.agent import Described, with_weights
from .networks import Weights, tensors

MOST_WEIGHTS = 5_000_000  # numbers in all networks that are kept, of four bytes each


def make_of(run: Described, weights: Weights, folder: Path) -> QNetwork:
    """The network of the run in a folder with these weights. Raises CheckpointError if they do not fit."""
    return with_weights(run, tensors(weights), folder).network


@dataclass
class KeptNetworks:
    """Those that were used last, as far as there is room for them. Nobody may change one."""

    make: Callable[[Described, Weights, Path], QNetwork] = make_of
    _kept: dict[tuple[Path, bytes], QNetwork] = field(default_factory=dict, init=False)  # the latest last

    def network(self, run: Described, weights: Weights, folder: Path) -> QNetwork:
        """As `make_of`, made only if it is not kept."""
        which = folder, _digest(weights)
        found = self._kept.pop(which, None)
        self._kept[which] = self.make(run, weights, folder) if found is None else found
        network = self._kept[which]
        while sum(map(num_weights, self._kept.values())) > MOST_WEIGHTS:
            del self._kept[next(iter(self._kept))]
        return network


def _digest(weights: Weights) -> bytes:
    """What differs if any of the weights does."""
    digest = sha256()
    for name, array in weights.items():
        digest.update(f"{name} {array.dtype} {array.shape};".encode())
        digest.update(array.tobytes())
    return digest.digest()
