"""What tests of moving things share: waiting, and a network that balances CartPole without having learnt it."""

import time

import torch

from dqnlab.learn.networks import QNetwork

from .conftest import Opened
from .sample import network


def until(opened: Opened, expression: str, seconds: float = 30) -> None:
    """Waits until an expression holds in the page. (playwright's own way to wait is forbidden by the page's policy.)"""
    end = time.monotonic() + seconds
    while not opened.page.evaluate(expression):
        assert time.monotonic() < end, f"never true: {expression}"
        opened.page.wait_for_timeout(20)


def balancing() -> QNetwork:
    """A network that balances: "right" is worth a weighing of the four inputs, "left" the opposite."""
    net = network(0, hidden=(2,))
    first, last = net.linears()
    weights = torch.tensor([0.05, 0.2, 2.0, 0.5])
    first.weight.copy_(torch.stack([weights, -weights]))
    last.weight.copy_(torch.tensor([[-1.0, 1.0], [1.0, -1.0]]))
    first.bias.zero_()
    last.bias.zero_()
    return net
