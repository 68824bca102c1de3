"""The words of each command as a frozen dataclass, explained by the line below each field or in `COMMON`.

The first field is the word that stands by itself, such as RUN; every other one is a flag.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from ..config import (
    LONGEST_FILM,
    MOST_EPISODES,
    MOST_FILMS,
    MOST_PROBED,
    MOST_SEEDS,
    MOST_TRIALS,
    Config,
    Episodes,
    Seed,
    Steps,
)
from ..config.checks import Between, Whole
from ..exporting.formats import MOST_STATES, Format
from ..lab.arms import ComparisonRequest
from ..lab.overrides import Overrides
from ..store.label import Label
from ..track.tracker import AnyTracker, Swanlab

TrackerName = Literal["swanlab", "tensorboard", "none"]
Which = Literal["best", "last"]
Shell = Literal["bash", "zsh", "fish"]
Count = Annotated[int | None, Whole(1)]

NUM_SEEDS = 5
"""of each arm that is compared, if nothing is said"""

COMMON = {
    "run": "a run's folder, its name, or a saved network",
    "ray": "train on a Ray cluster: local (started for it), auto (that of this machine or RAY_ADDRESS) or HOST:PORT",
    "seed": "seed of the episodes' starts",
    "which": "the best network, as judged, or the last one",
    "env": "play in this environment instead of the run's own",
    "runs": "folder in which runs are looked up",
    "trust_env_module": "a module that the environment and wrappers of the run's configuration may import",
}
"""what several commands take, where no line below the field says otherwise"""


@dataclass(frozen=True, kw_only=True)
class Train:
    """Train a network, keep the best, judge it and film it."""

    env: str | None = None
    """a Gymnasium id or module:Id; CartPole-v1 if none"""
    steps: Count = None
    """stop after this many env steps; short for budget:steps --budget.num N"""
    seeds: Annotated[int, Whole(1, MOST_SEEDS)] = 1
    """train this many independent agents, on every core, with seeds that count up from --seed"""
    file: str | None = None
    """settings that replace the preset's; flags replace both"""
    out: Path | None = None
    """folder of this run or group, which must not exist yet; one inside --runs if none"""
    runs: Path = Path("runs")
    """folder of all runs"""
    name: str | None = None
    """what to call this run or group, wherever one is named"""
    tag: tuple[str, ...] = ()
    """a word to find it by"""
    ray: str | None = None
    trust_env_module: tuple[str, ...] = ()
    """a module that the environment and wrappers of the --config file may import"""
    tracker: tuple[TrackerName, ...] = ()
    """where metrics are shown, swanlab by default; metrics.jsonl is always written"""
    swanlab: Swanlab = field(default_factory=Swanlab)
    dry_run: bool = False
    """print the settings as TOML and stop"""
    live: bool = False
    """show the run in a browser on this machine while it trains, as `dqn live` does"""
    alert: str | None = None
    """with --live: a command that is run, with the verdict as its last word, when the health verdict turns"""
    quiet: bool = False
    """no live display, only the summary"""
    config: Config

    @property
    def trackers(self) -> tuple[AnyTracker, ...]:
        """What was asked for, without repeats; swanlab if nothing was."""
        asked = tuple(dict.fromkeys(self.tracker)) or ("swanlab",)
        if asked == ("none",):
            return ()
        return tuple(self.swanlab if each == "swanlab" and self.swanlab != Swanlab() else each for each in asked)

    @property
    def label(self) -> Label:
        """What the run or group is called."""
        return Label(name=self.name, tags=self.tag)


@dataclass(frozen=True, kw_only=True)
class Compare:
    """Compare presets or settings, each with many seeds: train what is missing, say which is better and how sure."""

    env: tuple[str, ...] = ()
    """the environments to train on; or runs and groups that are there, to be compared as they are"""
    presets: tuple[str, ...] = ()
    """the arms to compare, as dqn,double,rainbow; the first is the one that the others are held against"""
    arm: tuple[str, ...] = ()
    """one more arm: a preset with settings of its own, as "dqn n=3 lr=1e-3", or the runs that it has"""
    seeds: Annotated[int, Whole(1, MOST_SEEDS)] = NUM_SEEDS
    """independent agents of each arm on each environment, with seeds that count up from --seed"""
    steps: Count = None
    """every arm trains for this many env steps; short for budget:steps --budget.num N"""
    plan: str | None = None
    """a file that says what is compared, instead of words; every comparison leaves one in its folder"""
    allow_unequal: bool = False
    """compare arms too that are trained for longer than others, or judged in another way"""
    out: Path | None = None
    """folder of this comparison; one inside --runs, the same for the same words, if none"""
    runs: Path = Path("runs")
    """folder of all runs: those of the same settings and seed are reused, new ones are put there"""
    ray: str | None = None
    trust_env_module: tuple[str, ...] = ()
    """a module that the environments and wrappers of the --plan file may import"""
    tracker: tuple[TrackerName, ...] = ("none",)
    """where metrics are shown beside metrics.jsonl"""
    dry_run: bool = False
    """print what would be trained and what is reused, and stop"""
    quiet: bool = False
    """no live display, only the result"""
    request: ComparisonRequest

    @property
    def trackers(self) -> tuple[str, ...]:
        """What was asked for, without repeats."""
        return tuple(each for each in dict.fromkeys(self.tracker) if each != "none")


@dataclass(frozen=True, kw_only=True)
class Tune:
    """Search for the configuration with the highest score, and confirm it on fresh seeds beside the default."""

    env: str | None = None
    """a Gymnasium id or module:Id; CartPole-v1 if none"""
    trials: Annotated[int, Whole(1, MOST_TRIALS)] = 30
    """configurations to try in all, those of an earlier start of the same study among them"""
    space: str | None = None
    """a TOML file of what is searched: a range or a list of choices for each setting; what suits the preset if none"""
    study: str | None = None
    """name or folder of the study, which is continued if it is there; `tune-<preset>` of the environment if none"""
    seeds: Annotated[int, Whole(1, MOST_SEEDS)] = 2
    """judge each trial by this many seeds, which count up from --seed"""
    confirm: Annotated[int, Whole(0, MOST_SEEDS)] = 5
    """train the best trial and the default on this many fresh seeds"""
    jobs: Count = None
    """processes that share the work; as many as there are cores if none"""
    ray: str | None = None
    steps: Count = None
    """stop each trial's seed after this many env steps; short for budget:steps --budget.num N"""
    file: str | None = None
    """settings that replace the preset's; flags replace both"""
    runs: Path = Path("runs")
    """folder of all runs"""
    trust_env_module: tuple[str, ...] = ()
    """a module that the environment, wrappers and kinds of the files may import"""
    dry_run: bool = False
    """print what would be searched, as a file for --space, and stop"""
    quiet: bool = False
    """no line for each trial, only the summary"""
    config: Config


@dataclass(frozen=True, kw_only=True)
class Doctor:
    """Examine an environment before training on it: is it sound, and what would training be like?"""

    env: str | None = None
    """a Gymnasium id or module:Id; CartPole-v1 if none"""
    steps: Count = None
    """what training for this many env steps would take; short for budget:steps --budget.num N"""
    random_steps: Annotated[int, Whole(1, MOST_PROBED)] = 2_000
    """play this many random steps, or for 5 s if that ends first"""
    json: bool = False
    """print one JSON object instead of text"""
    file: str | None = None
    """settings that replace the preset's; flags replace both"""
    trust_env_module: tuple[str, ...] = ()
    """a module that the environment and wrappers of the --config file may import"""
    config: Config


@dataclass(frozen=True, kw_only=True)
class Resume:
    """Continue a run from its latest checkpoint, as if it had never stopped."""

    run: str
    """a run's folder or its name"""
    steps: Count = None
    """train until this many env steps in all"""
    episodes: Count = None
    """train until this many episodes in all"""
    runs: Path = Path("runs")
    ray: str | None = None
    force_unlock: bool = False
    """take over the folder from a process on another machine that ended without releasing it"""
    trust_env_module: tuple[str, ...] = ()
    """a module that the run's environment and wrappers may import, if the run was made elsewhere"""
    quiet: bool = False
    """no live display, only the summary"""

    @property
    def overrides(self) -> Overrides:
        """What differs from before."""
        budget = Steps(num=self.steps) if self.steps else Episodes(num=self.episodes) if self.episodes else None
        return Overrides(budget=budget, trust_env_modules=self.trust_env_module, force_unlock=self.force_unlock)


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """Play greedy episodes with a run's network and print what it earned."""

    run: str
    episodes: Annotated[int, Whole(1, MOST_EPISODES)] = 100
    """how many episodes"""
    seed: Seed = 0
    which: Which = "best"
    json: bool = False
    """print one JSON object instead of text"""
    record: Path | None = None
    """a folder to write each episode into, to be learned from with `dqn train --demos` or `--offline`"""
    env: str | None = None
    runs: Path = Path("runs")
    trust_env_module: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Watch:
    """Watch a run's network play in a window."""

    run: str
    episodes: Annotated[int, Whole(1, MOST_EPISODES)] = 3
    """how many episodes"""
    seed: Seed = 0
    which: Which = "best"
    env: str | None = None
    runs: Path = Path("runs")
    trust_env_module: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Record:
    """Film a run's network as mp4 files in its folder."""

    run: str
    episodes: Annotated[int, Whole(1, MOST_FILMS)] = 3
    """how many episodes, one film each"""
    max_seconds: Annotated[float, Between(0, LONGEST_FILM, open_low=True)] = 30.0
    """longest film, in seconds of its own playing time"""
    seed: Seed = 0
    which: Which = "best"
    out: Path | None = None
    """folder of the films; the run's videos if none"""
    env: str | None = None
    runs: Path = Path("runs")
    trust_env_module: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Export:
    """Write a run's network as a program that needs neither dqnlab nor torch, and compare both."""

    run: str
    format: Format = "onnx"
    """a model for ONNX runtimes, or a program in plain numpy, JavaScript or C"""
    out: Path | None = None
    """folder of the program, new or empty; one in the run's folder if none, where an earlier export gives way"""
    states: Annotated[int, Whole(1, MOST_STATES)] = 1_000
    """on how many states of fresh episodes it is compared with the network"""
    which: Which = "best"
    env: str | None = None
    runs: Path = Path("runs")
    trust_env_module: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Explain:
    """Explain a run on one page, report.html in its folder; or one learning step of it as text."""

    run: str
    """a run's folder or its name; a group stands for its best seed"""
    step: bool = False
    """print one learning step with all its numbers instead of writing the page"""
    row: Annotated[int | None, Whole(0)] = None
    """with --step: which transition of the recorded batch to follow; the first if none"""
    beside: str | None = None
    """another run, whose agent plays the same episodes in step on a page of both; `parent` for that of a branch"""
    out: Path | None = None
    """where to write the page"""
    open: bool = False
    """show the page in the browser"""
    env: str | None = None
    runs: Path = Path("runs")
    trust_env_module: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Presets:
    """Table of the presets, or what one of them sets."""

    name: str | None = None
    """show this preset as a diff against its parent"""
    tree: bool = False
    """draw the family tree, with what each changes of its parent"""


@dataclass(frozen=True, kw_only=True)
class Completion:
    """Print what makes a shell complete the words of `dqn`; for bash: eval "$(dqn completion bash)"."""

    shell: Shell
    """the shell to print it for"""
    word: tuple[str, ...] = ()
    """a word behind `dqn`, each in turn, the last one unfinished: print what that may become instead"""


@dataclass(frozen=True, kw_only=True)
class Selftest:
    """Learn small problems whose Q-values are known, by the kinds that are chosen; sizes and periods are their own."""

    probe: tuple[str, ...] = ()
    """names of problems; all of them if none"""
    file: str | None = None
    """settings that replace the preset's; flags replace both"""
    trust_env_module: tuple[str, ...] = ()
    """a module that the environment and wrappers of the --config file may import"""
    config: Config
