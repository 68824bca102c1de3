"""The running numbers of one training, as a display needs them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..config import Config
from ..errors import counted
from ..run.events import BlockEnded, Commanded, Confirmed, EpisodeEnded, Evaluated, Event
from ..store.digits import number
from .ahead import SHOWING
from .text import duration

_WINDOW = 3.0  # seconds over which speeds are measured
_LAPS = 3  # evaluations whose pace is taken for that of what is left: episodes may have grown longer since the start
_FEW = 20  # env steps that tell no pace: what is made once, such as a compiled program, takes most of their time
_LEADERS = 3  # that meet again at the end


@dataclass(frozen=True, kw_only=True)
class RunInfo:
    """What a display says of a run that its settings do not."""

    folder: Path | None = None
    threshold: float | None = None  # mean return that counts as solved
    device: str = "cpu"
    parameters: int = 0  # of the online network
    replay_bytes: int = 0  # that a full replay takes
    at: tuple[int, int, int] = (0, 0, 0)  # steps, episodes and updates before, of a run that is taken up again


class Tally:
    """Counts events and answers what a person asks: how far, how fast, how good."""

    def __init__(
        self, config: Config, threshold: float | None, clock: Callable[[], float], at: tuple[int, int, int] = (0, 0, 0)
    ) -> None:
        """`at`: the steps, episodes and updates of a run that is resumed."""
        self.config = config
        self.threshold = threshold
        step, episodes, updates = at
        self.block = BlockEnded(step, episodes, updates, epsilon=1.0)
        self.returns: deque[float] = deque(maxlen=40)
        self.judged: list[float] = []  # mean of each evaluation
        self.best: float | None = None
        self.confirmed: Confirmed | None = None
        self.ended = False
        self._clock = clock
        self._begun = clock()
        self._marks: deque[tuple[float, int, int]] = deque([(self._begun, step, updates)])  # time, steps, updates
        self._used = self.done[0]  # of the budget, before
        self._start = step
        self._lengths: deque[int] = deque(maxlen=40)
        self._acting: float | None = None  # seconds of an env step while nothing was learned yet
        self._episode: float | None = None  # seconds of an evaluated one, lately
        self._heard = self._begun  # when the latest event came
        self._laps: deque[tuple[float, int, int]] = deque([(self._begun, self._used, step)], maxlen=_LAPS)

    def take(self, event: Event) -> None:
        """Takes note of an event."""
        before = self._heard
        self._heard = self._clock()
        if type(event) is BlockEnded:  # by far the most frequent
            first, self.block = self.block.step == self._start, event
            if first and self.config.collectors.num:  # which had to start
                self._restart()
        elif isinstance(event, EpisodeEnded):
            self.returns.append(event.ret)
            self._lengths.append(event.length)
        elif isinstance(event, Evaluated):
            if self._start > 0 and self.block.step - self._start < _FEW:
                self._restart()
            self._laps.append((self._heard, self.done[0], self.block.step))
            self._episode = (self._heard - before) / max(len(event.returns), 1) or self._episode
            self.judged.append(event.mean)
            self.best = event.best_mean
        elif isinstance(event, Commanded) and event.command != "pause":
            self._restart()  # until now it may have stood still
        elif isinstance(event, Confirmed):
            self.confirmed = event

    def _restart(self) -> None:
        """Lets paces begin here: until now it was mostly something else that took time."""
        self._marks = deque([(self._heard, self.block.step, self.block.updates)])
        self._laps = deque([(self._heard, self.done[0], self.block.step)], maxlen=_LAPS)

    def mark(self) -> None:
        """Notes the time if training has advanced, so that speeds are those of the last seconds of training."""
        if self.block.step == self._marks[-1][1]:
            return
        now = self._clock()
        first = self._marks[0]
        if self.block.updates == first[2]:
            self._acting = (now - first[0]) / (self.block.step - first[1])
        self._marks.append((now, self.block.step, self.block.updates))
        while len(self._marks) > 2 and now - self._marks[1][0] > _WINDOW:
            self._marks.popleft()

    @property
    def elapsed(self) -> float:
        """Seconds from the start to the last mark."""
        return self._marks[-1][0] - self._begun

    @property
    def done(self) -> tuple[int, int]:
        """How many steps or episodes of the budget are used, and how many it has."""
        budget = self.config.budget
        used = {"steps": self.block.step, "episodes": self.block.episodes}
        return used[budget.kind], budget.num

    @property
    def unit(self) -> str:
        """What the budget counts."""
        return self.config.budget.kind

    @property
    def speeds(self) -> tuple[float, float]:
        """Env steps and updates per second, lately."""
        (then, steps, updates), (now, steps_now, updates_now) = self._marks[0], self._marks[-1]
        span = max(now - then, 1e-9)
        return (steps_now - steps) / span, (updates_now - updates) / span

    @property
    def seconds_left(self) -> float | None:
        """Roughly, until the budget is used at the latest pace and all is judged, filmed and explained.

        None while there is no pace, and at the end.
        """
        used, whole = self.done
        then, before, step = next((lap for lap in self._laps if lap[1] < used), (0.0, used, 0))
        if self.ended or used == before:
            return None
        spent = max(self._marks[-1][0] - then, 0.0)
        training = spent * (whole - used) / (used - before)
        leaders = _LEADERS if used < whole else len(self.judged)
        return training + self._judging(spent / max(self.block.step - step, 1), leaders) + self._showing

    @property
    def seconds_of_judging(self) -> float | None:
        """Roughly, until all is judged, once training is over; none if nothing was judged yet."""
        return None if self._episode is None else self._judging(0.0, len(self.judged))

    def _judging(self, pace: float, leaders: int) -> float:
        """Seconds of judging at the end, as an episode took in the latest evaluation: acting costs less than learning.

        Before the first one, of episodes as long as the latest ones, at the pace of acting alone where that is known.

        Args:
            pace: seconds of an env step of training.
            leaders: how many may meet; one alone has nobody to.
        """
        meeting = min(leaders, _LEADERS) if leaders > 1 else 0
        episodes = meeting * self.config.confirm_episodes + self.config.score_episodes
        if self._episode is not None:
            return episodes * self._episode
        steps = episodes * sum(self._lengths) / max(len(self._lengths), 1)
        return steps * (pace if self._acting is None else min(pace, self._acting))

    @property
    def _showing(self) -> float:
        """Seconds for film and page."""
        return SHOWING * ((self.config.film.episodes > 0) + self.config.explain)

    def telling(self, event: Event, waited: float) -> bool:
        """Whether the event deserves a line of its own, `waited` seconds after the last one."""
        return isinstance(event, Confirmed) or (isinstance(event, Evaluated) and (event.best or waited >= 1.0))

    def line(self, event: Event) -> str:
        """One plain line about now, and about the event if it is a judgement."""
        used, whole = self.done
        parts = [f"{used:>9,} of {whole:,} {self.unit}", f"epsilon {self.block.epsilon:.2f}"]
        if isinstance(event, Confirmed):
            verdict = "passed" if event.passed else "not yet"
            episodes = counted(len(event.returns), "fresh episode")
            parts.append(f"confirming on {episodes}: {number(event.mean, self.threshold)}, {verdict}")
        elif self.judged:
            beside = (self.judged[-1], self.best, self.threshold)
            goal = f", solved at {number(self.threshold, *beside)}" if self.threshold is not None else ""
            parts.append(f"evaluated {number(self.judged[-1], *beside)} (best {number(self.best, *beside)}{goal})")
        elif self.returns:
            parts.append(f"last return {number(self.returns[-1])}")
        if len(self._marks) > 1:
            parts.append(f"{self.speeds[0]:,.0f} steps/s")
        left = self.seconds_left
        return "  ".join(parts if left is None else [*parts, f"about {duration(left)} left, judging included"])
