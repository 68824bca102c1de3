"""Systems that the tests of all seams share."""

from collections.abc import Callable, Iterator

import pytest

from dqnlab.config import Config
from dqnlab.run.system import System, assemble

Filled = Callable[[Config], System]


@pytest.fixture
def filled() -> Iterator[Filled]:
    """Assembles runs whose memory holds a few hundred transitions; closes them at the end."""
    made: list[System] = []

    def system(config: Config) -> System:
        new = assemble(config)
        made.append(new)
        while new.memory.facts().size < 200:
            new.memory.add(new.collector.step())
        return new

    yield system
    for each in made:
        each.close()
