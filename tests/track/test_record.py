import time
from collections.abc import Iterator

from dqnlab.run.events import Commanded
from dqnlab.store.metrics import read_records
from dqnlab.track.record import Recorder, WallClock
from dqnlab.track.tracker import TrackedRun

from .conftest import EVENTS
from .test_merged import Heard


def ticks(*times: float) -> Iterator[float]:
    yield from times


def test_events_reach_file_and_tracker_but_lists_only_the_file(about: TrackedRun) -> None:
    heard = Heard()
    clock = ticks(100.0, 100.2, 101.0)
    recorder = Recorder(about, [heard], clock=lambda: next(clock))
    for kind in ("block", "episode", "confirmation"):
        recorder.record(EVENTS[kind])
    assert recorder.close() == ["bye"]
    episode = {"train/reward": 21.0, "train/epsilon": 0.9, "train/length": 21.0, "train/episode": 2.0}
    confirmation = {"confirm/reward": 485.0, "confirm/attempt": 2.0, "confirm/passed": 1.0}
    late = {"time/seconds": 1.0, "time/steps_per_second": 200.0}
    assert heard.rows == [(30, episode | {"time/seconds": 0.2}), (200, confirmation | late)]
    first, second = read_records(about.run_folder / "metrics.jsonl")
    assert first == {"step": 30, **episode, "time/seconds": 0.2}
    assert second == {"step": 200, **confirmation, **late, "confirm/returns": [480.0, 490.0]}


def test_rate_is_counted_from_the_last_record_that_had_one() -> None:
    clock = ticks(0.0, 0.4, 1.0, 1.2, 2.0)
    stopwatch = WallClock(lambda: next(clock))
    assert "time/steps_per_second" not in stopwatch.columns(50)
    assert stopwatch.columns(300)["time/steps_per_second"] == 300.0
    assert "time/steps_per_second" not in stopwatch.columns(400)
    assert stopwatch.columns(800)["time/steps_per_second"] == 500.0


def test_the_time_that_a_run_stood_still_is_in_no_rate(about: TrackedRun) -> None:
    clock = iter([0.0, 1.0, 101.0, 101.0, 102.0])
    recorder = Recorder(about, [], lambda: next(clock))
    for step, event in ((10, "pause"), (10, "continue"), (20, "pause")):
        recorder.record(Commanded(step, 0, event))
    recorder.close()
    rows = read_records(about.run_folder / "metrics.jsonl")
    assert [row.get("time/steps_per_second") for row in rows] == [10.0, None, 10.0]


def test_no_rate_where_no_step_was_taken() -> None:
    clock = ticks(0.0, 5.0)
    assert WallClock(lambda: next(clock)).columns(0) == {"time/seconds": 5.0}


def test_trackers_hear_of_the_end_at_once_and_of_the_result_before_they_are_closed(about: TrackedRun) -> None:
    heard = Heard()
    recorder = Recorder(about, [heard])
    recorder.end()
    while not heard.told:
        time.sleep(0.001)
    assert (heard.told, heard.closed) == (["end"], 0)
    result = object()
    recorder.close(result)  # type: ignore[arg-type]
    assert (heard.told, heard.closed) == (["end", result], 1)


def test_ending_first_and_closing_later_closes_once(about: TrackedRun) -> None:
    heard = Heard()
    recorder = Recorder(about, [heard])
    recorder.end()
    assert recorder.close() == ["bye"]
    assert recorder.close() == ["bye"]
    assert heard.closed == 1
