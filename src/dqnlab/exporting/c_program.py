"""An agent as `agent.c` and `agent.h`, plain C99 without allocations, and `weights.bin`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import torch

from .about import FIRST, About
from .graph import Graph
from .loops import Dialect, Loops, shared_forms
from .reading import read_graph

FILES = ("agent.c", "agent.h", "weights.bin")
COMPILE = "-std=c99 -O2"


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "NAN" if math.isnan(value) else ("-INFINITY" if value < 0 else "INFINITY")
    return f"{float(value)!r}f"


_C = Dialect(
    "C",
    "int",
    "float",
    {
        **shared_forms(),
        "relu": "fmaxf(0.0f, {})",
        "maximum": "fmaxf({}, {})",
        "minimum": "fminf({}, {})",
        "pow": "powf({}, {})",
        "sigmoid": "(1.0f / (1.0f + expf(-{})))",
        "rsqrt": "(1.0f / sqrtf({}))",
        "reciprocal": "(1.0f / {})",
        "abs": "fabsf({})",
        "erf": "erff({})",
        **{name: f"{name}f({{}})" for name in ("tanh", "exp", "log", "cos", "sin", "sqrt")},
    },
    _number,
)

_HEADER = """/*
{about}
*/
#ifndef AGENT_H
#define AGENT_H

#define AGENT_INPUTS {inputs}
#define AGENT_ACTIONS {actions}
{components}
/* Reads the weights, once. Returns 0, or -1 if the file is not there or is of another agent. */
int agent_load(const char *path);

/* Expected returns [AGENT_ACTIONS] of an observation [AGENT_INPUTS]{follows}. */
void agent_values(const float *obs, float *values);

{act}
{reset}
#endif
"""

_SOURCE = """#include "agent.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The weights, and a 1 behind them by which the order of bytes is known. */
static float w[{num_weights} + 1];
{buffers}

int agent_load(const char *path) {{
  FILE *file = fopen(path, "rb");
  if (!file) return -1;
  size_t read = fread(w, sizeof(float), {num_weights} + 1, file);
  int more = fgetc(file) != EOF;
  fclose(file);
  return read == {num_weights} + 1 && !more && w[{num_weights}] == 1.0f ? 0 : -1;
}}

static void network(const float *obs) {{
{body}
}}

void agent_values(const float *obs, float *values) {{
  network(obs);
  memcpy(values, {values}, sizeof(float) * AGENT_ACTIONS);
}}

static int best_action(const float *obs) {{
  int best = 0;
  network(obs);
{keep}  for (int i = 1; i < AGENT_ACTIONS; i++) if ({values}[i] > {values}[best]) best = i;
  return best;
}}

{act}
"""

_RESET = """
/* Forgets what was seen: the next observation begins an episode. */
void agent_reset(void);
"""


def c_files(program: Any, about: About) -> Mapping[str, bytes]:
    """The content of all three, by their names."""
    graph = read_graph(program, 1)
    loops = Loops(graph, _C)
    source, header = _source(graph, loops, about), _header(about)
    weights = torch.cat([*loops.weights, torch.ones(1)]).numpy().astype("<f4").tobytes()
    return {FILES[0]: source.encode(), FILES[1]: header.encode(), FILES[2]: weights}


def _header(about: About) -> str:
    joint = about.spec.joint
    components = "" if joint is None else f"#define AGENT_COMPONENTS {len(joint.sizes)}\n"
    act = "/* The best action, by the environment's own number. */\nint agent_act(const float *obs);"
    if joint is not None:
        act = "/* The components [AGENT_COMPONENTS] of the best action. */"
        act += "\nvoid agent_act(const float *obs, int *action);"
    return _HEADER.format(
        about="\n".join(f"  {line}".rstrip() for line in [*about.text(_usage(about)), *_places(about)]),
        inputs=about.inputs,
        actions=about.spec.num_actions,
        components=components,
        act=act,
        follows=" that follows those acted on" if about.state else "",
        reset=_RESET if about.state else "",
    )


def _source(graph: Graph, loops: Loops, about: About) -> str:
    text = loops.text()
    values = loops.place(graph.outputs[0])[0]
    buffers = [*loops.buffers(), *([("state", about.state)] if about.state else [])]
    keep = f"  memcpy(state, {loops.place(graph.outputs[1])[0]}, sizeof(state));\n" if about.state else ""
    reset = "\n\nvoid agent_reset(void) {\n  memset(state, 0, sizeof(state));\n}" if about.state else ""
    return _SOURCE.format(
        num_weights=loops.num_weights,
        buffers="\n".join(f"static float {name}[{size}];" for name, size in buffers),
        body="\n".join(f"  {line}" for lines in text for line in lines),
        values=values,
        keep=keep,
        act=_act(about) + reset,
    )


def _act(about: About) -> str:
    spec = about.spec
    if spec.joint is None:
        start = f" + {spec.action_start}" if spec.action_start else ""
        return f"int agent_act(const float *obs) {{\n  return best_action(obs){start};\n}}"
    sizes, starts = spec.joint.sizes, spec.joint.starts
    lines = ["void agent_act(const float *obs, int *action) {", "  const int best = best_action(obs);"]
    for i, (size, start) in enumerate(zip(sizes, starts, strict=True)):
        lines.append(f"  action[{i}] = best / {math.prod(sizes[i + 1 :])} % {size}{f' + {start}' if start else ''};")
    return "\n".join([*lines, "}"])


def _usage(about: About) -> list[str]:
    lines = ['agent_load("weights.bin");']
    if about.state:
        lines.append("agent_reset();  // an episode begins")
    joint = about.spec.joint is not None
    acts = "int action[AGENT_COMPONENTS]; agent_act(obs, action);" if joint else "int action = agent_act(obs);"
    lines.append(
        f"float values[AGENT_ACTIONS]; agent_values(obs, values);{FIRST.format(sign='//') if about.state else ''}"
    )
    lines.append(acts)
    return [*(f"    {line}" for line in lines), "", "    cc -std=c99 -O2 yours.c agent.c -lm"]


def _places(about: About) -> list[str]:
    """Where in an observation its parts lie."""
    if not about.parts:
        return []
    names = [(re.sub(r"[^\w.\[\]-]", "?", part.name) or "obs", part.start, part.size) for part in about.parts]
    if about.spec.obs.mask is not None:
        names.append(("action_mask", about.spec.obs.mask, about.spec.num_actions))
    return ["", *(f"obs[{start}] to obs[{start + size - 1}]: {name}" for name, start, size in names)]
