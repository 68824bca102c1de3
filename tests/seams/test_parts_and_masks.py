"""An observation of several parts with a mask: acted on, learned from, compiled, resumed, judged and explained."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

import dqnlab
from dqnlab.config import Env, Steps
from dqnlab.explain.trace_text import step_text
from dqnlab.lab.overrides import Overrides
from dqnlab.lab.session import train
from dqnlab.learn.heads import at_action
from dqnlab.run.system import System

from ..jobs import Jobs, Where
from ..resuming import check_resumes
from ..tiny import SMALL
from .conftest import Filled
from .test_network_seams import check_stack

SHORT = replace(SMALL, n=3)


def jobs(where: Where, stack: int = 1) -> Env:
    return Env(id=partial(Jobs, where), frame_stack=stack)


@pytest.fixture(params=[1, 3], ids=["single", "stacked"])
def stack(request: pytest.FixtureRequest) -> int:
    return request.param


@pytest.fixture
def systems(filled: Filled, stack: int) -> Callable[..., System]:
    """Assembles runs of two copies, by their seed and where the mask is."""

    def system(seed: int, where: Where = "info") -> System:
        return filled(replace(SHORT, seed=seed, env=replace(jobs(where, stack), num_envs=2)))

    return system


@pytest.mark.parametrize("where", ["info", "key", "nowhere"])
def test_a_mask_is_found_wherever_it_is_and_written_down(
    where: Where, systems: Callable[..., System], stack: int
) -> None:
    system = systems(0, where)
    assert system.spec.obs.mask == (None if where == "nowhere" else 7 * stack)
    assert system.config.env.action_mask == ("off" if where == "nowhere" else "on")
    assert system.spec.obs.shape == ((7 * stack,) if where == "nowhere" else (7 * stack + 3,))
    assert system.spec.obs.frame_shape == ((7,) if where == "nowhere" else (10,))


def test_no_forbidden_action_is_stored_taken_or_valued(systems: Callable[..., System]) -> None:
    system = systems(0)
    start = system.spec.obs.mask
    for _ in range(30):
        batch = system.memory.batch(system.memory.sample())
        allowed = batch.obs[:, start:] != 0
        assert at_action(allowed.float(), batch.action).all()
        update = system.learner.update(batch)
        assert torch.equal(update.q > -torch.inf, allowed)
        assert update.loss.isfinite()
        assert update.target.isfinite().all()
        ends = batch.next_obs[:, start:].sum(1) == 0
        assert torch.equal(ends, batch.discount == 0)  # nobody says what is allowed at the end of a day


@pytest.mark.parametrize("rule", [dqnlab.config.Greedy(), dqnlab.config.Double()], ids=["greedy", "double"])
def test_the_target_bootstraps_from_the_best_allowed_action(rule: object, systems: Callable[..., System]) -> None:
    """A slow twin, row by row."""
    system = systems(0)
    batch = system.memory.batch(system.memory.sample())
    learner, mask = system.learner, batch.next_obs[:, system.spec.obs.mask :]
    with torch.no_grad():
        learner.target.stream.linear.bias.copy_(torch.tensor([9.0, -9.0, 0.0]))  # so that forbidding changes the choice
        rate = learner.target(batch.next_obs)[..., 0].tolist()
        choose = rate if isinstance(rule, dqnlab.config.Greedy) else learner.online(batch.next_obs)[..., 0].tolist()
        _, row = dqnlab.build.make_rule(rule)(learner.online, learner.target, batch)
    for i in range(len(mask)):
        allowed = [a for a in range(3) if mask[i, a]]
        if allowed:
            best = max(allowed, key=lambda a: choose[i][a])
            assert row[i, 0].item() == pytest.approx(rate[i][best])
        else:
            assert batch.discount[i] == 0


def test_three_side_by_side_learn_as_each_alone(
    systems: Callable[..., System], tmp_path: Path, not_compiled: None
) -> None:
    check_stack([systems(i) for i in range(3)], [systems(i) for i in range(3)], tmp_path, 6)


@pytest.mark.parametrize("where", ["info", "key"])
def test_a_run_resumes_exactly_is_judged_and_explained(where: Where, stack: int, tmp_path: Path) -> None:
    config = replace(SHORT, env=jobs(where, stack), explain=True)
    whole, _ = check_resumes(config, tmp_path, Overrides(env=config.env))
    assert whole.failed_steps == {}
    text = step_text(whole.folder)
    if stack == 1:  # a longer row is not printed
        seen = [line.split(" = ")[1] for line in text.splitlines() if line.startswith("   observation")]
        assert {row.split(", ")[2] for row in seen} <= {"1", "2", "3"}
    assert "forbidden" in text
    assert "inf" not in text


@pytest.mark.world
def test_masks_help_where_a_wrong_action_wastes_the_job(tmp_path: Path) -> None:
    """Those allowed suffice to earn what can be earned: 1 wherever the machine asked for is free."""
    env = jobs("info")
    config = replace(SHORT, env=env, budget=Steps(num=4_000), score_episodes=100, explain=False, n=1)
    run = train(config, out=tmp_path / "run", trackers=("none",))
    assert run.score is not None
    agent = dqnlab.load(run, env=env)
    made = Jobs("info")
    obs, info = made.reset(seed=5)
    right = wrong = 0
    for _ in range(200):
        action = agent.act(obs, info["action_mask"])
        if made.free[made.job]:
            right += int(action - 5 == made.job)
            wrong += int(action - 5 != made.job)
        obs, _, ended, _, info = made.step(action)
        if ended:
            obs, info = made.reset()
    assert right > 10 * wrong
