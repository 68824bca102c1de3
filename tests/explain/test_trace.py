"""A traced update is the learner's own, and what came with a folder is not believed."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dqnlab.errors import CheckpointError
from dqnlab.explain.moment import read_moment
from dqnlab.explain.page import pack_for_page
from dqnlab.explain.trace import as_page, trace_of
from dqnlab.learn.learner import loss
from dqnlab.run.moment import End

from .recording import Recorded


def test_the_traced_update_is_the_one_that_the_learner_makes(moment: Recorded) -> None:
    read = read_moment(*moment)
    trace = trace_of(*moment)
    assert read is not None
    assert trace is not None
    learner = read.learner
    mean, made = loss(learner.online, learner.target, read.batch, learner.rule)
    scale = learner.online.reward_scale
    made = made.in_env_units(scale, read.batch.action)
    np.testing.assert_array_equal(trace.rows.q, made.q)
    np.testing.assert_array_equal(trace.rows.target, made.target)
    np.testing.assert_array_equal(trace.rows.error, made.error)
    assert trace.loss == mean.item()
    assert trace.loss == pytest.approx((trace.rows.weight * trace.rows.loss).mean(), rel=1e-6)
    update = learner.update_with(read.batch)
    assert trace.norm == update.grad_norm.item()
    names = {name for name in moment[0] if name.startswith("online/")}
    last = trace.layers[-1][0]  # counts rewards as the learner does; files hold it in the environment's own units
    assert all(f"online/{weight.name.partition('[')[0]}" in names for weight in trace.weights)
    for weight in trace.weights:
        name, _, where = weight.name.partition("[")
        at = tuple(int(i) for i in where.rstrip("]").split(","))
        unit = scale if name.rpartition(".")[0] == last else 1
        assert moment[0][f"online/{name}"][at] == weight.before * unit
        assert moment[0][f"target/{name}"][at] == weight.target_before * unit
        assert weight.after in learner.state.online
        assert weight.target_after in learner.state.target
        assert weight.before + weight.step == pytest.approx(weight.after, abs=1e-7)
        assert weight.step != 0


def test_the_stages_fit_each_other(moment: Recorded) -> None:
    trace = trace_of(*moment)
    assert trace is not None
    rows, settings = trace.rows, trace.settings
    each = np.arange(len(rows.action))
    np.testing.assert_array_equal(rows.prediction, rows.q[each, rows.action])
    np.testing.assert_array_equal(rows.next_value, rows.next_target[each, rows.next_action])
    np.testing.assert_allclose(rows.target, rows.reward + rows.discount * rows.next_value, rtol=1e-6)
    np.testing.assert_array_equal(rows.discount == 0, rows.end == End.TERMINATED)
    np.testing.assert_allclose(rows.discount[rows.end != 1], settings.gamma ** rows.span[rows.end != 1], rtol=1e-6)
    chooser = rows.next_online if settings.chooser == "online" else rows.next_target
    np.testing.assert_array_equal(rows.next_action, chooser.argmax(1))
    assert trace.norm == pytest.approx(sum(norm**2 for _, norm in trace.layers) ** 0.5, rel=1e-5)


def test_the_error_of_any_head_is_how_far_the_mean_is_from_its_target(recorded: Callable[[str], Recorded]) -> None:
    moment = recorded("categorical, divided rewards")
    read, trace = read_moment(*moment), trace_of(*moment)
    assert read is not None
    assert trace is not None
    learner, rows = read.learner, trace.rows
    apart = abs(rows.target - rows.prediction)
    np.testing.assert_allclose(rows.error, apart, rtol=1e-5, atol=1e-5)
    made = loss(learner.online, learner.target, read.batch, learner.rule)[1]
    shown = made.in_env_units(4.0, read.batch.action)
    np.testing.assert_allclose(shown.error.numpy(), apart, rtol=1e-5, atol=1e-5)
    assert abs(made.error.numpy() * 4 - apart).max() > 1  # the divergence by which it draws has no such unit


def test_the_steps_after_a_row_fold_into_its_own_target(moment: Recorded) -> None:
    trace = trace_of(*moment)
    assert trace is not None
    rows, after, gamma = trace.rows, trace.after, trace.settings.gamma
    whole = 0
    for row, span in enumerate(rows.span):
        if after.length[row] >= span:
            whole += 1
            folded = sum(gamma**k * after.reward[row, k] for k in range(span))
            assert folded == pytest.approx(rows.reward[row], abs=1e-4)
            np.testing.assert_allclose(after.target[row, span - 1], rows.next_target[row], rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(after.online[row, span - 1], rows.next_online[row], rtol=1e-5, atol=1e-6)
    assert whole > len(rows.span) / 2


@pytest.mark.parametrize("way", ["double, n = 3, Huber", "prioritized"])
def test_the_pull_is_what_moving_one_prediction_does_to_the_mean_loss(
    way: str, recorded: Callable[[str], Recorded]
) -> None:
    trace = trace_of(*recorded(way))
    assert trace is not None
    rows, error = trace.rows, trace.rows.prediction - trace.rows.target
    slope = 2 * error if trace.settings.loss.huber is None else np.clip(error, -1, 1)  # Huber's with delta 1
    np.testing.assert_allclose(rows.pull, rows.weight * slope / len(slope), rtol=1e-5, atol=1e-7)
    assert (np.ptp(rows.weight) > 0.1) == (trace.settings.chance == "by error")


def test_the_next_hard_copy_is_counted_from_this_update(recorded: Callable[[str], Recorded]) -> None:
    arrays, config, spec = recorded("textbook")
    for updates, due in [(98, 1), (99, 0), (100, 99), (137, 62)]:
        trace = trace_of(arrays | {"updates": np.array(updates)}, config, spec)
        assert trace is not None
        assert trace.sync_in == due
        moved = all(weight.target_after == weight.after for weight in trace.weights)
        assert moved == (due == 0)


def test_tracing_twice_gives_the_same(moment: Recorded) -> None:
    one, two = as_page(trace_of(*moment)), as_page(trace_of(*moment))
    assert pack_for_page(one) == pack_for_page(two)


def test_where_nothing_is_recorded_there_is_no_trace(recorded: Callable[[str], Recorded]) -> None:
    arrays, config, spec = recorded("textbook")
    assert trace_of({}, config, spec) is None
    earlier = {name: array for name, array in arrays.items() if name.startswith(("batch/", "optimizer/", "updates"))}
    assert trace_of(earlier, config, spec) is None
    with_the_newest = arrays | {"newest/slot": np.array(3), "newest/obs": arrays["batch/obs"][0]}
    assert pack_for_page(as_page(trace_of(with_the_newest, config, spec))) == pack_for_page(
        as_page(trace_of(arrays, config, spec))
    )
    assert as_page(None) is None


def test_large_observations_and_networks_stay_at_home(
    recorded: Callable[[str], Recorded], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dqnlab.explain.trace.MOST_NUMBERS", 10)
    monkeypatch.setattr("dqnlab.explain.trace.MOST_WEIGHTS", 10)
    page = as_page(trace_of(*recorded("textbook")))
    assert page is not None
    assert page["networks"] is None
    assert page["rows"]["obs"] is page["rows"]["next_obs"] is None


def _set(name: str, value: Any) -> Callable[[dict[str, np.ndarray]], None]:
    def change(arrays: dict[str, np.ndarray]) -> None:
        arrays[name] = np.array(value, arrays[name].dtype)

    return change


def _fill(name: str, value: Any) -> Callable[[dict[str, np.ndarray]], None]:
    def change(arrays: dict[str, np.ndarray]) -> None:
        arrays[name] = np.full_like(arrays[name], value)

    return change


def _cast(name: str, dtype: str) -> Callable[[dict[str, np.ndarray]], None]:
    def change(arrays: dict[str, np.ndarray]) -> None:
        arrays[name] = arrays[name].astype(dtype)

    return change


HARM: dict[str, Callable[[dict[str, np.ndarray]], Any]] = {
    "one missing": lambda arrays: arrays.pop("chain/obs"),
    "one too many": lambda arrays: arrays.update({"x" * 1000: np.zeros(1)}),
    "no weights": lambda arrays: [arrays.pop(name) for name in list(arrays) if name.startswith("target/")],
    "a weight of another name": lambda arrays: arrays.update({"online/fc.9.bias": arrays.pop("online/fc.4.bias")}),
    "weights of another network": lambda arrays: arrays.update({"online/fc.0.weight": np.zeros((4, 8), np.float32)}),
    "rows cut short": lambda arrays: arrays.update({"batch/action": arrays["batch/action"][:-1]}),
    "no rows": lambda arrays: arrays.update({"batch/action": arrays["batch/action"][:0]}),
    "a number where rows were": _set("batch/action", 1),
    "chains without depth": _set("chain/reward", 0.0),
    "other types": _cast("batch/reward", "float64"),
    "observations of another type": _cast("batch/obs", "uint8"),
    "NaN in a reward": _fill("batch/reward", np.nan),
    "infinity in a weight": _fill("online/fc.4.bias", np.inf),
    "weights that overflow": _fill("online/fc.2.weight", 1e38),
    "an action that does not exist": _fill("batch/action", 2),
    "an action below zero": _fill("batch/action", -1),
    "an end that there is not": _fill("end", 7),
    "a length beyond the chain": _fill("chain/length", 11),
    "a span of nothing": _fill("span", 0),
    "a discount above one": _fill("batch/discount", 1.5),
    "an epsilon above one": _set("epsilon", 1.5),
    "a negative count": _set("updates", -1),
    "numbers that are not finite": _fill("optimizer/1", -1),
    "only weights": lambda arrays: [arrays.pop(name) for name in list(arrays) if not name.startswith("online/")],
}


@pytest.mark.parametrize("harm", HARM)
@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_a_damaged_moment_is_one_error(harm: str, recorded: Callable[[str], Recorded]) -> None:
    arrays, config, spec = recorded("textbook")
    HARM[harm](arrays)
    with pytest.raises(CheckpointError, match=r"^batch\.safetensors is damaged") as error:
        trace_of(arrays, config, spec)
    assert len(str(error.value)) < 400


def test_a_state_that_there_is_not_is_refused(recorded: Callable[[str], Recorded]) -> None:
    arrays, config, spec = recorded("a discrete state")
    arrays["batch/obs"] = np.full_like(arrays["batch/obs"], 16)
    with pytest.raises(CheckpointError, match="a state that does not exist"):
        trace_of(arrays, config, spec)


def test_tracing_writes_into_nothing_that_was_read(recorded: Callable[[str], Recorded]) -> None:
    arrays, config, spec = recorded("textbook")
    before = {name: array.copy() for name, array in arrays.items()}
    for array in arrays.values():
        array.flags.writeable = False
    trace_of(arrays, config, spec)
    assert all(np.array_equal(before[name], array) for name, array in arrays.items())


def test_the_loss_after_the_update_keeps_the_targets_of_before(recorded: Callable[[str], Recorded]) -> None:
    trace = trace_of(*recorded("textbook"))
    missed = trace.rows.target - trace.prediction_after
    assert trace.loss_after == pytest.approx(float((missed**2).mean()), rel=1e-5)
    assert trace.loss_after != trace.loss
