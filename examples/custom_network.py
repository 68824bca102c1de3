"""A network of your own: layers with shortcuts around them, made of torch's own modules.

    python examples/custom_network.py
    cd examples && dqn train CartPole-v1 torso:custom_network:Shortcuts --torso.blocks 3

What is before it (pictures, masks, states) and after it (dueling, quantiles …) stays a matter of the other settings.
"""

from typing import Annotated

from torch import Tensor, nn

import dqnlab
from dqnlab.config import Custom, Whole
from dqnlab.learn.networks import Torso


class Shortcuts(Custom, place="torso"):
    """Blocks of two layers, each of which adds to what went into it."""

    units: Annotated[int, Whole(1, 10_000)] = 64
    """of each layer"""
    blocks: Annotated[int, Whole(1, 100)] = 2
    """how many of them"""

    def make(self, inputs: int) -> "ShortcutTorso":
        return ShortcutTorso(inputs, self.units, self.blocks)


class ShortcutTorso(Torso):
    def __init__(self, inputs: int, units: int, blocks: int) -> None:
        super().__init__()
        self.width = units
        self.first = nn.Linear(inputs, units)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(units), nn.Linear(units, units), nn.ReLU(), nn.Linear(units, units))
            for _ in range(blocks)
        )

    def forward(self, x: Tensor, draw: Tensor) -> Tensor:
        return self.activations(x, draw)[-1]

    def activations(self, x: Tensor, draw: Tensor) -> list[Tensor]:
        outputs = [self.first(x)]
        for block in self.blocks:
            outputs.append(outputs[-1] + block(outputs[-1]))
        return [output.relu() for output in outputs]


if __name__ == "__main__":
    run = dqnlab.train(dqnlab.Config(torso=Shortcuts(blocks=1)), trackers=("none",))
    print(run.score)
