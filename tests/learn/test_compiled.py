"""The update as a pure function of tensors, against the learner's own; and the names of compiled programs."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch.func import vmap
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

from dqnlab.learn.convs import Impala, Layer, Plain
from dqnlab.learn.fast import compiled
from dqnlab.learn.fast.compiled import CompileError, Fresh, Inputs, compile_program, pure_update, short_product
from dqnlab.learn.layout import Layout
from dqnlab.learn.learner import PolyakSync, State, Update
from dqnlab.learn.targets import double
from dqnlab.learn.types import ObsSpec, Sample
from dqnlab.oslock import in_turn

# vmap steps through one operation of Adam agent by agent, and says so
pytestmark = pytest.mark.filterwarnings("ignore:There is a performance drop:UserWarning")
ROUNDS = 12
VECTOR = ObsSpec((4,), np.dtype(np.float32))


def assert_close(one: Any, other: Any) -> None:
    for mine, theirs in zip(one, other, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("agents", [1, 3])
@pytest.mark.parametrize(("rows", "shared", "columns"), list(product((1, 3, 4), repeat=3)))
def test_products_with_a_short_side_are_sums_of_the_same_value(
    agents: int, rows: int, shared: int, columns: int
) -> None:
    draws = torch.Generator().manual_seed(0)
    left, right = (
        torch.randn(agents, rows, shared, generator=draws),
        torch.randn(agents, shared, columns, generator=draws),
    )
    made = short_product(left, right)
    if shared > 3 and columns > 3 and rows != 3:
        assert made is NotImplemented
    else:
        torch.testing.assert_close(made, left @ right)


# ── As it is written ─────────────────────────────────────────────────────────────────────────────

PIXELS = Layout(120, ObsSpec((3, 2, 2), np.dtype(np.uint8), stack=3), n=3, reach=12)
PICTURES = Layout(120, ObsSpec((3, 5, 4), np.dtype(np.uint8), stack=3, scale=255), n=3, reach=12)
STATES = Layout(150, ObsSpec((), np.dtype(np.int64), num_states=7), n=3, reach=8)
BOOLS = Layout(150, ObsSpec((2, 5), np.dtype(bool), stack=2), n=1, reach=6)
NUMBER = Layout(150, ObsSpec((), np.dtype(np.float32)), n=2, reach=6)
FLOATS = Layout(150, ObsSpec((4, 3), np.dtype(np.float32), stack=4), n=2, reach=12)
MASKED = Layout(150, ObsSpec((6,), np.dtype(np.float32), mask=4), n=1, reach=6)
RESIDUAL = partial(Impala, channels=(2, 3))
KINDS: dict[str, dict[str, Any]] = {
    "greedy": {},
    "double": {"rule": double},
    "huber": {"huber": 1.0, "rule": double},
    "not clipped": {"max_grad_norm": None},
    "prioritised": {"prioritised": True},
    "stacked pixels": {"layout": PIXELS, "prioritised": True},
    "convolutions": {"layout": PICTURES, "conv": partial(Plain, layers=(Layer(2, 2, 2), Layer(3, 1)))},
    "residual convolutions": {"layout": PICTURES, "conv": RESIDUAL, "huber": 1.0},
    "states": {"layout": STATES, "rule": double},
    "bools": {"layout": BOOLS, "huber": 1.0},
    "a single number": {"layout": NUMBER, "sync": PolyakSync(0.1)},
    "masked": {"layout": MASKED, "rule": double},
    "one layer": {"hidden": (16,), "sync": PolyakSync(0.1)},
    "three layers": {"hidden": (8, 4, 8), "layout": FLOATS},
}
"""Every kind of observation, network, rule, loss, sampler and sync at least once."""
COMPILED: dict[str, dict[str, Any]] = {
    "stacked pictures, residual convolutions, huber": {"layout": PICTURES, "huber": 1.0, "conv": RESIDUAL},
    "bools, double, huber, one layer": {"layout": BOOLS, "rule": double, "huber": 1.0, "hidden": (16,)},
    "a number, three layers, prioritised": {"layout": NUMBER, "hidden": (8, 4, 8), "prioritised": True},
    "states": {"layout": STATES},
    "masked, double": {"layout": MASKED, "rule": double},
}
"""Each kind of the above at least once; vectors and unclipped gradients are compiled by test_stack."""


def inputs_of(agent: Any, sample: Sample) -> Inputs:
    """Of an update of the agent, on copies of what it would change."""
    state = tree_map(torch.clone, agent.learner.state)
    factors = torch.tensor(agent.learner.optimizer.next_factors)
    drawn = torch.from_numpy(sample.slots), torch.from_numpy(sample.weight)
    fresh = Fresh(factors, *drawn, torch.zeros(0), agent.learner.draw(len(sample.slots)))
    return Inputs(state, agent.replay.tensors, fresh)


def update_of(agent: Any) -> Callable[[Inputs], Update]:
    learner = agent.learner
    return pure_update(learner.online, learner.rule, learner.optimizer.descent, agent.replay.gather)


def changed(state: State) -> list[torch.Tensor]:
    return [state.online, state.target, *state.memory]


@pytest.mark.parametrize("settings", KINDS.values(), ids=KINDS)
def test_the_pure_update_is_the_learners(agent_of: Any, settings: dict[str, Any]) -> None:
    agent = agent_of(**settings)
    update, begun = update_of(agent), agent.learner.state.online.clone()
    kept: Inputs | None = None
    for number in range(1, ROUNDS + 1):
        sample = agent.sample()
        given = inputs_of(agent, sample)
        kept = given if kept is None else given._replace(state=kept.state)
        pure, own = update(kept), agent.update(sample)
        agent.learner.sync(kept.state.online, kept.state.target, number)
        agent.replay.update_priorities(sample.slots, own.error)
        assert_close(pure, own)
        assert_close(changed(kept.state), agent.tensors)
    assert kept is not None
    assert (agent.learner.state.online - begun).abs().max() > ROUNDS * 1e-4  # it did learn


class SideBySide:
    """Agents of one kind that learn as one by pure arithmetic, and beside it each alone."""

    def __init__(self, agents: list[Any]):
        self.update = vmap(update_of(agents[0]))
        self._agents = agents
        self._samples: list[Sample] = []
        self._kept: Inputs | None = None

    def draw(self) -> Inputs:
        """What the next update takes, [S, ...] each."""
        self._samples = [agent.sample() for agent in self._agents]
        given = tree_map(lambda *rows: torch.stack(rows), *map(inputs_of, self._agents, self._samples))
        if self._kept is not None:
            given = given._replace(state=self._kept.state)
        self._kept = given
        return given

    def check(self, together: Update, number: int) -> None:
        """Lets each learn alone from what was drawn, and compares."""
        assert self._kept is not None
        state = self._kept.state
        for i, (agent, sample) in enumerate(zip(self._agents, self._samples, strict=True)):
            own = agent.update(sample)
            assert_close([each[i] for each in together], own)
            agent.learner.sync(state.online[i], state.target[i], number)
            agent.replay.update_priorities(sample.slots, own.error)
            assert_close([each[i] for each in changed(state)], agent.tensors)


@pytest.mark.parametrize("settings", KINDS.values(), ids=KINDS)
def test_agents_side_by_side_learn_as_each_alone(agent_of: Any, settings: dict[str, Any]) -> None:
    agents = SideBySide([agent_of(seed=seed, **settings) for seed in range(3)])
    for number in range(1, ROUNDS + 1):
        agents.check(agents.update(agents.draw()), number)


@pytest.mark.world
@pytest.mark.timeout(300)
def test_every_kind_compiles_and_learns_the_same(agent_of: Any, programs: Path) -> None:
    """All of them in one program, for compiling it takes some 15 s however little it computes."""
    kinds = [SideBySide([agent_of(seed=seed, **settings) for seed in range(2)]) for settings in COMPILED.values()]
    leaves, structure = tree_flatten([kind.draw() for kind in kinds])

    def learn(*tensors: torch.Tensor) -> list[torch.Tensor]:
        given = iter(tensors)  # without those of no numbers, as a stack hands them over
        whole = [next(given) if leaf.numel() else torch.zeros(leaf.shape) for leaf in leaves]
        inputs = tree_unflatten(whole, structure)
        return [output for kind, each in zip(kinds, inputs, strict=True) for output in kind.update(each)]

    program = compile_program(learn, [leaf for leaf in leaves if leaf.numel()], programs, lambda line: None)
    for number in range(1, ROUNDS + 1):
        outputs = iter(program([leaf for leaf in leaves if leaf.numel()]))
        for kind in kinds:
            kind.check(Update(*(next(outputs) for _ in Update._fields)), number)
        leaves, _ = tree_flatten([kind.draw() for kind in kinds])


# ── Programs on disk ─────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The programs that would have been compiled: in their place lie empty files, which load as nothing."""
    import torch._inductor

    paths: list[Path] = []

    def build(traced: Any, example: Any, path: Path) -> None:
        paths.append(path)
        path.write_bytes(b"")

    empty = SimpleNamespace(loader=SimpleNamespace(run=lambda tensors: []))
    monkeypatch.setattr(compiled, "_build", build)
    monkeypatch.setattr(torch._inductor, "aoti_load_package", lambda path: empty)
    return paths


def test_the_same_arithmetic_is_compiled_once_and_said_once(
    agent_of: Any, stack_of: Any, built: list[Path], tmp_path: Path
) -> None:
    said: list[str] = []
    for seed in (0, 1):  # other numbers, the same arithmetic
        stack_of([agent_of(seed=seed)], tmp_path, said)
    assert len(built) == len(said) == 1
    assert "compiling the update" in said[0]
    stack_of([agent_of(lr=2e-3)], tmp_path, said)  # a learning rate is data
    assert len(built) == len(said) == 1
    stack_of([agent_of(beta1=0.8)], tmp_path, said)
    assert len(set(built)) == len(said) == 2


@pytest.mark.parametrize(("steps", "takes"), [(10, "some 12 s"), (2_100, "a minute or two")])
def test_how_long_compiling_takes_is_told_by_its_size(
    built: list[Path], tmp_path: Path, steps: int, takes: str
) -> None:
    said: list[str] = []

    def halved(x: torch.Tensor) -> list[torch.Tensor]:
        for _ in range(steps):
            x = x / 2
        return [x]

    compile_program(halved, [torch.ones(1)], tmp_path, said.append)
    assert said[0].startswith(f"compiling the update: {takes}, once for this configuration")


def test_whoever_waits_for_a_process_that_compiles_the_same_finds_what_it_made(
    agent_of: Any, stack_of: Any, built: list[Path], tmp_path: Path
) -> None:
    stack_of([agent_of()], tmp_path)
    program, said = built.pop(), []
    program.unlink()
    with ExitStack() as other:
        other.enter_context(in_turn(program.with_suffix(".lock"), lambda: None, 60))

        class Said(list[str]):
            def append(self, line: str) -> None:
                said.append(line)
                program.write_bytes(b"")
                other.close()

        stack_of([agent_of()], tmp_path, Said())
    assert said == ["waiting for another process, which compiles the same update"]
    assert built == []
    assert list(tmp_path.glob("*.lock")) == []


OTHERS = {
    "beta1": {"beta1": 0.8},
    "beta2": {"beta2": 0.99},
    "eps": {"eps": 1e-7},
    "clipping": {"max_grad_norm": 1.0},
    "rule": {"rule": double},
    "huber": {"huber": 1.0},
    "capacity": {"layout": Layout(201, VECTOR, n=3, reach=8)},
    "stack": {"layout": Layout(200, ObsSpec((4, 1), np.dtype(np.float32), stack=4), n=3, reach=14)},
}


@pytest.mark.world
def test_other_arithmetic_is_another_program(agent_of: Any, stack_of: Any, built: list[Path], tmp_path: Path) -> None:
    for settings in ({}, *OTHERS.values()):
        stack_of([agent_of(**settings)], tmp_path)
    stack_of([agent_of(), agent_of()], tmp_path)
    assert len(set(built)) == len(OTHERS) + 2


@pytest.mark.world
@pytest.mark.timeout(300)
def test_a_second_stack_finds_the_program_at_any_learning_rate_and_another_optimiser_does_not(
    member_of: Any, stack_of: Any, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack_of([member_of()], programs)
    asked: list[Path] = []

    def refuse(traced: Any, example: Any, path: Path) -> None:
        asked.append(path)
        raise OSError("no compiler")

    monkeypatch.setattr(compiled, "_build", refuse)
    stack_of([member_of(seed=1)], programs)
    stack_of([member_of(lr=2e-3)], programs)
    assert asked == []
    with pytest.raises(CompileError, match="OSError: no compiler"):
        stack_of([member_of(beta1=0.7)], programs)
    assert len(asked) == 1


def test_a_damaged_library_is_compiled_anew(
    agent_of: Any, stack_of: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[Path] = []

    def spoil(traced: Any, example: Any, path: Path) -> None:
        built.append(path)
        path.write_bytes(b"no library")

    monkeypatch.setattr(compiled, "_build", spoil)
    said: list[str] = []
    for _ in range(2):
        with pytest.raises(CompileError, match=r"what was compiled cannot be loaded: .*\.pt2"):
            stack_of([agent_of(seed=0)], tmp_path, said)
    assert len(built) == 2
    assert built[0] == built[1]
    assert len(said) == 2
