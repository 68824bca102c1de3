"""Every way in which dqnlab touches the disk in a run's folder, so that a test can fail or die at any of them."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from .folders import NO_FOLLOW, within

PIECE = 1 << 22  # bytes hashed and written at once
_BINARY = getattr(os, "O_BINARY", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)


class Written(NamedTuple):
    """What a file came to."""

    size: int
    sha256: str


class Disk:
    """The real one. Each path is that of a file or folder in a folder that is reached through no link."""

    def make_folder(self, path: Path) -> None:
        with within(path.parent) as folder:
            where, at = folder.reach(path.name)
            os.mkdir(where, dir_fd=at)

    def create(self, path: Path, mode: int = 0o666) -> int:
        """Opens a file that must not exist yet, with a mode that the umask narrows. Not by way of a planted link."""
        with within(path.parent) as folder:
            where, at = folder.reach(path.name)
            file = os.open(where, os.O_RDWR | os.O_CREAT | os.O_EXCL | NO_FOLLOW | _BINARY, mode, dir_fd=at)
            found, there = os.fstat(file), folder.stat(path.name)
            if there is None or not os.path.samestat(found, there):  # somebody was quicker than O_EXCL can prevent
                os.close(file)
                raise FileExistsError(f"{path} is not what was created there")
            return file

    def reopen(self, path: Path) -> int:
        """Opens an existing file to read and write: never a link where the system can tell, and never waiting for a "
        "pipe."""
        with within(path.parent) as folder:
            where, at = folder.reach(path.name)
            return os.open(where, os.O_RDWR | NO_FOLLOW | _NO_WAIT | _BINARY, dir_fd=at)

    def append(self, path: Path) -> int:
        """Opens a plain file at its end: never a link, and never waiting for a pipe."""
        with within(path.parent) as folder:
            where, at = folder.reach(path.name)
            return os.open(where, os.O_WRONLY | os.O_APPEND | NO_FOLLOW | _NO_WAIT | _BINARY, dir_fd=at)

    def write(self, file: int, data: memoryview) -> None:
        """Writes all of `data`, bytes."""
        while data:
            data = data[os.write(file, data) :]

    def empty(self, file: int) -> None:
        """Drops all that an open file holds, and goes back to its start."""
        os.lseek(file, 0, os.SEEK_SET)
        os.ftruncate(file, 0)

    def flush(self, file: int) -> None:
        """Returns when the file's content would outlast a loss of power."""
        os.fsync(file)

    def flush_folder(self, path: Path) -> None:
        """Returns when the names in a folder would outlast a loss of power."""
        with within(path) as folder:
            if folder.descriptor is not None:  # Windows cannot open a folder, and writes names down by itself
                os.fsync(folder.descriptor)

    def rename(self, path: Path, to: Path) -> None:
        """Fails where Windows finds the new name taken."""
        with within(path.parent) as folder, within(to.parent) as other:
            (where, at), (there, other_at) = folder.reach(path.name), other.reach(to.name)
            os.rename(where, there, src_dir_fd=at, dst_dir_fd=other_at)

    def replace(self, path: Path, to: Path) -> None:
        """Renames a file; another one of the new name, or a link, gives way."""
        with within(path.parent) as folder, within(to.parent) as other:
            (where, at), (there, other_at) = folder.reach(path.name), other.reach(to.name)
            os.replace(where, there, src_dir_fd=at, dst_dir_fd=other_at)

    def place(self, path: Path, to: Path) -> None:
        """Renames a file. Raises FileExistsError if the new name is taken."""
        with within(path.parent) as folder, within(to.parent) as other:
            (where, at), (there, other_at) = folder.reach(path.name), other.reach(to.name)
            if other.stat(to.name) is not None:
                raise FileExistsError(f"{to} exists")
            try:  # a second name is never given twice, whoever else is at it
                os.link(where, there, src_dir_fd=at, dst_dir_fd=other_at)
            except FileExistsError:
                raise
            except (OSError, NotImplementedError):  # a file has one name here
                os.rename(where, there, src_dir_fd=at, dst_dir_fd=other_at)
            else:
                os.unlink(where, dir_fd=at)

    def remove(self, path: Path) -> None:
        with within(path.parent) as folder:
            where, at = folder.reach(path.name)
            os.unlink(where, dir_fd=at)

    def remove_folder(self, path: Path) -> None:
        with within(path.parent) as folder:
            where, at = folder.reach(path.name)
            os.rmdir(where, dir_fd=at)


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
