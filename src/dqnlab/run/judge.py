"""Which network is best, and how good it really is.

Three disjoint streams of seeds keep the answer honest. Looking often and keeping the maximum flatters
(*select*), so whoever looks solved must hold on fresh episodes (*confirm-1*), and the one that is taken
home plays a hundred that nothing was ever chosen by (*confirm-2*): that mean is the score.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from ..config import Env
from ..envs.infos import means
from ..envs.make import EnvSpec
from ..envs.seeds import env_seeds
from ..learn.networks import QNetwork
from ..learn.policy import make_actor
from ..learn.weights import export_weights, import_weights
from ..store.interval import no_spread, over_episodes
from ..store.score import Score
from .evaluate import Evaluator, Outcome, score_of
from .events import Confirmed, Evaluated

LEADERS = 3  # candidates that meet again at the end
AGAIN = 2**31  # added to the draw of the episodes that equal returns are tested by once more


class Rules(NamedTuple):
    """How the judge works."""

    seed: int
    select_episodes: int
    confirm_episodes: int
    score_episodes: int
    threshold: float | None  # mean return that counts as solved
    confirm_early: bool  # test a candidate at once when it looks solved


@dataclass
class Candidate:
    """A network as it was when it was evaluated."""

    step: int
    weights: Mapping[str, Tensor]
    selected: float  # mean return on the select seeds: biased upwards for whoever leads
    fresh: list[float] = field(default_factory=list)  # returns of all the episodes that did not choose it
    passed: bool = False  # held on fresh episodes

    @property
    def rank(self) -> tuple[bool, float, int]:
        """Larger is better: fresh episodes count if there are any; of equals the later one has learned more."""
        return self.passed, float(np.mean(self.fresh)) if self.fresh else self.selected, self.step


@dataclass(frozen=True)
class Verdict:
    """The end of the judging."""

    winner: Candidate
    score: Score
    solved: bool | None  # None where nobody knows what solved means
    attempts: int  # how often a candidate was tested early


@dataclass
class Judge:
    """Evaluates networks during training, remembers the leaders, decides at the end.

    Each of these raises Left where its evaluator's `asks` says so; `select` and `confirm` have then changed nothing.
    """

    evaluator: Evaluator
    scratch: QNetwork
    """a network of its own, into which candidates are loaded"""
    rules: Rules
    best: float = -np.inf
    attempts: int = 0
    evaluations: int = 0
    leaders: list[Candidate] = field(default_factory=list)
    candidate: Candidate | None = None
    """the network evaluated last, if it looks solved and was not tested yet"""
    seconds: dict[str, float] = field(default_factory=lambda: {"evaluate": 0.0, "confirm": 0.0})

    def select(self, network: QNetwork, step: int) -> Evaluated:
        """Plays the select episodes, the same starts each time."""
        outcome = self._play(network, env_seeds(self.rules.seed, "select", self.rules.select_episodes), "evaluate")
        mean = float(outcome.returns.mean())
        self.evaluations += 1
        is_best, self.best = mean > self.best, max(mean, self.best)
        self.candidate = Candidate(step, export_weights(network), mean)
        self._rank(self.candidate)
        if not (self.rules.confirm_early and self.rules.threshold is not None and mean >= self.rules.threshold):
            self.candidate = None
        returns = tuple(outcome.returns.tolist())
        value = float(outcome.value.mean()) * network.reward_scale
        discounted = float(outcome.discounted.mean())
        return Evaluated(step, returns, mean, is_best, self.best, value, discounted, means(outcome.numbers))

    def confirm(self, step: int) -> Confirmed:
        """Tests the candidate on fresh episodes, different ones at each attempt.

        It passes if the whole 95 % interval of its mean lies above the threshold: a mean alone would
        stop training for many a network whose score then falls short. Returns that are all the same have no
        interval, and mean little: who fails once in 20 episodes succeeds in 50 of 50 one time in 13. As many
        episodes again have to be like them, or leave the interval of all above the threshold.
        """
        candidate, threshold = self.candidate, self.rules.threshold
        assert candidate is not None, "nobody to confirm"
        assert threshold is not None
        attempt = self.attempts + 1
        returns = self._fresh(candidate, draw=attempt)
        if no_spread(returns) and returns.mean() >= threshold:
            returns = np.concatenate([returns, self._fresh(candidate, draw=AGAIN + attempt)])
        self.attempts, self.candidate = attempt, None  # only now, for the episodes may be left
        candidate.fresh += returns.tolist()
        mean = float(returns.mean())
        low = over_episodes(returns).low
        candidate.passed = (mean if low is None else low) >= threshold
        self._rank(candidate)
        return Confirmed(step, self.attempts, tuple(returns.tolist()), mean, candidate.passed)

    def decide(self) -> Verdict:
        """Lets the leaders compete on fresh episodes; the one that then ranks first wins, and gets its score.

        The network that `scratch` holds afterwards is the winner.
        """
        # Whoever passed ranks above whoever did not, whatever these episodes say; one alone has nobody to meet.
        contenders = [candidate for candidate in self.leaders if candidate.passed] or self.leaders
        if len(contenders) > 1:
            for candidate in contenders:
                candidate.fresh += self._fresh(candidate, draw=0).tolist()
        winner = max(contenders, key=lambda candidate: candidate.rank)
        last = env_seeds(self.rules.seed, "confirm-2", self.rules.score_episodes)
        score = score_of(self._play_candidate(winner, last))
        solved = None if self.rules.threshold is None else score.mean >= self.rules.threshold
        return Verdict(winner, score, solved, self.attempts)

    def state_dict(self) -> dict[str, Any]:
        """What it knows; the clocks are left out."""
        return {
            "best": self.best,
            "attempts": self.attempts,
            "evaluations": self.evaluations,
            "leaders": [asdict(each) for each in self.leaders],
            "candidate": None if self.candidate is None else asdict(self.candidate),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.best, self.attempts = state["best"], state["attempts"]
        self.leaders = [Candidate(**each) for each in state["leaders"]]
        self.evaluations = state.get("evaluations", 0)  # unknown to earlier versions
        self.candidate = None if state["candidate"] is None else Candidate(**state["candidate"])
        if self.candidate is not None:  # it may be one of the leaders
            self.candidate = next((c for c in self.leaders if c.step == self.candidate.step), self.candidate)

    def _rank(self, candidate: Candidate) -> None:
        others = [c for c in self.leaders if c is not candidate]
        self.leaders = sorted([*others, candidate], key=lambda c: c.rank, reverse=True)[:LEADERS]

    def _fresh(self, candidate: Candidate, draw: int) -> np.ndarray:
        """The returns of confirming episodes; another `draw` gives other ones."""
        seeds = env_seeds(self.rules.seed, "confirm-1", self.rules.confirm_episodes, draw)
        return self._play_candidate(candidate, seeds).returns

    def _play_candidate(self, candidate: Candidate, seeds: list[int]) -> Outcome:
        import_weights(self.scratch, candidate.weights)
        return self._play(self.scratch, seeds, "confirm")

    def _play(self, network: QNetwork, seeds: list[int], phase: str) -> Outcome:
        start = time.perf_counter()
        try:
            return self.evaluator.play(make_actor(network), seeds)
        finally:
            self.seconds[phase] += time.perf_counter() - start


def threshold_verdict(score: Score, env: Env, spec: EnvSpec) -> tuple[bool | None, str]:
    """Whether a score solves an environment, as far as that can be said, and what there is to say of its threshold."""
    says = spec.threshold_says
    if spec.reward_threshold is None:
        return None, says
    registered = env.reward_threshold is None
    if registered and score.own_limit is not None and score.cut:  # of episodes that go on nobody knows the return
        return None, f"{says}, but {score.cut_says} at dqnlab's own limit"
    return score.mean >= spec.reward_threshold, says
