"""`dqn export`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from ...exporting.destination import destination
from ...exporting.export import run_name, write_export
from ...lab.playing import QUIET, SHOW_EVERY
from ...store.agent import load
from ...store.door import entered
from ...terminal.text import clean
from ...trust import shown
from ..arguments import Export
from ..calls import Call


def run(call: Call[Export]) -> int:
    args, path = call.args, Path(call.args.run)
    place = destination(path, args.format, args.out, args.which)
    agent = load(path, which=args.which, env=args.env, trust_env_modules=args.trust_env_module)
    with entered((path.parent if path.is_file() else path).resolve()):
        made = write_export(agent, args.format, place, run_name(path), num=args.states, tell=_Teller())
    listed = ", ".join(f"{name} ({size / 1000:,.1f} kB)" for name, size in made.sizes.items())
    print(f"{shown(made.folder)}: {listed}")
    print(clean(str(made.equality)))
    return 0


class _Teller:
    """Says now and then what is being done, once it takes longer than a moment."""

    def __init__(self) -> None:
        self._due = time.monotonic() + QUIET

    def __call__(self, text: str) -> None:
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + SHOW_EVERY[1]
            print(text, file=sys.stderr, flush=True)
