"""One experiment, from a configuration to a score, a folder and a film."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from ..config import Config
from ..errors import DqnlabError
from ..run.folder import BEST, VIDEOS, Run, create_folder, write_result, write_start
from ..toml import as_dict

if TYPE_CHECKING:
    from ..build import System
    from ..run.evaluate import Score
    from ..run.judge import Verdict
    from ..run.keep import Keeper
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


class Interrupt:
    """Whether somebody pressed Ctrl-C."""

    asked = False

    def __call__(self, signum: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt  # a second one insists
        self.asked = True


@contextmanager
def ctrl_c_waits() -> Iterator[Interrupt]:
    """Turns the first Ctrl-C into a note, so that the loop can stop where everything is consistent."""
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():  # only there can a handler be set
        yield interrupt
        return
    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, before)


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
    from ..track.tracker import About, check_trackers, open_trackers
    from .console import About as Shown

    watch = Stopwatch() if started is None else Stopwatch(start=started)
    check_trackers(trackers)
    from ..build import assemble
    from ..run.device import arithmetic
    from ..run.keep import Keeper
    from ..run.seeds import generator
    from ..track.record import Recorder

    watch.seconds["import"] = time.perf_counter() - watch.start
    system = assemble(config)
    try:
        folder = create_folder(config, out, runs)
        write_start(folder, config, system.spec)
        keeper = Keeper(folder, system.learner, system.replay, config.batch_size, generator(config.seed, "record"))
        about = About(folder, config.env.label, as_dict(config), f"{config.preset}, seed {config.seed}")
        recorder = Recorder(about, open_trackers(trackers, about))
        if view is not None:
            parameters = sum(p.numel() for p in system.learner.online.parameters())
            device = system.learner.device.type
            threshold = system.spec.reward_threshold
            view.start(config, Shown(folder=folder, threshold=threshold, device=device, parameters=parameters))
        with arithmetic(config.threads):
            return _Experiment(system, folder, keeper, recorder, watch, view).conduct()
    finally:
        system.close()
        if view is not None:
            view.stop()


@dataclass
class _Experiment:
    system: System
    folder: Path
    keeper: Keeper
    recorder: Recorder
    watch: Stopwatch
    view: View | None

    def conduct(self) -> Run:
        try:
            interrupted = self._learn()
            self.recorder.end()  # trackers finish while the judge is at work
            verdict = None if interrupted else self._judge()
        except KeyboardInterrupt:
            interrupted, verdict = True, None
        except Exception:
            self._report(self._run(None, interrupted=True))  # what was learnt so far is already saved
            raise
        run = self._run(verdict, interrupted=interrupted)
        if not interrupted:
            run = self._film(run)
        return self._report(run)

    def _learn(self) -> bool:
        """Trains; returns whether Ctrl-C ended it."""
        start = time.perf_counter()
        try:
            with ctrl_c_waits() as interrupt:
                return self._consume(interrupt)
        finally:
            judging = sum(self.system.judge.seconds.values())
            self.watch.seconds["train"] = time.perf_counter() - start - judging
            with self.watch.phase("report"):
                self.keeper.save_end()

    def _consume(self, interrupt: Interrupt) -> bool:
        from ..run.events import BlockEnded

        for event in self.keeper.watch(self.system.events()):
            self.recorder.record(event)
            if self.view is not None:
                self.view(event)
            if isinstance(event, BlockEnded) and interrupt.asked:
                return True
        return False

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
        """Films the best network; a film that fails is a note, the score stands."""
        film = self.system.config.film
        if film.episodes == 0 or run.score is None:
            return run
        if self.view is not None:
            self.view.say(
                f"score {run.score.mean:.1f} over {run.score.episodes} fresh episodes; filming the best network"
            )
        from ..run.agent import Agent
        from ..run.film import record

        config = self.system.config
        agent = Agent(config, self.system.spec, self.system.judge.scratch, config.env)
        try:
            with self.watch.phase("film"):
                record(
                    agent,
                    self.folder / VIDEOS,
                    episodes=film.episodes,
                    max_seconds=film.max_seconds,
                    seed=config.seed,
                    name="best",
                )
        except (DqnlabError, KeyboardInterrupt) as e:
            return replace(run, notes=[*run.notes, f"no film: {str(e) or 'interrupted'}"])
        return run

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
