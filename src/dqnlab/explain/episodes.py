"""Greedy episodes of the best network, recorded with all that the page shows, within bounds that count.

Nothing here looks at a clock: the same networks give the same recording, however busy the machine is.
"""

from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

import numpy as np

from ..envs.frames import Camera
from ..envs.guard import EnvironmentHangs
from ..envs.make import AnyEnv, close_all, make_one
from ..envs.rollout import RolloutStep, Watched, rollout
from ..envs.seeds import env_seeds, generator
from ..envs.vector import SerialEnvs
from ..errors import EnvironmentFault
from ..learn.networks import QNetwork
from ..learn.policy import Actor
from ..learn.types import ObsSpec
from ..run.film import quiet_pygame
from .few import few
from .frames import FrameLimits, Frames, Strip, brightness, encode_strip, strip_of
from .looks import Looks, looks
from .outlook import Outlook, outlook
from .world import Scene, World, state_of, terrain_of

Ended = Literal["terminated", "truncated", "cut"]
MOST_UNITS = 64  # whose memory is kept
AT_ONCE = 512  # observations that a network is asked about at once


class Networks(NamedTuple):
    """The three networks as actors; None for one that is not there."""

    best: Actor
    online: Actor | None
    target: Actor | None
    network: QNetwork | None = None
    """the best one itself; none if it has to remember what it saw, or is not to be looked into"""
    units: int = 0  # of the best one, if it remembers: how many of the numbers that it remembers it hands on


@dataclass(frozen=True)
class Limits:
    """What recording may take."""

    episodes: int = 8
    """played side by side"""
    drawn: int = 4
    """played where images show them"""
    kept: int = 3
    """in all; those with a label always are"""
    steps: int = 1_000
    """per episode; what is still playing then is cut"""
    memory: int = 64_000_000
    """bytes of observations while playing"""
    size: int = 130_000
    """bytes kept beside images and observations that are images; beyond it only those with a label are kept"""
    obs_size: int = 800_000
    """bytes of observations kept; beyond it none are, and only images show what was seen"""
    outlook: int = 60_000
    """bytes of what returns are expected of actions, beyond which only every so many steps are kept"""
    looks: int = 800_000
    """bytes of how the network looks at pictures, as they stand in the page; beyond it fewer moments are kept"""
    frames: FrameLimits = field(default_factory=FrameLimits)


class Recorded(NamedTuple):
    """One episode of T steps."""

    seed: int
    ret: float  # sum of rewards
    length: int  # T
    ended: Ended
    obs: np.ndarray | None  # [T, *obs_shape] float32, uint8 or int32; None if too large
    action: np.ndarray  # [T]
    reward: np.ndarray  # [T] float32
    q: dict[str, np.ndarray | None]  # best, online, target -> [T, A] float32
    coin: np.ndarray  # [T] float32 in [0, 1): below epsilon, exploration would have overruled the action
    state: np.ndarray | None  # [T, S] float64, the physics' own
    frames: Frames | None
    terrain: list[list[float]] | None  # of the lunar lander: corners of the ground
    outlook: Outlook | None = None  # of the best network
    looks: Looks | None = None  # likewise
    memory: np.ndarray | None = None  # [T, U] int8, what the best network remembers after each step, -1 to 1 as ±127

    def data(self) -> dict[str, Any]:
        """As the page's data name it."""
        kept = self._asdict()
        parts = {
            "frames": None if self.frames is None else self.frames._asdict(),
            "outlook": None if self.outlook is None else self.outlook._asdict(),
            "looks": None if self.looks is None else self.looks.data(),
        }
        same = {"seed": kept.pop("seed"), "return": kept.pop("ret")}
        return {**same, **kept, "q": few(self.q), **parts}


class Recording(NamedTuple):
    """The episodes that were kept, and which of them is what."""

    episodes: list[Recorded]
    labels: dict[str, int]  # usual (of a middle return), longest, worst, best -> index


def record_episodes(
    networks: Networks, scene: Scene, seed: int, limits: Limits | None = None, middle: float | None = None
) -> Recording:
    """Plays greedy episodes with seeds that nothing else uses, keeps the telling ones; raises as `play_episodes`.

    Args:
        middle: the return in the middle of more episodes than are played here, where it is known.
    """
    limits = limits or Limits()
    played = play_episodes(networks, scene, seed, limits)
    takes, labels = choose([take for take, _ in played], limits, middle)
    strips = {take.seed: strip for take, strip in played}
    return Recording(with_all([(take, strips[take.seed]) for take in takes], networks, scene, seed, limits), labels)


def play_episodes(networks: Networks, scene: Scene, seed: int, limits: Limits) -> list[tuple[Recorded, Strip | None]]:
    """Greedy episodes of the best network, each with what its environment drew; their seeds are those of `seed`.

    Side by side, or group by group where copies are counted. The scene's own environment is closed afterwards.

    Raises:
        EnvironmentFault: the environment broke its contract. One that hangs is left to `watched`.
    """
    env, spec, world, first = scene
    renders = world.params.get("source") == "render"
    seeds = env_seeds(seed, "explain", limits.drawn if world.kind == "frames" else limits.episodes)
    at_once = min(len(seeds), env.copies or len(seeds))
    takes: list[Recorded] = []
    strips: list[Strip | None] = []
    made = [] if first is None else [first]
    with quiet_pygame() if renders else nullcontext(), ExitStack() as stack:
        stack.callback(close_all, made, env.label)
        mode = None if not renders else "rgb_array" if first is None else first.render_mode
        while len(made) < at_once:
            made.append(make_one(env, mode))
        limits = replace(limits, memory=limits.memory * at_once // len(seeds))
        while len(takes) < len(seeds):
            group = seeds[len(takes) : len(takes) + at_once]
            stage = _Stage(world, spec.obs, len(group), limits)
            stage.units = min(networks.units, MOST_UNITS)
            stage.cameras = [Camera(each, env.label) for each in made]
            envs = SerialEnvs(made[: len(group)], spec, env.label, autoreset=False)
            with envs.playing("for the page", len(takes) + 1):
                stage.play(envs, made[: len(group)], networks.best, group)
            takes += [stage.take(e, start) for e, start in enumerate(group)]
            strips += stage.strips
    return list(zip(takes, strips, strict=True))


def with_all(
    played: Sequence[tuple[Recorded, Strip | None]], networks: Networks, scene: Scene, seed: int, limits: Limits
) -> list[Recorded]:
    """Played episodes with all that the page shows of them; `seed` draws their coins."""
    takes, strips = [take for take, _ in played], [strip for _, strip in played]
    spec, world = scene.spec, scene.world
    rng = generator(seed, "explain")
    room = Allowance(limits.outlook // len(takes), limits.looks // len(takes))
    kept = [_asked(take, networks, spec.obs, rng, room) for take in takes]
    share = limits.frames.size // len(kept)
    bright = brightness([spec.obs.newest(each.obs) for each in kept if each.obs is not None], spec.obs.scale)
    for i, episode in enumerate(kept):
        strip = strips[i]
        if world.params.get("source") == "observation" and episode.obs is not None:
            strip = strip_of(spec.obs.newest(episode.obs), bright, limits.frames, len(kept))
        kept[i] = episode._replace(frames=encode_strip(strip, share))
    if sum(e.obs.nbytes for e in kept if e.obs is not None) > limits.obs_size:
        kept = [e._replace(obs=None) for e in kept]
    return kept


def choose(
    takes: Sequence[Recorded], limits: Limits, middle: float | None = None
) -> tuple[list[Recorded], dict[str, int]]:
    """The episodes worth keeping, those with a label first, and the index that each label got.

    `middle` is the return of the usual one; that in the middle of these if none.
    """
    returns, lengths = [e.ret for e in takes], [e.length for e in takes]
    away = [0.0 if middle is None else abs(ret - middle) for ret in returns]
    near = [i for i, far in enumerate(away) if far == min(away)]
    near.sort(key=lambda i: (returns[i], lengths[i]))
    wanted = {
        "usual": near[len(near) // 2],
        "longest": lengths.index(max(lengths)),
        "worst": returns.index(min(returns)),
        "best": returns.index(max(returns)),
    }
    order = list(dict.fromkeys(wanted.values()))
    size = sum(_size(takes[i]) for i in order)
    for i in [i for i in range(len(takes)) if i not in order][: max(limits.kept - len(order), 0)]:
        size += _size(takes[i])
        if size <= limits.size:
            order.append(i)
    return [takes[i] for i in order], {label: order.index(i) for label, i in wanted.items()}


def _size(take: Recorded) -> int:
    """Bytes, with the values of the two networks that are still to be asked."""
    values = take.q["best"]
    obs = take.obs if take.obs is not None and take.obs.ndim <= 2 else None
    arrays = (obs, take.action, take.reward, take.coin, take.state, take.memory, values, values, values)
    return sum(a.nbytes for a in arrays if a is not None)


class Allowance(NamedTuple):
    """Bytes that one episode may take."""

    outlook: int
    looks: int


def _asked(take: Recorded, networks: Networks, spec: ObsSpec, rng: np.random.Generator, room: Allowance) -> Recorded:
    """An episode with what the networks say to it, and with its coins; from here on to be shown only."""
    obs, q = take.obs, take.q["best"]
    assert obs is not None  # it is left out later
    assert q is not None
    network = networks.network
    expected = None if network is None else outlook(network, obs, q, room.outlook)
    looked = None if network is None else looks(network, obs, room.looks)
    values = {name: _values(getattr(networks, name), obs) for name in ("online", "target")}
    shown = _light(spec.in_env_numbers(obs))
    coin = rng.random(take.length, np.float32)
    return take._replace(obs=shown, q=take.q | values, coin=coin, outlook=expected, looks=looked)


def _values(actor: Actor | None, obs: np.ndarray) -> np.ndarray | None:
    """What an actor says along one episode [T, *obs_shape]: [T, A], many at once if it remembers nothing."""
    if actor is None:
        return None
    size = 1 if actor.remembers else AT_ONCE
    parts = [actor(obs[i : i + size], np.arange(i, min(i + size, len(obs))) == 0) for i in range(0, len(obs), size)]
    return np.concatenate(parts).astype(np.float32)


def _light(numbers: np.ndarray) -> np.ndarray:
    """The numbers in a type that the page reads: int64 becomes int32, bool uint8."""
    return numbers.astype({"i": np.int32, "b": np.uint8}.get(numbers.dtype.kind, numbers.dtype))


def _drawn(camera: Camera) -> np.ndarray | None:
    """What the environment draws; None if it cannot after all, for a report without images is better than none."""
    try:
        return camera()
    except EnvironmentHangs:
        raise
    except EnvironmentFault:
        return None


class _Stage:
    """Watches E episodes while they are played."""

    def __init__(self, world: World, obs: ObsSpec, num: int, limits: Limits):
        self._world = world
        self._obs = obs
        self._limits = limits
        self._steps: list[RolloutStep] = []
        self._states: list[list[np.ndarray]] = []
        self._terrain: list[list[list[float]] | None] = [None] * num
        self._playing = np.ones(num, bool)
        self._memory: list[np.ndarray] = []  # of each step, [E, U]
        self.units = 0
        self.cameras: list[Camera] = []
        renders = world.params.get("source") == "render"
        self.strips = [Strip(limits.frames, num) if renders else None for _ in range(num)]

    def play(self, envs: SerialEnvs, made: Sequence[AnyEnv], best: Actor, seeds: Sequence[int]) -> None:
        """Plays until all have ended, or a limit is reached."""
        limits, one = self._limits, self._obs.dtype.itemsize * int(np.prod(self._obs.shape))
        most = max(1, min(limits.steps, limits.memory // (one * len(seeds))))

        for step in rollout(envs, Watched(best, lambda: self._look(made)), seeds):
            self._steps.append(step)
            if best.state is not None:
                self._memory.append(best.state[:, : self.units])
            self._playing = step.playing & ~(step.terminated | step.truncated)
            if len(self._steps) == most:
                break

    def _look(self, made: Sequence[AnyEnv]) -> None:
        t = len(self._steps)
        states = [state_of(self._world.kind, env.unwrapped) for env in made]
        if all(state is not None for state in states):
            self._states.append([state for state in states if state is not None])
        if t == 0:
            self._terrain = [terrain_of(self._world.kind, env.unwrapped) for env in made]
        for e, strip in enumerate(self.strips):
            if strip is not None and self._playing[e] and strip.wants(t):
                strip.add(_drawn(self.cameras[e]))

    def _remembered(self, e: int, length: int) -> np.ndarray | None:
        if not self.units:
            return None
        return (127 * np.array([each[e] for each in self._memory[:length]])).round().astype(np.int8)

    def take(self, e: int, seed: int) -> Recorded:
        """Episode e, without what is added once it is kept."""
        steps = [s for s in self._steps if s.playing[e]]
        last, length = steps[-1], len(steps)
        reward = np.array([s.reward[e] for s in steps])
        q = np.array([s.q[e] for s in steps], np.float32)
        few = q.shape[1] <= 256
        return Recorded(
            seed=seed,
            ret=float(reward.sum()),
            length=length,
            ended="terminated" if last.terminated[e] else "truncated" if last.truncated[e] else "cut",
            obs=np.array([s.obs[e] for s in steps]),
            action=np.array([s.action[e] for s in steps], np.uint8 if few else np.int32),
            reward=reward.astype(np.float32),
            q={"best": q, "online": None, "target": None},
            coin=np.zeros(length, np.float32),
            state=np.array([s[e] for s in self._states[:length]], float) if self._states else None,
            frames=None,
            terrain=self._terrain[e],
            memory=self._remembered(e, length),
        )
