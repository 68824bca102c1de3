"""Serves the pages on this machine until a signal comes, or until nobody is left to serve."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ResourceError
from .app import Server
from .gate import Keys
from .painter import Painter
from .places import Places, run_number
from .verdict import Alert, Turn

HOST = "127.0.0.1"
FAREWELL = 10.0  # seconds after the last page was closed in which another one may be opened
POLITE = 5  # how far behind training the server stands in line for a processor


@dataclass(frozen=True, kw_only=True)
class Serving:
    """What is to be served."""

    runs: Path
    only: Path | None = None
    """a run or group, if nothing else is to be shown"""
    first: Path | None = None
    """the run or group whose page is named in the address; the list of runs if none"""
    port: int = 0
    """any free one if 0"""
    read_only: bool = False
    """whether nothing may be asked of runs"""
    trusted: tuple[str, ...] = ()
    alert: Alert | None = None
    watches: Path | None = None
    """the run or group whose verdicts are watched though nobody looks; all that train if none"""
    leaves_with_parent: bool = False
    """whether it ends once its standard input has and no page is open: that of whoever started it beside a run"""


def serve_runs(
    wanted: Serving, say: Callable[[str], None], opened: Callable[[str], object] = lambda address: None
) -> None:
    """Serves until it is interrupted. Raises ResourceError if the port is taken.

    Args:
        say: told the addresses, and whenever a verdict turns.
        opened: told an address that leads there a single time, once it answers.
    """
    import uvicorn

    keys = Keys() if not wanted.read_only else Keys(control=None)

    def turned(turn: Turn, folder: Path) -> None:
        say(turn.line())
        if wanted.alert is not None:
            try:
                wanted.alert(turn, folder)
            except OSError as e:
                say(f"--alert could not be started: {e}")

    server = Server(
        Places(wanted.runs, wanted.only, wanted.first),
        keys,
        Painter(wanted.trusted),
        wanted.trusted,
        on_turn=turned,
        watches=wanted.watches,
    )
    listening = _listen(wanted.port)
    if hasattr(os, "nice"):
        with suppress(OSError):
            os.nice(POLITE)
    base = f"http://{HOST}:{listening.getsockname()[1]}"
    path = "" if wanted.first is None else f"run/{run_number(wanted.first)}/"
    if keys.control is not None:
        say(f"live: {base}/{keys.control}/{path}")
        say(f"to look only: {base}/{keys.look}/{path}")
    else:
        say(f"live, to look only: {base}/{keys.look}/{path}")
    app = server.app()
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="critical",  # a page that is open when a signal comes is no error
        access_log=False,
        server_header=False,
        date_header=False,
        lifespan="off",
        ws="none",
        http="h11",
        loop="asyncio",
        proxy_headers=False,
        limit_concurrency=128,
        timeout_graceful_shutdown=1,
        h11_max_incomplete_event_size=16_384,
    )
    if wanted.first is not None:
        threading.Thread(target=server.painter.warm, name="dqnlab-warm", daemon=True).start()
    opened(f"{base}/{app.once()}/{path}")
    try:
        asyncio.run(_run(uvicorn.Server(config), server, listening, wanted))
    finally:
        server.close()
        listening.close()


async def _run(web: Any, server: Server, listening: socket.socket, wanted: Serving) -> None:
    """Until a signal raises, or `web` is told to end."""
    tasks = [asyncio.create_task(server.look_around())]
    if wanted.leaves_with_parent:
        tasks.append(asyncio.create_task(_leave_with_parent(web, server)))
    with _signals_left(web):
        try:
            await web.serve(sockets=[listening])
        finally:
            for task in tasks:
                task.cancel()


async def _leave_with_parent(web: Any, server: Server) -> None:
    """Ends the server a while after its parent has ended, or has said that it is done, and the last page was closed."""
    await asyncio.to_thread(sys.stdin.buffer.read)
    seen = time.monotonic()
    while time.monotonic() - seen < FAREWELL:
        if server.streams:
            seen = time.monotonic()
        await asyncio.sleep(0.5)
    web.should_exit = True


@contextmanager
def _signals_left(web: Any) -> Iterator[None]:
    """Leaves signals to whoever has them: uvicorn would take them over."""

    @contextmanager
    def nothing() -> Iterator[None]:
        yield

    web.capture_signals = nothing
    yield


def _listen(port: int) -> socket.socket:
    """A socket of this machine alone. Raises ResourceError if the port is taken."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name != "nt":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, port))
        listening.listen(64)
    except OSError as e:
        listening.close()
        raise ResourceError(f"--port {port} cannot be listened on ({e.strerror or e}): name another, or none") from e
    return listening
