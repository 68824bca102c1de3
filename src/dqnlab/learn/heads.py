"""③ What a Q-network's last numbers mean.

The network gives K numbers per action; only its head knows how they describe a return.
"""

from torch import Tensor, nn

from .losses import Loss, td_loss


class Head(nn.Module):
    """The contract: `width` = K numbers per action, their expectation, and a loss on them."""

    width: int
    proportional = True
    """whether numbers twice as large mean returns twice as large"""

    def q_values(self, values: Tensor) -> Tensor:
        """[B, A, K] -> expected returns [B, A]."""
        raise NotImplementedError

    def loss(self, row: Tensor, next_row: Tensor, reward: Tensor, discount: Tensor) -> Loss:
        """Rows [B, K] of the taken action and of the one to bootstrap from; reward, discount [B]."""
        raise NotImplementedError


class ScalarHead(Head):
    """One number per action: the expected return itself (Mnih et al. 2015)."""

    width = 1

    def __init__(self, huber: float | None = None):
        super().__init__()
        self.huber = huber

    def q_values(self, values: Tensor) -> Tensor:
        return values.squeeze(-1)

    def loss(self, row: Tensor, next_row: Tensor, reward: Tensor, discount: Tensor) -> Loss:
        return td_loss(row.squeeze(-1), next_row.squeeze(-1), reward, discount, self.huber)


def at_action(q: Tensor, action: Tensor) -> Tensor:
    """The value of one action per sample: q [B, A], action [B] -> [B]."""
    return q.gather(1, action[:, None])[:, 0]


def row_of(values: Tensor, action: Tensor) -> Tensor:
    """The K numbers of one action per sample: values [B, A, K], action [B] -> [B, K]."""
    return values.gather(1, action[:, None, None].expand(-1, 1, values.shape[2])).squeeze(1)
