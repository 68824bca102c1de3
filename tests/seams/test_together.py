"""What updates are made of compiles, and learns side by side as alone: all of it in one program."""

import shutil
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from dqnlab.config import Config, Env, Gru, Quantiles
from dqnlab.learn.fast import stack

from ..jobs import Jobs
from ..tiny import SMALL
from .conftest import Filled
from .one_program import OneProgram
from .test_custom import EXAMPLES, MINE, find, forget
from .test_family import NEW
from .test_network_seams import check_rounds, put, stacked
from .variants import VARIANTS

NAMES = [
    "dueling quantiles, munchausen, prioritised",
    "noisy dueling categories, double, prioritised",
    "spectral branches of quantiles",
    "a rollout of everything",
]
REMEMBERING = replace(SMALL, torso=Gru(hidden=(), units=5, burn_in=1, unroll=2), head=Quantiles(num=3))
"""whatever sees rows must see those that are asked about"""


def with_parts_and_masks(config: Config) -> Config:
    return replace(config, env=replace(config.env, id=partial(Jobs, "info"), num_envs=2))


@pytest.mark.world
@pytest.mark.timeout(600)
def test_compiled_they_learn_as_each_alone(
    programs: Path, monkeypatch: pytest.MonkeyPatch, filled: Filled, tmp_path: Path
) -> None:
    shutil.copytree(EXAMPLES, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(stack, "compile_program", OneProgram(programs / "family"))
    kinds = [
        *(with_parts_and_masks(config) for config in (REMEMBERING, *(NEW[name] for name in NAMES))),
        replace(SMALL, **{place: find(place, kind)() for place, kind in MINE.items()}),
    ]
    groups = [[filled(replace(kind, seed=seed)) for seed in (0, 1, 0, 1)] for kind in kinds]
    put(VARIANTS["all at once"], monkeypatch)
    variant = with_parts_and_masks(replace(SMALL, n=3, env=Env()))
    groups.append([filled(replace(variant, seed=seed)) for seed in (0, 1, 0, 1)])
    stacks = [stacked(group[:2], programs) for group in groups]
    for each, group in zip(stacks, groups, strict=True):
        check_rounds(each, group[:2], group[2:], 20)
    assert len(list((programs / "family").glob("*.pt2"))) == 1  # though learning rates fall
    forget()
