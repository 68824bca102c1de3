"""Whether an environment does the same when it should, and something else when it should."""

from collections.abc import Sequence

import numpy as np

from ...envs.contract import Answer, Contract
from ...envs.guard import Guarded
from ...errors import EnvironmentFault, counted
from .findings import Findings
from .random_play import Timed, some_action

LONGEST = 200  # steps of a tape
MOST_TRIES = 10  # episodes that may look alike by chance before we say that all do

Tape = list[tuple[bytes, float, bool, bool]]


def check_repeats(copies: Sequence[Guarded], contract: Timed, found: Findings, rng: np.random.Generator) -> None:
    """Plays the same actions again and again on one or two copies of an environment, from equal and other seeds."""
    first, *others = copies
    length = int(np.clip(0.3 / max(contract.mean_seconds("step"), 1e-9), 5, LONGEST))  # a tape may take 0.3 s
    chances = rng.random(length).tolist()
    try:
        tape = _tape(first, contract, 1, chances)
        for second in others:
            _check_same(tape, _tape(second, contract, 1, chances), "two copies", found)
        _check_same(tape, _tape(first, contract, 1, chances), "two episodes of one copy", found)
        where = " and on another copy" if others else ""
        found.ok("seeding", f"seed 1 gives the same episode again, over {counted(len(tape) - 1, 'step')}{where}")
        if all(_tape(copies[-1], contract, seed, chances) == tape for seed in range(2, 2 + MOST_TRIES)):
            what = f"{MOST_TRIES} seeds all give the same episode under the same actions: nothing in it is random"
            found.note("episodes", what, "all episodes of a greedy agent will be the same")
            return
        after = _tape(first, contract, None, chances)
        if all(_tape(first, contract, None, chances) == after for _ in range(MOST_TRIES)):
            what = "episodes begun without a seed are all the same, though different seeds give different ones"
            found.warning("episodes", what, "in reset, leave the generator alone if seed is None")
        found.ok("episodes", "different seeds give different episodes, and so do successive episodes")
    except EnvironmentFault:
        return  # it is a finding already


def _tape(env: Guarded, contract: Contract, seed: int | None, chances: list[float]) -> Tape:
    """What an episode shows under the actions that these numbers stand for, as long as it and they last."""
    answer = contract.reset(env, seed)
    tape = [_frame(answer)]
    for chance in chances:
        answer = contract.step(env, some_action(contract.spec, answer.obs, chance))
        tape.append(_frame(answer))
        if tape[-1][2] or tape[-1][3]:
            break
    return tape


def _frame(answer: Answer) -> tuple[bytes, float, bool, bool]:
    seen = b"" if answer.obs is None else answer.obs.tobytes()
    return seen, answer.reward, answer.terminated, answer.truncated


def _check_same(one: Tape, other: Tape, what: str, found: Findings) -> None:
    at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
    if at is None:
        return
    names = ("observation", "reward", "terminated", "truncated")
    name = next(name for name, a, b in zip(names, one[at], other[at], strict=True) if a != b)
    when = "after reset" if at == 0 else f"at step {at}"
    what = f"{what}, both reset with seed 1 and given the same actions, differ in the {name} {when}"
    advice = "draw only from self.np_random, call super().reset(seed=seed) first, and reset whatever a step changes"
    found.warning("seeding", f"{what}: no run can be repeated", advice)
