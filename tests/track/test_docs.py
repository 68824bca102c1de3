import re
from pathlib import Path

import pytest

from dqnlab.track.record import WallClock
from dqnlab.track.rows import returns, row

from .conftest import EVENTS

PAGES = [Path(__file__).resolve().parents[2] / "docs" / name for name in ("metrics.md", "metrics.zh-Hant.md")]
EACH = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)


@pytest.fixture
def produced() -> set[str]:
    names: set[str] = set()
    for event in EVENTS.values():
        names |= set(returns(event)) | set((row(event) or (0, {}))[1])
    clock = iter([0.0, 1.0])
    return names | set(WallClock(lambda: next(clock)).columns(1))


@EACH
def test_page_explains_exactly_the_metrics_there_are(produced: set[str], page: Path) -> None:
    rows = re.findall(r"^\| `([a-z]+/[a-z_]+)` \|", page.read_text("utf-8"), flags=re.MULTILINE)
    assert sorted(rows) == sorted(produced)


@EACH
def test_metrics_mentioned_in_passing_exist_too(produced: set[str], page: Path) -> None:
    mentioned = set(re.findall(r"`([a-z]+/[a-z_]+)`", page.read_text("utf-8")))
    assert mentioned - produced == set()


@EACH
def test_every_metric_has_all_five_columns(page: Path) -> None:
    rows = [line for line in page.read_text("utf-8").splitlines() if line.startswith("| `")]
    assert {len(re.split(r"(?<!\\)\|", line)) for line in rows} == {7}
