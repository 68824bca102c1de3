"""Every command that dqnlab prints is run by a shell as it was printed, in a folder that has to be quoted."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import url2pathname

import pytest

from dqnlab.app.cli import main

pytestmark = [pytest.mark.world, pytest.mark.skipif(sys.platform == "win32", reason="Windows has another shell")]
ZOO = Path(__file__).parents[1] / "zoo" / "zoo.py"
SHORT = "--steps 600 --learning-starts 64 --batch-size 16 --update-every 8 --evaluate-every.num 200 --select-episodes 2"
SHORT += " --confirm-episodes 2 --score-episodes 2 --compile off --tracker none"
PRINTED = re.compile(r"(?:^(?:next|to resume)? +|`|: )(dqn \w+ [^`\n]+)", re.MULTILINE)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with the user's module, and `dqn` on the path: without the current folder, as when installed."""
    place = tmp_path / "meine Läufe"
    place.mkdir()
    shutil.copy(ZOO, place)
    program = tmp_path / "bin" / "dqn"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -P -m dqnlab "$@"\n', "utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(place)
    return place


def shell(line: str, code: int = 0) -> list[str]:
    """Runs a line; the commands that it printed."""
    done = subprocess.run(line, shell=True, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == code, (line, done.stdout + done.stderr)
    return PRINTED.findall(done.stdout)


def test_what_a_finished_run_and_its_copy_print_works(
    folder: Path, dummy_display: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trained = shell(f"dqn train zoo:Lane-v0 {SHORT} --out 'ein Lauf é' > said; cat said")
    assert trained == [
        "dqn watch 'ein Lauf é'",
        "dqn train zoo:Lane-v0 --preset textbook --env.max-episode-steps none --steps 600 --tracker none",
    ]
    (page,) = re.findall(r"open file://(\S+)", Path("said").read_text("utf-8"))
    assert Path(url2pathname(page)).samefile("ein Lauf é/report.html")
    shell(trained[0])
    shell(f"{trained[1]} {SHORT} --film.episodes 0 --no-explain")

    # A copy is refused with the flag that helps; where no window opens a film is offered.
    shutil.copytree("ein Lauf é", "kopiert ü")
    assert main(["evaluate", "kopiert ü"]) == 2
    (flag,) = re.findall(r"add (--trust-env-module \w+)", capsys.readouterr().err)
    assert main(["evaluate", "kopiert ü", "--episodes", "2", *flag.split()]) == 0
    monkeypatch.delenv("SDL_VIDEODRIVER")
    assert main(["watch", "kopiert ü", *flag.split(), "--seed", "3"]) == 5
    (record,) = PRINTED.findall(capsys.readouterr().err)
    assert record == f"dqn record 'kopiert ü' {flag} --seed 3"
    shell(record)
    assert len(list(Path("kopiert ü/videos").glob("episode-*.mp4"))) == 3


def test_what_an_interrupted_run_and_its_copy_print_works(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = shlex.split(f"dqn train zoo:Lane-v0 {SHORT.replace('600', '3000')} --no-explain --film.episodes 0")
    with subprocess.Popen(
        [*words, "--out", "noch einer"], stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if "evaluated" in line)
        process.send_signal(signal.SIGINT)
        interrupted = PRINTED.findall(process.stdout.read())
    assert process.returncode == 130
    assert interrupted == ["dqn resume 'noch einer'"]
    shutil.copytree("noch einer", "von dir")
    Path("von dir/result.json").unlink()  # as if its process had been killed
    shell(interrupted[0])
    assert main(["explain", "von dir"]) == 2
    (resume,) = PRINTED.findall(capsys.readouterr().err)
    assert resume == "dqn resume 'von dir' --trust-env-module zoo"
    shell(resume)
