"""The words of each command as a frozen dataclass (`parse` reads them)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import FlagCreatePairsOff, Positional, UseAppendAction, arg

from ..config import Config, Episodes, Steps
from ..lab.overrides import Overrides

TrackerName = Literal["swanlab", "tensorboard", "none"]
Switch = FlagCreatePairsOff[bool]
Runs = Annotated[Path, arg(metavar="DIR")]
RunName = Annotated[str, Positional, arg(metavar="RUN")]
Modules = Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="NAME")]


@dataclass(frozen=True, kw_only=True)
class Train:
    """Train a network, keep the best, judge it and film it."""

    env: Annotated[str | None, Positional, arg(metavar="[ENV]")] = None
    """a Gymnasium id or module:Id; CartPole-v1 if none"""
    steps: Annotated[int | None, arg(metavar="N")] = None
    """stop after so many env steps, short for budget:steps --budget.num N"""
    seeds: Annotated[int, arg(metavar="N")] = 1
    """train so many independent agents, with this seed and those that follow it, on every core"""
    file: Annotated[Path | None, arg(name="config", metavar="F.toml")] = None
    """settings that replace the preset's; flags replace both"""
    out: Annotated[Path | None, arg(metavar="DIR")] = None
    """folder of this run or group, must not exist; chosen inside --runs if none"""
    runs: Runs = Path("runs")
    """folder of all runs"""
    trust_env_module: Modules = ()
    """a module that the environment id of the --config file may import"""
    tracker: UseAppendAction[tuple[TrackerName, ...]] = ()
    """where metrics are shown, swanlab if not said; metrics.jsonl is always written"""
    dry_run: Switch = False
    """print the settings as TOML and stop"""
    quiet: Switch = False
    """no live display, only the summary"""
    config: Annotated[Config, arg(name="")]

    @property
    def trackers(self) -> tuple[str, ...]:
        """What was asked for, without repeats; swanlab if nothing was."""
        asked = tuple(dict.fromkeys(self.tracker)) or ("swanlab",)
        return () if asked == ("none",) else asked


@dataclass(frozen=True, kw_only=True)
class Doctor:
    """Examine an environment before training on it: is it sound, and what would training be like?"""

    env: Annotated[str | None, Positional, arg(metavar="[ENV]")] = None
    """a Gymnasium id or module:Id; CartPole-v1 if none"""
    steps: Annotated[int, arg(metavar="N")] = 2_000
    """play so many random steps, or for 5 s if that is over first"""
    json: Switch = False
    """print one JSON object instead"""
    file: Annotated[Path | None, arg(name="config", metavar="F.toml")] = None
    """settings that replace the preset's; flags replace both"""
    trust_env_module: Modules = ()
    """a module that the environment id of the --config file may import"""
    config: Annotated[Config, arg(name="")]


@dataclass(frozen=True, kw_only=True)
class Resume:
    """Go on with a run from its latest checkpoint, as if nothing had happened."""

    run: RunName
    """a run's folder or its name"""
    steps: Annotated[int | None, arg(metavar="N")] = None
    """train on until so many env steps in all"""
    episodes: Annotated[int | None, arg(metavar="N")] = None
    """train on until so many episodes in all"""
    runs: Runs = Path("runs")
    """where names are looked up"""
    force_unlock: Switch = False
    """take the folder over from a process on another machine that has ended without giving it back"""
    trust_env_module: Modules = ()
    """a module that the run's environment id may import, where the run was made elsewhere"""
    quiet: Switch = False
    """no live display, only the summary"""

    @property
    def overrides(self) -> Overrides:
        """What is to be different from before."""
        budget = Steps(num=self.steps) if self.steps else Episodes(num=self.episodes) if self.episodes else None
        return Overrides(budget=budget, trust_env_modules=self.trust_env_module, force_unlock=self.force_unlock)


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """Play greedy episodes with a run's network and print what it earned."""

    run: RunName
    """a run's folder, its name, or a saved network"""
    episodes: int = 100
    """how many episodes"""
    seed: int = 0
    """of the episodes' first states"""
    which: Literal["best", "last"] = "best"
    """the network that judging chose, or the one at the end of training"""
    json: Switch = False
    """print one JSON object instead"""
    env: Annotated[str | None, arg(metavar="ENV")] = None
    """another environment than the run's own"""
    runs: Runs = Path("runs")
    """where names are looked up"""
    trust_env_module: Modules = ()
    """a module that the environment id of the run's configuration may import"""


@dataclass(frozen=True, kw_only=True)
class Watch:
    """Watch a run's network play in a window."""

    run: RunName
    """a run's folder, its name, or a saved network"""
    episodes: int = 3
    """how many episodes"""
    seed: int = 0
    """of the episodes' first states"""
    which: Literal["best", "last"] = "best"
    """the network that judging chose, or the one at the end of training"""
    env: Annotated[str | None, arg(metavar="ENV")] = None
    """another environment than the run's own"""
    runs: Runs = Path("runs")
    """where names are looked up"""
    trust_env_module: Modules = ()
    """a module that the environment id of the run's configuration may import"""


@dataclass(frozen=True, kw_only=True)
class Record:
    """Film a run's network as mp4 files in its folder."""

    run: RunName
    """a run's folder, its name, or a saved network"""
    episodes: int = 3
    """how many episodes, one film each"""
    max_seconds: float = 30.0
    """longest film, in seconds of its own playing time"""
    seed: int = 0
    """of the episodes' first states"""
    which: Literal["best", "last"] = "best"
    """the network that judging chose, or the one at the end of training"""
    out: Annotated[Path | None, arg(metavar="DIR")] = None
    """folder of the films; the run's videos if none"""
    env: Annotated[str | None, arg(metavar="ENV")] = None
    """another environment than the run's own"""
    runs: Runs = Path("runs")
    """where names are looked up"""
    trust_env_module: Modules = ()
    """a module that the environment id of the run's configuration may import"""


@dataclass(frozen=True, kw_only=True)
class Explain:
    """Explain a run on one page, report.html in its folder; or one learning step of it as text."""

    run: RunName
    """a run's folder or its name; of a group its best seed"""
    step: Switch = False
    """print one learning step with all its numbers instead"""
    row: Annotated[int, arg(metavar="N")] = 0
    """with --step: which transition of the recorded batch to follow"""
    out: Annotated[Path | None, arg(metavar="FILE.html")] = None
    """where to write the page"""
    open: Switch = False
    """show the page in the browser"""
    env: Annotated[str | None, arg(metavar="ENV")] = None
    """another environment than the run's own"""
    runs: Runs = Path("runs")
    """where names are looked up"""
    trust_env_module: Modules = ()
    """a module that the environment id of the run's configuration may import"""


@dataclass(frozen=True, kw_only=True)
class RunsTable:
    """Table of the runs with their scores."""

    runs: Annotated[Path, Positional, arg(metavar="[DIR]")] = Path("runs")
    """folder of all runs"""


@dataclass(frozen=True, kw_only=True)
class Presets:
    """Table of the presets, or what one of them sets."""

    name: Annotated[str | None, Positional, arg(metavar="[NAME]")] = None
    """show this one as a diff of its parent"""


@dataclass(frozen=True, kw_only=True)
class Selftest:
    """Learn small problems whose Q-values are known, and compare."""
