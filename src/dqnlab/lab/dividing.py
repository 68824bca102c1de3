"""How several processes divide the work of a comparison: each takes a few seeds that nobody has, again and again.

Whoever has taken a seed looks what there is of it only then. So what it sees cannot change under its hands, and what
another process has finished or begun before is never done again.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..errors import FolderInUse, counted
from ..processes import usable_cores
from .existing import await_free, holder_of
from .planning import CellPlan, ComparisonPlan, look_again
from .sharing import Sharing

_TASKS = "SLURM_ARRAY_TASK_COUNT"  # how many such processes a job array of Slurm starts, sooner or later
_NOBODY = "another process"


@dataclass(frozen=True)
class Piece:
    """What a process has taken: a run or group to resume, or seeds to begin."""

    number: int
    """of its cell, among those of the plan"""
    seeds: tuple[int, ...]
    home: Path | None
    """what is resumed"""
    held: ExitStack


@dataclass
class Division:
    """One process's part in a comparison."""

    plan: ComparisonPlan
    sharing: Sharing
    _tried: set[tuple[int, int]] = field(default_factory=set, init=False)
    """cell and seed of all that was taken here: what fails so early that it leaves nothing is not begun again"""
    _busy: dict[Path, str] = field(default_factory=dict, init=False)
    """runs and groups that others, who may have no part in the comparison, have in their hands"""
    _asked_again: bool = field(default=False, init=False)
    """whether these have been looked at once more, after all else was done"""

    @contextmanager
    def next(self) -> Iterator[Piece | None]:
        """What this process does next; none if nothing is left that nobody has."""
        piece = self._take()
        if piece is None:
            yield None
            return
        with piece.held:
            yield piece

    def elsewhere(self) -> Mapping[str, int]:
        """Who has taken the seeds that have not ended, and how many of them; empty if all have."""
        found = Counter[str]()
        for number, cell in enumerate(self.plan.cells):
            for home, seeds in cell.there.resumable.items():
                for seed in self._open(number, seeds):
                    found[self.sharing.who(_name(number, seed)) or self._busy.get(home, _NOBODY)] += 1
            for seed in self._open(number, cell.missing):
                found[self.sharing.who(_name(number, seed)) or _NOBODY] += 1
        return found

    def _take(self) -> Piece | None:
        looked = False
        while True:
            piece = self._claimed()
            if piece is None and looked:
                if not self._busy or self._asked_again:
                    return None
                self._asked_again = True
                self._busy.clear()
                continue
            with ExitStack() as stack:
                if piece is not None:
                    stack.enter_context(piece.held)
                self.plan, looked = look_again(self.plan), piece is None
                if piece is not None and (seeds := self._still(piece)):
                    self._tried |= {(piece.number, seed) for seed in seeds}
                    return replace(piece, seeds=seeds, held=stack.pop_all())

    def _claimed(self) -> Piece | None:
        """The first thing to do, by what was last seen, that could be taken."""
        processes = None
        for number, cell in enumerate(self.plan.cells):
            for home, seeds in cell.there.resumable.items():
                if home in self._busy or len(self._open(number, seeds)) < len(seeds):
                    continue
                held, got = self._take_seeds(number, seeds, len(seeds))
                if len(got) == len(seeds):
                    return Piece(number, got, home, held)
                held.close()
            if missing := self._open(number, cell.missing):
                processes = processes or self._num_processes()
                held, got = self._take_seeds(number, missing, self._size(cell, processes))
                if got:
                    return Piece(number, got, None, held)
        return None

    def _take_seeds(self, number: int, seeds: Sequence[int], most: int) -> tuple[ExitStack, tuple[int, ...]]:
        """Takes so many of the seeds as nobody has; of those of a group the first decides who gets it."""
        held, got = ExitStack(), list[int]()
        for seed in seeds:
            if len(got) == most:
                break
            if (one := self.sharing.take(_name(number, seed))) is not None:
                held.enter_context(one)
                got.append(seed)
        return held, tuple(got)

    def _still(self, piece: Piece) -> tuple[int, ...]:
        """The seeds of it that are still to be done, as was seen after it was taken."""
        there, missing = self.plan.cells[piece.number].there, self.plan.cells[piece.number].missing
        if piece.home is None:
            return tuple(seed for seed in piece.seeds if seed in missing)
        if there.resumable.get(piece.home) != piece.seeds:
            return ()
        try:
            await_free(piece.home)
        except FolderInUse:
            self._busy[piece.home] = holder_of(piece.home) or _NOBODY
            return ()
        return piece.seeds

    def _open(self, number: int, seeds: Sequence[int]) -> list[int]:
        return [seed for seed in seeds if (number, seed) not in self._tried]

    def _num_processes(self) -> int:
        tasks = os.environ.get(_TASKS, "")
        return max(1 + self.sharing.num_others(), int(tasks) if tasks.isdecimal() else 1)

    def _size(self, cell: CellPlan, processes: int) -> int:
        """How many new seeds of a cell to take at once."""
        left = sum(len(self._open(number, each.missing)) for number, each in enumerate(self.plan.cells))
        cores = 1 if cell.config.env.copies is not None else max(1, usable_cores() // cell.config.threads)
        return share_of(left, processes, cores)


def share_of(left: int, processes: int, cores: int) -> int:
    """How many of the seeds that are left one of so many processes takes at once.

    Alone all of them, for one program trains them faster than several do. Else half of its part, so that all end at
    about the same time, but one for each of its cores as long as there are enough for everybody.
    """
    if processes == 1:
        return max(left, 1)
    part = -(-left // processes)
    return max(1, -(-left // (2 * processes)), min(cores, part))


def elsewhere_text(elsewhere: Mapping[str, int]) -> str:
    """Who still trains how many seeds, in words."""
    parts = [f"{counted(num, 'seed')} ({who})" for who, num in elsewhere.items()]
    return f"still in training: {', '.join(parts)}"


def _name(number: int, seed: int) -> str:
    return f"cell-{number}-seed-{seed}"
