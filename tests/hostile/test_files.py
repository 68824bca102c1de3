"""Files made to do harm: none of them runs code, each is refused in one message or has no effect."""

import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from dqnlab.app.cli import main
from dqnlab.errors import CheckpointError, DqnlabError
from dqnlab.store.agent import load
from dqnlab.store.folder import BEST, CONFIG, LAST, METRICS
from dqnlab.track.curves import draw_curves

SENTINEL = Path("executed")  # the tests' working folder is a temporary one


def answers(run: Path, file: str) -> dict[str, int]:
    """The exit code of everything that reads a run; for a function that of the error it raises, 0 for none."""
    name = str(run)
    commands = {
        "evaluate": ["evaluate", name, "--episodes", "1"],
        "evaluate last": ["evaluate", name, "--episodes", "1", "--which", "last", "--json"],
        "evaluate file": ["evaluate", str(run / BEST), "--episodes", "1"],
        "watch": ["watch", run.name],
        "record": ["record", "latest"],
        "runs": ["runs"],
    }
    if file == CONFIG:
        commands["train"] = ["train", "--config", str(run / CONFIG), "--dry-run"]
    codes = {command: main(words) for command, words in commands.items()} | {"load": code_of(lambda: load(run))}
    return codes | ({"draw_curves": code_of(lambda: draw_curves(run, 475.0))} if file == METRICS else {})


def code_of(call: Callable[[], object]) -> int:
    try:
        call()
    except DqnlabError as error:
        return error.exit_code
    return 0


def expected(case: Any) -> dict[str, int]:
    """A damaged file stops those who need it, and nobody else."""
    best = 0 if case.file == LAST else case.code
    last = 0 if case.file == BEST else case.code
    codes = dict.fromkeys(["evaluate", "evaluate file", "watch", "record", "load"], best)
    return codes | {"evaluate last": last, "runs": 0} | ({"train": case.train} if case.file == CONFIG else {})


def check_harmless(capsys: pytest.CaptureFixture[str], refusals: int) -> None:
    out, err = capsys.readouterr()
    assert err.count("error: ") == refusals
    assert "Traceback" not in out + err
    assert all(each == "\n" or each.isprintable() for each in out + err), "it could steer a terminal"
    assert not SENTINEL.exists(), "it was executed"
    assert not Path("/tmp/executed").exists()
    assert "evil" not in sys.modules
    assert "gym" not in sys.modules


def test_a_hostile_file_is_never_obeyed(case: Any, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run / case.file).write_bytes(case.content())
    got = answers(run, case.file)
    assert got.pop("draw_curves", 4) == 4
    assert got == expected(case)
    check_harmless(capsys, sum(code != 0 for command, code in got.items() if command != "load"))


def test_the_pickles_do_run_where_somebody_unpickles_them(run: Path, bombs: list[bytes]) -> None:
    for content in bombs:
        SENTINEL.unlink(missing_ok=True)
        sys.modules.pop("evil", None)
        pickle.loads(content)
        assert SENTINEL.exists()


def test_without_damage_everything_is_read(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert {*answers(run, CONFIG).values(), *answers(run, METRICS).values()} == {0}
    check_harmless(capsys, 0)


# ── Before memory is taken ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("first", "words"),
    [
        (torch.zeros(1, 1).expand(2**25, 2**25), "claims tensors larger than its"),
        (torch.zeros(8, 4, device="meta"), "not a plain state_dict"),
        (torch.zeros(8, 4).to_sparse(), "not a plain state_dict"),
        (torch.zeros(8), "its layers must be matrices"),
        (torch.zeros(0, 4), "its layers must be matrices"),
    ],
)
def test_a_lone_weights_file_is_looked_at_before_a_network_is_made(first: torch.Tensor, words: str) -> None:
    others = {"fc.2.weight": torch.zeros(6, 8), "fc.4.weight": torch.zeros(2, 6)}
    torch.save({"fc.0.weight": first, **others}, "lone.pth")
    with pytest.raises(CheckpointError, match=words):
        load("lone.pth")


def test_a_network_is_measured_before_it_is_made(run: Path) -> None:
    (run / CONFIG).write_text("torso.hidden = [1000000, 1000000]", "utf-8")
    with pytest.raises(CheckpointError, match=r"108 numbers and the network 1,000,00"):
        load(run)


def test_a_title_of_curves_is_no_formula(run: Path) -> None:
    header = '{"schema": 1, "env": "$\\\\frac{$ \\u001b[2J\\u0000"}\n'
    (run / METRICS).write_text(header + '{"step": 5, "train/reward": 5.0}\n', "utf-8")
    assert draw_curves(run, 475.0).is_file()
