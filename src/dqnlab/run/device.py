"""Where tensors live, and how many threads work on them."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits

from ..errors import ConfigError


def resolve_device(name: str) -> torch.device:
    """The device for `auto`, `cpu` or `cuda`. Raises ConfigError if it is not there.

    `auto` is the CPU: a network of fully connected layers is too small for a GPU to pay.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device is 'cuda', but torch sees no CUDA GPU here: use --device cpu")
    return torch.device("cpu" if name == "auto" else name)


@contextmanager
def arithmetic(threads: int) -> Iterator[None]:
    """Sets how torch and numpy compute on the CPU for a while.

    Small networks get slower with more than one thread, in learning and in acting. Adam's running means of
    units that have died shrink without end; without flushing them to zero its step takes three times as long.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    try:
        with threadpool_limits(threads, user_api="blas"):
            yield
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(before)
