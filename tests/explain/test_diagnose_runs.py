"""Verdicts on real runs: each one broken on purpose gets its own, no healthy one gets a bad one."""

from dataclasses import replace
from typing import Any

import pytest

from dqnlab.config import Config
from dqnlab.envs.make import describe
from dqnlab.errors import NumericsError
from dqnlab.explain.diagnose import diagnose
from dqnlab.explain.health.broken import BROKEN, HEALTHY, Case
from dqnlab.explain.health.findings import Finding, facts_of
from dqnlab.run.system import events
from dqnlab.track.rows import returns, row

pytestmark = pytest.mark.slow

SEED = 21  # none of those by which the thresholds were chosen


def record(config: Config) -> list[dict[str, Any]]:
    """What metrics.jsonl would hold; until its numbers ran away, if they did."""
    rows: list[dict[str, Any]] = []
    try:
        for event in events(config):
            found = row(event)
            rows += [] if found is None else [{"step": found[0], **found[1], **returns(event)}]
    except NumericsError:
        assert rows, "nothing was recorded before the numbers ran away"
    return rows


def bad(case: Case) -> dict[str, Finding]:
    config = replace(case.config, seed=SEED)
    found = diagnose(record(config), facts_of(config, describe(config.env)))
    return {finding.kind: finding for finding in found if finding.severity == "bad"}


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case.name)
def test_a_run_broken_on_purpose_is_diagnosed(case: Case) -> None:
    found = bad(case)
    assert case.expected & found.keys()
    for kind in case.expected & found.keys():
        step, seen = found[kind].step, found[kind].foreseen
        assert step is not None
        assert seen is None or seen.step < step


@pytest.mark.parametrize("case", HEALTHY, ids=lambda case: case.name)
def test_a_healthy_run_is_given_no_bad_verdict(case: Case) -> None:
    assert bad(case) == {}
