"""`dqn tune --dry-run`."""

from __future__ import annotations

from pathlib import Path

from ...config.space import default_space, read_space, space_toml
from ...store.reading import read_text
from ..arguments import Tune
from ..calls import Call


def run(call: Call[Tune]) -> int:
    args = call.args
    if args.space is None:
        space = default_space(args.config)
    else:
        space = read_space(read_text(Path(args.space)), args.space, args.config, args.trust_env_module)
    call.tell()
    print(space_toml(space), end="")
    return 0
