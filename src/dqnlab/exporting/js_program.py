"""An agent as `agent.js`, one plain script with its weights inside, for browsers and Node.js."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from typing import Any

import torch

from .about import FIRST, About
from .graph import Graph
from .loops import Dialect, Loops, shared_forms
from .reading import read_graph

FILES = ("agent.js",)


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("-Infinity" if value < 0 else "Infinity")
    return repr(float(value))


_JS = Dialect(
    "JavaScript",
    "let",
    "let",
    {
        **shared_forms(),
        "relu": "Math.max(0, {})",
        "maximum": "Math.max({}, {})",
        "minimum": "Math.min({}, {})",
        "pow": "({} ** {})",
        "sigmoid": "(1 / (1 + Math.exp(-{})))",
        "rsqrt": "(1 / Math.sqrt({}))",
        "reciprocal": "(1 / {})",
        **{name: f"Math.{name}({{}})" for name in ("tanh", "exp", "log", "cos", "sin", "sqrt", "abs", "sign")},
    },
    _number,
)

_SCRIPT = """/*
{about}
*/
globalThis.agent = (() => {{
  "use strict";
  const text = atob("{weights}");
  const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  const w = new Float32Array(bytes.buffer);
{buffers}

  const numbers = (given) => (given?.[Symbol.iterator] ? Array.from(given, numbers).flat() : [Number(given)]);

{row}

  // One function for each array: an engine makes short ones fast.
  const steps = [
{body}
  ];
  const network = (obs) => steps.forEach((step) => step(obs));

  /** Expected returns, one for each action. */
  function values(obs{mask}) {{
    network(row(obs{mask}));
    return Array.from({values});
  }}

  /** The best action, as the environment wants it. */
  function act(obs{mask}) {{
    network(row(obs{mask}));
{keep}    const best = {values}.indexOf(Math.max(...{values}));
    return {action};
  }}
{reset}
  return {{ values, act{also} }};
}})();
if (typeof module === "object") module.exports = globalThis.agent;
"""

_PLAIN = """  function row(obs) {{
    const found = numbers(obs);
    if (found.length !== {inputs}) throw new Error(`observation has ${{found.length}} numbers, not {inputs}`);
    return found;
  }}"""

_PARTED = """  /** The parts of an observation one after the other{and_mask}. */
  function row(obs{mask}) {{
    const part = (path) => path.reduce((inner, name) => inner?.[name], obs);
    const found = {parts}.flatMap((path) => {{
      if (part(path) === undefined) throw new Error(`observation has no part ${{path.join(".")}}`);
      return numbers(part(path));
    }});
{append}    if (found.length !== {inputs}) throw new Error(`observation has ${{found.length}} numbers, not {inputs}`);
    return found;
  }}"""

_ALLOWED = """    const mine = mask ?? obs.action_mask;
    if (mine === undefined) throw new Error("which actions are allowed is missing: {how}, 1 or 0 for each action");
    const allowed = numbers(mine){newest};
    if (allowed.length !== {actions}) throw new Error(`the mask has ${{allowed.length}} numbers, not {actions}`);
    found.push(...allowed);
"""

_RESET = """
  /** Forgets what was seen: the next observation begins an episode. */
  function reset() {
    state.fill(0);
  }
"""


def js_files(program: Any, about: About) -> Mapping[str, bytes]:
    """The content of the script, by its name."""
    graph = read_graph(program, 1)
    loops = Loops(graph, _JS)
    body = loops.text()
    buffers = [*loops.buffers(), *([("state", about.state)] if about.state else [])]
    weights = torch.cat([*loops.weights, torch.zeros(0)]).numpy().astype("<f4").tobytes()
    text = _SCRIPT.format(
        about="\n".join(f"  {line}".rstrip() for line in about.text(_usage(about))),
        weights=base64.b64encode(weights).decode(),
        buffers="\n".join(f"  const {name} = new Float64Array({size});" for name, size in buffers),
        row=_row(about),
        body="\n".join(map(_step, body)),
        mask=", mask" if about.has_mask else "",
        values=loops.place(graph.outputs[0])[0],
        keep=_keep(graph, loops, about),
        action=_action(about),
        reset=_RESET if about.state else "",
        also=", reset" if about.state else "",
    )
    return {FILES[0]: text.encode()}


def _step(lines: list[str]) -> str:
    return "\n".join(["    (obs) => {", *(f"      {line}" for line in lines), "    },"])


def _keep(graph: Graph, loops: Loops, about: About) -> str:
    return f"    state.set({loops.place(graph.outputs[1])[0]});\n" if about.state else ""


def _row(about: About) -> str:
    if not about.parts:
        return _PLAIN.format(inputs=about.inputs)
    append = ""
    if about.has_mask:
        stack = about.spec.obs.stack
        newest = f".slice(-{about.spec.num_actions})" if stack > 1 else ""
        how = "agent.act(obs, mask)" if about.asks_for_mask else "the observation's action_mask"
        append = _ALLOWED.format(newest=newest, how=how, actions=about.spec.num_actions)
    parts = json.dumps([part.path for part in about.parts]).replace("<", "\\u003c")
    return _PARTED.format(
        and_mask=", then the mask" if about.has_mask else "",
        mask=", mask" if about.has_mask else "",
        parts=parts,
        append=append,
        inputs=about.inputs,
    )


def _action(about: About) -> str:
    spec = about.spec
    if spec.joint is None:
        return f"best + {spec.action_start}" if spec.action_start else "best"
    sizes, starts = spec.joint.sizes, spec.joint.starts
    parts = [
        f"Math.floor(best / {math.prod(sizes[i + 1 :])}) % {size}{f' + {start}' if start else ''}"
        for i, (size, start) in enumerate(zip(sizes, starts, strict=True))
    ]
    return f"[{', '.join(parts)}]"


def _usage(about: About) -> list[str]:
    mask = ", info.action_mask" if about.asks_for_mask else ""
    lines = ['const agent = require("./agent.js");  // in Node.js; a page loads it by a script element', ""]
    if about.state:
        lines.append("agent.reset();                   // an episode begins")
    lines.append(f"const values = agent.values(obs{mask});{FIRST.format(sign='//') if about.state else ''}")
    lines.append(f"const action = agent.act(obs{mask});")
    return [f"    {line}".rstrip() for line in lines]
