"""Computes the states in a folder by an exported `agent.py`, where torch and dqnlab cannot be imported."""

import json
import sys
from pathlib import Path
from typing import Any

sys.modules["torch"] = sys.modules["dqnlab"] = sys.modules["gymnasium"] = None  # type: ignore[assignment]

import numpy as np  # noqa: E402

folder, aside = map(Path, sys.argv[1:])
sys.path.insert(0, str(folder))
import agent  # type: ignore[import-not-found]  # noqa: E402

about = json.loads((aside / "states.json").read_text("utf-8"))
rows = np.frombuffer((aside / "states.bin").read_bytes(), "<f4").reshape(-1, about["inputs"] + 1)


def given(obs: np.ndarray) -> Any:
    """Rows [n, numbers] as the environment gives observations: arrays in a dict or tuple, or one array."""
    if not about["parts"]:
        return obs.reshape(-1, *about["shape"])
    made: dict[Any, Any] = {}
    for path, start, shape in about["parts"]:
        inside = made
        for name in path[:-1]:
            inside = inside.setdefault(name, {})
        numbers = obs[:, start : start + int(np.prod(shape))].reshape(-1, *shape)
        if not path:
            return numbers
        inside[path[-1]] = numbers
    return as_tuples(made)


def as_tuples(value: Any) -> Any:
    """What is counted as a tuple, what is named as a dict; parts that are not used are nothing."""
    if not isinstance(value, dict):
        return value
    inside = {name: as_tuples(each) for name, each in value.items()}
    if all(isinstance(name, int) for name in inside):
        return tuple(inside.get(i) for i in range(max(inside) + 1))
    return inside


answers = []
for at in range(0, len(rows), about["chunk"]):
    chunk = rows[at : at + about["chunk"]]
    if about["remembers"] and chunk[0, 0]:
        agent.reset()
    obs = given(chunk[:, 1:])
    mask = [] if about["mask"] is None else [chunk[:, 1 + about["mask"] :]]
    values = agent.values(obs, *mask)
    action = np.asarray(agent.act(obs, *mask)).reshape(len(chunk), -1)
    answers.append(np.concatenate([values, action], 1).astype("<f4"))
(aside / "answers.bin").write_bytes(np.concatenate(answers).tobytes())
