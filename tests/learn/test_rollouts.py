"""Rollouts: lambda-returns, and the memory that hands them out a few times and forgets."""

from dataclasses import replace
from typing import Any, cast

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces

from dqnlab.build import make_learner
from dqnlab.config import (
    C51,
    Config,
    Constant,
    Demos,
    Double,
    Env,
    Episodes,
    Gru,
    Hard,
    LinearRate,
    Mlp,
    Munchausen,
    Polyak,
    Prioritized,
    Rollout,
    Steps,
    presets,
)
from dqnlab.config.fields import leaves
from dqnlab.config.toml import from_toml, to_toml
from dqnlab.envs.make import EnvSpec
from dqnlab.errors import ConfigError
from dqnlab.learn import rollouts
from dqnlab.learn.rollouts import RolloutColumns, lambda_returns, no_target, whole_return
from dqnlab.learn.types import Batch, ObsSpec
from dqnlab.run.system import System, assemble
from dqnlab.settle import pace, waits

# ── The formula ──────────────────────────────────────────────────────────────────────────────────


def test_three_steps_by_hand() -> None:
    """gamma 0.5, lambda 0.25. The last step bootstraps from its value 8, the end of the rollout."""
    found = lambda_returns(np.array([1.0, 2, 3]), np.full(3, 0.5), np.array([10.0, 4, 8]), [1, 2, -1], 0.25)
    last = 3 + 0.5 * 8
    middle = 2 + 0.5 * (0.75 * 4 + 0.25 * last)
    first = 1 + 0.5 * (0.75 * 10 + 0.25 * middle)
    assert found.tolist() == pytest.approx([first, middle, last])
    assert (last, middle, first) == (7, 4.375, 5.296875)


def test_nothing_comes_over_the_end_of_an_episode() -> None:
    """The first transition terminated, the second was cut: neither knows what another episode brings."""
    reward, discount, value = np.array([1.0, 2, 100]), np.array([0.0, 0.5, 0.5]), np.array([50.0, 6, 50])
    found = lambda_returns(reward, discount, value, [2, -1, -1], 0.9)
    assert found.tolist() == [1.0, 2 + 0.5 * 6, 100 + 0.5 * 50]


def test_a_state_without_a_legal_action_is_worth_nothing_only_where_nothing_follows() -> None:
    assert lambda_returns(np.ones(1), np.zeros(1), np.array([-np.inf]), [-1], 0.9).tolist() == [1.0]


def forward_view(reward: Any, discount: Any, value: Any, following: Any, lam: float, start: int) -> float:
    """The definition: (1 - lambda) sum lambda^(n-1) G^(n), the last of them with all the weight that is left.

    G^(n) sums n rewards and bootstraps from what then is seen (Gallici et al. 2024, section 3; Sutton & Barto 12.1).
    """
    total, weight, summed, factor, i = 0.0, 1.0, 0.0, 1.0, start
    while True:
        summed += factor * reward[i]
        factor *= discount[i]
        bootstrapped = summed + (factor * value[i] if factor else 0.0)
        if factor == 0 or following[i] < 0:
            return total + weight * bootstrapped
        total += weight * (1 - lam) * bootstrapped
        weight *= lam
        i = following[i]


def random_rollout(rng: np.random.Generator) -> tuple[Any, ...]:
    """Transitions of a few envs side by side, whose episodes end, are cut, or go on to the end of the rollout."""
    num_envs, num_steps = int(rng.integers(1, 4)), int(rng.integers(1, 12))
    gamma, newest = float(rng.choice([0.0, 0.5, 0.9, 0.99, 1.0])), dict[int, int]()
    reward, discount, following = list[float](), list[float](), list[int]()
    for _ in range(num_steps):
        for env in range(num_envs):
            if rng.random() < 0.1:  # it only reset itself
                newest.pop(env, None)
                continue
            if env in newest:
                following[newest[env]] = len(reward)
            terminated, truncated = rng.random(2) < 0.15
            newest[env] = len(reward)
            reward.append(float(rng.normal()))
            discount.append(0.0 if terminated else gamma)
            following.append(-1)
            if terminated or truncated:
                newest.pop(env)
    return np.array(reward), np.array(discount), rng.normal(size=len(reward)) * 5, np.array(following, int)


def test_it_is_the_forward_view_in_a_thousand_random_rollouts() -> None:
    rng = np.random.default_rng(0)
    worst = 0.0
    for _ in range(1_000):
        case, lam = random_rollout(rng), float(rng.choice([0.0, 0.3, 0.65, 0.95, 1.0]))
        found = lambda_returns(*case, lam)
        expected = [forward_view(*case, lam, start) for start in range(len(found))]
        worst = max(worst, float(np.abs(found - expected).max(initial=0)))
    assert worst < 1e-6


# ── The memory ───────────────────────────────────────────────────────────────────────────────────

ENDS = Config(
    env=Env(num_envs=2),
    torso=Mlp(hidden=(8,)),
    memory=Rollout(num_steps=8, num_epochs=3, td_lambda=0.8),
    batch_size=5,
    gamma=0.9,
    budget=Steps(num=400),
    epsilon=Constant(value=1.0),
    compile="off",
)


class Count(gym.Env[Any, Any]):
    """Shows how many steps its episode has taken and pays so many; ends after 3 or is cut after 5, in turns."""

    observation_space = spaces.Box(0, 9, (1,), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self) -> None:
        self.episodes = self.steps = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.episodes, self.steps = self.episodes + 1, 0
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        ends, cut = self.episodes % 2 and self.steps == 3, self.steps == 5
        return np.full(1, self.steps, np.float32), float(self.steps), bool(ends), cut, {}


@pytest.fixture
def system(request: pytest.FixtureRequest) -> Any:
    config = replace(ENDS, env=replace(ENDS.env, id=Count), **getattr(request, "param", {}))
    made = assemble(config)
    yield made
    made.close()


def fill(system: System) -> rollouts.Rollout:
    """Collects until a rollout is whole, and prepares it."""
    memory = cast(rollouts.Rollout, system.memory)
    before = system.collector.steps
    while not memory.due(before, system.collector.steps):
        memory.add(system.collector.step())
    return memory


def test_returns_follow_each_env_through_its_resets(system: System) -> None:
    """Against a walk through the rollout that knows the environment: value v(s), reward s + 1, the two ends."""
    memory = fill(system)
    assert len(memory.slots) in (16, 17)
    found = memory.gather(memory.tensors, torch.from_numpy(memory.slots), torch.ones(len(memory.slots)))
    obs, action, returns = found.obs, found.action, found.reward
    assert torch.equal(found.next_obs, obs)
    assert not found.discount.any()
    with torch.no_grad():
        value = {s: float(system.learner.online.q_values(torch.tensor([[float(s)]])).max()) for s in range(6)}
    stored = memory.tensors.stored
    raw = stored.discount[torch.from_numpy(memory.slots)]
    starts = obs[:, 0].int().tolist()
    frames, ends = (column[torch.from_numpy(memory.slots)].tolist() for column in (stored.start, stored.end))
    for i, (start, frame) in enumerate(zip(starts, ends, strict=True)):
        paid = start + 1.0
        if raw[i] == 0:
            assert start == 2  # the third step ended it
            expected = paid
        elif frame in frames:
            follows = float(returns[frames.index(frame)])
            expected = paid + 0.9 * (0.2 * value[start + 1] + 0.8 * follows)
        else:
            expected = paid + 0.9 * value[start + 1]
        assert float(returns[i]) == pytest.approx(expected, abs=1e-5)
    assert len(action) == len(starts)


def test_each_transition_is_learned_from_as_often_as_there_are_epochs_and_then_forgotten(system: System) -> None:
    memory = fill(system)
    held = memory.slots.copy()
    num = 3 * len(held) // 5
    given = np.concatenate([memory.sample().slots for _ in range(num)])
    counts = np.array([(given == slot).sum() for slot in held])
    assert set(given) <= set(held)
    assert counts.max() <= 3
    assert counts.sum() == num * 5 >= 3 * len(held) - 4
    first = given[: len(held)]
    assert len(set(first)) == len(held)  # an epoch is a permutation
    assert memory.due(0, 0) == 0
    memory.add(system.collector.step())
    assert len(memory.slots) <= 2


def test_updates_come_in_rows_once_a_rollout_is_whole(system: System) -> None:
    memory = system.memory
    due = []
    for _ in range(40):
        block = system.collector.step()
        memory.add(block)
        due.append(memory.due(0, 0))
    assert set(due) == {0, 9}  # 3 epochs of 16, in batches of 5
    assert due.index(9) == 8  # the first of eight steps after an end is none: it only resets


def test_returns_are_those_of_the_network_when_the_rollout_was_whole(system: System) -> None:
    memory = fill(system)
    before = memory.tensors.returns.clone()
    sample = memory.sample()
    system.learner.update(memory.batch(sample))
    memory.sample()
    assert torch.equal(memory.tensors.returns, before)


def test_an_empty_rollout_cannot_be_sampled(system: System) -> None:
    with pytest.raises(ValueError, match="cannot sample from an empty rollout"):
        system.memory.sample()


def test_it_gathers_from_any_tensors_of_its_kind(system: System) -> None:
    memory = fill(system)
    sample = memory.sample()
    moved = RolloutColumns(*(column.clone() for column in memory.tensors))
    before = memory.batch(sample)
    memory.move_to(moved)
    for mine, other in zip(before.columns().values(), memory.batch(sample).columns().values(), strict=True):
        assert torch.equal(mine, other)
    assert memory.num_bytes > moved.returns.nbytes
    assert memory.extremes().n == 1


# ── The learner ──────────────────────────────────────────────────────────────────────────────────

SPEC = EnvSpec(ObsSpec((3,), np.dtype(np.float32)), 0, 2, 0, None, 1)


def test_it_learns_returns_and_asks_no_target_network() -> None:
    learner = make_learner(replace(ENDS, env=Env()), SPEC, torch.device("cpu"))
    assert (learner.rule, learner.sync) == (whole_return, no_target)
    target = learner.state.target.clone()
    learner.state.target.fill_(float("nan"))
    obs = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))
    returns = torch.arange(8.0)
    batch = Batch(obs, torch.zeros(8, dtype=torch.int64), returns, torch.zeros(8), obs, torch.ones(8))
    update = learner.update(batch)
    assert torch.equal(update.target, returns)
    assert update.loss.isfinite()
    assert target.isfinite().all()


# ── Settings ─────────────────────────────────────────────────────────────────────────────────────


def test_settings_that_cannot_apply_are_in_no_file(tmp_path: Any) -> None:
    names = dict(leaves(ENDS))
    assert ENDS.absent == (
        "experience",
        "rule",
        "sampler",
        "sync",
        "n",
        "replay_capacity",
        "learning_starts",
        "update_every",
    )
    assert not {name.partition(".")[0] for name in names} & set(ENDS.absent)
    text = to_toml(ENDS)
    assert not [line for line in text.splitlines() if line.startswith(("[sync]", "[rule]", "n =", "replay_capacity"))]
    assert from_toml(text, Config(), "a file") == ENDS


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"sync": Polyak()}, "sync"),
        ({"sync": Hard(every=5)}, "sync"),
        ({"n": 3}, "n"),
        ({"rule": Double()}, "rule"),
        ({"rule": Munchausen()}, "rule"),
        ({"sampler": Prioritized()}, "sampler"),
        ({"experience": Demos(source="there")}, "experience"),
        ({"replay_capacity": 10, "update_every": 4}, "replay_capacity, update_every"),
    ],
)
def test_they_are_refused_by_name(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=f"memory = 'rollout' keeps no replay.* so {named} cannot apply: leave"):
        replace(ENDS, **changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"torso": Gru(unroll=5)},
            "memory = 'rollout' keeps no sequences, and torso = 'gru' learns from such: use mem",
        ),
        ({"batch_size": 17}, r"batch_size = 17 is larger than memory.num_steps = 8 of 2 envs \(16\)"),
        (
            {"budget": Steps(num=15)},
            r"never start: memory.num_steps = 8 of 2 envs \(16\) is above budget.num = 15 steps",
        ),
    ],
)
def test_a_rollout_that_is_never_whole_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        replace(ENDS, **changes)


@pytest.mark.parametrize(("num_steps", "num_epochs", "updates"), [(8, 3, 9 * 25), (20, 1, 8 * 10)])
def test_a_schedule_knows_how_many_updates_there_will_be(num_steps: int, num_epochs: int, updates: int) -> None:
    """Of 400 steps in rollouts of 16 or 40."""
    memory = Rollout(num_steps=num_steps, num_epochs=num_epochs)
    made = assemble(replace(ENDS, memory=memory, lr_schedule=LinearRate()))
    made.close()
    assert cast(LinearRate, made.config.lr_schedule).updates == updates


def test_any_head_may_learn_returns() -> None:
    assert replace(ENDS, head=C51()).memory_size == 16
    assert presets.get("pqn").absent
    assert waits(replace(ENDS, budget=Episodes(num=3))) == 0
    assert pace(ENDS) == (16, 9)
