"""Networks that remember, through everything that a run does."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

import dqnlab
from dqnlab import presets
from dqnlab.check.doctor.forecast import describe_training, measure
from dqnlab.config import Config, Dueling, Env, Greedy, Gru, Iqn, Lstm, Mlp, Noisy, Prioritized, Steps
from dqnlab.envs.make import describe
from dqnlab.envs.seeds import env_seeds
from dqnlab.errors import ConfigError, ObservationError
from dqnlab.explain.trace_text import step_text
from dqnlab.lab.overrides import Overrides
from dqnlab.lab.session import train
from dqnlab.learn.policy import Actor
from dqnlab.learn.sequences import SequenceReplay
from dqnlab.learn.types import Sample, Sequences
from dqnlab.run.evaluate import evaluate
from dqnlab.run.system import System, assemble
from dqnlab.store.agent import Agent

from ..cue import Cue
from ..jobs import Jobs
from ..resuming import check_resumes
from ..seams.test_network_seams import check_stack
from ..tiny import SMALL

GRU = replace(SMALL, torso=Gru(hidden=(8,), units=6, burn_in=3, unroll=4))
LSTM = replace(SMALL, torso=Lstm(hidden=(), units=5, burn_in=0, unroll=8), n=3, sampler=Prioritized(), reward_scale=4.0)
ALL = replace(
    GRU,
    layers=Noisy(),
    head=Iqn(num=4, cosines=5),
    stream=Dueling(hidden=(8,)),
    sampler=Prioritized(),
    normalize_obs=True,
    n=2,
)
CASES = {"gru": GRU, "lstm": LSTM, "all at once": ALL}


@pytest.fixture
def made() -> Iterator[Callable[[Config], System]]:
    """Assembles runs, and closes them at the end."""
    found: list[System] = []

    def system(config: Config) -> System:
        found.append(assemble(config))
        return found[-1]

    yield system
    for each in found:
        each.close()


def filled(system: System, size: int = 150) -> System:
    while system.memory.facts().size < size:
        system.memory.add(system.collector.step())
    return system


# ── What is stored ───────────────────────────────────────────────────────────────────────────────


class Listening:
    """An actor that notes what it said of which observations."""

    def __init__(self, actor: Actor):
        self.remembers, self.actor = actor.remembers, actor
        self.said: list[tuple[np.ndarray, np.ndarray]] = []

    @property
    def state(self) -> np.ndarray | None:
        return self.actor.state

    def __call__(self, obs: np.ndarray, first: np.ndarray) -> np.ndarray:
        q = self.actor(obs, first)
        self.said.append((obs.copy(), q))
        return q


@pytest.mark.parametrize("config", [GRU, LSTM], ids=["gru", "lstm"])
def test_what_is_replayed_is_valued_as_it_was_when_it_was_acted_on(
    config: Config, made: Callable[[Config], System]
) -> None:
    """As long as weights stay: the stored memory is the one that was acted with, and episodes begin where they did."""
    short = Env(id="CartPole-v1", num_envs=3, max_episode_steps=11)
    system = made(replace(config, env=short, epsilon=0.5, checkpoint_every=0))
    listening = Listening(system.collector.policy.actor)
    system.collector.policy.actor = listening
    filled(system, 100)
    system.collector.cut_due = True
    filled(system, 250)
    memory = system.memory
    assert isinstance(memory, SequenceReplay)
    slots = np.arange(*memory.rows.bounds)
    batch = memory.batch(Sample(slots, np.ones(len(slots), np.float32)))
    assert isinstance(batch.obs, Sequences)
    assert batch.obs.first.float().mean() > 0.05
    assert (batch.obs.state != 0).float().mean() > 0.8
    said = {obs.tobytes(): values for seen, q in listening.said for obs, values in zip(seen, q, strict=True)}
    with torch.no_grad():
        q = system.learner.online.q_values(batch.obs).numpy()
    for obs, values in zip(batch.obs.rows.numpy(), q, strict=True):
        np.testing.assert_allclose(values, said[obs.tobytes()], rtol=1e-4, atol=1e-5)


# ── Learning ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("config", CASES.values(), ids=CASES)
def test_a_run_is_resumed_to_the_bit_judged_and_explained(config: Config, tmp_path: Path) -> None:
    whole, resumed = check_resumes(config, tmp_path, Overrides())
    assert resumed.resumed == "exact"
    agent = dqnlab.load(whole.folder)
    assert agent.config.remembers
    assert dqnlab.evaluate(agent, episodes=3).mean == dqnlab.evaluate(agent, episodes=3).mean
    page = dqnlab.report(whole)
    assert page.path.is_file()
    assert page.verdicts
    told = step_text(whole.folder)
    assert "What happened is kept as a sequence, with what the agent remembered before it" in " ".join(told.split())


class Sealed(Cue):
    """Cannot be saved, nor copied: at every checkpoint its unfinished episodes are truncated."""

    get_state = set_state = None  # type: ignore[assignment]

    def __deepcopy__(self, memo: Any) -> Any:
        raise TypeError


def test_a_run_whose_episodes_are_cut_is_resumed_to_the_bit(tmp_path: Path) -> None:
    config = replace(GRU, env=Env(id=Sealed, num_envs=3), n=2)
    _, resumed = check_resumes(config, tmp_path, Overrides(env=Sealed))
    assert resumed.resumed == "exact"


@pytest.mark.parametrize("config", CASES.values(), ids=CASES)
def test_three_side_by_side_learn_as_each_alone(
    config: Config, made: Callable[[Config], System], tmp_path: Path, not_compiled: None
) -> None:
    together, alone = ([filled(made(replace(config, seed=i))) for i in range(3)] for _ in range(2))
    check_stack(together, alone, tmp_path, 4)


def test_forbidden_actions_count_for_the_rows_that_are_asked_about(made: Callable[[Config], System]) -> None:
    system = filled(made(replace(GRU, env=Env(id=Jobs, kwargs={"where": "info"}, num_envs=2))))
    batch = system.memory.batch(system.memory.sample())
    assert isinstance(batch.obs, Sequences)
    mask = system.spec.obs.mask
    q = system.learner.online.q_values(batch.obs)
    assert torch.equal(q == -torch.inf, batch.obs.rows[:, mask:] == 0)
    assert (q == -torch.inf).any()
    assert bool(system.learner.update(batch).loss.isfinite())


SOLVES = replace(
    SMALL,
    env=Env(id=Cue, num_envs=4),
    sync=replace(SMALL.sync, every=50),  # type: ignore[type-var]
    optimizer=replace(SMALL.optimizer, lr=3e-3, max_grad_norm=10.0),  # type: ignore[type-var]
    epsilon=0.3,
    gamma=0.95,
    batch_size=256,
    replay_capacity=10_000,
    learning_starts=500,
    update_every=8,
    budget=Steps(num=6_000),
    evaluate_every=Steps(num=1_000),
    select_episodes=20,
    confirm_episodes=20,
    score_episodes=100,
    checkpoint_every=0,
)


@pytest.mark.world
@pytest.mark.parametrize("torso", [Gru(hidden=(32,), units=32), Lstm(hidden=(32,), units=32)], ids=["gru", "lstm"])
def test_it_remembers_the_first_cue_to_the_end_of_the_maze(torso: Gru | Lstm, tmp_path: Path) -> None:
    run = train(replace(SOLVES, torso=torso), out=tmp_path / "run", trackers=("none",))
    assert run.score is not None
    assert run.score.mean >= 0.95


def both_ways(agent: Agent) -> float:
    """The mean return of one greedy episode of either kind."""
    earned = 0.0
    for side in range(2):
        env, over = Cue(), False
        env.reset(seed=0)
        env.side = side
        agent.reset()
        obs = env.seen()
        while not over:
            obs, reward, over, _, _ = env.step(int(agent.act(obs)))
            earned += reward
    return earned / 2


def test_without_a_memory_half_the_mazes_are_lost_whatever_was_learned(made: Callable[[Config], System]) -> None:
    """And with one they are won by weights that nobody learned: its cell keeps the sign, and its values read it."""
    for seed in range(3):
        system = made(replace(SOLVES, torso=Mlp(hidden=(16,)), seed=seed, budget=Steps(num=1_500)))
        assert both_ways(Agent(system.config, system.spec, system.learner.online)) == 0.5
        for _ in system.events():
            pass
        assert both_ways(Agent(system.config, system.spec, system.learner.online)) == 0.5
    system = made(replace(SOLVES, torso=Lstm(hidden=(), units=1)))
    network = system.learner.online
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        cell, values = network.torso.cell, network.stream.linear  # type: ignore[union-attr]
        cell.new.bias[:] = torch.tensor([9.0, 9.0, 0.0, 9.0])  # type: ignore[operator]
        cell.new.weight[2, 0] = 1.0  # type: ignore[operator]
        values.weight[:, 0] = torch.tensor([-1.0, 1.0])  # type: ignore[operator]
    assert both_ways(Agent(system.config, system.spec, network)) == 1.0


# ── An agent ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def agent(made: Callable[[Config], System]) -> Agent:
    system = made(GRU)
    return Agent(system.config, system.spec, system.learner.online)


OBS = np.linspace(-0.1, 0.1, 24, dtype=np.float32).reshape(6, 4)


def test_an_agent_remembers_between_calls_and_forgets_when_it_is_reset(agent: Agent) -> None:
    alone = [agent.q_values(obs).tolist() for obs in OBS]  # it has acted on nothing yet
    assert [agent.q_values(obs).tolist() for obs in OBS] == alone
    following = []
    for obs in OBS:
        following.append(agent.q_values(obs).tolist())
        agent.act(obs)
    assert following[0] == alone[0]
    assert all(one != other for one, other in zip(following[1:], alone[1:], strict=True))
    agent.reset()
    assert [agent.q_values(obs).tolist() for obs in OBS] == alone


def test_a_batch_is_told_which_of_its_episodes_begin(agent: Agent) -> None:
    single: list[list[Any]] = []
    for start in range(3):
        agent.reset()
        single.append([])
        for obs in OBS[start : start + 3]:
            single[-1].append(agent.q_values(obs))
            agent.act(obs)
    agent.reset()
    for step in range(3):
        obs = np.stack([OBS[start + step] for start in range(3)])
        np.testing.assert_allclose(agent.q_values(obs), [values[step] for values in single], rtol=1e-4, atol=1e-6)
        assert agent.act(obs).shape == (3,)
    begun = agent.q_values(OBS[:3], first=[True, False, True])
    agent.reset()
    np.testing.assert_allclose(begun[[0, 2]], agent.q_values(OBS[:3])[[0, 2]], rtol=1e-4, atol=1e-6)
    assert not np.allclose(begun[1], agent.q_values(OBS[1]))


def test_episodes_that_never_began_cannot_go_on(agent: Agent) -> None:
    agent.act(OBS)
    with pytest.raises(ObservationError, match=r"there is 1 observation, and there were 6 before: call reset\(\)"):
        agent.act(OBS[0])
    with pytest.raises(ObservationError, match=r"there are 2 observations, and there were 6 before"):
        agent.q_values(OBS[:2], first=[True, False])
    with pytest.raises(ObservationError, match=r"first has shape \(3,\); there are 6 observations"):
        agent.act(OBS, first=[True, False, False])
    agent.act(OBS[0], first=True)
    agent.act(OBS[1])
    assert agent.act(OBS, first=True).shape == (6,)


def test_other_agents_take_both_and_have_nothing_to_forget(made: Callable[[Config], System]) -> None:
    system = made(SMALL)
    reactive = Agent(system.config, system.spec, system.learner.online)
    alone = reactive.q_values(OBS[0]).tolist()
    reactive.act(OBS)
    reactive.reset()
    assert reactive.q_values(OBS[0], first=False).tolist() == alone


def test_it_plays_whole_episodes_as_it_acts_step_by_step(made: Callable[[Config], System]) -> None:
    system = made(GRU)
    agent = Agent(system.config, system.spec, system.learner.online, GRU.env)
    env, lengths = gym.make("CartPole-v1"), []
    for seed in env_seeds(0, "evaluate", 3):
        obs, over, length = env.reset(seed=seed)[0], False, 0
        agent.reset()
        while not over:
            obs, _, terminated, truncated, _ = env.step(agent.act(obs))
            over, length = terminated or truncated, length + 1
        lengths.append(length)
    assert list(evaluate(agent, episodes=3).returns) == lengths


# ── What goes together ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"env": Env(frame_stack=4)}, r"env.frame_stack = 4 and torso = 'gru' exclude each other"),
        ({"batch_size": 30}, r"batch_size = 30 is no multiple of torso.unroll = 4: with torso = 'gru' a batch is"),
        (
            {"env": Env(num_envs=100), "replay_capacity": 200},
            r"replay_capacity = 200 cannot hold a sequence of torso.unroll = 4 steps of 100 envs: raise it to 400",
        ),
    ],
)
def test_what_does_not_go_together_is_refused_with_both_names(settings: dict[str, Any], what: str) -> None:
    with pytest.raises(ConfigError, match=what):
        replace(GRU, **settings)


@pytest.mark.parametrize("kind", [Gru, Lstm])
@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"units": 0}, "torso.units must be a whole number from 1"),
        ({"burn_in": -1}, "torso.burn_in must be a whole number from 0 to 1,000, got -1"),
        ({"unroll": 0}, "torso.unroll must be a whole number from 1 to 1,000, got 0"),
        ({"hidden": (0,)}, "torso.hidden must be"),
    ],
)
def test_sizes_that_are_none_are_refused(kind: type[Any], settings: dict[str, Any], what: str) -> None:
    with pytest.raises(ConfigError, match=what):
        kind(**settings)


def test_the_preset_is_the_first_dqn_with_a_memory() -> None:
    assert presets.get("drqn").remembers
    assert {name for name, _, _ in presets.diff("drqn")} == {
        "torso", "torso.hidden", "torso.units", "torso.burn_in", "torso.unroll", "batch_size"
    }  # fmt: skip
    assert isinstance(presets.get("drqn").rule, Greedy)


def test_the_doctor_foresees_it(made: Callable[[Config], System]) -> None:
    config = replace(GRU, compile="auto", budget=Steps(num=100_000))
    forecast = describe_training(config, describe(config.env))
    assert forecast.layers == (4, 8, 6, 2)
    assert forecast.parts == ("torso:gru",)
    assert not forecast.compiled  # only if it is asked for
    assert forecast.replay_bytes == made(config).memory.num_bytes
    wide = replace(config, env=Env(num_envs=700), torso=replace(config.torso, unroll=16))
    assert measure(wide).update > 0
