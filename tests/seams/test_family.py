"""Dqnlab's own kinds of heads, streams and rules: each learns, compiles, stacks, resumes, is judged and explained."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, product
from pathlib import Path
from typing import Any

import pytest
import torch

import dqnlab
from dqnlab import build, settle
from dqnlab.config import (
    C51,
    AdamW,
    Config,
    Constant,
    CosineRate,
    Cql,
    Double,
    Dueling,
    Env,
    Episodes,
    Greedy,
    Gru,
    Hadamax,
    Hard,
    HlGauss,
    Iqn,
    LayerNorm,
    LinearRate,
    Lstm,
    Mlp,
    Munchausen,
    Noisy,
    NoNorm,
    NoRegularizer,
    PlainLayers,
    PlainStream,
    Polyak,
    Prioritized,
    Quantiles,
    RAdam,
    RmsProp,
    Rollout,
    Scalar,
    SpectralNorm,
    Steps,
    Uniform,
)
from dqnlab.envs.make import describe
from dqnlab.errors import ConfigError
from dqnlab.explain.trace_text import step_text
from dqnlab.lab.overrides import Overrides
from dqnlab.lab.session import train
from dqnlab.learn.weights import export_weights, import_weights

from ..resuming import check_resumes
from ..tiny import SMALL
from .conftest import Filled
from .test_network_seams import check_stack, judged

HEADS = {
    "scalar": Scalar(),
    "qr": Quantiles(num=5),
    "iqn": Iqn(num=4, cosines=5),
    "c51": C51(num=7, v_max=20.0),
    "hl_gauss": HlGauss(num=9, v_max=20.0),
}
TORSOS = {
    "mlp": Mlp(hidden=(8, 6)),
    "hadamax": Hadamax(hidden=(8, 6)),
    "gru": Gru(hidden=(8,), units=6, burn_in=2, unroll=4),
    "lstm": Lstm(hidden=(), units=6, burn_in=0, unroll=8),
}
LAYERS = {"plain": PlainLayers(), "noisy": Noisy()}
NORMS = {"none": NoNorm(), "layer": LayerNorm(), "spectral": SpectralNorm()}
STREAMS = {"plain": PlainStream(), "dueling": Dueling(hidden=(8,))}
RULES = {"greedy": Greedy(), "double": Double(), "munchausen": Munchausen()}
REGULARIZERS = {"no term": NoRegularizer(), "cql": Cql()}
SAMPLERS = {"uniform": Uniform(), "prioritized": Prioritized()}
ILLEGAL = {("c51", "munchausen"), ("hl_gauss", "munchausen"), ("noisy", "spectral")}
ROLLOUT = replace(
    SMALL,
    memory=Rollout(num_steps=110, num_epochs=11),
    env=Env(num_envs=2),
    sync=Hard(),
    learning_starts=1_000,
    update_every=1,
)
"""of 220 transitions: 151 updates after each of two, and part of a third when the run is saved"""
NEW: dict[str, Config] = {
    "quantiles": replace(SMALL, head=HEADS["qr"], rule=Double()),
    "implicit quantiles": replace(SMALL, head=HEADS["iqn"], rule=Munchausen(), reward_scale=4.0),
    "categories": replace(SMALL, head=HEADS["c51"], reward_scale=4.0),
    "a histogram": replace(SMALL, head=HEADS["hl_gauss"], sampler=Prioritized()),
    "a measured range": replace(SMALL, head=C51(num=7)),
    "dueling": replace(SMALL, stream=Dueling(hidden=()), reward_scale=4.0),
    "munchausen": replace(SMALL, rule=Munchausen(tau=0.1)),
    "noise": replace(SMALL, layers=Noisy(), epsilon=Constant(value=0.0), reward_scale=4.0),
    "a layer norm": replace(SMALL, norm=LayerNorm(), reward_scale=4.0),
    "a spectral norm": replace(SMALL, norm=SpectralNorm(), sync=Polyak(tau=0.1), reward_scale=4.0),
    "hadamax": replace(SMALL, torso=Hadamax(hidden=(8, 6)), reward_scale=4.0),
    "spectral branches of quantiles": replace(
        SMALL, norm=SpectralNorm(), stream=Dueling(hidden=(8,)), head=HEADS["iqn"], torso=Hadamax(hidden=(8,)), n=3
    ),
    "normed noise": replace(SMALL, norm=LayerNorm(), layers=Noisy(), stream=Dueling(hidden=(8,)), rule=Double()),
    "a rollout": replace(ROLLOUT, reward_scale=4.0),
    "a rollout of everything": replace(
        ROLLOUT,
        env=Env(num_envs=2, frame_stack=2),
        norm=LayerNorm(),
        stream=Dueling(hidden=(8,)),
        head=HEADS["iqn"],
        optimizer=RAdam(),
        lr_schedule=LinearRate(),
    ),
    "radam, linear": replace(SMALL, optimizer=RAdam(beta2=0.9), lr_schedule=LinearRate(end=0.1, updates=50)),
    "dueling quantiles, munchausen, prioritised": replace(
        SMALL,
        head=HEADS["qr"],
        stream=Dueling(hidden=(8,)),
        rule=Munchausen(),
        sampler=Prioritized(),
        optimizer=RmsProp(),
        n=3,
    ),
    "noisy dueling categories, double, prioritised": replace(
        SMALL,
        head=HEADS["c51"],
        layers=Noisy(),
        stream=Dueling(hidden=(8,)),
        rule=Double(),
        sampler=Prioritized(),
        optimizer=AdamW(),
        lr_schedule=CosineRate(),
        n=3,
    ),
}


@pytest.fixture(params=NEW)
def config(request: pytest.FixtureRequest) -> Config:
    return NEW[request.param]


AXES: dict[str, dict[str, Any]] = {
    "head": HEADS,
    "rule": RULES,
    "layers": LAYERS,
    "norm": NORMS,
    "torso": TORSOS,
    "stream": STREAMS,
    "sampler": SAMPLERS,
    "regularizer": REGULARIZERS,
}


def parts(**kinds: str) -> dict[str, Any]:
    return {axis: AXES[axis][kind] for axis, kind in kinds.items()}


def is_legal(kinds: dict[str, str]) -> bool:
    nothing_spectral = (kinds["norm"], kinds["stream"]) == ("spectral", "plain") and kinds["torso"] != "mlp"
    return not nothing_spectral and not set(combinations(kinds.values(), 2)) & ILLEGAL


def covering(most: int) -> Iterator[dict[str, str]]:
    """Legal products in which each legal pair of kinds comes at least once; each has as many new ones as it can."""
    left = {
        pair
        for kinds in product(*AXES.values())
        if is_legal(dict(zip(AXES, kinds, strict=True)))
        for pair in combinations(zip(AXES, kinds, strict=True), 2)
    }
    legal = [kinds for each in product(*AXES.values()) if is_legal(kinds := dict(zip(AXES, each, strict=True)))]
    for _ in range(most):
        best = max(legal, key=lambda kinds: len(left & set(combinations(kinds.items(), 2))))
        left -= set(combinations(best.items(), 2))
        yield best
        if not left:
            return
    raise AssertionError(f"{len(left)} pairs are left")


def test_every_legal_product_learns(filled: Filled) -> None:
    """All of the five axes that an update reads; of networks as many as bring every pair of kinds together."""
    fixed = {"norm": "none", "torso": "mlp", "regularizer": "no term"}
    all_kinds = [dict(zip(AXES, kinds, strict=True)) for kinds in product(*AXES.values())]
    legal = [kinds for kinds in all_kinds if is_legal(kinds) and kinds == kinds | fixed]
    assert len(legal) == 104
    assert sum(map(is_legal, all_kinds)) == 13 * 2 * 37 * 2  # heads and rules, samplers, networks, terms
    for kinds in [*legal, *covering(25)]:
        system = filled(replace(SMALL, **parts(**kinds)))
        before = system.learner.state.online.clone()
        for _ in range(3):
            update = system.learner.update(system.memory.batch(system.memory.sample()))
            assert all(bool(each.isfinite().all()) for each in update), kinds
        assert not torch.equal(system.learner.state.online, before), kinds


@pytest.mark.parametrize("head", ["c51", "hl_gauss"])
def test_what_does_not_go_together_is_refused_with_both_names(head: str) -> None:
    said = f"rule = 'munchausen' .* head = '{head}' .* use head = 'scalar', 'qr' or 'iqn'"
    with pytest.raises(ConfigError, match=said):
        replace(SMALL, **parts(head=head, rule="munchausen"))


def test_what_is_refused_is_all_that_is_refused() -> None:
    for kinds in product(*AXES.values()):
        named = dict(zip(AXES, kinds, strict=True))
        refused = False
        try:
            replace(SMALL, **parts(**named))
        except ConfigError:
            refused = True
        assert refused != is_legal(named), named


def test_three_side_by_side_learn_as_each_alone(
    config: Config, filled: Filled, tmp_path: Path, not_compiled: None
) -> None:
    together, alone = ([filled(replace(config, seed=i)) for i in range(3)] for _ in range(2))
    check_stack(together, alone, tmp_path, 4)


def test_a_run_resumes_exactly_is_judged_and_explained(config: Config, tmp_path: Path) -> None:
    whole, resumed = check_resumes(config, tmp_path, Overrides())
    assert resumed.resumed == "exact"
    judged(whole)
    assert dqnlab.report(whole).path.is_file()
    text = " ".join(step_text(whole.folder).split())
    if config.absent:
        assert "the lambda-return, a mean of the returns over one, two, three steps" in text
        assert "no target network" in text
        assert "9. Sync" not in text
        return
    assert ("chooses the next action" in text) == (config.rule.kind in ("greedy", "double"))
    assert ("loss = error^2" in text) == (config.head.kind == "scalar")
    assert ("so this row pulls its prediction" in text) == (config.head.kind not in ("c51", "hl_gauss"))
    assert ("Adam keeps" in text) == (config.optimizer.kind != "rmsprop")


def test_the_learning_rate_of_a_budget_in_steps_ends_with_it(filled: Filled) -> None:
    """Of 1,000 steps the first 100 teach nothing: 450 updates, one every other step."""
    sizes = {"budget": Steps(num=1_000), "learning_starts": 100, "update_every": 2}
    system = filled(replace(SMALL, **sizes, optimizer=AdamW(lr=0.5), lr_schedule=LinearRate(end=0.1)))
    assert system.config.lr_schedule == LinearRate(end=0.1, updates=450)
    rate = system.learner.optimizer.descent.lr
    assert [rate(1), rate(450), rate(451)] == pytest.approx([0.5, 0.05, 0.05])


@pytest.mark.parametrize("kind", [LinearRate, CosineRate])
def test_nobody_knows_how_many_updates_episodes_are(kind: type[Any]) -> None:
    with pytest.raises(ConfigError, match=r"lr_schedule.updates must be a number of updates where budget = 'episodes'"):
        replace(SMALL, budget=Episodes(num=10), lr_schedule=kind())
    assert replace(SMALL, budget=Episodes(num=10), lr_schedule=kind(updates=9)).lr_schedule.updates == 9


def test_a_file_holds_what_the_environment_pays_whatever_rewards_were_divided_by(config: Config) -> None:
    spec = describe(config.env)
    known = replace(config, head=C51(num=7, v_max=20.0)) if config.measures_rewards else config
    known = (
        replace(known, head=settle.settle_range(known.head, 1.0)) if isinstance(known.head, C51 | HlGauss) else known
    )
    learner, judge = build.make_network(known, spec, 8.0), build.make_network(known, spec)
    obs = torch.randn(5, *spec.obs.shape, generator=torch.Generator().manual_seed(0))
    import_weights(judge, export_weights(learner))
    torch.testing.assert_close(judge.q_values(obs), 8 * learner.q_values(obs))
    again = build.make_network(replace(known, seed=1), spec, 8.0)
    import_weights(again, export_weights(learner))
    assert torch.equal(again.q_values(obs), learner.q_values(obs))


@pytest.mark.parametrize(
    ("head", "what"),
    [
        ({"v_min": 1.0, "v_max": 1.0}, r"head.v_min must be below head.v_max = 1, got 1.0"),
        ({"v_min": -1.0}, r"head.v_min must be auto where head.v_max is, got -1.0"),
        ({"v_max": -2.0}, r"head.v_max must be above 0 where head.v_min is auto, got -2.0"),
        ({"num": 1}, r"head.num must be a whole number from 2 to 1,000, got 1"),
    ],
)
@pytest.mark.parametrize("kind", [C51, HlGauss])
def test_a_range_that_is_none_is_refused(kind: type[Any], head: dict[str, Any], what: str) -> None:
    with pytest.raises(ConfigError, match=what):
        kind(**head)


def test_the_range_is_measured_once_and_stored(tmp_path: Path) -> None:
    """CartPole pays 1 a step: (1 - 0.9^500) / (1 - 0.9), and one reward more."""
    config = replace(SMALL, gamma=0.9, head=C51(num=7), torso=Mlp(hidden=(8,)))
    run = train(config, out=tmp_path / "run", trackers=("none",))
    head = dqnlab.load(run.folder).config.head
    assert isinstance(head, C51)
    assert (head.v_min, head.v_max) == (pytest.approx(-11.0), pytest.approx(11.0))
