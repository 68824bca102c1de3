"""`dqn train --dry-run`, where a setting is found in the environment: it is made, and closed again."""

from __future__ import annotations

from ...config.toml import to_toml
from ...settle import foresee_settings
from ..arguments import Train
from ..calls import Call


def run(call: Call[Train]) -> int:
    print(to_toml(foresee_settings(call.args.config)), end="")
    return 0
