"""A disk that fails at any of a run's operations, one that is really full, memory that is not there (F4, F23).

The run either comes to its score, or ends with one line and 5: nothing half made, no lock, and what a checkpoint holds
goes on once the disk is well.
"""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import psutil
import pytest

from dqnlab.app.cli import main
from dqnlab.lab.resume import resume
from dqnlab.store.door import DISK
from dqnlab.store.find import read_run

OUT = Path("mine") / "deep"
BRIEF = "train CartPole-v1 --steps 150 --learning-starts 64 --batch-size 32 --checkpoint-every 60 --evaluate-every 75"
BRIEF += " --select-episodes 1 --confirm-episodes 1 --score-episodes 2 --hidden 8 8"
BRIEF += " --compile off --no-explain --film.episodes 0 --tracker none --quiet --out"
# What fails, at which time it is done: from the first folder to what is written behind the score.
OPERATIONS = [
    *(("make_folder", number) for number in (1, 2, 3, 5)),  # two of the user's, two of checkpoints
    *(("create", number) for number in (1, 2, 4, 5, 20)),  # the lock, settings, metrics, a checkpoint's
    *(("write", number) for number in (1, 2, 4, 5, 60, 110)),
    *(("replace", number) for number in (1, 2, 3, 8)),
    *(("flush", number) for number in (1, 3)),
    *(("flush_folder", number) for number in (1, 4)),
    ("rename", 1),
]
ERRORS = {errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT}


class Broken:
    """Lets an operation of the one disk fail, at its time of this number or from then on; what was written can go."""

    def __init__(self, patch: pytest.MonkeyPatch, name: str, number: int, error: int, *, stays: bool) -> None:
        self.name, self.number = name, number
        self.error, self.stays = error, stays
        self.times, self.is_broken = 0, False
        for each in {each for each, _ in OPERATIONS}:
            patch.setattr(DISK, each, self._failing(each, getattr(DISK, each)))

    def _failing(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            self.times += name == self.name
            now = name == self.name and self.times == self.number
            self.is_broken |= now and self.stays
            if now or self.is_broken:
                raise OSError(self.error, os.strerror(self.error))
            return real(*args, **more)

        return call


def half_made(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name == "run.lock" or path.suffix in (".part", ".tmp")]


ROWS = [
    (name, number, error, i % 3 != 0)
    for i, ((name, number), error) in enumerate(zip(OPERATIONS, cycle(sorted(ERRORS)), strict=False))
]


@pytest.mark.world
@pytest.mark.parametrize(("name", "number", "error", "stays"), ROWS)
def test_f4_wherever_the_disk_fails_a_run_ends_whole_or_with_one_line(
    name: str, number: int, error: int, stays: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patch:
        disk = Broken(patch, name, number, error, stays=stays)
        code = main([*BRIEF.split(), str(OUT)])
    err = capsys.readouterr().err
    assert disk.times >= number, "the table names an operation that is never done"
    assert "Traceback" not in err
    assert half_made(Path.cwd()) == []
    if code == 0:
        assert read_run(OUT).score is not None
        return
    assert code == 5
    assert err.count("error:") == 1
    assert os.strerror(error) in next(line for line in err.splitlines() if "error:" in line)
    if not (OUT / "meta.json").exists():
        assert not OUT.parent.exists()  # nothing had begun
    elif any(OUT.glob("checkpoints/step-*")):
        assert resume(OUT).score is not None


# ── Real ones ────────────────────────────────────────────────────────────────────────────────────

NO_FILES = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # so that writing fails with an error, as on a full disk
resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
from dqnlab.app.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path | None]:
    """A disk of 16 kB; none where this user may not mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    words = ["-t", "tmpfs", "-o", "size=16k,nr_inodes=32", "tmpfs", str(place)]
    if mount is None or subprocess.run([mount, *words], capture_output=True, check=False).returncode != 0:
        yield None
        return
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.world
@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process are a matter of POSIX")
def test_f4_on_a_disk_that_is_really_full_nothing_begins(small_disk: Path | None) -> None:
    if small_disk is None:  # then no file may have more than a few bytes: the system says so in the same way
        words = [sys.executable, "-c", NO_FILES, *BRIEF.split(), str(OUT)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr.count("error:"), "Traceback" in done.stderr) == (5, 1, False), done.stderr
        assert not OUT.parent.exists()
        return
    (small_disk / "else").write_bytes(bytes(16 * 1024))
    assert main([*BRIEF.split(), str(small_disk / "deep" / "er")]) == 5
    assert [path.name for path in small_disk.iterdir()] == ["else"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process may take more than it is allowed")
def test_f23_a_replay_beyond_what_a_process_may_take_is_refused_and_leaves_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    import resource

    before, taken = resource.getrlimit(resource.RLIMIT_AS), psutil.Process().memory_info().vms
    resource.setrlimit(resource.RLIMIT_AS, (taken + 2**28, before[1]))  # what it may take it does fill, page by page
    try:
        code = main([*BRIEF.split(), str(OUT), "--replay-capacity", "30000000"])
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    err = capsys.readouterr().err
    assert (code, err.count("error:"), "Traceback" in err) == (5, 1, False), err
    assert "memory" in err.splitlines()[-1]
    assert not OUT.parent.exists()
