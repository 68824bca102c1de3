"""An agent as `agent.onnx`: named inputs in the environment's own types, values and the action as outputs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
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
    made = onnx.helper.make_graph(writer.nodes, "agent", inputs, outputs, writer.constants, "\n".join(about.text([])))
    model = onnx.helper.make_model(made, opset_imports=[onnx.helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    model.producer_name, model.doc_string = "dqnlab", about.title
    facts = {
        "env": about.env,
        "run": about.run,
        "actions": json.dumps(about.names),
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


def names_of_inputs(about: About) -> list[str]:
    """One for each part of an observation, then `action_mask` and `state` if there are such."""
    taken = {"values", "action", "next_state", "row", "action_mask", "state"}
    names = list[str]()
    for part in about.parts:
        name = part.name or "obs"
        while name in taken:
            name += "_"
        taken.add(name)
        names.append(name)
    return [*(names or ["obs"]), *(["action_mask"] if about.has_mask else []), *(["state"] if about.state else [])]


def _announced(writer: OnnxWriter, name: str, dtype: torch.dtype, shape: Any) -> Any:
    import onnx

    return onnx.helper.make_tensor_value_info(name, writer.type_of(dtype), one_size(shape))


def _inputs(graph: Graph, writer: OnnxWriter, about: About) -> list[Any]:
    """What goes in, in order; parts and mask are joined to rows first. Renames what could bear one of their names."""
    names = names_of_inputs(about)
    for node in graph.nodes:
        if node.op != "input" and node not in graph.outputs:
            node.name = f"/{node.name}"
    graph.inputs[0].name = "row" if about.parts else "obs"
    announced = [_announced(writer, node.name, node.dtype, node.shape) for node in graph.inputs]
    if not about.parts:
        return announced
    parts = [(torch.from_numpy(np.zeros(0, part.dtype)).dtype, part.shape) for part in about.parts]
    if about.has_mask:
        parts.append((torch.bool, (about.spec.num_actions,)))
    found, joined = list[Any](), list[str]()
    for name, (dtype, shape) in zip(names, parts, strict=False):
        found.append(_announced(writer, name, dtype, (MANY, *shape)))
        flat = writer.add("Reshape", [name, writer.constant([-1, math.prod(shape)])])
        joined.append(flat if dtype == torch.float32 else writer.add("Cast", [flat], to=writer.type_of(torch.float32)))
    writer.add("Concat", joined, "row", axis=1)
    return [*found, *announced[1:]]


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
