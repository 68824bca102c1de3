"""What an exported agent says to an observation that lacks something, in words and not by an error of numpy's."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dqnlab.exporting import export as exporting

from ..exported import JOINT, KINDS, MASKED, SMALL, make_agent, write_all
from .test_export import load_module

OBS = {"a": np.zeros(2), "b": {"c": np.zeros(3)}, "d": 3}
MASK = np.ones(3)


def batch(num: int) -> dict[str, Any]:
    return {"a": np.zeros((num, 2)), "b": {"c": np.zeros((num, 3))}, "d": np.full(num, 3)}


@pytest.fixture(scope="module")
def parted(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("parted")
    write_all(make_agent(SMALL, MASKED), folder, {name: exporting.WRITERS[name] for name in ("numpy", "js")})
    module = load_module(folder / "numpy" / "agent.py", "parted_agent")
    module.folder = folder
    return module


BAD = [
    (OBS, None, r"which actions are allowed is missing: agent\.act\(obs, mask\), 1 or 0 for each action"),
    (np.zeros(9), MASK, r"has no part 'a'; this agent takes 'a', 'b\.c', 'd'"),
    ({**OBS, "b": {}}, MASK, r"has no part 'b\.c'; this agent takes 'a', 'b\.c', 'd'"),
    ({**OBS, "b": 3}, MASK, r"has no part 'b\.c'"),
    ({**OBS, "a": np.zeros(3)}, MASK, r"part 'a', has shape \(3,\); this agent takes \(2,\)"),
    ({**OBS, "a": 1.0}, MASK, r"part 'a', has shape \(\); this agent takes \(2,\)"),
    ({**OBS, "b": {"c": np.zeros((2, 3))}}, MASK, r"part 'b\.c', has shape \(2, 3\); this agent takes \(3,\)"),
    ({**batch(4), "d": 3}, np.ones((4, 3)), r"part 'd', has shape \(\); this agent takes \(\) 4 times"),
    (OBS, np.ones(4), r"the mask has shape \(4,\); this agent takes \(3,\)"),
    (batch(4), MASK, r"the mask has shape \(3,\); this agent takes \(4, 3\)"),
]


@pytest.mark.parametrize(("obs", "mask", "says"), BAD)
def test_numpy_says_what_is_missing(parted: Any, obs: Any, mask: Any, says: str) -> None:
    for ask in (parted.act, parted.values):
        with pytest.raises(ValueError, match=says):
            ask(obs, mask)


def test_what_is_whole_is_taken(parted: Any) -> None:
    assert parted.act(OBS, MASK) == parted.act({**OBS, "action_mask": MASK})
    assert parted.act(batch(4), np.ones((4, 3))).shape == (4,)
    assert parted.values(batch(1), [[1, 0, 1]])[0, 1] == -np.inf


def test_combinations_and_a_batch_of_them_need_a_mask_too(tmp_path: Path) -> None:
    write_all(make_agent(*KINDS["joint"]), tmp_path, {"numpy": exporting.WRITERS["numpy"]})
    joint = load_module(tmp_path / "numpy" / "agent.py", "joint_agent")
    for obs in (np.array([1, 3, 2]), (1, 3, 2), np.ones((5, 3))):
        with pytest.raises(ValueError, match="which actions are allowed is missing"):
            joint.act(obs)
    with pytest.raises(ValueError, match="has no part '2'"):
        joint.act(np.ones(2), np.ones(JOINT.num_actions))


def test_a_script_says_it_too(parted: Any) -> None:
    if shutil.which("node") is None:
        pytest.skip("there is no node")
    for call, says in [
        ("{a: [0, 0], b: {c: [0, 0, 0]}, d: 3}", "which actions are allowed is missing: agent.act(obs, mask)"),
        ("{a: [0, 0], b: {}, d: 3}, [1, 1, 1]", "observation has no part b.c"),
        ("{a: [0, 0], b: {c: [0, 0, 0]}, d: 3}, [1, 1]", "the mask has 2 numbers, not 3"),
        ("{a: [0], b: {c: [0, 0, 0]}, d: 3}, [1, 1, 1]", "observation has 8 numbers, not 9"),
    ]:
        script = f'require("./agent.js"); agent.act({call})'
        done = subprocess.run(["node", "-e", script], cwd=parted.folder / "js", capture_output=True, text=True)
        assert f"Error: {says}" in done.stderr
