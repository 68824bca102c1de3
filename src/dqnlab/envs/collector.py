"""Collecting: steps the environments with a policy and hands out blocks of n-step transitions."""

import copy
import warnings
from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

import numpy as np

from ..errors import CheckpointError, EnvironmentFault, counted
from ..learn.episode import Episode
from ..learn.nstep import NStep, StepResult
from ..learn.policy import Policy
from ..learn.schedules import Schedule
from ..learn.types import Block, ObsSpec
from .guard import EnvironmentHangs
from .infos import MOST_NAMES, Names, Numbers
from .once import Topic, is_news
from .vector import Envs, SerialEnvs


class Starts(NamedTuple):
    """Where environments start with seeds of our own: at the very beginning, and after cuts."""

    seeds: Callable[[int], list[int]]  # how many cuts there were -> one seed per env
    cut_every: int | None  # env steps, where the environments' state cannot be saved; none for never


class Collector:
    """An endless source of experience.

    Where the state of the environments cannot be saved, a run can only be continued exactly from moments that
    nothing leans on: *cuts*, at which the open episodes are truncated and the environments made anew. A run that
    nobody interrupts makes the same cuts (`cut_due`). Where the environments are lent to the judge, a cut follows too.
    """

    def __init__(self, envs: Envs, obs: ObsSpec, policy: Policy, epsilon: Schedule, fold: NStep, starts: Starts):
        self.envs = envs
        self.policy = policy
        self.epsilon = epsilon
        self.steps = self.episodes = 0
        self.cut_due = False
        """whether the next block is a cut"""
        self._anew = False  # whether that cut makes the environments anew; else it only resets them
        self.at_cut: Callable[[], object] = lambda: None
        """whoever else keeps environments closes them here: what is made after a cut is as fresh as in a resumed run"""
        self._spec = obs
        self._fold = fold
        self._starts = starts
        self._cuts = 0
        self.obs = envs.reset(starts.seeds(0))
        """what the environments show now, [E, *obs_shape]"""
        self._time = 0
        self._first = np.ones(envs.num_envs, bool)  # whose latest observation begins an episode
        self._unshown = True  # whether that reset, or the one of a cut, is still to be handed over
        self._resting = np.zeros(envs.num_envs, bool)  # whose next step only resets
        self._num_resting = 0
        self._return = np.zeros(envs.num_envs)
        self._begun = np.zeros(envs.num_envs, int)  # when each episode took its first step
        self._names = Names()  # of the numbers that infos hold when episodes end
        self._said = set[Topic]()

    def __iter__(self) -> Iterator[Block]:
        while True:
            yield self.step()

    def step(self) -> Block:
        """Steps every env once, or cuts."""
        if self.cut_due:
            return self._cut()
        epsilon = self.epsilon(self.steps, self.episodes)
        action = self.policy(self.obs, self._first, epsilon)
        after, first = self.envs.step(action), self._resting  # after a reset an episode begins
        transitions = self._fold(StepResult(action, after.reward, after.terminated, after.truncated, ~first))
        frames, begins = self._spec.newest(after.next_obs)[None], first[None]
        paid = self._fold.paid(after.reward)
        paid = None if paid is None else paid[None]
        if self._unshown:
            frames = np.concatenate([self._spec.newest(self.obs)[None], frames])
            begins = np.concatenate([self._first[None], begins])
            paid = None if paid is None else np.concatenate([np.zeros_like(paid), paid])
            self._unshown = False
        self._time += 1
        self._return += after.reward  # a reset pays nothing
        steps = self.envs.num_envs - self._num_resting
        self._resting = after.terminated | after.truncated
        episodes = [self._finish(i, after.numbers.get(i, {})) for i in self._resting.nonzero()[0].tolist()]
        self.obs = after.next_obs
        self._first = first
        self._num_resting = len(episodes)
        every = self._starts.cut_every
        self._anew = every is not None and (self.steps + steps) // every > self.steps // every and self.cuts
        self.cut_due = self._anew
        self.steps += steps
        self.episodes += len(episodes)
        share, state = self.policy.share(epsilon), self.policy.actor.state
        return Block(frames, begins, transitions, episodes, steps, share, state=state, paid=paid)

    @property
    def cuts(self) -> bool:
        """Whether it ever cuts."""
        return self._starts.cut_every is not None and not self.envs.restorable

    @property
    def ahead(self) -> int:
        """How many env steps the next block will have; after a cut, which has none, the one that follows it."""
        return self.envs.num_envs - (0 if self.cut_due else self._num_resting)

    @property
    def level(self) -> Literal["A", "B", "C"]:
        """What a state of this moment says of the environments (docs/design/0005).

        A: all. B: nothing, and a cut comes next, so that nothing leans on them. C: nothing, in mid-episode.
        """
        return "A" if self.envs.restorable else "B" if self._anew else "C"

    def lend(self, num: int) -> SerialEnvs:
        """The first `num` environments, to play whole episodes in; what was going on in them is cut then."""
        assert isinstance(self.envs, SerialEnvs)  # so are all that are counted
        self.cut_due = True
        return self.envs.lend(num)

    def close(self) -> None:
        """Closes the environments."""
        self.envs.close()

    def _cut(self) -> Block:
        """Truncates what is open and begins anew; nobody is told of these episodes, for they have no true return."""
        transitions = self._fold.cut()
        self.policy.known = None
        self._cuts += 1
        self.cut_due = False
        self._unshown = True
        seeds = self._starts.seeds(self._cuts)
        if self._anew:
            self._anew = False
            self.at_cut()
            self.obs = self.envs.remake(seeds)
        else:
            self.obs = self.envs.reset(seeds)
        self._first = np.ones(self.envs.num_envs, bool)
        self._return[:] = 0.0
        self._begun[:] = self._time
        self._resting[:] = False
        self._num_resting = 0
        nothing = self._spec.newest(self.obs)[None][:0]
        first = np.ones((0, self.envs.num_envs), bool)
        share = self.policy.share(self.epsilon(self.steps, self.episodes))
        return Block(nothing, first, transitions, [], 0, share)

    def state_dict(self) -> dict[str, Any]:
        """A copy. Without the environments' own state if that cannot be saved: then a cut must come first."""
        state = {
            "steps": self.steps,
            "episodes": self.episodes,
            "cuts": self._cuts,
            "cut_due": self.cut_due,
            "time": self._time,
            "obs": self.obs,
            "first": self._first,
            "unshown": self._unshown,
            "resting": self._resting,
            "return": self._return,
            "begun": self._begun,
            "names": self._names.known,
            "fold": self._fold.state_dict(),
            "policy": self.policy.state_dict(),
            "envs": self._saved_envs(),
        }
        return copy.deepcopy(state)

    def _saved_envs(self) -> dict[str, Any] | None:
        """Their own state. One that fails to give it, after it once did, counts as one that cannot from here on."""
        if not self.envs.restorable:
            return None
        try:
            return self.envs.state_dict()
        except EnvironmentHangs:
            raise
        except (CheckpointError, EnvironmentFault) as e:
            warnings.warn(f"{e}: from here on, checkpoints truncate unfinished episodes", stacklevel=2)
            self.envs.restorable = False
            return None

    def load_state_dict(self, state: dict[str, Any]) -> None:
        state = copy.deepcopy(state)
        self._fold.load_state_dict(state["fold"])
        self.policy.load_state_dict(state["policy"])
        if state["envs"] is not None:
            self.envs.load_state_dict(state["envs"])
        self.steps = state["steps"]
        self.episodes = state["episodes"]
        self._time = state["time"]
        self._cuts = state["cuts"]
        self._anew = state["envs"] is None
        self._unshown = state["unshown"]
        self.cut_due = state["cut_due"] or self._anew
        self.obs = state["obs"]
        self._return = state["return"]
        self._begun = state["begun"]
        self._names = Names(state.get("names", ()))  # unknown to earlier versions
        self._first, self._resting = state["first"], state["resting"]
        self._num_resting = int(self._resting.sum())

    def _finish(self, i: int, said: Numbers) -> Episode:
        numbers = self._names.kept(said)
        if len(numbers) < len(said) and is_news(("info", "numbers"), self._said):
            left = next(name for name in said if name not in numbers)
            warnings.warn(
                f"infos hold more than {counted(MOST_NAMES, 'number')} at the end of episodes: {left!r} "
                "is not recorded, nor is what else comes after the first ones",
                stacklevel=2,
            )
        episode = Episode(float(self._return[i]), int(self._time - self._begun[i]), numbers)
        self._return[i], self._begun[i] = 0.0, self._time + 1  # the next step only resets
        return episode
