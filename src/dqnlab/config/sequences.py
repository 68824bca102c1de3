"""What must hold together where a network that remembers learns from sequences."""

from __future__ import annotations

from ..errors import ConfigError, counted
from .parts import Gru, Lstm


def check_sequences(torso: Gru | Lstm, *, frame_stack: int, num_envs: int, batch_size: int, capacity: int) -> None:
    """Raises ConfigError if sequences of these envs cannot be stored or learned from as the settings say."""
    if frame_stack > 1:
        raise ConfigError(
            f"env.frame_stack = {frame_stack} and torso = {torso.kind!r} exclude each other: such a network remembers "
            "by itself what it saw before; leave out one"
        )
    if batch_size % torso.unroll:
        raise ConfigError(
            f"batch_size = {batch_size} is no multiple of torso.unroll = {torso.unroll}: with torso = {torso.kind!r} "
            "a batch is whole sequences; change one of them"
        )
    least = torso.unroll * num_envs
    if capacity < least:
        raise ConfigError(
            f"replay_capacity = {capacity} cannot hold a sequence of torso.unroll = {counted(torso.unroll, 'step')} "
            f"of {counted(num_envs, 'env')}: raise it to {least}"
        )
