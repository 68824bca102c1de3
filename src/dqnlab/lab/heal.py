"""`dqnlab.heal`: back to before a run fell ill, and on from there with what its verdict names."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from ..comparing.statistics import Welch, welch
from ..config import MOST_SEEDS, AnyEnvironment, Config, Film
from ..config.checks import Whole
from ..config.toml import override
from ..config.typed import door
from ..errors import ConfigError, DqnlabError, FolderError
from ..explain.diagnose import diagnose
from ..explain.evidence import gather_evidence
from ..explain.health.findings import Finding
from ..explain.health.repairs import Repair, repair_of, step_before
from ..explain.words import verdict
from ..run.evaluate import evaluate
from ..run.events import Event
from ..run.system import say
from ..store.agent import load
from ..store.checkpoint.checkpoint import Store
from ..store.find import called, find_any, find_group, find_run, read_run
from ..store.folder import META, Run
from ..store.label import MOST_LETTERS, UNLABELLED, Label, read_label
from ..store.lineage import read_parent
from ..terminal.board import Board
from ..terminal.notebook_view import view_for_python
from ..terminal.python import board_for_python
from ..terminal.view import View
from ..track.tracker import Trackers
from .arms import AskedArm, ComparisonRequest, settings_in
from .branch import branch_folder
from .compare import ComparisonResult, carry_out
from .further import check_trained
from .overrides import BranchRequest, Changes, Overrides
from .planning import plan_comparison
from .resume import configured

EPISODES = 100  # fresh ones, that the old and the new network play
SEEDS = 3


@dataclass(frozen=True, kw_only=True)
class BeforeAfter:
    """The returns of the network of the run as it was and of the repaired one, and how far they lie apart."""

    before: tuple[float, ...]
    after: tuple[float, ...]

    @property
    def difference(self) -> Welch | None:
        """How much better the repaired one is, with its 95 % interval; none if one of them has nothing."""
        if not self.before or not self.after:
            return None
        return welch(np.array(self.after), np.array(self.before))


@dataclass(frozen=True, kw_only=True)
class Healing:
    """What was done about a run."""

    run: Run
    findings: tuple[Finding, ...]
    """of the run, the gravest first"""
    treated: Finding | None = None
    """the one that was treated; none if nothing is wrong, or nothing that a setting repairs"""
    changes: Any = None
    """the settings that were changed, as tables"""
    branch: Run | None = None
    """the repaired run"""
    after: tuple[Finding, ...] = ()
    """findings of the repaired run"""
    episodes: BeforeAfter | None = None
    """returns of both networks in fresh episodes"""
    seeds: ComparisonResult | None = None
    """fresh seeds, of arm `unrepaired` with the old settings, of `repaired` with the new; none if none were trained"""

    @property
    def is_healthy(self) -> bool | None:
        """Whether there was nothing to heal; none if the run was too short to tell."""
        if any(each.severity == "bad" for each in self.findings):
            return False
        return None if self.findings[0].kind == "unknown" else True

    @property
    def helped(self) -> bool | None:
        """Whether fresh seeds are better with the repair, or worse; none where they show neither, or were not trained.

        By the rules of a comparison: below three seeds each there is no verdict.
        """
        found = None if self.seeds is None else self.seeds.assessment
        return None if found is None else {"better": True, "worse": False}.get(found.contrasts[0].verdict)

    @property
    def verdicts(self) -> list[str]:
        """The findings of the run in words."""
        return [verdict(each) for each in self.findings]

    @property
    def cured(self) -> bool | None:
        """Whether the repaired run shows the finding no more; none if nothing was repaired."""
        if self.treated is None or self.branch is None:
            return None
        return not any(each.kind == self.treated.kind and each.severity == "bad" for each in self.after)


@door
def heal(
    run: str | Path | Run,
    *,
    seeds: Annotated[int, Whole(0, MOST_SEEDS)] = SEEDS,
    env: AnyEnvironment | None = None,
    out: Path | None = None,
    runs: Path = Path("runs"),
    trackers: Trackers | None = None,
    name: str | None = None,
    trust_env_modules: Collection[str] = (),
    on_event: Callable[[Event], object] | None = None,
) -> Healing:
    """Goes back to before a run fell ill, branches it with the repair that its verdict names, and compares both.

    A run with nothing wrong is left alone: nothing is written.

    Args:
        run: a run, its folder, or its name under `runs`.
        seeds: how many fresh seeds are then trained with the old and with the new settings, to tell whether these are
            better or only luckier: a comparison under `runs`, as `compare` makes it, so a script keeps its top level
            under `if __name__ == "__main__":`. Below three there is no verdict.
        env: the run's environment, where a file cannot know it.
        out: folder of the branch; a new one under `runs` if none.
        runs: as in `train`; the fresh seeds and their comparison lie there too.
        name: what the branch is called; the run's own name with `-healed` if none.
        trackers: of the branch; those of the run if none.
        trust_env_modules: modules that its environment, wrappers and parts may import.
        on_event: as in `train`; told of the branch.

    Raises:
        ConfigError: a group is named, or the repair cannot be made in the middle of a run.
        FolderError, CheckpointError: there is no such run, or it has nothing to judge by.
    """
    if not isinstance(run, Run) and find_group(run, runs) is not None:
        raise ConfigError(f"{str(run)!r} is a group of seeds: name one of its folders")
    folder = run.folder if isinstance(run, Run) else find_run(run, runs)
    parent = Overrides(env=env, trust_env_modules=trust_env_modules)
    asked = BranchRequest(
        at=0,
        change=lambda config: config,
        out=out,
        runs=runs,
        label=Label(name=name),
        trackers=trackers,
        parent=parent,
    )
    return heal_folder(folder, asked, seeds=seeds, view=view_for_python, board=board_for_python, on_event=on_event)


def heal_folder(
    folder: Path,
    asked: BranchRequest,
    *,
    seeds: int = SEEDS,
    view: Callable[[], View | None] = lambda: None,
    board: Callable[[], Board | None] = lambda: None,
    on_event: Callable[[Event], object] | None = None,
) -> Healing:
    """`heal`, of the run in a folder; where to and with which changes is found here.

    Args:
        view: makes what shows a run while it is trained.
        board: makes what shows fresh seeds.
    """
    check_trained(folder, "healed")
    config = configured(folder, asked.parent)
    findings, records = _findings(read_run(folder), config, asked.parent)
    healing = Healing(run=read_run(folder), findings=tuple(findings))
    treated = findings[0]  # the others may be its effects
    repair = repair_of(treated, config) if treated.severity == "bad" else None
    if repair is None:
        return healing
    at, born = step_before(treated, repair, records, Store(folder).steps), read_parent(folder / META)
    at = max(at, 0 if born is None else born.step)
    say(f"{verdict(treated)}")
    say(f"repairing it from step {at:,} on with {_typed(repair)}")
    label = _label(folder, asked.runs) if asked.label == UNLABELLED else asked.label
    changed = replace(asked, at=at, change=Changes(repair.table), label=label)
    done = branch_folder(folder, changed, view(), on_event=on_event)
    healing = replace(healing, treated=treated, changes=repair.table, branch=done)
    if done.interrupted:
        return healing
    healing = replace(
        healing,
        after=tuple(_findings(done, configured(done.folder, asked.parent), asked.parent)[0]),
        episodes=BeforeAfter(
            before=_played(folder, config, asked.parent), after=_played(done.folder, config, asked.parent)
        ),
    )
    return replace(healing, seeds=_confirmed(config, repair, seeds, asked, board, view)) if seeds else healing


def _typed(repair: Repair) -> str:
    """The settings of a repair as one would type them."""
    words = []
    for name, value in repair.table.items():
        inner = value if isinstance(value, dict) else {"": value}
        words += [
            f"{name}:{each}" if key == "kind" else f"{f'{name}.{key}'.rstrip('.')}={each}"
            for key, each in inner.items()
        ]
    return " ".join(words)


def _findings(run: Run, config: Config, overrides: Overrides) -> tuple[list[Finding], Sequence[dict[str, Any]]]:
    """What there is to say of a run's health, and by which records."""
    env = config.env if config.env.in_python else overrides.env
    evidence = gather_evidence(run, env, overrides.trust_env_modules)
    return diagnose(evidence.records, evidence.facts), evidence.records


def _played(folder: Path, config: Config, overrides: Overrides) -> tuple[float, ...]:
    """The returns of a run's best network in fresh episodes of the environment as it was; the same ones for all."""
    try:
        agent = load(folder, env=config.env, trust_env_modules=overrides.trust_env_modules)
        return evaluate(agent, config.env, EPISODES, config.seed).returns
    except DqnlabError as e:
        say(f"{called(folder)} has no network to play with: {e}")
        return ()


def _confirmed(
    config: Config,
    repair: Repair,
    seeds: int,
    asked: BranchRequest,
    board: Callable[[], Board | None],
    view: Callable[[], View | None],
) -> ComparisonResult:
    """Fresh seeds, trained from the first step on with the old and with the new settings, as a comparison."""
    plain = replace(config, film=Film(episodes=0), explain=False)
    arms = [
        AskedArm(name=name, configs=(each,), table={"preset": each.preset, "settings": settings_in(each)})
        for name, each in (("unrepaired", plain), ("repaired", override(plain, repair.table)))
    ]
    request = ComparisonRequest(
        arms=tuple(arms),
        envs=(config.env.label,),
        seeds=tuple(range(config.seed + 1, config.seed + 1 + seeds)),
        allow_unequal="env" in repair.table,  # where episodes are cut may be what is repaired
    )
    found = plan_comparison(request, asked.runs)
    for line in found.lines():
        say(line)
    return carry_out(found, board=board, view=view, say=say)


def _label(folder: Path, runs: Path) -> Label:
    """What the repaired run is called: by the name of the ill one, else by its preset, and by no name there is."""
    name = read_label(folder).name or read_run(folder).preset
    tried = (f"{name[: MOST_LETTERS - 12]}-healed{f'-{number}' if number > 1 else ''}" for number in count(1))
    return Label(name=next(each for each in tried if not _is_taken(each, runs)))


def _is_taken(name: str, runs: Path) -> bool:
    try:
        return find_any(name, runs) is not None
    except FolderError:  # by several
        return True
