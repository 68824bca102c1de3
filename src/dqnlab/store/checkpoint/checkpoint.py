"""Checkpoints on disk: written whole or not at all, verified before use, and as cheap as what is new.

checkpoints/
├── step-000012000/          a checkpoint; a second one of the same step gets `-2` behind
│   ├── manifest.json        schema, step, and of every file its size and hash; written last
│   ├── state.json           the plain part of the state, see `pack`
│   └── state.safetensors    its arrays
├── step-000011000.corrupt/  one that did not verify, set aside
└── rows/<log>-<start>-<stop>.safetensors  rows of a log, written once, shared by the checkpoints that need them

One process writes at a time. A checkpoint is made in a folder whose name begins with a dot, flushed and then renamed.
"""

import os
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from ...errors import CheckpointError, ResourceError
from ..disk import Disk, remove_tree, write_file
from ..door import DISK
from ..folder import CHECKPOINTS
from .manifest import ARRAYS, CHUNK_NAME, MANIFEST, TREE, Chunk, Log, Manifest, Unusable, check_log_name, dump_manifest
from .pack import decode_arrays, dump_json, encode_arrays, pack, parse_json, unpack
from .verify import ROWS, found, is_complete, is_there, read_manifest, read_rows, read_whole, verify_chunk


class GrowingRows(Protocol):
    """A log: it grows at one end and loses its oldest rows at the other. Rows are numbered from 0 and never change."""

    @property
    def bounds(self) -> tuple[int, int]:
        """The number of the oldest row still there, and how many were ever written."""
        ...

    def read(self, start: int, stop: int) -> dict[str, np.ndarray]:
        """The rows [start, stop), one array per column."""
        ...

    def write(self, start: int, rows: Mapping[str, np.ndarray]) -> None:
        """Puts rows back, the first of which is number `start`; called in order."""
        ...


class Saved(NamedTuple):
    """A checkpoint that was just written."""

    path: Path
    step: int
    bytes_written: int


@dataclass(frozen=True)
class Loaded:
    """A checkpoint that verified."""

    path: Path
    step: int
    state: dict[str, Any]
    about: dict[str, Any]
    logs: Mapping[str, Log]
    """which rows of which log it holds"""

    def restore_logs(self, logs: Mapping[str, GrowingRows]) -> None:
        """Writes the stored rows back. Raises CheckpointError, before writing, if these are not the logs it holds."""
        if logs.keys() != self.logs.keys():
            raise CheckpointError(f"{self.path} holds the logs {sorted(self.logs)}, not {sorted(logs)}")
        for name, log in self.logs.items():
            for chunk in log.chunks:
                start = max(chunk.start, log.start)
                rows = read_rows(self.path.parent / ROWS / chunk.name)
                logs[name].write(start, {column: rows[column][start - chunk.start :] for column in rows})


class Store:
    """The checkpoints of one run folder. Forgets the oldest beyond `keep`; says in one line what it sets aside.

    Args:
        keep: how many are kept, the newest ones; all if none.
        pinned: the env step of one that is kept beside them.
    """

    def __init__(
        self,
        folder: Path,
        keep: int | None = 2,
        notify: Callable[[str], object] = warnings.warn,
        disk: Disk | None = None,
        pinned: int | None = None,
    ):
        if keep is not None and keep < 1:
            raise ValueError(f"a store must keep at least one checkpoint, not {keep}")
        self.folder, self.root = folder, folder / CHECKPOINTS
        self._rows, self._disk = self.root / ROWS, disk or DISK
        self._keep, self._pinned = keep, pinned
        self._notify = notify
        self._prepared = False
        self._current: Path | None = None  # the checkpoint that this process last wrote or read
        self._chunks: dict[str, tuple[Chunk, ...]] = {}  # its chunks, by log

    # ── Writing ──────────────────────────────────────────────────────────────────────────────────

    def save(
        self, step: int, state: Mapping[str, Any], logs: Mapping[str, GrowingRows], about: Mapping[str, Any]
    ) -> Saved:
        """Writes a checkpoint, of each log only the rows that no chunk holds yet.

        Raises:
            ResourceError: the disk is full or refuses. What was there before is still there; trying again may work.
            CheckpointError: the state or `about` holds something that cannot be stored.
        """
        arrays, tree = pack(state)
        plain, told = dump_json(tree), parse_json(dump_json(dict(about)))
        path, draft = self.root / self._new_name(step), self.root / f".step-{step:09d}-{os.getpid()}.tmp"
        made: list[Path] = []  # chunks that nobody names yet
        try:
            self._prepare()
            self._tidy()
            kept = {check_log_name(name): self._append(name, rows, made) for name, rows in logs.items()}
            if made:
                self._disk.flush_folder(self._rows)
            self._disk.make_folder(draft)
            members = {
                ARRAYS: write_file(self._disk, draft / ARRAYS, encode_arrays(arrays)),
                TREE: write_file(self._disk, draft / TREE, [plain]),
            }
            text = dump_manifest(Manifest(step, told, members, kept))
            write_file(self._disk, draft / MANIFEST, [text])
            self._disk.flush_folder(draft)
            size = len(text) + sum(written.size for written in members.values())
            size += sum((self._rows / chunk).stat().st_size for chunk in made)
            self._disk.rename(draft, path)
            self._current, self._chunks = path, {name: log.chunks for name, log in kept.items()}
            self._disk.flush_folder(self.root)
        except BaseException as e:  # a signal too must leave nothing half made
            if not path.exists():
                self._discard(draft, made)
            if isinstance(e, OSError):
                reason = e.strerror or e
                raise ResourceError(f"cannot write a checkpoint of step {step} in {self.root}: {reason}") from e
            raise
        self._tidy()
        return Saved(path, step, size)

    def _prepare(self) -> None:
        """Makes the folders. Raises CheckpointError if something else is in their place."""
        for path in (self.root, self._rows):
            if path.is_symlink() or (path.exists() and not path.is_dir()):
                raise CheckpointError(f"{path} is not a folder of its own: move it away")
            if not path.exists():
                self._disk.make_folder(path)
            if not self._prepared:  # by whomever it was made
                self._disk.flush_folder(path.parent)
        self._prepared = True

    def _append(self, name: str, rows: GrowingRows, made: list[Path]) -> Log:
        """Writes the rows that are in no chunk yet; the log as it now lies on disk."""
        start, stop = map(int, rows.bounds)
        chunks = self._chunks.get(name, ())
        chunks = tuple(chunk for chunk in chunks if chunk.stop > start)
        if chunks and (chunks[-1].stop > stop or not all(is_there(self._rows / c.name, c.written) for c in chunks)):
            chunks = ()  # this is another log than before, or somebody removed them: write all its rows anew
        first = chunks[-1].stop if chunks else start
        if first < stop:
            columns = rows.read(first, stop)
            if wrong := {column: len(values) for column, values in columns.items() if len(values) != stop - first}:
                raise CheckpointError(f"log {name!r} gave {wrong} rows instead of {stop - first}")
            path = _unused(self._rows / f"{name}-{first}-{stop}.safetensors")
            made.append(path)
            written = write_file(self._disk, path, encode_arrays(columns))
            chunks += (Chunk(path.name, first, stop, written),)
        return Log(start, stop, chunks)

    def _new_name(self, step: int) -> str:
        """A name behind which no checkpoint of the step sorts."""
        name = f"step-{step:09d}"
        number = max((number for at, number, _ in found(self.root) if at == step), default=0) + 1
        return name if number == 1 else f"{name}-{number}"

    def _discard(self, draft: Path, made: list[Path]) -> None:
        """Takes back what a failed save had written."""
        for path in (draft, *made):
            with suppress(OSError):  # the next save removes it
                if path.exists():
                    remove_tree(self._disk, path)

    def _tidy(self) -> None:
        """Removes what no checkpoint to keep needs, and what killed processes left."""
        try:
            self._prune()
        except OSError as e:  # nothing depends on it, and the next save tries again
            self._notify(f"cannot remove old checkpoints in {self.root}: {e.strerror or e}")

    def _prune(self) -> None:
        named = set[str]()
        unknown = False
        steps = set[int]()
        old: list[Path] = []
        for step, _, path in found(self.root):
            try:
                manifest = read_manifest(path)
            except CheckpointError:  # `latest` will say so
                unknown = True
                continue
            if not is_complete(path, manifest):
                named |= manifest.chunks.keys()
            elif path == self._current or (step not in steps and (self._keep is None or len(steps) < self._keep)):
                steps.add(step)
                named |= manifest.chunks.keys()
            elif step == self._pinned:
                named |= manifest.chunks.keys()
            else:
                old.append(path)
        for path in old:
            self._disk.rename(path, self.root / f".{path.name}-{os.getpid()}.tmp")
        if old:
            self._disk.flush_folder(self.root)
        for path in sorted(self.root.glob(".step-*.tmp")):
            remove_tree(self._disk, path)
        for path in sorted(self._rows.iterdir()) if not unknown else ():
            if CHUNK_NAME.fullmatch(path.name) and path.name not in named:
                remove_tree(self._disk, path)

    # ── Reading ──────────────────────────────────────────────────────────────────────────────────

    def latest(self) -> Loaded | None:
        """The newest checkpoint that verifies, every byte of it, or None if there never was one.

        Those before it in the row are set aside, never deleted.

        Raises:
            CheckpointError: none verifies, or one is of a newer schema or may not be read; then nothing was renamed.
        """
        bad: dict[Path, str] = {}
        verified: dict[Chunk, frozenset[str]] = {}
        for _, _, path in found(self.root):
            try:
                loaded = self._load(path, verified)
            except Unusable as e:
                raise CheckpointError(f"{path} cannot be used: {e}") from e
            except CheckpointError as e:
                bad[path] = str(e)
                continue
            for other, reason in bad.items():
                self._set_aside(other, reason)
            self._current, self._chunks = path, {name: log.chunks for name, log in loaded.logs.items()}
            return loaded
        aside = sorted(self.root.glob("step-*.corrupt*"))
        reasons = [
            *(f"{path.name}: {reason}" for path, reason in bad.items()),
            *(f"{p.name}: set aside" for p in aside),
        ]
        if reasons:
            raise CheckpointError(f"no checkpoint in {self.root} is intact ({'; '.join(reasons)}): start a new run")
        return None

    def until(self, step: int) -> Loaded | None:
        """The newest checkpoint of at most this env step that verifies, or None if there is none; nothing is renamed.

        Raises CheckpointError if the folder cannot be read.
        """
        verified: dict[Chunk, frozenset[str]] = {}
        for at, _, path in found(self.root):
            if at <= step:
                with suppress(CheckpointError):
                    return self._load(path, verified)
        return None

    @property
    def steps(self) -> list[int]:
        """The env steps of the checkpoints that there are, whole or not, rising. Raises CheckpointError."""
        return sorted({at for at, _, _ in found(self.root)})

    def _load(self, path: Path, verified: dict[Chunk, frozenset[str]]) -> Loaded:
        manifest = read_manifest(path)
        data = {name: read_whole(path / name, written) for name, written in manifest.members.items()}
        for log in manifest.logs.values():
            for chunk in log.chunks:
                if chunk not in verified:
                    verified[chunk] = verify_chunk(self._rows / chunk.name, chunk)
            if len({verified[chunk] for chunk in log.chunks}) > 1:
                raise CheckpointError(f"the chunks of {log.chunks[0].name} and after have different columns")
        state = unpack(decode_arrays(data[ARRAYS]), parse_json(data[TREE]))
        return Loaded(path, manifest.step, state, manifest.about, manifest.logs)

    def _set_aside(self, path: Path, reason: str) -> None:
        to = _unused(path.with_name(f"{path.name}.corrupt"))
        try:
            self._disk.rename(path, to)
        except OSError as e:  # reading works where nothing may be written
            self._notify(f"checkpoint {path} is damaged ({reason}) and cannot be renamed: {e.strerror or e}")
            return
        self._notify(f"checkpoint {path.name} is damaged ({reason}); it was renamed to {to.name}")


def _unused(path: Path) -> Path:
    """The path, or with `-2` and so on before its suffix `.safetensors` or behind its name."""
    end = path.suffix if path.suffix == ".safetensors" else ""
    number, free = 1, path
    while os.path.lexists(free):
        number += 1
        free = path.with_name(f"{path.name.removesuffix(end)}-{number}{end}")
    return free
