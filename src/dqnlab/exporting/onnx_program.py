"""An agent as `agent.onnx`: named inputs in the environment's own types, values and the action as outputs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ..errors import ResourceError
from .about import About
from .graph import MANY, Graph
from .onnx_graph import IR_VERSION, OPSET, OnnxWriter, one_size
from .reading import read_graph

FILES = ("agent.onnx",)


def onnx_files(program: Any, about: About) -> Mapping[str, bytes]:
    """The content of the model, by its name. Raises ResourceError if the package is missing."""
    check_onnx()
    import onnx

    graph = read_graph(program)
    writer = OnnxWriter()
    values, *remembered = graph.outputs
    for node, name in zip(graph.outputs, ("values", "next_state"), strict=False):
        node.name = name
    inputs = _inputs(graph, writer, about)
    writer.write(graph, inputs[0].name)
    _action(writer, about)
    outputs = [_announced(writer, node.name, node.dtype, node.shape) for node in (values, *remembered)]
    shape = () if about.spec.joint is None else about.spec.joint.shape
    outputs.append(_announced(writer, "action", torch.int64, (MANY, *shape)))
    made = onnx.helper.make_graph(writer.nodes, "agent", inputs, outputs, writer.constants)
    model = onnx.helper.make_model(made, opset_imports=[onnx.helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    model.producer_name = "dqnlab"
    model.doc_string = "\n".join(about.text(_usage(about)))
    facts = {
        "env": about.env,
        "run": about.run,
        "actions": json.dumps(about.names),
        "inputs": json.dumps({each.name: f"{each.type} {list(each.shape)}" for each in inputs_of(about)}),
        "outside": "; ".join(about.outside),
    }
    onnx.helper.set_model_props(model, facts)
    onnx.checker.check_model(model, full_check=True)
    return {FILES[0]: model.SerializeToString()}


def check_onnx() -> None:
    """Raises ResourceError if ONNX files cannot be written."""
    try:
        import onnx  # noqa: F401
    except ImportError as e:
        raise ResourceError('an ONNX model needs the package onnx: pip install "dqnlab[export]"') from e


@dataclass(frozen=True)
class ModelInput:
    """What goes into a model."""

    name: str
    type: np.dtype
    """the environment's own"""
    shape: tuple[int, ...]
    """of one observation"""


def inputs_of(about: About) -> list[ModelInput]:
    """One for each part of an observation, then `action_mask` and `state` if there are such."""
    taken = {"values", "action", "next_state", "row", "action_mask", "state"}
    spec, given = about.spec.obs, about.given
    found = list[ModelInput]()
    for part, dtype in zip(spec.parts, given.types, strict=False):
        name = part.name or "obs"
        while name in taken:
            name += "_"
        taken.add(name)
        found.append(ModelInput(name, dtype, part.shape))
    found = found or [ModelInput("obs", given.types[0], spec.shape)]
    if given.mask is not None:
        found.append(ModelInput("action_mask", given.mask, (about.spec.num_actions,)))
    return [*found, ModelInput("state", np.dtype(np.float32), (about.state,))] if about.state else found


def _usage(about: About) -> list[str]:
    """What goes in and comes out, of n observations at once."""
    spec = about.spec
    remembered = [f"next_state: float32 [n, {about.state}], the state of the next observation"] if about.state else []
    shape = "".join(f", {size}" for size in (spec.joint.shape if spec.joint else ()))
    newest = ", of the newest frame" if about.given.is_mask_inside and spec.obs.stack > 1 else ""
    notes = {"action_mask": f", 1 where an action is allowed{newest}", "state": ", zeros where an episode begins"}
    given = [
        f"{each.name}: {each.type} [{', '.join(map(str, ('n', *each.shape)))}]{notes.get(each.name, '')}"
        for each in inputs_of(about)
    ]
    gives = [f"values: float32 [n, {spec.num_actions}]", f"action: int64 [n{shape}]", *remembered]
    return [
        "In, n observations at once:",
        *(f"    {each}" for each in given),
        "Out:",
        *(f"    {each}" for each in gives),
    ]


def _announced(writer: OnnxWriter, name: str, dtype: torch.dtype | np.dtype, shape: Any) -> Any:
    import onnx

    return onnx.helper.make_tensor_value_info(name, writer.type_of(dtype), one_size(shape))


def _inputs(graph: Graph, writer: OnnxWriter, about: About) -> list[Any]:
    """What goes in, in order, made what the network takes. Renames what could bear one of their names."""
    for node in graph.nodes:
        if node.op != "input" and node not in graph.outputs:
            node.name = f"/{node.name}"
    given, stored = inputs_of(about), graph.inputs[0]
    stored.name = "row"
    if about.parts:
        own = given[: -1 if about.state else None]
        flat = [writer.add("Reshape", [each.name, writer.constant([-1, math.prod(each.shape)])]) for each in own]
        writer.add(
            "Concat", [writer.add("Cast", [each], to=writer.type_of(stored.dtype)) for each in flat], "row", axis=1
        )
    else:
        writer.add("Cast", ["obs"], "row", to=writer.type_of(stored.dtype))
    return [_announced(writer, each.name, each.type, (MANY, *each.shape)) for each in given]


def _action(writer: OnnxWriter, about: About) -> None:
    """The environment's own action, of the largest value."""
    spec = about.spec
    if spec.joint is None:
        best = writer.add("ArgMax", ["values"], axis=1, keepdims=0)
        writer.add("Add", [best, writer.constant(spec.action_start)], "action")
        return
    joint = spec.joint
    best = writer.add("ArgMax", ["values"], axis=1, keepdims=1)
    steps = [math.prod(joint.sizes[i + 1 :]) for i in range(len(joint.sizes))]
    places = writer.add("Mod", [writer.add("Div", [best, writer.constant(steps)]), writer.constant(joint.sizes)])
    own = writer.add("Add", [places, writer.constant(joint.starts)])
    writer.add("Reshape", [own, writer.constant([-1, *joint.shape])], "action")
