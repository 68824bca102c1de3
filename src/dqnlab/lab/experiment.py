"""What is done with the events of one run, and what comes after the last: judging, filming, reporting.

An `Experiment` is driven from outside (`drive`, `together`): whoever runs the loop hands it each event, and says
when it has ended.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..errors import DqnlabError, EnvironmentFault, FolderError, NumericsError, ResourceError, counted
from ..learn.types import Sample
from ..run.events import BlockEnded, Commanded, Evaluated, Event
from ..run.judge import Verdict, threshold_verdict
from ..run.keep import Keeper, save_weights
from ..run.runaway import check_weights_finite
from ..run.save import Saver
from ..run.system import System
from ..run.train import assess
from ..store.advice import from_start, how_to_resume
from ..store.control import drop_shown
from ..store.digits import mean_of
from ..store.folder import BEST, Run, write_result
from ..store.weightsfile import meaning_of
from ..terminal.view import View, progress_of
from ..track.record import Recorder
from ..trust import redacted, shown
from .after import After
from .chance import beaten_by_chance
from .interrupt import signal_of, signals_held
from .stopwatch import Stopwatch
from .unfinished import save, steps, why
from .viewer import Viewer

PATIENCE = 5.0  # seconds that a signal waits for a moment from which the run can go on exactly
STOPPED = "training was ended before its budget was spent, by whoever watched it with `dqn live`"


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
    """whether it continues from a checkpoint"""
    viewer: Viewer | None = None
    """whoever watches while it trains"""
    signal: int | None = None
    """what asked it to stop, if that was a signal"""
    on_event: Callable[[Event], object] | None = None
    """the caller's own, told last, when the event is on disk"""
    lost: str = ""
    """what its metrics lack, if somebody has cut or removed them"""
    score_only: bool = False
    """whether nothing is made after the score, not even curves"""
    _block: BlockEnded | None = field(default=None, init=False)  # the latest
    _evaluated: int = field(default=-1, init=False)  # the env step of the latest evaluation

    def take(self, event: Event) -> None:
        """Keeps, records, saves and shows an event; the loop stands still meanwhile."""
        self.keeper.take(event)
        self.recorder.record(event)
        if self.saver.is_due(event):
            self.save()
        if self.view is not None:
            self.view(event)
        if self.on_event is not None:
            self.on_event(event)
        if isinstance(event, BlockEnded):
            self._block = event
            if self.viewer is not None:
                self.viewer.take(event, self)
        elif isinstance(event, Evaluated):
            self._evaluated = event.step

    # ── What a viewer may ask for ──

    def obey(self, command: Commanded) -> None:
        """Records what a viewer asked for; a checkpoint is written here, all else is the viewer's own waiting."""
        if command.command == "checkpoint":
            self.save()
        self.take(command)

    def show(self) -> None:
        """Writes the networks of now for whoever watches; a full disk is no matter of training."""
        assert self._block is not None
        with suppress(ResourceError, FolderError):
            self.keeper.show(self._block)

    def say(self, line: str) -> None:
        """A line for whoever sits at the terminal."""
        progress_of(self.view)(line)

    def asks(self) -> bool:
        """Whether the run was asked to end by now."""
        return self.system.judge.evaluator.asks()

    @property
    def is_exact(self) -> bool:
        """Whether a checkpoint of this moment continues exactly, or none ever would."""
        return self.may_stop(0.0)

    @property
    def stops(self) -> bool:
        """Whether a viewer wants training to end at this block, and to be judged."""
        return self.viewer is not None and self.viewer.stops

    def end_here(self) -> None:
        """Judges at the end of this block as at the end of the budget."""
        system, block = self.system, self._block
        assert block is not None
        if self._evaluated != block.step:
            for event in assess(system.learner, system.memory, system.judge, system.progress, block.epsilon):
                assert not isinstance(event, Sample)
                self.take(event)

    # ── What it is saved by ──

    def save(self) -> None:
        """Writes a checkpoint. Raises NumericsError if there is nothing left that would be worth it."""
        check_weights_finite(self.system.learner, self.system.memory, self.system.progress.now.steps)
        self.recorder.sync()
        self.saver.save()

    def save_between(self) -> None:
        """Writes a checkpoint if what ended the loop left everything whole; what prevents that is not said."""
        if self.system.is_between:
            with suppress(DqnlabError):  # there is something to be said already
                self.save()

    def may_stop(self, waited: float) -> bool:
        """Whether to stop here, `waited` seconds after the request: a run should be able to resume exactly."""
        collector = self.system.collector
        if self.left:
            return True
        return collector.level != "C" or not collector.cuts or waited >= PATIENCE

    @property
    def left(self) -> bool:
        """Whether the loop has ended because its judging was left."""
        return self.system.progress.due is not None

    def conclude(self, seconds: float, *, interrupted: bool, show: bool = True) -> Run:
        """Judges and writes the result, then makes what comes after it; what there is so far if interrupted.

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
        except KeyboardInterrupt as error:
            interrupted, self.signal = True, signal_of(error)
        except Exception as error:
            self._fail(error)  # what was learned so far is already saved
            raise
        return self._finish(self._run(verdict, interrupted=interrupted), show=show)

    def fail(self, seconds: float, error: Exception) -> None:
        """Saves and reports what was learned until the loop raised, `seconds` into it; the error says what helps."""
        self.save_between()
        try:
            self._end(seconds)
        finally:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        """Writes why there is no result, and adds to the error where the run lies, and how to resume it."""
        run = self._run(None, interrupted=True)
        self._finish(replace(run, error=redacted(why(error))), show=False)
        onward = "" if isinstance(error, NumericsError) else f"; to resume: {how_to_resume(self.folder)}"
        error.add_note(f"what was learned so far is in {shown(self.folder)}{onward}")
        if onward and (again := from_start(self.folder)):
            error.add_note(again)

    def _end(self, seconds: float) -> None:
        drop_shown(self.folder)
        paused = 0.0 if self.viewer is None else self.viewer.pauses.seconds
        self.watch.seconds["train"] = seconds - sum(self.system.judge.seconds.values()) - paused
        if paused:
            self.watch.seconds["paused"] = paused
        with self.watch.phase("save"):
            self.keeper.save_end()

    def _judge(self) -> Verdict:
        """The leaders meet; the winner becomes the best network."""
        verdict = self.system.judge.decide()
        save_weights(self.folder / BEST, verdict.winner.weights, meaning_of(self.system.config))
        return verdict

    def _run(self, verdict: Verdict | None, *, interrupted: bool) -> Run:
        config, judge = self.system.config, self.system.judge
        for phase, seconds in judge.seconds.items():
            self.watch.seconds[phase] += seconds
        solved, says = self._solved(verdict)
        chance = beaten_by_chance(self.folder, self.system.spec.reward_threshold) if solved else ""
        return Run(
            folder=self.folder,
            env=config.env.label,
            preset=config.preset,
            seed=config.seed,
            score=verdict.score if verdict is not None else None,
            selected_score=judge.best if judge.leaders else None,
            attempts=judge.attempts,
            evaluations=judge.evaluations or None,
            solved=solved,
            threshold=self.system.spec.reward_threshold,
            threshold_says=says,
            env_steps=self.system.collector.steps,
            updates=self.system.learner.updates,
            seconds=self.watch.report(),
            notes=[*self.system.notes, *filter(None, (STOPPED if self.stops else "", self.lost, chance))],
            interrupted=interrupted,
            signal=self.signal if interrupted else None,
            resumed=None if not self.resumed else "not exact" if self.saver.inexact else "exact",
            inexact=self.saver.inexact,
        )

    def _solved(self, verdict: Verdict | None) -> tuple[bool | None, str]:
        """Whether it is solved, as far as that can be said, and what there is to say of the threshold."""
        if verdict is None:
            return None, self.system.spec.threshold_says
        return threshold_verdict(verdict.score, self.system.config.env, self.system.spec)

    def _finish(self, run: Run, *, show: bool) -> Run:
        """Writes the result, before anything of lesser worth; then all that comes after it. Ends recording for sure."""
        try:
            run = self._complete(run, show=show)
        except BaseException:
            self.recorder.close()  # the error of a full disk must not leave files open and trackers waiting
            raise
        try:
            with self.watch.phase("trackers"):
                lines = self.recorder.close(run)
        except KeyboardInterrupt as error:  # a copy elsewhere is not complete; all that lies here is
            run, lines = replace(run, signal=signal_of(error)), ["interrupted before the trackers had finished"]
        waited = {"trackers": round(self.watch.seconds["trackers"], 3), "total": self.watch.report()["total"]}
        return save(replace(run, notes=[*run.notes, *lines], seconds=run.seconds | waited))

    def _complete(self, run: Run, *, show: bool) -> Run:
        left = () if self.score_only else steps(self.system.config, run, show=show)
        run = replace(run, unfinished=list(left))
        with signals_held():
            write_result(run)
        notes = self._close()
        if notes:
            run = save(replace(run, notes=[*run.notes, *notes]))
        say = progress_of(self.view)
        if run.score is not None:
            say(f"score {mean_of(run.score)} over {counted(run.score.episodes, 'fresh episode')}")
        return After(self.system.config, say, self.system.judge.evaluator.asks).make(run)

    def _close(self) -> list[str]:
        """Closes the environments of training and judging, for film and page have their own; what that leaves to say.

        One that does not answer any more has done its work.
        """
        try:
            self.system.close()
        except EnvironmentFault as e:
            return [why(e)]
        return []
