"""What dqnlab is on a system that lacks what Linux has: locks of files, folders by descriptor, three signals."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

LACKS = """
import os, signal, sys
sys.modules["fcntl"] = None
for name in ("O_NOFOLLOW", "O_DIRECTORY", "O_NONBLOCK"):
    delattr(os, name)
for name in ("SIGHUP", "SIGUSR1", "SIGURG"):
    delattr(signal, name)
os.supports_dir_fd, os.supports_fd = set(), set()

def only_paths(function):
    def called(*args, **more):
        for name in ("dir_fd", "src_dir_fd", "dst_dir_fd"):
            if more.pop(name, None) is not None:
                raise NotImplementedError(f"{name} unavailable on this platform")
        return function(*args, **more)
    return called

for name in ("open", "mkdir", "unlink", "rmdir", "rename", "replace", "link", "stat"):
    setattr(os, name, only_paths(getattr(os, name)))

from dataclasses import replace
from pathlib import Path
import dqnlab
from dqnlab.app.cli import main
from dqnlab.config import Config, Film, Mlp, Steps
from dqnlab import oslock
from dqnlab.store import folders
assert not folders.BY_DESCRIPTOR and folders.NO_FOLLOW == 0 and oslock.fcntl is None

config = Config(torso=Mlp(hidden=(8,)), learning_starts=64, budget=Steps(num=200), evaluate_every=Steps(num=100),
                select_episodes=2, confirm_episodes=2, score_episodes=2, checkpoint_every=100, compile="off",
                stop_when_solved=False, film=Film(episodes=0), explain=False)
run = dqnlab.train(config, trackers=("none",), out=Path("run"))
assert run.score is not None and run.failed_steps == {}, run

outside = Path("outside").resolve()
def plant(name, target):
    path = Path("run", name)
    path.unlink(missing_ok=True)
    path.symlink_to(outside / target)

for target in ("precious", "nothing"):
    for name in ("best_model.pth", "last_model.pth", "snapshots.safetensors", "curves.png", "mark.json"):
        plant(name, target)
    assert main(["resume", "run", "--quiet", "--steps", "300" if target == "precious" else "400"]) == 0
    assert not Path("run/best_model.pth").is_symlink()
for name in ("run.lock", "metrics.jsonl", "config.toml"):
    content = Path("run", name).read_bytes() if Path("run", name).exists() else None
    for target in ("precious", "nothing"):
        plant(name, target)
        assert main(["resume", "run", "--quiet", "--steps", "500"]) == 2, (name, target)
    Path("run", name).unlink()
    if content is not None:
        Path("run", name).write_bytes(content)
assert main(["resume", "run", "--quiet", "--steps", "500"]) == 0
"""


@pytest.mark.world
@pytest.mark.skipif(sys.platform == "win32", reason="it lacks them by itself")
def test_training_and_its_door_do_without_what_other_systems_lack() -> None:
    Path("outside").mkdir()
    Path("outside/precious").write_text("mine")
    done = subprocess.run([sys.executable, "-c", LACKS], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in Path("outside").iterdir()] == ["precious"]
    assert Path("outside/precious").read_text() == "mine"
