"""Terms that are added to a head's loss, one number for each transition.

Each is a pure function of what the online network expects of every action, q [B, A] (-inf of a forbidden one, with
gradient), and of the batch. So it goes with every head, whose own loss knows nothing of it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from .heads import at_action
from .types import Batch

Regularizer = Callable[[Tensor, Batch], Tensor]
"""(q [B, A], batch) -> what is added to the loss, [B]"""


@dataclass(frozen=True)
class Conservative:
    """Pushes down the values of all actions, and up that of the one in the batch (Kumar et al. 2020, CQL(H)).

    alpha * (log sum over a of exp q(s, a) - q(s, action))                                  (equation 4, for actions)
    """

    alpha: float

    def __call__(self, q: Tensor, batch: Batch) -> Tensor:
        return self.alpha * (torch.logsumexp(q, 1) - at_action(q, batch.action))


@dataclass(frozen=True)
class LargeMargin:
    """Wants what was demonstrated to be worth more than all else by a margin (Hester et al. 2018, section 4).

    weight * (max over a of (q(s, a) + margin * 1{a != action}) - q(s, action)), of demonstrations; of others 0.
    """

    margin: float
    weight: float

    def __call__(self, q: Tensor, batch: Batch) -> Tensor:
        other = torch.arange(q.shape[1], device=q.device) != batch.action[:, None]
        best = (q + self.margin * other).amax(1)
        return batch.demonstrated * self.weight * (best - at_action(q, batch.action))
