"""What the tests of checkpoints share: a small log, a state that follows from its step, disks that fail."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dqnlab.store.checkpoint.checkpoint import Saved, Store
from dqnlab.store.checkpoint.verify import found, is_complete, read_manifest
from dqnlab.store.disk import Disk


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty run folder."""
    path = tmp_path / "run"
    path.mkdir()
    return path


class Ring:
    """A log of `size` rows in two columns; the content of a row follows from its number."""

    def __init__(self, size: int = 10):
        self.size, self.start, self.stop = size, 0, 0
        self.number = np.zeros(size, np.int64)
        self.frame = np.zeros((size, 2), np.uint8)
        self.reads: list[tuple[int, int]] = []

    @property
    def bounds(self) -> tuple[int, int]:
        return max(self.start, self.stop - self.size), self.stop

    def add(self, count: int) -> None:
        for i in range(self.stop, self.stop + count):
            self.number[i % self.size], self.frame[i % self.size] = i, (i % 251, i % 7)
        self.stop += count

    def read(self, start: int, stop: int) -> dict[str, np.ndarray]:
        self.reads.append((start, stop))
        at = np.arange(start, stop) % self.size
        return {"number": self.number[at], "frame": self.frame[at]}

    def write(self, start: int, rows: Mapping[str, np.ndarray]) -> None:
        at = np.arange(start, start + len(rows["number"])) % self.size
        self.start = start if self.stop == 0 else self.start
        self.number[at], self.frame[at] = rows["number"], rows["frame"]
        self.stop = start + len(at)

    def content(self) -> dict[str, list[Any]]:
        start, stop = self.bounds
        return {name: column.tolist() for name, column in self.read(start, stop).items()} | {"bounds": [start, stop]}


def state_at(step: int) -> dict[str, Any]:
    """Arrays and plain values that no other step has."""
    return {"weights": np.full(5, step, np.float32), "steps": step, "best": float("-inf"), "names": ["a", str(step)]}


def ring_at(step: int) -> Ring:
    """A log to which a row was added at each step."""
    ring = Ring()
    ring.add(step)
    return ring


def save(store: Store, step: int, ring: Ring | None = None) -> Saved:
    return store.save(step, state_at(step), {"replay": ring or ring_at(step)}, {"level": "A"})


def saved(folder: Path, *steps: int, keep: int = 2) -> Store:
    """A store that has saved at these steps, in order."""
    store, ring = Store(folder, keep, disk=Tape()), Ring()
    for step in steps:
        ring.add(step - ring.stop)
        save(store, step, ring)
    return store


def loaded(folder: Path, notify: Any = None) -> int | None:
    """The step of the newest whole checkpoint, once all of its content proved to be that of the step."""
    latest = Store(folder, notify=notify or (lambda line: None)).latest()
    if latest is None:
        return None
    ring = Ring()
    latest.restore_logs({"replay": ring})
    assert ring.content() == ring_at(latest.step).content()
    expected = state_at(latest.step)
    assert latest.state.pop("weights").tobytes() == expected.pop("weights").tobytes()
    assert latest.state == expected
    assert latest.about == {"level": "A"}
    return latest.step


def listing(folder: Path) -> list[str]:
    """Every file and folder below."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def is_tidy(folder: Path) -> bool:
    """Whether there is nothing but whole checkpoints, at most two, and the chunks that they need."""
    root = folder / "checkpoints"
    paths = [path for _, _, path in found(root)]
    manifests = [read_manifest(path) for path in paths]
    needed = {name for manifest in manifests for name in manifest.chunks}
    names = {path.name for path in root.iterdir()}
    whole = all(map(is_complete, paths, manifests)) and len(paths) <= 2
    return (
        whole and names == {"rows", *(p.name for p in paths)} and {p.name for p in (root / "rows").iterdir()} == needed
    )


class Tape(Disk):
    """Notes every operation as (what, name) in `before`, which may raise or die. Spares itself the flushing."""

    def __init__(self) -> None:
        self.tape: list[tuple[str, str]] = []
        self._names: dict[int, str] = {}

    def before(self, what: str, name: str) -> None:
        self.tape.append((what, name))

    def make_folder(self, path: Path) -> None:
        self.before("make_folder", path.name)
        super().make_folder(path)

    def create(self, path: Path) -> int:
        self.before("create", path.name)
        file = super().create(path)
        self._names[file] = path.name
        return file

    def write(self, file: int, data: memoryview) -> None:
        half = len(data) // 2
        super().write(file, data[:half])
        self.before("write", self._names[file])
        super().write(file, data[half:])

    def flush(self, file: int) -> None:
        self.before("flush", self._names[file])

    def flush_folder(self, path: Path) -> None:
        self.before("flush_folder", path.name)

    def rename(self, path: Path, to: Path) -> None:
        self.before("rename", to.name)
        super().rename(path, to)

    def remove(self, path: Path) -> None:
        self.before("remove", path.name)
        super().remove(path)

    def remove_folder(self, path: Path) -> None:
        self.before("remove_folder", path.name)
        super().remove_folder(path)
