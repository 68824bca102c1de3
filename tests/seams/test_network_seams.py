"""Parts that dqnlab does not have: each acts, learns, compiles, stacks, resumes, is judged and explained truthfully."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import dqnlab
from dqnlab import build
from dqnlab.envs.seeds import env_seeds
from dqnlab.explain.trace_text import step_text
from dqnlab.lab.overrides import Overrides
from dqnlab.learn.fast.stack import Stack
from dqnlab.learn.learner import Update
from dqnlab.learn.policy import q_function
from dqnlab.run.evaluate import Evaluator
from dqnlab.run.system import System, players
from dqnlab.store.agent import load
from dqnlab.store.folder import Run

from ..resuming import check_resumes
from ..tiny import SMALL
from .conftest import Filled
from .variants import BUILT, VARIANTS, scheduled


@pytest.fixture(params=VARIANTS.values(), ids=VARIANTS)
def variant(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Callable[..., Any]]:
    """A variant, built wherever dqnlab builds its own parts."""
    put(request.param, monkeypatch)
    return request.param


def put(parts: Mapping[str, Callable[..., Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, make in parts.items():
        BUILT.setdefault(name, getattr(build, name))
        monkeypatch.setattr(build, name, make)


@pytest.fixture
def systems(variant: object, filled: Filled) -> Callable[[int], System]:
    """Assembles runs of the variant, by their seed."""
    return lambda seed: filled(replace(SMALL, seed=seed))


def learn(system: System, rounds: int) -> list[Update]:
    return [system.learner.update(system.memory.batch(system.memory.sample())) for _ in range(rounds)]


# ── Acting ───────────────────────────────────────────────────────────────────────────────────────


def test_it_acts_by_the_network_that_learns(systems: Callable[[int], System]) -> None:
    system = systems(0)
    network, obs = system.learner.online, np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    mean = q_function(network)
    learn(system, 3)
    with torch.no_grad():
        expected = network.q_values(torch.from_numpy(obs)).numpy()
    np.testing.assert_allclose(mean(obs), expected, rtol=1e-5, atol=1e-6)
    drawn = [q_function(network, np.random.default_rng(seed))(obs) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert np.array_equal(drawn[0], drawn[2]) == (network.num_draws(5) == 0)
    np.testing.assert_array_equal(mean(obs), mean(obs))


# ── Learning ─────────────────────────────────────────────────────────────────────────────────────


def test_it_learns_and_its_target_follows(systems: Callable[[int], System]) -> None:
    system = systems(0)
    state = system.learner.state
    before = [tensor.clone() for tensor in state[:2]]
    updates = learn(system, 60)
    assert all(bool(update.loss.isfinite()) for update in updates)
    assert all(not torch.equal(now, then) for now, then in zip(state[:2], before, strict=True))
    assert (state.buffers != 0).all()
    assert len(state.memory) == system.learner.optimizer.descent.formula.num_memory


def test_a_state_goes_on_with_the_same_updates(systems: Callable[[int], System]) -> None:
    one, other = systems(0), systems(1)
    learn(one, 10)
    other.load_state_dict(one.state_dict())
    for name, ring in one.memory.logs.items():
        for own, held in zip(other.memory.logs[name]._columns, ring._columns, strict=True):
            own[:] = held
    for mine, theirs in zip(learn(one, 5), learn(other, 5), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(mine, theirs, strict=True))


# ── One program for all ──────────────────────────────────────────────────────────────────────────


def stacked(systems: list[System], folder: Path) -> Stack:
    learners, memories = [each.learner for each in systems], [each.memory for each in systems]
    return Stack(learners, memories, players(systems), folder, lambda line: None)


def check_stack(together: list[System], alone: list[System], folder: Path, rounds: int) -> None:
    check_rounds(stacked(together, folder), together, alone, rounds)


def check_rounds(stack: Stack, together: list[System], alone: list[System], rounds: int) -> None:
    for _ in range(rounds):
        samples = {i: system.memory.sample() for i, system in enumerate(alone)}
        for i, system in enumerate(together):
            assert np.array_equal(system.memory.sample().slots, samples[i].slots)
        answers = stack.update(samples)
        for i, sample in samples.items():
            own = alone[i].learner.update(alone[i].memory.batch(sample))
            for ours, theirs in zip(answers[i], own, strict=True):
                torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
            for ours, theirs in zip(flat(together[i]), flat(alone[i]), strict=True):
                torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
            check_told(together[i], alone[i])


def check_told(one: System, other: System) -> None:
    """Whether the player of one knows what the other's network expects, unless acting needs chance or a memory."""
    told, network = one.collector.policy.known, other.learner.online
    if network.is_random or network.torso.state_size:
        assert told is None
    else:
        expected = network.q_values(torch.from_numpy(one.collector.obs)).detach()
        torch.testing.assert_close(torch.from_numpy(told), expected, rtol=1e-4, atol=1e-5)


def flat(system: System) -> list[torch.Tensor]:
    *vectors, memory = system.learner.state
    return [*vectors, *memory]


SIZES = [*((parts, 3) for parts in VARIANTS.values()), (VARIANTS["all at once"], 1)]


@pytest.mark.parametrize(("variant", "size"), SIZES, ids=[*VARIANTS, "all at once, alone"], indirect=["variant"])
def test_side_by_side_they_learn_as_each_alone(
    size: int, systems: Callable[[int], System], tmp_path: Path, not_compiled: None
) -> None:
    check_stack([systems(i) for i in range(size)], [systems(i) for i in range(size)], tmp_path, 4)


# ── A whole run ──────────────────────────────────────────────────────────────────────────────────


def test_a_run_of_it_resumes_exactly_is_judged_and_explained(variant: Mapping[str, Any], tmp_path: Path) -> None:
    whole, resumed = check_resumes(SMALL, tmp_path, Overrides())
    assert resumed.resumed == "exact"
    judged(whole)
    explained(whole, variant)


def judged(run: Run) -> None:
    """The network in the file plays as the judge saw it play."""
    agent = load(run.folder)
    seeds = env_seeds(run.seed, "confirm-2", SMALL.score_episodes)
    outcome = Evaluator(agent.config.env, agent.spec, agent.config.gamma).play(agent.actor(), seeds)
    assert run.score is not None
    assert outcome.returns.tolist() == list(run.score.returns)


def explained(run: Run, variant: Mapping[str, Any]) -> None:
    """The page and the text are made, and claim nothing that does not hold."""
    assert dqnlab.report(run).path.is_file()
    text = " ".join(step_text(run.folder).split())
    knows_target = "make_rule" not in variant
    assert ("chooses the next action" in text) == knows_target
    assert ("<- chosen" in text) == knows_target
    assert ("loss = error^2" in text) == ("make_head" not in variant)
    added = "" if knows_target else "what the rule adds + "
    assert (f"target = reward + {added}discount" in text) == ("make_head" not in variant)
    assert ("Adam keeps" in text) == (variant.get("make_descent") in (None, scheduled))
    assert ("becomes a copy" in text) == ("make_sync" not in variant)
