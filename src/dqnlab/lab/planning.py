"""What of a comparison is there already, what is to be trained, and what cannot be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

from ..comparing.comparison import Arm, ArmCell, Comparison
from ..comparing.read import read_cell
from ..comparing.settings import check_alike
from ..config import Config
from ..config.fields import leaves, plain
from ..errors import ConfigError, DqnlabError, FolderError, counted
from ..processes import check_sendable
from ..run.system import assemble
from ..store.find import with_init_file
from ..store.folder import OUT, is_fresh
from ..store.reading import read_text
from ..terminal.text import duration
from ..trust import shown
from .arms import PLAN, AskedArm, ComparisonRequest, seeds_text
from .existing import ExistingRuns, ExistingSeeds, existing_seeds, holder_of, meaning


@dataclass(frozen=True, kw_only=True)
class CellPlan:
    """One arm on one environment: which of its seeds there are, and which are to be trained."""

    arm: str
    env: str
    config: Config
    """as it was asked for"""
    resolved: Config
    """with a value wherever that leaves one open"""
    there: ExistingSeeds
    missing: tuple[int, ...]
    """seeds of which there is nothing yet"""
    seconds: float | None
    """what one such seed took; none if there was none"""

    @property
    def num_left(self) -> int:
        """How many seeds are to be trained, or trained on."""
        return len(self.missing) + sum(map(len, self.there.resumable.values()))

    def says(self) -> str:
        """What is done with its seeds."""
        found = [f"{len(self.there.finished)} reused"] * bool(self.there.finished)
        for home, seeds in self.there.resumable.items():
            who = holder_of(home)
            found.append(f"{len(seeds)} {f'in training by {who}' if who else 'resumed'} in {shown(home)}")
        found += [f"{len(self.missing)} to train"] * bool(self.missing)
        found += [f"seed {seed} has failed before, in {shown(home)}" for seed, home in self.there.failed.items()]
        return ", ".join(found)


@dataclass(frozen=True, kw_only=True)
class ComparisonPlan:
    """What is compared, what of it is to be trained, and where the comparison will lie."""

    request: ComparisonRequest
    runs: Path
    folder: Path
    cells: tuple[CellPlan, ...]
    """of the arms that are trained, environment by environment"""
    given: Mapping[str, Arm]
    """the arms whose runs were named, by name"""

    @property
    def left(self) -> list[CellPlan]:
        """The cells in which something is to be trained."""
        return [cell for cell in self.cells if cell.num_left]

    def lines(self) -> list[str]:
        """What will be trained, resumed and reused, and about how long that takes, as far as it is known."""
        names = ", ".join(arm.name for arm in self.request.arms)
        if not self.cells:
            return [f"comparing {names}: nothing is trained"]
        lines = [f"comparing {names} on {', '.join(self.request.envs)}, {seeds_text(self.request.seeds)}"]
        env, arm = (max(len(getattr(cell, name)) for cell in self.cells) for name in ("env", "arm"))
        lines += [f"  {cell.env:<{env}}  {cell.arm:<{arm}}  {cell.says()}" for cell in self.cells]
        return [*lines, self._sum()]

    def _sum(self) -> str:
        left = sum(cell.num_left for cell in self.cells)
        if not left:
            return "nothing is left to train"
        known = [cell.num_left * cell.seconds for cell in self.left if cell.seconds is not None]
        unknown = len(self.left) - len(known)
        words = f"{counted(left, 'seed')} to train in {counted(len(self.left), 'group')}"
        if not known:
            return f"{words}; how long that takes is not known before the first is done"
        rest = f", and {counted(unknown, 'group')} of which that is not known" if unknown else ""
        return f"{words}; about {duration(sum(known))} by what such runs have taken{rest}"


def plan_comparison(request: ComparisonRequest, runs: Path, out: Path | None = None) -> ComparisonPlan:
    """What there is to do for a comparison; nothing is written.

    Raises:
        ConfigError, EnvironmentFault, ResourceError: an arm cannot learn on an environment, two arms are the same, or
            they are not trained or judged alike.
        FolderError: an arm's runs cannot be read, or the comparison's folder holds something else.
    """
    folder = request.home(runs) if out is None else out
    _check_folder(folder, request)
    given = {arm.name: Arm(name=arm.name, cells=_read_given(arm)) for arm in request.arms if arm.folders}
    _check_envs(request, given)
    trained = [arm for arm in request.arms if not arm.folders]
    asked = {arm.name: [with_init_file(config, runs) for config in arm.configs] for arm in trained}
    resolved = {name: [_resolved(name, config) for config in configs] for name, configs in asked.items()}
    _check_different(resolved)
    planned = {name: Arm(name=name, cells=tuple(map(_planned, configs))) for name, configs in resolved.items()}
    arms = {**given, **planned}
    envs = request.envs or tuple(cell.env for cell in given[request.arms[0].name].cells)
    in_order = Comparison(arms=tuple(arms[arm.name] for arm in request.arms), envs=envs)
    check_alike(in_order, allow_unequal=request.allow_unequal)
    existing = ExistingRuns(runs, request.envs)
    cells = [
        _cell(existing, arm.name, asked[arm.name][i], resolved[arm.name][i], request.seeds)
        for i in range(len(request.envs))
        for arm in trained
    ]
    return ComparisonPlan(request=request, runs=runs, folder=folder, cells=tuple(cells), given=given)


def look_again(plan: ComparisonPlan) -> ComparisonPlan:
    """The same plan, by what there is of its seeds now."""
    existing = ExistingRuns(plan.runs, plan.request.envs)
    cells = [_cell(existing, each.arm, each.config, each.resolved, plan.request.seeds) for each in plan.cells]
    return replace(plan, cells=tuple(cells))


def _check_folder(folder: Path, request: ComparisonRequest) -> None:
    """Raises FolderError if something else than this comparison is in its folder."""
    if (folder / PLAN).is_file():
        if read_text(folder / PLAN) != request.as_toml():
            raise FolderError(f"{str(folder)!r} holds another comparison: choose another {OUT}")
    elif folder.exists() and not (folder.is_dir() and is_fresh(folder)):
        raise FolderError(f"{str(folder)!r} exists and is no comparison: choose another {OUT}")


def settings_of(config: Config) -> dict[str, object]:
    """Every setting but the seed, by its dotted name, as a plain value."""
    return {name: plain(value) for name, value in leaves(config) if name != "seed"}


def _planned(config: Config) -> ArmCell:
    """The cell of a configuration that leaves nothing open, before it is trained."""
    return ArmCell(env=config.env.label, seeds=(), settings=settings_of(config))


def _read_given(arm: AskedArm) -> tuple[ArmCell, ...]:
    """The cells of an arm whose runs were named, one for each environment. Raises FolderError."""
    by_env = dict[str, list[Path]]()
    for folder in arm.folders:
        by_env.setdefault(read_cell([folder]).env, []).append(folder)
    return tuple(read_cell(folders) for folders in by_env.values())


def _check_envs(request: ComparisonRequest, given: Mapping[str, Arm]) -> None:
    """Raises ConfigError unless every arm whose runs were named has some on each environment, and on no other."""
    envs = request.envs or tuple(cell.env for cell in given[request.arms[0].name].cells)
    for name, arm in given.items():
        own = [cell.env for cell in arm.cells]
        if lacking := [env for env in envs if env not in own]:
            raise ConfigError(f"arm {name!r} has no runs on {lacking[0]!r}, only on {', '.join(map(repr, own))}")
        if others := [env for env in own if env not in envs]:
            raise ConfigError(
                f"arm {name!r} has runs on {others[0]!r}, where the others have none: leave those runs out"
            )


def _resolved(name: str, config: Config) -> Config:
    """The configuration that a run of it would have. Raises what keeps it from learning, with the arm's name."""
    try:
        config.collectors.check_alone("compare")
        check_sendable(config, config.env.label)
        system = assemble(config)
        try:
            return system.config
        finally:
            system.close()
    except DqnlabError as error:
        error.args = (f"arm {name!r} cannot learn on {config.env.label!r}: {error}",)
        raise


def _check_different(resolved: Mapping[str, Sequence[Config]]) -> None:
    """Raises ConfigError for two arms that would learn the same everywhere."""
    said = {name: [meaning(config) for config in configs] for name, configs in resolved.items()}
    for one, other in combinations(said, 2):
        if said[one] == said[other]:
            raise ConfigError(
                f"arms {one!r} and {other!r} are the same settings under two names: leave one out, or change a setting"
            )


def _cell(existing: ExistingRuns, arm: str, asked: Config, resolved: Config, seeds: Sequence[int]) -> CellPlan:
    found = existing.of(resolved)
    there = existing_seeds(found, seeds)
    took = [run.seconds for run in found if run.seconds is not None]
    return CellPlan(
        arm=arm,
        env=asked.env.label,
        config=asked,
        resolved=resolved,
        there=there,
        missing=there.missing(seeds),
        seconds=sum(took) / len(took) if took else None,
    )
