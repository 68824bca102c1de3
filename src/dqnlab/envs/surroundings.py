"""What an environment may change of the process that it runs in, and what dqnlab must find unchanged.

Gradient mode, working directory, standard streams, signal handlers … belong to the whole process. An environment may
have its own while it is called: what it leaves changed is put back when it answers, and given to it again for its
next call. Signals are never given away: somebody may want this process to end.
"""

import locale
import logging
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
import torch

Quick = tuple[Any, ...]
Surroundings = dict[str, Any]

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGURG")
_HANDLED = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
_inference: list[Any] = []  # modes that were entered to undo others: one that is forgotten would be left again


class _Part(NamedTuple):
    """One thing that belongs to the whole process."""

    read: Callable[[], Any]
    write: Callable[[Any], object]
    lent: bool = True
    """whether an environment gets its own again at its next call"""


def _set_inference(wanted: bool) -> None:
    mode = torch.inference_mode(wanted)
    mode.__enter__()
    _inference.append(mode)


def _set_out(stream: Any) -> None:
    sys.stdout = stream


def _set_err(stream: Any) -> None:
    sys.stderr = stream


def _folder() -> str | None:
    try:
        return os.getcwd()
    except OSError:  # it was removed
        return None


def _set_folder(folder: str | None) -> None:
    if folder is not None:
        os.chdir(folder)


def _environ() -> dict[Any, Any]:
    """Its variables as the system spells them: by their names reading takes 42 µs, this way 0.4."""
    return dict(os.environ._data)  # type: ignore[attr-defined]


def _set_environ(variables: dict[Any, Any]) -> None:
    os.environ.clear()
    os.environ.update({os.environ.decodekey(key): os.environ.decodevalue(value) for key, value in variables.items()})


def _set_filters(filters: list[Any]) -> None:
    warnings.resetwarnings()
    warnings.filters.extend(filters)  # type: ignore[attr-defined]


def _set_shown(show: Any) -> None:
    warnings.showwarning = show


def _set_device(device: torch.device) -> None:
    torch.set_default_device(None if device.type == "cpu" else device)


def _deterministic() -> tuple[bool, bool]:
    return torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()


def _handlers() -> list[Any]:
    return [signal.getsignal(each) for each in _HANDLED]


def _set_handlers(handlers: list[Any]) -> None:
    if threading.current_thread() is not threading.main_thread():  # only there can a handler be set
        return
    for each, handler in zip(_HANDLED, handlers, strict=True):
        if handler is not None and signal.getsignal(each) != handler:
            signal.signal(each, handler)


def _set_path(folders: list[str]) -> None:
    """What an environment added stays, for it may import from there; what it took away comes back."""
    if set(folders) - set(sys.path):
        sys.path[:] = [*folders, *(each for each in sys.path if each not in folders)]


def _umask() -> int:
    mask = os.umask(0o077)  # it can only be read by setting it: meanwhile nothing is open to others
    os.umask(mask)
    return mask


def _logging() -> tuple[int, int, list[logging.Handler]]:
    return logging.root.manager.disable, logging.root.level, list(logging.root.handlers)


def _set_logging(wanted: tuple[int, int, list[logging.Handler]]) -> None:
    disabled, level, handlers = wanted
    logging.disable(disabled)
    logging.root.setLevel(level)
    logging.root.handlers[:] = handlers


def _blocked() -> set[int]:
    """The signals that wait, for whoever holds them."""
    return signal.pthread_sigmask(signal.SIG_BLOCK, []) if hasattr(signal, "pthread_sigmask") else set()


def _set_blocked(signals: set[int]) -> None:
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_SETMASK, signals)


def _set_recursion(limit: int) -> None:
    sys.setrecursionlimit(max(limit, sys.getrecursionlimit()))


# The first five are looked at around every call, in this order.
_PARTS = {
    "inference mode": _Part(torch.is_inference_mode_enabled, _set_inference),
    "gradient mode": _Part(torch.is_grad_enabled, torch.set_grad_enabled),
    "default dtype": _Part(torch.get_default_dtype, torch.set_default_dtype),
    "stdout": _Part(lambda: sys.stdout, _set_out),
    "stderr": _Part(lambda: sys.stderr, _set_err),
    "default device": _Part(torch.get_default_device, _set_device),
    "threads": _Part(torch.get_num_threads, torch.set_num_threads),
    "deterministic": _Part(
        _deterministic, lambda flags: torch.use_deterministic_algorithms(*flags[:1], warn_only=flags[1])
    ),
    "numpy's errors": _Part(np.geterr, lambda errors: np.seterr(**errors)),
    "folder": _Part(_folder, _set_folder),
    "variables": _Part(_environ, _set_environ),
    "locale": _Part(lambda: locale.setlocale(locale.LC_ALL), lambda name: locale.setlocale(locale.LC_ALL, name)),
    "warnings": _Part(lambda: list(warnings.filters), _set_filters),
    "shown warnings": _Part(lambda: warnings.showwarning, _set_shown),
    "logging": _Part(_logging, _set_logging),
    "search path": _Part(lambda: list(sys.path), _set_path, lent=False),
    "umask": _Part(_umask, os.umask),
    "precision": _Part(torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    "autocast": _Part(
        lambda: torch.is_autocast_enabled("cpu"), lambda wanted: torch.set_autocast_enabled("cpu", wanted)
    ),
    "anomaly mode": _Part(torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
    "recursion limit": _Part(sys.getrecursionlimit, _set_recursion, lent=False),
    "signals": _Part(_handlers, _set_handlers, lent=False),
    "blocked signals": _Part(_blocked, _set_blocked, lent=False),
}
_QUICK = tuple(_PARTS)[:5]


def quick() -> Quick:
    """What is worth a look around every single call, in the order of `_QUICK`."""
    return (
        torch.is_inference_mode_enabled(),
        torch.is_grad_enabled(),
        torch.get_default_dtype(),
        sys.stdout,
        sys.stderr,
    )


def as_surroundings(seen: Quick) -> Surroundings:
    """What `quick` saw, by name."""
    return dict(zip(_QUICK, seen, strict=True))


def surroundings() -> Surroundings:
    """All of it, by name."""
    return {name: part.read() for name, part in _PARTS.items()}


def put_back(ours: Surroundings) -> Surroundings:
    """Restores the process to what it was; returns what differed, for the next call of the one that changed it."""
    theirs: Surroundings = {}
    for name, value in ours.items():
        part = _PARTS[name]
        now = part.read()
        if now is value or now == value:
            continue
        enter({name: value})
        if part.lent:
            theirs[name] = now
    return theirs


def enter(wanted: Surroundings) -> None:
    """Makes the process so; what cannot be had again, such as a folder that was removed, is left as it is."""
    for name, value in wanted.items():
        with suppress(OSError, ValueError, RuntimeError, locale.Error):
            _PARTS[name].write(value)
