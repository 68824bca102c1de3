"""The loop: what is called when, in which order, and how often."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dqnlab.errors import NumericsError
from dqnlab.learn.episode import Episode
from dqnlab.learn.types import Sample
from dqnlab.run import train as loop
from dqnlab.run.events import BlockEnded, Confirmed, EpisodeEnded, Evaluated, Updated
from dqnlab.run.train import Count, Period, Progress, crossings

from .fakes import NEVER, Fakes, block


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "dead_units", lambda network, obs: 0.125)


# ── Order ────────────────────────────────────────────────────────────────────────────────────────


def test_state_first_event_last_block_ended_at_the_very_end() -> None:
    fakes = Fakes([block(2, episodes=[Episode(5.0, 9), Episode(6.0, 3)])], candidates={2: True})
    for event in fakes.train(evaluate_every=Period("steps", 2), metrics_every=1):
        fakes.tape.append(type(event).__name__)
    once = ["sample", "update", "priorities error", "look", "Updated"]
    assert fakes.tape == [
        *["act", "store", "EpisodeEnded", "EpisodeEnded", *once, *once],
        *["evaluate", "Evaluated", "confirm", "Confirmed", "BlockEnded"],
    ]


def test_events_say_where_training_stands() -> None:
    fakes = Fakes([block(3), block(3, episodes=[Episode(5.0, 4), Episode(7.0, 5)])])
    events = list(fakes.train(metrics_every=4))
    assert [e for e in events if isinstance(e, EpisodeEnded)] == [
        EpisodeEnded(6, 1, 5.0, 4, 0.25),
        EpisodeEnded(6, 2, 7.0, 5, 0.25),
    ]
    (updated,) = [e for e in events if isinstance(e, Updated)]
    assert (updated.step, updated.updates, updated.dead_units, updated.bias) == (6, 4, 0.125, 0.25)
    assert (updated.replay_size, updated.terminal_share) == (6, 0.5)
    assert [e for e in events if isinstance(e, BlockEnded)] == [BlockEnded(3, 0, 3, 0.25), BlockEnded(6, 2, 6, 0.25)]


def test_counts_have_moved_before_anyone_hears_of_it() -> None:
    fakes = Fakes([block(1, episodes=[Episode(1.0, 1)])] * 3)
    for event in fakes.train(evaluate_every=Period("steps", 1)):
        assert fakes.progress.now.steps == event.step
        if isinstance(event, EpisodeEnded):
            assert fakes.progress.now.episodes == event.episode


def test_every_sample_waits_for_its_own_update() -> None:
    fakes = Fakes([block(3), block(2)])
    loop, answers = fakes.loop(update_every=1), []
    said = next(loop)
    while True:
        if isinstance(said, Sample):
            before = list(fakes.tape)
            answers.append(fakes.update(said))
            answers[-1].error = f"of update {len(answers)}"
            said = loop.send(answers[-1])
            assert fakes.tape[len(before) :][:2] == ["update", f"priorities of update {len(answers)}"]
        else:
            assert isinstance(said, BlockEnded)
            said = next(loop, None)
        if said is None:
            break
    assert len(answers) == 5


def test_loops_side_by_side_do_not_see_each_other() -> None:
    pair = [Fakes([block(1)] * 4) for _ in range(2)]
    loops = [fakes.loop(learning_starts=starts) for fakes, starts in zip(pair, (1, 3), strict=True)]
    said = [next(loop) for loop in loops]
    for _ in range(20):
        for i, fakes in enumerate(pair):
            said[i] = loops[i].send(fakes.update(said[i])) if isinstance(said[i], Sample) else next(loops[i], None)
    assert [fakes.updates for fakes in pair] == [4, 2]
    assert said == [None, None]


# ── Periods ──────────────────────────────────────────────────────────────────────────────────────


@given(st.integers(0, 10**6), st.integers(0, 10**4), st.integers(1, 10**4))
def test_crossings_are_the_multiples_in_between(before: int, more: int, period: int) -> None:
    after = before + more
    slow = sum(1 for k in range(before // period, after // period + 2) if before < k * period <= after)
    assert crossings(before, after, period) == slow


@pytest.mark.parametrize("steps", [1, 7, 4096])
def test_every_update_is_made_whatever_the_size_of_a_block(steps: int) -> None:
    num = 3 * 4096 * 7
    fakes = Fakes([block(steps)] * (num // steps))
    seen = [(e.step, e.updates) for e in fakes.train(update_every=1000) if isinstance(e, BlockEnded)]
    assert all(updates == step // 1000 for step, updates in seen)
    assert seen[-1] == (num // steps * steps, num // steps * steps // 1000)


@pytest.mark.parametrize("steps", [1, 7, 4096])
def test_evaluations_and_the_end_come_in_the_block_that_crosses_them(steps: int) -> None:
    fakes = Fakes([block(steps)] * (20_000 // steps + 2))
    events = list(fakes.train(evaluate_every=Period("steps", 5000), budget=Period("steps", 12_000), update_every=NEVER))
    due = [-(-at // steps) * steps for at in (5000, 10_000, 12_000)]  # rounded up to a block; the last at the end
    assert [e.step for e in events if isinstance(e, Evaluated)] == list(dict.fromkeys(due))
    assert events[-1].step == due[-1]


def test_one_block_over_several_periods_is_judged_once() -> None:
    fakes = Fakes([block(4096)])
    assert len([e for e in fakes.train(evaluate_every=Period("steps", 100)) if isinstance(e, Evaluated)]) == 1


def test_periods_may_count_episodes() -> None:
    endings = [[], [Episode(1.0, 1)], [], [Episode(1.0, 1)] * 2, [Episode(1.0, 1)], [Episode(1.0, 1)] * 9]
    fakes = Fakes([block(1, episodes=e) for e in endings])
    events = list(fakes.train(evaluate_every=Period("episodes", 2), budget=Period("episodes", 4)))
    assert [e.step for e in events if isinstance(e, Evaluated)] == [4, 5]
    assert events[-1] == BlockEnded(5, 4, 5, 0.25)


def test_a_period_passes_when_its_own_unit_does() -> None:
    before, after = Count(99, 9), Count(101, 9)
    assert Period("steps", 10).passed(before, after) == 1
    assert Period("episodes", 10).passed(before, after) == 0


# ── Learning starts ──────────────────────────────────────────────────────────────────────────────


def test_learning_starts_when_the_replay_holds_enough_and_nothing_is_caught_up() -> None:
    fakes = Fakes([block(1)] * 8)
    updates = [e.updates for e in fakes.train(learning_starts=5) if isinstance(e, BlockEnded)]
    assert updates == [0, 0, 0, 0, 1, 2, 3, 4]


def test_what_counts_is_what_is_stored_not_what_was_stepped() -> None:
    fakes = Fakes([block(4, stored=0), block(4, stored=2), block(4, stored=4), block(4, stored=4)])
    updates = [e.updates for e in fakes.train(learning_starts=3, update_every=2) if isinstance(e, BlockEnded)]
    assert updates == [0, 0, 2, 4]


def test_what_has_been_dropped_since_counts_too() -> None:
    fakes = Fakes([block(1)] * 8)
    fakes.most = 3  # as short episodes leave a replay with less than its capacity
    updates = [e.updates for e in fakes.train(learning_starts=5) if isinstance(e, BlockEnded)]
    assert updates == [0, 0, 0, 0, 1, 2, 3, 4]


def test_a_block_without_transitions_or_steps_is_harmless() -> None:
    fakes = Fakes([block(0, stored=0), block(1), block(0, stored=0)])
    assert [e.updates for e in fakes.train() if isinstance(e, BlockEnded)] == [0, 1, 1]


# ── The end ──────────────────────────────────────────────────────────────────────────────────────


def test_a_candidate_that_fails_does_not_end_training_and_one_that_passes_does() -> None:
    fakes = Fakes([block(10)] * 9, candidates={20: False, 40: True})
    events = list(fakes.train(evaluate_every=Period("steps", 10)))
    assert [(e.step, e.passed) for e in events if isinstance(e, Confirmed)] == [(20, False), (40, True)]
    assert events[-1] == BlockEnded(40, 0, 40, 0.25)
    assert fakes.progress.solved


def test_the_end_of_the_budget_is_judged_even_between_two_evaluations() -> None:
    fakes = Fakes([block(10)] * 9)
    events = list(fakes.train(evaluate_every=Period("steps", 40), budget=Period("steps", 50)))
    assert [e.step for e in events if isinstance(e, Evaluated)] == [40, 50]


def test_the_end_is_judged_once_where_both_fall_together() -> None:
    fakes = Fakes([block(10)] * 9)
    events = list(fakes.train(evaluate_every=Period("steps", 25), budget=Period("steps", 50)))
    assert [e.step for e in events if isinstance(e, Evaluated)] == [30, 50]


def test_leaving_early_closes_the_source_and_calls_nothing_more() -> None:
    fakes = Fakes([block(1)] * 9)
    running = fakes.train()
    next(running)
    before = list(fakes.tape)
    running.close()
    assert fakes.closed
    assert fakes.tape == before


def test_what_the_loop_knows_survives_being_saved() -> None:
    progress = Progress(Count(7, 3), solved=True)
    restored = Progress()
    restored.load_state_dict(progress.state_dict())
    assert restored == progress


@pytest.mark.parametrize("norm", [float("nan"), float("inf")])
def test_a_gradient_that_is_no_number_stops_within_its_update(norm: float) -> None:
    fakes = Fakes([block(10)])
    fakes.norm = norm
    never = Period("steps", NEVER)
    with pytest.raises(NumericsError, match=rf"norm is {norm} after update 1, env step 10, with optimizer\.lr = 0\.5"):
        list(fakes.train(budget=never, evaluate_every=never, update_every=1))
    assert fakes.tape == ["act", "store", "sample", "update"]


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_stops_within_its_update_though_its_gradient_is_one(loss: float) -> None:
    fakes = Fakes([block(10)])
    fakes.loss = loss
    never = Period("steps", NEVER)
    with pytest.raises(NumericsError, match=rf"the loss is {loss} after update 1, env step 10"):
        list(fakes.train(budget=never, evaluate_every=never, update_every=1))
    assert fakes.tape == ["act", "store", "sample", "update"]


def test_on_a_gpu_that_is_asked_whenever_metrics_are_read() -> None:
    fakes = Fakes([block(10)])
    fakes.device, fakes.loss = torch.device("cuda"), float("inf")
    never = Period("steps", NEVER)
    with pytest.raises(NumericsError, match="the loss is inf after update 3, env step 10"):
        list(fakes.train(budget=never, evaluate_every=never, update_every=1, metrics_every=3))


def test_a_network_that_ran_away_is_never_judged() -> None:
    fakes = Fakes([block(10)])
    fakes.is_finite = False
    each = Period("steps", 10)
    with pytest.raises(NumericsError, match=r"update 0, env step 10.*optimizer\.lr"):
        list(fakes.train(budget=each, evaluate_every=each, update_every=NEVER))
    assert fakes.tape == ["act", "store"]
