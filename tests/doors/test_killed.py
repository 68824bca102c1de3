"""What a process that is really killed while it films leaves behind, and who takes it away."""

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from dqnlab.store import door

FILMS = """
import sys, time
from pathlib import Path
from dqnlab.store import door

with door.aside() as private:
    (private / "film.mp4").write_bytes(b"half a film")
    with door.replacing(Path("videos") / "best-1.mp4") as part:
        part.write(b"half of its copy")
        print(private, flush=True)
        time.sleep(600)
"""


@pytest.mark.world
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_what_a_process_leaves_that_was_killed_while_it_filmed_is_swept_by_the_next_that_films(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    videos = tmp_path / "videos"
    videos.mkdir()
    (videos / "best-0.mp4").write_bytes(b"a film")
    with subprocess.Popen([sys.executable, "-c", FILMS], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        private = Path(child.stdout.readline().strip())
        try:
            with door.aside():
                door.sweep_films(videos)
            assert private.is_dir()  # it is still at work
            assert len(list(videos.iterdir())) == 2
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait()
    assert private.is_dir()
    with door.aside():
        door.sweep_films(videos)
    assert not private.exists()
    assert [path.name for path in videos.iterdir()] == ["best-0.mp4"]
