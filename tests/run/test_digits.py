"""Returns as text."""

import math

import pytest

from dqnlab.store.digits import interval_ends, number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (475.0, "475.0"),
        (1234.56, "1,234.6"),
        (-0.5, "-0.5"),
        (0.034, "0.034"),
        (8.056, "8.06"),
        (9.999, "10.0"),
        (0.0, "0.0"),
        (50_000.0, "50,000.0"),
        (1e30, "1e+30"),
        (-1.23456e9, "-1.235e+09"),
        (1e-25, "1e-25"),
        (math.nan, "nan"),
        (None, "-"),
    ],
)
def test_a_number_has_as_many_digits_as_its_size_needs(value: float | None, text: str) -> None:
    assert number(value) == text


def test_what_is_read_together_has_the_same_digits_and_can_be_told_apart() -> None:
    assert (number(0.0, 0.036), number(0.036, 0.0)) == ("0.000", "0.036")
    assert (number(474.98, 475.0), number(475.0, 474.98)) == ("474.98", "475.00")
    assert number(500.0, 499.99999999999) == "500.0"  # which is rounding
    assert number(1e308, -1e308, math.inf) == "1e+308"


def test_an_interval_is_told_by_its_ends() -> None:
    assert interval_ends(488.25, 480.0, 495.5) == "480.0 to 495.5"
    assert interval_ends(0.0347, 0.0303, 0.0385) == "0.0303 to 0.0385"
    assert interval_ends(1.0, None, None) == "none"
