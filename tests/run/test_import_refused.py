"""Agents of other programs that are none of ours, or do not fit the environment: refused by name."""

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from dqnlab.errors import CheckpointError, ConfigError

from ..foreign import SAID, chain, named, nature, policy, sb3_zip
from .test_import import Pixels, bring, written


class Stopped(Pixels):
    """Somebody presses Ctrl-C while it is judged."""

    def step(self, action: Any) -> Any:
        raise KeyboardInterrupt


class Colours(Pixels):
    observation_space = gym.spaces.Box(0, 255, (210, 160, 3), np.uint8)


def noisy() -> dict[str, Any]:
    return {"fc.weight_mu": torch.zeros(2, 4), "fc.weight_sigma": torch.zeros(2, 4)}


REFUSED: dict[str, tuple[Any, str]] = {
    "actor-critic": ({"mlp_extractor.policy_net.0.weight": torch.zeros(2, 4)}, "no Q-network, but mlp_extractor"),
    "noise": (noisy(), "no norms, noise or recurrence"),
    "two networks": ({"a": noisy(), "b": noisy()}, r"2 tables of tensors \(a, b\)"),
    "dueling": (
        {"body.weight": torch.ones(8, 4), "value.weight": torch.ones(1, 8), "advantage.weight": torch.ones(2, 8)},
        "'value' gives 1 number, and 'advantage' takes 8",
    ),
    "not finite": ({"a.weight": torch.full((2, 4), torch.nan)}, "'a.weight' holds numbers that are not finite"),
    "whole numbers": ({"a.weight": torch.ones(2, 4, dtype=torch.int64)}, "as torch.int64"),
    "numbers alone": ({"epoch": 3}, r"no table of tensors \(epoch\)"),
    "nothing": ({}, "it is an empty table"),
    "a list": ([torch.zeros(2, 2)], "a list, not a state_dict"),
    "no hidden layer": ({"a.weight": torch.ones(2, 4)}, "no hidden layer"),
    "other convolutions": ({"a.weight": torch.ones(3, 4, 5, 5), "b.weight": torch.ones(2, 12)}, "3 of 5 x 5"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_chain_of_ours_is_refused_by_name(name: str) -> None:
    content, said = REFUSED[name]
    with pytest.raises((CheckpointError, ConfigError), match=said):
        bring(written("net.pt", content))
    assert not Path("runs").exists()


def test_an_activation_that_is_not_ours_is_refused() -> None:
    kwargs = {":serialized:": "gASV", "activation_fn": "<class 'torch.nn.modules.activation.Tanh'>"}
    with pytest.raises(CheckpointError, match="between its layers is Tanh, and ours have ReLU"):
        bring(sb3_zip(Path("a.zip"), policy(chain(4, 8, 2)), SAID | {"policy_kwargs": kwargs}))


def test_an_environment_that_does_not_fit_is_told_what_to_add() -> None:
    with pytest.raises(ConfigError, match=r"16 numbers, and a network for env 'CartPole-v1' 4: .*--env\.frame-stack 4"):
        bring(written("stacked.pt", named(chain(16, 8, 2), "net")))
    with pytest.raises(ConfigError, match="3 outputs, and the environment 2 actions"):
        bring(written("other.pt", named(chain(4, 8, 3), "net")))
    with pytest.raises(ConfigError, match=r"add --env.gray --env.resize 84 --env.frame-stack 4 \(in Python"):
        bring(written("atari.pt", named(nature(4, 3), "network")), Colours)
    with pytest.raises(ConfigError, match="4 channels of 84 x 84 pixels, and env 'CartPole-v1' shows"):
        bring(written("atari.pt", named(nature(4, 2), "network")))


def test_nothing_is_left_of_what_was_interrupted_while_it_was_judged() -> None:
    with pytest.raises(KeyboardInterrupt):
        bring(written("atari.pt", named(nature(1, 3), "network")), Stopped)
    assert not Path("runs").exists()


@pytest.mark.parametrize("setting", ["conv", "head", "init"])
def test_what_the_weights_decide_is_no_setting(setting: str) -> None:
    with pytest.raises(ConfigError, match=f"{setting} is no setting to be given here"):
        bring(written("net.pt", named(chain(4, 8, 2), "net")), **{setting: "none"})
