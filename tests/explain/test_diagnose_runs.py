"""Verdicts on real runs: each one broken on purpose gets its own, no healthy one gets a bad one.

Their rows were recorded once (`benchmarks/verdicts.py --record`); the benchmark runs them anew over many seeds.
"""

from dataclasses import replace

import pytest

from dqnlab.config import Steps

from .broken import BROKEN, HEALTHY, RECORDED_SEED, Case, read_rows


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case.name)
def test_a_run_broken_on_purpose_is_diagnosed(case: Case) -> None:
    found = case.findings(read_rows(case.file), RECORDED_SEED)
    assert case.is_hit(found)
    for finding in found:
        if finding.severity == "bad" and finding.kind in case.expected:
            assert finding.step is not None
            assert finding.foreseen is None or finding.foreseen.step < finding.step


@pytest.mark.parametrize("case", HEALTHY, ids=lambda case: case.name)
def test_a_healthy_run_is_given_no_bad_verdict(case: Case) -> None:
    assert case.is_hit(case.findings(read_rows(case.file), RECORDED_SEED))


@pytest.mark.world
def test_a_run_of_today_is_judged_as_the_recorded_one() -> None:
    case = next(case for case in BROKEN if case.name == "no target network, large steps")
    case = replace(case, config=replace(case.config, budget=Steps(num=2_000)))  # its verdict is there after 1,000
    assert case.is_hit(case.findings(case.run(RECORDED_SEED), RECORDED_SEED))


def test_the_recorded_rows_hold_what_a_run_of_today_writes() -> None:
    case = next(case for case in HEALTHY if case.name == "small, CartPole")
    short = replace(case, config=replace(case.config, budget=Steps(num=1_000)))
    newer = {"learn/lr"}  # than the recording; no verdict reads it
    assert {key for row in short.run(0) for key in row} - newer <= {key for row in read_rows(case.file) for key in row}
