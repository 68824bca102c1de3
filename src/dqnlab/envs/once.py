"""What is said once: what the contract takes for something else, of all copies and phases of one piece of work."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Topic = tuple[str, str]
"""which environment, and which check"""

_SAID: ContextVar[set[Topic] | None] = ContextVar("said", default=None)


@contextmanager
def said_once() -> Iterator[None]:
    """Says each thing once until it ends; inside another `said_once` it changes nothing."""
    if _SAID.get() is not None:
        yield
        return
    _SAID.set(set())
    try:
        yield
    finally:
        _SAID.set(None)  # by no token: a generator may be closed in another context than it began in


def is_news(about: Topic, own: set[Topic]) -> bool:
    """Whether it was not said yet, and is from now on. `own` remembers where nobody said that more is one piece."""
    said = _SAID.get()
    said = own if said is None else said
    new = about not in said
    said.add(about)
    return new
