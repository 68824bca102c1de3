"""The tree of runs: what was branched from what, at which step, with which changes, and what it came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text
from rich.tree import Tree

from ..errors import FolderError, counted
from ..store.digits import interval_ends, number
from ..store.find import called
from ..store.folder import META
from ..store.ledger import entries
from ..store.lineage import Parent, read_parent
from ..terminal.text import clean
from .ledger import shown_names
from .summary import LABEL


def runs_tree(rows: Sequence[Mapping[str, Any]], runs: Path, wanted: Collection[Path] | None = None) -> RenderableType:
    """What `dqn runs --tree` draws: each branch below the run that it left. Seeds without branches share a line.

    Args:
        rows: as `list_runs` gives them.
        runs: their folder.
        wanted: runs and groups to draw, with all that they were branched from; every one if none.
    """
    found = entries(row["folder"] for row in rows)
    told = [{"called": name, "status": each.status} for name, each in zip(shown_names(found), found, strict=True)]
    here = {Path(row["folder"]).resolve(): {**row, **more} for row, more in zip(rows, told, strict=True)}
    parents = {folder: parent for folder in here if (parent := _parent(folder)) is not None}
    homes = {folder: parent.folder(runs).resolve() for folder, parent in parents.items()}
    if wanted is not None:
        kept = _with_ancestors({each.resolve() for each in wanted}, here, homes)
        here = {folder: row for folder, row in here.items() if folder in kept}
        parents = {folder: parent for folder, parent in parents.items() if folder in kept}
        homes = {folder: home for folder, home in homes.items() if folder in kept}
    tops = [folder for folder in here if folder not in parents]
    tops += dict.fromkeys(home for home in homes.values() if home not in here)
    alone = {folder for folder in tops if folder in here and "/" in here[folder]["name"]} - set(homes.values())
    groups = Counter(folder.parent for folder in alone)
    drawn: list[RenderableType] = []
    done = set[Path]()
    for folder in [*tops, *here]:  # those that name each other as their parents come last
        if folder not in alone and folder not in done:
            trees = _draw(folder, here, parents, homes)
            done |= trees.keys()
            drawn.append(trees[folder])
        elif (num := groups.pop(folder.parent, 0)) > 0:
            drawn.append(Text.assemble((clean(called(folder.parent)), "bold"), (f"  {counted(num, 'seed')}", LABEL)))
    return Group(*drawn)


def _with_ancestors(wanted: Collection[Path], here: Collection[Path], homes: Mapping[Path, Path]) -> set[Path]:
    """The runs that are wanted, by themselves or with their group, and those that they come from."""
    kept = {folder for folder in here if folder in wanted or folder.parent in wanted}
    waiting = list(kept)
    while waiting:
        home = homes.get(waiting.pop())
        if home is not None and home not in kept:
            kept.add(home)
            waiting.append(home)
    return kept


def _parent(folder: Path) -> Parent | None:
    try:
        return read_parent(folder / META)
    except FolderError:  # somebody has changed it: then it stands alone
        return None


def _draw(
    top: Path, here: Mapping[Path, Mapping[str, Any]], parents: Mapping[Path, Parent], homes: Mapping[Path, Path]
) -> dict[Path, Tree]:
    """A run and all that was branched from it, each below what it left."""
    trees = {top: Tree(_line(top, here.get(top)), guide_style=LABEL)}
    waiting = [top]
    while waiting:
        home = waiting.pop()
        below = [folder for folder, parent in homes.items() if parent == home and folder not in trees]
        for folder in sorted(below, key=lambda each: (parents[each].step, str(each))):
            trees[folder] = trees[home].add(_line(folder, here.get(folder), parents[folder]))
            waiting.append(folder)
    return trees


def _line(folder: Path, row: Mapping[str, Any] | None, parent: Parent | None = None) -> Text:
    """What there is to say of a run, after where it left its parent."""
    left = "" if parent is None else f"at {parent.step:,}  {parent.says}  "
    if row is None:
        return Text.assemble((clean(str(folder)), "bold"), ("  gone", LABEL))
    return Text.assemble((clean(left), LABEL), (row["called"], "bold"), f"  {_score(row)}")


def _score(row: Mapping[str, Any]) -> str:
    score = row.get("score")
    if not score:
        return clean(str(row.get("status", "unfinished")))
    ends = (score["mean"], score["low"], score["high"])
    return f"{number(*ends)} ({interval_ends(*ends)})"
