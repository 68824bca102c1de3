"""An agent written as a program of another language, and held against its network before it takes its place."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from ..config import AnyEnvironment
from ..config.checks import Whole
from ..config.typed import door
from ..errors import DqnlabError, FolderError, ResourceError, counted
from ..store.agent import Agent, load
from ..store.door import aside, replacing
from ..store.find import find_run
from ..store.folder import Run
from .about import About, about_agent
from .c_program import c_files
from .destination import Destination, DoesNotHold, destination, draft_of, take_place
from .formats import MOST_STATES, Format
from .js_program import js_files
from .numpy_program import numpy_files
from .onnx_program import check_onnx, onnx_files
from .portable import captured
from .states import States, play_states
from .verify import Equality, verify

Write = Callable[[Any, About], Mapping[str, bytes]]
Tell = Callable[[str], None]
WRITERS: dict[str, Write] = {"onnx": onnx_files, "numpy": numpy_files, "js": js_files, "c": c_files}


@dataclass(frozen=True)
class Exported:
    """A program that acts as an agent does, and how close it comes."""

    folder: Path
    format: str
    sizes: Mapping[str, int]
    """bytes of each file"""
    equality: Equality


@door
def export(
    agent: Agent | Run | Path | str = "latest",
    format: Format = "onnx",
    out: Path | None = None,
    env: AnyEnvironment | None = None,
    states: Annotated[int, Whole(1, MOST_STATES)] = 1_000,
) -> Exported:
    """Writes an agent as a program that needs neither dqnlab nor torch, and compares both on fresh states.

    Args:
        agent: an agent, a run, its folder, a saved network, or `latest`, whose best network is taken.
        format: an ONNX model, or a program in plain numpy, JavaScript or C.
        out: a folder that is not there yet or is empty; defaults to one in the run's folder, where an earlier export
            gives way.
        env: where the states are played; defaults to the agent's own environment.
        states: how many states are compared.

    Returns:
        Where it lies, the bytes of each file, and how equal it is.

    Raises:
        ConfigError: the network has an operation that the format has no form for; the environment cannot be made.
        FolderError, ResourceError: there is no such run, or the folder cannot be written; a package is missing.
        CheckpointError: the weights cannot be read.
        NumericsError: the network's values are not finite.
        DqnlabError: the program does not do what the network does.
    """
    if isinstance(agent, Agent):
        if out is None:
            raise FolderError("an agent has no folder of its own to be exported to: pass out=")
        return write_export(agent, format, Destination(out), "", env, states)
    path = agent.folder if isinstance(agent, Run) else Path(agent)
    if not os.path.isfile(path):
        path = find_run(path, or_network=True)
    return write_export(load(path, env=env), format, destination(path, format, out), run_name(path), env, states)


def run_name(path: Path) -> str:
    """What the run is called whose folder or saved network this is."""
    return (path.parent if path.is_file() else path).resolve().name


def write_export(
    agent: Agent,
    format: Format,
    place: Destination,
    run: str = "",
    env: AnyEnvironment | None = None,
    num: int = 1_000,
    tell: Tell = lambda text: None,
) -> Exported:
    """Writes and compares; only what holds takes its place, what does not is kept beside it.

    Args:
        run: what the agent's run is called.
        tell: hears what is being done.

    Raises:
        ConfigError: the network has an operation that the format has no form for; the environment cannot be made.
        FolderError, ResourceError: the folder cannot be written; a package is missing.
        NumericsError: the network's values are not finite.
        DqnlabError: the program does not do what the network does.
    """
    place.check()  # before any work
    if format == "onnx":
        check_onnx()
    states = play_states(
        agent, agent.env_config(env), num, tell=lambda seen: tell(f"played {seen:,} of {counted(num, 'state')}")
    )
    facts = about_agent(agent, run, states.names, states.given)
    files = WRITERS[format](captured(agent), facts)
    with draft_of(place.folder) as draft:
        for name, content in files.items():
            with replacing(draft / name) as part:
                part.write(content)
        tell(f"comparing {counted(num, 'state')} with the network")
        equality = _verified(format, draft, facts, states)
        if not equality.holds:
            raise DoesNotHold(f"the exported program is not the network: {equality}; it is kept as {str(draft)!r}")
    take_place(draft, place)
    return Exported(place.folder, format, {name: len(content) for name, content in files.items()}, equality)


def _verified(format: str, draft: Path, facts: About, states: States) -> Equality:
    try:
        with aside() as scratch:
            return verify(format, draft, facts, states, scratch)
    except DqnlabError as e:
        raise DoesNotHold(f"{e}; what was exported is kept as {str(draft)!r}") from e
    except OSError as e:
        raise ResourceError(f"cannot compare the exported program with its network ({e.strerror or e})") from e
