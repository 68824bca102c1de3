"""Branching every seed of a group, each from its own state."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from ...errors import ConfigError
from ...store.folder import CONFIG, seed_name
from ...store.group import Group, write_summary
from ...store.label import UNLABELLED
from ...store.new import new_folder
from ...terminal.board import Board
from ..branch import forked
from ..interrupt import signals_end
from ..overrides import BranchRequest, Overrides
from ..resume import configured
from .resume import resume_group, seeds_of


def branch_group(group: Path, asked: BranchRequest, board: Board | None = None, started: float | None = None) -> Group:
    """`branch_folder` of each seed of the group in a folder that has begun; they are then trained on every core.

    Raises as `branch_folder` does, before any seed is trained, and ConfigError if none has begun.
    """
    began = time.perf_counter() if started is None else started
    seeds = [seed for seed in seeds_of(group) if (group / seed_name(seed) / CONFIG).is_file()]
    if not seeds:
        raise ConfigError(f"no seed of {str(group)!r} has begun: there is nothing to branch")
    first = asked.change(configured(group / seed_name(seeds[0]), asked.parent, group))
    with signals_end(), new_folder(first, asked.out, asked.runs, seeds, asked.label) as home:
        for seed in seeds:
            with forked(group / seed_name(seed), replace(asked, out=home / seed_name(seed), label=UNLABELLED)) as _:
                pass
        write_summary(
            Group(home, first.env.label, first.preset, tuple(seeds), (), 0.0, interrupted=True, label=asked.label)
        )
    return resume_group(home, Overrides(), board, began)
