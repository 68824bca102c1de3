"""`dqn runs`."""

from __future__ import annotations

from ...errors import FolderError
from ...store.find import list_runs
from ...terminal.text import clean
from ..arguments import RunsTable
from ..calls import Call
from ..show import show
from ..summary import runs_table


def run(call: Call[RunsTable]) -> int:
    folder = call.args.runs
    if not folder.is_dir() and folder != RunsTable().runs:
        raise FolderError(f"{str(folder)!r} is not a folder: name the one that holds the runs")
    if found := list_runs(folder):
        show(runs_table(found))
    else:
        print(f"no runs under {clean(str(folder))}: `dqn train` makes one")
    return 0
