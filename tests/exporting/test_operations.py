"""Each operation in each language against torch, on numbers by chance."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dqnlab.errors import ConfigError
from dqnlab.exporting import c_program, js_program, numpy_text
from dqnlab.exporting.capture import capture
from dqnlab.exporting.graph import MANY, Graph
from dqnlab.exporting.loops import Loops, _place
from dqnlab.exporting.onnx_graph import IR_VERSION, OPSET, OnnxWriter, one_size
from dqnlab.exporting.reading import read_graph

ROWS, WIDTH = 3, 6


class Everything(nn.Module):
    """Numbers [B, 6] through all operations that any language has a form for; some of them only move numbers."""

    def forward(self, x: Tensor) -> Tensor:
        plus = x.abs() + 0.5
        parts = [
            x.sigmoid() + x.tanh() - x.cos() * x.sin() / plus,
            plus.log() + (-plus).exp() + plus.sqrt() + plus.rsqrt() + plus.reciprocal() + plus**1.5,
            torch.where((x > 0) & (x < 1) | (x == 2), x, -x),
            torch.where((x >= 0.5) | ~(x <= -0.5), x.relu(), x.maximum(-plus).minimum(plus)),
            x.clamp(-0.3, 0.4) + (x != 0.7).float(),
            F.softmax(x, 1) + x.mean(1, keepdim=True) + x.sum(1, keepdim=True) - x.amax(1, keepdim=True),
            x.view(-1, 2, 3).transpose(1, 2).reshape(-1, 6) + x[:, 2:3],
            torch.cat([x[:, 1::2], x[:, :3]], 1) + x.view(-1, 2, 3).repeat(1, 1, 2).sum(1),
        ]
        a, b = torch.stack(parts).sum(0).split([2, 4], 1)
        return torch.cat([F.pad(a, (1, 1), value=0.25), b, x[:, None, -1].expand(-1, 2), torch.full_like(a, 0.5)], 1)


class Pictures(nn.Module):
    """Pictures [B, 2 · 7 · 8] through convolutions with steps, gaps and margins, and maxima over windows."""

    def __init__(self) -> None:
        super().__init__()
        make = torch.Generator().manual_seed(0)
        self.weight = nn.Parameter(torch.randn(3, 2, 3, 2, generator=make))
        self.bias = nn.Parameter(torch.randn(3, generator=make))

    def forward(self, x: Tensor) -> Tensor:
        x = F.conv2d(x.view(-1, 2, 7, 8), self.weight, self.bias, stride=(1, 2), padding=(1, 0), dilation=(2, 2))
        x = F.max_pool2d(F.gelu(x, approximate="tanh"), (3, 2), stride=(2, 1), padding=1)
        return F.layer_norm(x.flatten(1), (36,))


CASES = [(Everything(), WIDTH), (Pictures(), 2 * 7 * 8)]


def given(width: int) -> np.ndarray:
    return np.random.default_rng(4).normal(0, 1, (ROWS, width)).astype(np.float32)


def graph_of(module: nn.Module, width: int, batch: int | None) -> Graph:
    return read_graph(capture(module, {"x": ((width,), torch.float32)}), batch)


def by_numpy(graph: Graph, x: np.ndarray) -> np.ndarray:
    names: dict[str, Any] = {"np": np, "x": x, "n": len(x)}
    names["W"] = {node.name: node.data.numpy() for node in graph.constants if node.data is not None}
    exec(numpy_text.helpers(graph) + "\n".join(numpy_text.lines(graph)), names)
    return names[graph.outputs[0].name]


def by_onnx(graph: Graph, x: np.ndarray) -> np.ndarray:
    import onnx
    import onnxruntime

    writer = OnnxWriter()
    writer.write(graph, "x")
    ends = [
        [onnx.helper.make_tensor_value_info(each.name, writer.type_of(each.dtype), one_size(each.shape))]
        for each in (graph.inputs[0], graph.outputs[0])
    ]
    made = onnx.helper.make_graph(writer.nodes, "test", *ends, writer.constants)
    model = onnx.helper.make_model(made, opset_imports=[onnx.helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": x})[0])


@pytest.mark.parametrize(("module", "width"), CASES, ids=["numbers", "pictures"])
def test_numpy_and_onnx_compute_each_operation_for_any_number_of_rows(module: nn.Module, width: int) -> None:
    graph, x = graph_of(module, width, None), given(width)
    with torch.no_grad():
        wanted = module(torch.from_numpy(x)).numpy()
    for found in (by_numpy(graph, x), by_onnx(graph, x)):
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, wanted, atol=3e-6)


@pytest.mark.world
@pytest.mark.parametrize(("module", "width"), CASES, ids=["numbers", "pictures"])
def test_c_and_javascript_compute_each_operation(module: nn.Module, width: int, tmp_path: Path) -> None:
    graph, x = graph_of(module, width, 1), given(width)
    with torch.no_grad():
        wanted = module(torch.from_numpy(x[:1])).numpy()[0]
    numbers = ", ".join(map(repr, x[0].tolist()))
    size = len(wanted)

    loops = Loops(graph, c_program._C)
    body = "\n".join(line for lines in loops.text() for line in lines)
    weights = ", ".join(map(repr, torch.cat([*loops.weights, torch.zeros(1)]).tolist()))
    buffers = "".join(f"static float {name}[{num}];\n" for name, num in loops.buffers())
    out = loops.place(graph.outputs[0])[0]
    (tmp_path / "test.c").write_text(
        f"#include <math.h>\n#include <stdio.h>\nstatic float w[] = {{{weights}}}, x[] = {{{numbers}}};\n{buffers}"
        f'int main(void) {{\n(void)w;\n{body}\nfor (int i = 0; i < {size}; i++) printf("%.9g\\n", {out}[i]);\n}}\n'
    )
    gcc = [shutil.which("gcc") or "gcc", "-std=c99", "-Wall", "-Wextra", "-Werror"]
    subprocess.run([*gcc, "-o", str(tmp_path / "test"), str(tmp_path / "test.c"), "-lm"], check=True)
    said = subprocess.run([str(tmp_path / "test")], check=True, capture_output=True, text=True).stdout
    np.testing.assert_allclose(np.array(said.split(), float), wanted, atol=3e-6)

    loops = Loops(graph, js_program._JS)
    body = "\n".join(line for lines in loops.text() for line in lines)
    buffers = "".join(f"const {name} = new Float64Array({num});\n" for name, num in loops.buffers())
    script = f"const w = [{weights}], x = [{numbers}];\n{buffers}{body}\nconsole.log({out}.join(' '));"
    node = shutil.which("node")
    if node is not None:
        said = subprocess.run([node, "-e", script], check=True, capture_output=True, text=True).stdout
        np.testing.assert_allclose(np.array(said.split(), float), wanted, atol=3e-6)


def test_what_follows_from_weights_alone_is_a_weight() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.tensor([[3.0, 4.0]]))

        def forward(self, x: Tensor) -> Tensor:
            return F.linear(x, self.weight / self.weight.norm())

    graph = graph_of(Scaled(), 2, None)
    assert [node.op for node in graph.steps] == ["matmul"]
    (weight,) = graph.constants
    assert weight.data is not None
    torch.testing.assert_close(weight.data, torch.tensor([[0.6], [0.8]]))


def test_whatever_counts_observations_is_a_multiple_of_many() -> None:
    graph = graph_of(Everything(), WIDTH, None)
    assert all(node.shape[0] == MANY for node in (*graph.inputs, *graph.outputs))
    assert graph_of(Everything(), WIDTH, 1).outputs[0].shape == (1, 12)


def test_an_operation_without_a_form_is_refused_by_name() -> None:
    class Odd(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.cumsum(x, 1)

    with pytest.raises(ConfigError, match=re.escape("its operation 'cumsum' has no form in other languages")):
        graph_of(Odd(), WIDTH, None)


def test_an_operation_without_a_form_in_one_language_is_refused_by_both_names() -> None:
    class Signs(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.sign()

    loops = Loops(graph_of(Signs(), WIDTH, 1), c_program._C)
    with pytest.raises(ConfigError, match="cannot be exported as C: its operation 'sign' has no form there"):
        loops.text()


def test_a_place_is_a_sum_of_counters_times_steps() -> None:
    assert _place(0, (6, 0, 1), "ijk") == "i * 6 + k"
    assert _place(5, (0, 2), "ij") == "5 + j * 2"
    assert _place(0, (0,), "i") == "0"
