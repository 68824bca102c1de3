"""What every test of faults begins with."""

import pytest

from .kit import Faulty


@pytest.fixture(autouse=True)
def counted_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Environments are counted from none."""
    monkeypatch.setattr(Faulty, "made", 0)
