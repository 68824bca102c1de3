"""docs/comparing.md says what the benchmark measured and what comparison.json holds, in both languages."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from dqnlab.comparing.assess import ENOUGH, FEWEST, assessment_of
from dqnlab.comparing.settings import ALIKE
from dqnlab.comparing.write import comparison_data

from .kit import comparison

ROOT = Path(__file__).resolve().parent.parent.parent
ENGLISH, CHINESE = ((ROOT / "docs" / name).read_text("utf-8") for name in ("comparing.md", "comparing.zh-Hant.md"))
MEASURED = json.loads((ROOT / "benchmarks" / "results" / "honesty.json").read_text("utf-8"))
PAGES = pytest.mark.parametrize("page", [ENGLISH, CHINESE], ids=["English", "Chinese"])


def rows(page: str, name: str) -> list[list[float]]:
    """The numbers of a table, row by row."""
    found = re.search(rf"<!-- {re.escape(name)} -->\n\|.*\n\|[-|]*\n((?:\|.*\n)*)", page)
    assert found is not None, name
    cells = [line.split("|")[1:-1] for line in found[1].splitlines()]
    return [[float(n) for cell in line for n in re.findall(r"(?<![\w.])\d+\.\d(?!\w)", cell)] for line in cells]


def measured(by: dict[str, Any], *names: str) -> list[float]:
    return [round(each[name], 1) for each in by.values() for name in names if name in each]


@PAGES
@pytest.mark.parametrize(
    ("table", "names"),
    [
        ("claims: two arms", ["two arms"]),
        ("claims: 5 arms, Holm (uncorrected)", ["5 arms, Holm", "uncorrected"]),
        (
            "claims: worst fifth crashed, counted against (silently dropped)",
            ["worst fifth crashed, counted against", "silently dropped"],
        ),
        ("claims: bootstrap", ["bootstrap"]),
    ],
)
def test_the_tables_of_false_claims_are_those_measured(page: str, table: str, names: list[str]) -> None:
    assert rows(page, table) == [measured(by, *names) for by in MEASURED["claims"].values()]


@PAGES
def test_the_table_of_coverage_is_that_measured(page: str) -> None:
    whats = next(iter(MEASURED["coverage"].values()))["3"]
    assert rows(page, "coverage") == [measured(by, what) for what in whats for by in MEASURED["coverage"].values()]


@PAGES
def test_the_claims_between_real_runs_are_those_counted(page: str) -> None:
    runs = MEASURED["runs"]
    text = next(line for line in page.splitlines() if "CartPole-v1" in line and "3,000" in line)
    numbers = [int(n.replace(",", "")) for n in re.findall(r"(?<![\w-])\d[\d,]*(?![\d-])", text)]
    counted = [each["claims"] for each in (runs["3"], runs["5"], runs["10"], runs["20"])]
    assert [n for n in numbers if n in counted][-4:] == counted
    assert {len(runs["scores"]), round(min(runs["scores"])), round(max(runs["scores"]))} <= set(numbers)


def test_equal_arms_are_told_apart_no_more_often_than_promised() -> None:
    """With a margin of three standard deviations of 2,000 comparisons."""
    for by in MEASURED["claims"].values():
        for each in by.values():
            assert each["two arms"] < 6.5
            assert each["5 arms, Holm"] < 6.5


def test_every_key_of_the_json_is_explained() -> None:
    data = comparison_data(assessment_of(comparison(dqn=[1.0, 2.0, 3.0], double=[2.0, 3.0, 4.0])))
    explained = set(re.findall(r"`([\w\[\].]+)`", ENGLISH.partition("## comparison.json")[2]))
    seed = data["cells"][0]["seeds"][0]
    contrast = data["contrasts"][0].keys() - {"env", "arm"}
    assert (data.keys() | seed.keys() | contrast) - explained == set()


@PAGES
def test_what_is_refused_and_from_how_many_seeds_is_said(page: str) -> None:
    settings = [name for name in ALIKE if not name.startswith("env.")]
    assert [name for name in settings if f"`{name}`" not in page] == []
    assert str(FEWEST) in page
    assert str(ENOUGH) in page
