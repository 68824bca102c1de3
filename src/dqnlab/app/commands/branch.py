"""`dqn branch`, of one run."""

from __future__ import annotations

from pathlib import Path

from ...lab.branch import branch_folder
from ...terminal.live import choose_view
from ..arguments_branch import BranchOff
from ..calls import Call
from ..show import show_run


def run(call: Call[BranchOff]) -> int:
    args = call.args
    return show_run(branch_folder(Path(args.run), args.asked, choose_view(quiet=args.quiet), call.started))
