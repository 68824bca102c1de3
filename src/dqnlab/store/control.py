"""control.json: what whoever watches a run asks of it. A viewer writes it, the run reads it, neither waits.

The viewer's file says who it is and its latest orders, each with a number of its own; that somebody watches is said by
touching the file every few seconds. The run reads it where nothing is in flight and obeys every order once. It may come
from anyone who can write into the folder, so nothing but a few fixed words is understood in it.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import FolderError
from .door import DISK, entered, write_atomically
from .reading import is_count

CONTROL = "control.json"
LIVE = "live.safetensors"
"""what a run shows of itself while somebody watches; gone when it ends"""
ORDERS = ("pause", "continue", "step", "checkpoint", "stop")
SCHEMA = 1
MOST_BYTES = 4096
MOST_ORDERS = 16
"""that a file holds: the latest"""
_VIEWER = re.compile(r"[0-9a-f]{16}")
_FIELDS = {"schema", "viewer", "orders"}


class Order(NamedTuple):
    """One thing that is asked for."""

    number: int
    """larger than that of the order before it"""
    name: str
    """one of ORDERS"""


@dataclass(frozen=True)
class Control:
    """What one viewer asks for."""

    viewer: str
    """16 hexadecimal digits, drawn anew by every viewer"""
    orders: tuple[Order, ...] = ()


def read_control(folder: Path) -> Control:
    """What the viewer of a run asks for. Raises FolderError for whatever is not such a file; follows no link."""
    path = folder / CONTROL
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        file = os.open(path, flags)
    except OSError as e:
        raise FolderError(f"{str(path)!r} cannot be read: {e.strerror or e}") from e
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode) or found.st_size > MOST_BYTES:
            raise FolderError(f"{str(path)!r} is no file of orders: remove it")
        text = os.read(file, MOST_BYTES + 1)
    except OSError as e:
        raise FolderError(f"{str(path)!r} cannot be read: {e.strerror or e}") from e
    finally:
        os.close(file)
    try:
        control = _control(json.loads(text.decode()))
    except (ValueError, RecursionError):  # no text, no JSON, or nested without end
        control = None
    if control is None:
        raise FolderError(f"{str(path)!r} is damaged: its orders are not obeyed; remove it")
    return control


def write_control(folder: Path, control: Control) -> None:
    """Asks it of a run. Raises FolderError, ResourceError."""
    latest = [list(order) for order in control.orders[-MOST_ORDERS:]]
    text = json.dumps({"schema": SCHEMA, "viewer": control.viewer, "orders": latest})
    with entered(folder):
        write_atomically(folder / CONTROL, text)


def touch_control(folder: Path) -> bool:
    """Says that somebody still watches; whether there is a file to say it with."""
    try:
        os.utime(folder / CONTROL, follow_symlinks=os.utime not in os.supports_follow_symlinks)
    except (OSError, NotImplementedError):
        return False
    return True


def drop_shown(folder: Path, names: Sequence[str] = (CONTROL, LIVE)) -> None:
    """Removes what was only for whoever watched. Raises nothing: it is in nobody's way."""
    for name in names:
        with suppress(OSError):
            DISK.remove(folder / name)


def _control(found: Any) -> Control | None:
    if not isinstance(found, dict) or set(found) != _FIELDS or found["schema"] != SCHEMA:
        return None
    viewer, orders = found["viewer"], found["orders"]
    if not isinstance(viewer, str) or not _VIEWER.fullmatch(viewer):
        return None
    if not isinstance(orders, list) or len(orders) > MOST_ORDERS:
        return None
    if not all(isinstance(each, list) and len(each) == 2 and is_count(each[0]) for each in orders):
        return None
    if not all(isinstance(each[1], str) and each[1] in ORDERS for each in orders):
        return None
    numbers = [each[0] for each in orders]
    if numbers != sorted(set(numbers)):
        return None
    return Control(viewer, tuple(Order(*each) for each in orders))
