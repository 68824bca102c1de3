"""What an examination of an environment sees and finds: each thing once, with what to do about it."""

from dataclasses import dataclass, field
from typing import Literal

from ...errors import one_line
from ...run.film import DRAWING_MODES

Level = Literal["error", "warning", "note", "ok"]
LEVELS: tuple[Level, ...] = ("error", "warning", "note", "ok")  # the most important first


@dataclass(frozen=True)
class EnvFacts:
    """What was seen of an environment."""

    observation_space: str
    whole: bool
    """whether observations are announced as whole numbers of more than one bit"""
    action_space: str
    step_limit: int
    own_limit: bool
    """whether the limit is the environment's or the user's, not the one that dqnlab sets where there is none"""
    render_modes: tuple[str, ...]
    unknown_layer: str | None
    """the class whose state cannot be saved, and why"""
    steps: int = 0
    episodes: int = 0
    terminated: int = 0
    truncated: int = 0
    returns: dict[str, float] = field(default_factory=dict)
    lengths: dict[str, float] = field(default_factory=dict)
    rewards: dict[str, float] = field(default_factory=dict)
    observations: tuple[dict[str, float], ...] = ()
    """of each dimension, or of all together if there are many"""
    numbers: tuple[str, ...] = ()
    """what each dimension is called, where an observation has parts"""
    microseconds_per_step: float = 0.0
    microseconds_per_reset: float = 0.0
    seconds_to_make: float = 0.0

    @property
    def draws(self) -> bool:
        """Whether it promises images, of which a film can be made."""
        return not set(DRAWING_MODES).isdisjoint(self.render_modes)

    @property
    def cuts_itself(self) -> bool:
        """Whether it was seen to truncate episodes although nothing says that it has a limit."""
        return self.truncated > 0 and not self.own_limit and self.lengths["high"] < self.step_limit

    @property
    def longest(self) -> int:
        """Env steps of the longest episode to be expected.

        Where the environment has no limit, that is the longest one seen, unless dqnlab had to cut it.
        """
        return self.step_limit if self.own_limit or not self.lengths else int(self.lengths["high"])


@dataclass(frozen=True)
class EnvFinding:
    """One thing that was found.

    An error stops training. A warning does not, but the results suffer, or cannot be repeated. A note is worth
    knowing, and `ok` was looked at and is as it should be.
    """

    level: Level
    check: str
    """what was looked at, in a word"""
    what: str
    advice: str = ""
    """what to do about it"""


class Findings:
    """Gathers findings; of those with the same check and level it keeps the first."""

    strict = False
    """a contract tells it also of what training forgives"""

    def __init__(self) -> None:
        self.exit_code = 0
        """of the first error; 0 if there is none"""
        self._found: dict[tuple[Level, str], EnvFinding] = {}

    def error(self, check: str, what: str, advice: str = "", *, code: int = 3) -> None:
        """Training would stop here, with this exit code."""
        self._add("error", check, what, advice)
        self.exit_code = self.exit_code or code

    def warning(self, check: str, what: str, advice: str = "") -> None:
        """Training works, but not as it should."""
        self._add("warning", check, what, advice)

    def note(self, check: str, what: str, advice: str = "") -> None:
        """Worth knowing."""
        self._add("note", check, what, advice)

    def ok(self, check: str, what: str) -> None:
        """As it should be; forgotten where the same check has found anything else."""
        if not any(name == check for _, name in self._found):
            self._add("ok", check, what, "")

    def has_error(self, check: str) -> bool:
        """Whether this check has found an error."""
        return ("error", check) in self._found

    def sorted(self) -> tuple[EnvFinding, ...]:
        """All, the most important first, else in the order in which they came."""
        return tuple(sorted(self._found.values(), key=lambda each: LEVELS.index(each.level)))

    def _add(self, level: Level, check: str, what: str, advice: str) -> None:
        self._found.setdefault((level, check), EnvFinding(level, check, one_line(what), one_line(advice)))
