"""What is done with the events of one run, and what comes after the last: judging, filming, reporting.

An `Experiment` is driven from outside (`session`, `together`): whoever runs the loop hands it each event, and says
when it has ended.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DqnlabError
from ..run.folder import BEST, VIDEOS, Run, write_result
from .stopwatch import Stopwatch

if TYPE_CHECKING:
    from ..build import System
    from ..config import Env
    from ..learn.replay import Replay
    from ..run.agent import Agent
    from ..run.events import Event
    from ..run.judge import Verdict
    from ..run.keep import Keeper
    from ..run.saving.save import Saver
    from ..run.score import Score
    from ..track.record import Recorder
    from .console import View

PATIENCE = 5.0  # seconds that a signal waits for a moment from which the run can go on exactly


@dataclass
class Experiment:
    """What is done with the events of one run, and what comes after the last."""

    system: System
    folder: Path
    keeper: Keeper
    recorder: Recorder
    saver: Saver
    watch: Stopwatch
    view: View | None
    resumed: bool = False
    """whether it goes on from a checkpoint"""
    signal: int | None = None
    """what asked it to stop, if that was a signal"""

    def take(self, event: Event) -> None:
        """Keeps, records, saves and shows an event; the loop stands still meanwhile."""
        self.keeper.take(event)
        self.recorder.record(event)
        if self.saver.is_due(event):
            self.save()
        if self.view is not None:
            self.view(event)

    def save(self) -> None:
        """Writes a checkpoint. Raises NumericsError if there is nothing left that would be worth it."""
        from ..run.train import check_finite

        check_finite(self.system.learner, self.system.progress.now.steps)
        self.recorder.sync()
        self.saver.save()

    def may_stop(self, waited: float) -> bool:
        """Whether to stop here, `waited` seconds after the request: a run should be able to go on exactly."""
        collector = self.system.collector
        return collector.level != "C" or not collector.cuts or waited >= PATIENCE

    def conclude(self, seconds: float, *, interrupted: bool, show: bool = True) -> Run:
        """Judges, films, explains and reports; what there is so far if interrupted.

        Args:
            seconds: spent in the loop on this run, evaluations included.
            show: whether to film and explain it.
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
        shown = show and not interrupted
        run = self._report(self._film(run) if shown else run)
        return self._explain(run) if shown else run

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
        config, judge, replay = self.system.config, self.system.judge, self.system.replay
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
            notes=[_short_replay(replay)] if replay.is_short else [],
            interrupted=interrupted,
            signal=self.signal if interrupted else None,
            resumed=None if not self.resumed else "exact" if self.saver.exact else "not exact",
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

    def _explain(self, run: Run) -> Run:
        """Writes the page that explains the run, from all that its folder holds by now."""
        config = self.system.config
        if not config.explain or run.score is None:
            return run
        with self.watch.phase("explain"):
            notes = explain_run(run, config.env)
        run = replace(run, notes=[*run.notes, *notes], seconds=self.watch.report())
        write_result(run)
        return run


def _short_replay(replay: Replay) -> str:
    """Says what a replay holds that cannot hold its capacity."""
    return (
        f"the replay holds {len(replay):,} of {replay.layout.capacity:,} transitions: so short are the episodes "
        "that its room for frames runs out first; a larger replay_capacity holds more"
    )


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


def explain_run(run: Run, env: Env) -> list[str]:
    """Writes the page that explains a run; returns what is bad about its health, as notes for the user.

    A note, too, if that fails, for the score stands.
    """
    from ..explain.report import write_report

    try:
        report = write_report(run, env)
    except KeyboardInterrupt:
        return ["no report: interrupted"]
    except DqnlabError as e:
        return [f"no report: {e}"]
    except Exception as e:  # whatever an environment raises while it is looked at, the result must not be lost to it
        return [f"no report: {type(e).__name__}: {e}"]
    said = zip(report.findings, report.verdicts, strict=True)
    return [verdict for finding, verdict in said if finding.severity == "bad"]
