"""Where an exported program goes: into a folder beside the one that is wanted, until it has been compared."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ..errors import DqnlabError, FolderError, ResourceError
from ..store.disk import remove_tree
from ..store.door import DISK, drop_empty, is_machines, make_path, refusal
from ..store.folder import BEST, LAST, OUT
from ..store.lock import LOCK, locked
from ..store.made import made_in_export
from .formats import EXPORTS, UNVERIFIED, Format


class DoesNotHold(DqnlabError):
    """A program that is not its network, or does not run: it stays where it is, for whoever looks for the reason."""


@dataclass(frozen=True)
class Destination:
    """The folder that a program is to have."""

    folder: Path
    is_own: bool = False
    """whether dqnlab has chosen it: what it has exported there earlier then gives way"""

    def check(self) -> None:
        """Raises FolderError if something is in the way."""
        folder, what = self.folder, ""
        if not os.path.lexists(folder):
            return
        if folder.is_symlink() or not folder.is_dir():
            what = "is no folder: remove it"
        elif not self.is_own and any(folder.iterdir()):
            what = "exists and is not empty: remove it"
        elif strange := made_in_export(folder).strange if self.is_own else ():
            what = f"holds {strange[0].name!r}, which is no part of an export: move it away"
        if what:
            raise FolderError(f"output folder {str(folder)!r} {what}, or choose another {OUT}")


def destination(path: Path, format: Format, out: Path | None, which: str = "best") -> Destination:
    """Where an export of a run's folder or network goes, each network to its own. Raises FolderError."""
    home = path.parent if path.is_file() else path
    if out is None and (home / EXPORTS).is_symlink():
        raise FolderError(f"{str(home / EXPORTS)!r} is a link, which may lead anywhere: use {OUT}")
    network = path.name if path.is_file() else LAST if which == "last" else BEST
    behind = "last" if network == LAST else path.stem
    name = format if network == BEST else f"{format}-{behind}"
    place = Destination(home / EXPORTS / name, is_own=True) if out is None else Destination(out)
    place.check()
    return place


@contextmanager
def draft_of(out: Path) -> Iterator[Path]:
    """An empty folder of another name beside the one that is wanted, for this process alone.

    What an earlier export has left there, because it was killed or did not hold, is removed. This one leaves the
    folder behind only if its program `DoesNotHold`: one that was interrupted is made anew in the same time.

    Raises FolderError, ResourceError.
    """
    missing = [each for each in (out.parent, *out.parent.parents) if not each.exists()]
    try:
        if not out.parent.is_dir():
            make_path(out.parent)
        draft = out.parent.resolve() / f"{out.name}{UNVERIFIED}"
        with suppress(FileExistsError):
            DISK.make_folder(draft)
    except OSError as e:
        kind = ResourceError if is_machines(e) else FolderError
        raise kind(f"cannot write to {str(out.parent)!r} ({e.strerror or e}): choose another {OUT}") from e
    try:
        with locked(draft):
            Destination(draft, is_own=True).check()
            with _gone_after_an_error(draft):
                _clear(draft)
                yield draft
    except BaseException:
        for each in (draft, *missing):
            drop_empty(each)
        raise


@contextmanager
def _gone_after_an_error(draft: Path) -> Iterator[None]:
    try:
        yield
    except DoesNotHold:
        raise
    except BaseException:  # a signal too
        with suppress(DqnlabError):  # there is something to be said already
            _clear(draft)
        raise


def _clear(folder: Path) -> None:
    """Removes what is in a folder of an export, but for its lock. Raises FolderError, ResourceError."""
    try:
        for path in sorted(folder.iterdir()):
            if path.name != LOCK:
                remove_tree(DISK, path)
    except OSError as e:
        raise refusal(folder, e) from e


def take_place(draft: Path, place: Destination) -> None:
    """Gives the draft the name that is wanted; an earlier export is set aside until it has it.

    Raises FolderError if something is in the way.
    """
    place.check()
    folder = place.folder.parent.resolve() / place.folder.name
    before = folder.with_name(f".{folder.name}.old")
    try:
        if place.is_own:
            _drop(before)  # of an export that was interrupted here
        if place.is_own and folder.is_dir():
            DISK.rename(folder, before)
        else:
            drop_empty(folder)
        DISK.rename(draft, folder)
    except BaseException as e:  # a signal too
        with suppress(OSError):
            DISK.rename(before, folder)
        if not isinstance(e, OSError):
            _drop(draft)
            raise
        raise FolderError(
            f"{str(place.folder)!r} is in the way ({e.strerror or e}): the export is kept as {str(draft)!r}"
        ) from e
    if place.is_own:
        _drop(before)


def _drop(folder: Path) -> None:
    """Removes an earlier export; one that holds anything else stays."""
    with suppress(OSError):  # it is not there, or stays until the next one
        if not folder.is_symlink() and not made_in_export(folder).strange:
            remove_tree(DISK, folder)
