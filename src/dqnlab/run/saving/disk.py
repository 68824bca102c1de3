"""Every way in which a checkpoint's writer touches the disk, so that a test can fail or die at any of them."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

PIECE = 1 << 22  # bytes hashed and written at once


class Written(NamedTuple):
    """What a file came to."""

    size: int
    sha256: str


class Disk:
    """The real one."""

    def make_folder(self, path: Path) -> None:
        path.mkdir()

    def create(self, path: Path) -> int:
        """Opens a file that must not exist yet; its mode follows the umask. Not by way of a planted link."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)

    def write(self, file: int, data: memoryview) -> None:
        """Writes all of `data`, bytes."""
        while data:
            data = data[os.write(file, data) :]

    def flush(self, file: int) -> None:
        """Returns when the file's content would outlast a loss of power."""
        os.fsync(file)

    def flush_folder(self, path: Path) -> None:
        """Returns when the names in a folder would outlast a loss of power."""
        if os.name == "nt":  # which cannot open a folder, and writes names down by itself
            return
        file = os.open(path, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)

    def rename(self, path: Path, to: Path) -> None:
        os.rename(path, to)

    def remove(self, path: Path) -> None:
        path.unlink()

    def remove_folder(self, path: Path) -> None:
        path.rmdir()


def write_file(disk: Disk, path: Path, parts: Iterable[bytes | memoryview]) -> Written:
    """Writes a new file and flushes it; hashes on the way. Raises OSError, and then leaves what it had written."""
    size, digest = 0, sha256()
    with _created(disk, path) as file:
        for part in parts:
            view = memoryview(part)
            for at in range(0, len(view), PIECE):
                piece = view[at : at + PIECE]
                digest.update(piece)
                disk.write(file, piece)
            size += len(view)
        disk.flush(file)
    return Written(size, digest.hexdigest())


@contextmanager
def _created(disk: Disk, path: Path) -> Iterator[int]:
    file = disk.create(path)
    try:
        yield file
    finally:
        os.close(file)


def remove_tree(disk: Disk, path: Path) -> None:
    """Removes a file, a link itself, or a folder of them. Raises OSError."""
    if path.is_symlink() or not path.is_dir():
        disk.remove(path)
        return
    for inner in sorted(path.iterdir()):
        remove_tree(disk, inner)
    disk.remove_folder(path)
