"""Acting one call at a time: whose episodes go on, and whose begin."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import ObservationError, counted
from ..learn.policy import Actor


class Acting:
    """An actor and the episodes that it is in: none before the first observations."""

    def __init__(self, actor: Actor):
        self._actor = actor
        self._num = 0  # of the episodes that go on

    def __call__(self, obs: np.ndarray, first: ArrayLike | None) -> np.ndarray:
        """Q-values [B, A] of stored observations [B, *obs_shape]; `first` [B] or one for all says which begin episodes.

        If it is left out all go on, but all begin where none has begun yet. An actor that remembers nothing is not
        asked to follow.

        Raises:
            ObservationError: there are more or fewer of them than went on, or `first` is not of their number.
        """
        if not self._actor.remembers:
            return self._actor(obs, np.ones(len(obs), bool))
        begins = np.asarray(self._num == 0 if first is None else first, bool)
        if begins.shape not in ((), (len(obs),)):
            raise ObservationError(f"first has shape {begins.shape}; there {_are(len(obs))}")
        if len(obs) != self._num and not begins.all():
            raise ObservationError(
                f"there {_are(len(obs))}, and there were {self._num:,} before: call reset() before other episodes, or "
                "pass first=True"
            )
        q = self._actor(obs, np.full(len(obs), begins))
        self._num = len(obs)
        return q

    def state_dict(self) -> dict[str, Any]:
        return {"actor": self._actor.state_dict(), "num": self._num}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._actor.load_state_dict(state["actor"])
        self._num = state["num"]


def _are(num: int) -> str:
    return f"{'is' if num == 1 else 'are'} {counted(num, 'observation')}"
