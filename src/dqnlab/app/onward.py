"""What is said when a command ends early whose work is kept: the command that continues it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import DqnlabError
from ..lab.interrupt import SIGNALLED
from ..terminal.text import clean
from ..trust import shown
from .flags import dashed


def to_continue(kept: str, words: Sequence[str], args: Any, *names: str) -> str:
    """What stays, and the command that continues: `words`, then those of these flags that were typed.

    Args:
        args: what a command was given; flags that have their defaults are left out.
    """
    typed = ["dqn", *words]
    for name in names:
        value = getattr(args, name)
        if value != getattr(type(args), name):
            for each in value if isinstance(value, tuple) else (value,):
                typed += [dashed(name), shown(each) if isinstance(each, Path) else str(each)]
    return f"{kept} is kept. To continue: {clean(shlex.join(typed))}"


@contextmanager
def ends_early(advice: Callable[[], str | None]) -> Iterator[None]:
    """What stops the block says how to continue; nothing where there is nothing to continue yet."""
    try:
        yield
    except (DqnlabError, KeyboardInterrupt) as error:
        if (said := advice()) is not None:
            error.add_note(said)
        raise


def interrupted(signum: int, advice: str) -> int:
    """Says how to continue what a signal interrupted; the exit code."""
    print(f"interrupted; {advice}", file=sys.stderr)
    return SIGNALLED + signum
