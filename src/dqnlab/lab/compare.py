"""Comparing arms: trains what is missing, and writes the folder that says which arm is better."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from pathlib import Path

from ..cluster import joined
from ..comparing.assess import Assessment, assessment_of
from ..comparing.comparison import Arm, ArmCell, Comparison, SeedResult
from ..comparing.read import read_seed
from ..comparing.verdict import conclusion
from ..comparing.write import write_comparison
from ..errors import counted, either
from ..oslock import in_turn
from ..store.card import CARD
from ..store.door import make_wanted, write_atomically
from ..store.folder import SUMMARY, Run
from ..store.group import Failure, Group
from ..terminal.board import Board
from ..terminal.view import View
from ..track.tracker import Trackers
from ..trust import shown
from .arms import PLAN, seeds_text
from .dividing import Division, Piece, elsewhere_text
from .existing import ExistingRuns, existing_seeds
from .many.crew import Crew
from .many.resume import resume_group
from .overrides import Overrides
from .planning import CellPlan, ComparisonPlan, settings_of
from .resume import resume_folder
from .sharing import LOCKS, at_work

_WRITING = "writing"
_PATIENCE = 60.0  # seconds that a process waits for another one to write the page


@dataclass(frozen=True, kw_only=True)
class ComparisonResult:
    """What a comparison came to."""

    folder: Path
    comparison: Comparison | None = None
    """none if not every seed has ended: it was interrupted, or other processes train the rest"""
    page: Path | None = None
    """what to open; none likewise"""
    signal: int | None = None
    """what interrupted it: 2 for Ctrl-C"""
    elsewhere: Mapping[str, int] = field(default_factory=dict)
    """who still trains how many of its seeds; the last of them writes the page"""

    @property
    def interrupted(self) -> bool:
        return self.comparison is None and not self.elsewhere

    @cached_property
    def assessment(self) -> Assessment | None:
        """Its statistics; none if not every seed has ended."""
        return None if self.comparison is None else assessment_of(self.comparison)

    @property
    def conclusion(self) -> str:
        """Which arm is better, by how much, and how sure that is."""
        if self.elsewhere:
            onward = "the last of these processes writes the page, or the same comparison once they have ended"
            return f"{elsewhere_text(self.elsewhere)}; {onward}"
        if self.assessment is None:
            return "interrupted: the same comparison again continues it"
        return conclusion(self.assessment)

    @property
    def failed(self) -> int:
        """How many seeds came to no score."""
        return 0 if self.comparison is None else sum(len(cell.failed) for _, cell in self.comparison.cells)

    def __repr__(self) -> str:
        if self.comparison is None:
            state = "interrupted" if self.interrupted else elsewhere_text(self.elsewhere)
            return f"ComparisonResult({state}, folder={str(self.folder)!r})"
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
    ended: Callable[[], None] = lambda: None,
    ray: str | None = None,
) -> ComparisonResult:
    """Trains what is left of a comparison and nobody else has in hand; whoever ends last writes its folder.

    Args:
        board: makes what shows a group of seeds while it is trained.
        view: makes what shows a run that is resumed.
        say: told which group begins.
        ended: called whenever a group of seeds has ended.
        ray: as in `train_many`: the Ray cluster on which seeds train.

    Raises:
        DqnlabError: what stopped it. Whatever was trained until then is reused by the next try.
    """
    _begin(plan)
    cluster = joined(ray) if ray is not None and plan.left else nullcontext()  # once for all groups
    with at_work(plan.folder / LOCKS) as sharing, cluster:
        division = Division(plan, sharing)
        lost = dict[tuple[str, str], list[Failure]]()
        said = set[str]()
        while True:
            with division.next() as piece:
                if piece is None:
                    break
                cell = division.plan.cells[piece.number]
                doing, train = _work(cell, piece, plan, trackers, board, view, said, ray)
                say(f"{_which(cell, plan)} {cell.arm} on {cell.env}: {doing}")
                trained = train()
            if trained.interrupted:
                return ComparisonResult(folder=plan.folder, signal=trained.signal or signal.SIGINT)
            if isinstance(trained, Group):
                lost.setdefault((cell.arm, cell.env), []).extend(trained.failures)
            ended()
        if elsewhere := division.elsewhere():
            return ComparisonResult(folder=plan.folder, elsewhere=elsewhere)
        comparison = read_comparison(division.plan, lost)
        with in_turn(plan.folder / LOCKS / _WRITING, lambda: None, _PATIENCE):  # another one may have come to this too
            page = write_comparison(comparison, plan.folder, allow_unequal=plan.request.allow_unequal)
        sharing.sweep()
    return ComparisonResult(folder=plan.folder, comparison=comparison, page=page)


def _begin(plan: ComparisonPlan) -> None:
    """Makes the comparison's folder, unless another process has begun the same."""
    make_wanted(plan.folder, either("--runs or --out", "runs= or out="))
    if not (plan.folder / PLAN).is_file():
        write_atomically(plan.folder / PLAN, plan.request.as_toml())


def _which(cell: CellPlan, plan: ComparisonPlan) -> str:
    """Which cell it is of those in which something was left at the beginning."""
    left = [(each.arm, each.env) for each in plan.left]
    key = (cell.arm, cell.env)
    return f"[{left.index(key) + 1} of {len(left)}]" if key in left else "[again]"


def read_comparison(plan: ComparisonPlan, lost: Mapping[tuple[str, str], Sequence[Failure]]) -> Comparison:
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
    piece: Piece,
    plan: ComparisonPlan,
    trackers: Trackers,
    board: Callable[[], Board | None],
    view: Callable[[], View | None],
    said: set[str],
    ray: str | None,
) -> tuple[str, Callable[[], Group | Run]]:
    """What is trained of a cell: in words, and what does it.

    Args:
        said: remarks that groups have made already; grows.
    """
    env = cell.config.env if cell.config.env.in_python else None
    overrides = Overrides(env=env, trackers=trackers, trust_env_modules=plan.request.modules)
    if piece.home is not None:
        words = f"resuming {seeds_text(piece.seeds)} in {shown(piece.home)}"
        if (piece.home / SUMMARY).is_file():
            return words, lambda home=piece.home: resume_group(home, overrides, board(), ray=ray)
        return words, lambda home=piece.home: resume_folder(home, overrides, view())
    what = seeds_text(piece.seeds) if len(piece.seeds) < len(cell.missing) else counted(len(piece.seeds), "seed")
    crew = Crew(cell.config, piece.seeds, runs=plan.runs, trackers=trackers, board=board(), said=said, ray=ray)
    return f"training {what}", crew.train
