"""`dqn clean`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from ...errors import DqnlabError, FolderError, counted
from ...store.experiments import find_experiment, study_folders
from ...store.find import age, find_any, run_folders
from ...store.folder import META
from ...store.ledger import entries
from ...store.lineage import read_parent
from ...store.removal import Spare, drop_spare, spare_of
from ...terminal.text import clean, size
from ...trust import shown
from ..arguments_kept import Clean
from ..calls import Call
from ..confirm import STAYS, confirmed, tell
from ..ledger import shown_names


def run(call: Call[Clean]) -> int:
    """The exit code is that of the first run that could not be cleaned."""
    args = call.args
    spares = [spare_of(folder) for folder in _folders(args)]
    names = dict(
        zip((each.folder for each in spares), shown_names(entries(each.folder for each in spares)), strict=True)
    )
    full = [each for each in spares if each.num_bytes or not each.is_known]
    going = [each for each in full if not each.why_not]
    for each in full:
        why_not = each.why_not and f": stays, {clean(each.why_not)}"
        print(f"{size(each.num_bytes):>9}  {names[each.folder]}  {clean(shown(each.folder))}{why_not}")
        tell(STAYS, each.strange)
    if not going:
        print(f"nothing to clean: no finished run of {len(spares)} has checkpoints")
        return 0
    total = size(sum(each.num_bytes for each in going))
    print(f"{total:>9}  in all, the checkpoints of {counted(len(going), 'run')}")
    print(_lost(going))
    if args.dry_run:
        return 0
    if not args.yes and not confirmed(f"Remove {total}, the checkpoints of {counted(len(going), 'run')}?"):
        print("nothing was removed")
        return 1
    return _drop(going)


def _folders(args: Clean) -> list[Path]:
    """The runs that are meant; of groups their seeds."""
    if args.all:
        return sorted((run for where in (args.runs, *study_folders(args.runs)) for run in run_folders(where)), key=age)
    folders = list[Path]()
    for word in args.run:
        folder = find_any(word, args.runs)
        if folder is None:
            if (other := find_experiment(word, args.runs)) is not None:
                folders += sorted(run_folders(other.path), key=age)
                continue
            raise FolderError(f"no run {word!r} here or under {str(args.runs)!r}: `dqn runs` lists what there is")
        (entry,) = entries([folder])
        folders += [each.folder for each in entry.runs] or [folder]
    return list(dict.fromkeys(folders))


def _lost(going: Sequence[Spare]) -> str:
    """What can no longer be done with these runs."""
    branches = sum(_is_branch(each.folder) for each in going)
    also = f"; {branches} of them, branches themselves, cannot be branched at all" if branches else ""
    return (
        "lost: dqn resume cannot train them further (--steps), and dqn branch has to replay them from their first "
        f"step{also}. Kept: networks, scores, metrics, films, pages."
    )


def _is_branch(folder: Path) -> bool:
    try:
        return read_parent(folder / META) is not None
    except FolderError:  # somebody has changed it
        return False


def _drop(going: Sequence[Spare]) -> int:
    freed = code = 0
    for each in going:
        try:
            freed += drop_spare(each.folder)
        except DqnlabError as e:
            print(f"error: {clean(str(e))}", file=sys.stderr)
            code = code or e.exit_code
    print(f"freed {size(freed)}")
    return code
