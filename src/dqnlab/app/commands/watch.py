"""`dqn watch`."""

from __future__ import annotations

import shlex
from pathlib import Path

from ...run import film
from ...store.agent import load
from ...store.digits import number
from ...terminal.text import clean
from ..arguments import Watch
from ..calls import Call


def run(call: Call[Watch]) -> int:
    args = call.args
    agent = load(Path(args.run), which=args.which, env=args.env, trust_env_modules=args.trust_env_module)
    try:
        returns = film.watch(agent, episodes=args.episodes, seed=args.seed)
    except film.NoDisplay as e:  # `record` takes the same words
        raise film.NoDisplay(clean(shlex.join(["dqn", "record", *call.words]))) from e
    for index, ret in enumerate(returns, start=1):
        print(f"episode {index}: return {number(ret)}", flush=True)
    return 0
