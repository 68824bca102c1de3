"""Running out of memory, which Python, numpy, torch and the system each report in their own way."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from .errors import DqnlabError, ResourceError, one_line

# What torch's allocators, C++ and Python's threads say in a RuntimeError.
_SAYS = ("out of memory", "can't allocate memory", "cannot allocate memory", "not enough memory", "bad_alloc")
_SAYS += ("can't start new thread", "alloc_cpu")


def is_short_of_memory(error: BaseException) -> bool:
    """Whether an error, or what it came from, says that memory has run out."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    if isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _SAYS):
        return True
    return error.__cause__ is not None and is_short_of_memory(error.__cause__)


def out_of_memory(error: BaseException) -> ResourceError:
    """The error to raise instead: one line, and what to do."""
    said = one_line(str(error))[:160]
    return ResourceError(
        f"out of memory{f' ({said})' if said else ''}: lower replay_capacity, batch_size or torso.hidden, "
        "train fewer seeds at once, or allow this process more memory"
    )


@contextmanager
def memory_watched() -> Iterator[None]:
    """Meanwhile an error that says that memory has run out is a ResourceError."""
    try:
        yield
    except DqnlabError as error:  # an environment's, perhaps: it is still the machine that has no more
        if isinstance(error, ResourceError) or not is_short_of_memory(error):
            raise
        raise ResourceError(f"{error}: this machine, or what this process may use of it, has no more") from error
    except (MemoryError, RuntimeError, OSError) as error:
        if not is_short_of_memory(error):
            raise
        raise out_of_memory(error) from error
