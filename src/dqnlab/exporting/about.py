"""What the user of an exported agent has to know, as text that stands at the head of its program."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from .._version import __version__
from ..config import Env
from ..envs.make import EnvSpec
from ..errors import counted
from ..learn.types import ObsPart
from ..store.agent import Agent, part_text
from ..trust import clean
from .portable import state_size
from .states import OwnTypes

WIDTH = 100
MOST_LISTED = 40  # actions
FIRST = "  {sign} first: act then remembers obs"


@dataclass(frozen=True)
class About:
    """Of an agent: where it is from, what it takes and what it gives."""

    env: str
    """the label of its environment"""
    run: str
    """the name of its run; nothing if it is of none"""
    spec: EnvSpec
    names: tuple[str, ...]
    """of its actions"""
    outside: tuple[str, ...]
    """what is done to observations before they reach the agent, in order"""
    state: int
    """R: how many numbers it remembers"""
    given: OwnTypes
    """the types of its observations"""

    @property
    def inputs(self) -> int:
        """How many numbers an observation has, with its mask."""
        return math.prod(self.spec.obs.shape)

    @property
    def parts(self) -> tuple[ObsPart, ...]:
        """The parts of its observations; none if they have but one."""
        return self.spec.obs.parts

    @property
    def has_mask(self) -> bool:
        """Whether each observation comes with the actions that are allowed."""
        return self.spec.obs.mask is not None

    @property
    def title(self) -> str:
        """One line: what it is."""
        of_run = f", run {self.run}" if self.run else ""
        return f"An agent for {self.env}, trained by dqnlab {__version__}{of_run}."

    def paragraphs(self) -> list[str]:
        """The title, what it takes and what it gives."""
        return [self.title, self._takes(), *self._before(), self._gives()]

    @property
    def asks_for_mask(self) -> bool:
        """Whether whoever uses it has to pass on the actions that are allowed: they are not in the observation."""
        return self.has_mask and not self.given.is_mask_inside

    def text(self, usage: Sequence[str]) -> list[str]:
        """All of it as lines, with an example of how it is used."""
        lines = list[str]()
        for each in self.paragraphs():
            lines += [*textwrap.wrap(each, WIDTH, break_long_words=False), ""]
        return [*map(_harmless, lines), *usage]

    def _takes(self) -> str:
        obs = self.spec.obs
        if self.parts:
            own = [part._replace(dtype=dtype) for part, dtype in zip(self.parts, self.given.types, strict=True)]
            listed = "; ".join(part_text(part) if part.path else f"obs {part_text(part)}" for part in own)
            beside = "In it, as action_mask" if self.given.is_mask_inside else "Beside it"
            mask = f" {beside}, which actions are allowed: a number for each, 1 or 0." if self.has_mask else ""
            text = f"An observation has {counted(len(self.parts), 'part')}: {listed}.{mask}"
        elif obs.num_states is not None:
            low = self.spec.obs_start
            text = f"An observation is the number of a state, {low} to {low + obs.num_states - 1}."
        else:
            text = f"An observation has the shape {obs.shape}, of {self.given.types[0]}."
        scaled = "" if obs.scale == 1 else f" It is divided by {obs.scale:g} in here."
        remembers = f" {counted(self.state, 'number')} of what it has seen since an episode began are remembered."
        return text + scaled + (remembers if self.state else "")

    def _before(self) -> list[str]:
        if not self.outside:
            return ["Observations are taken as the environment gives them: whatever is done to them is done in here."]
        return [f"Not done in here, but by wrappers of the environment, in this order: {', then '.join(self.outside)}."]

    def _gives(self) -> str:
        spec = self.spec
        numbered = [(spec.action_text(i), name) for i, name in enumerate(self.names[:MOST_LISTED])]
        shown = [number if number == name else f"{number} = {name}" for number, name in numbered]
        more = f", and {counted(spec.num_actions - MOST_LISTED, 'other')}" if spec.num_actions > MOST_LISTED else ""
        actions = ", ".join(shown) + more if self.names else counted(spec.num_actions, "action")
        masked = " Forbidden ones are worth minus infinity and never chosen; of a mask that allows none the first is."
        masked = masked if self.has_mask else ""
        joint = ""
        if spec.joint is not None:
            joint = f" Each is a combination of components with {' x '.join(map(str, spec.joint.sizes))} choices."
        return f"Values are expected returns, one for each action: {actions}.{joint}{masked}"


def about_agent(agent: Agent, run: str, names: Sequence[str], given: OwnTypes) -> About:
    """What is known of an agent, the names of its actions and the types of its observations."""
    spec, env = agent.spec, agent.config.env
    return About(clean(env.label), clean(run), spec, tuple(names), outside(env), state_size(agent.network), given)


def outside(env: Env) -> tuple[str, ...]:
    """What an environment's own settings do to observations, which is no part of the network."""
    done = [clean(each if isinstance(each, str) else each.__name__) for each in env.wrappers]
    if env.gray:
        done.append("pictures made grey (0.299 red + 0.587 green + 0.114 blue)")
    if env.resize:
        done.append(f"pictures made {' x '.join(map(str, env.resize))} by means over areas")
    if env.frame_stack > 1:
        done.append(f"the latest {counted(env.frame_stack, 'observation')} stacked, the oldest first")
    return tuple(done)


_ENDS = {"\\": "/", "*/": "* /", "/*": "/ *", '"""': "'''", "</": "< /", "<!": "< !"}
"""what ends a comment, of one of the languages or of a page around it, and what is written instead"""


def _harmless(line: str) -> str:
    """A line of a comment that no name in it can end: a stranger may have chosen it."""
    for sign, instead in _ENDS.items():
        line = line.replace(sign, instead)
    return line
