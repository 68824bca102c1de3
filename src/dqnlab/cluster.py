"""Ray, which lends processes on this machine or on many: started or joined safely, and left as it was found.

Ray is imported only inside `joined`, and only the caller that asked for it needs it.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from .errors import ConfigError, ResourceError, counted, either, named
from .lifeline import leave_ray
from .oslock import claim
from .processes import SIGNALS, usable_cores
from .trust import clean

LOCAL, AUTO = "local", "auto"
EXTRA = "ray"
LOOPBACK = "127.0.0.1"
STORE = 1 << 30
"""bytes of the object store of a Ray that is started here: what travels is small"""
CONNECT = 5.0
"""seconds in which a cluster has to answer"""
SETTINGS = b"\0\0\0\4\0\0\0\0\0"
HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SETTINGS
"""how gRPC, which Ray speaks, begins: either side sends its settings (RFC 9113, section 3.4)"""
PREFIX, HELD = "dqn-ray-", "held"
OLD = 60.0
"""seconds after which a folder that nobody holds is no longer one that is just being made"""
MOST_TOLD = 300
"""letters of an error of Ray's, which may go on for pages"""
LONGEST = 40
"""letters of a folder in which Ray can still name its sockets"""
FLAG = either("--ray", "ray=")
say = logging.getLogger("dqnlab").warning


@dataclass(frozen=True)
class Joined:
    """A Ray cluster that this process is part of."""

    address: str
    """of its head: HOST:PORT"""
    node: str
    """the id of this process's own node"""
    is_ours: bool
    """whether it was started here, and ends when it is left"""
    asks_for_token: bool
    """whether it turns away whoever has no token"""


def check_where(where: str) -> None:
    """Raises ConfigError for what is no place of a cluster."""
    if where in (LOCAL, AUTO):
        return
    if "://" in where:
        raise ConfigError(
            f"{FLAG} {clean(where)!r} is an address of Ray Client or of a job, which cannot train: "
            "run the command on a machine of the cluster, with the head's HOST:PORT or auto"
        )
    if _host_and_port(where) is None:
        raise ConfigError(f"{FLAG} must be local, auto or HOST:PORT, got {clean(where)!r}")


def check_ray_installed() -> None:
    """Raises ResourceError without Ray."""
    try:
        import ray  # noqa: F401
    except ImportError as e:
        raise ResourceError(f"{FLAG} needs Ray, which is not installed: pip install 'dqnlab[{EXTRA}]'") from e


@contextmanager
def joined(where: str) -> Iterator[Joined]:
    """Meanwhile this process is in a Ray cluster; one that was started for it ends with it.

    A cluster that is started here listens on 127.0.0.1 only, asks everyone for a token that no file holds, has no
    dashboard and reports no usage. One that this process is in already is used and left alone.

    Args:
        where: `local` to start one on this machine, `auto` to join that of RAY_ADDRESS or of this machine, or the
            address of its head, HOST:PORT.

    Raises:
        ConfigError: there is no such cluster.
        ResourceError: Ray is not installed or cannot be started here.
    """
    check_where(where)
    with ExitStack() as stack:
        stack.enter_context(_settings(where))
        stack.enter_context(_hook_kept())
        check_ray_installed()
        import ray
        from ray._private import utils, worker

        stack.enter_context(_replaced(utils, "set_sigterm_handler", lambda handler: None))  # that signal is ours
        # What becomes of machines it would print, twenty lines of logs with each, into whatever is drawn there.
        stack.enter_context(_replaced(worker, "listen_error_messages", lambda *_: None))
        if ray.is_initialized():
            here = ray.get_runtime_context().gcs_address
            if where not in (LOCAL, AUTO, here):
                raise ConfigError(f"this process is in the Ray cluster at {here} already: it cannot join {where!r} too")
            yield _joined(is_ours=False)
            return
        _refresh()
        if where == LOCAL:
            say(f"starting Ray on this machine: {counted(usable_cores(), 'processor')}")
            _start(stack)
        else:
            stack.callback(leave_ray)
            _join(where)
        _take_signals_back()
        found = _joined(is_ours=where == LOCAL)
        if where != LOCAL:
            say(f"joined Ray at {found.address}: {_room()}")
        if not found.asks_for_token:
            say(
                f"the Ray cluster at {found.address} asks nobody for a token: whoever reaches it can run any code on "
                "its machines (docs/clusters.md)"
            )
        yield found


def _joined(*, is_ours: bool) -> Joined:
    import ray
    from ray._private.authentication.authentication_utils import is_token_auth_enabled

    context = ray.get_runtime_context()
    return Joined(str(context.gcs_address), str(context.get_node_id()), is_ours, is_token_auth_enabled())


class Machine(NamedTuple):
    """A machine of the cluster, as far as Ray knows."""

    address: str
    processors: int


def machines() -> list[Machine]:
    """The machines that the cluster has at the moment."""
    import ray

    there = [each for each in ray.nodes() if each["Alive"]]
    return [Machine(str(each["NodeManagerAddress"]), int(each["Resources"].get("CPU", 0))) for each in there]


def _room() -> str:
    """What the cluster has: 8 processors on 2 machines."""
    there = machines()
    processors = sum(each.processors for each in there)
    return f"{counted(processors, 'processor')} on {counted(len(there), 'machine')}"


# ── Starting ─────────────────────────────────────────────────────────────────────────────────────


def _start(stack: ExitStack) -> None:
    """Starts Ray on this machine. Raises ResourceError, also if it would be heard beyond the machine."""
    import ray

    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=_short_folder()))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    if (held := claim(folder / HELD)) is not None:
        stack.callback(held.release)
    _sweep(folder.parent)
    stack.callback(leave_ray)  # before its folder goes
    try:
        with _as_it_stands():
            ray.init(
                address=LOCAL,
                num_cpus=usable_cores(),
                object_store_memory=STORE,
                include_dashboard=False,
                configure_logging=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                _node_ip_address=LOOPBACK,
                _temp_dir=str(folder / "ray"),  # Ray opens it to everybody; the one above it is ours alone
            )
    except Exception as e:  # of many kinds
        raise ResourceError(f"Ray could not be started on this machine: {named(e)}") from e
    found = {each.address for each in machines()}
    if found != {LOOPBACK}:
        raise ResourceError(
            f"Ray {ray.__version__} would listen on {', '.join(sorted(found))} instead of {LOOPBACK}, where anyone on "
            "the network could reach it: install another version, or start a cluster yourself and join it"
        )


def _sweep(home: Path) -> None:
    """Removes the folders of Rays whose program was killed: nobody holds them any more."""
    for old in home.glob(f"{PREFIX}*"):
        with suppress(OSError):
            if time.time() - old.stat().st_mtime > OLD and (held := claim(old / HELD)) is not None:
                shutil.rmtree(old, ignore_errors=True)
                held.release()


def _short_folder() -> str | None:
    """Where Ray's folder can lie: the path of a socket has at most about 100 letters."""
    wanted = os.environ.get("RAY_TMPDIR") or tempfile.gettempdir()
    return wanted if len(wanted) <= LONGEST or not os.path.isdir("/tmp") else "/tmp"


# ── Joining ──────────────────────────────────────────────────────────────────────────────────────


def _join(where: str) -> None:
    """Raises ConfigError if there is no such cluster, or it does not want this process."""
    import ray
    from ray._raylet import GcsClient  # type: ignore

    address = os.environ.get("RAY_ADDRESS", AUTO) if where == AUTO else where
    if address == LOCAL:
        address = AUTO
    if address != AUTO:
        check_where(address)
        _check_answers(address)
    pair = _host_and_port(address)
    is_loopback = pair is not None and pair[0] in ("localhost", LOOPBACK, "::1")
    try:
        with _as_it_stands() if is_loopback else nullcontext():
            if address != AUTO:
                GcsClient(address=address)  # says at once what `init` tries for long
            ray.init(address=address, configure_logging=False, log_to_driver=False, logging_level=logging.ERROR)
    except ray.exceptions.AuthenticationError as e:
        raise ConfigError(
            f"the Ray cluster at {clean(address)} asks for a token, and there is none here, or another: put that of "
            "its head into ~/.ray/auth_token, which 'ray get-auth-token' prints there, or into RAY_AUTH_TOKEN"
        ) from e
    except ConnectionError as e:
        if address == AUTO:
            raise ConfigError(
                "no Ray cluster runs on this machine, and RAY_ADDRESS names none: let dqnlab start one "
                f"with {either('--ray local', f'ray={LOCAL!r}')}, or start one as docs/clusters.md says: by Ray's own "
                "defaults anyone on the network could run code there"
            ) from e
        raise ConfigError(f"the Ray cluster at {address} cannot be joined: {named(e)}") from e
    except Exception as e:  # of many kinds: another version, a wrong token, a machine without a node
        raise ConfigError(f"the Ray cluster at {clean(address)} cannot be joined: {named(e)[:MOST_TOLD]}") from e


def _host_and_port(address: str) -> tuple[str, int] | None:
    found = re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9_.-]+):(\d{1,5})", address)
    if found is None or not 0 < int(found[2]) < 65_536:
        return None
    return found[1].strip("[]"), int(found[2])


def _check_answers(address: str) -> None:
    """Raises ConfigError if no server of Ray's kind is there, which Ray itself would try for minutes."""
    pair = _host_and_port(address)
    assert pair is not None
    try:
        with socket.create_connection(pair, timeout=CONNECT) as line:
            if os.environ.get("RAY_USE_TLS", "0") == "0":
                line.sendall(HELLO)
                if line.recv(len(SETTINGS))[3:4] != SETTINGS[3:4]:
                    raise OSError("what is there is no head of a Ray cluster")
    except OSError as e:
        raise ConfigError(
            f"no Ray cluster answers at {address} ({e.strerror or e}): is its head there, as what started it says, "
            "and may this machine reach it?"
        ) from e


# ── What Ray would leave behind ──────────────────────────────────────────────────────────────────


@contextmanager
def _settings(where: str) -> Iterator[None]:
    """Meanwhile the environment says what Ray is to do, as far as the user has not said it."""
    wanted = {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # a worker sees the devices that this process does
        "RAY_ENABLE_AUTO_CONNECT": "0",  # nothing starts another one, open to all, once this one is lost
    }
    if where == LOCAL:
        wanted["RAY_AUTH_MODE"] = "token"
        wanted["RAY_memory_monitor_refresh_ms"] = "0"  # nobody is killed because other programs take memory
        wanted["RAY_worker_niceness"] = "0"  # by 15, its own, a collector starves beside the learner or anything else
        if not _has_token():
            wanted["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
    elif _has_token():
        wanted["RAY_AUTH_MODE"] = "token"
    before = {name: value for name, value in os.environ.items() if _is_rays(name)}
    os.environ.update({name: value for name, value in wanted.items() if name not in before})
    try:
        yield
    finally:
        for name in [name for name in os.environ if _is_rays(name)]:
            os.environ.pop(name)
        os.environ.update(before)
        if sys.modules.get("ray") is not None:
            _refresh()


def _is_rays(name: str) -> bool:
    """Whether a variable of the environment is one that Ray reads or sets."""
    return name.startswith("RAY_") or name == "PYTHONBREAKPOINT"


def _has_token() -> bool:
    """Whether the user has one, where Ray looks for it."""
    if os.environ.get("RAY_AUTH_TOKEN") or os.environ.get("RAY_AUTH_TOKEN_PATH"):
        return True
    with suppress(RuntimeError):  # a user without a home
        return (Path.home() / ".ray" / "auth_token").is_file()
    return False


def _refresh() -> None:
    """Lets Ray read again what the environment says, which it does only once, and which token there is."""
    from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore

    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()


@contextmanager
def _hook_kept() -> Iterator[None]:
    """Puts back who hears of the errors that nobody caught: Ray takes his place as soon as it is imported."""
    before = sys.excepthook
    try:
        yield
    finally:
        sys.excepthook = before


def _take_signals_back() -> None:
    """Lets Python's handlers have the signals again that Ray's native part took without asking, to end in a crash."""
    if threading.current_thread() is threading.main_thread():
        for each in SIGNALS:
            if (handler := signal.getsignal(each)) is not None:
                signal.signal(each, handler)


def _as_it_stands() -> AbstractContextManager[None]:
    """Meanwhile Ray takes 127.0.0.1 for what it is, and does not put the machine's address in the network in its place.

    That it does only where its constant says that there may be several machines.
    """
    from ray._private import ray_constants

    return _replaced(ray_constants, "ENABLE_RAY_CLUSTER", False)


@contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(owner, name, None)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)
