"""The commands of the README are run as they stand there, in their order; what trains is cut short by more flags."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from dqnlab.app.cli import main
from dqnlab.lab.many import pool

README = Path(__file__).parents[2] / "README.md"
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", README.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
SHORTER = "--steps 300 --learning-starts 64 --batch-size 32 --evaluate-every.num 150 --select-episodes 2 --seeds 2"
SHORTER += " --confirm-episodes 2 --score-episodes 2 --film.episodes 0 --compile off --tracker none --quiet"
INSTALLING = ("make ", "python -m venv", ".venv\\Scripts", "pip install", "pytest")  # which `make` itself is tested by


def shorter(words: list[str]) -> list[str]:
    """What is added to a command that trains: all of it but what would make one seed many, or cannot apply."""
    if words[0] != "train" or "--dry-run" in words:
        return []
    extra = shlex.split(SHORTER)
    for flag, applies in {"--seeds": "--seeds" in words, "--learning-starts": "--offline" not in words}.items():
        if not applies:
            at = extra.index(flag)
            del extra[at : at + 2]
    return extra


@pytest.mark.world
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has another shell")
def test_every_command_of_the_readme_does_what_it_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pool, "usable_cores", lambda: 1)
    ran = []
    for line in "".join(BLOCKS).splitlines():
        words = shlex.split(line, comments=True)
        if not words or line.startswith(INSTALLING):
            continue
        if words[0] != "dqn":
            subprocess.run(line, shell=True, check=True)
            continue
        before = set(Path("runs").glob("*/*"))
        assert main(words[1:] + shorter(words[1:])) == 0, (line, capsys.readouterr().err)
        out, made = capsys.readouterr().out, set(Path("runs").glob("*/*")) - before
        assert out
        assert len(made) == (words[1] == "train" and "--dry-run" not in words), line
        ran.append(words[1])
    assert sorted(ran) == ["evaluate"] + ["explain"] * 2 + ["train"] * 9
    assert len(list(Path("runs").glob("*/*/report.html"))) >= 1
    assert len(list(Path("runs").glob("*/*/seed-*"))) == 2
