"""A recorded moment of a short run, for each way of learning."""

from collections.abc import Callable

import pytest

from .recording import WAYS, Recorded, record


@pytest.fixture
def recorded() -> Callable[[str], Recorded]:
    """Names of arrays to arrays, with the configuration and the env of the run that they come from."""

    def get(way: str) -> Recorded:
        arrays, config, spec = record(way)
        return dict(arrays), config, spec

    return get


@pytest.fixture(params=WAYS)
def moment(request: pytest.FixtureRequest, recorded: Callable[[str], Recorded]) -> Recorded:
    """One after the other."""
    return recorded(request.param)
