"""A run while it lives: everything that it consists of, assembled and driven."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..build import make_collector, make_epsilon, make_layout, make_learner, make_memory, make_network, sketch_network
from ..config import Config
from ..config.fields import leaves
from ..config.presets import Planned, plan
from ..config.typed import door
from ..custom import try_update
from ..device import arithmetic, available_memory, cache_folder, choose_memory, resolve_device
from ..envs.collector import Collector
from ..envs.make import EnvSpec
from ..envs.offline import Clock
from ..envs.once import said_once
from ..envs.open import open_envs
from ..envs.place import named_with_place
from ..envs.recordings import Recordings
from ..envs.remote import Pacing, Remote
from ..envs.seeds import generator
from ..envs.trial import ENOUGH, sample_observations
from ..envs.vector import Envs
from ..envs.workers import WorkerEnvs
from ..errors import ConfigError, ResourceError, counted, either
from ..learn.demonstrations import OfflineMemory
from ..learn.fast.compiled import CompileError
from ..learn.fast.stack import Stack
from ..learn.layout import Layout
from ..learn.learner import Learner, Update
from ..learn.memory import Memory
from ..learn.networks import QNetwork
from ..learn.sequences import SequenceLayout
from ..learn.types import Sample
from ..settle import recordings_of, settle, settle_epsilon
from ..store.initial import Initial, read_initial
from .collecting import newest_of
from .evaluate import Asks, Evaluator
from .events import Event, Updated
from .judge import Judge, Rules
from .rays import RayHands
from .remarks import Remark, remarks
from .train import Loop, Period, Plan, Progress, run, train

APART = "the replay does not fit on the device of the networks"
SHARE = 0.8  # of the free memory, for a replay that is advised
FLOAT_BYTES = 4
WEIGHT_BYTES = 28  # float32 in three networks, two gradients and Adam's two running means

Notify = Callable[[str], None]
"""Takes a line for the user."""

Updater = Callable[[Mapping[int, Sample]], Mapping[int, Update]]
"""Answers samples, by the number of the system that asks, with their updates."""

say: Notify = logging.getLogger("dqnlab").warning


class Begun(NamedTuple):
    """What the networks of a run began with, and the parts of it that fitted."""

    initial: Initial
    parts: list[str]
    config: Config

    @property
    def says(self) -> str:
        """It in a line, for the user."""
        return self.initial.says(self.parts, self.config)

    @property
    def facts(self) -> dict[str, Any]:
        """It as the files of the run say it."""
        return {"source": self.initial.source, "sha256": self.initial.sha256, "parts": self.parts}


@dataclass
class System:
    """Everything that one run consists of while it lives."""

    config: Config
    spec: EnvSpec
    collector: Collector | Clock | Remote
    memory: Memory
    learner: Learner
    judge: Judge
    plan: Plan
    progress: Progress
    told: tuple[str, ...] = ()
    """what it starts from, in lines for the user"""
    begun: Begun | None = None
    """what its networks began with, if it was not by chance"""
    stack: int = 1
    """how many systems share one compiled update, this one included"""
    _closed: bool = field(default=False, init=False)

    def loop(self) -> Loop:
        """The training loop, which waits for its updates."""
        return train(self.collector, self.memory, self.learner, self.judge, self.plan, self.progress)

    def events(self, update: Updater | None = None, notify: Notify = say) -> Iterator[Event]:
        """Trains alone; each event comes after the state it speaks of has changed.

        Args:
            update: how samples are answered, if that has been prepared.

        Raises:
            ConfigError: a part of one's own ended the program.
        """
        update = update or make_update([self], notify)
        try:
            for event in run(self.loop(), lambda sample: update({0: sample})[0]):
                yield self._with_delay(event)
        except SystemExit as e:
            raise ConfigError(
                f"training was ended by {named_with_place(e)}, which means to end the program: a part that cannot go "
                "on should raise an error that says why"
            ) from e

    def _with_delay(self, event: Event) -> Event:
        """The event, with how old the weights are that collectors elsewhere act by, if there are any."""
        if isinstance(event, Updated) and isinstance(self.collector, Remote):
            return replace(event, updates_behind=self.collector.updates_behind())
        return event

    def listen(self, asks: Asks) -> None:
        """Lets judging, and waiting for collectors, be left once `asks` says so."""
        self.judge.evaluator.asks = asks
        if isinstance(self.collector, Remote):
            self.collector.listen(asks)

    @property
    def is_between(self) -> bool:
        """Whether what ended the loop came between two blocks, so that a checkpoint of now is whole."""
        return isinstance(self.collector, Remote) and self.collector.is_between and self.progress.now.steps > 0

    @property
    def notes(self) -> list[str]:
        """What somebody who reads the result should know."""
        return [*self.memory.facts().notes, *(self.collector.notes if isinstance(self.collector, Remote) else ())]

    def state_dict(self) -> dict[str, Any]:
        """Everything that decides how the run continues, except the rows of the memory (`Memory.logs`)."""
        return {name: part.state_dict() for name, part in self._parts().items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continues as the run would whose state this is. Call it before the update is prepared (`make_update`)."""
        for name, part in self._parts().items():
            part.load_state_dict(state[name])

    def _parts(self) -> dict[str, Any]:
        names = ("collector", "memory", "learner", "judge", "progress")
        return {name: getattr(self, name) for name in names}

    def close(self) -> None:
        """Closes the environments; a second time does nothing."""
        if self._closed:
            return
        self._closed = True
        with ExitStack() as stack:  # the judge's too if those of training do not answer
            stack.callback(self.judge.evaluator.close)
            self.collector.close()


@door
def events(config: Planned) -> Iterator[Event]:
    """Trains as configured and yields what happens; leaves nothing on disk. Stop by leaving the iteration.

    As that may be any moment, the update is compiled only where the configuration says `compile="on"`.

    Args:
        config: what to train, as in `dqnlab.train`.

    Yields:
        The events of `dqnlab.run.events`, in the order in which they happen; `BlockEnded` is when all agrees.

    Raises:
        ConfigError, EnvironmentFault, ResourceError: at the first event, if the run cannot start.
        NumericsError: a loss or weight is no finite number.
    """
    planned = plan(config)
    return _events(planned if planned.compile == "on" else replace(planned, compile="off"))


def _events(config: Config) -> Iterator[Event]:
    with said_once():
        system = assemble(config)
        try:
            with arithmetic(config.threads):
                yield from system.events()
        finally:
            system.close()


def assemble(config: Config, home: Path | None = None) -> System:
    """Builds a run. Raises ConfigError, EnvironmentFault or ResourceError before anything has been written.

    Args:
        home: the folder of a run that has begun, where what it began with is kept.
    """
    initial = read_initial(config.init, home)
    spec, envs = open_envs(config.env)
    try:
        device = resolve_device(config.device)
        recordings = recordings_of(config, spec)
        layout, place = place_memory(config, spec, device, recordings)
        config = settle(config, spec, envs, recordings)
        learner, scratch = make_learner(config, spec, device), make_network(config, spec).to(device)
        try_update(config, learner, spec.num_actions)
        memory = make_memory(config, layout, place, learner.online, recordings)
        begun = None
        if initial is not None:
            config = replace(config, init=replace(config.init, sha256=initial.sha256))
            begun = Begun(initial, initial.give([learner.online, learner.target], config), config)
        if config.normalize_obs and (begun is None or "encode" not in begun.parts):
            learner.refresh(_first_seen(memory, envs, spec))
        collector = make_source(config, spec, envs, learner)
        system = System(
            config,
            spec,
            collector,
            memory,
            learner,
            make_judge(config, spec, scratch, collector),
            make_plan(config),
            Progress(),
            told_of(config, begun, recordings),
            begun,
        )
        collector.at_cut = system.judge.evaluator.close
        system.judge.evaluator.make_first()
        return system
    except BaseException:
        envs.close()
        raise


def told_of(config: Config, begun: Begun | None, recordings: Recordings | None) -> tuple[str, ...]:
    """What a run starts from, if it is not nothing."""
    begins = () if begun is None else (begun.says,)
    if recordings is None:
        return begins
    return (*begins, recordings.says(dict(leaves(config))["experience.source"], config.env.label))


def _first_seen(memory: Memory, envs: Envs, spec: EnvSpec) -> Tensor:
    """Observations [N, *obs_shape] of what is to be learned from: recorded ones, or those of random play."""
    if isinstance(memory, OfflineMemory):
        return memory.observations(ENOUGH, generator(0, "scale"))
    return torch.from_numpy(sample_observations(envs, spec))


def place_memory(
    config: Config, spec: EnvSpec, device: torch.device, recordings: Recordings | None = None
) -> tuple[Layout | SequenceLayout, torch.device]:
    """How the replay is laid out, and where. Raises ResourceError if it or the networks do not fit."""
    with torch.device("meta"):  # where tensors have shapes and take no memory
        weights = sum(p.numel() for p in sketch_network(config, spec).parameters())
    seen = counted(spec.obs.num_states, "state") if spec.obs.num_states else f"observations {spec.obs.shape}"
    size = dict(leaves(config)).get("torso.hidden", config.torso.kind)
    what = f"a network with torso.hidden = {size} for {seen}"
    choose_memory(weights * WEIGHT_BYTES, torch.device("cpu"), what)
    layout = make_layout(config, spec)
    batch = 2 * config.batch_size * math.prod(spec.obs.shape) * FLOAT_BYTES  # where it was, and where it led
    recorded = 0 if recordings is None else 2 * recordings.num_bytes  # as they were read, and as they are learned from
    others = weights * WEIGHT_BYTES + batch + recorded
    if config.is_offline:
        return layout, choose_memory(others, device, f"experience.source = {counted(recorded, 'byte')}")
    try:
        if "replay_capacity" in config.absent:
            return layout, choose_memory(layout.num_bytes, device, f"a rollout of {config.memory_size:,}", others)
        return layout, choose_memory(layout.num_bytes, device, f"replay_capacity = {layout.capacity:,}", others)
    except ResourceError as e:
        raise ResourceError(f"{e}{_what_fits(config, spec, layout, others)}") from None


def _what_fits(config: Config, spec: EnvSpec, layout: Layout | SequenceLayout, others: int) -> str:
    """How far a replay that does not fit is to be lowered, and how else it becomes smaller, as the end of a message."""
    fits = int(max(SHARE * available_memory() - others, 0) / (layout.num_bytes / layout.capacity))
    fits -= fits % 10 ** max(len(str(fits)) - 2, 0)  # two digits of it
    least = max(config.learning_starts, config.batch_size)
    advised = fits >= least and "replay_capacity" not in config.absent
    enough = f", {either(f'--replay-capacity {fits}', f'replay_capacity={fits}')}" if advised else ""
    of_bytes = spec.obs.dtype == np.uint8 and not spec.obs.parts and len(spec.obs.frame_shape) in (2, 3)
    resized = either("--env.resize 84", "Env(resize=(84, 84))")
    is_large = of_bytes and min(spec.obs.frame_shape[:2]) > 84 and not config.env.resize
    return f"{enough}; or make pictures smaller: {resized}" if is_large else enough


def make_update(systems: Sequence[System], notify: Notify = say) -> Updater:
    """How samples of the systems, by index, are answered: by one compiled update of all if chosen, else one by one.

    Where compiling fails, `notify` is told so, and the systems' configurations say that nothing was compiled.
    """

    def plain(samples: Mapping[int, Sample]) -> dict[int, Update]:
        return {i: systems[i].learner.update(systems[i].memory.batch(sample)) for i, sample in samples.items()}

    def uncompiled(why: str) -> Updater:
        notify(f"the update runs uncompiled: {why}")
        for system in systems:
            system.config = replace(system.config, compile="off")
        return plain

    if systems[0].config.compile == "off":
        return plain
    if systems[0].memory.tensors[0].device != systems[0].learner.device:
        return uncompiled(APART)
    if len(systems) > 1:  # each had room alone
        needed = sum(system.memory.num_bytes for system in systems)
        choose_memory(needed, systems[0].learner.device, f"the replay of {counted(len(systems), 'seed')} at once")
    try:
        learners, memories = [each.learner for each in systems], [each.memory for each in systems]
        stack = Stack(learners, memories, players(systems), cache_folder(), notify)
    except CompileError as e:
        return uncompiled(str(e))
    for system in systems:
        system.stack = len(systems)
    return stack.update


def players(systems: Sequence[System]) -> list[Collector]:
    """The players whose next observations a compiled update also values: all of them, or none.

    None where acting needs more than a look at it: random numbers, or a memory of what was seen.
    """
    found = [each.collector for each in systems if isinstance(each.collector, Collector)]
    if any(each.learner.online.is_random for each in systems) or any(each.policy.actor.remembers for each in found):
        return []
    return found


def make_source(config: Config, spec: EnvSpec, envs: Envs, learner: Learner) -> Collector | Clock | Remote:
    """Where experience comes from: these environments, collectors in other processes, or nowhere."""
    wanted = config.collectors
    if not wanted.num:
        return make_collector(config, spec, envs, learner.online)
    pacing = Pacing(
        num=wanted.num,
        in_flight=wanted.in_flight,
        weights_every=wanted.weights_every,
        in_turn=wanted.order == "asked",
    )
    return Remote(envs, RayHands(config, spec), pacing, newest_of(learner))


def make_judge(config: Config, spec: EnvSpec, scratch: QNetwork, collector: Collector | Clock | Remote) -> Judge:
    """The judge, with a network of its own, and environments of its own if there is room for any."""
    rules = Rules(
        config.seed,
        config.select_episodes,
        config.confirm_episodes,
        config.score_episodes,
        spec.reward_threshold,
        config.stop_when_solved,
    )
    copies, training = config.env.copies, config.env.num_envs
    most = None if copies is None else copies - training or training  # with none left, those of training
    lend = collector.lend if copies == training else None
    if isinstance(collector.envs, WorkerEnvs):
        lend = collector.envs.lend
    evaluator = Evaluator(config.env, spec, config.gamma, most, lend, config.reward_clip)
    return Judge(evaluator, scratch, rules)


def make_plan(config: Config) -> Plan:
    """When things happen."""
    return Plan(
        Period(config.budget.kind, config.budget.num),
        Period(config.evaluate_every.kind, config.evaluate_every.num),
        config.metrics_every,
    )


def make_remarks(config: Config, spec: EnvSpec) -> list[Remark]:
    """What to say of a run before it begins."""
    return remarks(config, spec, make_plan(config), make_epsilon(settle_epsilon(config)))
