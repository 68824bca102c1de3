"""The one door for every file that is written into a folder of a run or a group.

A file is made under a name of its own, exclusively and never through a link, and takes its place when it is complete:
so no link, pipe or device that somebody has put there is ever written into. What a killed process left behind is
swept by the next one that writes there.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from ..errors import DqnlabError, FolderError, ResourceError
from ..oslock import take
from ..trust import shown
from .disk import PIECE, Disk, remove_tree
from .folders import Opened, held, within

DISK = Disk()

PART = ".part"
_PART_NAME = re.compile(rf"\..+\.[0-9a-f]{{12}}{re.escape(PART)}")
_ASIDE = "dqnlab-aside-"
_LONGEST_STEM = 40  # letters of a name that its part keeps: a name has 255 bytes at most
_OLD = 86_400.0  # seconds after which a part is left over even if nobody can tell whether its process lives
_CLOSE_FIRST = os.name == "nt"  # where an open file cannot be renamed
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.ENOMEM, errno.EMFILE, errno.ENFILE}
_BROKEN = {errno.EIO, errno.EROFS, errno.ENXIO, errno.ENODEV, errno.ETIMEDOUT}
_IN_THE_WAY = {errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.ESTALE, errno.EEXIST, errno.ENOTEMPTY}


class PartFile:
    """A file that is being written, under a name of its own."""

    def __init__(self, path: Path):
        self.path, self._file = _new(path)

    def write(self, data: bytes | memoryview) -> None:
        """Raises OSError."""
        DISK.write(self._file, memoryview(data))

    def stat(self) -> os.stat_result:
        return os.fstat(self._file)

    def close(self) -> None:
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)


@contextmanager
def replacing(path: Path) -> Iterator[PartFile]:
    """A file to write, which takes the place of `path` when complete; after an error `path` is as it was.

    Raises:
        FolderError: its folder is a link, or a folder is in its place.
        ResourceError: the disk is full or refuses.
    """
    with _part_of(path) as part:
        yield part
        if _CLOSE_FIRST:
            part.close()
        DISK.replace(part.path, path)


def write_atomically(path: Path, text: str) -> None:
    """Writes a text file whole or not at all. Raises as `replacing` does."""
    with replacing(path) as part:
        part.write(text.encode())


def add(source: Path, folder: Path, names: Iterable[str]) -> Path:
    """Copies a file into a folder under the first of these names that is free; where it then lies. Raises likewise."""
    with _part_of(folder / source.name) as part, source.open("rb") as content:
        while piece := content.read(PIECE):
            part.write(piece)
        if _CLOSE_FIRST:
            part.close()
        for path in (folder / name for name in names):
            try:
                DISK.place(part.path, path)
            except FileExistsError:
                continue
            return path
    raise FolderError(f"every name for {source.name} is taken in {str(folder)!r}")


@contextmanager
def _part_of(path: Path) -> Iterator[PartFile]:
    """A part that does not outlast an error, which says of `path` that it cannot be written."""
    part = None
    try:
        part = PartFile(path)
        yield part
    except BaseException as e:  # a signal too must leave nothing half made
        if part is not None:
            part.close()
            with suppress(OSError):  # what cannot be removed now is swept later
                DISK.remove(part.path)
        if isinstance(e, OSError):
            raise refusal(path, e) from e
        raise
    finally:
        if part is not None:
            part.close()


def _new(path: Path) -> tuple[Path, int]:
    """A new file beside `path`, and its lock, which says that somebody is at work on it."""
    while True:
        part = path.with_name(f".{path.name[:_LONGEST_STEM]}.{secrets.token_hex(6)}{PART}")
        file = DISK.create(part)
        if take(file) is not False and os.fstat(file).st_nlink:
            return part, file
        os.close(file)  # swept in between


def is_part(name: str) -> bool:
    """Whether a file is called as one that is being written here."""
    return _PART_NAME.fullmatch(name) is not None


def is_machines(error: OSError) -> bool:
    """Whether it is the machine's fault and not the path's: no room, memory, open files left, or a broken disk."""
    return error.errno in _FULL | _BROKEN


def refusal(path: Path, error: OSError) -> DqnlabError:
    """What to say of a file or folder that cannot be written."""
    kind = FolderError if error.errno in _IN_THE_WAY else ResourceError
    return kind(f"{str(path)!r} cannot be written: {error.strerror or error}")


def create(path: Path) -> int:
    """Opens a file that must not exist yet. Raises FileExistsError, OSError."""
    return DISK.create(path)


def append(path: Path, written: os.stat_result) -> int:
    """Opens a file at its end, which must be the one that was written. Raises OSError."""
    file = DISK.append(path)
    if not os.path.samestat(os.fstat(file), written):
        os.close(file)
        raise OSError(errno.ESTALE, "another file is in its place", str(path))
    return file


# ── Folders ──────────────────────────────────────────────────────────────────────────────────────


def make_folder(path: Path) -> None:
    """Makes a folder in a folder that is there, unless it is there too. Raises as `replacing` does."""
    try:
        with suppress(FileExistsError):
            DISK.make_folder(path)
        with within(path):
            pass
    except OSError as e:
        raise refusal(path, e) from e


def make_path(path: Path) -> None:
    """Makes a folder of the user's choice, and those above it that are missing; links on the way lead where they lead.

    Raises FileExistsError if there is something of its name, OSError; what it had made until then is gone.
    """
    made: list[Path] = []
    try:
        for each in reversed([path, *(above for above in path.parents if not os.path.exists(above))]):
            there = Path(os.path.realpath(each.parent)) / each.name
            if there.parent.exists() and not there.parent.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
            try:
                DISK.make_folder(there)
            except FileExistsError:
                if each == path or not each.is_dir():  # else another process has made it just now
                    raise
            else:
                made.append(there)
    except BaseException:
        for each in reversed(made):
            drop_empty(each)
        raise


def make_wanted(path: Path, instead: str) -> None:
    """Makes a folder of the user's choice, unless it or another process's of the same name is there.

    Args:
        instead: what else to choose, if it cannot be made.

    Raises:
        FolderError: it cannot be made.
        ResourceError: likewise, for want of room, say, or on a read-only file system.
    """
    try:
        if not path.is_dir():
            make_path(path)
    except OSError as e:
        if isinstance(e, FileExistsError) and path.is_dir():
            return
        raise (ResourceError if is_machines(e) else FolderError)(
            f"cannot make the folder {shown(path)!r} ({e.strerror or e}): choose another {instead}"
        ) from e


def fresh_folder(path: Path) -> Path:
    """Makes a new folder for code that writes files by its own names; adds `-2` and so on if the name is taken.

    Raises OSError.
    """
    number, free = 1, path
    while True:
        try:
            DISK.make_folder(free)
        except FileExistsError:
            number += 1
            free = path.with_name(f"{path.name}-{number}")
            continue
        return free


def drop_empty(folder: Path) -> None:
    """Removes a folder in which nothing was written after all."""
    with suppress(OSError):  # something was, or it is not there
        DISK.remove_folder(folder)


@contextmanager
def aside() -> Iterator[Path]:
    """A private temporary folder outside the run's, for code that writes files by its own names.

    Those that killed processes of this user left are swept. Raises OSError.
    """
    base = Path(tempfile.gettempdir())
    for left in base.glob(f"{_ASIDE}*"):
        if _is_left(left):
            shutil.rmtree(left, ignore_errors=True)
    while True:
        path = Path(tempfile.mkdtemp(prefix=_ASIDE, dir=base))
        file = DISK.create(path / "lock")
        if take(file) is not False:
            break
        os.close(file)  # swept in between
    try:
        yield path
    finally:
        if _CLOSE_FIRST:
            os.close(file)
        shutil.rmtree(path, ignore_errors=True)  # while its lock is held
        if not _CLOSE_FIRST:
            os.close(file)


def _is_left(folder: Path) -> bool:
    """Whether a private folder is this user's, and its process has ended."""
    try:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or (hasattr(os, "getuid") and found.st_uid != os.getuid()):
            return False
        with within(folder) as opened:
            return _nobody_writes(opened, "lock")
    except OSError:  # it has gone, or has no lock yet
        return False


@contextmanager
def entered(folder: Path) -> Iterator[None]:
    """Meanwhile what is written below a run's folder goes into the folder it is now; leftovers are swept first.

    Others may be at work in it too (`lock.locked` keeps them out). Raises FolderError.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(held(folder))
        except OSError as e:
            raise FolderError(f"{str(folder)!r} cannot be opened: {e.strerror or e}") from e
        sweep(folder)
        yield


def sweep(folder: Path) -> None:
    """Removes the parts in a folder of a run whose processes have ended; nothing but plain files."""
    with suppress(OSError), within(folder) as opened:  # what cannot be removed is in nobody's way
        for name in opened.names():
            if is_part(name) and _nobody_writes(opened, name):
                DISK.remove(folder / name)


def sweep_films(folder: Path) -> None:
    """Removes the folders that older versions filmed in, if no longer in use. Raises as `replacing` does.

    A folder of films that is not there yet is none to be swept; one that is a link is refused.
    """
    try:
        with within(folder) as opened:
            for name in opened.names():
                if name.startswith(".film-"):
                    remove_tree(DISK, folder / name)
    except FileNotFoundError:
        pass
    except OSError as e:
        raise refusal(folder, e) from e
    sweep(folder)


def _nobody_writes(opened: Opened, name: str) -> bool:
    """Whether a plain file's lock is free, or the file is old where there are no locks."""
    found = opened.stat(name)
    if found is None or not stat.S_ISREG(found.st_mode):
        return False
    file = DISK.reopen(opened.path / name)
    try:
        if not os.path.samestat(os.fstat(file), found):
            return False
        free = take(file)
        return time.time() - found.st_mtime > _OLD if free is None else free
    finally:
        os.close(file)
