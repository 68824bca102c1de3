"""Every kind of network in every format says what the network says."""

import shutil
from pathlib import Path

import pytest

from dqnlab.exporting.verify import verify

from ..exported import KINDS, make_agent, states_for, write_all

NEEDED = {"js": "node", "c": "gcc"}
LARGEST = 50_000  # bytes of a C program


@pytest.mark.world
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_the_same_in_every_language(kind: str, tmp_path: Path) -> None:
    agent = make_agent(*KINDS[kind])
    states = states_for(agent)
    about = write_all(agent, tmp_path)
    for format in ("onnx", "numpy", "js", "c"):
        if format in NEEDED and shutil.which(NEEDED[format]) is None:
            continue
        (tmp_path / f"{format}-aside").mkdir()
        found = verify(format, tmp_path / format, about, states, tmp_path / f"{format}-aside")
        assert found.missing == "", format
        assert found.difference <= 5e-6, f"{format}: {found}"
        assert (found.equal, found.ties) == (len(states.obs), 0), f"{format}: {found}"
    assert (tmp_path / "c" / "agent.c").stat().st_size < LARGEST
