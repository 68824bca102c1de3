"""Where tensors live, and how many threads work on them."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ..errors import ConfigError


def resolve_device(name: str) -> torch.device:
    """The device for `auto`, `cpu` or `cuda`. Raises ConfigError if it is not there.

    `auto` is the CPU: a network of fully connected layers is too small for a GPU to pay.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device is 'cuda', but torch sees no CUDA GPU here: use --device cpu")
    return torch.device("cpu" if name == "auto" else name)


@contextmanager
def torch_threads(num: int) -> Iterator[None]:
    """Lets torch use `num` threads for a while. Small networks get slower with more than one."""
    before = torch.get_num_threads()
    torch.set_num_threads(num)
    try:
        yield
    finally:
        torch.set_num_threads(before)
