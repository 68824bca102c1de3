"""The words of `dqn branch` and `dqn heal`, as `arguments` has those of the other commands."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from ..config import MOST_SEEDS
from ..config.checks import Whole
from ..lab.overrides import BranchRequest, Changes, Overrides
from ..store.label import Label
from .arguments import Count, TrackerName


@dataclass(frozen=True, kw_only=True)
class BranchOff:
    """Begin a new run from the exact state of an old one, with other settings from there on, to its end."""

    run: str
    """a run's folder or its name; of a group of seeds each is branched"""
    at: str = "best"
    """the env step to begin from; best, for that of the best evaluation; or a checkpoint, such as step-000010000"""
    set: tuple[str, ...] = ()
    """a setting that differs, as lr=1e-4 or rule:double; the flags of `dqn train`, as --lr 1e-4, say the same"""
    steps: Count = None
    """train until this many env steps in all"""
    out: Path | None = None
    """folder of the branch, which must not exist yet; one inside --runs if none"""
    runs: Path = Path("runs")
    """folder of all runs"""
    name: str | None = None
    """what to call the branch, wherever one is named"""
    tag: tuple[str, ...] = ()
    """a word to find it by"""
    tracker: tuple[TrackerName, ...] = ()
    """where metrics are shown; where the old run's are if none"""
    trust_env_module: tuple[str, ...] = ()
    """a module that the old run's environment and wrappers may import, if it was made elsewhere"""
    quiet: bool = False
    """no live display, only the summary"""
    config: Changes

    @property
    def asked(self) -> BranchRequest:
        """What the branch is to be."""
        return BranchRequest(
            at=self.at,
            change=self.config,
            out=self.out,
            runs=self.runs,
            label=Label(name=self.name, tags=self.tag),
            trackers=tuple(dict.fromkeys(self.tracker)) or None,
            parent=Overrides(trust_env_modules=self.trust_env_module),
        )


@dataclass(frozen=True, kw_only=True)
class Heal:
    """Go back to before a run fell ill, and on from there with the repair that its verdict names."""

    run: str
    """a run's folder or its name"""
    seeds: Annotated[int, Whole(0, MOST_SEEDS)] = 3
    """fresh seeds to train with the old and with the new settings, to confirm the repair; 0 for none"""
    out: Path | None = None
    """folder of the repaired run, which must not exist yet; one inside --runs if none"""
    runs: Path = Path("runs")
    """folder of all runs"""
    name: str | None = None
    """what to call the repaired run; the run's own name with -healed if none"""
    tracker: tuple[TrackerName, ...] = ()
    """where metrics are shown; where the old run's are if none"""
    trust_env_module: tuple[str, ...] = ()
    """a module that the run's environment and wrappers may import, if it was made elsewhere"""
    quiet: bool = False
    """no live display, only what came of it"""

    @property
    def asked(self) -> BranchRequest:
        """The branch, as far as it is known before the run has been looked at."""
        return BranchRequest(
            at=0,
            change=Changes({}),
            out=self.out,
            runs=self.runs,
            label=Label(name=self.name),
            trackers=tuple(dict.fromkeys(self.tracker)) or None,
            parent=Overrides(trust_env_modules=self.trust_env_module),
        )
