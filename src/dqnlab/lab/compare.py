"""Comparing arms: trains what is missing, and writes the folder that says which arm is better."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from html import escape
from pathlib import Path

from ..comparing.assess import Assessment, assessment_of
from ..comparing.comparison import Arm, ArmCell, Comparison, SeedResult
from ..comparing.read import read_seed
from ..comparing.verdict import conclusion
from ..comparing.write import write_comparison
from ..errors import counted
from ..store.card import CARD
from ..store.door import make_path, write_atomically
from ..store.folder import SUMMARY, Run
from ..store.group import Failure, Group
from ..store.lock import locked
from ..terminal.board import Board
from ..terminal.view import View
from ..track.tracker import Trackers
from ..trust import shown
from .arms import PLAN, seeds_text
from .existing import ExistingRuns, existing_seeds
from .many.crew import Crew
from .many.resume import resume_group
from .overrides import Overrides
from .planning import CellPlan, ComparisonPlan, settings_of
from .resume import resume_folder


@dataclass(frozen=True, kw_only=True)
class ComparisonResult:
    """What a comparison came to."""

    folder: Path
    comparison: Comparison | None
    """none if it was interrupted before every seed had ended"""
    page: Path | None
    """what to open; none likewise"""
    signal: int | None = None
    """what interrupted it: 2 for Ctrl-C"""

    @property
    def interrupted(self) -> bool:
        return self.comparison is None

    @cached_property
    def assessment(self) -> Assessment | None:
        """Its statistics; none if it was interrupted."""
        return None if self.comparison is None else assessment_of(self.comparison)

    @property
    def conclusion(self) -> str:
        """Which arm is better, by how much, and how sure that is."""
        if self.assessment is None:
            return "interrupted: the same comparison again continues it"
        return conclusion(self.assessment)

    @property
    def failed(self) -> int:
        """How many seeds came to no score."""
        return 0 if self.comparison is None else sum(len(cell.failed) for _, cell in self.comparison.cells)

    def __repr__(self) -> str:
        if self.comparison is None:
            return f"ComparisonResult(interrupted, folder={str(self.folder)!r})"
        names = [arm.name for arm in self.comparison.arms]
        return f"ComparisonResult({names!r}, envs={list(self.comparison.envs)!r}, folder={str(self.folder)!r})"

    def _repr_html_(self) -> str:
        link = "" if self.page is None else f' · <a href="{escape(self.page.resolve().as_uri())}">page</a>'
        where = f"<code>{escape(str(self.folder))}</code>{link}"
        return f'<div style="{CARD}"><div>{escape(self.conclusion)}</div><div>{where}</div></div>'


def carry_out(
    plan: ComparisonPlan,
    *,
    trackers: Trackers = (),
    board: Callable[[], Board | None] = lambda: None,
    view: Callable[[], View | None] = lambda: None,
    say: Callable[[str], None] = lambda line: None,
) -> ComparisonResult:
    """Trains what is left of a comparison, and writes its folder.

    Args:
        board: makes what shows a group of seeds while it is trained.
        view: makes what shows a run that is resumed.
        say: told which group begins.

    Raises:
        DqnlabError: what stopped it. Whatever was trained until then is reused by the next try.
    """
    if not plan.folder.is_dir():
        make_path(plan.folder)
    with locked(plan.folder):
        write_atomically(plan.folder / PLAN, plan.request.as_toml())
        lost = dict[tuple[str, str], list[Failure]]()
        said = set[str]()
        for number, cell in enumerate(plan.left, start=1):
            for doing, train in _work(cell, plan, trackers, board, view, said):
                say(f"[{number} of {len(plan.left)}] {cell.arm} on {cell.env}: {doing}")
                trained = train()
                if trained.interrupted:
                    stopped = trained.signal or signal.SIGINT
                    return ComparisonResult(folder=plan.folder, comparison=None, page=None, signal=stopped)
                if isinstance(trained, Group):
                    lost.setdefault((cell.arm, cell.env), []).extend(trained.failures)
        comparison = _read_comparison(plan, lost)
        page = write_comparison(comparison, plan.folder, allow_unequal=plan.request.allow_unequal)
    return ComparisonResult(folder=plan.folder, comparison=comparison, page=page)


def _read_comparison(plan: ComparisonPlan, lost: Mapping[tuple[str, str], Sequence[Failure]]) -> Comparison:
    """The arms of a plan, as their runs stand now.

    Args:
        lost: seeds that have failed just now, by arm and environment; some so early that they left no run.
    """
    existing = ExistingRuns(plan.runs, plan.request.envs)
    cells = dict[str, list[ArmCell]]()
    for cell in plan.cells:
        there = existing_seeds(existing.of(cell.resolved), plan.request.seeds)
        homes = {**there.failed, **there.finished}
        results = {seed: read_seed(home, there.errors.get(seed)) for seed, home in homes.items()}
        for each in lost.get((cell.arm, cell.env), ()):
            results.setdefault(each.seed, SeedResult(seed=each.seed, folder=each.folder, score=None, error=each.error))
        seeds = tuple(results[seed] for seed in sorted(results))
        own = ArmCell(env=cell.env, seeds=seeds, settings=settings_of(cell.resolved))
        cells.setdefault(cell.arm, []).append(own)
    arms = [plan.given.get(arm.name) or Arm(name=arm.name, cells=tuple(cells[arm.name])) for arm in plan.request.arms]
    envs = plan.request.envs or tuple(cell.env for cell in arms[0].cells)
    return Comparison(arms=tuple(arms), envs=envs)


def _work(
    cell: CellPlan,
    plan: ComparisonPlan,
    trackers: Trackers,
    board: Callable[[], Board | None],
    view: Callable[[], View | None],
    said: set[str],
) -> Iterator[tuple[str, Callable[[], Group | Run]]]:
    """What there is to train in a cell: in words, and what does it.

    Args:
        said: remarks that groups have made already; grows.
    """
    env = cell.config.env if cell.config.env.in_python else None
    overrides = Overrides(env=env, trackers=trackers, trust_env_modules=plan.request.modules)
    for home, seeds in cell.there.resumable.items():
        words = f"resuming {seeds_text(seeds)} in {shown(home)}"
        if (home / SUMMARY).is_file():
            yield words, partial(resume_group, home, overrides, board())
        else:
            yield words, partial(resume_folder, home, overrides, view())
    if cell.missing:
        crew = Crew(cell.config, cell.missing, runs=plan.runs, trackers=trackers, board=board(), said=said)
        yield f"training {counted(len(cell.missing), 'seed')}", crew.train
