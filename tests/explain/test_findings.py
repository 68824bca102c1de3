"""What a diagnosis is made of: facts from the configuration, findings as tables, and rows that may be damaged."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from dqnlab import presets
from dqnlab.config import (
    Boltzmann,
    Constant,
    EpsilonGreedy,
    Geometric,
    Hard,
    HlGauss,
    LayerNorm,
    Linear,
    Munchausen,
    Noisy,
    NoNorm,
    Polyak,
)
from dqnlab.envs.make import describe
from dqnlab.explain.diagnose import diagnose
from dqnlab.explain.health.findings import as_data, facts_of

from .courses import FACTS, HEALTHY, course, returns


@pytest.mark.parametrize("missing", sorted(HEALTHY))
def test_a_metric_that_was_never_recorded_is_left_out_of_account(missing: str) -> None:
    rows = [{name: value for name, value in row.items() if name != missing} for row in course()]
    assert not [finding for finding in diagnose(rows, FACTS) if finding.severity == "bad"]


@pytest.mark.parametrize("rubbish", [[], "nan", None, True, {"a": 1}, 10**400, -math.inf])
def test_rubbish_in_the_rows_raises_nothing(rubbish: object) -> None:
    rng = np.random.default_rng(0)
    for name in sorted(HEALTHY):
        rows = course()
        for row in rows:
            if name in row and rng.random() < 0.5:
                row[name] = rubbish
        assert diagnose(rows, FACTS)


def test_findings_become_plain_tables() -> None:
    rows = course({"eval/reward": lambda share: returns(share) if share < 0.8 else 30})
    table = as_data(diagnose(rows, replace(FACTS, replay_capacity=500)))
    assert json.loads(json.dumps(table))[-1].keys() == {"kind", "severity", "step", "foreseen", "numbers", "causes"}


def test_facts_follow_the_configuration() -> None:
    config = presets.get("textbook")
    facts = facts_of(config, describe(config.env))
    assert (facts.gamma, facts.n, facts.replay_capacity, facts.max_episode_steps) == (0.99, 1, 10_000, 20_000)
    ends = [Linear(end=0.02), Geometric(end=0.03), Constant(value=0.7)]
    found = [facts_of(replace(config, epsilon=epsilon), describe(config.env)).epsilon_end for epsilon in ends]
    assert found == pytest.approx([0.02, 0.03, 0.7])
    syncs = [Hard(every=1), Hard(every=2), Polyak(tau=1.0), Polyak(tau=0.5)]
    told = [facts_of(replace(config, sync=sync), describe(config.env)).follows_at_once for sync in syncs]
    assert told == [True, False, True, False]


def test_facts_know_that_a_rollout_forgets_and_what_stands_in_for_its_target_network() -> None:
    config = presets.get("pqn")
    told = [facts_of(replace(config, norm=norm), describe(config.env)) for norm in (LayerNorm(), NoNorm())]
    assert [(facts.rollout, facts.follows_at_once, facts.replay_capacity) for facts in told] == [
        (True, False, 1_024),
        (True, True, 1_024),
    ]
    assert not facts_of(presets.get("default"), describe(config.env)).rollout


def test_facts_know_what_a_head_and_a_rule_do_to_values() -> None:
    config = replace(presets.get("textbook"), reward_scale=8.0)
    plain = facts_of(config, describe(config.env))
    assert (plain.returns, plain.lowers, plain.raises, plain.noisy) == (None, 0, 0, False)
    ranged = replace(config, head=HlGauss(num=21, v_min=-3.0, v_max=7.0), layers=Noisy())
    facts = facts_of(ranged, describe(config.env))
    assert (facts.returns, facts.noisy) == ((-3.0, 7.0, 21), True)
    assert [
        facts_of(replace(config, exploration=each), describe(config.env)).soft
        for each in (Boltzmann(), EpsilonGreedy())
    ] == [
        True,
        False,
    ]
    facts = facts_of(replace(config, rule=Munchausen(alpha=0.5, tau=0.1, least=-2.0)), describe(config.env))
    assert facts.lowers == 8
    assert facts.raises == pytest.approx(8 * 0.1 * math.log(2))
