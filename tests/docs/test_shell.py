"""The commands of the README are run as they stand there, in their order; what trains is cut short by more flags.

What trains many is only planned: tests/app/test_compare.py and tests/tune run it whole.
"""

import re
import shlex
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from dqnlab.app.cli import main
from dqnlab.lab.many import crew

from ..foreign import chain, named, policy, sb3_zip, torch_bytes

README = Path(__file__).parents[2] / "README.md"
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", README.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
SHORTER = "--steps 300 --learning-starts 64 --batch-size 32 --evaluate-every.num 150 --select-episodes 2 --seeds 2"
SHORTER += " --confirm-episodes 2 --score-episodes 2 --film.episodes 0 --compile off --tracker none --quiet"
INSTALLING = ("make ", "python -m venv", ".venv\\Scripts", "pip install", "pytest")  # which `make` itself is tested by


SPACE = re.findall(r"^```toml\n(.*?)^```$", README.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)[0]
MANY = ("benchmark", "compare", "tune")
TRAINING = ("train", "branch", "import")


def shorter(words: list[str]) -> list[str]:
    """What is added to a command that trains: all of it but what would make one seed many, or cannot apply."""
    if "--dry-run" in words:
        return []
    if words[0] in MANY:
        return ["--dry-run"]
    if words[0] == "branch":
        return ["--quiet"]
    if words[0] == "import":
        return ["--film", "0", "--score-episodes", "2", "--quiet"]
    if words[0] != "train":
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
    monkeypatch.setattr(crew, "usable_cores", lambda: 1)
    Path("space.toml").write_text(SPACE, "utf-8")
    sb3_zip(Path("old.zip"), policy(chain(4, 8, 2)))
    Path("frames.pth").write_bytes(torch_bytes(named(chain(16, 8, 2), "net")))
    Path("examples").symlink_to(README.parent / "examples")
    ran = []
    for line in "".join(BLOCKS).splitlines():
        words = shlex.split(line.replace("--at 20000", "--at 100"), comments=True)
        if not words or line.startswith(INSTALLING) or "GROUP" in words:
            continue
        if words[0] != "dqn":
            subprocess.run(line, shell=True, check=True)
            continue
        before = set(Path("runs").glob("*/*"))
        assert main(words[1:] + shorter(words[1:])) == 0, (line, capsys.readouterr().err)
        out, made = capsys.readouterr().out, set(Path("runs").glob("*/*")) - before
        assert out
        assert len(made) == (words[1] in TRAINING and "--dry-run" not in words), line
        ran.append(words[1])
    assert Counter(ran) == Counter(
        {"explain": 3, "train": 11, "compare": 3, "tune": 3, "benchmark": 3, "evaluate": 1, "branch": 2, "import": 2}
    )
    assert len(list(Path("runs").glob("*/*/report.html"))) >= 1
    assert len(list(Path("runs").glob("*/*/seed-*"))) == 2
