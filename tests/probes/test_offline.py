"""Learning from what was recorded alone, on tables whose values are known."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dqnlab.check.probes import GAMMA, Arrow, Probe, _corners, probe_config
from dqnlab.config import (
    C51,
    Config,
    Cql,
    Demos,
    HlGauss,
    Iqn,
    Margin,
    NoRegularizer,
    Offline,
    Quantiles,
    Scalar,
    Steps,
    presets,
)
from dqnlab.run.system import assemble

pytestmark = pytest.mark.world

# Two rooms, six doors in each: only the first door was ever taken. It costs 0, then 1.
DOORS = 6
ROOMS = Probe(
    name="rooms",
    says="the recorded way is worth -0.9, then -1; above 0 = a door that was never opened is believed to be better",
    table=[[Arrow(0, 1), *[Arrow(-2)] * (DOORS - 1)], [Arrow(-1), *[Arrow(-2)] * (DOORS - 1)]],
    q=[[-GAMMA, *[-2] * (DOORS - 1)], [-1, *[-2] * (DOORS - 1)]],
    **_corners(2),
)


def record(folder: Path, states: list[int], actions: list[int], rewards: list[float]) -> str:
    """One episode of a probe, which terminates: its end shows the state that was left."""
    obs = np.eye(2, dtype=np.float32)[[*states, states[-1]]]
    last = np.arange(len(actions)) == len(actions) - 1
    arrays = {"obs": obs, "action": np.array(actions), "reward": np.array(rewards)}
    np.savez(folder / f"{len(list(folder.iterdir()))}.npz", **arrays, terminated=last, truncated=last & False)
    return str(folder)


def learned(probe: Probe, base: Config, **changes: Any) -> np.ndarray:
    """The values [S, A] after training."""
    system = assemble(replace(probe_config(base, probe), **changes))
    try:
        for _ in system.events():
            pass
        with torch.no_grad():
            obs = torch.from_numpy(system.spec.prepare(probe.obs))
            return (system.learner.online.q_values(obs) * system.learner.online.reward_scale).numpy()
    finally:
        system.close()


def base(head: Any) -> Config:
    return replace(presets.get("dqn"), head=head, reward_scale=1.0)


HEADS = [Scalar(), Quantiles(num=11), Iqn(num=8), C51(num=21, v_min=-3, v_max=3), HlGauss(num=21, v_min=-3, v_max=3)]


@pytest.mark.parametrize("head", HEADS, ids=lambda head: head.kind)
def test_plain_learning_believes_in_doors_never_opened_and_cql_does_not(tmp_path: Path, head: Any) -> None:
    source = record(tmp_path, [0, 1], [0, 0], [0.0, -1.0])
    settings = {"experience": Offline(source=source), "budget": Steps(num=1_000)}
    plain = learned(ROOMS, base(head), regularizer=NoRegularizer(), **settings)
    careful = learned(ROOMS, base(head), regularizer=Cql(alpha=0.5), **settings)
    assert plain[1, 0] == pytest.approx(-1.0, abs=0.2)  # what is known is learned by both …
    assert plain[0, 0] > -0.5  # … but what follows is rated by the best of all guesses
    assert careful[1].argmax() == careful[0].argmax() == 0
    assert careful[1, 0] == pytest.approx(-1.0, abs=0.2)
    assert careful[0, 0] == pytest.approx(-GAMMA, abs=0.25)


def test_a_demonstrated_action_is_worth_more_by_the_margin(tmp_path: Path) -> None:
    """Both actions pay the same; the one that was shown is preferred, as far as the losses balance."""
    even = Probe(
        name="even", says="", table=[[Arrow(0), Arrow(0)], [Arrow(0), Arrow(0)]], q=[[0, 0]] * 2, **_corners(2)
    )
    source = record(tmp_path, [0], [1], [0.0])
    config = base(Scalar())
    demos = {"experience": Demos(source=source, share=0.5), "budget": Steps(num=400)}
    without = learned(even, config, regularizer=NoRegularizer(), **demos)
    shown = learned(even, config, regularizer=Margin(margin=0.8, weight=1.0), **demos)
    assert abs(without[0, 1] - without[0, 0]) < 0.05
    assert shown[0, 1] - shown[0, 0] > 0.3
