"""The words of `dqn live`, as `arguments` has those of the other commands."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from ..config.checks import Whole


@dataclass(frozen=True, kw_only=True)
class Live:
    """Watch runs while they train, in a browser on this machine; pause, step, save and end them there."""

    run: str | None = None
    """a run or a group, whose page comes first; the list of all runs if none"""
    runs: Path = Path("runs")
    """folder of the runs that are shown"""
    port: Annotated[int, Whole(0, 65_535)] = 0
    """where to listen on 127.0.0.1; 0 for any free port"""
    read_only: bool = False
    """look only: nothing can be asked of runs"""
    open: bool = False
    """show the page in the browser"""
    alert: str | None = None
    """a command that is run, with the verdict as its last word, when the health verdict of a run turns"""
    trust_env_module: tuple[str, ...] = ()
    """a module that the environments and wrappers of the runs' configurations may import"""
