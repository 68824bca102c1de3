"""What can be said of a run's health, from its metrics alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .health import checks_data, checks_policy, checks_values
from .health.findings import Course, Finding, RunFacts
from .health.signals import Column, columns

# In order of what explains most: whoever reads only the first finding should read a cause rather than its effect.
CHECKS = (
    checks_data.blind,
    checks_values.coarse,
    checks_values.drowned,
    checks_values.diverging,
    checks_values.beyond_range,
    checks_policy.not_exploring,
    checks_policy.always_random,
    checks_values.dead,
    checks_data.limit_as_end,
    checks_values.unbounded,
    checks_values.overestimating,
    checks_values.biased,
    checks_data.short_memory,
    checks_policy.forgetting,
    checks_data.no_failures,
    checks_policy.not_learning,
)


DOUBTS = {"unsettled", "not-learning", "limit-as-end"}  # notices with which a run is not called healthy


def diagnose(records: Sequence[Mapping[str, Any]], facts: RunFacts) -> list[Finding]:
    """The findings of a run whose rows of metrics.jsonl these are; as `diagnose_columns` says."""
    return diagnose_columns(columns(records), facts)


def diagnose_columns(recorded: Mapping[str, Column], facts: RunFacts) -> list[Finding]:
    """The findings, at least one, bad ones first; without any doubt `healthy` first, or `unknown` after too little.

    The numbers of the first one hold the `ceiling` too, the most that can be earned (NaN if that is not known).

    Args:
        recorded: every metric, by its name; what is missing is left out of account.
    """
    course = Course(recorded, facts)
    with np.errstate(all="ignore"):  # a run that diverges may have recorded numbers of any size
        found = [finding for check in CHECKS if (finding := check(course)) is not None]
        found.sort(key=lambda finding: finding.severity != "bad")  # stable
        if not any(finding.severity == "bad" or finding.kind in DOUBTS for finding in found):
            found.insert(0, _without_doubt(course))
        first = replace(found[0], numbers={**found[0].numbers, "ceiling": course.ceiling})
    return [first, *found[1:]]


def _without_doubt(course: Course) -> Finding:
    """Nothing is wrong, as far as that can be told."""
    mean, threshold = course.get("eval/reward").finite.value, course.facts.threshold
    solved = threshold is not None and mean.max(initial=-math.inf) >= threshold
    numbers = {"evaluations": float(len(mean))}
    if solved or len(mean) >= checks_policy.ENOUGH:
        return Finding(kind="healthy", severity="good", numbers=numbers)
    return Finding(kind="unknown", severity="notice", numbers=numbers)
