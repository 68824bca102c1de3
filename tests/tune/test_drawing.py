"""What the drawings of a study show, by the marks in them."""

from __future__ import annotations

import re
from typing import Any

from dqnlab.config.ranges import Numbers, OneOf
from dqnlab.lab.tuning.drawing import against, history, number_text
from dqnlab.lab.tuning.history import TrialRow


def row(number: int, value: float | None, **changes: Any) -> TrialRow:
    state = "pruned" if value is None else "finished"
    return TrialRow(number=number, state=state, value=value, **{"values": {"gamma": 0.9, "head": "c51"}, **changes})


TRIALS = [row(0, 100, is_default=True), row(1, 300), row(2, None, reached=50.0), row(3, 200), row(4, None)]


def marks(svg: str) -> list[tuple[str, str, str]]:
    """Kind and place of each trial."""
    return re.findall(r'class="trial ([\w-]+)" cx="([\d.]+)" cy="([\d.]+)"', svg)


def test_the_history_shows_every_trial_that_came_to_a_number_and_the_highest_so_far() -> None:
    svg = history(TRIALS, best=1)
    assert [kind for kind, _, _ in marks(svg)] == ["default", "best", "given-up", "other"]
    heights = [float(y) for _, _, y in marks(svg)]
    assert heights[1] == min(heights)  # the highest score is drawn highest
    assert heights[2] == max(heights)
    places = {kind: (x, y) for kind, x, y in marks(svg)}
    (first, second) = places["default"], places["best"]
    assert f'<path class="line" d="M{first[0]} {first[1]}H{second[0]}V{second[1]}H890.0"/>' in svg


def test_a_trial_that_was_given_up_is_drawn_against_what_it_was_compared_with() -> None:
    svg = history([row(0, 8), row(1, None, reached=8.5, rival=9.0), row(2, 7)], best=0)
    ((_, x, y),) = [each for each in marks(svg) if each[0] == "given-up"]
    assert re.findall(r'class="gap" d="M([\d.]+) ([\d.]+)V([\d.]+)m', svg) == [(x, y, "10.0")]  # the highest there
    assert "trial 1: pruned at 8.5, where the median of the others was 9" in svg
    assert "gap" in against("gamma", Numbers(0.5, 0.9), [row(0, 8), row(1, None, reached=8.5, rival=9.0)], best=0)


def test_the_numbers_beside_a_drawing_are_round() -> None:
    trials = [row(0, 1.595), *(row(i, 5.0) for i in range(1, 5)), row(5, 9.263)]
    for width, numbers in ((380, "024"), (900, "012345")):
        assert re.findall(r'text-anchor="(end|middle)">([\d.]+)<', history(trials, best=5, width=width)) == [
            *(("end", each) for each in "2468"),
            *(("middle", each) for each in numbers),
        ]


def test_a_setting_is_drawn_from_its_lowest_value_to_its_highest() -> None:
    space = Numbers(0.5, 0.9)
    trials = [row(0, 1, values={"gamma": 0.5}), row(1, 2, values={"gamma": 0.9}), row(2, 3, values={"gamma": 0.7})]
    left, right, middle = [float(x) for _, x, _ in marks(against("gamma", space, trials, best=2))]
    assert (left, right, middle) == (60.0, 274.0, 167.0)
    assert against("n", space, trials, best=None) == ""


def test_a_range_by_factors_is_drawn_by_factors_and_choices_side_by_side() -> None:
    trials = [row(0, 1, values={"lr": 1e-3, "head": "c51"})]
    ((_, x, _),) = marks(against("lr", Numbers(1e-4, 1e-2, log=True), trials, best=None))
    assert float(x) == 167.0
    ((_, x, _),) = marks(against("head", OneOf(("scalar", "c51")), trials, best=None))
    assert float(x) == 274.0


def test_what_a_trial_tried_is_shown_as_text_and_never_as_markup() -> None:
    svg = history([row(0, 1, values={"head": "<script>"})], best=None)
    assert "<script>" not in svg
    assert "head = &lt;script&gt;" in svg


def test_without_a_number_nothing_is_drawn_and_equal_numbers_have_a_place() -> None:
    assert history([row(0, None)], best=None) == ""
    assert len(marks(history([row(0, 500), row(1, 500)], best=0))) == 2


def test_numbers_are_short() -> None:
    assert [number_text(value) for value in (0.0064, 200_000, 24, 1e-5)] == ["0.0064", "200,000", "24", "1e-05"]
