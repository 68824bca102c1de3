"""What a run starts from: the tagged choices of what is learned from, of terms beside the loss, and first weights."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, ClassVar

from ..errors import ConfigError, either
from .checks import Between, Says, Whole, require, written
from .typed import check_fields

Hash = Annotated[str | None, Says("64 hexadecimal digits")]
Positive = Annotated[float, Between(0, 1e6, open_low=True)]


def check_hash(name: str, value: str | None) -> None:
    """Raises ConfigError unless this is a SHA-256, or none."""
    require(value is None or re.fullmatch("[0-9a-f]{64}", value) is not None, name, value, "64 hexadecimal digits")


@dataclass(frozen=True, kw_only=True)
class Own:
    """The agent learns from what it meets itself."""

    kind: ClassVar[str] = "own"


@dataclass(frozen=True, kw_only=True)
class Demos:
    """Recorded episodes are kept beside the replay for ever, and have a share of every batch (Hester et al. 2018)."""

    kind: ClassVar[str] = "demos"
    plain: ClassVar[str] = "source"
    source: str
    """a folder of recorded episodes, or the name of a Minari data set on this machine"""
    share: Annotated[float, Between(0, 1, open_low=True, open_high=True)] = 0.25
    """of each batch that is drawn from them, uniformly; all of it until learning_starts transitions were collected"""
    pretrain: Annotated[int, Whole(0, 10_000_000)] = 0
    """updates from them alone before anything is learned from the agent's own steps"""
    sha256: Hash = None
    """of the episodes, written down when a run begins: others are refused then"""

    def __post_init__(self) -> None:
        check_fields(self, "experience.")
        _check_source(self)


@dataclass(frozen=True, kw_only=True)
class Offline:
    """Recorded episodes are all that is learned from; the environment only judges. A step is then an update."""

    kind: ClassVar[str] = "offline"
    absent: ClassVar[tuple[str, ...]] = ("replay_capacity", "learning_starts", "update_every", "epsilon", "exploration")
    """settings that cannot apply"""
    source: str
    """a folder of recorded episodes, or the name of a Minari data set on this machine"""
    sha256: Hash = None
    """of the episodes, written down when a run begins: others are refused then"""

    def __post_init__(self) -> None:
        check_fields(self, "experience.")
        _check_source(self)


def _check_source(experience: Demos | Offline) -> None:
    source = experience.source
    require(source != "", "experience.source", source, "a folder of recorded episodes, or the name of a data set")
    written("experience.source", source)
    check_hash("experience.sha256", experience.sha256)


@dataclass(frozen=True, kw_only=True)
class NoRegularizer:
    """Nothing is added to the head's loss."""

    kind: ClassVar[str] = "none"


@dataclass(frozen=True, kw_only=True)
class Cql:
    """Values of all actions are pushed down, and that of the stored one up (Kumar et al. 2020, CQL(H))."""

    kind: ClassVar[str] = "cql"
    plain: ClassVar[str] = "alpha"
    alpha: Positive = 1.0
    """how strongly, beside the head's own loss, in returns as they are learned"""

    def __post_init__(self) -> None:
        check_fields(self, "regularizer.")


@dataclass(frozen=True, kw_only=True)
class Margin:
    """What was demonstrated shall be worth more than every other action by a margin (Hester et al. 2018, DQfD)."""

    kind: ClassVar[str] = "margin"
    margin: Positive = 0.8
    """by how much, in returns as they are learned"""
    weight: Positive = 1.0
    """how much it counts beside the head's own loss"""

    def __post_init__(self) -> None:
        check_fields(self, "regularizer.")


def check_recorded(experience: Own | Demos | Offline, regularizer: NoRegularizer | Cql | Margin, budget: str) -> None:
    """Raises ConfigError for what does not go together. `budget` is its kind."""
    if isinstance(experience, Offline):
        require(budget == "steps", "budget", budget, "steps, each an update: offline no episode is played")
    if isinstance(experience, Own) and isinstance(regularizer, Margin):
        raise ConfigError(
            f"regularizer = {regularizer.kind!r} is about demonstrations, and experience = {experience.kind!r} has "
            f"none: give some with {either('--demos DIR', 'experience=Demos(…)')}"
        )


@dataclass(frozen=True, kw_only=True)
class Init:
    """What the networks begin with."""

    plain: ClassVar[str] = "source"
    source: Annotated[str | None, Says("a run, or a file of weights")] = None
    """a run, whose best network it is, or a file of weights such as best_model.pth; random weights if none. Encoder and
    torso have to fit; where stream or head do not, their weights are random"""
    sha256: Hash = None
    """of the weights, written down when a run begins: others are refused then"""

    def __post_init__(self) -> None:
        check_fields(self, "init.")
        require(self.source != "", "init.source", self.source, "a run, or a file of weights")
        written("init.source", self.source)
        check_hash("init.sha256", self.sha256)
        named = self.sha256 is None or self.source is not None
        require(named, "init.sha256", self.sha256, "none where init.source is none")
