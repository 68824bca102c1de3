"""Whatever says which actions are allowed is found by its name, however people spell it."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from dqnlab.config import Config, Env
from dqnlab.envs.make import describe
from dqnlab.envs.masks import is_mask, mask_in
from dqnlab.run.system import make_remarks

SPELLINGS = "action_mask action_masks actions_mask actionMask ActionMasks get_action_mask get_action_masks move_mask "
SPELLINGS += (
    "compute_action_mask valid_actions get_valid_actions validActions valid_action_mask valid_mask valid_moves "
)
SPELLINGS += "legal_actions legal_moves get_legal_moves legal_actions_mask legalActions avail_actions allowed_actions "
SPELLINGS += (
    "available_actions get_available_actions possible_moves get_possible_actions invalid_actions feasible_actions "
)
SPELLINGS += "illegal_moves forbidden_actions admissible_actions permitted_actions invalid_action_mask actionmask"
OTHERS = (
    "action action_space actions moves num_valid_actions invalid_action_penalty is_legal valid mask_image image_mask "
)
OTHERS += (
    "last_valid_action valid_action_count use_action_mask _action_masks action_prob legal_status available n_moves"
)


@pytest.mark.parametrize("name", SPELLINGS.split())
def test_a_name_of_a_mask_is_known(name: str) -> None:
    assert is_mask(name)


@pytest.mark.parametrize("name", OTHERS.split())
def test_other_names_are_not_taken_for_masks(name: str) -> None:
    assert not is_mask(name)


@pytest.mark.parametrize(
    ("info", "found"),
    [
        ({"action_mask": np.ones(2, np.int8)}, "action_mask"),
        ({"prob": 1.0, "legal_moves": []}, "legal_moves"),
        ({"mask": [True, False]}, "mask"),
        ({"mask": np.ones((8, 8))}, None),
        ({"invalid_actions": 3}, None),
        ({"valid_moves": "all"}, None),
        ({1: [1, 2]}, None),
    ],
    ids=str,
)
def test_an_entry_of_an_info_that_lists_actions_is_a_mask_and_a_count_is_none(info: Any, found: str | None) -> None:
    assert mask_in(info, 2) == found


class Plain(gym.Env):
    """Says nothing of masks."""

    observation_space, action_space = spaces.Box(-1, 1, (3,), np.float32), spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        return np.zeros(3, np.float32), {}

    def step(self, action: Any) -> Any:
        return np.zeros(3, np.float32), 0.0, True, False, {}


class Masks(Plain):
    def action_masks(self) -> Any:
        raise AssertionError("nobody asked")


class Legal(Plain):
    @property
    def legal_moves(self) -> Any:
        raise AssertionError("nobody asked")


class Kept(Plain):
    def __init__(self) -> None:
        self.valid_actions = [0, 1]


class Masker(gym.Wrapper):
    def get_action_mask(self) -> Any:
        raise AssertionError("nobody asked")


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (Masks, "the environment has action_masks(), which is not read"),
        (Legal, "the environment has legal_moves, which is not read"),
        (Kept, "the environment has valid_actions, which is not read"),
        (lambda: gym.wrappers.FlattenObservation(gym.wrappers.TimeLimit(Masks(), 9)), "has action_masks(), which"),
        (lambda: gym.wrappers.TimeLimit(Masker(Plain()), 9), "the environment has get_action_mask(), which is not"),
    ],
    ids=["method", "property", "attribute", "behind wrappers", "a wrapper's own"],
)
@pytest.mark.parametrize("stack", [1, 2])
def test_a_mask_is_said_wherever_it_is_and_without_a_call(made: Any, words: str, stack: int) -> None:
    config = Config(env=Env(id=made, frame_stack=stack))
    (remark,) = [each for each in make_remarks(config, describe(config.env)) if each.check == "mask"]
    assert words in remark.what
    assert remark.advice.startswith("return it as info['action_mask'] from every reset and step")


def test_of_an_environment_without_masks_nothing_is_said() -> None:
    config = Config(env=Env(id=Plain))
    assert describe(config.env).unread_mask is None
    assert not [each for each in make_remarks(config, describe(config.env)) if each.check == "mask"]
