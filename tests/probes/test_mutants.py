"""Well-known mistakes, planted one by one: a probe turns red for each, most by the very number that it foretells."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

import dqnlab.build
import dqnlab.learn.heads
import dqnlab.learn.learner
from dqnlab.check.probes import selftest
from dqnlab.config import Config, Env
from dqnlab.envs.vector import SerialEnvs
from dqnlab.learn.encoder import Encoder
from dqnlab.learn.heads import row_of
from dqnlab.learn.losses import Loss
from dqnlab.learn.nstep import NStep, StepResult
from dqnlab.learn.replay import Replay
from dqnlab.learn.types import Block, Transitions

Patch = pytest.MonkeyPatch
ORIGINAL = NStep.__call__
ADD = Replay.add


def seen_by_the_fold(change: Callable[[StepResult], StepResult]) -> Callable[[Patch], None]:
    """Plants a mistake in what n-step folding gets to see."""

    def plant(patch: Patch) -> None:
        patch.setattr(NStep, "__call__", lambda self, step: ORIGINAL(self, change(step)))

    return plant


def handed_out(change: Callable[[NStep, Transitions], Transitions]) -> Callable[[Patch], None]:
    """Plants a mistake in the transitions that n-step folding hands out."""
    return lambda patch: patch.setattr(NStep, "__call__", lambda self, step: change(self, ORIGINAL(self, step)))


def lose_the_tails(fold: NStep, transitions: Transitions) -> Transitions:
    keep = slice(0, 1) if fold._steps >= fold.n else slice(0, 0)
    return Transitions(*(column[keep] for column in transitions))


def stored(change: Callable[[Replay, np.ndarray], None]) -> Callable[[Patch], None]:
    """Plants a mistake in the rows of what was just stored."""

    def add(replay: Replay, block: Block) -> None:
        before = replay.added
        ADD(replay, block)
        change(replay, np.arange(before, replay.added) % replay.layout.capacity)

    return lambda patch: patch.setattr(Replay, "add", add)


def bootstrap_one_step_on(replay: Replay, rows: np.ndarray) -> None:
    replay.tensors.end[rows] = (replay.tensors.start[rows] + 1) % replay.layout.num_frames


def pair_with_the_observation_before(replay: Replay, rows: np.ndarray) -> None:
    replay.tensors.start[rows] = (replay.tensors.start[rows] - 1).clamp(min=0)


def mix_the_samples(patch: Patch) -> None:
    def loss(q: Any, next_q: Any, reward: Any, discount: Any, huber: Any) -> Loss:
        target = reward + discount * next_q
        each = (q[:, None] - target[None, :]) ** 2  # [B, B] where [B] was meant
        return Loss(each.mean(1), (q - target).abs().detach(), target)

    patch.setattr(dqnlab.learn.heads, "td_loss", loss)


def never_sync(patch: Patch) -> None:
    patch.setattr(dqnlab.build, "HardSync", lambda every: lambda online, target, updates: None)


def always_the_first_action(patch: Patch) -> None:
    patch.setattr(dqnlab.learn.learner, "row_of", lambda values, action: row_of(values, torch.zeros_like(action)))


def next_by(choose: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[Patch], None]:
    rule = lambda online, target, batch: (batch.reward, choose(target(batch.next_obs)))  # noqa: E731
    return lambda patch: patch.setattr(dqnlab.build, "greedy", rule)


def hand_out_own_memory(patch: Patch) -> None:
    """Shows in whatever looks at an observation later than at once; the replay does so here."""
    reset, step = SerialEnvs.reset, SerialEnvs.step
    store_a_block_late(patch)

    def aliased_reset(self: SerialEnvs, seeds: Any) -> np.ndarray:
        reset(self, seeds)
        return self._obs

    patch.setattr(SerialEnvs, "reset", aliased_reset)
    patch.setattr(SerialEnvs, "step", lambda self, action: step(self, action)._replace(next_obs=self._obs))


def store_a_block_late(patch: Patch) -> None:
    """No mistake: a block is a value, which may be stored whenever one likes."""
    waiting: list[Block] = []
    add = Replay.add

    def late(self: Replay, block: Block) -> None:
        waiting.append(block)
        if len(waiting) > 1:
            add(self, waiting.pop(0))

    patch.setattr(Replay, "add", late)


def blind(patch: Patch) -> None:
    see = Encoder.forward
    patch.setattr(Encoder, "forward", lambda self, obs: torch.zeros_like(see(self, obs)))


def mix_the_envs(replay: Replay, rows: np.ndarray) -> None:
    replay.tensors.end[rows] = replay.tensors.end[rows].roll(1)


class Mutant(NamedTuple):
    plant: Callable[[Patch], None]
    probe: str
    n: int = 1
    num_envs: int = 1
    wrong: list[list[float]] | None = None  # the values it leads to, where they can be foretold


MUTANTS = {
    "truncation is taken for termination": Mutant(
        seen_by_the_fold(lambda s: s._replace(terminated=s.terminated | s.truncated)), "cut", wrong=[[3.571]]
    ),
    "the terminal state is bootstrapped": Mutant(
        seen_by_the_fold(lambda s: s._replace(terminated=s.terminated & False, truncated=s.terminated | s.truncated)),
        "delay",
        wrong=[[9], [10]],
    ),
    "the reset step is stored": Mutant(
        seen_by_the_fold(lambda s: s._replace(live=np.ones_like(s.live))), "cut", wrong=[[8.333]]
    ),
    "the window leaks over truncation": Mutant(
        seen_by_the_fold(lambda s: s._replace(truncated=s.truncated & False)), "worlds", n=3
    ),
    "the tails are lost at the end": Mutant(handed_out(lose_the_tails), "corridor", n=3),
    "bootstraps one step on but discounts n": Mutant(
        stored(bootstrap_one_step_on), "corridor", n=3, wrong=[[0.430], [0.590], [0.81], [0.9], [1]]
    ),
    "bootstraps n steps on but discounts one": Mutant(
        handed_out(lambda _, t: t._replace(discount=np.where(t.discount > 0, np.float32(0.9), t.discount))),
        "corridor",
        n=3,
        wrong=[[0.81], [0.9], [0.81], [0.9], [1]],
    ),
    "gamma is dropped": Mutant(
        handed_out(lambda _, t: t._replace(discount=(t.discount > 0).astype(np.float32))),
        "delay",
        wrong=[[1], [1]],
    ),
    "the target never follows": Mutant(never_sync, "delay"),
    "errors of different samples are mixed": Mutant(mix_the_samples, "sign", wrong=[[0], [0]]),
    "only the first action learns": Mutant(always_the_first_action, "choice"),
    "actions belong to the observation before": Mutant(
        stored(pair_with_the_observation_before), "context", wrong=[[0, 0], [0, 0]]
    ),
    "bootstraps from the mean": Mutant(next_by(lambda v: v.mean(1)), "best next", wrong=[[0, 0], [-1, 1]]),
    "bootstraps from the worst": Mutant(next_by(lambda v: v.amin(1)), "best next", wrong=[[-0.9, -0.9], [-1, 1]]),
    "envs hand out their own memory": Mutant(hand_out_own_memory, "delay"),
    "the number of a state is not seen": Mutant(blind, "numbered"),
    "envs are mixed": Mutant(stored(mix_the_envs), "worlds", num_envs=4),
}


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=MUTANTS)
def test_a_planted_mistake_turns_a_probe_red(mutant: Mutant, monkeypatch: Patch) -> None:
    mutant.plant(monkeypatch)
    (result,) = selftest([mutant.probe], Config(n=mutant.n, env=Env(num_envs=mutant.num_envs)))
    assert not result.passed
    if mutant.wrong is not None:
        # Mistakes that mix make the targets noisy, and the network follows the noise a little.
        np.testing.assert_allclose(
            result.got, mutant.wrong, atol=0.5 if abs(np.array(mutant.wrong)).max() > 1 else 0.25
        )


def test_storing_late_alone_is_no_mistake(monkeypatch: Patch) -> None:
    store_a_block_late(monkeypatch)
    (result,) = selftest([MUTANTS["envs hand out their own memory"].probe], Config())
    assert result.passed
