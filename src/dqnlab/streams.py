"""The standard streams of a command, which never fail: a full disk or a closed pipe loses text, not results.

Each is a handle of dqnlab's own on what the process was given. The first write that fails is kept in mind, and no
other is tried. An environment may close or replace `sys.stdout`: it has not this one.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO


class Steady(io.TextIOBase):
    """A text stream whose writes never fail."""

    def __init__(self, stream: TextIO | None) -> None:
        self.failure: OSError | None = None
        """why the first write failed that did"""
        self._stream: Any = stream
        if stream is None:
            self.failure = OSError(errno.EBADF, "it is closed")

    def write(self, text: str) -> int:
        if self.failure is None:
            try:
                self._stream.write(text)
            except (OSError, ValueError) as error:
                self._fail(error)
        return len(text)

    def flush(self) -> None:
        if self.failure is None:
            try:
                self._stream.flush()
            except (OSError, ValueError) as error:
                self._fail(error)

    def _fail(self, error: OSError | ValueError) -> None:
        self.failure = error if isinstance(error, OSError) else OSError(errno.EBADF, "it is closed")

    def close(self) -> None:
        """Flushes: only the code that opened it closes it."""
        self.flush()

    def isatty(self) -> bool:
        try:
            return self.failure is None and self._stream.isatty()
        except ValueError:  # it is closed: a package may ask at the very end
            return False

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        if self._stream is None:
            raise io.UnsupportedOperation("fileno")
        return int(self._stream.fileno())

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return getattr(self._stream, "encoding", None) or "utf-8"

    @property
    def errors(self) -> str:  # type: ignore[override]
        return "replace"

    @property
    def buffer(self) -> Any:
        """The stream below the text, for code that writes bytes: these writes may fail."""
        return self._stream.buffer


@contextmanager
def steady_streams() -> Iterator[tuple[Steady, Steady]]:
    """Standard output and error as steady streams; the numbers 0 to 2 are taken, so that no other file gets them."""
    _fill()
    before, opened = (sys.stdout, sys.stderr), [_own(sys.stdout), _own(sys.stderr)]
    out, err = map(Steady, opened)
    sys.stdout, sys.stderr = out, err  # type: ignore[assignment]
    try:
        yield out, err
    finally:
        out.flush()
        err.flush()
        sys.stdout, sys.stderr = before
        for own, given in zip(opened, before, strict=True):
            if own is not None and own is not given:
                with suppress(OSError):  # what could not be written still cannot
                    own.close()


def _fill() -> None:
    """Opens the null device for each of the three that is closed."""
    while True:
        made = os.open(os.devnull, os.O_RDWR)
        if made > 2:
            os.close(made)
            return
        os.set_inheritable(made, True)


def _own(stream: TextIO | None) -> TextIO | None:
    """A handle of one's own on the same file; the stream itself if there is no file behind it."""
    if stream is None:
        return None
    with suppress(OSError, ValueError, AttributeError):
        stream.flush()
        copy = os.dup(stream.fileno())
        # A terminal without these letters shows a question mark.
        return open(copy, "w", encoding=stream.encoding, errors="replace", buffering=1)
    return stream
