"""Many seeds of one configuration, trained by a pool of processes."""

from __future__ import annotations

import logging
import signal
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from multiprocessing.connection import wait
from pathlib import Path

from ...config import MOST_SEEDS, Config
from ...config.presets import Planned, plan
from ...config.typed import door
from ...errors import ConfigError, DqnlabError, ResourceError, counted, either
from ...processes import PATIENCE, check_sendable, how_it_ended, kill, usable_cores
from ...store.advice import from_start, has_checkpoint, how_to_resume
from ...store.find import read_run, with_init_file
from ...store.folder import Run, seed_name
from ...store.group import INTERRUPTED, Failure, Group, failure, write_summary
from ...store.label import UNLABELLED, Label
from ...store.new import new_folder
from ...store.own import mark_made_elsewhere
from ...store.remembered import remember
from ...terminal.board import Board
from ...terminal.python import board_for_python
from ...terminal.standing import Standing
from ...track.open import check_trackers, warn
from ...track.tracker import AnyTracker, Trackers
from ...trust import shown
from ..interrupt import SIGNALLED, Interrupt, signal_of, signals_wait
from ..remote.place import OnRay, on_ray
from ..unfinished import ended, save
from .line import Failed, Finished, Go, Leave, Ready, Refused, Show, Stop, Task, WorkerReport
from .pool import Worker, check_shared, dismiss, hire, shares

LOOK_EVERY = 0.25  # seconds between two looks at the keyboard and two drawings, at the latest
WAIT = 20.0  # seconds without a word from a cluster, after which something is said
MOST_RETURNS = 2  # times that a seed whose process was killed goes on in a new one


@door
def train_many(
    config: Planned,
    seeds: Sequence[int],
    *,
    init: str | Path | Run | None = None,
    out: Path | None = None,
    runs: Path = Path("runs"),
    trackers: Trackers = ("swanlab",),
    name: str | None = None,
    tags: Sequence[str] = (),
    ray: str | None = None,
    quiet: bool = False,
) -> Group:
    """Trains one configuration with many seeds, in as many processes as there are cores.

    Each seed is a run of its own, in its own folder inside the group's; the best one is filmed. A seed that
    fails does not take the others along: it is a `Failure` among the group's results. A script that calls
    this keeps its top level under `if __name__ == "__main__":`, for every process imports it.

    Args:
        config: of every seed, but for its own `seed`; an environment alone as in `train`.
        seeds: distinct ones.
        init: what the networks of every seed begin with, as in `train`.
        out: the folder of the group; a new one under `runs` if none.
        trackers: as in `train`, for every seed; of one of your own each seed gets a copy.
        name: what the group is called, wherever one is named; of its seeds `name/seed-3`.
        tags: words to find it by.
        ray: train on the processors of a Ray cluster: `local`, `auto` or its address, HOST:PORT.
        quiet: show no progress; outside a terminal or a notebook none is shown anyway.

    Raises:
        ConfigError, EnvironmentFault: before anything is written, if no seed could be trained.
    """
    board = None if quiet else board_for_python()
    return Crew(
        with_init_file(plan(config), runs, init),
        seeds,
        out=out,
        runs=runs,
        trackers=trackers,
        label=Label(name=name, tags=tuple(tags)),
        board=board,
        ray=ray,
    ).train()


@dataclass
class Crew:
    """The processes that train a group of seeds, and what is known of each seed."""

    config: Config
    seeds: Sequence[int]
    out: Path | None = None
    runs: Path = Path("runs")
    trackers: Sequence[AnyTracker] = ("swanlab",)
    label: Label = UNLABELLED
    board: Board | None = None
    ray: str | None = None
    """the Ray cluster that lends the processes, as in `joined`; this machine's if none"""
    said: set[str] = field(default_factory=set)
    """remarks on settings that other groups have made already, which are not made again"""
    remark: str = ""  # what to say of the settings first, once the environment could be made
    started: float = field(default_factory=time.perf_counter)
    folder: Path | None = None
    """where a group that is taken up again lies; none for a new one"""
    results: dict[int, Run | Failure] = field(default_factory=dict)
    """of the seeds that have ended"""
    standings: dict[int, Standing] = field(default_factory=dict, init=False)
    workers: list[Worker] = field(default_factory=list, init=False)
    interrupted: bool = field(default=False, init=False)
    _place: OnRay | None = field(default=None, init=False)
    _begun: bool = field(default=False, init=False)
    _kept: ExitStack = field(default_factory=ExitStack, init=False)
    """what is held until the end: the new folder"""
    signal: int = field(default=signal.SIGINT, init=False)
    """what interrupted it, if anything did"""
    returns: Counter[int] = field(default_factory=Counter, init=False)
    """how often each seed has gone on in a new process"""

    def train(self) -> Group:
        """Trains every seed, films and explains the best; see `train_many`."""
        with self._kept:
            return self._train()

    def _train(self) -> Group:
        self._check()
        home = self.folder or self.out or self.runs
        self._place = self._kept.enter_context(on_ray(self.ray, home, self.config.threads))
        gently = False
        try:
            with signals_wait() as interrupt:
                for share in shares(self._open(self.seeds), self._room()):
                    self._hire(share)
                self._serve(interrupt)
                gently = self._show(interrupt)
        except KeyboardInterrupt as error:
            if self.folder is None:
                raise
            self.interrupted, self.signal = True, signal_of(error)
            for seed in self._open(self.seeds):
                self._fail(seed, "interrupted: its process was terminated", SIGNALLED + self.signal)
        finally:
            for worker in self.workers:
                dismiss(worker, gently=gently)
            if self.board is not None:
                self.board.stop()
        group = self._group()
        write_summary(group)
        return group

    def _check(self) -> None:
        """Raises ConfigError for what can be seen without loading anything."""
        if len(self.seeds) > MOST_SEEDS:
            raise ConfigError(f"seeds must be at most {MOST_SEEDS:,}, got {len(self.seeds):,}")
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise ConfigError(f"seeds must be distinct and at least one, got {list(self.seeds)}")
        for seed in self.seeds:
            replace(self.config, seed=seed)
        self.config.collectors.check_alone(either("--seeds", "train_many"))
        check_trackers(self.trackers)
        check_sendable(self.config, self.config.env.label)
        check_shared(self.trackers)
        self.standings = {seed: Standing(seed) for seed in self.seeds}

    # ── Processes ──

    def _room(self) -> int:
        """How many processes there may be."""
        if self.config.env.copies is not None:
            return 1  # it has all that are counted
        return max(1, usable_cores() // self.config.threads) if self._place is None else self._place.room

    def _hire(self, seeds: tuple[int, ...]) -> None:
        hire(Task(self.config, seeds, tuple(self.trackers), self.label), self.workers, self._place)
        if self._place is not None:
            self._make_room()

    def _serve(self, interrupt: Interrupt) -> None:
        """Hears the workers until every seed has ended."""
        patience = None if self._place is None else time.monotonic() + WAIT
        while self._open(self.seeds):
            if interrupt.asked and not self.interrupted:
                if self.folder is None:
                    interrupt.throw()
                self.interrupted, self.signal = True, interrupt.signal or self.signal
                for worker in self.workers:
                    self._stop(worker)
            self._hear()
            if patience is not None and time.monotonic() > patience:
                patience = None
                self._say_who_waits()

    def _say_who_waits(self) -> None:
        """Says so if nothing has begun yet, for others have the processors."""
        if not any(each.has_begun for each in self.workers):
            warn(
                f"waiting for {counted(self.config.threads, 'free CPU')} of the Ray cluster: others use all that it has"
            )

    def _stop(self, worker: Worker) -> None:
        """Asks a worker to end; one that still waits for a processor would not hear it."""
        if self._place is not None and not worker.has_begun:
            self._give_up(worker.seeds)
            kill(worker.process)
        else:
            worker.tell(Stop())

    def _hear(self) -> None:
        """Waits a moment for news, and takes them."""
        news = wait([end for worker in self.workers for end in (worker.pipe, worker.process.sentinel)], LOOK_EVERY)
        for worker in [w for w in self.workers if w.pipe in news or w.process.sentinel in news]:
            try:
                heard = worker.pipe.poll()
                while worker.pipe.poll():
                    self._take(worker, worker.pipe.recv())
            except (EOFError, OSError):
                heard = False
            if not heard:
                self._lose(worker)
        if self.board is not None and self.folder is not None:
            self.board.show(list(self.standings.values()))

    def _take(self, worker: Worker, report: WorkerReport) -> None:
        match report:
            case Ready(remarks=remarks):
                self._admit(worker, remarks)
            case Refused(error=error):
                if self.folder is None:
                    raise error
                for seed in self._open(worker.seeds):
                    self._fail(seed, str(error), error.exit_code)
            case Standing(seed=seed):
                self.standings[seed] = report
            case Finished(run=run):
                self._take_result(run)
            case Failed(seed=seed, error=text, exit_code=code):
                self._fail(seed, text, code)
            case _:  # idle: seeds that it has not ended it will not begin
                self._give_up(worker.seeds)
                worker.is_idle = True
                if self._place is not None:
                    self._make_room()

    def _admit(self, worker: Worker, remarks: Sequence[str]) -> None:
        """Lets a worker begin; the first one shows that there is something to train, and to make a folder for.

        Args:
            remarks: on a new group, said once.
        """
        if self.interrupted:
            self._give_up(worker.seeds)
            worker.tell(Leave())
            return
        if self.folder is None:
            self.folder = self._kept.enter_context(new_folder(self.config, self.out, self.runs, self.seeds, self.label))
            for line in [each for each in (self.remark, *remarks) if each and each not in self.said]:
                self.said.add(line)
                logging.getLogger("dqnlab").warning(line)
        if not self._begun:
            self._begun = True
            write_summary(self._group())
            for seed in self.seeds:  # trained in other processes, but this one too was given the environment
                remember(self.folder / seed_name(seed), self.config.env)
            if self.board is not None:
                self.board.start(self.config, self.seeds, self.folder, len(self.workers))
        worker.tell(Go(self.folder))

    def _make_room(self) -> None:
        """Lets those go that wait for the end, if on a cluster others still wait for the processors that they hold."""
        if not all(each.has_begun for each in self.workers):
            for each in self.workers:
                if each.is_idle:
                    each.tell(Leave())

    def _lose(self, worker: Worker) -> None:
        """A process has ended: what it was training has failed, what it had not begun gets another process.

        If it was killed, what it was training continues there from its latest checkpoint, a few times at most.
        """
        worker.process.join()
        worker.pipe.close()
        self.workers.remove(worker)
        if self._place is not None and self._open(self.seeds):
            self._check_place(self._place)
        left, code = self._open(worker.seeds), worker.process.exitcode
        words = f"its process ended {how_it_ended(worker.process)}"
        self._give_up_showing(words)
        if left and self.folder is None:
            raise DqnlabError(
                f"training could not begin: {words}. What it printed says why; a script that calls train_many "
                'must keep its top level under `if __name__ == "__main__":`'
            )
        begun = [seed for seed in left if self.standings[seed].state != "waiting"]
        if self.folder is not None:
            worker.free([self.folder / seed_name(seed) for seed in begun])
        for seed in begun or left:
            if self._may_return(seed, code):
                self.returns[seed] += 1
                kept = self.folder is not None and has_checkpoint(self.folder / seed_name(seed))
                begins = "continues from its latest checkpoint" if kept else "has no checkpoint and begins again"
                warn(f"seed {seed}: {words}; it {begins} in a new one")
            else:
                self._fail(seed, words, 1)
        if rest := tuple(self._open(worker.seeds)):
            if self.interrupted:
                self._give_up(rest)
            else:
                self._hire(rest)

    def _check_place(self, place: OnRay) -> None:
        """Raises ResourceError if a cluster is lost, with how to go on."""
        try:
            place.check()
        except ResourceError as error:
            if self.folder is not None:
                error.add_note(
                    f"what was learned so far is in {shown(self.folder)}; to resume: {how_to_resume(self.folder)}"
                )
                if again := from_start(self.folder):
                    error.add_note(again)
            raise

    def _may_return(self, seed: int, code: int | None) -> bool:
        """Whether a seed is continued: its process was killed by a signal, and not too often."""
        return not self.interrupted and code is not None and code < 0 and self.returns[seed] < MOST_RETURNS

    # ── Seeds ──

    def _open(self, seeds: Sequence[int]) -> list[int]:
        return [seed for seed in seeds if seed not in self.results]

    def _fail(self, seed: int, error: str, exit_code: int) -> None:
        assert self.folder is not None
        failed = failure(seed, self.folder / seed_name(seed), error, exit_code)
        state = "interrupted" if failed.is_interruption else "failed"
        self.standings[seed] = replace(self.standings[seed], state=state)
        self._end(failed)

    def _give_up(self, seeds: Sequence[int]) -> None:
        for seed in self._open(seeds):
            self._fail(seed, f"{INTERRUPTED} before it began", SIGNALLED + self.signal)

    def _take_result(self, run: Run) -> None:
        """A seed has come to a result, or its best network has been shown."""
        self.standings[run.seed] = replace(
            self.standings[run.seed], state="interrupted" if run.interrupted else "done", steps=run.env_steps
        )
        self._end(run)

    def _end(self, result: Run | Failure) -> None:
        again = result.seed in self.results
        if self._place is not None:
            mark_made_elsewhere(result.folder, self.config)
        self.results[result.seed] = result
        write_summary(self._group())
        if self.board is not None and not again:
            self.board.ended(result, len(self.results), len(self.seeds))

    def _show(self, interrupt: Interrupt) -> bool:
        """Lets whoever is still there film and explain the best run; what fails is a note of it.

        Returns whether the processes may be left to end by themselves: not if somebody does not want to wait.
        """
        best, wanted = self._group().best, self.config.explain or self.config.film.episodes > 0
        if best is None or not wanted or self.interrupted or not self.workers:
            return True
        worker = self.workers[0]
        self.standings[best.seed] = replace(self.standings[best.seed], state="finishing")
        worker.tell(Show(best))
        while worker in self.workers and self.standings[best.seed].state == "finishing":
            if interrupt.asked and not self.interrupted:
                self.interrupted, self.signal = True, interrupt.signal or self.signal
                worker.interrupt()
            if self.interrupted and interrupt.waited > PATIENCE:
                return False
            self._hear()
        return True

    def _give_up_showing(self, words: str) -> None:
        """The process that filmed and explained the best run has ended: how far it came stands in the run's result."""
        for seed in [seed for seed, each in self.standings.items() if each.state == "finishing"]:
            run = read_run(self.results[seed].folder)
            for name in run.unfinished:
                run = ended(run, name, words)
            self._take_result(save(run))

    def _group(self) -> Group:
        assert self.folder is not None
        results = tuple(self.results[seed] for seed in self.seeds if seed in self.results)
        seconds, config = time.perf_counter() - self.started, self.config
        env = config.env.label
        preset = config.preset
        seeds = tuple(self.seeds)
        signalled = self.signal if self.interrupted else None
        return Group(self.folder, env, preset, seeds, results, seconds, self.interrupted, signalled, self.label)
