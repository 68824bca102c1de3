"""Experience from several collectors, as one source: whole transitions in order, bounded, and no older than said.

The collectors are in this process (`Near`); tests/run/test_rays.py has them in others.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dqnlab
from dqnlab.config import Collectors, Config, Env, Ladder, Lstm, Noisy, Offline, Prioritized, Steps, presets
from dqnlab.envs.make import EnvSpec
from dqnlab.envs.remote import MOST_DEATHS, PROOF, BatchAnswer, BatchRequest, CollectorLost, Remote, Waited
from dqnlab.envs.seeds import Seat
from dqnlab.errors import ConfigError, DqnlabError, EnvironmentFault, ResourceError
from dqnlab.lab import running
from dqnlab.learn.types import Sample
from dqnlab.run import system
from dqnlab.run.collecting import RemoteCollector
from dqnlab.run.events import EpisodeEnded, Event, Updated
from dqnlab.run.system import System, assemble

from ..counting import Counting
from ..equal import same
from ..tiny import tiny

Dies = Callable[[int, int, int], bool]
"""Whether a collector, in this life, is lost when it is to answer its request of this number."""


class Near:
    """Collectors in this process, which answer when they are asked for it; they may die."""

    def __init__(self, config: Config, spec: EnvSpec):
        self.config, self.spec = config, spec
        self.asks: Callable[[], bool] = lambda: False
        self.dies: Dies = lambda number, life, request: False
        self.order: Callable[[Sequence[int]], int] = lambda numbers: 0
        self.seats: list[Seat] = []
        self.there: dict[int, RemoteCollector] = {}
        self.waiting: dict[int, deque[Any]] = {}
        self.answered = Counter[int]()  # in this life
        self.most = 0  # requests of one collector on their way at once
        self.sent: list[bool] = []  # whether each request carried weights
        self.knows: set[int] = set()  # who has been sent weights
        self.closed = 0

    def begin(self, number: int, life: int) -> None:
        seat = Seat(number, self.config.collectors.num, life)
        self.seats.append(seat)
        self.there[number] = RemoteCollector(self.config, self.spec, seat)
        self.waiting[number], self.answered[number] = deque(), 0
        self.knows.discard(number)

    def put(self, weights: np.ndarray) -> Any:
        weights.setflags(write=False)  # as they come out of a store
        return weights

    def ask(self, number: int, request: BatchRequest) -> Any:
        self.sent.append(request.weights is not None)
        assert self.sent[-1] or number in self.knows  # a new one has none
        self.knows.add(number)
        ticket = number, request, self.there[number]
        self.waiting[number].append(ticket)
        self.most = max(self.most, len(self.waiting[number]))
        return ticket

    def first(self, asked: Sequence[Any]) -> int:
        return self.order([number for number, _, _ in asked])

    def take(self, asked: Any) -> BatchAnswer:
        number, request, collector = asked
        if collector is not self.there[number] or self.dies(number, self.seats[-1].life, self.answered[number]):
            raise CollectorLost("it was killed")
        assert self.waiting[number].popleft() is asked  # requests are answered in turn
        self.answered[number] += 1
        return collector.answer(*request)

    def close(self) -> None:
        for each in self.there.values():
            each.close()
        self.closed += 1


@pytest.fixture(autouse=True)
def near(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "RayHands", Near)


def hands_of(run: System) -> Near:
    assert isinstance(run.collector, Remote)
    return run.collector._hands  # type: ignore[return-value]


def trained(config: Config, prepare: Callable[[Near], object] = lambda hands: None) -> tuple[System, list[Event]]:
    run = assemble(config)
    try:
        if config.collectors.num:
            prepare(hands_of(run))
        return run, list(run.events())
    finally:
        run.close()


IN_STEP = Collectors(num=1, batch_steps=1, weights_every=1, in_flight=1)
BASE = tiny(update_every=1, budget=Steps(num=400), env=Env(num_envs=2))


@pytest.mark.parametrize(
    "changes",
    [
        {"n": 3},
        {"sampler": Prioritized(), "env": Env(num_envs=2, frame_stack=2)},
        {"layers": Noisy()},
        {"torso": Lstm(hidden=(), units=6, burn_in=2, unroll=8)},
        {"epsilon": Ladder(), "normalize_obs": True},
    ],
    ids=["n", "prioritised", "noisy", "recurrent", "ladder"],
)
def test_one_collector_in_step_with_the_learner_learns_what_a_run_without_does_to_the_last_bit(
    changes: dict[str, Any],
) -> None:
    here, told = trained(replace(BASE, **changes))
    there, heard = trained(replace(BASE, **changes, collectors=IN_STEP))
    same(there.learner.state_dict(), here.learner.state_dict())
    assert [each for each in heard if isinstance(each, EpisodeEnded)] == [
        each for each in told if isinstance(each, EpisodeEnded)
    ]
    assert {each.updates_behind for each in heard if isinstance(each, Updated)} == {0.0}
    assert {each.updates_behind for each in told if isinstance(each, Updated)} == {None}


MANY = replace(BASE, collectors=Collectors(num=3, batch_steps=8, weights_every=20))


def test_in_the_order_of_the_requests_the_same_seed_gives_the_same_run() -> None:
    one, other = (trained(MANY)[0] for _ in range(2))
    same(one.learner.state_dict(), other.learner.state_dict())
    assert one.memory.dropped == 0  # type: ignore[attr-defined]
    assert one.notes == []


def test_each_collector_has_seeds_and_random_numbers_of_its_own() -> None:
    lives = [Seat(number, 3, life) for life in range(2) for number in range(3)]
    seeds = [seed for seat in lives for seed in seat.seeds(7, 4, 0)]
    assert len(set(seeds)) == len(seeds) == 24
    assert len({seat.generator(7, "act").random() for seat in lives}) == 6


def test_each_collector_explores_by_an_epsilon_of_its_own() -> None:
    def powers(config: Config) -> list[list[float]]:
        run, _ = trained(config)
        made = [hands_of(run).there[number]._made for number in range(config.collectors.num)]
        return [each[0].policy._powers.tolist() for each in made if each is not None]  # type: ignore[union-attr]

    assert powers(MANY) == [[1, 1], [4.5, 4.5], [8, 8]]
    assert powers(replace(MANY, epsilon=Ladder(alpha=5))) == [[1, 2], [3, 4], [5, 6]]


def test_epsilon_goes_by_the_steps_of_all_collectors() -> None:
    run, _ = trained(MANY)
    for number in range(3):
        made = hands_of(run).there[number]._made
        assert made is not None
        assert run.collector.steps - 2 * 3 * 16 <= made[0].steps <= run.collector.steps + 16  # two batches of each


def test_weights_are_sent_at_most_every_so_many_updates_and_their_age_is_told() -> None:
    config = replace(MANY, collectors=Collectors(num=2, batch_steps=4, weights_every=10, in_flight=1), metrics_every=1)
    run, heard = trained(config)
    hands = hands_of(run)
    behind = [each.updates_behind for each in heard if isinstance(each, Updated)]
    known = [each for each in behind if each is not None]
    # A batch is 8 updates; weights are at most 9 old when they are asked for, and wait while another batch is learned.
    assert max(known) <= 9 + 8 + 8
    assert sum(hands.sent) <= 2 * (1 + run.learner.updates // 10)
    assert not all(hands.sent)


@pytest.mark.parametrize("in_flight", [1, 2, 3])
def test_a_collector_is_never_asked_for_more_than_may_be_in_flight(in_flight: int) -> None:
    run, _ = trained(replace(MANY, collectors=Collectors(num=2, batch_steps=4, in_flight=in_flight)))
    assert hands_of(run).most == in_flight


def test_the_ratio_of_updates_to_env_steps_is_that_of_a_run_without() -> None:
    for num in (0, 1, 3):
        run, _ = trained(replace(BASE, update_every=4, collectors=Collectors(num=num, batch_steps=7)))
        assert run.collector.steps == run.progress.now.steps >= 400
        assert run.learner.updates in ((400 - 64) // 4, (400 - 64) // 4 + 1)


# ── Whole transitions ────────────────────────────────────────────────────────────────────────────

COUNTED = tiny(
    n=3,
    env=Env(id=Counting, num_envs=2, max_episode_steps=100),
    budget=Steps(num=600),
    update_every=50,
    gamma=0.5,
    collectors=Collectors(num=2, batch_steps=5, in_flight=2),
)


def check_whole(run: System) -> None:
    """Every stored transition leads from a step of an episode to a later step of the same one, paid for each."""
    memory: Any = run.memory
    slots = np.arange(memory._oldest, memory.added) % memory.layout.capacity
    batch = memory.batch(Sample(slots, np.ones(len(slots), np.float32)))
    (episode, step), (other, later) = batch.obs.T, batch.next_obs.T
    span = later - step
    assert len(slots) > 300
    assert (episode == other).all()
    assert ((span >= 1) & (span <= 3)).all()
    assert batch.reward.numpy() == pytest.approx((2 - 0.5 ** (span - 1)).numpy())  # 1 + 1/2 + 1/4 of three steps
    assert ((batch.discount == 0) | (batch.discount == 0.5**span)).all()


def every(requests: int) -> Dies:
    return lambda number, life, request: number == 1 and request == requests


@pytest.mark.parametrize("order", ["asked", "ready"])
def test_of_a_collector_that_dies_nothing_half_is_kept_and_another_takes_its_place(order: Any) -> None:
    config = replace(COUNTED, collectors=replace(COUNTED.collectors, order=order))

    def prepare(hands: Near) -> None:
        hands.dies = lambda number, life, request: number == 1 and life < 2 and request == 7
        hands.order = lambda numbers: len(numbers) // 2  # whichever was asked later

    with pytest.warns(UserWarning, match="collector 2 of 2 died and was replaced") as said:
        run, _ = trained(config, prepare)
    check_whole(run)
    assert [str(each.message).partition(";")[0] for each in said] == ["collector 2 of 2 died and was replaced"]  # twice
    assert [(seat.number, seat.life) for seat in hands_of(run).seats] == [(0, 0), (1, 0), (1, 1), (1, 2)]
    assert run.notes[-1] == "collectors that died and were replaced, their open episodes lost: 2"
    assert run.progress.now.steps >= 600


def test_a_collector_that_dies_again_and_again_ends_the_run_with_one_error() -> None:
    with (
        pytest.warns(UserWarning, match="died and was replaced"),
        pytest.raises(DqnlabError, match=r"collector 1 of 2 died 4 times in a row: it was killed; collectors\.num = 0"),
    ):
        trained(COUNTED, lambda hands: setattr(hands, "dies", lambda number, life, request: number == 0))
    assert MOST_DEATHS == 3


def test_deaths_far_apart_do_not_add_up() -> None:
    config = replace(COUNTED, collectors=Collectors(num=1, batch_steps=1), budget=Steps(num=12 * PROOF))

    def prepare(hands: Near) -> None:
        hands.dies = lambda number, life, request: request == PROOF + 1

    with pytest.warns(UserWarning, match="died and was replaced"):
        run, _ = trained(config, prepare)
    assert run.collector.replaced >= MOST_DEATHS + 1  # type: ignore[union-attr]


def test_what_an_environment_raises_is_raised_here_and_what_it_warns_of_said_here_once() -> None:
    class Breaks(Counting):
        def step(self, action: int) -> Any:
            shown, reward, *rest = super().step(action)
            return (shown, float("nan") if shown[1] == 3 else reward, *rest)

    with pytest.raises(EnvironmentFault, match="reward is nan: not finite"):
        trained(replace(COUNTED, env=Env(id=Breaks, max_episode_steps=100)))


def test_the_batches_of_a_slow_collector_may_come_too_late_and_are_counted() -> None:
    config = replace(COUNTED, collectors=Collectors(num=2, batch_steps=2, order="ready"), budget=Steps(num=1_500))

    def prepare(hands: Near) -> None:
        turns: Iterator[int] = iter(range(10**6))
        hands.order = lambda numbers: numbers.index(1 if next(turns) % 40 == 0 else 0)

    run, _ = trained(config, prepare)
    check_whole(run)
    assert run.memory.dropped > 0  # type: ignore[attr-defined]
    assert "the same seed gives another run" in run.notes[-1]
    assert "were not stored, for their frames were gone" in run.notes[0]


# ── States ───────────────────────────────────────────────────────────────────────────────────────


def test_a_state_goes_on_with_new_collectors_in_new_episodes() -> None:
    run, _ = trained(COUNTED)
    again = assemble(replace(COUNTED, budget=Steps(num=1_200)))
    try:
        again.load_state_dict(run.state_dict())
        for name, log in run.memory.logs.items():
            again.memory.logs[name].write(log.bounds[0], log.read(*log.bounds))
        assert again.collector.level == "D"  # of which no checkpoint is exact
        list(again.events())
    finally:
        again.close()
    assert [seat.life for seat in hands_of(again).seats] == [1, 1]
    assert again.progress.now.steps == again.collector.steps >= 1_200
    check_whole(again)


def test_collectors_end_with_the_run() -> None:
    run, _ = trained(COUNTED)
    assert hands_of(run).closed == 1


# ── What excludes collectors ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("preset", "changes", "says"),
    [
        ("pqn", {}, "collectors.num = 2 and memory = 'rollout' exclude each other"),
        ("default", {"env": Env(workers=2)}, "collectors.num = 2 and env.workers = 2 exclude each other"),
        ("default", {"env": Env(copies=3)}, "collectors.num = 2 and env.copies = 3 exclude each other"),
        (
            "default",
            {"experience": Offline(source="here")},
            "collectors.num = 2 and experience = 'offline' exclude each other",
        ),
        ("default", {"epsilon": Ladder(), "collectors": Collectors(num=1)}, "epsilon = 'ladder' gives each env"),
    ],
)
def test_what_excludes_collectors_is_said(preset: str, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        replace(presets.get(preset), **{"collectors": Collectors(num=2), **changes})


class Lost(Near):
    """Collectors that are all lost at once, or that nobody wants to wait for."""

    end: type[BaseException] = ResourceError

    def take(self, asked: Any) -> BatchAnswer:
        if self.answered[0] == 5:
            raise self.end("no more")
        return super().take(asked)


@pytest.mark.parametrize("end", [ResourceError, Waited])
def test_a_run_whose_collectors_are_lost_or_left_has_a_checkpoint_of_its_last_block(
    end: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lost, "end", end)
    monkeypatch.setattr(system, "RayHands", Lost)
    monkeypatch.setattr(running, "joined", lambda where: nullcontext())
    monkeypatch.setattr(running, "check_crowd", lambda num: None)
    config = tiny(collectors=Collectors(num=1, batch_steps=8), checkpoint_every=0)
    with pytest.raises(ResourceError, match="no more") if end is ResourceError else nullcontext():
        assert dqnlab.train(config, out=tmp_path / "run", trackers="none").interrupted
    assert [each.name for each in (tmp_path / "run" / "checkpoints").glob("step-*")] == [
        "step-000000038"
    ]  # 2 only began an episode


def test_a_ray_that_nobody_uses_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"ray=\) auto is where the collectors of one run are, .* add --collectors N"):
        dqnlab.train(tiny(), out=tmp_path / "run", ray="auto")
    assert not (tmp_path / "run").exists()


def test_a_state_of_another_number_of_collectors_is_refused() -> None:
    run = assemble(COUNTED)
    try:
        with pytest.raises(ValueError, match="it had 3 collectors, not 2"):
            run.collector.load_state_dict({"lives": [0, 0, 0]})
    finally:
        run.close()


def test_a_number_of_collectors_is_enough() -> None:
    assert Config(collectors=2).collectors == Collectors(num=2)  # type: ignore[arg-type]
    assert Config().collectors.num == 0
