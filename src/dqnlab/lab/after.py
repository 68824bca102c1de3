"""What comes after the score: the film, the curves, the page. Each may fail, and each can be made later."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ..config import Config
from ..config.custom import modules_in
from ..config.toml import as_dict
from ..device import arithmetic
from ..envs.make import describe
from ..envs.seeds import env_seeds
from ..envs.watchdog import watched
from ..explain import report
from ..run import film
from ..run.evaluate import Evaluator, score_of
from ..store.agent import Agent, load
from ..store.folder import META, METRICS, VIDEOS, Run
from ..store.reading import read_env
from ..track import curves
from ..track.jsonl import lacks_rows
from .unfinished import INTERRUPTED, STEPS, ended, lacking, longer, save, stopped, why


@dataclass(frozen=True)
class After:
    """Makes what comes after the score, from what lies in the run's folder."""

    config: Config
    """with the environment, which a file may not be able to hold"""
    say: Callable[[str], None] = lambda line: None
    """told what is being made"""
    asks: Callable[[], bool] = lambda: False
    """whether somebody wants to stop, where signals are somebody else's affair"""

    def make(self, run: Run) -> Run:
        """Makes each unfinished step. One that fails ends as a note; Ctrl-C leaves it and the others for later."""
        for name in run.unfinished:
            began = time.perf_counter()
            try:
                if not STEPS[name].says_itself:
                    self._announce(name)
                changes, reason = _MAKERS[name](self, run), ""
            except KeyboardInterrupt as error:
                return stopped(run, error)
            except BaseException as e:  # whatever an environment, a library or the disk raises, the result stands
                changes, reason = {}, why(e)
            changes["seconds"] = longer(run, STEPS[name].phase, time.perf_counter() - began)
            run = save(ended(replace(run, **changes), name, reason))
        return run

    def _announce(self, name: str) -> None:
        self.say(f"{STEPS[name].doing} …")

    def _agent(self, run: Run) -> Agent:
        return load(run.folder, env=self.config.env, trust_env_modules=self._own())

    def _own(self) -> set[str]:
        """The modules of parts of one's own, which the run itself has used."""
        return set(modules_in(as_dict(self.config)))

    def _score_registered(self, run: Run) -> dict[str, Any]:
        """The network's score under the step limit that its environment is registered with, if it has another one."""
        agent = self._agent(run)
        env = replace(agent.env_config(), max_episode_steps=None)
        spec = describe(env)
        if spec.own_limit or spec.max_episode_steps == agent.env_config().max_episode_steps:
            return {}
        self._announce("score_registered")
        evaluator = Evaluator(env, spec, agent.config.gamma, env.copies)
        evaluator.asks = self.asks
        try:
            seeds = env_seeds(agent.config.seed, "confirm-2", agent.config.score_episodes)
            return {"score_registered": score_of(evaluator.play(agent.actor(), seeds))}
        finally:
            evaluator.close()

    def _film(self, run: Run) -> dict[str, Any]:
        wanted = self.config.film
        how = {"episodes": wanted.episodes, "max_seconds": wanted.max_seconds, "seed": self.config.seed}
        begins = partial(self._announce, "film")
        film.record(self._agent(run), run.folder / VIDEOS, **how, name="best", begins=begins)
        return {}

    def _curves(self, run: Run) -> dict[str, Any]:
        curves.draw_curves(run.folder, read_env(run.folder / META)["reward_threshold"])
        return {}

    def _page(self, run: Run) -> dict[str, Any]:
        """The page; what is bad about the run's health, or that it made no progress, becomes notes."""
        written = report.write_report(run, self.config.env, self._own())
        said = zip(written.findings, written.verdicts, strict=True)
        bad = [verdict for finding, verdict in said if finding.severity == "bad" or finding.kind == "not-learning"]
        return {"notes": [*run.notes, *(line for line in bad if line not in run.notes)]}


# Each returns what it changes of the run.
_MAKERS: dict[str, Callable[[After, Run], dict[str, Any]]] = {
    "score_registered": After._score_registered,
    "film": After._film,
    "curves": After._curves,
    "page": After._page,
}


def finish(run: Run, config: Config, say: Callable[[str], None] = lambda line: None) -> Run:
    """Makes what is lacking of a run that has a result."""
    notes = [line for line in run.notes if not line.startswith(INTERRUPTED)]
    if not run.imported and lacks_rows(run.folder / METRICS, run.env_steps, 0, run.evaluations or 0):
        lost = f"{METRICS} lacks rows of this run: the curves and the verdicts on its health are incomplete"
        say(lost)
        notes = [*(line for line in notes if not line.startswith(METRICS)), lost]
    run = replace(run, unfinished=lacking(run), signal=None, notes=notes)
    with watched(config.env.timeout), arithmetic(config.threads):
        return After(config, say).make(run)
