"""What a message tells to do, as it can be typed: on the command line, and in Python where that is another way."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Literal

from ..errors import FolderError, counted, either
from ..trust import clean, shown
from .find import has_ended
from .folder import BEST, CHECKPOINTS, CONFIG, LAST, META, RESULT, SUMMARY
from .imported import origin_of
from .own import flag_needed
from .reading import read_env, read_json


def command(name: str, folder: Path, *words: str) -> str:
    """A command on a run's folder, as it can be typed here."""
    return " ".join(["dqn", name, shlex.quote(shown(folder)), *words]) + clean(flag_needed(folder))


def how_to_resume(folder: Path) -> str:
    """What to type to resume a run or a group: in Python where only Python knows the environment."""
    seeds = sorted(folder.glob(f"seed-*/{META}")) if (folder / SUMMARY).is_file() else []
    if is_callable(seeds[0].parent if seeds else folder):
        return f"dqnlab.{'resume_many' if seeds else 'resume'}({shown(folder)!r}, env=…) in Python"
    return command("resume", folder)


def from_start(folder: Path) -> str:
    """That resuming a run or a group begins again at step 0, and what helps; nothing if a checkpoint is there."""
    seeds = [each.parent for each in folder.glob(f"seed-*/{CONFIG}")] if (folder / SUMMARY).is_file() else []
    without = [home for home in seeds or [folder] if not has_ended(home) and not has_checkpoint(home)]
    if not without:
        return ""
    which = f"{counted(len(without), 'seed')}: " if seeds else ""
    says = f"{which}there is no checkpoint, so resuming begins again at step 0"
    last = without[0] / LAST
    if not last.is_file():
        return says
    if seeds:
        return f"{says} and replaces {LAST}"
    how = "train it in Python," if is_callable(folder) else how_to_train(folder)
    init = either(f"--init {shlex.quote(shown(last))}", f"init={shown(last)!r}")
    return f"{says} and replaces {LAST}; to begin with that network instead: {how} {init}"


def has_checkpoint(folder: Path) -> bool:
    """Whether a run has a checkpoint to be resumed from."""
    return any(not path.name.endswith(".corrupt") for path in (folder / CHECKPOINTS).glob("step-*"))


def is_callable(folder: Path) -> bool:
    """Whether, by its folder, the environment of a run was made in Python."""
    try:
        return bool(read_env(folder / META)["callable"])
    except FolderError:  # a group, or somebody has changed it: the command itself will say what is wrong
        return False


def why_absent(folder: Path, which: Literal["best", "last"]) -> str:
    """What is known of a network that is not in a run's folder, and what helps."""
    if which == "last" and (folder / BEST).exists() and (came := origin_of(folder)) is not None:
        found = either("--which best", "which='best'")
        return f"does not exist: this agent was imported ({came.says}) and has one network, {found}"
    if which == "last" and (folder / BEST).exists():
        found = either("--which best", "which='best'")
        if has_ended(folder):
            return f"is missing: it was removed; take the best network, {found}"
        return f"does not exist: it is written when training ends; until then there is {found}"
    came, ended = origin_of(folder), has_ended(folder)
    if came is not None:
        again = either("dqn import FILE --env ENV", "dqnlab.import_agent(file, env=…)")
        return f"is missing: it was removed; bring {came.file} in again, {again}"
    if not (folder / LAST).exists():
        if ended:
            other = LAST if which == "best" else BEST
            return f"is missing, and so is {other}: they were removed; train it anew, {how_to_train(folder)}"
        return f"does not exist: the run has saved no network yet; wait for it, or resume it: {how_to_resume(folder)}"
    try:
        evaluated = read_json(folder / RESULT).get("selected_score") is not None
        why = "is missing: it was removed" if evaluated else "does not exist: training ended before it was evaluated"
    except FolderError:  # nobody knows
        why = "is missing: training ended before it was evaluated, or the file was removed"
    found = either("--which last", "which='last'")
    more = "" if ended else f", or resume the run: {how_to_resume(folder)}"
    return f"{why}; take the last network, {found}{more}"


def how_to_train(folder: Path, steps: str = "") -> str:
    """What to type to train a run anew, to other steps if said; in Python where only Python knows the environment."""
    if is_callable(folder):
        return "in Python"
    config, trust = shlex.quote(shown(folder / CONFIG)), clean(flag_needed(folder))
    return f"dqn train --config {config}{f' --steps {steps}' if steps else ''}{trust}"
