"""Whatever stops a save, and wherever, the run's last checkpoint stands and the next save leaves no junk."""

import errno
import os
import shutil
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from dqnlab.errors import CheckpointError, ResourceError
from dqnlab.store.checkpoint.checkpoint import Store

from .checkpoint_kit import Ring, Tape, folder, is_tidy, listing, loaded, ring_at, save, saved

__all__ = ["folder"]  # a fixture

# What was saved before, and what is being saved when it happens.
SCENES = {"first": ([], 4), "third": ([4, 14], 25), "again": ([4, 14], 14)}
scenes = pytest.mark.parametrize("scene", SCENES)


class Killed(BaseException):
    """The process ended here."""


class At(Tape):
    """Does something at the n-th operation, and perhaps at every later one."""

    def __init__(self, n: int, act: Callable[[str], None], forever: bool = False):
        super().__init__()
        self.n, self._act, self.forever = n, act, forever

    def before(self, what: str, name: str) -> None:
        super().before(what, name)
        if len(self.tape) == self.n or (self.forever and len(self.tape) > self.n):
            self._act(what)


def die(what: str) -> None:
    raise Killed


def exit_now(what: str) -> None:
    os._exit(9)


def no_space(what: str) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def full(what: str) -> None:
    """A full disk still lets go of things."""
    if what not in ("remove", "remove_folder"):
        no_space(what)


def runs(folder: Path, scene: str) -> Iterator[tuple[int, Path, int | None, int]]:
    """For each operation of the scene's save: its number, a folder of its own, the step before, the step to save."""
    before, step = SCENES[scene]
    saved(folder, *before)
    tape, path = Tape(), folder.parent / "run-0"
    shutil.copytree(folder, path)
    save(reopened(path, tape), step)
    assert len(tape.tape) > 15
    for n in range(1, len(tape.tape) + 1):
        path = folder.parent / f"run-{n}"
        shutil.copytree(folder, path)
        yield n, path, before[-1] if before else None, step


def reopened(path: Path, disk: Tape, notify: Callable[[str], object] = lambda line: None) -> Store:
    store = Store(path, disk=disk, notify=notify)
    store.latest()
    return store


def goes_on(path: Path, *steps: int | None) -> None:
    """The newest whole checkpoint is one of these, and saving goes on without junk and without a warning."""
    assert loaded(path) in steps
    lines: list[str] = []
    save(reopened(path, Tape(), lines.append), 90)
    assert loaded(path) == 90
    assert is_tidy(path)
    assert lines == []


# ── Kills ────────────────────────────────────────────────────────────────────────────────────────


@scenes
def test_a_process_that_ends_at_any_operation_leaves_the_old_or_the_new_checkpoint(folder: Path, scene: str) -> None:
    for n, path, old, new in runs(folder, scene):
        with pytest.raises(Killed):
            save(reopened(path, At(n, die, forever=True)), new)
        assert not list(path.rglob("*.corrupt"))
        goes_on(path, old, new)


@pytest.mark.world
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@scenes
def test_a_process_that_is_really_killed_at_any_operation_leaves_the_same(folder: Path, scene: str) -> None:
    for n, path, old, new in runs(folder, scene):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # other threads exist; the child touches only files
            child = os.fork()
        if child == 0:
            save(reopened(path, At(n, exit_now)), new)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
        goes_on(path, old, new)


@pytest.mark.world
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_chain_of_kills_never_loses_more_than_the_save_under_way(folder: Path) -> None:
    last = 0
    for step in range(1, 40):
        child = os.fork()
        if child == 0:
            store = reopened(folder, At(step % 29 + 1, lambda what: os.kill(os.getpid(), signal.SIGKILL)))
            save(store, step, ring_at(step))
            os._exit(0)
        os.waitpid(child, 0)
        now = loaded(folder) or 0
        assert now in (last, step)
        last = now
    assert last > 20


def test_ctrl_c_inside_a_save_takes_back_what_was_written(folder: Path) -> None:
    def interrupt(what: str) -> None:
        raise KeyboardInterrupt

    for n, path, old, new in runs(folder, "third"):
        before = listing(path)
        with suppress(KeyboardInterrupt):
            save(reopened(path, At(n, interrupt)), new)
        assert listing(path) == before or (path / "checkpoints/step-000000025").exists()
        goes_on(path, old, new)


def test_ctrl_c_right_after_the_last_rename_leaves_the_new_checkpoint_whole(folder: Path) -> None:
    class Late(Tape):
        def rename(self, path: Path, to: Path) -> None:
            super().rename(path, to)
            raise KeyboardInterrupt

    saved(folder, 4)
    with pytest.raises(KeyboardInterrupt):
        save(reopened(folder, Late()), 8)
    goes_on(folder, 8)


# ── A disk that refuses ──────────────────────────────────────────────────────────────────────────


@scenes
@pytest.mark.parametrize("forever", [False, True])
def test_a_full_disk_leaves_the_old_checkpoints_and_no_junk(folder: Path, scene: str, forever: bool) -> None:
    failures = 0
    for n, path, old, new in runs(folder, scene):
        before, lines = {"checkpoints", "checkpoints/rows", *listing(path)}, list[str]()
        disk = At(n, full if forever else no_space, forever)
        store, error = reopened(path, disk, lines.append), None
        try:
            save(store, new)
        except ResourceError as e:
            error = str(e)
        made = set(listing(path)) - before
        if error is not None:
            failures += 1
            assert f"step {new} in {path / 'checkpoints'}: No space left on device" in error
            assert not made or was_renamed(disk.tape[: n - 1])
        assert loaded(path) == (new if made else old)
        disk.forever, disk.n = False, 0  # there is space again
        save(store, new)
        assert is_tidy(path)
        goes_on(path, new)
    assert failures > 10


def was_renamed(tape: list[tuple[str, str]]) -> bool:
    """Whether a checkpoint got its name."""
    return any(what == "rename" and name.startswith("step-") for what, name in tape)


def test_what_cannot_be_removed_is_told_in_a_line_and_removed_later(folder: Path) -> None:
    def refuse(what: str) -> None:
        if what.startswith("remove"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    lines: list[str] = []
    for step in (30, 40, 50):
        save(reopened(folder, At(1, refuse, forever=True), lines.append), step)
    assert loaded(folder) == 50
    assert lines == [f"cannot remove old checkpoints in {folder / 'checkpoints'}: Permission denied"]
    goes_on(folder, 50)


def test_after_a_full_disk_the_same_store_appends_as_before(folder: Path) -> None:
    saved(folder, 4)
    disk, ring = At(3, full, forever=True), ring_at(6)
    store = reopened(folder, disk)
    with pytest.raises(ResourceError):
        save(store, 6, ring)
    disk.forever, disk.n = False, 0
    ring.reads.clear()
    save(store, 6, ring)
    assert ring.reads == [(4, 6)]


@pytest.mark.parametrize("place", ["", "rows"])
def test_a_file_in_the_place_of_a_folder_is_named(folder: Path, place: str) -> None:
    path = folder / "checkpoints" / place
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine")
    with pytest.raises(CheckpointError, match="move it away"):
        save(Store(folder), 4)
    assert path.read_text() == "mine"


def test_a_run_folder_that_vanished_is_named(folder: Path) -> None:
    with pytest.raises(ResourceError, match="gone"):
        save(Store(folder / "gone"), 4)


def test_a_log_that_breaks_while_it_is_read_leaves_nothing(folder: Path) -> None:
    class Broken(Ring):
        def read(self, start: int, stop: int) -> dict:
            raise RuntimeError("broken")

    saved(folder, 4)
    before, ring = listing(folder), Broken()
    ring.add(8)
    with pytest.raises(RuntimeError, match="broken"):
        save(Store(folder), 8, ring)
    assert listing(folder) == before
