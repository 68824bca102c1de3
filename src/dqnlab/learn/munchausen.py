"""Munchausen's rule: the agent is also paid for how sure it was of what it did."""

from dataclasses import dataclass

import torch
from torch import Tensor

from .heads import at_action
from .networks import QNetwork
from .types import Batch


@dataclass(frozen=True)
class MunchausenRule:
    """A soft policy pi = softmax(q / tau) of the target network, with part of its logarithm as a reward.

    reward + alpha * clip(tau * ln pi(action | obs), least, 0) + discount * sum over actions of
    pi(a | next_obs) * (q(next_obs, a) - tau * ln pi(a | next_obs))     (Vieillard et al. 2020, equation 2)

    Of several steps only the first has its reward raised. Forbidden actions have no share in any sum.
    """

    alpha: float
    tau: float
    least: float

    def __call__(self, online: QNetwork, target: QNetwork, batch: Batch) -> tuple[Tensor, Tensor]:
        log_now = log_policy(target.q_values(batch.obs, batch.draws.choose), self.tau)
        bonus = at_action(log_now, batch.action).clamp(self.least, 0)
        values = target(batch.next_obs, batch.draws.rate)  # [B, A, K]
        log_next = log_policy(target.expected(values, batch.next_obs), self.tau)
        share = (log_next / self.tau).exp()
        entropy = -torch.where(share > 0, share * log_next, 0).sum(1, keepdim=True)
        return batch.reward + self.alpha * bonus, (share[:, :, None] * values).sum(1) + entropy


def log_policy(q: Tensor, tau: float) -> Tensor:
    """tau * ln softmax(q / tau) of expected returns [B, A], as differences of returns; -inf of a forbidden action.

    Where no action is allowed nothing follows, and what is computed meets a discount of 0: all count as allowed there.
    """
    q = torch.where((q > -torch.inf).any(1, keepdim=True), q, 0)
    return tau * (q / tau).log_softmax(1)
