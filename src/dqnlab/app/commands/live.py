"""`dqn live`."""

from __future__ import annotations

import webbrowser
from pathlib import Path

from ...live.serve import Serving, serve_runs
from ...live.verdict import Alert
from ...terminal.text import clean
from ..alert import alert_words
from ..arguments_live import Live
from ..calls import Call


def run(call: Call[Live]) -> int:
    args = call.args
    first = None if args.run is None else Path(args.run)
    inside = first is not None and first.resolve().is_relative_to(args.runs.resolve())
    wanted = Serving(
        runs=args.runs,
        only=None if inside else first,
        first=first,
        port=args.port,
        read_only=args.read_only,
        trusted=args.trust_env_module,
        alert=None if args.alert is None else Alert(alert_words(args.alert)),
    )
    serve_runs(
        wanted, lambda line: print(clean(line), flush=True), webbrowser.open if args.open else lambda address: None
    )
    return 0
