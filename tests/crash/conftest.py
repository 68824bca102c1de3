"""What spares the tests of faults their waiting."""

import os

import pytest

from .kit import Faulty


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No flushing: what a loss of power leaves is no question here. And environments are counted anew."""
    monkeypatch.setattr(os, "fsync", lambda file: None)
    monkeypatch.setattr(Faulty, "made", 0)
