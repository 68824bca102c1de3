"""An agent as `agent.py`, which needs numpy alone, and `weights.npz`."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from . import numpy_text
from .about import FIRST, About
from .graph import Graph
from .reading import read_graph

FILES = ("agent.py", "weights.npz")

_PLAIN = '''
def rows_of(obs):
    """Observations [n, ...], and whether it was a single one."""
    rows = np.asarray(obs, np.{dtype})
    if rows.shape == SHAPE:
        return rows[None], True
    if rows.shape[1:] == SHAPE:
        return rows, False
    raise ValueError(f"observation has shape {{rows.shape}}; this agent takes {{SHAPE}}, or a batch of them")
'''

_PARTED = '''
def part_of(obs, path):
    """A part of an observation, or of a batch of them with an array in each place."""
    part = obs
    for name in path:
        try:
            part = part[name] if isinstance(name, str) or isinstance(part, tuple) else np.asarray(part)[..., name]
        except (KeyError, IndexError, TypeError):
            known = ", ".join(repr(".".join(map(str, each))) for each, _ in PARTS)
            gone = ".".join(map(str, path))
            raise ValueError(f"observation has no part {{gone!r}}; this agent takes {{known}}") from None
    return np.asarray(part, np.float32)


def rows_of(obs{mask}):
    """Observations as rows [n, numbers], one part after the other, and whether it was a single one."""
    path, shape = PARTS[0]
    first = part_of(obs, path)
    lead = first.shape[: first.ndim - len(shape)]
    rows = []
    for path, shape in PARTS:
        part = part_of(obs, path)
        size = np.prod(shape, dtype=int)
        if part.size != np.prod(lead, dtype=int) * size:
            name = "observation" + (f", part {{'.'.join(map(str, path))!r}}," if path else "")
            many = f" {{lead[0]}} times" if lead else ""
            raise ValueError(f"{{name}} has shape {{part.shape}}; this agent takes {{shape}}{{many}}")
        rows.append(part.reshape((*lead, size)))
{allowed}    rows = np.concatenate(rows, -1)
    return (rows, False) if lead else (rows[None], True)
'''

_ALLOWED = """    if mask is None:
        try:
            mask = obs["action_mask"]{newest}
        except (KeyError, IndexError, TypeError):
            raise ValueError("which actions are allowed is missing: {how}, 1 or 0 for each action") from None
{joint}    mask = np.asarray(mask, np.float32)
    if mask.shape != (*lead, {actions}):
        raise ValueError(f"the mask has shape {{mask.shape}}; this agent takes {{(*lead, {actions})}}")
    rows.append(mask)
"""

_JOINT_MASK = """    if isinstance(mask, tuple):  # one of each component
        each, mask = mask, np.ones((*lead, 1))
        for part in each:
            mask = (mask[..., :, None] * np.asarray(part)[..., None, :]).reshape((*lead, -1))
"""

_REACTIVE = '''
def values(obs{mask}):
    """Expected returns [actions] of an observation, or [n, actions] of a batch."""
    rows, single = rows_of(obs{passed})
    (out,) = network(rows)
    return out[0] if single else out


def act(obs{mask}):
    """The best action, as the environment wants it; or those of a batch."""
    best = values(obs{passed}).argmax(-1)
    return {action}
'''

_REMEMBERING = '''
state = np.zeros((0, {state}), np.float32)


def reset():
    """Forgets what was seen: the next observations begin episodes."""
    global state
    state = state[:0]


def network_of(obs{mask}):
    rows, single = rows_of(obs{passed})
    now = state if len(state) else np.zeros((len(rows), {state}), np.float32)
    return *network(rows, now), single


def values(obs{mask}):
    """Expected returns [actions] of an observation that follows those acted on, or [n, actions] of a batch."""
    out, _, single = network_of(obs{passed})
    return out[0] if single else out


def act(obs{mask}):
    """The best action, as the environment wants it, or those of a batch; remembers the observation."""
    global state
    out, state, single = network_of(obs{passed})
    best = (out[0] if single else out).argmax(-1)
    return {action}
'''


def numpy_files(program: Any, about: About) -> Mapping[str, bytes]:
    """The content of both, by their names."""
    graph = read_graph(program)
    weights = io.BytesIO()
    arrays = {node.name: node.data.numpy() for node in graph.constants if node.data is not None}
    np.savez(weights, allow_pickle=False, **arrays)  # type: ignore[arg-type]
    return {FILES[0]: _text(graph, about).encode(), FILES[1]: weights.getvalue()}


def _text(graph: Graph, about: About) -> str:
    lines = numpy_text.lines(graph)
    body = "\n".join(f"    {line}" for line in lines)
    counts = "    n = len(obs)\n" if re.search(r"\bn\b", body) else ""
    uses_math = "import math\n" if "math." in body else ""
    inputs = ", ".join(node.name for node in graph.inputs)
    outputs = ", ".join(map(numpy_text.operand, graph.outputs)) + ("," if len(graph.outputs) == 1 else "")
    words = {"mask": ", mask=None" if about.has_mask else "", "passed": ", mask" if about.has_mask else ""}
    acts = (_REMEMBERING if about.state else _REACTIVE).format(**words, state=about.state, action=_action(about))
    return "\n".join(
        [
            '"""' + "\n".join(about.text(_usage(about))) + '\n"""\n',
            f"{uses_math}from pathlib import Path\n\nimport numpy as np\n",
            f'W = dict(np.load(Path(__file__).with_name("{FILES[1]}"), allow_pickle=False))',
            f"{_shapes(about)}{numpy_text.helpers(graph)}{_rows(about)}\n",
            f'def network({inputs}):\n    """Values [n, actions] of rows."""',
            f"{counts}{body}\n    return {outputs}\n",
            acts,
        ]
    )


def _shapes(about: About) -> str:
    if not about.parts:
        return f"SHAPE = {about.spec.obs.shape!r}\n"
    parts = ", ".join(f"({part.path!r}, {part.shape!r})" for part in about.parts)
    return f"PARTS = [{parts}]\n"


def _rows(about: About) -> str:
    obs = about.spec.obs
    if not about.parts:
        return _PLAIN.format(dtype=obs.dtype.name if obs.dtype != np.bool_ else "bool_")
    if not about.has_mask:
        return _PARTED.format(mask="", allowed="")
    newest = "[..., -1, :]" if obs.stack > 1 else ""
    joint = _JOINT_MASK if about.spec.joint is not None else ""
    how = "agent.act(obs, mask)" if about.asks_for_mask else "the observation's action_mask"
    allowed = _ALLOWED.format(newest=newest, joint=joint, how=how, actions=about.spec.num_actions)
    return _PARTED.format(mask=", mask=None", allowed=allowed)


def _action(about: About) -> str:
    spec = about.spec
    if spec.joint is None:
        return f"best + {spec.action_start}" if spec.action_start else "best"
    joint = spec.joint
    places = f"np.stack(np.unravel_index(best, {joint.sizes!r}), -1)"
    starts = f" + np.array({joint.starts!r})" if any(joint.starts) else ""
    return f"({places}{starts}).reshape((*np.shape(best), {', '.join(map(str, joint.shape))}))"


def _usage(about: About) -> list[str]:
    mask = ", info['action_mask']" if about.asks_for_mask else ""
    begins = ["agent.reset()                   # an episode begins"] if about.state else []
    looks = [f"values = agent.values(obs{mask}){FIRST.format(sign='#') if about.state else ''}"]
    acts = [f"action = agent.act(obs{mask})"]
    return [f"    {line}".rstrip() for line in ["import agent", "", *begins, *looks, *acts]]
