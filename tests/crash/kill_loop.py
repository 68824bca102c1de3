"""One run, killed over and over at random moments and taken up again each time, against the same run left in peace.

    python -m tests.crash.kill_loop --folder FOLDER --kills 100 --in-writes 30 --compile on

Every life is a forked process that begins the run or goes on with it, and ends by SIGKILL: in turn at a random moment
after it has learned something, or the moment a checkpoint's draft folder is seen. Counted as a kill inside a write is
only one that left the draft behind. After each death: no more than one period of work is lost. In the end: nothing
had to be cleaned by hand, and the networks, the replay, all counters and generators, the metrics but for their clock
and the files of the networks are equal to those of the run that nobody touched.
"""

import argparse
import json
import os
import random
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from dqnlab.config import Config, Constant, Env, Film, Mlp, Prioritized, Steps
from dqnlab.lab.overrides import Overrides
from dqnlab.lab.resume import resume_folder
from dqnlab.lab.session import train
from dqnlab.store.checkpoint.checkpoint import Store
from dqnlab.store.folder import BEST, LAST, METRICS, RESULT, TARGET
from dqnlab.store.reading import read_json

from ..equal import same

PERIOD = 100  # env steps between two checkpoints
PATIENCE = 60.0  # seconds after which a life that shows no sign of learning has gone wrong


def config(steps: int, num_envs: int, compile_: Literal["on", "off"]) -> Config:
    """A run that uses whatever may get lost: unequal priorities, open n-step windows, several environments, judging."""
    return Config(
        preset="killed",
        env=Env(id="CartPole-v1", num_envs=num_envs),
        torso=Mlp(hidden=(16,)),
        sampler=Prioritized(),
        epsilon=Constant(value=0.3),
        n=3,
        replay_capacity=500,
        learning_starts=50,
        batch_size=16,
        update_every=4,
        budget=Steps(num=steps),
        evaluate_every=Steps(num=700),
        select_episodes=2,
        confirm_episodes=2,
        score_episodes=5,
        stop_when_solved=False,
        metrics_every=1,
        checkpoint_every=PERIOD,
        film=Film(episodes=0),
        explain=False,
        compile=compile_,
    )


@dataclass
class Toll:
    """What was seen."""

    kills: int = 0
    in_writes: int = 0
    most_lost: int = 0
    """env steps"""
    lost_checkpoints: int = 0
    notes: list[str] = field(default_factory=list)


def run(settings: Config, folder: Path) -> None:
    """Begins the run, or goes on with it, to its end."""
    if (folder / "config.toml").exists():
        resume_folder(folder, Overrides())
    else:
        train(settings, out=folder, trackers=("none",))


def live(settings: Config, folder: Path) -> int:
    """A process of its own that runs; its number."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.dup2(os.open(folder.with_name("said.txt"), os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
            run(settings, folder)
            code = 0
        finally:
            os._exit(code)
    return pid


def steps_recorded(folder: Path) -> int:
    """The env step of the last whole record."""
    lines = (folder / METRICS).read_bytes().split(b"\n")[:-1]
    return int(json.loads(lines[-1]).get("step", 0)) if lines else 0


def checkpoint_step(folder: Path) -> int:
    """Of the newest checkpoint, if only by its name."""
    return max((int(path.name.split("-")[1]) for path in (folder / "checkpoints").glob("step-*")), default=0)


def drafts(folder: Path) -> list[Path]:
    return list((folder / "checkpoints").glob(".step-*.tmp"))


def wait_to_learn(folder: Path, size: int, pid: int) -> bool:
    """Until the metrics file has grown beyond `size`; whether the process still lives."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return False
        if (folder / METRICS).exists() and (folder / METRICS).stat().st_size > size:
            return True
        time.sleep(0.001)
    os.kill(pid, signal.SIGKILL)
    raise AssertionError(f"nothing learned within {PATIENCE} s: see {folder.with_name('said.txt')}")


def kill_one(settings: Config, folder: Path, rng: random.Random, inside: bool, toll: Toll) -> bool:
    """One life and its death; False if it came to its end before."""
    before = checkpoint_step(folder)
    pid = live(settings, folder)
    recorded = folder / METRICS
    # A life that goes on first cuts the file back, so "more than now" would be wrong: wait for the cut.
    size = recorded.stat().st_size if recorded.exists() else 0
    if size:
        wait_for_lock(folder, pid)
        size = 0 if not recorded.exists() else recorded.stat().st_size
    if not wait_to_learn(folder, size, pid):
        return False
    end = time.monotonic() + (5.0 if inside else rng.uniform(0.0, 0.1))
    while time.monotonic() < end and not (inside and drafts(folder)):
        if os.waitpid(pid, os.WNOHANG)[0]:
            return False
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    toll.kills += 1
    toll.in_writes += bool(drafts(folder))
    after = checkpoint_step(folder)
    toll.lost_checkpoints += after < before
    toll.most_lost = max(toll.most_lost, steps_recorded(folder) - after)
    return True


def wait_for_lock(folder: Path, pid: int) -> None:
    """Until the process has the folder, and a moment more."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            if json.loads((folder / "run.lock").read_text())["pid"] == pid:
                return
        except (OSError, ValueError):
            pass
        time.sleep(0.001)


def outcome(folder: Path) -> dict[str, Any]:
    """All that must be equal in the end."""
    at = Store(folder).latest()
    assert at is not None
    clock = at.state.pop("clock")
    assert clock
    logs: dict[str, Rows] = {name: Rows() for name in at.logs}
    at.restore_logs(logs)
    records = [json.loads(line) for line in (folder / METRICS).read_text().splitlines()]
    result = read_json(folder / RESULT)
    return {
        "state": at.state,
        "rows": {name: each.rows for name, each in logs.items()},
        "metrics": [{key: value for key, value in record.items() if not key.startswith("time/")} for record in records],
        "files": {name: (folder / name).read_bytes() for name in (BEST, LAST, TARGET)},
        "result": {key: value for key, value in result.items() if key not in {"seconds", "resumed", "notes"}},
        "exact": at.about["exact"],
    }


class Rows:
    """A log that only listens."""

    bounds = (0, 0)

    def __init__(self) -> None:
        self.rows: dict[int, Any] = {}

    def read(self, start: int, stop: int) -> dict[str, Any]:
        raise NotImplementedError

    def write(self, start: int, rows: Any) -> None:
        for i in range(len(next(iter(rows.values())))):
            self.rows[start + i] = {name: column[i].copy() for name, column in rows.items()}


def torment(
    folder: Path,
    kills: int,
    in_writes: int,
    seed: int = 0,
    num_envs: int = 2,
    compile_: Literal["on", "off"] = "off",
) -> Toll:
    """Kills so many times, at least so many of them inside a write, and compares. Raises AssertionError."""
    folder.mkdir(parents=True)
    settings, rng, toll = config(PERIOD * (10 + 2 * kills), num_envs, compile_), random.Random(seed), Toll()
    torn, peaceful = folder / "torn", folder / "peaceful"
    inside = False
    while toll.kills < kills or toll.in_writes < in_writes:
        wanted = in_writes - toll.in_writes
        inside = wanted > 0 and rng.random() < max(0.3, wanted / max(1, kills - toll.kills))
        assert kill_one(settings, torn, rng, inside, toll), f"the run ended after {toll.kills} kills: make it longer"
    torn_to_end = live(settings, torn)
    assert os.waitpid(torn_to_end, 0)[1] == 0, folder / "said.txt"
    quiet = live(settings, peaceful)
    assert os.waitpid(quiet, 0)[1] == 0, folder / "said.txt"
    assert toll.lost_checkpoints == 0
    assert toll.most_lost <= PERIOD + num_envs, f"{toll.most_lost} steps lost"
    same(outcome(peaceful), outcome(torn))
    assert not drafts(torn)
    return toll


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--in-writes", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--num-envs", type=int, default=2)
    parser.add_argument("--compile", choices=("on", "off"), default="off")
    parser.add_argument("--folder", type=Path, required=True)
    args = parser.parse_args()
    toll = torment(args.folder, args.kills, args.in_writes, args.seed, args.num_envs, args.compile)
    print(
        f"{toll.kills} kills, {toll.in_writes} of them inside a write; checkpoints lost: {toll.lost_checkpoints}; "
        f"most work lost: {toll.most_lost} of {PERIOD} steps; unequal results: 0"
    )


if __name__ == "__main__":
    main()
