"""Mistakes of networks that remember, planted one by one: a probe turns red for each."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from dqnlab.check.probes import selftest
from dqnlab.config import Config, Gru
from dqnlab.learn.recurrent import RecurrentTorso
from dqnlab.learn.sequences import Rows, SequenceReplay
from dqnlab.learn.types import Batch, Sequences

Patch = pytest.MonkeyPatch
UNROLL, GATHER, STORE = RecurrentTorso.unroll, SequenceReplay.gather, SequenceReplay._store


def seen_by_the_torso(change: Callable[[Sequences], Sequences]) -> Callable[[Patch], None]:
    return lambda patch: patch.setattr(RecurrentTorso, "unroll", lambda self, x, draw: UNROLL(self, change(x), draw))


def gathered(change: Callable[[Rows], Rows]) -> Callable[[Patch], None]:
    """Plants a mistake in the rows that are learned from."""

    def gather(self: SequenceReplay, tensors: Any, slots: Any, weight: Any) -> Batch:
        return GATHER(self, change(tensors), slots, weight)

    return lambda patch: patch.setattr(SequenceReplay, "gather", gather)


def end_of_the_sequence(rows: Rows) -> Rows:
    last = rows.first.shape[1] - 1
    return rows._replace(end=torch.full_like(rows.end, last))


class Mutant(NamedTuple):
    plant: Callable[[Patch], None]
    probe: str
    wrong: list[list[float]] | None = None  # the values it leads to, where they can be foretold


MUTANTS = {
    "nothing is remembered": Mutant(
        seen_by_the_torso(lambda x: x._replace(first=torch.ones_like(x.first))),
        "cue",
        wrong=[[0], [0], [0], [0], [0], [0]],
    ),
    "what bootstraps is the observation itself": Mutant(gathered(lambda rows: rows._replace(end=rows.start)), "delay"),
    "what bootstraps is the end of the sequence": Mutant(gathered(end_of_the_sequence), "corridor"),
    "transitions belong to the moment before": Mutant(
        gathered(lambda rows: rows._replace(start=rows.start - 1)), "context"
    ),
    "learning remembers the episode before": Mutant(
        gathered(lambda rows: rows._replace(first=torch.zeros_like(rows.first))), "corridor"
    ),
    "actions are those of the sequence before": Mutant(
        gathered(lambda rows: rows._replace(action=rows.action.roll(1, 0))), "choice"
    ),
}


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=MUTANTS)
def test_a_planted_mistake_turns_a_probe_red(mutant: Mutant, monkeypatch: Patch) -> None:
    mutant.plant(monkeypatch)
    (result,) = selftest([mutant.probe], Config(torso=Gru()))
    assert not result.passed
    if mutant.wrong is not None:
        np.testing.assert_allclose(result.got, mutant.wrong, atol=0.5)
