"""Collectors in processes of their own, by Ray: the same as in this one, also when one of them is killed."""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import dqnlab
from dqnlab.cluster import joined
from dqnlab.config import Collectors, Config, Env, Steps
from dqnlab.envs.remote import Remote
from dqnlab.errors import ConfigError, ResourceError
from dqnlab.run import rays
from dqnlab.run.events import BlockEnded
from dqnlab.run.system import System, assemble

from ..counting import Counting
from ..equal import same
from ..tiny import tiny
from .test_remote import COUNTED, IN_STEP, check_whole

ray = pytest.importorskip("ray")
pytestmark = [pytest.mark.world, pytest.mark.timeout(400)]


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    with joined("local"):
        yield


def trained(config: Config) -> System:
    run = assemble(config)
    try:
        list(run.events())
        return run
    finally:
        run.close()


def test_a_collector_in_another_process_learns_what_a_run_without_does_to_the_last_bit(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Here one that starts slowly is no warning: it waits for no processor."""
    monkeypatch.setattr(rays, "STARTING", rays.LOOK_EVERY)
    base = tiny(n=3, update_every=1, budget=Steps(num=300))
    there, here = trained(replace(base, collectors=IN_STEP)), trained(base)
    same(there.learner.state_dict(), here.learner.state_dict())
    assert "collector 1 of 1 has not begun after 1 s" in caplog.messages


def process_of(run: System, number: int) -> int:
    """The process in which a collector lives, which the collector itself says."""
    assert isinstance(run.collector, Remote)
    actor = run.collector._hands._actors[number]  # type: ignore[attr-defined]
    return int(ray.get(actor.__ray_call__.remote(lambda self: os.getpid())))


def test_a_collector_that_is_killed_in_mid_episode_is_replaced_and_leaves_nothing_half() -> None:
    run = assemble(replace(COUNTED, budget=Steps(num=1_000)))

    def learn_and_kill() -> None:
        for event in run.events():
            if isinstance(event, BlockEnded) and event.step == 300:
                victim = process_of(run, 1)
                assert os.getpriority(os.PRIO_PROCESS, victim) == os.getpriority(os.PRIO_PROCESS, 0)
                os.kill(victim, signal.SIGKILL)

    try:
        with pytest.warns(UserWarning, match="collector 2 of 2 died and was replaced"):
            learn_and_kill()
        check_whole(run)
    finally:
        run.close()
    assert run.collector.replaced == 1  # type: ignore[union-attr]


def test_a_run_with_collectors_is_trained_judged_and_resumed(tmp_path: Path) -> None:
    config = tiny(collectors=Collectors(num=2, batch_steps=8), checkpoint_every=100, stop_when_solved=False)
    run = dqnlab.train(config, out=tmp_path / "run", trackers="none")
    assert (run.interrupted, run.inexact) == (False, "")
    assert run.score is not None
    assert '"collectors/updates_behind"' in (run.folder / "metrics.jsonl").read_text("utf-8")
    more = dqnlab.resume(run, budget=Steps(num=500), trackers="none")
    assert more.env_steps >= 500
    assert more.resumed == "not exact"
    assert "its collectors began new episodes at step 300" in more.inexact


def test_what_cannot_be_sent_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be passed to other processes"):
        dqnlab.train(tiny(env=Env(id=lambda: Counting()), collectors=Collectors(num=1)), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_several_seeds_with_collectors_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"collectors\.num = 2 is for one run at a time, and --seeds"):
        dqnlab.train_many(tiny(collectors=Collectors(num=2)), [0, 1], out=tmp_path / "group")
    assert not (tmp_path / "group").exists()


def test_when_ray_is_lost_one_error_says_so_and_all_that_was_learned_is_saved(tmp_path: Path) -> None:
    """The last one here: nothing of Ray is left after it."""
    raylet = ray._private.worker.global_worker.node.all_processes["raylet"][0].process.pid
    config = tiny(collectors=Collectors(num=1), checkpoint_every=0, budget=Steps(num=100_000))

    def kill(event: object) -> None:
        if isinstance(event, BlockEnded) and event.step == 320:
            os.kill(raylet, signal.SIGKILL)

    with pytest.raises(ResourceError, match="Ray was lost: its process on this machine"):
        dqnlab.train(config, out=tmp_path / "run", trackers="none", on_event=kill)
    [step] = [each.name for each in (tmp_path / "run" / "checkpoints").glob("step-*")]
    assert 320 <= int(step.removeprefix("step-")) < 1_000
