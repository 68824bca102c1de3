"""Loading the heavy packages quickly."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from ..config import Config


@contextmanager
def loading() -> Iterator[None]:
    """Lets the garbage collector rest while modules load, and pass them over afterwards.

    It would look through some 200,000 objects again and again that all stay: a tenth of the waiting.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def foreseen(config: Config) -> Config:
    """The settings that a run would find; where that takes its environment, it is made and closed again."""
    if config.reward_scale != "auto":
        return config
    with loading():
        from ..build import foresee_settings
    return foresee_settings(config)
