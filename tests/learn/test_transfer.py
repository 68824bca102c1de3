"""A network takes from another one what fits, from the front."""

from collections import OrderedDict

import torch

from dqnlab.learn.networks import QNetwork
from dqnlab.learn.transfer import begin_with, fitting_parts, own_names
from dqnlab.learn.types import ObsSpec
from dqnlab.learn.weights import Flat, export_weights

from ..nets import mlp

OBS = ObsSpec((2,), torch.zeros(0).numpy().dtype)


def net(actions: int = 2, hidden: tuple[int, ...] = (3,), seed: int = 0, inputs: int = 2) -> QNetwork:
    return mlp(OBS._replace(shape=(inputs,)), actions, hidden, seed)


def test_classic_names_are_those_of_torso_and_stream() -> None:
    named = own_names(export_weights(net(hidden=(3, 4))))
    assert set(named) == set(net(hidden=(3, 4)).state_dict())
    assert named["torso.layers.1.weight"].shape == (4, 3)
    assert named["stream.linear.bias"].shape == (2,)


def test_names_that_are_not_the_classic_ones_stay() -> None:
    odd = OrderedDict({"fc.0.weight": torch.zeros(1), "fc.1.bias": torch.zeros(1)})
    assert own_names(odd) == odd
    assert own_names({}) == {}


def test_what_was_exported_is_a_copy_that_no_later_update_changes() -> None:
    network = net(seed=1)
    flat = Flat(network)
    weights = export_weights(network)
    before = {name: weight.clone() for name, weight in weights.items()}
    flat.values.add_(1.0)
    assert all(torch.equal(weights[name], before[name]) for name in before)


def test_all_parts_fit_a_network_of_the_same_shape() -> None:
    weights = own_names(export_weights(net(seed=1)))
    assert fitting_parts(net(), weights, same_head=True) == ["encode", "torso", "stream"]


def test_a_head_that_means_something_else_is_left_out_though_its_shapes_are_equal() -> None:
    weights = own_names(export_weights(net(seed=1)))
    assert fitting_parts(net(), weights, same_head=False) == ["encode", "torso"]


def test_with_other_actions_the_torso_is_taken_alone() -> None:
    weights = own_names(export_weights(net(actions=5)))
    assert fitting_parts(net(), weights, same_head=True) == ["encode", "torso"]


def test_nothing_behind_a_part_that_does_not_fit_is_taken() -> None:
    """The stream has the right shape, but its inputs are features of another torso."""
    weights = own_names(export_weights(net(hidden=(7, 3))))
    assert fitting_parts(net(hidden=(3,)), weights, same_head=True) == []
    assert fitting_parts(net(inputs=4), own_names(export_weights(net())), same_head=True) == []


def test_the_parts_are_copied_in_place_and_the_last_layer_is_divided_by_the_scale() -> None:
    own, other = net(), net(seed=1)
    own.reward_scale = 4.0
    flat = Flat(own)
    before = flat.values.clone()
    begin_with(own, own_names(export_weights(other)), ["encode", "torso", "stream"])
    assert not torch.equal(flat.values, before)  # the vector that is learned sees it
    obs = torch.tensor([[0.5, -1.0]])
    assert torch.allclose(own.q_values(obs) * 4.0, other.q_values(obs))


def test_a_part_that_is_not_taken_stays_as_it_was() -> None:
    own, other = net(actions=5), net(seed=1)
    stream = own.stream.state_dict()["linear.weight"].clone()
    begin_with(own, own_names(export_weights(other)), ["encode", "torso"])
    assert torch.equal(own.stream.state_dict()["linear.weight"], stream)
    assert torch.equal(own.torso.state_dict()["layers.0.weight"], other.torso.state_dict()["layers.0.weight"])
