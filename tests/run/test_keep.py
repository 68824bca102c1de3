"""What is kept of a run is a copy of the right moment, and keeping it changes nothing."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from dqnlab.config import Config, Env, Mlp, Steps
from dqnlab.envs.seeds import generator
from dqnlab.errors import ResourceError
from dqnlab.learn.learner import loss
from dqnlab.learn.types import Batch
from dqnlab.learn.weights import export_weights, import_weights
from dqnlab.run.events import BlockEnded, Evaluated
from dqnlab.run.keep import MOST_SNAPSHOTS, Keeper, save_weights
from dqnlab.run.system import System, assemble
from dqnlab.store.door import DISK
from dqnlab.store.folder import BATCH, BEST, LAST, SNAPSHOTS, TARGET

CONFIG = Config(
    env=Env(num_envs=8),
    torso=Mlp(hidden=(8, 8)),
    learning_starts=64,
    batch_size=16,
    update_every=4,
    replay_capacity=1000,
    budget=Steps(num=1200),
    evaluate_every=Steps(num=200),
    select_episodes=2,
    stop_when_solved=False,
)


def keeper(system: System) -> Keeper:
    rng = generator(system.config.seed, "record")
    return Keeper(Path.cwd(), system.learner, system.memory, system.config.gamma, rng)


@pytest.fixture
def system() -> Iterator[System]:
    made = assemble(CONFIG)
    yield made
    made.close()


def watch(keep: Keeper, events: Iterable[Any]) -> Iterator[Any]:
    """The events, each after the keeper has taken it."""
    for event in events:
        keep.take(event)
        yield event


def on_disk(name: str) -> dict[str, torch.Tensor]:
    return torch.load(name, weights_only=True)


def same(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> bool:
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def test_the_best_is_saved_before_anyone_hears_of_it_and_stays_while_training_goes_on(system: System) -> None:
    best: dict[str, torch.Tensor] = {}
    evaluations = []
    for event in watch(keeper(system), system.events()):
        if isinstance(event, Evaluated):
            evaluations.append(event.best)
            if event.best:
                best = dict(export_weights(system.learner.online))
        if best:
            assert same(on_disk(BEST), best)
    assert evaluations[0]
    assert not all(evaluations)


def test_last_and_target_are_the_networks_of_the_end(system: System) -> None:
    keep = keeper(system)
    for _ in watch(keep, system.events()):
        pass
    keep.save_end()
    assert same(on_disk(LAST), dict(export_weights(system.learner.online)))
    assert same(load_file(TARGET), dict(export_weights(system.learner.target)))
    assert not same(on_disk(LAST), load_file(TARGET))


def events(num: int, every: int) -> Iterator[Any]:
    """Blocks of `every` steps, without updates."""
    for step in range(every, num + 1, every):
        yield BlockEnded(step, 0, 0, 0.1)


@pytest.mark.parametrize(("num", "every"), [(400, 8), (6000, 8), (6500, 8), (1_000_000, 64), (50_000, 4096)])
def test_snapshots_are_few_and_spread_over_the_whole_of_training(system: System, num: int, every: int) -> None:
    keep = keeper(system)
    for _ in watch(keep, events(num, every)):
        pass
    keep.save_end()
    steps = sorted({int(name.split("/")[0]) for name in load_file(SNAPSHOTS)})
    assert len(steps) <= MOST_SNAPSHOTS
    if num >= 6000:
        assert len(steps) >= MOST_SNAPSHOTS // 2
        gaps = [b - a for a, b in zip([0, *steps], [*steps, num], strict=True)]
        assert max(gaps) <= 2.1 * sorted(gaps)[len(gaps) // 2] + every


def test_a_snapshot_is_the_network_of_its_step(system: System) -> None:
    keep, seen = keeper(system), {}
    for event in watch(keep, system.events()):
        if isinstance(event, BlockEnded):
            seen[event.step] = dict(export_weights(system.learner.online))
    keep.save_end()
    tensors = load_file(SNAPSHOTS)
    steps = {int(name.split("/")[0]) for name in tensors}
    assert steps
    for step in steps:
        kept = {name.split("/")[1]: w for name, w in tensors.items() if name.startswith(f"{step}/")}
        assert same(kept, seen[step])


def test_the_recorded_batch_and_networks_are_of_one_moment(system: System) -> None:
    keep, seen = keeper(system), {}
    for event in watch(keep, system.events()):
        if isinstance(event, BlockEnded):
            seen[system.learner.updates] = dict(export_weights(system.learner.online))
    keep.save_end()
    kept = load_file(BATCH)
    part = lambda name: {k.split("/", 1)[1]: v for k, v in kept.items() if k.startswith(name + "/")}  # noqa: E731
    updates = int(kept["updates"])
    assert updates >= 100
    assert same(part("online"), seen[updates])
    assert int(kept["optimizer/steps"]) == updates
    other = assemble(CONFIG)
    import_weights(other.learner.online, part("online"))
    import_weights(other.learner.target, part("target"))
    mean, _ = loss(other.learner.online, other.learner.target, Batch(**part("batch")), other.learner.rule)
    assert len(part("batch")["action"]) == CONFIG.batch_size
    assert torch.isfinite(mean)
    assert mean.item() > 0


def test_keeping_changes_nothing_in_training() -> None:
    weights = []
    for keeping in (True, False):
        system = assemble(replace(CONFIG, seed=4))
        source = watch(keeper(system), system.events()) if keeping else system.events()
        for _ in source:
            pass
        weights.append(dict(export_weights(system.learner.online)))
        system.close()
    assert same(*weights)


def test_a_run_that_never_learned_can_be_kept_too(system: System) -> None:
    keeper(system).save_end()
    assert same(on_disk(LAST), dict(export_weights(system.learner.online)))
    assert load_file(SNAPSHOTS) == load_file(BATCH) == {}


def test_a_failing_disk_leaves_the_old_best(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    save_weights(Path(BEST), export_weights(system.learner.online))
    before = Path(BEST).read_bytes()

    def fail(file: int, data: memoryview) -> None:
        os.write(file, data[: len(data) // 2])
        raise OSError("disk full")

    monkeypatch.setattr(DISK, "write", fail)
    with pytest.raises(ResourceError, match=r"'best_model\.pth' cannot be written: disk full"):
        save_weights(Path(BEST), export_weights(system.learner.target))
    assert Path(BEST).read_bytes() == before
    assert not list(Path().glob("*.part"))


def test_a_best_network_that_cannot_be_written_costs_a_line_and_never_the_run(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(file: int, data: memoryview) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(DISK, "write", fail)
    with pytest.warns(UserWarning, match=r".*best_model\.pth' cannot be written: disk full\. Training continues"):
        keeper(system).take(Evaluated(1, (1.0,), 1.0, True, 1.0, 0.0, 0.0))
