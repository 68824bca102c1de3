"""What comes after the score: the film, the curves, the page. Each may fail, and each can be made later.

result.json is complete before the first of these steps and is written again after each. It names the steps that are
still to be made (`unfinished`) and those that failed, with the reason (`failed_steps`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config import Config
from ..errors import DqnlabError, FolderError, ResourceError, named, one_line
from ..store.find import read_run
from ..store.folder import META, VIDEOS, Run, write_result
from ..store.reading import read_env
from .interrupt import signal_of

if TYPE_CHECKING:
    from ..store.agent import Agent
    from ..store.score import Score

SHOWN = ("film", "page")  # the steps that only the best of many seeds gets
LONGEST_REASON = 300  # letters of a note: encoders send a page of their own


def steps(config: Config, run: Run, *, show: bool) -> tuple[str, ...]:
    """The steps that the configuration asks for after this result, in their order.

    Args:
        show: whether to film and explain it.
    """
    scored = run.score is not None
    wanted = {
        "score_registered": scored and config.env.max_episode_steps is not None and isinstance(config.env.id, str),
        "film": scored and show and config.film.episodes > 0,
        "curves": True,
        "page": scored and show and config.explain,
    }
    return tuple(name for name, asked in wanted.items() if asked)


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
                changes, reason = STEPS[name].make(self, run), ""
            except KeyboardInterrupt as error:
                return stopped(run, error)
            except BaseException as e:  # whatever an environment, a library or the disk raises, the result stands
                changes, reason = {}, why(e)
            changes["seconds"] = _longer(run, STEPS[name].phase, time.perf_counter() - began)
            run = save(ended(replace(run, **changes), name, reason))
        return run

    def _announce(self, name: str) -> None:
        self.say(f"{STEPS[name].doing} …")

    def _agent(self, run: Run) -> Agent:
        from ..store.agent import load

        return load(run.folder, env=self.config.env)

    def _score_registered(self, run: Run) -> dict[str, Any]:
        """The network's score under the step limit that its environment is registered with."""
        return {"score_registered": _play_registered(self._agent(run), self.asks)}

    def _film(self, run: Run) -> dict[str, Any]:
        from ..run.film import record

        film = self.config.film
        how = {"episodes": film.episodes, "max_seconds": film.max_seconds, "seed": self.config.seed}
        begins = partial(self._announce, "film")
        record(self._agent(run), run.folder / VIDEOS, **how, name="best", begins=begins)
        return {}

    def _curves(self, run: Run) -> dict[str, Any]:
        from ..track.curves import draw_curves

        draw_curves(run.folder, read_env(run.folder / META)["reward_threshold"])
        return {}

    def _page(self, run: Run) -> dict[str, Any]:
        """The page; what is bad about the run's health, or that it made no progress, becomes notes."""
        from ..explain.report import write_report

        report = write_report(run, self.config.env)
        said = zip(report.findings, report.verdicts, strict=True)
        bad = [verdict for finding, verdict in said if finding.severity == "bad" or finding.kind == "not-learning"]
        return {"notes": [*run.notes, *(line for line in bad if line not in run.notes)]}


@dataclass(frozen=True)
class Step:
    """One of the steps after the score."""

    what: str
    """what there is none of if it fails"""
    doing: str
    phase: str
    """which seconds it takes"""
    make: Callable[[After, Run], dict[str, Any]]
    """returns what it changes of the run"""
    says_itself: bool = False
    """whether only `make` knows that there is something to announce"""


STEPS = {
    "score_registered": Step(
        "score under the registered step limit", "playing without the step limit", "confirm", After._score_registered
    ),
    "film": Step("film", "filming the best network", "film", After._film, says_itself=True),
    "curves": Step("curves", "drawing the curves", "curves", After._curves),
    "page": Step("page", "writing the page", "page", After._page),
}


def ended(run: Run, name: str, reason: str = "") -> Run:
    """The run once a step was made, or has failed for a reason: what an earlier try left to say of it is forgotten."""
    failed = {other: said for other, said in run.failed_steps.items() if other != name}
    start = f"no {STEPS[name].what}: "
    notes = [line for line in run.notes if not line.startswith(start)]
    if reason:
        failed[name] = reason
        notes.append(start + reason)
    left = [other for other in run.unfinished if other != name]
    return replace(run, failed_steps=failed, notes=notes, unfinished=left)


def stopped(run: Run, error: KeyboardInterrupt) -> Run:
    """The run when somebody did not want to wait for what was still to be made."""
    left = " and ".join(STEPS[name].what for name in run.unfinished)
    return save(replace(run, signal=run.signal or signal_of(error), notes=[*run.notes, f"interrupted before: {left}"]))


def save(run: Run) -> Run:
    """Writes result.json once more; if that fails the first one stands, and it is a note."""
    try:
        write_result(run)
    except ResourceError as e:
        return replace(run, notes=[*run.notes, why(e)])
    return run


def lacking(run: Run) -> list[str]:
    """The steps that were left or have failed, in their order."""
    return [name for name in STEPS if name in run.unfinished or name in run.failed_steps]


def finish(run: Run, config: Config, say: Callable[[str], None] = lambda line: None) -> Run:
    """Makes what is lacking of a run that has a result."""
    from ..device import arithmetic
    from ..envs.watchdog import watched

    notes = [line for line in run.notes if not line.startswith("interrupted before: ")]
    run = replace(run, unfinished=lacking(run), signal=None, notes=notes)
    with watched(config.env.timeout), arithmetic(config.threads):
        return After(config, say).make(run)


def settle(folder: Path, name: str) -> None:
    """Takes note in result.json that a command has made a step which was lacking."""
    try:
        run = read_run(folder)
    except FolderError:  # there is no result yet, or none that can be read: nothing says that the step is lacking
        return
    if name in lacking(run):
        write_result(ended(run, name))


def why(error: BaseException) -> str:
    """What an error says, in one line."""
    text = one_line(str(error)) if isinstance(error, DqnlabError | OSError) else ""
    text = text or named(error)
    return text if len(text) <= LONGEST_REASON else text[: LONGEST_REASON - 1] + "…"


def _longer(run: Run, phase: str, seconds: float) -> dict[str, float]:
    """The run's seconds with so many more of a phase."""
    more = {phase: run.seconds.get(phase, 0.0) + seconds, "total": run.seconds.get("total", 0.0) + seconds}
    return {**run.seconds, **{name: round(value, 3) for name, value in more.items()}}


def _play_registered(agent: Agent, asks: Callable[[], bool]) -> Score:
    from ..envs.make import describe
    from ..envs.seeds import env_seeds
    from ..run.evaluate import Evaluator, score_of

    config = agent.config
    env = replace(agent.env_config(), max_episode_steps=None)
    evaluator = Evaluator(env, describe(env), config.gamma, env.copies)
    evaluator.asks = asks
    try:
        return score_of(evaluator.play(agent.q_function, env_seeds(config.seed, "confirm-2", config.score_episodes)))
    finally:
        evaluator.close()
