"""Importing what a name such as `module:Class` says; whoever read it from a file has asked `trust` before."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType


def import_here(name: str) -> ModuleType:
    """Imports a module; one that is not installed is looked for in the current folder.

    That is then the last place where Python looks: nothing there can stand in for the standard library or a package.
    Raises whatever the module does.
    """
    top = name.partition(".")[0]
    if path_of(top) is None and _lies_here(top):
        sys.path.append(os.getcwd())
        importlib.invalidate_caches()
    return importlib.import_module(name)


def path_of(top: str) -> str | None:
    """Where Python finds a module or package at the top level; none if nowhere."""
    try:
        spec = importlib.util.find_spec(top)
    except ValueError:  # a module that somebody has put together by hand
        return str(top)
    return None if spec is None else spec.origin or str(top)


def _lies_here(top: str) -> bool:
    return Path(f"{top}.py").is_file() or Path(top).is_dir()
