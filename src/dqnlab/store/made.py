"""What in a run's folder dqnlab has made: judged file by file, by the names that it gives and the places it writes to.

Nothing is read, and no link is followed: one that bears such a name is a thing of that name. SwanLab names its files
itself, so that whatever lies in the folder of one of its recordings counts as its own.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .checkpoint.manifest import ARRAYS, CHUNK_NAME, MANIFEST, TREE
from .checkpoint.verify import ROWS
from .control import CONTROL, LIVE
from .door import is_part
from .folder import (
    BATCH,
    BENCHMARK,
    BESIDE,
    BEST,
    CHECKPOINTS,
    CONFIG,
    CURVES,
    ERROR,
    INIT,
    LAST,
    META,
    METRICS,
    REPORT,
    RESULT,
    SNAPSHOTS,
    TARGET,
    VIDEOS,
)
from .lock import LOCK
from .own import MARK

_FILES = {BATCH, BENCHMARK, BEST, CONFIG, CURVES, ERROR, INIT, LAST, MARK, META, METRICS, REPORT, RESULT, SNAPSHOTS}
_FILES |= {CONTROL, LIVE, TARGET}


@dataclass(frozen=True, kw_only=True)
class _Place:
    """What a folder of dqnlab's may hold; parts of files, which killed processes leave, beside it."""

    files: str = ""
    """how they are called, a regular expression"""
    folders: Mapping[str, _Place] = field(default_factory=dict)
    anything: bool = False
    """nobody can tell: all of it is taken for its maker's"""


_WHOLE = _Place(anything=True)
_CHECKPOINT = _Place(files="|".join(map(re.escape, (MANIFEST, TREE, ARRAYS))))
_CHECKPOINTS = _Place(
    folders={
        r"step-\d{9,18}(-\d{1,9})?(\.corrupt(-\d+)?)?": _CHECKPOINT,
        r"\.step-\d{9,18}[-.\w]*\.tmp": _CHECKPOINT,
        ROWS: _Place(files=CHUNK_NAME.pattern),
    }
)
_EXPORT = _Place(
    files=r"agent\.(onnx|py|js|c|h)|weights\.(npz|bin)",
    folders={"__pycache__": _WHOLE},  # of whoever has imported agent.py
)
_RUN = _Place(
    files="|".join([*map(re.escape, sorted(_FILES)), BESIDE]),
    folders={
        CHECKPOINTS: _CHECKPOINTS,
        "export": _Place(folders={r"(onnx|numpy|js|c)(-.+)?|\.(onnx|numpy|js|c)(-.+)?\.old": _EXPORT}),
        VIDEOS: _Place(files=r"(best|episode)-\d+\.mp4", folders={r"\.film-.+": _WHOLE}),
        "tensorboard": _Place(files=r"events\.out\.tfevents\..+"),
        r"swanlab(-\d+)?": _Place(files=r"\.gitignore", folders={r"run-\d{8}_\d{6}-.+": _WHOLE}),
    },
)


@dataclass(frozen=True, kw_only=True)
class Made:
    """What lies in a folder."""

    ours: tuple[Path, ...]
    """files, and folders behind what they hold; those that hold something strange too, which then stay"""
    whole: tuple[Path, ...]
    """of them folders whose content nobody can tell apart"""
    strange: tuple[Path, ...]
    """what dqnlab has not made"""


def made_in_run(folder: Path) -> Made:
    """What lies in a run's folder. Raises OSError."""
    return _look(folder, _RUN)


def made_in_checkpoints(folder: Path) -> Made:
    """What lies in a run's folder of checkpoints, and that itself; nothing if it is a link. Raises OSError."""
    if folder.is_symlink() or not folder.is_dir():
        return Made(ours=(), whole=(), strange=())
    found = _look(folder, _CHECKPOINTS)
    return Made(ours=(*found.ours, folder), whole=(), strange=found.strange)


def made_in_export(folder: Path) -> Made:
    """What lies in the folder of an exported program. Raises OSError."""
    return _look(folder, _EXPORT)


def _look(folder: Path, place: _Place) -> Made:
    ours = list[Path]()
    whole = list[Path]()
    strange = list[Path]()
    for path in sorted(folder.iterdir(), key=_rows_last):
        if path.name == LOCK:  # goes when it is given back
            continue
        mode = os.lstat(path).st_mode
        inside = next((inner for name, inner in place.folders.items() if re.fullmatch(name, path.name)), None)
        is_file = re.fullmatch(place.files, path.name) is not None or is_part(path.name)
        if stat.S_ISDIR(mode) and inside is not None and not inside.anything:
            found = _look(path, inside)
            ours += [*found.ours, path]
            whole += found.whole
            strange += found.strange
        elif stat.S_ISDIR(mode) and inside is not None:
            ours.append(path)
            whole.append(path)
        elif (is_file and stat.S_ISREG(mode)) or ((is_file or inside is not None) and stat.S_ISLNK(mode)):
            ours.append(path)
        else:
            strange.append(path)
    return Made(ours=tuple(ours), whole=tuple(whole), strange=tuple(strange))


def _rows_last(path: Path) -> tuple[bool, str]:
    """Checkpoints before the rows that they need, so that what a cut leaves of one is no checkpoint."""
    return path.name == ROWS, path.name
