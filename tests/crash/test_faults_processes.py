"""Faults of processes (F15 to F17, F19): killed, asked to stop, two on one folder."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import dqnlab
from dqnlab.app.cli import main
from dqnlab.config import Env, Steps
from dqnlab.envs.seeds import env_seeds
from dqnlab.lab.many import crew as many
from dqnlab.lab.many.crew import train_many
from dqnlab.lab.session import train
from dqnlab.store.folder import Run
from dqnlab.store.group import Failure
from dqnlab.store.lock import LOCK, locked

from .kit import short

pytestmark = [pytest.mark.world, pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")]
OUT = Path("mine")

DOOMED = '''
import os
import signal
from pathlib import Path

import gymnasium as gym
from gymnasium.envs.classic_control.cartpole import CartPoleEnv

class Doomed(CartPoleEnv):
    """Is killed at step 200 of its process if it began with a doomed seed, as often as that says."""

    life, times, name = 0, 0, ""

    def __init__(self, dooms):
        super().__init__()
        self.dooms = dooms

    def reset(self, *, seed=None, options=None):
        self.times, self.name = self.dooms.get(str(seed), self.times), str(seed)
        return super().reset(seed=seed, options=options)

    def step(self, action):
        Doomed.life += 1
        if self.times and Doomed.life >= 200:
            deaths = Path("deaths")
            deaths.touch()
            with deaths.open("a") as file:
                file.write("x")
            if len(deaths.read_text()) <= self.times:
                os.kill(os.getpid(), signal.SIGKILL)
        return super().step(action)

    def get_state(self):
        return {"steps": self.steps_beyond_terminated, "state": self.state, "times": self.times}

    def set_state(self, state):
        self.steps_beyond_terminated, self.state, self.times = state["steps"], state["state"], state["times"]

gym.register("Doomed-v0", Doomed, max_episode_steps=60)
'''


@pytest.fixture
def doomed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A configuration of which seed 0 is killed so many times."""
    Path("doomed.py").write_text(DOOMED)
    monkeypatch.syspath_prepend(str(Path.cwd()))
    monkeypatch.setenv("PYTHONPATH", f"{Path.cwd()}{os.pathsep}{os.environ['PYTHONPATH']}")
    monkeypatch.setattr(many, "usable_cores", lambda: 2)
    first = str(env_seeds(0, "train", 1)[0])
    return lambda times: short(env=Env(id="doomed:Doomed-v0", kwargs={"dooms": {first: times}}))


def test_f15_a_seed_whose_process_is_killed_goes_on_from_its_checkpoint(
    doomed: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    group = train_many(doomed(1), [0, 1], out=Path("group"), trackers=("none",))
    assert [type(result) for result in group.results] == [Run, Run]
    words = "seed 0: its process ended by signal 9; it continues from its latest checkpoint in a new one"
    assert capfd.readouterr().err.splitlines() == [words]
    again, untouched = group.runs
    alone = train(doomed(0), trackers=("none",))
    assert (again.score, again.env_steps, again.updates) == (alone.score, alone.env_steps, alone.updates)
    assert (again.resumed, untouched.resumed) == ("exact", None)


def test_f15_a_seed_that_is_killed_again_and_again_fails_alone(doomed: Any, capfd: pytest.CaptureFixture[str]) -> None:
    group = train_many(doomed(10**9), [0, 1], out=Path("group"), trackers=("none",))
    assert [type(result) for result in group.results] == [Failure, Run]
    assert group.failures[0].error == "its process ended by signal 9"
    assert capfd.readouterr().err.count("it continues") == many.MOST_RETURNS
    assert len(Path("deaths").read_text()) == 1 + many.MOST_RETURNS


# ── Signals ──────────────────────────────────────────────────────────────────────────────────────

WORDS = "--steps 1500 --update-every 1 --learning-starts 64 --batch-size 16 --checkpoint-every 200"
WORDS += (
    " --evaluate-every.num 500 --select-episodes 2 --confirm-episodes 2 --score-episodes 2 --env.max-episode-steps 60"
)
WORDS += " --env.num-envs 1 --film.episodes 0 --no-explain --compile off --no-stop-when-solved --tracker none --quiet"
CHAIN = """
import os, random, signal, sys, threading, time
from dqnlab.app import cli
from dqnlab.lab import interrupt
from dqnlab.track import curves

curves.draw_curves = lambda folder, threshold: None
os.fsync = lambda file: None
kill, rng, codes = getattr(signal, sys.argv[1]), random.Random(sys.argv[1]), []
waits = interrupt.signals_wait

def call(words, moment):
    begun = threading.Event()

    def seen():
        begun.set()
        return waits()

    def send():
        begun.wait()
        time.sleep(moment)
        if not over.is_set():
            os.kill(os.getpid(), kill)

    from dqnlab.lab import resume, session
    session.signals_wait = resume.signals_wait = seen
    over = threading.Event()
    thread = threading.Thread(target=send)
    thread.start() if moment is not None else None
    code = cli.main(words)
    over.set()
    begun.set()
    thread.join() if moment is not None else None
    return code

signal.signal(kill, lambda signum, frame: None)  # one that comes when all is over
words = ["train", *sys.argv[2].split(), "--out", "mine"]
for _ in range(6):
    codes.append(call(words, rng.uniform(0, 0.1)))
    words = ["resume", "mine", "--quiet"]
print(codes, file=sys.stderr)
sys.exit(call(words, None))
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that nobody touched."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    env = {**os.environ, "PYTHONPATH": str(Path(dqnlab.__file__).parents[1]), "SWANLAB_MODE": "disabled"}
    words = [sys.executable, "-m", "dqnlab", "train", *WORDS.split(), "--out", str(folder)]
    subprocess.run(words, check=True, capture_output=True, env=env)
    return folder


def facts(folder: Path) -> dict[str, Any]:
    """All of a result but for its seconds, its place and how it came about."""
    read = json.loads((folder / "result.json").read_text())
    return {name: value for name, value in read.items() if name not in ("seconds", "resumed", "notes")}


@pytest.mark.parametrize(
    ("row", "name", "code"), [("f16", "SIGINT", 130), ("f17", "SIGTERM", 143), ("f17", "SIGHUP", 129)]
)
def test_f16_f17_signals_at_random_moments_change_nothing_but_the_time(
    row: str, name: str, code: int, whole: Path
) -> None:
    done = subprocess.run([sys.executable, "-c", CHAIN, name, WORDS], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    codes = next(json.loads(line) for line in done.stderr.splitlines() if line.startswith("["))
    assert codes == [code] * 6
    assert facts(OUT) == facts(whole)
    for model in ("best_model.pth", "last_model.pth"):
        assert (OUT / model).read_bytes() == (whole / model).read_bytes()


SECOND = """
import os, signal, sys
from dqnlab.app import cli
from dqnlab.learn.learner import Learner

update = Learner.update

def insists(learner, batch):
    done = update(learner, batch)
    if learner.updates == 700:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
    return done

Learner.update = insists
code = cli.main(["train", *sys.argv[1].split(), "--out", "mine"])
Learner.update = update
assert code == 130, code
sys.exit(cli.main(["resume", "mine", "--quiet"]))
"""


def test_f16_a_second_ctrl_c_is_obeyed_in_the_middle_of_a_block_and_spoils_nothing(whole: Path) -> None:
    done = subprocess.run([sys.executable, "-c", SECOND, WORDS], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert facts(OUT) == facts(whole)


def test_f17_a_group_that_is_told_to_end_saves_every_seed_and_leaves_with_143() -> None:
    long = WORDS.replace("1500", "1e9").replace("--quiet", "")
    code = "import sys; from dqnlab.app import cli; from dqnlab.lab.many import crew; crew.usable_cores = lambda: 2; "
    code += f"sys.exit(cli.main(['train', '--seeds', '2', '--out', 'mine', *{long.split()}]))"
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=pipe, stderr=pipe, text=True, process_group=0
    ) as process:
        for _ in range(600):
            if process.poll() is not None or all(any(OUT.glob(f"seed-{i}/checkpoints/step-*")) for i in (0, 1)):
                break
            time.sleep(0.1)
        os.killpg(process.pid, signal.SIGTERM)  # as a scheduler does: everyone gets it
        err = process.communicate(timeout=60)[1]
    assert process.returncode == 143, err
    for seed in (0, 1):
        home = OUT / f"seed-{seed}"
        assert json.loads((home / "result.json").read_text())["interrupted"]
        assert (home / "last_model.pth").exists()


# ── Two on one folder ────────────────────────────────────────────────────────────────────────────

HOLDS = """
import sys, time
from pathlib import Path
from dqnlab.store.lock import locked
with locked(Path("mine")):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def ended() -> None:
    """A run that has ended, and can go on."""
    train(short(budget=Steps(num=200)), trackers=("none",), out=OUT)


def test_f19_a_second_process_is_refused_and_a_killed_ones_lock_is_taken_over(
    ended: None, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["resume", str(OUT), "--steps", "300", "--quiet"]
    with subprocess.Popen([sys.executable, "-c", HOLDS], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert main(words) == 2
        assert f"is in use by process {holder.pid} on {socket.gethostname()}" in capsys.readouterr().err
        holder.kill()
    assert (OUT / LOCK).read_text() != ""
    assert main(words) == 0
    assert not (OUT / LOCK).exists()


def test_f19_the_lock_of_another_machine_needs_a_word_of_the_users(
    ended: None, capsys: pytest.CaptureFixture[str]
) -> None:
    (OUT / LOCK).write_text(json.dumps({"pid": 7, "host": "elsewhere"}))
    words = ["resume", str(OUT), "--steps", "300", "--quiet"]
    assert main(words) == 2
    assert "by process 7 on elsewhere" in (err := capsys.readouterr().err)
    assert "--force-unlock" in err
    assert main([*words, "--force-unlock"]) == 0
    with locked(OUT):  # given back
        pass
