"""What a network sees: stored observations -> features.

Shapes: B observations, N numbers of a part, F features.
"""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, cast

import torch
from torch import Tensor, nn

from .extractors import Extractor
from .types import ObsSpec


class Encoder(nn.Module):
    """Stored observations as the torso wants them: states one-hot, features of pictures, the parts joined.

    The mask of a row is no feature: it follows from what the other parts show.
    """

    def __init__(self, obs: ObsSpec, extractors: Mapping[int, Extractor] = MappingProxyType({})):
        """`extractors` by the number of the part that each sees; a plain observation is its own part 0.

        The numbers of other parts go in as they are.
        """
        super().__init__()
        self.obs = obs
        self.extractors = nn.ModuleDict({str(number): each for number, each in extractors.items()})
        parts = obs.parts or (obs,)
        flat = (part for number, part in enumerate(parts) if number not in extractors)
        self.width = sum((part.num_states or 1) * math.prod(part.shape) for part in flat)
        self.width += sum(each.width for each in extractors.values())
        is_vector = len(obs.shape) == 1 and obs.dtype == "float32" and obs.mask is None and not extractors
        # Whether an observation already is what the first layer wants.
        self.takes_vector = is_vector and all(part.num_states is None and part.scale == 1 for part in parts)

    def forward(self, obs: Any) -> Any:
        """[B, *obs_shape] -> features [B, F]."""
        if self.takes_vector:
            return obs
        if not self.obs.parts:
            return self._extract(0, self._numbers(0, obs))
        parts = range(len(self.obs.parts))
        return torch.cat([self._extract(number, self._numbers(number, obs)) for number in parts], 1)

    def rows(self, obs: Any) -> Tensor:
        """The observations themselves, [B, *obs_shape]: one for each row of features that the torso hands on."""
        return obs

    def refresh(self, obs: Any) -> None:
        """Moves its buffers on by a batch of observations [B, *obs_shape], in place."""
        for name, extractor in self.extractors.items():
            cast(Extractor, extractor).refresh(self._numbers(int(name), obs))

    def _numbers(self, number: int, obs: Tensor) -> Tensor:
        """What a part holds, [B, N]."""
        if not self.obs.parts:
            return as_features(obs, self.obs.num_states, self.obs.scale)
        part = self.obs.parts[number]
        return as_features(obs[:, part.place], part.num_states, part.scale)

    def _extract(self, number: int, numbers: Tensor) -> Tensor:
        """[B, N] -> the features of a part."""
        name = str(number)
        return self.extractors[name].forward(numbers) if name in self.extractors else numbers


def as_features(numbers: Tensor, num_states: int | None, scale: float) -> Tensor:
    """Numbers [B, ...] laid end to end, [B, F]: one-hot if they are states, else divided by `scale`."""
    if numbers.ndim == 1:
        numbers = numbers.unsqueeze(-1)
    if num_states is not None:
        # Not `one_hot`: it looks at the values, which a compiled program and a stack of agents cannot.
        states = torch.arange(num_states, device=numbers.device)
        return (numbers.unsqueeze(-1) == states).flatten(1).float()
    vector = numbers.flatten(1).float()
    return vector if scale == 1 else vector / scale
