"""`dqnlab.heal`: back to before a run fell ill, and on from there with what its verdict names."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from ..comparing.statistics import Welch, welch
from ..config import MOST_SEEDS, AnyEnvironment, Config, Film
from ..config.checks import Whole
from ..config.toml import override
from ..config.typed import door
from ..errors import ConfigError, DqnlabError, counted
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
from ..store.find import called, find_group, find_run, read_run
from ..store.folder import META, Run, seed_name
from ..store.lineage import read_parent
from ..terminal.view import View
from ..track.tracker import Trackers
from .branch import branch_folder
from .many.crew import train_many
from .overrides import BranchRequest, Changes, Overrides
from .resume import configured

EPISODES = 100  # fresh ones, that the old and the new network play
FRESH = "fresh-seeds"  # folder of the runs that confirm, inside that of the branch
SEEDS = 3


@dataclass(frozen=True, kw_only=True)
class BeforeAfter:
    """What came of the run as it was and of the repaired one, and how far they lie apart."""

    before: tuple[float, ...]
    after: tuple[float, ...]
    failed: int = 0
    """seeds that came to no score, which count for neither"""

    @property
    def difference(self) -> Welch | None:
        """How much better the repaired one is, with its 95 % interval; none if one of them has nothing."""
        if not self.before or not self.after:
            return None
        return welch(np.array(self.after), np.array(self.before))

    @property
    def helped(self) -> bool | None:
        """Whether it is better for sure, or not; none if that cannot be told."""
        found = self.difference
        if found is None or (found.low is None and found.difference == 0):
            return None
        low, high = (found.difference,) * 2 if found.low is None or found.high is None else (found.low, found.high)
        return True if low > 0 else False if high < 0 else None


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
    seeds: BeforeAfter | None = None
    """scores of fresh seeds, with the old settings and with the new ones; none if they were not trained"""

    @property
    def is_healthy(self) -> bool:
        """Whether there was nothing to heal."""
        return not any(each.severity == "bad" for each in self.findings)

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
    trust_env_modules: Collection[str] = (),
    on_event: Callable[[Event], object] | None = None,
) -> Healing:
    """Goes back to before a run fell ill, branches it with the repair that its verdict names, and compares both.

    A run with nothing wrong is left alone: nothing is written.

    Args:
        run: a run, its folder, or its name under `runs`.
        seeds: how many fresh seeds are then trained with the old and with the new settings, to tell whether these are
            better or only luckier; as `train_many` does, so a script keeps its top level under
            `if __name__ == "__main__":`.
        env: the run's environment, where a file cannot know it.
        out: folder of the branch; a new one under `runs` if none.
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
    asked = BranchRequest(at=0, change=lambda config: config, out=out, runs=runs, trackers=trackers, parent=parent)
    return heal_folder(folder, asked, seeds=seeds, on_event=on_event)


def heal_folder(
    folder: Path,
    asked: BranchRequest,
    *,
    seeds: int = SEEDS,
    view: View | None = None,
    on_event: Callable[[Event], object] | None = None,
) -> Healing:
    """`heal`, of the run in a folder; where to and with which changes is found here."""
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
    changed = replace(asked, at=at, change=Changes(repair.table))
    done = branch_folder(folder, changed, view, on_event=on_event)
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
    return replace(healing, seeds=_confirmed(config, repair, done, seeds, asked.parent)) if seeds else healing


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


def _confirmed(config: Config, repair: Repair, done: Run, seeds: int, overrides: Overrides) -> BeforeAfter:
    """The scores of fresh seeds, trained from the first step on with the old and with the new settings."""
    say(f"training {counted(seeds, 'fresh seed')} with the settings as they were, and as many with the new ones")
    plain = replace(config, film=Film(episodes=0), explain=False)
    numbers = range(config.seed + 1, config.seed + 1 + seeds)
    scores: list[tuple[float, ...]] = []
    for name, each in (("before", plain), ("after", override(plain, repair.table))):
        group = train_many(each, numbers, out=done.folder / FRESH / name, trackers=("none",), quiet=True)
        if group.interrupted:
            raise KeyboardInterrupt
        homes = [group.folder / seed_name(run.seed) for run in group.runs]
        means = [np.mean(returns) for home in homes if (returns := _played(home, config, overrides))]
        scores.append(tuple(map(float, means)))
    before, after = scores
    return BeforeAfter(before=before, after=after, failed=2 * seeds - len(before) - len(after))
