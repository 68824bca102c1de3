"""A step of sequences, of a rollout, and of recorded episodes: the learner's own numbers, which multiply out."""

import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from dqnlab.errors import CheckpointError
from dqnlab.explain.moment import read_moment
from dqnlab.explain.page import pack_for_page
from dqnlab.explain.stages import Trace
from dqnlab.explain.trace import as_page, trace_of
from dqnlab.explain.trace_text import as_text
from dqnlab.learn.learner import loss
from dqnlab.learn.rollouts import lambda_returns
from dqnlab.learn.types import Sequences
from dqnlab.run.held import End

from .recording import RECORDED, REMEMBERING, ROLLOUTS, Recorded, write_demos
from .test_trace_text import NUMBER, Printed, near, numbers

Get = Callable[[str], Recorded]
ALL = [*REMEMBERING, *ROLLOUTS, *RECORDED]


def traced(recorded: Get, way: str) -> Trace:
    trace = trace_of(*recorded(way))
    assert trace is not None
    return trace


def stage(text: str, title: str) -> str:
    return Printed(text, title).text


@pytest.mark.parametrize("way", ALL)
def test_the_traced_update_is_the_one_that_the_learner_makes(way: str, recorded: Get) -> None:
    read, trace = read_moment(*recorded(way)), traced(recorded, way)
    assert read is not None
    learner, batch = read.learner, read.batch
    mean, made = loss(learner.online, learner.target, batch, learner.rule, learner.regularizer)
    made = made.in_env_units(learner.online.reward_scale, batch.action)
    np.testing.assert_array_equal(trace.rows.q, made.q)
    np.testing.assert_array_equal(trace.rows.target, made.target)
    np.testing.assert_array_equal(trace.rows.error, made.error)
    assert trace.loss == mean.item()
    assert trace.loss == pytest.approx((trace.rows.weight * trace.rows.loss).mean(), rel=1e-5)
    assert trace.norm == learner.update_with(batch).grad_norm.item()
    pack_for_page(as_page(trace))


@pytest.mark.parametrize("way", ALL)
def test_every_row_of_every_kind_is_printed_within_a_hundred_columns(way: str, recorded: Get) -> None:
    trace = traced(recorded, way)
    for row in range(len(trace.rows.action)):
        text = as_text(trace, row, "a run")
        assert text.isascii()
        assert max(map(len, text.splitlines())) <= 110  # tables of weights with long names included
        assert "not shown here" not in text


# ── Sequences ──


def test_the_rows_of_sequences_are_those_of_the_windows(recorded: Get) -> None:
    read, trace = read_moment(*recorded("gru, n = 2, prioritized")), traced(recorded, "gru, n = 2, prioritized")
    assert read is not None
    sequences, rows = trace.sequences, trace.rows
    assert sequences is not None
    assert sequences.first.shape == (8, 2 + 4 + 2)
    assert read.windows is not None
    for row in range(32):
        which, k = sequences.of(row)
        assert (which, k) == (row // 4, row % 4)
        np.testing.assert_array_equal(rows.obs[row], read.windows.frames[which, sequences.start[which, k]])
        np.testing.assert_array_equal(rows.next_obs[row], read.windows.frames[which, sequences.end[which, k]])
        assert rows.span[row] == sequences.end[which, k] - sequences.start[which, k]


def test_of_a_row_whose_episode_was_cut_nothing_follows_in_its_sequence(recorded: Get) -> None:
    trace = traced(recorded, "gru, n = 2, prioritized")
    sequences, rows = trace.sequences, trace.rows
    assert sequences is not None
    seen = set()
    for row in range(32):
        which, k = sequences.of(row)
        after = sequences.end[which, k] + 1
        end = End(int(rows.end[row]))
        seen.add(end)
        begins = after < sequences.first.shape[1] and bool(sequences.first[which, after])
        assert begins == (end in (End.TERMINATED, End.TRUNCATED) and after < sequences.first.shape[1])
        assert (rows.discount[row] == 0) == (end is End.TERMINATED)
    assert seen >= {End.GOES_ON, End.TRUNCATED, End.UNKNOWN}


def test_what_is_remembered_is_what_the_online_network_says_after_the_burn_in(recorded: Get) -> None:
    read, trace = read_moment(*recorded("gru, divided rewards")), traced(recorded, "gru, divided rewards")
    assert read is not None
    sequences, online = trace.sequences, read.learner.online
    assert sequences is not None
    assert isinstance(read.batch.obs, Sequences)
    text = as_text(trace, 9, "a run")
    which = sequences.of(9)[0]
    printed = re.search(r"memory after burn-in, online network \(6 numbers\) = ([^\n]*(?:\n  +[-\d][^\n]*)*)", text)
    assert printed
    np.testing.assert_allclose(numbers(printed[1]), sequences.remembered[which, 7], rtol=1e-5)
    state = read.batch.obs.state[which : which + 1]
    for moment in range(8):
        features = online.encode.forward(read.batch.obs).frames[which, moment][None]
        torso = online.torso
        fresh = state.masked_fill(read.batch.obs.first[which, moment], 0)
        state = torso.cell.step(torso.cell.new.forward(features), fresh)  # type: ignore[union-attr, operator]
    np.testing.assert_allclose(state[0].detach(), sequences.remembered[which, 7], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("way", REMEMBERING)
def test_the_loss_of_each_step_is_printed_and_they_make_the_mean(way: str, recorded: Get) -> None:
    trace = traced(recorded, way)
    sequences = trace.sequences
    assert sequences is not None
    unroll = sequences.start.shape[1]
    shown = {}
    for which in range(len(sequences.first)):
        whole = as_text(trace, which * unroll, "a run")
        text, sample = stage(whole, "Loss"), stage(whole, "Sample")
        lines = re.findall(rf"^ +(\d+) +(\d+) +({NUMBER}) +({NUMBER}) +({NUMBER}) +({NUMBER}) +({NUMBER})$", text, re.M)
        for moment, row, prediction, target, error, one, weight in lines:
            assert float(error) == near(abs(float(target) - float(prediction)), float(target), float(prediction))
            assert int(moment) >= sequences.burn_in
            shown[int(row)] = float(one) * float(weight)
        where = re.findall(r"^ +(\d+) +learned from(?:, a new episode)? +(\d+) ", sample, re.M)
        assert where == [line[:2] for line in lines]
    assert sorted(shown) == np.flatnonzero(sequences.counts.ravel()).tolist()
    assert sum(shown.values()) / len(trace.rows.action) == pytest.approx(trace.loss, rel=1e-4)


def test_the_burn_in_is_marked_and_rows_that_only_stand_in_are_not_learned_from(recorded: Get) -> None:
    trace = traced(recorded, "gru, divided rewards")
    sequences = trace.sequences
    assert sequences is not None
    idle = np.flatnonzero(sequences.counts.ravel() == 0)
    assert len(idle)
    assert (trace.rows.weight[idle] == 0).all()
    row = int(idle[0])
    text = as_text(trace, row, "a run")
    assert stage(text, "Sample").count("burn-in\n") + stage(text, "Sample").count("burn-in, a new") == 8
    assert "rows that only stand in, with weight 0: " in " ".join(stage(text, "Loss").split())
    counts = sum(map(int, re.findall(r"(\d+) (?:continue|terminated|truncated|not known)", stage(text, "Sample"))))
    assert counts == 32 - len(idle)


def test_the_new_priority_of_a_sequence_multiplies_out(recorded: Get) -> None:
    trace = traced(recorded, "gru, n = 2, prioritized")
    text = " ".join(stage(as_text(trace, 0, "a run"), "Loss").split())
    found = re.findall(rf"its new priority .* = 0\.9 \* ({NUMBER}) \+ 0\.1 \* ({NUMBER}) = ({NUMBER})", text)
    most, mean, priority = map(float, found[0])
    own = trace.rows.error[:4]
    assert (most, mean) == (near(float(own.max())), near(float(own.mean())))
    assert priority == near(0.9 * most + 0.1 * mean)


# ── Rollouts ──


@pytest.mark.parametrize("way", ROLLOUTS)
def test_the_lambda_returns_of_a_row_are_printed_from_the_last_step_backwards(way: str, recorded: Get) -> None:
    trace = traced(recorded, way)
    returns, td_lambda = trace.returns, trace.settings.td_lambda
    assert returns is not None
    assert td_lambda is not None
    ends = set()
    for row in range(len(trace.rows.action)):
        text = stage(as_text(trace, row, "a run"), "Target")
        lines = re.findall(
            rf"^ +(\d+) +({NUMBER}) +({NUMBER}) +({NUMBER}|-) +({NUMBER}|-|not listed) +({NUMBER})$", text, re.M
        )
        steps = [int(line[0]) for line in lines]
        assert steps == list(reversed(range(len(lines))))
        later = None
        for _, *cells in lines:
            reward, discount, g = (float(cells[i]) for i in (0, 1, 4))
            if discount == 0:
                assert g == reward
            elif cells[3] != "not listed":
                value = float(cells[2])
                follows = value if later is None else (1 - td_lambda) * value + td_lambda * later
                assert g == near(reward + discount * follows, reward, value)
                assert later is None or float(cells[3]) == later
            later = g
        assert later == near(float(trace.rows.target[row]))
        assert Printed(as_text(trace, row, "a run"), "Target").one(r"\n   target = @") == near(later)
        ends.add(End(int(returns.end[row])))
    assert ends >= {End.TRUNCATED, End.UNKNOWN}


def test_the_lambda_returns_are_those_of_the_network_at_this_moment(recorded: Get) -> None:
    """By hand: what follows a row is the best of what its own online network says of the next observation."""
    read, trace = read_moment(*recorded("rollout")), traced(recorded, "rollout")
    assert read is not None
    returns = trace.returns
    assert returns is not None
    value = read.learner.online.q_values(torch.from_numpy(trace.rows.next_obs)).amax(1)
    np.testing.assert_allclose(returns.value[:, 0], value.detach(), rtol=1e-5)
    for row in np.flatnonzero(returns.more == 0):
        num = int(returns.length[row])
        given = (returns.reward[row, :num], returns.discount[row, :num], returns.value[row, :num])
        following = [*range(1, num), -1]
        np.testing.assert_allclose(lambda_returns(*given, following, 0.65)[0], returns.g[row, 0], rtol=1e-5)


def test_a_rollout_has_no_target_network_to_follow(recorded: Get) -> None:
    text = as_text(traced(recorded, "rollout"), 0, "a run")
    assert "8. Update" in text
    assert "Sync" not in text
    assert "Q target" not in text


# ── Recorded episodes, and what is added to the loss ──


def test_rows_that_were_recorded_are_named(recorded: Get) -> None:
    trace = traced(recorded, "demonstrations, margin")
    shown = trace.rows.demonstrated
    assert shown is not None
    assert shown.sum() == 8  # a quarter of 32
    row = int(shown.argmax())
    assert f"of recorded episodes: 8; row {row} is of a recorded episode" in as_text(trace, row, "a run")
    assert "row 0 is the agent's own" in as_text(trace, 0, "a run")
    assert (trace.rows.slot[shown == 1] >= 1000).all()
    assert set(trace.rows.end[shown == 1].tolist()) <= {End.GOES_ON, End.TERMINATED, End.TRUNCATED}


def test_the_steps_after_a_recorded_row_are_those_of_its_episode(recorded: Get, tmp_path: Path) -> None:
    read, trace = read_moment(*recorded("demonstrations, n = 3")), traced(recorded, "demonstrations, n = 3")
    write_demos(tmp_path)
    episodes = [np.load(tmp_path / f"{number}.npz")["obs"] for number in range(3)]
    assert read is not None
    assert read.chain is not None
    shown, rows, after = trace.rows.demonstrated, trace.rows, trace.after
    assert shown is not None
    for row in np.flatnonzero(shown):
        known = int(after.length[row])
        assert known >= 1
        assert (after.reward[row, :known] == 1).all()
        (number, t) = next(
            (i, t) for i, obs in enumerate(episodes) for t in range(len(obs)) if (obs[t] == rows.obs[row]).all()
        )
        np.testing.assert_array_equal(read.chain.obs[row, :known], episodes[number][t + 1 : t + 1 + known])
        left = len(episodes[number]) - 1 - t
        assert known == min(left, 10)
        over = End.TERMINATED if number == 0 else End.TRUNCATED
        assert after.end[row] == (over if left == known else End.GOES_ON)
        assert rows.end[row] == (over if left <= 3 else End.GOES_ON)
        assert rows.reward[row] == pytest.approx(sum(0.99**k for k in range(rows.span[row])))
    assert End.TERMINATED in after.end[shown == 1].tolist()


def test_offline_nothing_is_chosen_or_stored(recorded: Get) -> None:
    trace = traced(recorded, "offline, cql")
    text = as_text(trace, 0, "a run")
    assert text.count("\n1. Sample") == 1
    assert "all of them are of recorded episodes" in text
    assert "Choose" not in text
    assert {End.GOES_ON, End.TERMINATED, End.TRUNCATED} == set(trace.rows.end.tolist())


@pytest.mark.parametrize("way", ["offline, cql", "offline, cql, categorical"])
def test_cql_adds_up(way: str, recorded: Get) -> None:
    trace = traced(recorded, way)
    alpha = trace.settings.term.alpha  # type: ignore[union-attr]
    scale = trace.settings.reward_scale
    for row in range(32):
        text = stage(as_text(trace, row, "a run"), "Loss")
        q = [float(x) for x in re.findall(rf"exp\(({NUMBER})\)", text)]
        np.testing.assert_allclose(q, trace.rows.q[row] / scale, rtol=1e-5)
        log_sum = math.log(sum(map(math.exp, q)))
        assert float(re.findall(rf"\) = ({NUMBER})", text.replace("\n", " "))[-1]) == near(log_sum)
        term = alpha * (log_sum - q[trace.rows.action[row]])
        head, added, total = (float(x) for x in re.findall(rf"loss = ({NUMBER}) \+ ({NUMBER}) = ({NUMBER})", text)[0])
        assert added == near(term, log_sum)
        assert total == near(head + added, head)
        assert total == near(float(trace.rows.loss[row]))


def test_the_margin_adds_up_for_what_was_shown_and_nothing_for_the_rest(recorded: Get) -> None:
    trace = traced(recorded, "demonstrations, margin")
    shown, rows = trace.rows.demonstrated, trace.rows
    assert shown is not None
    raised = 0
    for row in range(32):
        text = stage(as_text(trace, row, "a run"), "Loss")
        head, added, total = (float(x) for x in re.findall(rf"loss = ({NUMBER}) \+ ({NUMBER}) = ({NUMBER})", text)[0])
        assert total == near(head + added, head)
        if not shown[row]:
            assert added == 0
            assert "term = 0: this row was not recorded" in text
            continue
        q = rows.q[row].astype(float) / 2
        other = q[1 - rows.action[row]] + 0.5
        term = 2.0 * (max(other, q[rows.action[row]]) - q[rows.action[row]])
        assert added == near(term, other)
        raised += added > 0
    assert raised


# ── What is not believed ──


@pytest.mark.parametrize(
    ("way", "name", "change", "what"),
    [
        ("gru, divided rewards", "sequences/start", lambda a: a + 100, "a row outside of its sequence"),
        ("gru, divided rewards", "sequences/counts", lambda a: a + 0.5, "a mark that is neither 0 nor 1"),
        ("gru, divided rewards", "sequences/first", lambda a: a[:, 1:], r"sequences/first is bool"),
        ("rollout", "returns/length", lambda a: a * 0, "an impossible length"),
        ("rollout", "returns/discount", lambda a: a + 2, r"a discount beyond \[0, 1\]"),
        ("rollout", "returns/g", lambda a: np.zeros((32, 99), np.float32), "it has 99 returns of each row"),
        ("offline, cql", "batch/demonstrated", lambda a: a + 3, "a mark that is neither 0 nor 1"),
    ],
)
def test_damaged_records_are_refused(
    way: str, name: str, change: Callable[[np.ndarray], np.ndarray], what: str, recorded: Get
) -> None:
    arrays, config, spec = recorded(way)
    with pytest.raises(CheckpointError, match=what):
        read_moment(arrays | {name: change(arrays[name])}, config, spec)


@pytest.mark.parametrize("way", ALL)
def test_a_record_without_one_of_its_arrays_is_refused(way: str, recorded: Get) -> None:
    arrays, config, spec = recorded(way)
    for name in arrays:
        if name.startswith(("online/", "target/", "optimizer/")) or name == "slots":  # without those: an earlier form
            continue
        with pytest.raises(CheckpointError):
            read_moment({other: array for other, array in arrays.items() if other != name}, config, spec)
