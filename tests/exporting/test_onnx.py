"""The ONNX model: its inputs are what the environment gives, and it says all of them."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

import dqnlab
from dqnlab.config import Env
from dqnlab.envs.make import describe
from dqnlab.exporting.onnx_program import onnx_files
from dqnlab.store.agent import Agent

from ..exported import KINDS, SMALL, make_agent, write_all

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_a_model_names_its_inputs_and_says_where_it_is_from(tmp_path: Path) -> None:
    import onnx

    write_all(make_agent(*KINDS["gru of parts"]), tmp_path, {"onnx": onnx_files}, "my-run")
    model = onnx.load(str(tmp_path / "onnx" / "agent.onnx"))
    shapes = {
        each.name: [size.dim_param or size.dim_value for size in each.type.tensor_type.shape.dim]
        for each in (*model.graph.input, *model.graph.output)
    }
    num = "observations"
    assert shapes == {
        **{"a": [num, 2], "b.c": [num, 3], "d": [num], "action_mask": [num, 3], "state": [num, 6]},
        **{"values": [num, 3], "next_state": [num, 6], "action": [num]},
    }
    facts = {each.key: each.value for each in model.metadata_props}
    assert facts["run"] == "my-run"
    assert json.loads(facts["actions"]) == ["1", "2", "3"]
    inputs = {
        "a": "float64 [2]",
        "b.c": "uint8 [3]",
        "d": "int32 []",
        "action_mask": "int8 [3]",
        "state": "float32 [6]",
    }
    assert json.loads(facts["inputs"]) == inputs
    text = " ".join(model.doc_string.split())
    assert "3 parts: a (2,) float64; b.c (3,) uint8 divided by 255; d () of 4 states from 2." in text
    assert "1 where an action is allowed state: float32 [n, 6], zeros where an episode begins Out:" in text
    assert "one for each action: 1, 2, 3. Forbidden ones are worth minus infinity and never chosen; of a mask" in text


class Switches(gym.Env[Any, Any]):
    """Shows parts of many types, the allowed actions among them."""

    observation_space = spaces.Dict(
        flags=spaces.MultiBinary(2),
        level=spaces.Box(0, 9, (1,), np.float64),
        kind=spaces.MultiDiscrete([3, 2], dtype=np.int32),
        action_mask=spaces.MultiBinary(2),
    )
    action_space = spaces.Discrete(2)

    def reset(self, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        super().reset(**kwargs)
        sizes = {name: part.shape for name, part in self.observation_space.items()}
        made = {name: np.ones(sizes[name], part.dtype) for name, part in self.observation_space.items()}
        return made, {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return self.reset()[0], 0.0, False, False, {}


def test_a_model_takes_what_the_environment_gives(tmp_path: Path) -> None:
    import onnxruntime

    env = Env(id=Switches, max_episode_steps=5)
    agent = Agent(replace(SMALL, env=env), spec := describe(env), make_agent(SMALL, spec).network, env)
    assert dqnlab.export(agent, "onnx", tmp_path / "out", states=8).equality.holds
    session = onnxruntime.InferenceSession(str(tmp_path / "out" / "agent.onnx"), providers=["CPUExecutionProvider"])
    obs, _ = Switches().reset(seed=1)
    kinds = {f"kind.{i}": obs["kind"][i] for i in range(2)}
    given = {name: part[None] for name, part in {**obs, **kinds}.items() if name != "kind"}
    values, action = session.run(["values", "action"], given)
    np.testing.assert_allclose(values[0], agent.q_values(obs), atol=1e-6)
    assert action[0] == agent.act(obs)
    assert "In it, as action_mask, which actions are allowed" in session.get_modelmeta().description.replace("\n", " ")


def test_the_code_of_the_page_about_export_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    env = Env(id="CartPole-v1")
    agent = Agent(replace(SMALL, env=env), spec := describe(env), make_agent(SMALL, spec).network, env)
    dqnlab.export(agent, "onnx", tmp_path / "out", states=8)
    monkeypatch.chdir(tmp_path / "out")
    code = re.findall(r"^```python\n(.*?)^```$", (DOCS / "export.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    exec(compile(code[0], "export.md", "exec"), {})
    assert capsys.readouterr().out.split()[-1] == str(agent.act([0.01, 0.0, -0.02, 0.0]))
