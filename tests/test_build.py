"""The switchboard gives what the configuration says."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dqnlab import build, config, device, events, presets, settle
from dqnlab.config import Config, Env, Episodes, Steps
from dqnlab.envs.vector import NativeEnvs, SerialEnvs
from dqnlab.errors import ConfigError, ResourceError
from dqnlab.learn import samplers, targets
from dqnlab.learn.fast import compiled, stack
from dqnlab.learn.heads import ScalarHead
from dqnlab.learn.optimizer import Adam as AdamFormula
from dqnlab.learn.replay import Pace
from dqnlab.learn.types import ObsSpec
from dqnlab.run.events import BlockEnded
from dqnlab.run.system import assemble, make_plan, make_update
from dqnlab.run.train import Period, Plan

SEEN = ObsSpec((4,), np.dtype(np.float32))


def small(**changes: Any) -> Config:
    return replace(Config(), **changes)


def test_the_head_has_its_huber() -> None:
    heads = [build.make_head(config.Scalar(huber=huber)) for huber in (None, 2.5)]
    assert all(isinstance(head, ScalarHead) for head in heads)
    assert [head.huber for head in heads] == [None, 2.5]


def test_each_rule_is_its_function() -> None:
    assert build.make_rule(config.Greedy()) is targets.greedy
    assert build.make_rule(config.Double()) is targets.double


def test_each_sampler_is_its_class_with_its_numbers() -> None:
    assert isinstance(build.make_sampler(config.Uniform(), 10), samplers.Uniform)
    prioritised = build.make_sampler(config.Prioritized(alpha=0.3, beta=0.7), 10)
    assert isinstance(prioritised, samplers.Prioritized)
    assert (prioritised.alpha, prioritised.beta) == (0.3, 0.7)


@pytest.mark.parametrize(
    ("budget", "updates"),
    [(config.Steps(num=10_000), (10_000 - 1_000) // 4), (config.Episodes(num=100), (100 * 200 - 1_000) // 4)],
)
def test_beta_is_at_its_end_when_the_budget_is(budget: config.Steps | config.Episodes, updates: int) -> None:
    sampler = config.Prioritized(beta=0.5, beta_end=1.0)
    plan = config.Config(sampler=sampler, budget=budget, update_every=4)
    assert settle.settle_sampler(plan) == replace(sampler, updates=updates)
    made = build.make_sampler(settle.settle_sampler(plan), 10)
    assert isinstance(made, samplers.Prioritized)
    made.added(samplers.Slots(0, 10, 10))
    made.draw(2, samplers.Slots(0, 10, 10), np.random.default_rng(0))
    assert made.beta == 0.5
    made.load_state_dict({**made.state_dict(), "drawn": updates})
    assert made.beta == 1.0


def test_a_way_that_was_settled_stays_as_it_is() -> None:
    sampler = config.Prioritized(beta_end=1.0, updates=7)
    assert settle.settle_sampler(config.Config(sampler=sampler)) == sampler
    assert settle.settle_sampler(config.Config(sampler=config.Prioritized())) == config.Prioritized()


def test_each_sync_moves_the_target_as_it_says() -> None:
    def after(sync: config.Hard | config.Polyak, updates: int) -> float:
        target = torch.zeros(1)
        build.make_sync(sync)(torch.ones(1), target, updates)
        return target.item()

    assert [after(config.Hard(every=3), updates) for updates in (1, 2, 3, 4, 6)] == [0, 0, 1, 0, 1]
    assert after(config.Polyak(tau=0.25), 1) == 0.25


def test_each_epsilon_follows_its_own_progress() -> None:
    linear = build.make_epsilon(config.Linear(start=1, end=0.5, steps=100))
    geometric = build.make_epsilon(config.Geometric(start=1, end=0.2, factor=0.5))
    constant = build.make_epsilon(config.Constant(value=0.3))
    assert [linear(0, 9), linear(50, 9), linear(200, 9)] == [1, 0.75, 0.5]
    assert [geometric(9, 0), geometric(9, 2), geometric(9, 5)] == [1, 0.25, 0.2]
    assert constant(9, 9) == 0.3


def test_periods_keep_their_unit() -> None:
    plan = make_plan(small(budget=Steps(num=7_000), evaluate_every=Episodes(num=3)))
    assert plan.budget == Period("steps", 7_000)
    assert plan.evaluate_every == Period("episodes", 3)


def test_the_network_has_the_sizes_of_the_configuration_and_the_spaces() -> None:
    system = assemble(small(torso=config.Mlp(hidden=(7, 5, 3))))
    shapes = [tuple(layer.weight.shape) for layer in system.learner.online.linears()]
    assert shapes == [(7, 4), (5, 7), (3, 5), (2, 3)]


def test_the_seed_decides_the_first_weights() -> None:
    def first(seed: int) -> torch.Tensor:
        return assemble(small(seed=seed)).learner.online.linears()[0].weight.detach()

    assert torch.equal(first(3), first(3))
    assert not torch.equal(first(3), first(4))


def test_the_seed_decides_what_is_tried_and_what_is_sampled() -> None:
    def first(seed: int) -> list[list[float]]:
        system = assemble(small(seed=seed))
        return [system.collector.policy._rng.random(3).tolist(), system.memory._rng.random(3).tolist()]

    assert first(3) == first(3)
    assert all(three != four for three, four in zip(first(3), first(4), strict=True))


def test_the_three_networks_begin_equal_and_share_no_memory() -> None:
    system = assemble(small())
    networks = [system.learner.online, system.learner.target, system.judge.scratch]
    states = [network.state_dict() for network in networks]
    for name, weight in states[0].items():
        assert torch.equal(weight, states[1][name])
        assert torch.equal(weight, states[2][name])
    pointers = [{w.untyped_storage().data_ptr() for w in state.values()} for state in states]
    assert not pointers[0] & pointers[1]
    assert not pointers[0] & pointers[2]
    assert not pointers[1] & pointers[2]


def test_acting_uses_the_online_network_as_it_is_now() -> None:
    system = assemble(small())
    obs = np.ones((1, 4), np.float32)
    before = system.collector.policy.actor(obs, np.ones(1, bool))
    with torch.no_grad():
        system.learner.online.linears()[-1].bias += 5
    np.testing.assert_allclose(system.collector.policy.actor(obs, np.ones(1, bool)), before + 5, rtol=1e-6)


def test_numbers_of_the_configuration_reach_their_places() -> None:
    optimizer = config.Adam(lr=0.1, beta1=0.2, beta2=0.3, eps=0.4, max_grad_norm=0.5)
    system = assemble(
        small(
            n=3,
            gamma=0.8,
            replay_capacity=77,
            learning_starts=22,
            batch_size=11,
            update_every=4,
            metrics_every=6,
            select_episodes=7,
            confirm_episodes=8,
            score_episodes=9,
            stop_when_solved=False,
            seed=5,
            optimizer=optimizer,
            budget=Episodes(num=12),
            evaluate_every=Steps(num=13),
            env=Env(id="CartPole-v1", num_envs=2, reward_threshold=99.0),
        )
    )
    descent = system.learner.optimizer.descent
    assert (descent.formula, descent.lr(1), descent.max_grad_norm) == (AdamFormula(0.2, 0.3, 0.4), 0.1, 0.5)
    assert system.memory.layout == (77, system.spec.obs, 3, 8)
    assert system.plan == Plan(Period("episodes", 12), Period("steps", 13), 6)
    assert system.memory.pace == Pace(22, 4, 11)
    assert system.judge.rules == (5, 7, 8, 9, 99.0, False)
    assert system.collector.envs.num_envs == 2
    assert system.spec.reward_threshold == 99.0
    discounts = [d for _ in range(40) for d in system.collector.step().transitions.discount]
    np.testing.assert_allclose(max(discounts), 0.8**3, rtol=1e-6)


@pytest.mark.parametrize("name", presets.names())
def test_every_preset_can_be_built_and_makes_a_step(name: str) -> None:
    preset = presets.get(name)
    system = assemble(preset)
    try:
        block = system.collector.step()
        assert block.steps == preset.env.num_envs
        assert isinstance(system.collector.envs, NativeEnvs if preset.env.num_envs >= 8 else SerialEnvs)
    finally:
        system.close()


def test_closing_closes_training_and_judging() -> None:
    closed: list[str] = []
    system = assemble(small())
    system.collector.envs.close = lambda: closed.append("collector")  # type: ignore[method-assign]
    system.judge.evaluator.close = lambda: closed.append("evaluator")  # type: ignore[method-assign]
    system.close()
    assert closed == ["collector", "evaluator"]


# ── Compiling ────────────────────────────────────────────────────────────────────────────────────

PAYS = settle.UPDATES_THAT_PAY


@pytest.mark.parametrize(
    ("changes", "pays"),
    [
        ({"budget": Steps(num=PAYS)}, True),
        ({"budget": Steps(num=PAYS - 1)}, False),
        ({"budget": Steps(num=PAYS), "update_every": 2}, False),
        ({"budget": Steps(num=2 * PAYS), "update_every": 2}, True),
        ({"budget": Episodes(num=PAYS // settle.EPISODE_STEPS)}, True),
        ({"budget": Episodes(num=PAYS // settle.EPISODE_STEPS - 1)}, False),
        ({"budget": Steps(num=PAYS - 1), "compile": "on"}, True),
        ({"budget": Steps(num=PAYS), "compile": "off"}, False),
    ],
    ids=str,
)
def test_the_configuration_alone_decides_whether_compiling_pays(
    changes: dict[str, Any], pays: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = small(**changes)
    for full in (False, True):  # whatever the cache holds
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        if full:
            (tmp_path / "dqnlab").mkdir()
            (tmp_path / "dqnlab" / "program.pt2").touch()
        assert settle.should_compile(asked, SEEN) is pays
    system = assemble(asked)
    found = {"compile": "on" if pays else "off", "env": replace(asked.env, action_mask="off")}
    assert system.config == replace(asked, **found)  # which the run is told, and its folder


@pytest.mark.parametrize(
    ("conv", "side", "pays"), [("auto", 35, True), ("auto", 36, False), ("none", 84, True), ("impala", 10, False)]
)
def test_a_network_of_large_convolutions_is_compiled_only_if_asked(conv: Any, side: int, pays: bool) -> None:
    seen = ObsSpec((side, side, 3), np.dtype(np.uint8))
    assert settle.should_compile(small(budget=Steps(num=PAYS), conv=conv), seen) is pays
    assert settle.should_compile(small(conv=conv, compile="on"), seen)


def test_without_a_compiler_training_says_so_once_and_goes_on_uncompiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(traced: Any, example: Any, path: Any) -> None:
        raise FileNotFoundError("\nno compiler anywhere\n\nCommand: g++ x.cpp\n" + "advice " * 99)

    monkeypatch.setattr(compiled, "_build", refuse)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    weights, said = [], []
    for choice in ("on", "off"):
        system = assemble(small(compile=choice, learning_starts=64, budget=Steps(num=150), select_episodes=1))
        for _ in system.events(notify=said.append):
            pass
        assert system.learner.updates == 150 - 63
        assert system.config.compile == "off"
        weights.append(torch.cat(system.learner.state[:2]))
    assert torch.equal(*weights)
    assert [line for line in said if "compiling" not in line] == [
        "the update runs uncompiled: FileNotFoundError: no compiler anywhere"
    ]


def test_an_environment_of_numbered_states_compiles_and_learns_the_same(not_compiled: None) -> None:
    """Not compiled here: test_compiled compiles states among other kinds."""
    lake = small(env=Env(id="FrozenLake-v1"), learning_starts=64, budget=Steps(num=164), select_episodes=1)
    said: list[str] = []
    compiled, plain = (assemble(replace(lake, compile=choice)) for choice in ("on", "off"))
    for system in (compiled, plain):
        for _ in system.events(notify=said.append):
            pass
        assert system.learner.updates == 101
    assert compiled.config.compile == "on"
    assert [line for line in said if "uncompiled" in line] == []
    torch.testing.assert_close(compiled.learner.state.online, plain.learner.state.online, rtol=1e-5, atol=1e-6)


def test_nothing_is_compiled_or_said_unless_it_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack, "compile_program", lambda *_: pytest.fail("compiled"))
    system, said = assemble(small(budget=Steps(num=1_000))), []
    make_update([system], said.append)
    assert said == []


def test_events_that_anybody_may_leave_are_compiled_only_if_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    monkeypatch.setattr(stack, "compile_program", lambda *given: made.append(given))
    for choice in ("auto", "on"):
        config = small(budget=Steps(num=PAYS), compile=choice)
        assert settle.should_compile(config, SEEN)
        with closing(events(config)) as said:
            assert any(isinstance(event, BlockEnded) for event in said)
        assert len(made) == (choice == "on")


def test_systems_that_are_not_compiled_are_updated_one_by_one() -> None:
    pair, alone = ([assemble(small(compile="off", seed=seed)) for seed in (1, 2)] for _ in range(2))
    for system in (*pair, *alone):
        for _ in range(64):
            system.memory.add(system.collector.step())
    update = make_update(pair, lambda line: None)
    samples = {i: system.memory.sample(16) for i, system in enumerate(alone)}
    assert list(update({1: samples[1]})) == [1]
    answers = update(samples)
    expected = alone[0].learner.update(alone[0].memory.batch(samples[0]))
    assert all(torch.equal(*each) for each in zip(answers[0], expected, strict=True))
    assert [system.learner.updates for system in pair] == [1, 2]


def test_a_stack_needs_room_for_the_replays_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    systems = [assemble(small(compile="on", seed=seed)) for seed in range(3)]
    each = systems[0].memory.layout.num_bytes
    monkeypatch.setattr(device, "available_memory", lambda: 3 * each - 1)
    with pytest.raises(ResourceError, match="the replay of 3 seeds at once needs"):
        make_update(systems, lambda line: None)


@pytest.mark.parametrize(("choice", "pays"), [("auto", False), ("on", True), ("off", False)])
def test_on_a_gpu_the_update_is_compiled_only_if_asked(choice: Any, pays: bool) -> None:
    assert settle.should_compile(small(device="cuda", budget=Steps(num=PAYS), compile=choice), SEEN) is pays


def test_a_range_of_returns_that_a_file_leaves_to_be_measured_is_one_error_where_nothing_is_measured() -> None:
    with pytest.raises(ConfigError, match=r"head\.v_max = 'auto' is measured when a run begins"):
        build.make_head(config.C51())


def test_what_was_left_open_is_told_with_what_was_found_and_why() -> None:
    asked = small(
        reward_scale="auto",
        epsilon=config.Linear(steps="auto"),
        sampler=config.Prioritized(beta_end=1.0),
        budget=Steps(num=10_000),
    )
    settled = replace(
        asked, reward_scale=2.5, epsilon=settle.settle_epsilon(asked), sampler=settle.settle_sampler(asked)
    )
    assert settle.explain_settled(asked, settled) == (
        "sampler.updates = 9,000 (those of the budget); epsilon.steps = 3,000 (30% of the budget); "
        "reward_scale = 2.5 (by the rewards of random play)"
    )
    assert settle.explain_settled(settled, settled) == ""
    episodes = replace(asked, budget=Episodes(num=10))
    assert "epsilon.episodes = 3 (30% of the budget)" in settle.explain_settled(
        episodes, replace(episodes, epsilon=settle.settle_epsilon(episodes))
    )
