"""`dqn explain`: a page of a run, or of two side by side, or one learning step as text."""

from __future__ import annotations

import webbrowser
from pathlib import Path

from ...errors import ConfigError
from ...explain.beside import parent_run, write_beside
from ...explain.report import write_report
from ...explain.trace_text import step_text
from ...lab.unfinished import settle_step
from ...store.door import entered
from ...store.find import read_run
from ...terminal.text import clean
from ...trust import shown
from ..arguments import Explain
from ..calls import Call


def run(call: Call[Explain]) -> int:
    args, folder = call.args, Path(call.args.run)
    if args.row is not None and not args.step:
        raise ConfigError(f"--row {args.row} is about one learning step: give --step as well")
    if args.step:
        lines = step_text(folder, args.row or 0, args.trust_env_module).split("\n")
        print("\n".join(map(clean, lines)), end="")
        return 0
    with entered(folder):
        if args.beside is not None:
            other = parent_run(folder) if args.beside == "parent" else read_run(Path(args.beside))
            report = write_beside(read_run(folder), other, args.env, args.trust_env_module, args.out)
        else:
            report = write_report(read_run(folder), args.env, args.trust_env_module, args.out)
            if args.out is None:
                settle_step(folder, "page")
    page = args.out or folder / report.path.name
    print(shown(page))
    if report.remark:
        print(clean(report.remark))
    for verdict in report.verdicts:
        print(clean(verdict))
    if args.open:
        webbrowser.open(page.resolve().as_uri())
    return 0
