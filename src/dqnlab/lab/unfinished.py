"""The steps after the score: which there are, and the account of them in result.json.

result.json is complete before the first of them and is written again after each. It names those that are still to be
made (`unfinished`) and those that failed, with the reason (`failed_steps`). `after` makes them. Needs no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..config import Config
from ..errors import DqnlabError, FolderError, ResourceError, named, one_line
from ..store.advice import command, how_to_resume, is_callable
from ..store.find import read_run
from ..store.folder import Run, write_result
from ..store.imported import origin_of
from ..trust import shown
from .interrupt import signal_of

SHOWN = ("film", "page")  # the steps that only the best of many seeds gets
INTERRUPTED = "interrupted before: "
"""how the note begins that names what is left"""
LONGEST_REASON = 300  # letters of a note: encoders send a page of their own


@dataclass(frozen=True)
class LateStep:
    """One of the steps after the score."""

    what: str
    """what there is none of if it fails"""
    doing: str
    phase: str
    """which seconds it takes"""
    says_itself: bool = False
    """whether only whoever makes it knows that there is something to announce"""
    command: str = ""
    """what makes it later of a run that was never trained here, and so cannot be resumed; nothing if none does"""


STEPS = {
    "score_registered": LateStep(
        "score under the registered step limit", "playing under the registered step limit", "confirm", says_itself=True
    ),
    "film": LateStep("film", "filming the best network", "film", says_itself=True, command="record"),
    "curves": LateStep("curves", "drawing the curves", "curves"),
    "page": LateStep("page", "writing the page", "page", command="explain"),
}


def steps(config: Config, run: Run, *, show: bool) -> tuple[str, ...]:
    """The steps that the configuration asks for after this result, in their order.

    Args:
        show: whether to film and explain it.
    """
    scored = run.score is not None
    wanted = {
        "score_registered": scored and config.env.max_episode_steps is not None and isinstance(config.env.id, str),
        "film": scored and show and config.film.episodes > 0,
        "curves": True,
        "page": scored and show and config.explain,
    }
    return tuple(name for name, asked in wanted.items() if asked)


def ended(run: Run, name: str, reason: str = "") -> Run:
    """The run once a step was made, or has failed for a reason: what an earlier try left to say of it is forgotten."""
    failed = {other: said for other, said in run.failed_steps.items() if other != name}
    start = f"no {STEPS[name].what}: "
    notes = [line for line in run.notes if not line.startswith(start)]
    if reason:
        failed[name] = reason
        notes.append(start + reason)
    left = [other for other in run.unfinished if other != name]
    if any(line.startswith(INTERRUPTED) for line in notes):
        notes = [line for line in notes if not line.startswith(INTERRUPTED)]
        notes += [_interrupted(run.folder, left)] if left else []
    return replace(run, failed_steps=failed, notes=notes, unfinished=left)


def stopped(run: Run, error: KeyboardInterrupt) -> Run:
    """The run after an interruption of what was still to be made."""
    notes = [*run.notes, _interrupted(run.folder, run.unfinished)]
    return save(replace(run, signal=run.signal or signal_of(error), notes=notes))


def _interrupted(folder: Path, left: Sequence[str]) -> str:
    """Which steps are left, and what makes them."""
    how = ", ".join(_makers(folder, left))
    return f"{INTERRUPTED}{' and '.join(STEPS[name].what for name in left)}" + (f"; to make it: {how}" if how else "")


def _makers(folder: Path, left: Sequence[str]) -> list[str]:
    """What to type to make what is left of a run."""
    if origin_of(folder) is None:
        return [how_to_resume(folder)]
    if is_callable(folder):
        return [f"dqnlab.report({shown(folder)!r}, env=…) in Python"] if "page" in left else []
    return [command(STEPS[name].command, folder) for name in left if STEPS[name].command]


def save(run: Run) -> Run:
    """Writes result.json once more; if that fails the first one stands, and it is a note."""
    try:
        write_result(run)
    except ResourceError as e:
        return replace(run, notes=[*run.notes, why(e)])
    return run


def lacking(run: Run) -> list[str]:
    """The steps that were left or have failed, in their order."""
    return [name for name in STEPS if name in run.unfinished or name in run.failed_steps]


def settle_step(folder: Path, name: str) -> None:
    """Takes note in result.json that a command has made a step which was lacking."""
    try:
        run = read_run(folder)
    except FolderError:  # there is no result yet, or none that can be read: nothing says that the step is lacking
        return
    if name in lacking(run):
        write_result(ended(run, name))


def why(error: BaseException) -> str:
    """What an error says, in one line."""
    text = one_line(str(error)) if isinstance(error, DqnlabError | OSError) else ""
    text = text or named(error)
    return text if len(text) <= LONGEST_REASON else text[: LONGEST_REASON - 1] + "…"


def longer(run: Run, phase: str, seconds: float) -> dict[str, float]:
    """The run's seconds with some more of a phase."""
    more = {phase: run.seconds.get(phase, 0.0) + seconds, "total": run.seconds.get("total", 0.0) + seconds}
    return {**run.seconds, **{name: round(value, 3) for name, value in more.items()}}
