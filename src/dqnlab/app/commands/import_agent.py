"""`dqn import`."""

from __future__ import annotations

from ...lab.import_agent import import_file
from ...terminal.live import choose_view
from ..arguments_import import Import
from ..calls import Call
from ..show import show_run


def run(call: Call[Import]) -> int:
    args = call.args
    return show_run(import_file(args.asked, choose_view(quiet=args.quiet), call.started))
