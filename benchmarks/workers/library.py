"""dqnlab with the textbook preset: the example's work, one agent or many, its metrics included, never evaluated."""

import json
from dataclasses import fields, replace
from typing import Any

from steady import Marks, arguments, show

PACKAGES = ("dqnlab", "torch", "gymnasium", "numpy")


def settings(compile_: str) -> Any:
    """The configuration; None if this dqnlab cannot compile and should."""
    from dqnlab import presets
    from dqnlab.config import Steps

    far = Steps(num=10**9)
    config = replace(presets.get("textbook"), budget=far, evaluate_every=far, select_episodes=1)
    if "compile" in {each.name for each in fields(config)}:
        return replace(config, **{"compile": compile_})
    return None if compile_ == "on" else config


def one(config: Any, steps: int) -> None:
    """One agent."""
    from dqnlab import events
    from dqnlab.run.events import BlockEnded

    marks = Marks(steps)
    stream = events(config)
    for event in stream:
        if isinstance(event, BlockEnded) and marks.passed(event.step):
            break
    stream.close()
    show(marks.line(), *PACKAGES)


def many(config: Any, steps: int, agents: int) -> None:
    """Agents that learn as one stack in this process, until the first has made its steps."""
    from dqnlab.device import arithmetic
    from dqnlab.run.events import BlockEnded
    from dqnlab.run.lockstep import Stopped, lockstep
    from dqnlab.run.system import assemble, make_update

    marks = Marks(steps)
    systems = [assemble(replace(config, seed=seed)) for seed in range(agents)]
    with arithmetic(config.threads):
        for i, said in lockstep([system.loop() for system in systems], make_update(systems)):
            if isinstance(said, Stopped):
                raise RuntimeError("a benchmark has no end") from said.error
            if i == agents - 1 and isinstance(said, BlockEnded) and marks.passed(said.step):
                break
    for system in systems:
        system.close()
    show(marks.line(agents), *PACKAGES)


def absent(why: str) -> None:
    """Says that there is nothing to measure."""
    print(json.dumps({"absent": why}))


def main() -> None:
    args = arguments()
    config = settings(args.compile)
    if config is None:
        absent("this dqnlab does not compile")
    elif args.agents > 1:
        many(config, args.steps, args.agents)
    else:
        one(config, args.steps)


if __name__ == "__main__":
    main()
