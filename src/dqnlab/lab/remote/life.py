"""The life of a worker on a machine of a Ray cluster: what a spawned process does, in a process that Ray has started.

It runs in the main thread of a process that does nothing before and nothing after, so that its signal handlers, its
threads and its folder are its own, and so that it ends when Ray ends that process.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import Pipe, spawn
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ..._version import __version__
from ...errors import ConfigError, DqnlabError, named
from ...processes import as_received
from .mailbox import INTERRUPT, Began
from .sight import Sign

PATIENCE = 5.0  # seconds


@dataclass(frozen=True)
class Errand:
    """What a worker is sent to do."""

    number: int
    target: bytes
    """`(function, its argument)`, pickled; the function is called with a pipe and that"""
    refuse: Callable[[DqnlabError], object]
    """makes the report of a worker that cannot begin"""
    sign: Sign
    about: Mapping[str, Any]
    """the parent's folders and main program"""
    version: str = __version__


def about_parent() -> dict[str, Any]:
    """What a worker is told of this process, as a spawned one is; nothing secret."""
    about = spawn.get_preparation_data("worker")
    names = ("sys_path", "sys_argv", "init_main_from_name", "init_main_from_path")
    return {"dir": os.getcwd(), **{name: about[name] for name in names if name in about}}


def live(mailbox: Any, errand: Errand) -> None:
    """The whole life of a worker; what it has to say of any error it says itself."""
    import ray

    number = errand.number
    ray.get(mailbox.say.remote(number, Began(socket.gethostname(), os.getpid())))
    ours, theirs = Pipe()
    up = threading.Thread(target=_up, args=(ours, mailbox, number), daemon=True)
    down = threading.Thread(target=_down, args=(ours, mailbox, number), daemon=True)
    up.start()
    down.start()
    try:
        try:
            function, argument = _ready(errand)
        except DqnlabError as error:
            theirs.send(errand.refuse(error))
        else:
            function(theirs, argument)
    finally:
        theirs.close()
        up.join()
        with suppress(Exception):  # there is nobody left to tell
            ray.get(mailbox.end.remote(number))
        down.join(PATIENCE)


def _ready(errand: Errand) -> tuple[Callable[..., None], Any]:
    """What to do, once this process is what a spawned one would be. Raises ConfigError."""
    if errand.version != __version__:
        raise ConfigError(
            f"machine {socket.gethostname()} of the Ray cluster has dqnlab {__version__}, this one {errand.version}: "
            "install the same version on every machine"
        )
    about = errand.about
    if os.path.isdir(about["dir"]):
        os.chdir(about["dir"])
    sys.path += [each for each in about["sys_path"] if each not in sys.path]
    sys.argv = list(about["sys_argv"])
    errand.sign.check()
    try:
        _take_main(errand)
        return as_received(errand.target)
    except Exception as e:  # whatever the user's modules raise
        raise ConfigError(
            f"machine {socket.gethostname()} of the Ray cluster cannot make what is to be trained ({named(e)}): its "
            "Python needs the same modules as this one, installed or beside the folder of the command"
        ) from e


def _take_main(errand: Errand) -> None:
    """Lets what the parent's main program defines be found, if it is asked for, as a spawned process does."""
    main = sys.modules["__main__"]
    vars(main).pop("__file__", None)  # Ray's own program, which processes started from here would run
    if b"__main__" not in errand.target:
        return
    name, path = errand.about.get("init_main_from_name"), errand.about.get("init_main_from_path")
    if name is not None:
        spawn._fixup_main_from_name(name)  # type: ignore
    elif path is not None and Path(path).is_file():
        spawn._fixup_main_from_path(path)  # type: ignore


def _up(ours: Connection, mailbox: Any, number: int) -> None:
    """Carries the worker's reports, each once the one before has arrived."""
    import ray

    with suppress(EOFError, OSError):
        while True:
            report = ours.recv_bytes()
            try:
                ray.get(mailbox.say.remote(number, report))
            except Exception:  # the parent is gone: the worker sees that its pipe is closed, and stops
                ours.close()
                return


def _down(ours: Connection, mailbox: Any, number: int) -> None:
    """Carries the worker's orders."""
    import ray

    with suppress(Exception):  # the parent is gone, or the worker
        while (orders := ray.get(mailbox.orders.remote(number))) is not None:
            for order in _each(orders):
                ours.send_bytes(order)


def _each(orders: Sequence[bytes]) -> Sequence[bytes]:
    """The orders for the pipe; the other kind is obeyed at once."""
    for _ in range(orders.count(INTERRUPT)):
        signal.raise_signal(signal.SIGINT)
    return [order for order in orders if order != INTERRUPT]
