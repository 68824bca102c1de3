"""Where tensors live, how much room there is, and how many threads work on them."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import torch
from threadpoolctl import threadpool_limits

from .errors import ConfigError, ResourceError, either


def resolve_device(name: str) -> torch.device:
    """The device for `auto`, `cpu` or `cuda`. Raises ConfigError if it is not there.

    `auto` is the CPU: fully connected networks and small pictures are too small for a GPU to pay.
    """
    if name == "cuda" and not torch.cuda.is_available():
        instead = either("--device cpu", "device='cpu'")
        raise ConfigError(f"device is 'cuda', but torch sees no CUDA GPU here: use {instead}")
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


def choose_memory(needed: int, device: torch.device, what: str, others: int = 0) -> torch.device:
    """Where to keep `needed` bytes: on the networks' device, or beside the CPU if they do not fit there.

    Args:
        others: bytes that are going to be taken as well, wherever there is room.

    Raises ResourceError if they fit nowhere.
    """
    if device.type == "cuda" and needed + others <= torch.cuda.mem_get_info(device)[0]:
        return device
    available = max(available_memory() - others, 0)
    if needed > available:
        beside = " beside networks and batches" if others >= 1e8 else ""
        free = f"{available / 1e9:,.1f} GB are free{beside}"
        raise ResourceError(f"{what} needs {needed / 1e9:,.1f} GB of memory, but only {free}: lower it")
    return torch.device("cpu")


def available_memory() -> int:
    """Bytes that this process can still take: of the machine, and of the container it runs in."""
    free = psutil.virtual_memory().available
    limit, used = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
    if limit.is_file() and used.is_file() and (text := limit.read_text().strip()).isdigit():
        free = min(free, int(text) - int(used.read_text()))
    return free


def find_compiler() -> tuple[str, str | None]:
    """The name of the C++ compiler that torch would call, and where it is, if it is there."""
    name = os.environ.get("CXX") or {"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++")
    return name, shutil.which(name)


def cache_folder() -> Path:
    """Where compiled programs are kept for later runs: the system's usual place."""
    if sys.platform == "win32":
        home = Path(os.environ.get("LOCALAPPDATA", Path.home()))
    elif sys.platform == "darwin":
        home = Path.home() / "Library" / "Caches"
    else:
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "dqnlab"
