"""What the modules of the current folder have to do with an id that names none; nothing is imported to find out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import gymnasium as gym

MOST_FILES = 200
MOST_BYTES = 1_000_000  # of a file that is looked into
_ID = re.compile(r"""["']((?:[\w-]+/)?[\w.-]+-v\d+)["']""")


def nearby(env_id: str) -> str | None:
    """What to name instead of an id without a module, by the look of the files in this folder; none if no idea."""
    name = env_id.removesuffix("/")
    for module, text in _modules():
        if module == name:
            ids = list(dict.fromkeys(_ID.findall(text))) or ["Id"]
            named = " or ".join(f"{module}:{each}" for each in ids[:12])
            return f"it is a module in this folder; name an environment that it registers, as in {named}"
    for module, text in _modules():
        found = _ID.findall(text)
        version = [each for each in found if each.rpartition("-v")[0] == env_id]
        if "register" in text and (env_id in found or version):  # else it only speaks of it, as whoever asked may
            return f"{module} in this folder seems to register it: name {module}:{(version or [env_id])[-1]}"
    for module, text in _modules():  # whose ids may be put together from the names of classes
        if re.search(rf"^class {re.escape(re.sub(r'-v[0-9]+$', '', env_id))}\b", text, re.MULTILINE):
            return f"{module} in this folder has a class of that name: if it registers it, name {module}:{env_id}"
    return None


def ids_of(module: str) -> list[str]:
    """The ids that an imported module registers for its own environments."""
    return sorted(each for each, spec in gym.registry.items() if f"{_home(spec.entry_point)}.".startswith(f"{module}."))


def _home(entry_point: object) -> str:
    """The module that an environment is made by."""
    if isinstance(entry_point, str):
        return entry_point.partition(":")[0]
    return str(getattr(entry_point, "__module__", ""))


def _modules() -> Iterator[tuple[str, str]]:
    """The modules and packages of this folder, each with its text, a package with that of its `__init__.py`."""
    files = [*sorted(Path().glob("*.py")), *sorted(Path().glob("*/__init__.py"))]
    for path in files[:MOST_FILES]:
        name = path.parent.name or path.stem
        try:
            if name.isidentifier() and path.is_file() and path.stat().st_size <= MOST_BYTES:
                yield name, path.read_text(encoding="utf-8", errors="replace")
        except OSError:  # it cannot be read: it says nothing
            continue
