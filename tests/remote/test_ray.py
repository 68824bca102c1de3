"""Seeds on a Ray cluster of several nodes on this machine: the same results, whoever is killed; nobody else listens."""

import json
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

import dqnlab
from dqnlab.cluster import joined
from dqnlab.config import Env, Steps
from dqnlab.store.own import is_own

from ..tiny import TINY

pytestmark = [pytest.mark.world, pytest.mark.timeout(400), pytest.mark.filterwarnings("ignore::ResourceWarning")]
pytest.importorskip("ray")

NODES = 2
LONG = replace(TINY, budget=Steps(num=1_600), evaluate_every=Steps(num=800), checkpoint_every=200)
MODULE = """
import gymnasium

gymnasium.register("Mine-v0", "gymnasium.envs.classic_control:CartPoleEnv", max_episode_steps=30)
"""


def heard() -> set[str]:
    """The addresses at which this process and all that it has started listen."""
    me = psutil.Process()
    found = set()
    for each in (me, *me.children(recursive=True)):
        try:
            found |= {one.laddr.ip for one in each.net_connections("inet") if one.status == psutil.CONN_LISTEN}
        except psutil.NoSuchProcess:
            continue
    return found


LOOPBACK = {"127.0.0.1", "::ffff:127.0.0.1"}


class Nodes:
    """A cluster whose head has no processors, and whose other nodes have two each."""

    def __init__(self, folder: Path) -> None:
        from ray.cluster_utils import Cluster

        Path(tempfile.gettempdir(), "ray").mkdir(exist_ok=True)  # where its address is written; nobody else makes it
        more = {"node_ip_address": "127.0.0.1", "object_store_memory": 80 << 20, "temp_dir": str(folder)}
        self.cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **more})
        self.nodes = [self.cluster.add_node(num_cpus=2, wait=False, **more) for _ in range(NODES)]
        self.cluster.wait_for_nodes()
        self.address = str(self.cluster.address)

    def kill_node_of(self, pid: int) -> None:
        """Kills the node whose worker this process is."""
        above = {each.pid for each in psutil.Process(pid).parents()}
        (node,) = [each for each in self.nodes if each.all_processes["raylet"][0].process.pid in above]
        self.nodes.remove(node)
        self.cluster.remove_node(node, allow_graceful=False)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    from ray._private import ray_constants
    from ray._raylet import Config

    with pytest.MonkeyPatch.context() as patch:
        settings = {"USAGE_STATS_ENABLED": "0", "AUTH_MODE": "token", "AUTH_TOKEN": "f" * 64, "worker_niceness": "0"}
        for name, value in settings.items():
            patch.setenv(f"RAY_{name}", value)
        Config.initialize("")  # reads those
        patch.setattr(ray_constants, "ENABLE_RAY_CLUSTER", False)
        folder = Path("/tmp") / f"dqn-test-{os.getpid()}"  # short: sockets lie in it
        found = Nodes(folder)
        yield found
        found.cluster.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


def when_saved(pattern: str, act: Callable[[int], None]) -> threading.Thread:
    """Acts, once, on the process that trains the first run of this pattern that has been saved."""

    def watch() -> None:
        for _ in range(10_000):  # a busy machine takes long to start a worker
            for saved in Path("runs").glob(f"{pattern}/checkpoints/*/*"):
                act(json.loads((saved.parents[2] / "run.lock").read_text())["pid"])
                return
            time.sleep(0.02)

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def networks(run: Any) -> bytes:
    return bytes((run.folder / "best_model.pth").read_bytes())


def test_a_comparison_is_complete_and_equal_although_a_node_is_killed(
    nodes: Nodes, capsys: pytest.CaptureFixture[str]
) -> None:
    arms = {"one": LONG, "two": replace(LONG, n=2)}
    watch = when_saved("*/*/seed-0", nodes.kill_node_of)
    listening = set[str]()
    look = threading.Thread(target=lambda: listening.update(heard()))
    look.start()
    result = dqnlab.compare(LONG.env, arms, seeds=2, ray=nodes.address, quiet=True)
    watch.join()
    look.join()
    assert "its process ended with its machine" in capsys.readouterr().err
    assert len(nodes.nodes) == NODES - 1
    assert listening <= LOOPBACK
    assert result.comparison is not None
    cells = {arm.name: arm.cells[0].seeds for arm in result.comparison.arms}
    for name, config in arms.items():
        for seed in cells[name]:
            here = dqnlab.train(replace(config, seed=seed.seed), out=Path(f"here-{name}-{seed.seed}"), trackers=())
            there = json.loads((seed.folder / "result.json").read_text())
            assert here.score is not None
            assert there["score"] == json.loads((here.folder / "result.json").read_text())["score"]
            assert (seed.folder / "best_model.pth").read_bytes() == networks(here)


def test_a_worker_killed_is_replaced_and_the_run_of_a_trusted_module_is_this_users(
    nodes: Nodes, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The workers have another home than this process, as on another machine."""
    Path("elsewhere.py").write_text(MODULE)
    monkeypatch.syspath_prepend(Path.cwd())
    config = replace(LONG, env=Env(id="elsewhere:Mine-v0"))
    watch = when_saved("*/*/seed-0", lambda pid: os.kill(pid, signal.SIGKILL))
    group = dqnlab.train_many(config, [0, 1], ray=nodes.address, trackers=(), quiet=True)
    watch.join()
    assert capsys.readouterr().err.count("seed 0: its process ended without a word") == 1
    assert not group.failures
    assert all(is_own(run.folder) for run in group.results)


def test_what_is_started_here_listens_on_this_machine_only_and_ends() -> None:
    before = {each.pid for each in psutil.Process().children(recursive=True)}
    handler = signal.getsignal(signal.SIGTERM)
    with joined("local") as cluster:
        assert cluster.address.startswith("127.0.0.1:")
        assert cluster.asks_for_token
        found = heard()
        assert found
        assert found <= LOOPBACK
        assert signal.getsignal(signal.SIGTERM) is handler
    assert {each.pid for each in psutil.Process().children(recursive=True)} <= before
