"""The words of `dqn import`, as `arguments` has those of the other commands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..lab.overrides import Changes, ImportRequest
from ..store.label import Label


@dataclass(frozen=True, kw_only=True)
class Import:
    """Bring in an agent that another program trained: judge it on fresh episodes, film it and explain it.

    The flags of `dqn train` say how its environment is made, such as --env.frame-stack 4, how it is judged, and of its
    training what the file does not say, such as --gamma 0.98.
    """

    agent_file: str
    """a zip of Stable-Baselines3's DQN or QR-DQN, a model of CleanRL, or a state_dict; only weights are read"""
    env: str
    """the environment that it plays in: a Gymnasium id or module:Id"""
    out: Path | None = None
    """folder of the run that it becomes, which must not exist yet; one inside --runs if none"""
    runs: Path = Path("runs")
    """folder of all runs"""
    name: str | None = None
    """what to call it, wherever one is named"""
    tag: tuple[str, ...] = ()
    """a word to find it by"""
    quiet: bool = False
    """only the summary"""
    config: Changes

    @property
    def asked(self) -> ImportRequest:
        """What is to be brought in, and how."""
        return ImportRequest(
            file=Path(self.agent_file).expanduser(),
            change=self.config,
            named=tuple(_dotted(self.config.table)),
            out=self.out,
            runs=self.runs,
            label=Label(name=self.name, tags=self.tag),
        )


def _dotted(table: Mapping[str, Any]) -> Iterator[str]:
    """The names of the settings in a table, a kind's under that of its choice."""
    for name, value in table.items():
        if not isinstance(value, Mapping):
            yield name
            continue
        yield from (name if key == "kind" else f"{name}.{key}" for key in value)
