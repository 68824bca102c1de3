"""`dqn train --dry-run`, where the command line says everything."""

from __future__ import annotations

from ...config.toml import to_toml
from ..arguments import Train
from ..calls import Call


def run(call: Call[Train]) -> int:
    call.tell()
    print(to_toml(call.args.config), end="")
    return 0
