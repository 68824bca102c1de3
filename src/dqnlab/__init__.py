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
    from .app.benchmark import benchmark
    from .app.compare import compare
    from .config import Config, presets
    from .explain.door import report
    from .exporting.export import export
    from .lab.branch import branch
    from .lab.heal import heal
    from .lab.import_agent import import_agent
    from .lab.many.crew import train_many
    from .lab.many.resume import resume_many
    from .lab.resume import resume
    from .lab.session import train
    from .lab.tune import tune
    from .run.evaluate import evaluate
    from .run.system import events
    from .store.agent import Agent, load
    from .store.columns import read_metrics
    from .store.folder import Run

__all__ = [
    "Agent",
    "Config",
    "Run",
    "__version__",
    "benchmark",
    "branch",
    "compare",
    "evaluate",
    "events",
    "export",
    "heal",
    "import_agent",
    "load",
    "presets",
    "read_metrics",
    "report",
    "resume",
    "resume_many",
    "train",
    "train_many",
    "tune",
]

_HOMES = {
    "Agent": ".store.agent",
    "Config": ".config",
    "Run": ".store.folder",
    "benchmark": ".app.benchmark",
    "branch": ".lab.branch",
    "compare": ".app.compare",
    "heal": ".lab.heal",
    "import_agent": ".lab.import_agent",
    "evaluate": ".run.evaluate",
    "events": ".run.system",
    "export": ".exporting.export",
    "load": ".store.agent",
    "presets": ".config",
    "read_metrics": ".store.columns",
    "report": ".explain.door",
    "train": ".lab.session",
    "resume": ".lab.resume",
    "resume_many": ".lab.many.resume",
    "train_many": ".lab.many.crew",
    "tune": ".lab.tune",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
