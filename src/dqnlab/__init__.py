"""dqnlab trains, judges, shows and explains deep Q-learning agents.

    run = dqnlab.train(dqnlab.presets.get("cartpole"))     # a Run: its score, its files
    agent = dqnlab.load(run.folder)                         # an Agent
    agent.act(obs), agent.q_values(obs)

Importing this package imports neither torch nor gymnasium: each name below is fetched when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from . import presets
    from .app.many import train_many
    from .app.resume import resume
    from .app.session import train
    from .build import events
    from .config import Config
    from .run.agent import Agent, load
    from .run.evaluate import evaluate
    from .run.folder import Run

__all__ = [
    "Agent",
    "Config",
    "Run",
    "__version__",
    "evaluate",
    "events",
    "load",
    "presets",
    "resume",
    "train",
    "train_many",
]

_HOMES = {
    "Agent": ".run.agent",
    "Config": ".config",
    "Run": ".run.folder",
    "evaluate": ".run.evaluate",
    "events": ".build",
    "load": ".run.agent",
    "presets": "",
    "train": ".app.session",
    "resume": ".app.resume",
    "train_many": ".app.many",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _HOMES[name]
    value = getattr(import_module(home, __name__), name) if home else import_module(f".{name}", __name__)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
