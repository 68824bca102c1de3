"""`dqn rm`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...errors import FolderError, counted
from ...store.door import drop_empty
from ...store.experiments import find_experiment
from ...store.find import called, find_any, name_for
from ...store.ledger import entries
from ...store.lineage import branches_of, reaches
from ...store.removal import Removable, removable, remove
from ...terminal.text import clean, size
from ...trust import shown
from ..arguments_kept import Rm
from ..calls import Call
from ..confirm import STAYS, confirmed, tell
from ..ledger import shown_names


def run(call: Call[Rm]) -> int:
    args = call.args
    found = [removable(folder) for folder in _folders(args)]  # all of them, before anything is removed
    for each, name in zip(found, shown_names(entries(each.folder for each in found)), strict=True):
        print(f"{size(each.num_bytes):>9}  {name}  {_what(each)}")
        tell(STAYS, each.strange)
        tell("goes with whatever lies in it, as SwanLab names its files itself", each.whole)
    total = size(sum(each.num_bytes for each in found))
    if len(found) > 1:
        print(f"{total:>9}  in all")
    _warn_of_branches([run for each in found for run in each.runs], args.runs)
    if args.dry_run:
        return 0
    if not args.yes and not confirmed(f"Remove {total}, {counted(sum(len(each.runs) for each in found), 'run')}?"):
        print("nothing was removed")
        return 1
    freed = 0
    for each in found:
        freed += remove(each)
        if each.folder.parent.parent == args.runs.absolute():
            drop_empty(each.folder.parent)  # of its environment, if that was its last run
    print(f"freed {size(freed)}")
    return 0


def _folders(args: Rm) -> list[Path]:
    folders = dict[Path, None]()
    for word in args.run:
        folder = find_any(word, args.runs)
        if folder is None:
            if (other := find_experiment(word, args.runs)) is not None:
                raise FolderError(f"{word!r} is {other.how_to_remove}")
            raise FolderError(f"no run {word!r} here or under {str(args.runs)!r}: `dqn runs` lists what there is")
        folders[folder] = None
    return [each for each in folders if each.parent not in folders]  # a seed goes with its group


def _warn_of_branches(going: Sequence[Path], runs: Path) -> None:
    """Says which runs were branched from those that go, and what they can no longer do."""
    for folder, parent in branches_of(going, runs):
        whence = f"from {clean(called(parent.folder(runs)))} at step {parent.step:,}"
        if reaches(folder, parent.step):
            what = f"stays complete, but no run can be branched before step {parent.step:,} any more"
        else:
            what = "has no checkpoint of where it began, so it can no longer be made anew, continued or branched"
        print(f"{clean(name_for(folder, runs))} was branched {whence}: it {what}")


def _what(each: Removable) -> str:
    return f"{clean(shown(each.folder))}" + (
        f", {counted(len(each.runs), 'seed')}" if each.folder not in each.runs else ""
    )
