"""Whether the machines of a cluster see one folder: a file that the parent holds, and that each worker must find."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ...errors import ConfigError, FolderError
from ...oslock import claim, take

PATIENCE = 10.0
"""seconds in which a file that was just written appears on other machines"""
LOOK_EVERY = 0.2
_PREFIX = ".dqn-"
_OLD = 3_600.0  # seconds


@dataclass(frozen=True)
class Sign:
    """A file that says which folder is meant, and whose lock is held as long as anybody works there."""

    path: Path
    """as the folder was given: from the working folder on, unless it is absolute"""
    says: str
    locks: bool
    """whether the work is divided by locks, so that they must hold from machine to machine"""

    def check(self) -> None:
        """Raises ConfigError on a machine where the folder is another one, or none."""
        if not self._is_seen():
            raise ConfigError(
                f"machine {socket.gethostname()} of the Ray cluster does not see the folder "
                f"{str(self.path.parent.absolute())!r}: runs lie on storage that every machine has at the same path "
                "(an NFS home, a volume), named with --runs (in Python runs=)"
            )
        if self.locks and self._is_free():
            raise ConfigError(
                f"a lock held on one machine is not seen by {socket.gethostname()} in {str(self.path.parent)!r}, and "
                "trials are divided by locks: mount that storage with locks, as NFS 4 has them"
            )

    def _is_seen(self) -> bool:
        until = time.monotonic() + PATIENCE
        while True:
            with suppress(OSError, UnicodeDecodeError):
                if self.path.read_text(encoding="utf-8") == self.says:
                    return True
            if time.monotonic() >= until or not self.path.parent.is_dir():
                return False
            time.sleep(LOOK_EVERY)

    def _is_free(self) -> bool:
        file = os.open(self.path, os.O_RDWR)
        try:
            return take(file) is True
        finally:
            os.close(file)


def _sweep(home: Path) -> None:
    """Removes the files of those that were killed: they are old, and nobody holds them."""
    for old in home.glob(f"{_PREFIX}{'[0-9a-f]' * 16}"):
        with suppress(OSError):
            if time.time() - old.stat().st_mtime > _OLD and (held := claim(old)) is not None:
                old.unlink()
                held.release()


@contextmanager
def sign_in(folder: Path, *, locks: bool) -> Iterator[Sign]:
    """A sign in the folder, or in the nearest above it that is there; it goes at the end. Raises FolderError."""
    home = next((each for each in (folder, *folder.parents) if each.is_dir()), Path())
    _sweep(home)
    sign = Sign(home / f"{_PREFIX}{secrets.token_hex(8)}", secrets.token_hex(16), locks)
    try:
        file = os.open(sign.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as e:
        raise FolderError(f"cannot write into {str(home)!r}: {e.strerror or e}") from e
    try:
        os.write(file, sign.says.encode())
        os.fsync(file)
        take(file)
        yield sign
    finally:
        os.close(file)
        with suppress(OSError):
            sign.path.unlink()
