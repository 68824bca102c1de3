"""Sentences in the languages of the page, for everything in Python that speaks of a run."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..errors import ConfigError
from .health.findings import Finding
from .page import LANGUAGES, words

HOLE = re.compile(r"\{(\w+)(?:\|([^|}]*)\|([^|}]*))?\}")  # what is filled in; the page has the same


def sentence(key: str, language: str = "en", values: Mapping[str, object] | None = None) -> str:
    """The words that the page has for a key such as `health.title`, `{name}` filled in from `values`.

    `{name|step|steps}` is a number with what it counts: 1 step, 5 steps.

    A number is written with three significant digits. Raises ConfigError for a language that there is not,
    and KeyError for a key without words.
    """
    if language not in LANGUAGES:
        raise ConfigError(f"language must be one of {', '.join(LANGUAGES)}, got {language!r}")
    given = values or {}

    def filled(hole: re.Match[str]) -> str:
        name, one, several = hole.groups()
        if name not in given:
            return hole[0]
        value = given[name]
        text = three_digits(value) if isinstance(value, int | float) else str(value)
        return text if several is None else f"{text} {one if text == '1' else several}"

    return HOLE.sub(filled, words()[key][language])


def verdict(finding: Finding, language: str = "en") -> str:
    """What a finding is called, from which env step it shows, what it means and what to do."""
    key = f"health.kind.{finding.kind}"
    name, means, do = (sentence(f"{key}.{part}", language, finding.numbers) for part in ("name", "means", "do"))
    since = "" if finding.step is None else sentence("health.since", language, {"step": finding.step})
    return f"{name}{since}: {means} {do}" if language == "en" else f"{name}{since}：{means}{do}"


def three_digits(value: float) -> str:
    """With three significant digits, without needless zeros; a whole number as it is: 0.0123, 1.5, 1,230."""
    if float(value).is_integer() and abs(value) < 1e6:
        return f"{int(value):,}"
    if abs(value) >= 1e6 or abs(value) < 1e-4:
        return f"{value:.2e}"
    return f"{float(f'{value:.3g}'):,}".removesuffix(".0")
