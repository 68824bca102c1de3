"""Probes: environments so small that their Q-values are known, each built to expose one kind of mistake.

A network that learns the right numbers here has, by the whole path from environment to gradient, done
what the mathematics says; each probe's `says` names the number that a known mistake gives instead.
The rules that hold for all keep the truth the same for every head, rule, sampler and n: rewards lie in
[-1, 1] and follow from state and action, and where a choice matters the episode is one step long, so
that no random action comes between a transition and its bootstrap.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from ..config import Adam, Config, Constant, Env, Hard, Polyak, Steps
from ..config.fields import leaves
from ..config.presets import get
from ..envs.make import EnvSpec
from ..errors import ConfigError, either
from ..learn.networks import QNetwork
from ..learn.policy import make_actor
from ..run.system import assemble

GAMMA = 0.9
STEPS = 350  # of training, one update each
LONGER = 5  # times as many for rollouts, each of which brings values a few steps nearer
MORE = 3  # times as many for a head that learns a distribution, whose mean follows more slowly


class Arrow(NamedTuple):
    """What one action does: its reward, and the number of the state it leads to, none for the end."""

    reward: float
    to: int | None = None


class Table(gym.Env[Any, np.int64]):
    """A tiny world written as a table [S][A] of arrows.

    Arriving at the end shows the state that was left, so that whoever bootstraps from there
    finds a large value and not, by luck, a zero.
    """

    def __init__(self, probe: "Probe"):
        self.probe = probe
        self.observation_space = probe.space
        self.action_space = spaces.Discrete(len(probe.table[0]), start=probe.action_start)
        self._state = self._steps = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        starts = self.probe.starts
        self._state, self._steps = starts[int(self.np_random.integers(len(starts)))], 0
        return self.probe.obs[self._state], {}

    def step(self, action: np.int64) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        arrow = self.probe.table[self._state][int(action) - self.probe.action_start]
        self._steps += 1
        if arrow.to is not None:
            self._state = arrow.to
        return self.probe.obs[self._state], arrow.reward, arrow.to is None, self._steps == self.probe.cut, {}


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A world with known Q-values."""

    name: str
    says: str
    """what it is, and what a mistake would give"""
    table: Sequence[Sequence[Arrow]]
    """[S][A]"""
    q: Sequence[Sequence[float]]
    """[S][A] the true values, discounted by GAMMA"""
    obs: Sequence[Any]
    """[S] what each state looks like"""
    space: spaces.Space[Any]
    starts: Sequence[int] = (0,)
    """numbers of the states that an episode may begin in"""
    cut: int | None = None
    """truncate episodes after so many steps"""
    action_start: int = 0
    scale: Literal["auto", "high", "none"] = "auto"
    """`env.scale`: what observations are divided by"""
    unfollowed: bool = False
    """whether a state is bootstrapped from that no episode goes on from: after what led to it, a network that remembers
    never learns what it is worth"""
    blurred: bool = False
    """whether noise on the weights, however small, leaves its values less exact than that"""
    tolerance: float = 0.05
    """largest error of a value"""

    def make(self) -> Table:
        """A fresh environment."""
        return Table(self)


class ProbeResult(NamedTuple):
    """What a small agent learned on a probe."""

    name: str
    says: str
    expected: np.ndarray  # [S, A]
    got: np.ndarray  # [S, A]
    tolerance: float
    passed: bool
    seconds: float


def _numbers(*values: float) -> dict[str, Any]:
    """States that look like one number each."""
    return {"obs": [np.array([value], np.float32) for value in values], "space": spaces.Box(-1, 1, (1,), np.float32)}


def _corners(num: int) -> dict[str, Any]:
    """States that look as different as can be: one of `num` numbers is 1, the others 0."""
    return {"obs": list(np.eye(num, dtype=np.float32)), "space": spaces.Box(0, 1, (num,), np.float32)}


PROBES = (
    Probe(
        name="end",
        says="reward 1, then the end: 1; 10 = bootstraps through the terminal state",
        table=[[Arrow(1)]],
        q=[[1]],
        **_numbers(0),
    ),
    Probe(
        name="sign",
        says="the reward is the observation, then the end; 0 and 0 = errors of different samples are mixed",
        table=[[Arrow(-1)], [Arrow(1)]],
        q=[[-1], [1]],
        starts=(0, 1),
        blurred=True,
        **_numbers(-1, 1),
    ),
    Probe(
        name="delay",
        says="two steps, reward 1 at the last: 0.9, 1; 1, 1 = gamma is dropped; 9, 10 = no end",
        table=[[Arrow(0, 1)], [Arrow(1)]],
        q=[[0.9], [1]],
        **_numbers(-1, 1),
    ),
    Probe(
        name="choice",
        says="one action pays 1, the other -1; exchanged or equal = values and actions are not matched",
        table=[[Arrow(-1), Arrow(1)]],
        q=[[-1, 1]],
        action_start=-1,
        **_numbers(0),
    ),
    Probe(
        name="context",
        says="the right action depends on what is seen; all 0 = actions belong to other observations",
        table=[[Arrow(1), Arrow(-1)], [Arrow(-1), Arrow(1)]],
        q=[[1, -1], [-1, 1]],
        starts=(0, 1),
        blurred=True,
        **_numbers(-1, 1),
    ),
    Probe(
        name="cut",
        says="1 per step, truncated after 5: 10; 3.6 = truncation taken for the end; 8.3 = the reset is stored",
        table=[[Arrow(1, 0)]],
        q=[[10]],
        cut=5,
        tolerance=0.5,
        **_numbers(1),
    ),
    Probe(
        name="corridor",
        says="five steps, reward 1 at the last; other powers of 0.9 = spans and bootstraps of n steps disagree",
        table=[*([Arrow(0, s + 1)] for s in range(4)), [Arrow(1)]],
        q=[[0.6561], [0.729], [0.81], [0.9], [1]],
        **_corners(5),
    ),
    Probe(
        name="worlds",
        says="episodes in a world that pays 1 or in one that pays 0, truncated: 10, 0; between = episodes are mixed",
        table=[[Arrow(1, 0)], [Arrow(0, 1)]],
        q=[[10], [0]],
        starts=(0, 1),
        cut=4,
        blurred=True,
        tolerance=0.5,
        **_numbers(1, -1),
    ),
    Probe(
        name="best next",
        says="truncated before a choice of 1 or -1: 0.9; 0 = bootstraps from the mean; -0.9 = from the worst",
        table=[[Arrow(0, 1), Arrow(0, 1)], [Arrow(-1), Arrow(1)]],
        q=[[0.9, 0.9], [-1, 1]],
        starts=(0, 1),
        cut=1,
        unfollowed=True,
        blurred=True,
        **_corners(2),
    ),
    Probe(
        name="numbered",
        says="states are numbers from 3 on: 0.81, 0.9, 1; all equal = the number does not reach the network",
        table=[[Arrow(0, 1)], [Arrow(0, 2)], [Arrow(1)]],
        q=[[0.81], [0.9], [1]],
        blurred=True,
        obs=[3, 4, 5],
        space=spaces.Discrete(3, start=3),
    ),
    Probe(
        name="pixels",
        says="a black image pays 0, a white one 1; far off = pixels are not scaled to [0, 1]",
        table=[[Arrow(0)], [Arrow(1)]],
        q=[[0], [1]],
        starts=(0, 1),
        obs=[np.zeros((4, 4, 1), np.uint8), np.full((4, 4, 1), 255, np.uint8)],
        space=spaces.Box(0, 255, (4, 4, 1), np.uint8),
        scale="high",
        blurred=True,
    ),
)

REMEMBERED = (
    Probe(
        name="cue",
        says="a sign is shown, and paid two steps later: 0.81, 0.9, 1 and less than 0; all 0 = it is not remembered",
        table=[*([Arrow(0, s + 2)] for s in range(4)), [Arrow(1)], [Arrow(-1)]],
        q=[[0.81], [-0.81], [0.9], [-0.9], [1], [-1]],
        starts=(0, 1),
        **_numbers(1, -1, 0, 0, 0, 0),
    ),
)
"""probes in which states look alike, for networks that remember: what comes without doubt depends on what was seen"""

# How often the target follows, so that values travel to their end within STEPS.
REMEMBERS: dict[str, Any] = {"hidden": (), "units": 32, "burn_in": 4, "unroll": 8}
"""the sizes of a torso that remembers"""
LEAST_NOISE = 0.02
"""of noisy layers: with more, values are blurred, which is what noise is for"""
SYNC = {"hard": Hard(every=5), "polyak": Polyak(tau=0.2)}
BATCH = 64
EPOCHS = 32  # of each rollout, where there is one: it is as large as a batch


def probe_config(base: Config, probe: Probe) -> Config:
    """The configuration that trains on a probe: `base` in all that a probe can test, but small and random.

    Kind of torso, layers, norm, head, stream, rule, sampler, n and the kind of sync stay; sizes, that of noise among
    them, periods, the learning rate and the range of returns do not.
    """
    num_envs = min(base.env.num_envs, 4)
    steps = STEPS * (LONGER if "sync" in base.absent else 1 if base.learns_means else MORE)
    size: dict[str, Any] = {"hidden": (64,)} if "torso.hidden" in dict(leaves(base)) else {}
    size = REMEMBERS if base.remembers else size
    sizes: dict[str, Any] = {"num_steps": -(-BATCH // num_envs), "num_epochs": EPOCHS}
    if "sync" in base.absent:
        sizes = {"memory": replace(base.memory, **sizes)}
    else:
        sync = SYNC.get(base.sync.kind, base.sync)
        # The ring comes round.
        sizes = {"sync": sync, "replay_capacity": 200, "learning_starts": BATCH, "update_every": 1}
    return replace(
        base.with_measured_range(),
        device="cpu",
        threads=1,
        env=Env(id=probe.make, num_envs=num_envs, scale=probe.scale),
        torso=replace(base.torso, **size),
        layers=_calm(base),
        optimizer=Adam(lr=0.005, beta1=0.8),
        epsilon=Constant(value=1.0),
        gamma=GAMMA,
        batch_size=BATCH,
        **sizes,
        budget=Steps(num=steps),
        evaluate_every=Steps(num=10 * steps),
        stop_when_solved=False,
    )


def _is_noisy(base: Config) -> bool:
    return "layers.sigma" in dict(leaves(base))


def _calm(base: Config) -> Any:
    """The layers, with little noise if any."""
    layers: Any = base.layers
    return replace(layers, sigma=min(layers.sigma, LEAST_NOISE)) if _is_noisy(base) else layers


def probes_for(base: Config) -> tuple[Probe, ...]:
    """Those whose values such a configuration learns exactly."""
    probes = (*(each for each in PROBES if not each.unfollowed), *REMEMBERED) if base.remembers else PROBES
    return tuple(each for each in probes if not (each.blurred and _is_noisy(base)))


def selftest(names: Sequence[str] | None = None, base: Config | None = None) -> Iterator[ProbeResult]:
    """Trains a small agent on each named probe, on all if none, and compares its values with the truth.

    `base` says which head, rule, sampler, n and kinds of torso and sync are tested, by default those of the preset
    "default".

    Raises:
        ConfigError: a name is no probe's, the rule or what is added to the loss learns other values, or it does not
            begin with nothing.
    """
    base = base or get("default")
    _check_known(base)
    probes = probes_for(base)
    known = {probe.name: probe for probe in probes}
    for name in names or ():
        if name not in known:
            raise ConfigError(f"unknown probe {name!r}; choose from {', '.join(known)}")
    chosen = probes if names is None else [known[name] for name in names]
    return (try_probe(probe, probe_config(base, probe)) for probe in chosen)


def _check_known(base: Config) -> None:
    """Raises ConfigError where the values that are learned are not the known ones."""
    other = "learns other values than those that are known"
    named = dict(leaves(base))
    if any(name.startswith("regularizer.") for name in named):
        kind, none = base.regularizer.kind, either("regularizer:none", "regularizer=NoRegularizer()")
        raise ConfigError(f"regularizer = {kind!r} adds to the loss, and so {other}: leave it out, or use {none}")
    if not base.learns_returns:
        plain = either("--rule.alpha 0 --rule.tau 0.001", "rule=Munchausen(alpha=0.0, tau=0.001)")
        way = f"test it without its bonus, {plain}" if "rule.alpha" in named else "test another rule"
        raise ConfigError(f"rule = {base.rule.kind!r} may add to rewards, and so {other}: {way}")
    recorded = "experience.source" in named
    if recorded or base.init.source is not None:
        given = f"experience = {base.experience.kind!r}" if recorded else "init.source"
        raise ConfigError(f"{given} is of another environment than the probes, which begin with nothing: leave it out")


def try_probe(probe: Probe, config: Config) -> ProbeResult:
    """Trains on one probe and reads what was learned."""
    began = time.perf_counter()
    system = assemble(config)
    try:
        for _ in system.events():
            pass
        got = _values(system.learner.online, system.spec, probe)
    finally:
        system.close()
    expected = np.array(probe.q, float)
    passed = bool(np.all(np.abs(got - expected) <= probe.tolerance))
    seconds = time.perf_counter() - began
    return ProbeResult(probe.name, probe.says, expected, got, probe.tolerance, passed, seconds)


def _values(network: QNetwork, spec: EnvSpec, probe: Probe) -> np.ndarray:
    """What the network thinks of every state, [S, A], when it first meets it on the way from a start by action 0."""
    actor, seen = make_actor(network), spec.prepare(probe.obs)
    found = np.full((len(probe.table), spec.num_actions), np.nan)
    for start in probe.starts:
        state: int | None = start
        while state is not None and np.isnan(found[state]).any():
            first = np.array([state == start])
            found[state] = actor(seen[state : state + 1], first)[0] * network.reward_scale
            state = probe.table[state][0].to
    return found
