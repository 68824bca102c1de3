"""Reading a stranger's file: which kind it is says its content, not its name."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from ...errors import CheckpointError
from . import sb3
from .content import load_safetensors, load_torch, part_names, read_bytes, what_is
from .foreign import Foreign
from .numbers import is_plain, plain_numbers
from .weights import chain_of, network_in, singles

ATOMS = "atoms"
_LONGEST_HEADER = 1 << 24
CLEANRL = re.compile(r"network\.\d+\.(weight|bias)")
# CleanRL's arguments, which it saves beside the weights of some programs: our setting, their name.
NUMBERS = (
    ("gamma", "gamma", float),
    ("optimizer.lr", "learning_rate", float),
    ("batch_size", "batch_size", int),
    ("replay_capacity", "buffer_size", int),
    ("learning_starts", "learning_starts", int),
    ("update_every", "train_frequency", int),
    ("env.num_envs", "num_envs", int),
    ("budget.num", "total_timesteps", int),
    ("seed", "seed", int),
)
ENDS = (
    ("epsilon.start", "start_e", float),
    ("epsilon.end", "end_e", float),
    ("epsilon.steps", "exploration_fraction", float),
)
ALWAYS = {"rule": "greedy", "memory": "replay", "sampler": "uniform", "optimizer": "adam"}


class ForeignFile(NamedTuple):
    """A stranger's file, and the agent in it."""

    name: str
    sha256: str
    agent: Foreign


def read_foreign(file: Path) -> ForeignFile:
    """The agent in a file of another program; nothing in it is run.

    Raises:
        CheckpointError: it cannot be read, or holds no Q-network that ours could be; says what it is instead.
    """
    data = read_bytes(file)
    parts = part_names(file, data)
    if sb3.is_agent(parts):
        agent = sb3.read_agent(file, data, parts)
    elif _is_safetensors(data):
        agent = _of_state_dict(file, load_safetensors(file, data), len(data), in_order=False)
    elif parts and not any(name.endswith("data.pkl") for name in parts):
        raise CheckpointError(f"{str(file)!r} is not a file of weights: {what_is(file, data)}")
    else:
        agent = _of_state_dict(file, load_torch(file, data), len(data), in_order=True)
    return ForeignFile(file.name, hashlib.sha256(data).hexdigest(), agent)


def _is_safetensors(data: bytes) -> bool:
    return data[8:9] == b"{" and int.from_bytes(data[:8], "little") < min(_LONGEST_HEADER, len(data))


def _of_state_dict(file: Path, content: Any, size: int, *, in_order: bool) -> Foreign:
    """An agent from weights without settings, or with those that CleanRL saves. Raises CheckpointError."""
    try:
        found = network_in(content)
        if sb3.is_policy(found.weights):
            agent = sb3.of_policy(found.weights, size)
            return replace(agent, assumed=(*found.assumed, *agent.assumed))
        single, changed = singles(found.weights, size)
        atoms = _atoms(single.pop(ATOMS, None))
        chain = chain_of(single, in_order=in_order)
        is_cleanrl = all(map(CLEANRL.fullmatch, single))
        said = content.get("args") if is_cleanrl else None
        settings, odd = _arguments(said, atoms) if isinstance(said, Mapping) else ({}, ())
    except ValueError as e:
        raise CheckpointError(f"{str(file)!r} cannot be brought in: {e}") from e
    assumed = [*found.assumed, "ReLU between its layers", *chain.assumed]
    if chain.convs:
        assumed.append("pixels divided by 255")
    order = [layer.name for layer in chain.layers]
    if not in_order or order != list(dict.fromkeys(name.rpartition(".")[0] for name in single)):
        assumed.append(f"the order {', '.join(order)}")
    return Foreign(
        program="CleanRL" if is_cleanrl else "a state_dict",
        slug="cleanrl" if is_cleanrl else "state_dict",
        chain=chain,
        settings=settings,
        atoms=atoms,
        pixels="scaled" if chain.convs else "unknown",
        odd=odd,
        assumed=tuple(assumed),
        changed=(changed,) if changed else (),
    )


def _atoms(atoms: Tensor | None) -> Tensor | None:
    """The returns that a C51 network gives probabilities of. Raises ValueError unless they are evenly spaced."""
    if atoms is None:
        return None
    steps = atoms.diff()
    if atoms.ndim != 1 or len(atoms) < 2 or not (steps > 0).all() or (steps.max() / steps.min()).item() > 1.001:
        raise ValueError(f"its {ATOMS} {tuple(atoms.shape)} are no evenly spaced returns from low to high")
    return atoms


def _arguments(said: Mapping[str, Any], atoms: Tensor | None) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What the program's arguments say in our words, and what of it cannot be."""
    found, odd = plain_numbers(said, NUMBERS)
    _, more = plain_numbers(said, ENDS)
    ends = [said.get(theirs) for _, theirs, _ in ENDS]
    if all(is_plain(float, each) for each in ends) and "budget.num" in found:
        start, end, share = map(float, ends)  # type: ignore[arg-type]
        steps = max(math.ceil(share * found["budget.num"]), 1)
        found |= {"epsilon": "linear", "epsilon.start": start, "epsilon.end": end, "epsilon.steps": steps}
    if "budget.num" in found:
        found["budget"] = "steps"
    return {**found, **ALWAYS, **({} if atoms is not None else {"head.huber": None})}, (*odd, *more)
