"""`dqn record`."""

from __future__ import annotations

from pathlib import Path

from ...errors import FolderError
from ...lab.unfinished import settle_step
from ...run import film
from ...store.agent import load
from ...store.door import entered
from ...store.folder import VIDEOS
from ...trust import shown
from ..arguments import Record
from ..calls import Call
from ..places import named_folder


def run(call: Call[Record]) -> int:
    args, path = call.args, Path(call.args.run)
    agent = load(path, which=args.which, env=args.env, trust_env_modules=args.trust_env_module)
    inside = (path.parent if path.is_file() else path).resolve()
    if args.out is None and (inside / VIDEOS).is_symlink():
        raise FolderError(f"{str(inside / VIDEOS)!r} is a link, which may lead anywhere: use --out")
    folder = inside / VIDEOS if args.out is None else named_folder(args.out)
    with entered(inside):
        films = film.record(agent, folder, episodes=args.episodes, max_seconds=args.max_seconds, seed=args.seed)
        for made in films:
            print(shown(made))
        if args.out is None:
            settle_step(inside, "film")
    return 0
