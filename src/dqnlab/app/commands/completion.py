"""`dqn completion`."""

from __future__ import annotations

from ..arguments import Completion
from ..calls import KINDS, Call
from ..cli import COMMANDS
from ..complete import completions
from ..shells import SCRIPTS


def run(call: Call[Completion]) -> int:
    args = call.args
    if args.word:
        lines = completions(KINDS, [*COMMANDS, "--help", "--version"], args.word)
    else:
        lines = SCRIPTS[args.shell].splitlines()
    for line in lines:
        print(line)
    return 0
