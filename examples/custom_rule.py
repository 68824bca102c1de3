"""A rule of your own: the online network chooses the next action, and the more careful of both networks rates it.

    python examples/custom_rule.py
    cd examples && dqn train CartPole-v1 rule:custom_rule:Careful

The smaller of two guesses is seldom too large (Fujimoto et al. 2018 do so with two critics). It goes with every head.
"""

import torch
from torch import Tensor

import dqnlab
from dqnlab.config import Custom
from dqnlab.learn.heads import at_action, row_of
from dqnlab.learn.networks import QNetwork
from dqnlab.learn.targets import Rule
from dqnlab.learn.types import Batch


class Careful(Custom, place="rule"):
    """The smaller of what both networks say of the action that the online one would choose."""

    def make(self) -> Rule:
        return careful


def careful(online: QNetwork, target: QNetwork, batch: Batch) -> tuple[Tensor, Tensor]:
    own, other = online(batch.next_obs, batch.draws.choose), target(batch.next_obs, batch.draws.rate)  # [B, A, K]
    expected = online.expected(own, batch.next_obs)
    chosen = expected.argmax(1)
    lower = at_action(expected, chosen) < at_action(target.expected(other, batch.next_obs), chosen)
    return batch.reward, torch.where(lower[:, None], row_of(own, chosen), row_of(other, chosen))


if __name__ == "__main__":
    run = dqnlab.train(dqnlab.Config(rule=Careful()), trackers=("none",))
    print(run.score)
