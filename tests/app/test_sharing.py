"""Who is at a work and what each has taken: to a lock, a second open file of one process is another process's."""

import json
import socket
from pathlib import Path

import pytest

from dqnlab import mounts, oslock
from dqnlab.errors import FolderError
from dqnlab.lab import sharing
from dqnlab.lab.dividing import share_of
from dqnlab.lab.sharing import at_work
from dqnlab.mounts import Mount
from dqnlab.store.lock import LOCK, holder, locked

FOLDER = Path("work/locks")
HERE = socket.gethostname()


def left(name: str, pid: int, host: str) -> Path:
    """What a process leaves that is killed."""
    folder = FOLDER / name
    folder.mkdir(parents=True)
    (folder / LOCK).write_text(json.dumps({"pid": pid, "host": host}))
    return folder


def test_what_one_has_taken_nobody_else_can_until_it_is_let_go() -> None:
    with at_work(FOLDER) as one, at_work(FOLDER) as other:
        assert (one.num_others(), other.num_others()) == (1, 1)
        taken = one.take("seed-3")
        assert taken is not None
        assert other.take("seed-3") is None
        assert str(other.who("seed-3")).startswith("process ")
        taken.close()
        again = other.take("seed-3")
        assert again is not None
        again.close()
        assert other.who("seed-3") is None
    assert list(FOLDER.parent.iterdir()) == []


def test_what_killed_processes_left_is_taken_over_and_swept_away() -> None:
    left("process-dead", 2**30, HERE)
    left("seed-1", 2**30, HERE)
    left("seed-2", 2**30, HERE)
    with at_work(FOLDER) as own:
        assert own.num_others() == 0
        taken = own.take("seed-1")
        assert taken is not None
        taken.close()
        own.sweep()
    assert not FOLDER.exists()


def test_another_machine_is_refused_by_name_where_locks_are_not_known_to_reach_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dead = left("process-node3-7", 7, "node3")
    monkeypatch.setattr(sharing, "mount_of", lambda folder: Mount("fuse.sshfs", frozenset()))
    with pytest.raises(FolderError, match=r"in use by process 7 on node3.* type fuse\.sshfs are not known") as raised:
        at_work(FOLDER).__enter__()
    assert f"remove '{dead}'" in str(raised.value)
    assert [path.name for path in FOLDER.iterdir()] == [dead.name]
    with locked(dead, force=True), at_work(FOLDER) as own:  # its lock is seen to hold: so locks do reach
        assert own.num_others() == 1


def test_on_a_network_folder_whose_locks_reach_a_killed_one_of_another_machine_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left("process-node3-7", 7, "node3")
    monkeypatch.setattr(mounts, "mount_of", lambda folder: Mount("nfs4", frozenset()))
    with at_work(FOLDER) as own:
        assert own.num_others() == 0


def test_where_locks_keep_nobody_out_one_process_is_welcome_and_a_second_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sharing, "take", lambda file: True)
    with at_work(FOLDER), pytest.raises(FolderError, match=r"in use by process \d+ .* keep nobody out"):
        at_work(FOLDER).__enter__()


def test_without_locks_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oslock.fcntl, "flock", raises)
    with at_work(FOLDER):
        (own,) = FOLDER.iterdir()
        assert holder(own) is not None


def raises(file: int, how: int) -> None:
    raise OSError(38, "no locks here")


@pytest.mark.parametrize(
    ("left", "processes", "cores", "size"),
    [
        (10, 1, 2, 10),  # alone: one program for all
        (60, 2, 2, 15),
        (60, 30, 1, 1),
        (60, 30, 4, 2),  # so that none of the thirty has nothing
        (60, 6, 4, 5),
        (12, 6, 4, 2),
        (3, 30, 4, 1),
        (0, 1, 1, 1),
    ],
)
def test_a_process_takes_half_of_its_part_or_one_for_each_core(
    left: int, processes: int, cores: int, size: int
) -> None:
    assert share_of(left, processes, cores) == size
