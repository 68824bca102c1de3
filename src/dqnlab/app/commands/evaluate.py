"""`dqn evaluate`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...lab.interrupt import SIGNALLED, signal_of
from ...lab.playing import play_and_score
from ...store.agent import load
from ...store.folder import SUMMARY
from ...trust import shown
from ..arguments import Evaluate
from ..calls import Call
from ..show import show
from ..summary import evaluation


def run(call: Call[Evaluate]) -> int:
    args, path = call.args, Path(call.args.run)
    agent = load(path, which=args.which, env=args.env, trust_env_modules=args.trust_env_module)
    score, played = play_and_score(agent, args.episodes, args.seed, args.record)
    if args.json:
        print(played.json(score, {"run": str(path), "which": args.which, "seed": args.seed}))
    else:
        title = f"{shown(path)}{_of_group(path, call.words)}, {args.which} network, seed {args.seed}"
        show(evaluation(score, title, played.partial), soft_wrap=True)
    return 0 if played.interrupted is None else SIGNALLED + signal_of(played.interrupted)


def _of_group(path: Path, words: Sequence[str]) -> str:
    """That the run stands for a group, where it was not named itself."""
    stands_in = (path.parent / SUMMARY).is_file() and not any(word.rstrip("/").endswith(path.name) for word in words)
    return f" (the best seed of {shown(path.parent)})" if stands_in else ""
