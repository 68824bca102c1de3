"""One experiment, from a configuration to a score, a folder and a film.

An `Experiment` is driven from outside: whoever runs the loop hands it each event, and says when it has ended.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ..config import Config
from ..errors import DqnlabError
from ..run.folder import BEST, VIDEOS, Run, create_folder, write_result, write_start
from ..toml import as_dict
from .interrupt import ctrl_c_waits

if TYPE_CHECKING:
    from ..build import System
    from ..run.agent import Agent
    from ..run.events import Event
    from ..run.judge import Verdict
    from ..run.keep import Keeper
    from ..run.score import Score
    from ..track.record import Recorder
    from .console import View

PHASES = ("import", "train", "evaluate", "confirm", "film", "report")


@dataclass
class Stopwatch:
    """Seconds by phase, from a clock that nobody sets."""

    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PHASES, 0.0))
    start: float = field(default_factory=time.perf_counter)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Adds the time spent inside to a phase."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - start

    def report(self) -> dict[str, float]:
        """Every phase and the total so far, rounded to milliseconds."""
        return {name: round(s, 3) for name, s in [*self.seconds.items(), ("total", time.perf_counter() - self.start)]}


class Request(Protocol):
    """Whoever may ask a loop to stop."""

    asked: bool


def train(
    config: Config,
    *,
    out: Path | None = None,
    runs: Path = Path("runs"),
    trackers: Sequence[str] = ("swanlab",),
    view: View | None = None,
    started: float | None = None,
) -> Run:
    """Trains, keeps the best network, judges and films it; everything lies in the run's folder.

    Args:
        out: the folder; a new one under `runs` if none.
        trackers: `swanlab`, `tensorboard` or `none`, beside metrics.jsonl, which is always written.
        view: shown every event while it happens.
        started: when the wait began, by time.perf_counter(); now if none.

    Returns:
        The run; `interrupted` if Ctrl-C ended it early.

    Raises:
        ConfigError, EnvironmentFault: before anything is written, if the run cannot start.
        DqnlabError: what stopped training later; what was learnt until then is saved.
    """
    from ..track.tracker import check_trackers

    watch = Stopwatch() if started is None else Stopwatch(start=started)
    check_trackers(trackers)
    from ..build import assemble, make_update
    from ..run.device import arithmetic

    watch.seconds["import"] = time.perf_counter() - watch.start
    system = assemble(config)
    try:
        with arithmetic(config.threads):
            system.update = make_update([system])  # before the folder, whose files say whether it was compiled
            experiment = open_experiment(system, create_folder(config, out, runs), trackers, view, watch)
            return conduct(experiment, ctrl_c_waits())
    finally:
        system.close()
        if view is not None:
            view.stop()


def open_experiment(
    system: System, folder: Path, trackers: Sequence[str], view: View | None, watch: Stopwatch
) -> Experiment:
    """An experiment with an empty folder, ready for the system's first event."""
    from ..run.keep import Keeper
    from ..run.seeds import generator
    from ..track.record import Recorder
    from ..track.tracker import About, open_trackers
    from .console import About as Shown

    config = system.config
    write_start(folder, config, system.spec, system.stack)
    keeper = Keeper(folder, system.learner, system.replay, config.batch_size, generator(config.seed, "record"))
    about = About(folder, config.env.label, as_dict(config), f"{config.preset}, seed {config.seed}")
    recorder = Recorder(about, open_trackers(trackers, about))
    if view is not None:
        parameters = sum(p.numel() for p in system.learner.online.parameters())
        device = system.learner.device.type
        threshold, memory = system.spec.reward_threshold, system.replay.layout.num_bytes
        about_run = Shown(folder=folder, threshold=threshold, device=device, parameters=parameters, replay_bytes=memory)
        view.start(config, about_run)
    return Experiment(system, folder, keeper, recorder, watch, view)


def conduct(experiment: Experiment, waiting: AbstractContextManager[Request], *, film: bool = True) -> Run:
    """Drives one experiment by its own system's events, to the end or until a request to stop."""
    start = time.perf_counter()
    interrupted = True
    try:
        with waiting as request:
            interrupted = _feed(experiment, request)
    except KeyboardInterrupt:
        pass  # somebody insisted: not even the block was finished
    except Exception:
        experiment.fail(time.perf_counter() - start)
        raise
    return experiment.conclude(time.perf_counter() - start, interrupted=interrupted, film=film)


def _feed(experiment: Experiment, request: Request) -> bool:
    """Hands over every event; returns whether a request ended it."""
    from ..run.events import BlockEnded

    for event in experiment.system.events():
        experiment.take(event)
        if isinstance(event, BlockEnded) and request.asked:
            return True
    return False


@dataclass
class Experiment:
    """What is done with the events of one run, and what comes after the last."""

    system: System
    folder: Path
    keeper: Keeper
    recorder: Recorder
    watch: Stopwatch
    view: View | None

    def take(self, event: Event) -> None:
        """Keeps, records and shows an event; the loop stands still meanwhile."""
        self.keeper.take(event)
        self.recorder.record(event)
        if self.view is not None:
            self.view(event)

    def conclude(self, seconds: float, *, interrupted: bool, film: bool = True) -> Run:
        """Judges, films and reports; what there is so far if interrupted.

        Args:
            seconds: spent in the loop on this run, evaluations included.
        """
        verdict = None
        try:
            self._end(seconds)
            self.recorder.end()  # trackers finish while the judge is at work
            if not interrupted:
                verdict = self._judge()
        except KeyboardInterrupt:
            interrupted = True
        except Exception:
            self._report(self._run(None, interrupted=True))  # what was learnt so far is already saved
            raise
        run = self._run(verdict, interrupted=interrupted)
        if film and not interrupted:
            run = self._film(run)
        return self._report(run)

    def fail(self, seconds: float) -> Run:
        """Saves and reports what was learnt until the loop raised, after `seconds` in it."""
        try:
            self._end(seconds)
        finally:
            run = self._report(self._run(None, interrupted=True))
        return run

    def _end(self, seconds: float) -> None:
        self.watch.seconds["train"] = seconds - sum(self.system.judge.seconds.values())
        with self.watch.phase("report"):
            self.keeper.save_end()

    def _judge(self) -> Verdict:
        """The leaders meet; the winner becomes the best network."""
        from ..run.keep import save_weights

        verdict = self.system.judge.decide()
        save_weights(self.folder / BEST, verdict.winner.weights)
        return verdict

    def _run(self, verdict: Verdict | None, *, interrupted: bool) -> Run:
        config, judge = self.system.config, self.system.judge
        registered = self._score_registered() if verdict is not None else None
        for phase, seconds in judge.seconds.items():
            self.watch.seconds[phase] += seconds
        return Run(
            folder=self.folder,
            env=config.env.label,
            preset=config.preset,
            seed=config.seed,
            score=verdict.score if verdict is not None else None,
            score_registered=registered,
            selected_score=judge.best if judge.leaders else None,
            attempts=judge.attempts,
            solved=verdict.solved if verdict is not None else None,
            env_steps=self.system.progress.now.steps,
            updates=self.system.learner.updates,
            seconds=self.watch.report(),
            interrupted=interrupted,
        )

    def _score_registered(self) -> Score | None:
        """The winner's score under the environment's registered step limit, where the run had another."""
        from ..learn.policy import q_function
        from ..run.envs import describe
        from ..run.evaluate import Evaluator, score_of
        from ..run.seeds import env_seeds

        config, judge = self.system.config, self.system.judge
        env = replace(config.env, max_episode_steps=None)
        if config.env.max_episode_steps is None or not isinstance(env.id, str):
            return None
        spec = describe(env)
        evaluator = Evaluator(env, spec, config.gamma)
        try:
            seeds = env_seeds(config.seed, "confirm-2", config.score_episodes)
            with self.watch.phase("confirm"):
                return score_of(evaluator.play(q_function(judge.scratch), seeds))
        finally:
            evaluator.close()

    def _film(self, run: Run) -> Run:
        film = self.system.config.film
        if film.episodes == 0 or run.score is None:
            return run
        if self.view is not None:
            self.view.say(
                f"score {run.score.mean:.1f} over {run.score.episodes} fresh episodes; filming the best network"
            )
        from ..run.agent import Agent

        config = self.system.config
        agent = Agent(config, self.system.spec, self.system.judge.scratch, config.env)
        with self.watch.phase("film"):
            return replace(run, notes=[*run.notes, *film_best(agent, self.folder)])

    def _report(self, run: Run) -> Run:
        """Closes the records, draws the curves, writes result.json."""
        from ..track.curves import draw_curves

        notes = list(run.notes)
        with self.watch.phase("report"):
            notes += self.recorder.close()
            try:
                draw_curves(self.folder, self.system.spec.reward_threshold)
            except (DqnlabError, OSError) as e:  # a picture less: the result is what matters
                notes.append(f"no curves: {e}")
        run = replace(run, notes=notes, seconds=self.watch.report())
        write_result(run)
        return run


def film_best(agent: Agent, folder: Path) -> list[str]:
    """Films a run's best network as its configuration says; a note if that fails, for the score stands."""
    from ..run.film import record

    config = agent.config
    film = config.film
    try:
        videos = folder / VIDEOS
        record(agent, videos, episodes=film.episodes, max_seconds=film.max_seconds, seed=config.seed, name="best")
    except (DqnlabError, KeyboardInterrupt) as e:
        return [f"no film: {str(e) or 'interrupted'}"]
    return []
