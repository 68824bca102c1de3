"""`dqn train --dry-run`, where a setting is found in the environment: it is made, and closed again."""

from __future__ import annotations

from ...config.toml import to_toml
from ...settle import foresee_settings
from ..arguments import Train
from ..calls import Call


def run(call: Call[Train]) -> int:
    found = foresee_settings(call.args.config)
    call.tell()
    print(to_toml(found), end="")
    return 0
