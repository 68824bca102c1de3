"""The story and the numbers: few words and three digits in the one, everything in the other."""

import re

from .conftest import Open
from .sample import sample
from .test_health import COLLAPSE, LEFT, data

OURS = ("decision", "whatif", "maps", "inside", "health", "curve", "you")
MOST_WORDS = 850


def digits(number: str) -> int:
    """Significant ones; the zeros at the end of a whole number may be none."""
    plain = number.replace(".", "").lstrip("-0")
    return len(plain if "." in number else plain.rstrip("0"))


def test_the_story_of_seven_sections_is_short(open_page: Open) -> None:
    page = open_page(data(COLLAPSE, LEFT), hash="t=3").page
    words = {name: len(page.inner_text(f"#{name}").split()) for name in OURS}
    assert sum(words.values()) <= MOST_WORDS, words


def test_the_story_has_three_digits(open_page: Open) -> None:
    page = open_page(sample(), hash="t=3").page
    for name in ("decision", "whatif", "maps", "inside"):
        found = re.findall(r"-?\d+(?:\.\d+)?", page.inner_text(f"#{name} .view"))
        assert found
        assert {each for each in found if digits(each) > 3} == set(), name
    page = open_page(sample(), hash="level=numbers&t=3").page
    assert max(map(digits, re.findall(r"-?\d+\.\d+", page.inner_text("#decision")))) > 3
