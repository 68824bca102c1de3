"""`dqn branch`, of a group of seeds."""

from __future__ import annotations

from pathlib import Path

from ...lab.many.branch import branch_group
from ...terminal.board import choose_board
from ..arguments_branch import BranchOff
from ..calls import Call
from ..show import show_group


def run(call: Call[BranchOff]) -> int:
    args = call.args
    return show_group(branch_group(Path(args.run), args.asked, choose_board(quiet=args.quiet), call.started))
