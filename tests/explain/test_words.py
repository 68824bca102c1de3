"""The sentences of the health strip: every verdict has its words, in both languages, with the numbers it gives."""

import re

import pytest

from dqnlab.errors import ConfigError
from dqnlab.explain.page import words
from dqnlab.explain.words import LANGUAGES, sentence, three_digits

from ..plurals import PLURALS

ALWAYS_MANY = {
    ("inside.complete", "{steps} steps"),
    *((name, "{every} steps") for name in ("decision.as_of", "looks.as_of")),  # said only where some are left out
}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (475.0, "475"),
        (12345, "12,345"),
        (0.01234, "0.0123"),
        (1234.5, "1,230"),
        (1e9, "1.00e+09"),
        (-2.5, "-2.5"),
    ],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert three_digits(value) == text


def test_a_sentence_is_filled_in() -> None:
    numbers = {"best": 500.0, "fell": 9.23, "evaluations": 4.0}
    assert sentence("health.kind.forgetting.means", values=numbers) == (
        "The evaluations fell from 500 to 9.23 and stayed low for 4 in a row."
    )
    assert "500" in sentence("health.kind.forgetting.means", "zh-Hant", numbers)


@pytest.mark.parametrize(
    ("n", "said"), [(1, "over 1 fresh episode."), (2, "over 2 fresh episodes."), (0, "over 0 fresh")]
)
def test_what_is_counted_agrees_with_its_number(n: int, said: str) -> None:
    assert said in sentence("main.score", values={"mean": 1.0, "interval": "", "n": n})


def test_no_number_stands_before_a_noun_that_does_not_follow_it() -> None:
    offenders = [
        (key, found)
        for key, each in words().items()
        for found in re.findall(rf"\{{\w+\}} (?:\w+ )?(?:{PLURALS})\b", each["en"])
        if (key, found) not in ALWAYS_MANY
    ]
    assert offenders == [], "write {name|step|steps}"


def test_a_language_that_there_is_not_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="'de'"):
        sentence("health.title", "de")


def test_a_verdict_says_what_it_is_what_it_means_and_what_to_do() -> None:
    parts: dict[str, set[str]] = {}
    for key in words():
        if found := re.fullmatch(r"health\.kind\.([a-z-]+)\.(\w+)", key):
            parts.setdefault(found[1], set()).add(found[2])
    assert len(parts) >= 15
    assert {kind: said for kind, said in parts.items() if said != {"name", "means", "do"}} == {}


@pytest.mark.parametrize("key", sorted(key for key in words() if key.startswith(("health.", "curve."))))
def test_all_languages_name_the_same_numbers(key: str) -> None:
    found = [set(re.findall(r"\{(\w+)[|}]", words()[key][language])) for language in LANGUAGES]
    assert found[0] == found[1] == found[2]
