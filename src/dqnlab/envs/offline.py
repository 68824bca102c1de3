"""The source of a run that collects nothing: a clock that ticks once for each update."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..learn.types import Block, ObsSpec, Transitions
from .vector import Envs, SerialEnvs


class Clock:
    """An endless source of blocks that hold nothing. The environments are only kept, to be lent to the judge."""

    steps = 0
    """env steps taken"""
    cuts = cut_due = False
    ahead = 1
    """env steps that the next block will have"""
    level = "A"  # there is nothing of the environments that a state would have to say

    def __init__(self, envs: Envs, obs: ObsSpec):
        self.envs = envs
        self.at_cut: Callable[[], object] = lambda: None
        none = np.zeros(0, np.int64)
        self._nothing = Block(
            frames=np.zeros((0, envs.num_envs, *obs.frame_shape), obs.dtype),
            first=np.ones((0, envs.num_envs), bool),
            transitions=Transitions(none, none, none.astype(np.float32), none.astype(np.float32), none),
            episodes=[],
            steps=1,
            epsilon=0.0,
        )

    def __iter__(self) -> Iterator[Block]:
        while True:
            yield self.step()

    def step(self) -> Block:
        """One tick."""
        return self._nothing

    def lend(self, num: int) -> SerialEnvs:
        """The first `num` environments, to play whole episodes in."""
        assert isinstance(self.envs, SerialEnvs)  # so are all that are counted
        return self.envs.lend(num)

    def close(self) -> None:
        """Closes the environments."""
        self.envs.close()

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """There is nothing to load."""
