"""④ Where the bootstrap comes from.

A rule maps (online, target, batch) to the reward [B] and the row [B, K] to bootstrap from. A forbidden action expects
-inf, so none chooses it; where no action is allowed nothing follows, and what is chosen meets a discount of 0.
"""

from collections.abc import Callable

from torch import Tensor

from .heads import row_of
from .networks import QNetwork
from .types import Batch

Rule = Callable[[QNetwork, QNetwork, Batch], tuple[Tensor, Tensor]]


def greedy(online: QNetwork, target: QNetwork, batch: Batch) -> tuple[Tensor, Tensor]:
    """The target network chooses and rates the next action (Mnih et al. 2015)."""
    values = target(batch.next_obs, batch.draws.rate)  # [B, A, K]
    return batch.reward, row_of(values, target.expected(values, batch.next_obs).argmax(1))


def double(online: QNetwork, target: QNetwork, batch: Batch) -> tuple[Tensor, Tensor]:
    """The online network chooses, the target network rates (van Hasselt et al. 2016, eq. 4)."""
    chosen = online.q_values(batch.next_obs, batch.draws.choose).argmax(1)
    return batch.reward, row_of(target(batch.next_obs, batch.draws.rate), chosen)
