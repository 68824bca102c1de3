from collections.abc import Mapping

import pytest

from dqnlab.store.folder import Run
from dqnlab.track.merged import Merged, merge


class Heard:
    """A tracker that remembers."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, dict[str, float]]] = []
        self.closed = 0
        self.told: list[object] = []

    def log(self, step: int, row: Mapping[str, float]) -> None:
        self.rows.append((step, dict(row)))

    def end(self) -> None:
        self.told.append("end")

    def finish(self, run: Run) -> None:
        self.told.append(run)

    def close(self) -> str | None:
        self.closed += 1
        return "bye"


def test_rows_of_one_step_become_their_mean_and_counters_the_latest() -> None:
    rows = [{"train/reward": 10.0, "train/episode": 4.0}, {"train/reward": 30.0, "train/episode": 5.0}]
    assert merge(rows) == {"train/reward": 20.0, "train/episode": 5.0}


def test_different_metrics_of_one_step_join() -> None:
    assert merge([{"a": 1.0}, {"b": 2.0}]) == {"a": 1.0, "b": 2.0}


def test_each_step_is_handed_on_once_and_the_last_at_the_end() -> None:
    heard = Heard()
    merged = Merged(heard)
    for step, value in [(1, 1.0), (1, 3.0), (2, 5.0)]:
        merged.log(step, {"a": value})
    assert heard.rows == [(1, {"a": 2.0})]
    assert merged.close() == "bye"
    assert heard.rows == [(1, {"a": 2.0}), (2, {"a": 5.0})]
    assert heard.closed == 1


def test_what_is_kept_of_a_step_comes_before_the_end_and_before_the_result() -> None:
    heard = Heard()
    merged = Merged(heard)
    merged.log(1, {"a": 1.0})
    merged.end()
    assert (heard.rows, heard.told) == ([(1, {"a": 1.0})], ["end"])
    merged.log(2, {"a": 2.0})
    result = object()
    merged.finish(result)  # type: ignore[arg-type]
    assert (heard.rows[1], heard.told) == ((2, {"a": 2.0}), ["end", result])


def test_tracker_that_fails_at_the_end_is_still_closed() -> None:
    class Full(Heard):
        def log(self, step: int, row: Mapping[str, float]) -> None:
            raise OSError("disk full")

    full = Full()
    merged = Merged(full)
    merged.log(1, {"a": 1.0})
    with pytest.raises(OSError, match="disk full"):
        merged.close()
    assert full.closed == 1
