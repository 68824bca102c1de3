import warnings

import pytest

from dqnlab.track.open import open_trackers
from dqnlab.track.tracker import TrackedRun


def test_values_come_back_from_the_event_file(about: TrackedRun) -> None:
    pytest.importorskip("tensorboard")
    (tracker,) = open_trackers(["tensorboard"], about)
    tracker.log(5, {"train/reward": 10.0})
    tracker.log(5, {"train/reward": 20.0})
    tracker.log(9, {"train/reward": 30.0, "learn/loss": float("nan")})
    line = tracker.close()
    folder = about.run_folder / "tensorboard"
    assert line == f"TensorBoard: to see it: tensorboard --logdir {folder}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tensorboard's reader, which only this test uses
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        events = EventAccumulator(str(folder))
        events.Reload()
    assert [(event.step, event.value) for event in events.Scalars("train/reward")] == [(5, 15.0), (9, 30.0)]
    assert len(events.Scalars("learn/loss")) == 1
    assert any("config" in name for name in events.Tags()["tensors"])
