"""A network of ours with a stranger's weights: the kinds that it is of, and whether it fits the environment."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import torch

from ...build import make_network
from ...config import C51, Config, Env, Mlp, Quantiles
from ...config.fields import tagged
from ...config.toml import override
from ...envs.make import EnvSpec
from ...errors import ConfigError, counted, either
from ...learn.convs import NATURE, SMALL, Layer, find_pictures
from ...learn.networks import QNetwork
from ...learn.types import ObsSpec
from .foreign import Foreign
from .numbers import setting_says
from .weights import LayerChain

CONVS: dict[Literal["nature", "small"], Sequence[Layer]] = {"nature": NATURE, "small": SMALL}
BRIGHTEST = 255.0
FLATTENED = "gymnasium.wrappers:FlattenObservation"
OF_FILE = ("conv", "normalize_obs", "torso", "layers", "norm", "stream", "head")
"""the settings that its weights decide"""


def network_config(agent: Foreign, num_actions: int) -> Config:
    """The configuration of a network with its layers; all else is as in `Config()`. Raises ConfigError."""
    conv = _conv(agent.chain)
    hidden = agent.chain.hidden
    if not hidden:
        raise ConfigError("it has no hidden layer, and ours have at least one")
    head: Any = Config().head
    if agent.quantiles is not None:
        head = Quantiles(num=agent.quantiles)
    elif agent.atoms is not None:
        low, high = agent.atoms[0].item(), agent.atoms[-1].item()
        head = C51(num=len(agent.atoms), v_min=low, v_max=high)
    numbers = agent.quantiles or (1 if agent.atoms is None else len(agent.atoms))
    outputs = agent.chain.dense[-1].outputs
    if outputs != num_actions * numbers:
        what = f" for {counted(numbers, 'number')} per action" if numbers > 1 else ""
        raise ConfigError(
            f"it has {counted(outputs, 'output')}{what}, and the environment {counted(num_actions, 'action')}: name "
            "the environment that it was trained on"
        )
    return Config(preset=agent.slug, conv=conv, torso=Mlp(hidden=hidden), head=head)


def with_said(config: Config, said: Mapping[str, Any]) -> tuple[Config, list[str], list[str]]:
    """The configuration with what a file says of the training; the names that it takes, and what it cannot, as text.

    A file may say anything, and its program other things than ours would allow: what cannot be is left out.
    """
    taken = list[str]()
    left = list(said)
    while left:
        before = len(left)
        for name in tuple(left):  # one may be possible only with another
            try:
                config = override(config, _table(name, said[name]))
            except ConfigError:
                continue
            taken.append(name)
            left.remove(name)
        if len(left) == before:
            break
    return config, taken, [setting_says(name, said[name]) for name in left]


def _table(name: str, value: object) -> dict[str, Any]:
    """A setting by its dotted name as a file has it."""
    place, _, key = name.partition(".")
    if key:
        return {place: {key: value}}
    return {name: {"kind": value}} if name in tagged() else {name: value}


def scaled_as_there(agent: Foreign, env: Env, spec: EnvSpec) -> Env:
    """The environment, with pixels divided as the agent is used to, unless that is as it is already."""
    if spec.obs.dtype != "uint8" or spec.obs.parts or agent.pixels == "unknown" or env.scale != "auto":
        return env
    is_picture = agent.chain.convs or len(spec.obs.frame_shape) == 3
    wanted = "high" if agent.pixels == "scaled" and is_picture else "none"
    return env if (spec.obs.scale != 1) == (wanted == "high") else replace(env, scale=wanted)


def network_of(agent: Foreign, config: Config, spec: EnvSpec) -> QNetwork:
    """The network with the weights of the agent. Raises ConfigError if the environment shows what it cannot take."""
    _check_seen(agent, config.env, spec)
    network = make_network(config, spec).requires_grad_(False)
    given = [w for layer in agent.chain.layers for w in (layer.weight, layer.bias)]
    own = network.state_dict()
    if [tuple(w.shape) for w in own.values()] != [tuple(w.shape) for w in given]:
        first = agent.chain.dense[0]
        raise ConfigError(
            f"its layer {first.name!r} takes {counted(first.inputs, 'number')}, and a network for env "
            f"{config.env.label!r} {network.encode.width:,}{_more_frames(first.inputs, config.env, spec.obs)}"
        )
    with torch.no_grad():
        for mine, theirs in zip(own.values(), given, strict=True):
            mine.copy_(theirs)
    return network


def _conv(chain: LayerChain) -> Literal["none", "nature", "small"]:
    """The kind of its convolutions. Raises ConfigError if ours has no such."""
    if not chain.convs:
        return "none"
    shapes = [tuple(conv.weight.shape) for conv in chain.convs]
    for kind, layers in CONVS.items():
        if [(shape[0], *shape[2:]) for shape in shapes] == [(each.channels, *[each.kernel] * 2) for each in layers]:
            return kind
    known = " or ".join(f"{kind} ({', '.join(_size(each) for each in layers)})" for kind, layers in CONVS.items())
    shown = ", ".join(f"{shape[0]} of {shape[2]} x {shape[3]}" for shape in shapes[:4])
    raise ConfigError(f"its convolutions ({shown}) are of no kind that ours can be: {known}")


def _size(layer: Layer) -> str:
    return f"{layer.channels} of {layer.kernel} x {layer.kernel}"


def _check_seen(agent: Foreign, env: Env, spec: EnvSpec) -> None:
    """Raises ConfigError if the environment shows or wants what nobody could tell the agent's order of."""
    obs = spec.obs
    if len(obs.parts) > 1:
        raise ConfigError(
            f"env {env.label!r} shows {counted(len(obs.parts), 'part')}, and the file does not say in which order it "
            f"takes them: name the wrapper that it was trained with, such as {_wrapped(FLATTENED)}"
        )
    if spec.joint is not None:
        raise ConfigError(
            f"env {env.label!r} takes actions of several components, and the file does not say how they are numbered"
        )
    if agent.chain.convs:
        _check_pictures(agent.chain, env, obs)
    elif not agent.flattens and obs.dtype == "uint8" and len(obs.frame_shape) == 3:
        raise ConfigError(
            f"env {env.label!r} shows pictures {obs.frame_shape}, which its layers see end to end in an order that "
            "ours do not, colours first: only agents with convolutions can be brought in for pictures"
        )


def _check_pictures(chain: LayerChain, env: Env, obs: ObsSpec) -> None:
    """Raises ConfigError unless its convolutions see pictures of the size and channels that the environment shows."""
    kind = _conv(chain)
    if kind == "none":
        return
    layers = CONVS[kind]
    places = chain.dense[0].inputs // chain.convs[-1].outputs
    picture = find_pictures(obs, 1).get(0)
    channels = chain.convs[0].inputs
    if picture is not None and picture.channels == channels and _makes(layers, picture.sides, places):
        return
    side = _before(layers, math.isqrt(places))
    settings: dict[str, Any] = {}
    colours = 0 if picture is None else picture.channels // obs.stack
    if colours > 1 and channels % colours:
        settings["gray"] = True
        colours = 1
    if picture is not None and math.isqrt(places) != _after(layers, min(picture.sides)):
        settings["resize"] = side
    if colours and channels % colours == 0 and channels // colours != obs.stack:
        settings["frame_stack"] = channels // colours
    raise ConfigError(
        f"its convolutions see {counted(channels, 'channel')} of {side} x {side} pixels, and env {env.label!r} shows "
        f"{obs.shape}: {_add(settings) if settings else 'name the environment that it was trained on'}"
    )


def _wrapped(wrapper: str) -> str:
    return either(f"--env.wrappers {wrapper}", f"Env(…, wrappers=({wrapper!r},))")


def _add(settings: Mapping[str, Any]) -> str:
    """How to make the environment with these settings."""
    words = ", ".join(f"{name}={value}" for name, value in settings.items())
    typed = [name.replace("_", "-") + ("" if value is True else f" {value}") for name, value in settings.items()]
    return f"add {either(' '.join(f'--env.{each}' for each in typed), f'Env(…, {words})')}"


def _makes(layers: Sequence[Layer], sides: tuple[int, int], places: int) -> bool:
    """Whether these convolutions make so many places of pictures of these sides."""
    return math.prod(_after(layers, side) for side in sides) == places


def _after(layers: Sequence[Layer], side: int) -> int:
    """The side of what these convolutions make of pictures of a side; 0 if those are too small."""
    for layer in layers:
        side = (side - layer.kernel) // layer.stride + 1
    return max(side, 0)


def _before(layers: Sequence[Layer], side: int) -> int:
    """The smallest side of pictures of which these convolutions make such a side."""
    for layer in reversed(layers):
        side = (side - 1) * layer.stride + layer.kernel
    return side


def _more_frames(wanted: int, env: Env, obs: ObsSpec) -> str:
    """What may help where an observation has other numbers, as the end of a message."""
    frame = math.prod(obs.frame_shape) if obs.num_states is None else 0
    if frame and wanted % frame == 0 and wanted // frame not in (1, obs.stack):
        return f": if it was trained on stacked frames, {_add({'frame_stack': wanted // frame})}"
    if obs.stack > 1 and wanted == frame:
        return f": leave out env.frame_stack = {obs.stack}"
    return ": name the environment, and the wrappers, that it was trained with"
