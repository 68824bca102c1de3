"""The program that holds SwanLab: a process of its own, started by `swanlab.py`.

SwanLab draws from the global random generator, replaces the handlers of Ctrl-C and of uncaught
exceptions, and may wait for its host without end, even while Python exits. Out here none of that can
touch a run. It reads JSON lines from standard input (first the settings, then `[step, row]`, at last
`[step, page]` with the file of the run's page), ends at the end of input, and writes what the user
should know as JSON lines to standard output.

It must not import dqnlab: it is run by its path, so that it starts fast.
"""

from __future__ import annotations

import importlib.util
import json
import os
import queue
import socket
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

PAGE = "page"  # what the chart of the run's page is called
PROBE_SECONDS = 0.5  # for the host to answer
LINGER_SECONDS = 30.0  # after the end of input: no upload, and no log-in, may keep this process for ever

# What SwanLab would record of this machine and its programs; `swanlab` is where its record lies.
_GATHERED = ("monitor", "requirements", "conda", "git", "hardware", "runtime", "swanlab")

Reply = Callable[[dict[str, str]], None]


def main() -> None:
    report = _silence()
    try:
        _track(_read(0), report)
    except Exception as error:  # whatever it is, the parent tells the user
        report({"error": _summary(error)})


def _summary(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def _read(descriptor: int) -> queue.SimpleQueue[Any]:
    """The parsed lines of the input as they come, then None; from then on this process has not long to live."""
    found: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def read() -> None:
        with open(descriptor, encoding="utf-8", closefd=False) as lines:
            for line in lines:
                found.put(json.loads(line))
        found.put(None)
        time.sleep(LINGER_SECONDS)
        os._exit(1)

    threading.Thread(target=read, daemon=True).start()
    return found


def _silence() -> Reply:
    """Sends all that anybody prints to nowhere, and returns the one way to be heard."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)

    def report(message: dict[str, str]) -> None:
        try:
            out.write(json.dumps(message) + "\n")
            out.flush()
        except OSError:
            pass  # the parent has gone: the record is still worth finishing

    return report


def _track(lines: queue.SimpleQueue[Any], report: Reply) -> None:
    import swanlab

    about = lines.get()
    mode, why = choose_mode(swanlab.Settings())
    try:
        run = _open(swanlab, mode, about)
    except Exception as error:
        if mode == "offline":
            raise
        why = f"{mode} failed: {_summary(error)}"
        run = _open(swanlab, "offline", about)
    report({"mode": str(run.mode), "why": why, **_places(run)})
    while (line := lines.get()) is not None:
        step, row = line
        if isinstance(row, str):
            report(_log_page(swanlab, str(run.mode), row, step))
        else:
            swanlab.log(row, step=step)
    swanlab.finish()
    report({"finished": "yes"})


def _log_page(swanlab: Any, mode: str, page: str, step: int) -> dict[str, str]:
    """Logs a page as an html chart; says why not where that cannot be. The metrics come first: it ends nothing."""
    if mode == "disabled":
        return {}
    if mode == "local" or not hasattr(swanlab, "Html"):
        return {"no_page": "its local board draws no html" if mode == "local" else "this version takes no html"}
    try:
        swanlab.log({PAGE: swanlab.Html(Path(page))}, step=step)
    except Exception as error:
        return {"no_page": _summary(error)}
    return {}


def _places(run: Any) -> dict[str, str]:
    """Where the run can be found."""
    places = {} if run.mode == "disabled" else {"dir": str(run.dir)}
    return places | ({"url": str(run.url)} if run.mode == "online" else {})


def _open(swanlab: Any, mode: str, about: dict[str, Any]) -> Any:
    """Opens a run; never asks, and gathers nothing about the machine."""
    settings = swanlab.Settings
    quiet = settings(
        interactive=False,
        terminal=settings.Terminal(proxy_type="none"),
        probe=settings.Probe(**dict.fromkeys(_GATHERED, False)),
    )
    about = dict(about)
    theirs = swanlab.Settings()  # of the user's environment and files: they come before what dqnlab calls things
    for key, value in about.pop("otherwise", {}).items():
        about.setdefault(key, _set_there(theirs, key) or value)
    if mode not in ("online", "offline"):
        about.pop("id", None)
    elif mode == "online" and "id" in about:
        about["resume"] = "allow"  # continues the experiment of this id if there is one
    return swanlab.init(mode=mode, settings=quiet, **about)


def _set_there(theirs: Any, key: str) -> str | None:
    """What SwanLab's own settings say of the project, or of an experiment's name or group."""
    return theirs.project.name if key == "project" else getattr(theirs.experiment, key)


def choose_mode(settings: Any) -> tuple[str, str]:
    """The mode, always explicit, and why it is not online: the user's own choice comes first."""
    if "mode" in settings.model_fields_set and settings.mode != "online":
        if settings.mode == "local" and importlib.util.find_spec("swanboard") is None:
            return "offline", "mode local needs the package swanboard"
        return settings.mode, ""
    if not settings.api_key:
        return "offline", "no API key"
    host = urlparse(settings.api_host)
    if not reachable(host.scheme or "https", host.hostname or "", host.port, PROBE_SECONDS):
        return "offline", f"{host.hostname} does not answer"
    return "online", ""


def reachable(scheme: str, host: str, port: int | None, seconds: float) -> bool:
    """Whether the host, or the proxy in front of it, accepts a connection in time."""
    proxy = None if urllib.request.proxy_bypass(host) else urllib.request.getproxies().get(scheme)
    if proxy:
        parts = urlparse(proxy if "://" in proxy else f"http://{proxy}")
        scheme = parts.scheme
        host = parts.hostname or ""
        port = parts.port
    found = threading.Event()

    def knock() -> None:
        try:
            socket.create_connection((host, port or (80 if scheme == "http" else 443)), timeout=seconds).close()
        except OSError:
            return
        found.set()

    # In a thread: the time-out of a connection does not cover the look-up of the name.
    thread = threading.Thread(target=knock, daemon=True)
    thread.start()
    thread.join(seconds)
    return found.is_set()


if __name__ == "__main__":
    main()
