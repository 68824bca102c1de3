"""`dqn runs`."""

from __future__ import annotations

from ...errors import FolderError
from ...store.find import list_runs
from ...terminal.text import clean
from ..arguments import RunsTable
from ..calls import Call
from ..show import show
from ..summary import runs_table
from ..tree import runs_tree


def run(call: Call[RunsTable]) -> int:
    folder = call.args.runs
    if not folder.is_dir() and folder != RunsTable().runs:
        raise FolderError(f"{str(folder)!r} is not a folder: name the one that holds the runs")
    found = list_runs(folder)
    if found and call.args.tree:
        show(runs_tree(found, folder), soft_wrap=True)
    elif found:
        show(runs_table(found))
    else:
        print(f"no runs under {clean(str(folder))}: `dqn train` makes one")
    return 0
