"""What training would be like: the network, the memory, and roughly how long it takes."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, cast

import torch

from ...build import make_collector, sketch_network
from ...config import Config
from ...config.fields import leaves
from ...device import arithmetic, available_memory, find_compiler, resolve_device
from ...envs.make import EnvSpec
from ...envs.remote import Remote
from ...errors import counted
from ...learn.encoder import Encoder
from ...learn.extractors import Extractor
from ...learn.types import ObsSpec
from ...run.evaluate import SIDE_BY_SIDE
from ...run.system import APART, System, assemble, make_plan, place_memory
from ...run.train import Period
from ...settle import choose_convs, pace, recordings_of, should_compile, waits

PATIENCE = 0.4  # seconds for each of two measurements
LAST_RESORT = 5.0  # seconds after which a slow environment need not even fill one transition
COMPILED_SHARE = 3.0  # how many times as fast a compiled update of a small network may be
COMPILING = 15.0  # seconds
BESIDE = ("torso", "layers", "norm", "stream", "head")  # axes of which a kind other than the plain one is named
ON_THE_PAGE = 8  # episodes that are played side by side for it


@dataclass(frozen=True)
class Makings:
    """How often an environment is made in a run, and for what."""

    training: int
    judging: int
    rounds: int
    """how often both are made: at the start, and at each checkpoint if the environment cannot be saved"""
    film: int
    page: int

    @property
    def total(self) -> int:
        """All together."""
        return self.rounds * (self.training + self.judging) + self.film + self.page


@dataclass(frozen=True)
class Forecast:
    """What `dqn train` would do with an environment."""

    preset: str
    layers: tuple[int, ...]
    """numbers that go in, units of each hidden layer on the way, actions"""
    pictures: tuple[str, ...]
    """what convolutions look at, and which"""
    parameters: int
    stored: str
    """an observation in the replay"""
    replay_transitions: int
    replay_least: int
    """how many of them if every episode lasts one step"""
    replay_bytes: int
    free_bytes: int
    compiled: bool
    num_envs: int
    budget: str
    parts: tuple[str, ...] = ()
    """what else the network is made of, as `stream:dueling`"""
    obstacle: str | None = None
    """why the update will not be compiled although that would pay"""
    reward_scale: float | None = None
    """what rewards are divided by before learning; none if it was not measured"""
    microseconds_per_step: float | None = None
    """collecting one env step: acting, stepping, storing; none if it was not measured"""
    microseconds_per_update: float | None = None
    """uncompiled"""
    seconds: tuple[float, float] | None = None
    """of the whole budget, judging and making included: with episodes as long as random ones, and with longest ones"""
    makings: Makings | None = None
    """how often the environment is made, at the least; none if it was not timed"""


class Costs(NamedTuple):
    """Seconds, and what was found on the way."""

    step: float
    update: float
    reward_scale: float
    make: float = 0.0
    """one copy of the environment"""
    cuts: bool = False
    """whether all copies are made anew at every checkpoint"""


def describe_training(config: Config, spec: EnvSpec) -> Forecast:
    """What needs no measuring. Raises ResourceError if network or replay do not fit into memory."""
    free = available_memory()
    device = resolve_device(config.device)
    recordings = recordings_of(config, spec)
    layout, memory = place_memory(config, spec, device, recordings)
    own = 0 if config.is_offline else 1
    recorded, recorded_bytes = (0, 0) if recordings is None else (recordings.num_steps, recordings.num_bytes)
    pays = should_compile(config, spec.obs)
    obstacle = _obstacle(memory, device) if pays else None
    network = sketch_network(config, spec)
    settings, plain = dict(leaves(config)), dict(leaves(Config()))
    frame = f"{spec.obs.dtype} {spec.obs.shape}" if spec.obs.num_states is None else "int64, one-hot for the network"
    units = [network.torso.width] if "torso.hidden" not in settings or config.remembers else []
    hidden = (*settings.get("torso.hidden", ()), *units, *settings.get("stream.hidden", ()))
    if spec.obs.parts:
        frame = f"one row of {counted(spec.obs.shape[0], 'number')}, {spec.obs.dtype}"
    return Forecast(
        preset=config.preset,
        layers=(network.encode.width, *hidden, spec.num_actions),
        parts=tuple(f"{axis}:{settings[axis]}" for axis in BESIDE if settings[axis] != plain[axis]),
        pictures=tuple(_pictures(config, spec.obs, network.encode)),
        parameters=sum(p.numel() for p in network.parameters()),
        stored=frame,
        replay_transitions=own * config.memory_size + recorded,
        replay_least=own * layout.least + recorded,
        replay_bytes=own * layout.num_bytes + recorded_bytes,
        free_bytes=free,
        compiled=pays and obstacle is None,
        num_envs=config.env.num_envs,
        budget=f"{config.budget.num:,} {make_plan(config).budget.unit}",
        obstacle=obstacle,
    )


def _pictures(config: Config, obs: ObsSpec, encode: Encoder) -> Iterator[str]:
    """`image, 84 x 84 pixels with 4 channels, by conv nature: 3,136 features`."""
    for number, (kind, picture) in choose_convs(config, obs).items():
        name = obs.parts[number].name if obs.parts else ""
        height, width = picture.sides
        what = f"{height} x {width} pixels with {counted(picture.channels, 'channel')}, by conv {kind}"
        features = cast(Extractor, encode.extractors[str(number)]).width
        yield f"{f'{name}, ' if name else ''}{what}: {counted(features, 'feature')}"


def _obstacle(memory: torch.device, device: torch.device) -> str | None:
    """What keeps an update from being compiled here."""
    if memory != device:
        return APART
    name, compiler = find_compiler()
    return None if compiler else f"there is no C++ compiler here ({name})"


def measure(config: Config) -> Costs:
    """What a step and an update cost in a run like this one, as short as possible.

    Raises:
        EnvironmentFault: the environment failed meanwhile.
    """
    steps = max(config.n, dict(leaves(config)).get("torso.unroll", 0))
    least = max(config.batch_size, steps * config.env.num_envs)
    small = min(config.replay_capacity, max(least, 2_000))  # the memory need not be touched as a whole
    sizes = {"replay_capacity": small, "learning_starts": config.batch_size}
    absent = () if config.is_offline else config.absent
    apply: dict[str, Any] = {name: size for name, size in sizes.items() if name not in absent}
    trial = config.from_nothing(**apply, compile="off")  # which costs as much, and steps the environment
    system = assemble(trial)
    scale = system.learner.online.reward_scale
    collector = system.collector
    if isinstance(collector, Remote):  # what a step costs one of them; none is started
        collector = make_collector(system.config, system.spec, collector.envs, system.learner.online)
    try:
        with arithmetic(config.threads):
            begun, seconds = time.perf_counter(), 0.0
            while seconds < PATIENCE or (system.memory.facts().size == 0 and seconds < LAST_RESORT):
                system.memory.add(collector.step())
                seconds = time.perf_counter() - begun
            step = seconds / max(collector.steps, 1)
            if system.memory.facts().size == 0:
                return Costs(step, 0.0, scale)  # nothing beside such an environment
            return Costs(step, _update_seconds(system), scale)
    finally:
        system.close()


def _update_seconds(system: System) -> float:
    """Of one uncompiled update with its sample."""

    def update() -> None:
        sample = system.memory.sample()
        learned = system.learner.update(system.memory.batch(sample))
        system.memory.update_priorities(sample.slots, learned.error)

    for _ in range(3):  # the first ones cost more
        update()
    begun = time.perf_counter()
    count = 0
    seconds = 0.0
    while seconds < PATIENCE:
        update()
        count, seconds = count + 1, time.perf_counter() - begun
    return seconds / count


def with_times(forecast: Forecast, config: Config, costs: Costs, length: float, limit: int) -> Forecast:
    """The forecast with its times.

    Args:
        length: env steps of a random episode.
        limit: env steps of the longest episode.
    """
    share = COMPILED_SHARE if forecast.compiled else 1.0
    low = _seconds(config, costs._replace(update=costs.update / share), length)
    high = _seconds(config, costs, limit) + (COMPILING if forecast.compiled else 0.0)
    step, update = costs.step * 1e6, costs.update * 1e6
    seconds = (min(low, high), max(low, high))
    times = {"microseconds_per_step": step, "microseconds_per_update": update, "seconds": seconds}
    made = makings(config, _steps(make_plan(config).budget, length), cuts=costs.cuts)
    return replace(forecast, reward_scale=costs.reward_scale, makings=made, **times)


def _seconds(config: Config, costs: Costs, length: float) -> float:
    """Of training and judging, if every episode takes `length` steps."""
    steps = _steps(make_plan(config).budget, length)
    every, row = pace(config)
    updates = max(steps - waits(config), 0.0) / every * row
    evaluations = 1 + steps / _steps(make_plan(config).evaluate_every, length)
    episodes = evaluations * config.select_episodes + 3 * config.confirm_episodes + config.score_episodes
    playing = (steps * (not config.is_offline) + episodes * length) * costs.step
    return playing + updates * costs.update + makings(config, steps, cuts=costs.cuts).total * costs.make


def makings(config: Config, steps: float, *, cuts: bool) -> Makings:
    """How often an environment is made in a run of this many env steps."""
    copies, training = config.env.copies, config.env.num_envs
    episodes = max(config.select_episodes, config.confirm_episodes, config.score_episodes)
    judging = min(SIDE_BY_SIDE, episodes, SIDE_BY_SIDE if copies is None else copies - training)
    every = config.checkpoint_every
    rounds = 1 + int((steps - 1) // every if cuts and every else 0)  # the checkpoint at the end cuts nothing
    page = min(ON_THE_PAGE, copies or ON_THE_PAGE) if config.explain else 0
    return Makings(training, judging, rounds, int(config.film.episodes > 0), page)


def _steps(period: Period, length: float) -> float:
    return period.num * (1.0 if period.unit == "steps" else length)
