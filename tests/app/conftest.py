"""What is asked of every command that cannot do its work."""

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from dqnlab.app.cli import main
from dqnlab.lab import compare as comparing

from .comparing import InProcess

Refused = Callable[..., str]

SMALL = shlex.split("""
    --steps 200 --learning-starts 64 --batch-size 64 --update-every 4 --evaluate-every.num 100
    --select-episodes 2 --confirm-episodes 2 --score-episodes 2 --film.episodes 0 --no-explain --quiet --tracker none
""")


@pytest.fixture
def small() -> list[str]:
    """Flags of a run that takes a fraction of a second."""
    return SMALL


@pytest.fixture
def crew(monkeypatch: pytest.MonkeyPatch) -> type[InProcess]:
    """Trains what comparisons train in this process, and knows what it was asked for."""
    monkeypatch.setattr(InProcess, "asked", [], raising=False)
    monkeypatch.setattr(InProcess, "fails", lambda config, seed: False, raising=False)
    monkeypatch.setattr(comparing, "Crew", InProcess)
    return InProcess


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Refused:
    """Runs `dqn`, checks how it fails, returns what it said in one line.

    One message with all the words, the exit code, no traceback, and (unless `begun`) nothing written.
    """
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)

    def run(line: str | Sequence[str], code: int, *words: str, begun: bool = False) -> str:
        before = written()
        got = main(shlex.split(line) if isinstance(line, str) else line)
        out, err = capsys.readouterr()
        message = " ".join(err.replace("│", " ").split())  # the parser's box breaks lines
        assert got == code, message
        assert [word for word in words if word not in message] == [], message
        assert not message.endswith(";"), message
        assert "Traceback" not in out + err
        ours = sum(row.startswith("error:") for row in err.splitlines())
        boxes = err.count("For full helptext") or err.count("╭")
        assert (ours, boxes) in {(1, 0), (0, 1)}, message
        assert out == ""
        assert begun or written() == before
        return message

    return run


def written() -> set[Path]:
    """What lies in the working folder."""
    return {path for path in Path.cwd().rglob("*") if "home" not in path.parts}
