"""The contract of parts of one's own: every place takes one, and what cannot work is said before training."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest
import torch
from torch import Tensor

from dqnlab.config import Config, Custom, Hard, Whole
from dqnlab.config.custom import MAKES
from dqnlab.errors import ConfigError
from dqnlab.lab.session import train
from dqnlab.learn.exploration import Choose
from dqnlab.learn.learner import HardSync, Sync
from dqnlab.learn.memory import Memory
from dqnlab.learn.networks import LinearStream, Mlp, QNetwork, Stream, Torso
from dqnlab.learn.samplers import Sampler, Uniform
from dqnlab.learn.targets import Rule
from dqnlab.store.agent import load
from dqnlab.store.reading import read_json

from ..equal import same
from ..tiny import SMALL
from .conftest import Filled

# ── The contract ─────────────────────────────────────────────────────────────────────────────────


class Firm(Custom, place="sync"):
    every: Annotated[int, Whole(1, 10)] = 3

    def make(self) -> Sync:
        return HardSync(self.every)


class Ordered(Custom, place="sampler"):
    def make(self, capacity: int) -> Sampler:
        assert capacity == SMALL.replay_capacity
        return Uniform()


class Straight(Custom, place="stream"):
    def make(self, width: int, num_actions: int, num_values: int) -> Stream:
        return LinearStream(width, num_actions, num_values)


class Kept(Custom, place="memory"):
    def make(self, replay: Memory, online: QNetwork, rng: np.random.Generator) -> Memory:
        assert online.obs.shape == (4,)
        assert replay.batch_size == SMALL.batch_size
        return replay


class Last(Custom, place="exploration"):
    def make(self) -> Choose:
        return lambda q, rng: np.full(len(q), q.shape[1] - 1)


def test_every_place_takes_a_part(filled: Filled) -> None:
    mine = {"sync": Firm(every=7), "sampler": Ordered(), "stream": Straight(), "exploration": Last(), "memory": Kept()}
    system = filled(replace(SMALL, **mine))
    assert len(system.learner.update(system.memory.batch(system.memory.sample())).error) == SMALL.batch_size
    assert system.learner.sync == HardSync(7)
    policy = system.collector.policy
    assert policy(system.collector.obs, np.ones(len(system.collector.obs), bool), 0.0).tolist() == [1]


def test_values_are_checked_as_those_of_dqnlabs_own_kinds() -> None:
    with pytest.raises(ConfigError, match=r"sync.every must be a whole number from 1 to 10, got 11"):
        Firm(every=11)
    with pytest.raises(ConfigError, match=r"sync.every must be a whole number from 1 to 10, got 'x'"):
        Firm(every="x")  # type: ignore[arg-type]


def test_a_part_stands_in_its_place() -> None:
    with pytest.raises(ConfigError, match=r"rule = '.*:Firm' is a sync: use it as sync"):
        Config(rule=Firm())
    with pytest.raises(ConfigError, match=r"rule must be Greedy\(\), Double\(\), Munchausen\(\) or a part of your own"):
        Config(rule=HardSync(3))  # type: ignore[arg-type]


def test_a_class_that_is_no_part_is_refused_where_it_is_written() -> None:
    with pytest.raises(ConfigError, match="there is no place 'heads' for a part of your own: choose from torso"):

        class Lost(Custom, place="heads"):
            pass

    with pytest.raises(ConfigError, match=r"Idle makes nothing: a rule of your own needs make\(\) -> Rule"):

        class Idle(Custom, place="rule"):
            pass


def test_every_place_is_a_setting() -> None:
    assert MAKES.keys() <= set(vars(Config()))


class Broken(Custom, place="torso"):
    """A torso with one of many faults."""

    fault: str = ""

    def make(self, inputs: int) -> object:
        if self.fault == "make":
            raise ZeroDivisionError("mine")
        return 3 if self.fault == "an int" else BrokenTorso(inputs, self.fault)


class BrokenTorso(Torso):
    def __init__(self, inputs: int, fault: str) -> None:
        super().__init__()
        self.width, self.fault, self.layer = 8, fault, torch.nn.Linear(inputs, 8)

    def forward(self, x: torch.Tensor, draw: torch.Tensor) -> Any:
        made = self.layer(x)
        if self.fault == "raises":
            raise ZeroDivisionError("mine")
        faults = {"detached": made.detach(), "narrow": made[:, :5], "nan": made * float("nan"), "rows": made[:1]}
        return faults.get(self.fault, made)


class OneNumber(Custom, place="rule"):
    """Gives [B] where [B, K] is wanted."""

    def make(self) -> Rule:
        return lambda online, target, batch: (batch.reward, target.q_values(batch.next_obs).max(1).values)


class Wants(Custom, place="head"):
    def make(self) -> object:  # without the scale
        return None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"torso": Broken(fault="make")},
            r"torso = '.*:Broken': make\(inputs\) -> Torso raised ZeroDivisionError: mine",
        ),
        ({"torso": Broken(fault="an int")}, "makes int, which is not a Torso with all that"),
        ({"torso": Broken(fault="raises")}, "a first update on made-up transitions raised ZeroDivisionError: mine"),
        ({"torso": Broken(fault="narrow")}, "a first update on made-up transitions raised RuntimeError"),
        (
            {"torso": Broken(fault="rows")},
            r"the network's values must be a tensor of shape \(4, 2, 1\), got \(1, 2, 1\)",
        ),
        ({"torso": Broken(fault="nan")}, "the loss of made-up transitions is nan"),
        ({"torso": Broken(fault="detached")}, "no gradient reaches the torso's weights"),
        ({"rule": OneNumber()}, r"the rule's next row must be a tensor of shape \(4, 1\), got \(4,\)"),
        ({"head": Wants()}, r"head = '.*:Wants': make\(scale\) -> Head raised TypeError"),
    ],
)
def test_a_fault_of_ones_own_is_named_before_anything_is_trained(
    changes: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=said):
        train(replace(SMALL, **changes), out=tmp_path / "run", trackers=("none",))
    assert not (tmp_path / "run" / "last_model.pth").exists()


def test_a_part_that_ends_the_program_while_training_is_named_and_the_run_kept(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"training was ended by SystemExit: 3 \(test_custom_faults.py, line \d+\)"):
        train(replace(SMALL, torso=Leaves()), out=tmp_path / "run", trackers=("none",))
    assert "SystemExit" in read_json(tmp_path / "run" / "result.json")["error"]


class Leaves(Custom, place="torso"):
    """Ends the program at its hundredth look."""

    def make(self, inputs: int) -> Torso:
        return Leaving([inputs, 8])


class Leaving(Mlp):
    seen = 0

    def forward(self, x: Tensor, draw: Tensor) -> Tensor:
        self.seen += 1
        if self.seen > 100:
            raise SystemExit(3)
        return super().forward(x, draw)


def test_trying_an_update_leaves_everything_as_it_was(filled: Filled) -> None:
    plain, own = (filled(replace(SMALL, sync=sync)) for sync in (Hard(every=3), Firm()))
    same(plain.learner.state_dict(), own.learner.state_dict())


def test_a_class_of_the_running_program_is_found_without_an_import(tmp_path: Path) -> None:
    class Inside(Custom, place="sync"):
        """Lies in a function."""

        def make(self) -> Sync:
            return HardSync(2)

    run = train(replace(SMALL, sync=Inside()), out=tmp_path / "run", trackers=("none",))
    assert load(run.folder).config.sync == Inside()


def test_settings_that_no_file_could_hold_are_refused() -> None:
    with pytest.raises(ConfigError, match="'absent' cannot be the name of a setting"):

        class Kind(Custom, place="sync"):
            absent: str = "x"  # type: ignore[misc, assignment]

            def make(self) -> Sync:
                return HardSync(1)

    with pytest.raises(ConfigError, match="its settings cannot be read: mutable default"):

        class Mutable(Custom, place="sync"):
            table: dict[str, int] = {}  # noqa: RUF012

            def make(self) -> Sync:
                return HardSync(1)

    class Number(Custom, place="sync"):
        size: float = 1.0

        def make(self) -> Sync:
            return HardSync(1)

    for wrong in (float("inf"), float("nan")):
        with pytest.raises(ConfigError, match=r"sync.size must be a"):
            Number(size=wrong)
