"""Loading the heavy packages quickly."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


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
