"""What a stranger's file says of an agent, whichever program wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from torch import Tensor

from .weights import LayerChain


@dataclass(frozen=True, kw_only=True)
class Foreign:
    """An agent as its file has it."""

    program: str
    """who wrote the file, as far as it says"""
    slug: str
    """that in a word, for names of folders and tables"""
    chain: LayerChain
    version: str = ""
    """of the program; nothing if the file does not say"""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """what it says of the training, by the dotted names of our settings; a kind under the name of its choice"""
    odd: tuple[str, ...] = ()
    """what it says of the training that no number there can be, as text"""
    quantiles: int | None = None
    """how many quantiles it has for each action, if it has such"""
    atoms: Tensor | None = None
    """the returns [K] whose probabilities it gives, if it gives such"""
    pixels: Literal["scaled", "plain", "unknown"] = "unknown"
    """whether it divides pixels by 255"""
    flattens: bool = True
    """whether it lays pictures end to end as an environment shows them, where no convolution looks at them"""
    env_steps: int | None = None
    """how long it was trained; none if the file does not say"""
    updates: int | None = None
    assumed: tuple[str, ...] = ()
    """what the file does not say and is taken for granted"""
    changed: tuple[str, ...] = ()
    """what is not as it was in the file"""

    @property
    def named(self) -> str:
        """The program with its version."""
        return f"{self.program} {self.version}".strip()
