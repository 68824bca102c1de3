"""`dqn heal`."""

from __future__ import annotations

import signal
from pathlib import Path

from ...lab.heal import heal_folder
from ...lab.interrupt import SIGNALLED
from ...terminal.live import choose_view
from ..arguments_branch import Heal
from ..calls import Call
from ..healing import healing_text
from ..show import show


def run(call: Call[Heal]) -> int:
    args = call.args
    done = heal_folder(Path(args.run), args.asked, seeds=args.seeds, view=choose_view(quiet=args.quiet))
    show(healing_text(done), soft_wrap=True)
    branch = done.branch
    return SIGNALLED + (branch.signal or signal.SIGINT) if branch is not None and branch.interrupted else 0
