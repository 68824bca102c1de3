"""When a checkpoint is due, and what happens when it cannot be written."""

from typing import Any

import pytest

from dqnlab.errors import ResourceError
from dqnlab.run.events import BlockEnded, EpisodeEnded
from dqnlab.run.save import Saver


class Fails:
    """A store that fails at those of its saves whose numbers are given."""

    def __init__(self, *fails: int):
        self.fails, self.asked, self.abouts = fails, [], []

    def save(self, step: int, state: Any, logs: Any, about: Any) -> None:
        self.asked.append(step)
        if len(self.asked) in self.fails:
            raise ResourceError("cannot write: No space left on device")
        self.abouts.append(about)


def saver(store: Fails, **changes: Any) -> Saver:
    settings = {"every": 100, "level": lambda: "A", "about": {}, "notify": lambda line: None} | changes
    return Saver(store=store, parts={}, logs={}, **settings)  # type: ignore[arg-type]


def drive(saver: Saver, *steps: int) -> None:
    """Lets blocks end at these steps."""
    for step in steps:
        if saver.is_due(BlockEnded(step, 0, 0, 0.1)):
            saver.save()


def test_every_multiple_of_the_period_is_saved_once_however_long_the_blocks_are() -> None:
    store = Fails()
    drive(saver(store), *range(7, 500, 7))
    assert store.asked == [105, 203, 301, 406]


def test_only_the_end_of_a_block_is_a_time_to_save() -> None:
    assert not saver(Fails()).is_due(EpisodeEnded(100, 1, 1.0, 1, 0.1))


def test_a_period_of_zero_is_never_due() -> None:
    store = Fails()
    drive(saver(store, every=0), *range(1000))
    assert store.asked == []


def test_a_run_that_goes_on_waits_for_the_next_multiple() -> None:
    store = Fails()
    drive(saver(store, step=150), *range(151, 260))
    assert store.asked == [200]


def test_a_failed_checkpoint_is_said_in_a_line_and_tried_again_soon() -> None:
    store, lines = Fails(1), []
    drive(saver(store, notify=lines.append), *range(1, 305))
    assert store.asked == [100, 110, 200, 300]
    assert len(lines) == 1
    assert lines[0].startswith("no checkpoint at step 100: cannot write: No space left on device. Training continues")


def test_three_failures_in_a_row_end_training() -> None:
    store, lines = Fails(1, 2, 3), []
    with pytest.raises(ResourceError, match=r"3 checkpoints in a row could not be written: .*No space left"):
        drive(saver(store, notify=lines.append), *range(1, 305))
    assert store.asked == [100, 110, 120]
    assert len(lines) == 2


def test_a_success_between_failures_begins_the_count_anew() -> None:
    store = Fails(1, 2, 4, 5)
    drive(saver(store), *range(1, 405))
    assert store.asked == [100, 110, 120, 200, 210, 220, 300, 400]


@pytest.mark.parametrize("level", ["A", "B", "C"])
@pytest.mark.parametrize("inexact", ["", "versions.torch: '2.8' then, '2.9' now"])
def test_a_checkpoint_says_whether_the_run_can_go_on_exactly_and_why_not(inexact: str, level: str) -> None:
    store = Fails()
    saver(store, inexact=inexact, level=lambda: level, about={"kind": 1}, step=70).save()
    cut = "its environment, which cannot be saved, was cut off in mid-episode at step 70" if level == "C" else ""
    why = inexact or cut
    assert store.abouts == [{"kind": 1, "level": level, "exact": not why, "inexact": why}]


def test_a_failed_checkpoint_of_a_run_that_is_cut_waits_for_the_next_cut() -> None:
    store, step = Fails(1), 0
    watching = saver(store, level=lambda: "B" if step % 100 == 0 else "C")
    for step in range(10, 310, 10):
        drive(watching, step)
    assert store.asked == [100, 200, 300]
