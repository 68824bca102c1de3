"""A network learns the known values on every probe, whatever the choices it was made from."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dqnlab import presets
from dqnlab.check.probes import GAMMA, PROBES, REMEMBERED, Probe, probe_config, probes_for, selftest, try_probe
from dqnlab.config import (
    C51,
    Config,
    Cql,
    Demos,
    Double,
    Dueling,
    Env,
    Gru,
    Hadamax,
    HlGauss,
    Init,
    Iqn,
    LayerNorm,
    Lstm,
    Munchausen,
    Noisy,
    Polyak,
    Prioritized,
    Quantiles,
    Rollout,
    Scalar,
    SpectralNorm,
)
from dqnlab.errors import ConfigError

NAMES = [probe.name for probe in PROBES]


def found(results: list) -> dict[str, list]:
    """The values of the probes that failed, for a message that shows them."""
    return {result.name: result.got.round(3).tolist() for result in results if not result.passed}


def true_values(probe: Probe) -> np.ndarray:
    """The values by iterating Bellman's equation on the table, which is how nothing in the library finds them."""
    q = np.zeros((len(probe.table), len(probe.table[0])))
    for _ in range(1000):
        q = np.array(
            [[r + (0 if to is None else GAMMA * q[to].max()) for r, to in state] for state in probe.table],
        )
    return q


@pytest.mark.parametrize("probe", PROBES + REMEMBERED, ids=[*NAMES, *(probe.name for probe in REMEMBERED)])
def test_the_values_written_beside_a_probe_solve_its_table(probe: Probe) -> None:
    np.testing.assert_allclose(np.array(probe.q, float), true_values(probe), atol=1e-9)


@pytest.mark.parametrize("probe", PROBES + REMEMBERED, ids=[*NAMES, *(probe.name for probe in REMEMBERED)])
def test_a_probe_keeps_the_rules_that_make_its_truth_independent_of_n(probe: Probe) -> None:
    arrows = [arrow for state in probe.table for arrow in state]
    assert all(-1 <= arrow.reward <= 1 for arrow in arrows)
    one_step = probe.cut == 1 or all(arrow.to is None for arrow in arrows)
    assert one_step or len(probe.table[0]) == 1


@pytest.mark.parametrize("name", NAMES)
def test_the_default_settings_learn_the_true_values(name: str) -> None:
    assert found(list(selftest([name]))) == {}


@pytest.mark.parametrize("name", ["corridor", "worlds", "best next"])
def test_prioritised_replay_learns_the_true_values(name: str) -> None:
    base = Config(sampler=Prioritized(alpha=0.6), n=3, env=Env(num_envs=4))
    assert found(list(selftest([name], base))) == {}


def test_what_was_seen_before_is_remembered_by_networks_that_can() -> None:
    (cue,) = REMEMBERED
    for torso in (Gru(), Lstm()):
        (result,) = selftest(["cue"], Config(torso=torso, n=3, sampler=Prioritized()))
        assert result.passed, result.got.tolist()
    result = try_probe(cue, probe_config(Config(), cue))
    assert (abs(result.got[:2]) < 0.5).all()  # what is paid later looks alike
    assert result.got[2].tolist() == result.got[5].tolist()


def test_probes_that_ask_for_a_memory_are_not_for_others_nor_those_that_it_cannot_follow_for_it() -> None:
    with pytest.raises(ConfigError, match="unknown probe 'cue'"):
        selftest(["cue"])
    with pytest.raises(ConfigError, match="unknown probe 'best next'"):
        selftest(["best next"], Config(torso=Gru()))


OTHERWISE = {"textbook", "noisy", "rainbow", "munchausen", "btr"}
"""presets that are tested otherwise: trained as another one is, or learning other values on purpose (see below)"""
FEWER = {"qr": Quantiles(num=11), "iqn": Iqn(num=8), "c51": C51(num=21)}
"""numbers per action, which change how closely a distribution is told and not what is right; `dqn selftest` has all"""
BASES = {
    **{name: presets.get(name) for name in presets.names() if name not in {*OTHERWISE, *FEWER}},
    **{name: replace(presets.get(name), head=head) for name, head in FEWER.items()},
    "one env, n = 3": Config(n=3),
    "n longer than any episode": Config(n=8, env=Env(num_envs=4)),
    "prioritised, double, n = 3": Config(sampler=Prioritized(alpha=1.0, beta=1.0), rule=Double(), n=3),
    "categories": Config(head=C51(num=21), sampler=Prioritized(), rule=Double()),
    "a histogram": Config(head=HlGauss(), n=3),
    "dueling": Config(stream=Dueling(hidden=(16,))),
    "a layer norm": Config(norm=LayerNorm(), rule=Double()),
    "a spectral norm behind another layer": Config(norm=SpectralNorm(), stream=Dueling(hidden=(32,))),
    "hadamax": Config(torso=Hadamax(), sampler=Prioritized()),
    "a rollout": Config(memory=Rollout(), env=Env(num_envs=4), norm=LayerNorm()),
    "a rollout of sums, quantiles": Config(memory=Rollout(td_lambda=1.0), env=Env(num_envs=3), head=Quantiles(num=11)),
    "polyak, Huber, double": Config(sync=Polyak(), head=Scalar(huber=1.0), rule=Double(), env=Env(num_envs=4)),
}


@pytest.mark.parametrize("probe", PROBES, ids=NAMES)
def test_the_textbook_is_trained_as_the_default_settings_are(probe: Probe) -> None:
    """They differ in what teaches no network: names, judging and films."""
    textbook, config = probe_config(presets.get("textbook"), probe), probe_config(Config(), probe)
    names = ("preset", "select_episodes", "film")
    assert replace(textbook, **{name: getattr(config, name) for name in names}) == config


@pytest.mark.world
@pytest.mark.parametrize("base", BASES.values(), ids=BASES)
def test_every_preset_and_combination_learns_the_true_values(base: Config) -> None:
    assert found(list(selftest(base=base))) == {}


def test_the_same_seed_learns_the_same_values_and_another_one_others() -> None:
    first, again, other = (next(selftest(["corridor"], Config(seed=seed))).got.tolist() for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_a_result_says_what_was_expected_and_what_came() -> None:
    (result,) = selftest(["delay"])
    assert result.name == "delay"
    assert "0.9" in result.says
    assert result.expected.tolist() == [[0.9], [1.0]]
    assert result.got.shape == (2, 1)
    assert result.passed == bool((abs(result.got - result.expected) <= result.tolerance).all())


def test_a_probe_is_trained_by_the_choices_of_the_base() -> None:
    base = Config(
        sampler=Prioritized(alpha=0.7), rule=Double(), head=Scalar(huber=1.0), n=3, sync=Polyak(), seed=7, preset="mine"
    )
    config = probe_config(base, PROBES[0])
    kept = ("sampler", "rule", "head", "n", "seed", "preset")
    assert [getattr(config, name) for name in kept] == [getattr(base, name) for name in kept]
    assert config.sync.kind == "polyak"
    assert config.gamma == GAMMA


def test_many_envs_are_tested_by_four() -> None:
    assert probe_config(Config(env=Env(num_envs=64)), PROBES[0]).env.num_envs == 4
    assert probe_config(Config(env=Env(num_envs=3)), PROBES[0]).env.num_envs == 3


@pytest.mark.parametrize("seed", range(3))
def test_a_little_noise_leaves_the_true_values_of_few_states(seed: int) -> None:
    """Of many states it blurs the values: that is what it is for."""
    base = Config(layers=Noisy(sigma=0.02), seed=seed)
    assert found(list(selftest(["end", "choice", "delay", "cut", "corridor"], base))) == {}


@pytest.mark.world
def test_a_spectral_norm_alone_learns_the_true_values() -> None:
    """But for two worlds a step apart whose values differ by 10: so steep a layer of norm 1 becomes slowly."""
    names = [name for name in NAMES if name != "worlds"]
    assert found(list(selftest(names, Config(norm=SpectralNorm(), sync=Polyak(), n=3)))) == {}


def test_a_soft_policy_without_temperature_and_bonus_learns_the_true_values() -> None:
    assert found(list(selftest(base=Config(rule=Munchausen(alpha=0.0, tau=1e-3))))) == {}


@pytest.mark.world
def test_btr_without_its_bonus_and_with_little_noise_learns_the_true_values() -> None:
    plain = replace(presets.get("btr"), rule=Munchausen(alpha=0.0, tau=1e-3), layers=Noisy(sigma=0.02))
    assert found(list(selftest(["end", "choice", "delay", "cut", "corridor"], plain))) == {}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rule": Munchausen()}, r"rule = 'munchausen' .* learns other values .* --rule.alpha 0 --rule.tau 0.001"),
        ({"regularizer": Cql()}, r"regularizer = 'cql' adds to the loss, .* learns other values .* regularizer:none"),
        ({"experience": Demos(source="x")}, r"experience = 'demos' is of another environment .*: leave it out"),
        ({"init": Init(source="x")}, r"init.source is of another environment .*: leave it out"),
    ],
)
def test_what_learns_other_values_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        selftest(base=Config(**changes))


def test_of_noisy_layers_only_values_are_tested_that_noise_does_not_blur() -> None:
    base = Config(layers=Noisy(sigma=0.5))
    assert [probe.name for probe in probes_for(base)] == ["end", "delay", "choice", "cut", "corridor"]
    assert probe_config(base, PROBES[0]).layers == Noisy(sigma=0.02)
    assert probe_config(Config(layers=Noisy(sigma=0.01)), PROBES[0]).layers == Noisy(sigma=0.01)
    with pytest.raises(ConfigError, match="unknown probe 'pixels'"):
        selftest(["pixels"], base)


@pytest.mark.world
@pytest.mark.parametrize("name", ["noisy", "rainbow"])
def test_presets_with_noise_learn_the_true_values(name: str) -> None:
    assert found(list(selftest(base=presets.get(name)))) == {}


def test_an_unknown_probe_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"unknown probe 'coridor'; choose from end, .*corridor"):
        selftest(["coridor"])


def test_probes_are_found_by_name_in_the_order_asked_for() -> None:
    assert [result.name for result in selftest(["choice", "end"])] == ["choice", "end"]
