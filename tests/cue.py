"""An environment that nobody solves who goes by what he sees now."""

from dqnlab.envs.cue import Cue

__all__ = ["Cue"]
