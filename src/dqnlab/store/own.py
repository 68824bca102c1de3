"""Whether a run was made here by this user: then its environment's module may be imported again without a flag.

`mark.json` in the run's folder says where the module lay, sealed with a key that lies outside, in the user's own
state folder. The seal covers whatever decides what is imported and with which arguments, and which folder it is:
who can write into the folder, and has not the key, gains nothing (see docs/design/0007).
"""

from __future__ import annotations

import hashlib
import hmac
import importlib
import importlib.util
import json
import os
import re
import secrets
import shlex
import stat
import sys
import sysconfig
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..config import Config
from ..config.custom import can_be_imported, kinds_in, modules_in
from ..config.toml import parse, to_toml
from ..errors import ConfigError, DqnlabError, FolderError, ResourceError
from ..trust import modules_of
from .door import DISK, write_atomically
from .folders import NO_FOLLOW, within
from .reading import read_json, read_text

MARK = "mark.json"
_SETTINGS = "config.toml"
_KEY = "run-key"
_KEY_BYTES = 32


class Origin(NamedTuple):
    """Where a module, or the package that it lies in, is found."""

    root: str
    """the folder on Python's path"""
    file: str
    """the module's file, or the package's; links resolved"""


# ── Marking ──────────────────────────────────────────────────────────────────────────────────────


def mark(folder: Path, config: Config) -> str | None:
    """Marks a run as made here, if its environment or parts name modules; a line for the user where that is impossible.

    They have been imported, by whoever the user told to.
    """
    return _mark(folder, parse(to_toml(config), _SETTINGS))


def mark_made_elsewhere(folder: Path, config: Config) -> None:
    """Marks a run that another machine has made here for this process, with the key and the paths of this one.

    Nothing is marked if its file names other modules than the configuration that was trained.
    """
    try:
        data = parse(read_text(folder / _SETTINGS), _SETTINGS)
    except DqnlabError:  # it never began
        return
    if _modules(data) == _modules(parse(to_toml(config), _SETTINGS)):
        _mark(folder, data)


def _mark(folder: Path, data: Mapping[str, Any]) -> str | None:
    modules = _modules(data)
    if not modules:
        return None
    if alone := [kind for kind in kinds_in(data) if not can_be_imported(kind)]:
        return f"{alone[0]!r} is known to this program only, so no other can load the run: put the class into a file"
    flag = f"commands on this run need{_flags(modules)}"
    origins = list[Origin]()
    for module in modules:
        origin = _origin(module)
        if origin is None or _is_below(origin, folder):
            return f"module {module!r} has no file of its own: {flag}"
        origins.append(origin)
    key = _key(make=True)
    if key is None:
        return f"no private key can be kept in {str(_state_folder() or '~')!r}: {flag}"
    seals = [_seal(key, data, modules, origins, place) for place in _places(folder)]
    about: dict[str, Any] = {"schema": 1, "root": origins[0].root, "file": origins[0].file, "seals": seals}
    if len(origins) > 1:
        about["others"] = [list(origin) for origin in origins[1:]]
    try:
        write_atomically(folder / MARK, json.dumps(about, indent=2) + "\n")
    except ResourceError as e:
        return f"{e}: {flag}"
    return None


# ── Checking ─────────────────────────────────────────────────────────────────────────────────────


def with_own(trusted: Collection[str], folder: Path, text: str) -> set[str]:
    """The trusted modules, and those that a run's configuration, `text`, names if this user made the run here.

    The folders that they lie in are then on Python's path.

    Raises:
        ConfigError: another module is in the place of one.
    """
    found = _marked(folder, text)
    for module, origin in found.items():
        if module not in trusted and not _is_found(module, origin):
            now = _origin(module)
            raise ConfigError(
                f"{str(folder)!r} was made with the module {module!r} in {origin.file!r}; now Python finds "
                f"{repr(now.file) if now else 'none'}: if that is right, add --trust-env-module {shlex.quote(module)} "
                f"(in Python trust_env_modules=[{module!r}])"
            )
    return {*trusted, *found}


def flag_needed(folder: Path) -> str:
    """What must follow a command on a run or a group, with a space before it, so that its environment can be made."""
    home = folder
    if not (folder / _SETTINGS).is_file():  # all seeds of a group have one environment
        home = next((path.parent for path in sorted(folder.glob(f"seed-*/{_SETTINGS}"))), folder)
    try:
        text = read_text(home / _SETTINGS)
        modules = _modules(parse(text, _SETTINGS))
        own = not modules or bool(_marked(home, text))
    except DqnlabError:  # the command itself will say what is wrong
        return ""
    return "" if own else _flags(modules)


def is_own(folder: Path) -> bool:
    """Whether a run bears a mark of this user that holds."""
    try:
        return bool(_marked(folder, read_text(folder / _SETTINGS)))
    except DqnlabError:
        return False


def _marked(folder: Path, text: str) -> dict[str, Origin]:
    """The modules that a run's mark is of, and where they lay; none without a mark that holds."""
    data = parse(text, _SETTINGS)
    modules = _modules(data)
    if not modules or not os.path.lexists(folder / MARK):
        return {}
    try:
        about = read_json(folder / MARK)
        places = _places(folder)
    except (FolderError, OSError):
        return {}
    key, seals = _key(make=False), about.get("seals")
    origins = _origins(about)
    if key is None or not isinstance(seals, list) or len(origins) != len(modules):
        return {}
    if any(_is_below(origin, folder) for origin in origins):
        return {}
    for place in places:
        wanted = _seal(key, data, modules, origins, place)
        if any(isinstance(each, str) and hmac.compare_digest(each.encode(), wanted.encode()) for each in seals[:2]):
            return dict(zip(modules, origins, strict=True))
    return {}


def _origins(about: Mapping[str, Any]) -> list[Origin]:
    """Where a mark says that the modules lay; none for what is no such thing."""
    others = about.get("others", [])
    if not isinstance(others, list) or not all(isinstance(each, list) and len(each) == 2 for each in others):
        return []
    return [Origin(str(root), str(file)) for root, file in [(about.get("root"), about.get("file")), *others]]


def _modules(data: Mapping[str, Any]) -> list[str]:
    env = data.get("env")
    named = modules_of(env.get("id"), env.get("wrappers")) if isinstance(env, Mapping) else []
    return list(dict.fromkeys([*named, *modules_in(data)]))


def _flags(modules: Sequence[str]) -> str:
    """What trusts these modules on the command line, with a space before it."""
    return "".join(f" --trust-env-module {shlex.quote(module)}" for module in modules)


def _seal(key: bytes, data: Mapping[str, Any], modules: Sequence[str], origins: Sequence[Origin], place: str) -> str:
    pairs = [(module, *origin) for module, origin in zip(modules, origins, strict=True)]
    parts = {name: table for name, table in data.items() if any(modules_in({name: table}))}
    said = json.dumps(
        [1, data.get("env"), *(word for pair in pairs for word in pair), place, *([parts] if parts else [])],
        sort_keys=True,
        default=str,
    )
    return hmac.new(key, said.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def _places(folder: Path) -> tuple[str, str]:
    """Two names of this very folder: a copy has neither, one that was moved or whose disk has another number has one.

    Raises OSError.
    """
    path = folder.resolve()
    with within(path) as opened:
        device, number = opened.identity
    return f"number {number} on device {device}", f"number {number} at {path}"


# ── The module ───────────────────────────────────────────────────────────────────────────────────


def _origin(module: str) -> Origin | None:
    """Where Python has, or would, import a module from; none if it lies in no file."""
    top = module.partition(".")[0]
    loaded = sys.modules.get(top)
    if top == "__main__":
        return None
    try:
        spec = getattr(loaded, "__spec__", None) or importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    folders = list(spec.submodule_search_locations or ())
    file = spec.origin if spec.has_location else None
    place = folders[0] if folders else file
    if place is None:
        return None
    return Origin(os.path.dirname(os.path.abspath(place)), os.path.realpath(file or place))


def _is_found(module: str, origin: Origin) -> bool:
    """Whether Python finds the module where it was, once its folder is on the path, or installed beside its own."""
    for change in (lambda: None, lambda: sys.path.append(origin.root), lambda: sys.path.insert(0, origin.root)):
        before = list(sys.path)
        change()
        importlib.invalidate_caches()
        now = _origin(module)
        if now is not None and (now.file == origin.file or _is_installed(now)):
            return True
        sys.path[:] = before
    return False


def _is_installed(origin: Origin) -> bool:
    """Whether a module lies where this Python keeps packages: not in the hands of whoever made a run's folder."""
    homes = {os.path.realpath(sysconfig.get_path(name)) for name in ("purelib", "platlib", "stdlib")}
    return any(Path(origin.file).is_relative_to(home) for home in homes)


def _is_below(origin: Origin, folder: Path) -> bool:
    """Whether a module lies in the run's own folder or its group's, where another one can be put in its place."""
    home = folder.resolve()
    if re.fullmatch(r"seed-\d+", home.name):
        home = home.parent
    return any(Path(os.path.realpath(each)).is_relative_to(home) for each in origin)


# ── The key ──────────────────────────────────────────────────────────────────────────────────────


def _state_folder() -> Path | None:
    """Where this user's programs keep what is nobody else's; none if the user has no home."""
    try:
        home = Path.home()
    except RuntimeError:
        return None
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Application Support"
    else:
        said = Path(os.environ.get("XDG_STATE_HOME", ""))
        base = said if said.is_absolute() else home / ".local" / "state"
    return base / "dqnlab"


def _key(*, make: bool) -> bytes | None:
    """This user's key; none if there is none and none can be made, or if others could know it."""
    folder = _state_folder()
    if folder is None:
        return None
    try:
        if make and not os.path.lexists(folder / _KEY):
            _make_key(folder)
        return _read_key(folder / _KEY)
    except OSError:
        return None


def _make_key(folder: Path) -> None:
    """Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = folder / f".{_KEY}.{secrets.token_hex(6)}"
    file = DISK.create(part, 0o600)
    try:
        try:
            DISK.write(file, memoryview(secrets.token_bytes(_KEY_BYTES)))
        finally:
            os.close(file)
        DISK.place(part, folder / _KEY)
    except FileExistsError:  # another process was quicker: its key is as good
        part.unlink()
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _read_key(path: Path) -> bytes | None:
    """Raises OSError."""
    file = os.open(path, os.O_RDONLY | NO_FOLLOW | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        found = os.fstat(file)
        private = stat.S_ISREG(found.st_mode)
        if hasattr(os, "getuid"):
            private = private and found.st_uid == os.getuid() and not found.st_mode & 0o077
        key = os.read(file, _KEY_BYTES + 1)
    finally:
        os.close(file)
    return key if private and len(key) == _KEY_BYTES else None
