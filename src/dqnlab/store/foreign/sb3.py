"""Agents of Stable-Baselines3: a zip archive with plain settings, pickled ones, which nobody reads, and weights."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from ...errors import CheckpointError
from .content import load_torch, read_part
from .foreign import Foreign
from .numbers import plain_numbers
from .weights import LayerChain, chain_of, natural, singles

DATA, POLICY = "data", "policy.pth"
VERSION = "_stable_baselines3_version"
MOST_DATA = 1 << 26
MOST_VERSION = 100
# Networks by the name that their policy has for them. Its target network's is longer, and left out.
NETWORKS = ("q_net", "quantile_net")
PARTS = ("features_extractor.cnn.", "features_extractor.linear.", "q_net.", "quantile_net.")
"""of such a network, in the order in which data passes them"""
RELU = "<class 'torch.nn.modules.activation.ReLU'>"
# Our setting, what they call it, and what has to be true of it.
NUMBERS = (
    ("gamma", "gamma", float),
    ("optimizer.lr", "learning_rate", float),
    ("optimizer.max_grad_norm", "max_grad_norm", float),
    ("batch_size", "batch_size", int),
    ("replay_capacity", "buffer_size", int),
    ("learning_starts", "learning_starts", int),
    ("n", "n_steps", int),
    ("env.num_envs", "n_envs", int),
    ("epsilon.start", "exploration_initial_eps", float),
    ("epsilon.end", "exploration_final_eps", float),
    ("budget.num", "_total_timesteps", int),
    ("seed", "seed", int),
)
COSTS = (("env_steps", "num_timesteps", int), ("updates", "_n_updates", int))
SHARES = (("epsilon.steps", "exploration_fraction", float),)
ALWAYS = {
    "rule": "greedy",
    "memory": "replay",
    "sampler": "uniform",
    "optimizer": "adam",
    "exploration": "epsilon_greedy",
}
"""what its DQN and QR-DQN do, with parts of its own"""
BUFFERS = "stable_baselines3.common.buffers"


def is_agent(parts: set[str]) -> bool:
    """Whether an archive has the parts of an agent."""
    return {DATA, POLICY} <= parts


def is_policy(names: Mapping[str, Any]) -> bool:
    """Whether weights are those of a policy, saved by themselves."""
    return any(re.match(r"(q_net|quantile_net|mlp_extractor|action_net|actor|critic)\.", name) for name in names)


def read_agent(file: Path, data: bytes, parts: set[str]) -> Foreign:
    """An agent, from its zip archive. Raises CheckpointError."""
    said = _plain(file, read_part(file, data, DATA, MOST_DATA))
    policy = read_part(file, data, POLICY)
    weights = load_torch(file, policy, POLICY)
    version = _version(read_part(file, data, VERSION, MOST_VERSION)) if VERSION in parts else ""
    try:
        return of_policy(weights, len(policy), said, version)
    except ValueError as e:
        raise CheckpointError(f"{str(file)!r} is an agent of Stable-Baselines3 that cannot be brought in: {e}") from e


def of_policy(weights: Any, size: int, said: Mapping[str, Any] | None = None, version: str = "") -> Foreign:
    """An agent, from the weights of its policy and what its settings say, if they came along. Raises ValueError."""
    own = _network(weights)
    quantile = NETWORKS[1] in own
    single, changed = singles(own[NETWORKS[quantile]], size)
    chain = chain_of(_ordered(single), in_order=True)
    kwargs = (said or {}).get("policy_kwargs")
    kwargs = kwargs if isinstance(kwargs, Mapping) else {}
    settings, costs, odd = _settings(said) if said is not None else ({}, {}, ())
    quantiles = _quantiles(kwargs, chain) if quantile else None
    loss = {} if quantile else {"head.huber": 1.0}
    return Foreign(
        program=f"Stable-Baselines3 {'QR-DQN' if quantile else 'DQN'}",
        slug="sb3",
        chain=chain if quantiles is None else _by_action(chain, quantiles),
        version=version,
        settings={**settings, **_always(said, kwargs), **loss} if said is not None else {},
        quantiles=quantiles,
        pixels="plain" if kwargs.get("normalize_images") is False else "scaled",
        flattens=False,
        odd=odd,
        env_steps=costs.get("env_steps"),
        updates=costs.get("updates"),
        assumed=(*_assumed(said, kwargs), *chain.assumed),
        changed=(changed,) if changed else (),
    )


def _plain(file: Path, text: bytes) -> dict[str, Any]:
    """The settings of an archive, of which those that are pickled stay texts. Raises CheckpointError."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError) as e:
        raise CheckpointError(f"{str(file)!r} is damaged: its part {DATA!r} is not JSON ({type(e).__name__})") from e
    if not isinstance(said, dict):
        raise CheckpointError(f"{str(file)!r} is damaged: its part {DATA!r} is not a table of settings")
    return said


def _version(text: bytes) -> str:
    found = re.fullmatch(rb"\s*(\d+(\.\w{1,8}){1,4})\s*", text)
    return found[1].decode() if found else ""


def _network(weights: Any) -> dict[str, dict[str, Tensor]]:
    """The networks of a policy by name, but for the target network. Raises ValueError if it has no Q-values."""
    if not isinstance(weights, Mapping) or not all(
        isinstance(name, str) and isinstance(w, Tensor) for name, w in weights.items()
    ):
        raise ValueError("its policy is not a state_dict of tensors")
    found: dict[str, dict[str, Tensor]] = {}
    for name, w in weights.items():
        first, _, rest = name.partition(".")
        if first in NETWORKS:
            found.setdefault(first, {})[rest] = w
    if len(found) != 1:
        shown = ", ".join(sorted({name.partition(".")[0][:40] for name in weights})[:4]) or "nothing"
        raise ValueError(
            f"it has no Q-network, but {shown}: only DQN and QR-DQN value actions one by one; PPO, A2C, SAC, TD3 and "
            "others learn a policy, which is another thing"
        )
    return found


def _ordered(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a network in the order in which data passes them. Raises ValueError if it has other parts."""
    rank = {name: next((i for i, part in enumerate(PARTS) if name.startswith(part)), None) for name in weights}
    if odd := [name for name, found in rank.items() if found is None]:
        raise ValueError(
            f"it holds {odd[0][:80]!r}: only its own MlpPolicy and CnnPolicy can be brought in, not other features"
        )
    return dict(sorted(weights.items(), key=lambda item: (rank[item[0]] or 0, natural(item[0]))))


def _quantiles(kwargs: Mapping[str, Any], chain: LayerChain) -> int:
    """How many quantiles per action. Raises ValueError if that can be no number of them."""
    num = kwargs.get("n_quantiles", 200)  # its default
    if not isinstance(num, int) or isinstance(num, bool) or num < 1 or chain.dense[-1].outputs % num:
        raise ValueError(f"its {chain.dense[-1].outputs} outputs are not {num} quantiles for each action")
    return num


def _by_action(chain: LayerChain, num: int) -> LayerChain:
    """The chain with all quantiles of an action side by side: there, all actions of a quantile are."""
    last = chain.dense[-1]
    weight = last.weight.view(num, -1, last.inputs).transpose(0, 1).reshape(-1, last.inputs)
    bias = last.bias.view(num, -1).T.reshape(-1)
    sorted_last = last._replace(weight=weight.contiguous(), bias=bias.contiguous())
    return LayerChain(chain.convs, [*chain.dense[:-1], sorted_last])


def _settings(said: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, int], tuple[str, ...]]:
    """What the plain settings say in our words, how long it was trained, and what of it cannot be."""
    found, odd = plain_numbers(said, NUMBERS)
    costs, odd_costs = plain_numbers(said, COSTS)
    shares, odd_shares = plain_numbers(said, SHARES)
    share, total = shares.get("epsilon.steps"), found.get("budget.num")
    if share is not None and total is not None and {"epsilon.start", "epsilon.end"} <= found.keys():
        found |= {"epsilon": "linear", "epsilon.steps": max(round(float(str(share)) * total), 1)}
    else:
        found = {name: value for name, value in found.items() if not name.startswith("epsilon")}
    if "budget.num" in found:
        found["budget"] = "steps"
    return found, costs, (*odd, *odd_shares, *odd_costs)


def _always(said: Mapping[str, Any], kwargs: Mapping[str, Any]) -> dict[str, str]:
    """What its training was like, but where parts of the user's own took a part."""
    found = dict(ALWAYS)
    if "optimizer_class" in kwargs:
        found.pop("optimizer")
    buffer = said.get("replay_buffer_class")
    if isinstance(buffer, Mapping) and buffer.get("__module__") != BUFFERS:
        found.pop("memory")
        found.pop("sampler")
    return found


def _assumed(said: Mapping[str, Any] | None, kwargs: Mapping[str, Any]) -> tuple[str, ...]:
    """What is taken for granted. Raises ValueError for an activation that is not ours."""
    if said is None:
        return ("ReLU between its layers",)
    activation = kwargs.get("activation_fn", RELU)  # its default
    if activation != RELU:
        named = re.search(r"(\w+)\W*$", activation) if isinstance(activation, str) else None
        raise ValueError(
            f"between its layers is {named[1][:80] if named else 'something else'}, and ours have ReLU there"
        )
    return ()
