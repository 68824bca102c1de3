"""`dqn doctor`."""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout

from ...check.doctor.examination import examine
from ...terminal.text import clean
from ..arguments import Doctor
from ..calls import Call
from ..checkup import checkup
from ..show import show


def run(call: Call[Doctor]) -> int:
    """The exit code is that of the first error found."""
    args = call.args

    def say(line: str) -> None:
        print(clean(f"{line} …"), file=sys.stderr, flush=True)

    with redirect_stdout(sys.stderr):  # what the environment prints must not get into the report
        report = examine(args.config, steps=args.random_steps, notify=say)
    if args.json:
        print(json.dumps(report.as_dict()))
    else:
        show(checkup(report), soft_wrap=True)
    return report.exit_code
