"""What is asked to be compared: arms, environments and seeds, and the file that asks for the same again. No torch."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..config import Config
from ..config.custom import modules_in
from ..config.fields import plain
from ..config.toml import as_dict, literal
from ..errors import ConfigError, counted
from ..store.folder import safe_name
from ..trust import modules_of

PLAN = "plan.toml"
HOME = "comparisons"
"""the folder inside that of all runs which holds comparisons"""
_REPEATS = "# A comparison of dqnlab. `dqn compare --plan` on this file repeats it (in Python dqnlab.compare(plan=…))."
_IN_PYTHON = "# A comparison of dqnlab on environments made in Python, which a file cannot hold: repeat it in Python."
_ALONE = "# An arm of a benchmark of dqnlab: `dqn benchmark` on its suite repeats it."
_LONGEST = 60  # letters of a folder's name that say what is compared


@dataclass(frozen=True, kw_only=True)
class AskedArm:
    """An arm as it was asked for."""

    name: str
    configs: tuple[Config, ...] = ()
    """what is trained on each environment, in their order; their seed does not count"""
    folders: tuple[Path, ...] = ()
    """runs and groups that are there already, where nothing is trained"""
    table: Mapping[str, Any] = field(default_factory=dict)
    """what a plan file says of it beside its name"""


@dataclass(frozen=True, kw_only=True)
class ComparisonRequest:
    """What is asked to be compared. The first arm is the baseline."""

    arms: tuple[AskedArm, ...]
    envs: tuple[str, ...] = ()
    """what the environments that are trained on are called"""
    seeds: tuple[int, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    """what a plan file says of every arm that is trained"""
    allow_unequal: bool = False
    """whether arms may have different budgets, or be judged in different ways"""

    def __post_init__(self) -> None:
        names = [arm.name for arm in self.arms]
        whose = dict[Path, AskedArm]()
        for arm, folder in [(each, folder.resolve()) for each in self.arms for folder in each.folders]:
            if folder in whose and whose[folder] is not arm:
                raise ConfigError(
                    f"{str(folder)!r} is named as two arms: leave one out, and name another run beside it"
                )
            whose[folder] = arm
        for what, given in (("arm", names), ("env", self.envs), ("seed", self.seeds)):
            twice = next((each for number, each in enumerate(given) if each in given[:number]), None)
            if twice is not None:
                raise ConfigError(f"{what} {twice!r} is named twice: leave one out")
        trained = [arm for arm in self.arms if not arm.folders]
        if trained and not self.envs:
            raise ConfigError(f"arm {trained[0].name!r} has nothing to learn on: name an environment")
        if trained and not self.seeds:
            raise ConfigError("seeds must be at least one, got none")

    @property
    def in_python(self) -> bool:
        """Whether an environment was made in Python, so that no file can ask for it."""
        return any(config.env.in_python for arm in self.arms for config in arm.configs)

    @property
    def modules(self) -> list[str]:
        """The modules that environments, wrappers and parts are imported from."""
        found = dict[str, None]()
        for config in [config for arm in self.arms for config in arm.configs]:
            found |= dict.fromkeys([*modules_of(config.env.id, config.env.wrappers), *modules_in(as_dict(config))])
        return list(found)

    def as_toml(self) -> str:
        """A plan file that asks for the same."""
        lines = [_IN_PYTHON if self.in_python else _ALONE if len(self.arms) == 1 else _REPEATS, ""]
        if self.envs:
            lines += [f"envs = {literal(list(self.envs))}", *_seed_lines(self.seeds)]
        if self.allow_unequal:
            lines.append("allow_unequal = true")
        if self.settings:
            lines += ["", "# Settings of every arm.", f"settings = {literal(plain(self.settings))}"]
        for arm in self.arms:
            lines += ["", "[[arms]]", f"name = {literal(arm.name)}"]
            lines += [f"{name} = {literal(plain(value))}" for name, value in arm.table.items()]
        return "\n".join(lines) + "\n"

    def home(self, runs: Path) -> Path:
        """The folder of this comparison, the same for the same request."""
        what = "-".join(map(safe_name, (*self.envs, *(arm.name for arm in self.arms))))[:_LONGEST].rstrip(".-")
        return runs / HOME / f"{what}-{hashlib.sha256(self.as_toml().encode()).hexdigest()[:8]}"


def settings_in(config: Config) -> dict[str, Any]:
    """Every setting of a configuration but its preset, seed, films and environment's id, as an arm has them."""
    table = as_dict(config)
    env = {name: value for name, value in table["env"].items() if name != "id"}
    return {name: value for name, value in table.items() if name not in ("preset", "seed", "film")} | {"env": env}


def seeds_text(seeds: Sequence[int]) -> str:
    """Seeds in words: seed 3, seeds 0 to 9, seeds 1, 5 and 7."""
    if len(seeds) == 1:
        return f"seed {seeds[0]}"
    if list(seeds) == list(range(seeds[0], seeds[-1] + 1)):
        return f"seeds {seeds[0]} to {seeds[-1]}"
    if len(seeds) > 10:
        return counted(len(seeds), "seed")
    return f"seeds {', '.join(map(str, seeds[:-1]))} and {seeds[-1]}"


def _seed_lines(seeds: Sequence[int]) -> list[str]:
    """How many there are and which is the first, where they count up; else each of them."""
    if list(seeds) != list(range(seeds[0], seeds[0] + len(seeds))):
        return [f"seeds = {literal(list(seeds))}"]
    return [f"seeds = {len(seeds)}", *([f"first_seed = {seeds[0]}"] if seeds[0] else [])]
