"""What `dqn explain --step` prints multiplies out: each result is computed anew from the numbers printed before it."""

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from dqnlab.errors import CheckpointError, ConfigError, FolderError
from dqnlab.explain.trace import trace_of
from dqnlab.explain.trace_text import as_text, step_text
from dqnlab.store.folder import BATCH, BEST, LAST
from dqnlab.store.start import write_start

from .recording import Recorded

NUMBER = r"-?(?:\d+\.?\d*(?:e[+-]\d+)?|\.\d+)"


def near(value: float, *parts: float) -> object:
    """Equal within what rounding every part to six digits can do."""
    return pytest.approx(value, abs=2e-5 * max(map(abs, (*parts, value, 1e-30))))


def numbers(text: str) -> list[float]:
    return [float(found) for found in re.findall(NUMBER, text)]


class Printed:
    """One stage of the text."""

    def __init__(self, text: str, title: str):
        found = re.search(rf"^\d\. {title}\n(.*?)(?:\n\n|\Z)", text, re.DOTALL | re.MULTILINE)
        assert found, title
        self.text = found[1]

    def one(self, pattern: str) -> float:
        """The one number that stands where the pattern has `@`."""
        found = re.findall(pattern.replace("@", f"({NUMBER})"), self.text)
        assert len(found) == 1, (pattern, self.text)
        return float(found[0])

    def after_weight(self) -> list[float]:
        """What a weight was, its step, and what it is."""
        return numbers(re.findall(r"   weight = (.*)", self.text)[0])

    def after(self, start: str) -> list[list[float]]:
        """The numbers of each line that belongs to the equation beginning with `start`, from its second line on."""
        lines = self.text.splitlines()
        first = next(i for i, line in enumerate(lines) if line.strip().startswith(start))
        return [
            numbers(line.partition("=")[2].replace("^2", ""))
            for line in lines[first + 1 :]
            if line.strip().startswith("=")
        ]


@pytest.fixture
def texts(moment: Recorded) -> Iterator[tuple[str, int]]:
    """The text of some rows."""
    trace = trace_of(*moment)
    assert trace is not None
    rows = {int(trace.rows.end.argmax()), int(trace.rows.error.argmax()), int(trace.rows.error.argmin()), 5}
    return ((as_text(trace, row, "a run"), row) for row in rows)


def test_the_prediction_is_a_printed_q_value(texts: Iterator[tuple[str, int]]) -> None:
    for text, _ in texts:
        action = int(Printed(text, "Sample").one(r"\n   action @"))
        stage = Printed(text, "Prediction")
        assert stage.one(rf"prediction = Q\(s, {action}\) = @") == stage.one(rf"\n?   Q\(s, {action}\) = @   <- the")


def test_actions_have_the_numbers_that_the_environment_got(moment: Recorded) -> None:
    trace = trace_of(moment[0], moment[1], moment[2]._replace(action_start=-2))
    assert trace is not None
    text = as_text(trace, 0, "a run")
    first, taken = -2, int(trace.rows.action[0]) - 2
    assert f"\n   action {taken}\n" in text
    assert f"Q(action {first}) = " in text
    assert f"Q(s, {first}) = " in text
    assert f"prediction = Q(s, {taken}) = " in text
    assert f"taken: action {taken}, " in text
    assert re.search(rf"^ +{first} +{NUMBER} +{NUMBER}", Printed(text, "Target").text, re.MULTILINE)


@pytest.mark.parametrize("moment", ["a discrete state"], indirect=True)
def test_states_have_the_numbers_that_the_environment_gave(moment: Recorded) -> None:
    trace = trace_of(moment[0], moment[1], moment[2]._replace(obs_start=-5))
    assert trace is not None
    sample = Printed(as_text(trace, 0, "a run"), "Sample")
    assert sample.one(r"\n   observation = @") == trace.rows.obs[0] - 5


def test_the_target_follows_from_reward_discount_and_the_chosen_value(texts: Iterator[tuple[str, int]]) -> None:
    for text, _ in texts:
        (factors, (target,)) = Printed(text, "Target").after("target = reward")
        reward, discount, value = factors
        assert target == near(reward + discount * value, reward, value)
        rows = re.findall(rf"^ +(\d+) +({NUMBER}) +({NUMBER})(.*)$", Printed(text, "Target").text, re.MULTILINE)
        (chosen,) = [row for row in rows if "chosen" in row[3]]
        assert float(chosen[2]) == value
        column = 1 if "(Double DQN)" in " ".join(text.split()) else 2
        assert float(chosen[column]) == max(float(row[column]) for row in rows)
        assert ("terminated here" in text) == (discount == 0)
        sample = Printed(text, "Sample")
        if "^0" in sample.text:
            terms, (total,) = (
                numbers(re.sub(r"\s+", " ", sample.text.partition("reward =")[2].partition("\n   ")[0])),
                (sample.after("reward =")[0]),
            )
            triples = [terms[i : i + 3] for i in range(0, len(terms), 3)]
            assert total == near(sum(gamma**k * r for gamma, k, r in triples), *(r for _, _, r in triples))
            assert total == reward
        else:
            assert sample.one("reward = @") == reward
        powers = re.findall(rf"gamma\^steps = ({NUMBER})\^(\d+) = ({NUMBER})", text)
        assert all(float(power) == near(float(gamma) ** int(k)) for gamma, k, power in powers)
        assert powers or discount == 0


def test_what_a_rule_adds_to_the_reward_stands_beside_what_the_environment_paid(
    recorded: Callable[[str], Recorded],
) -> None:
    moment = recorded("munchausen, n = 3")
    trace = trace_of(*moment)
    assert trace is not None
    row = int(np.flatnonzero((trace.rows.span == 3) & (trace.rows.discount > 0))[0])
    text = as_text(trace, row, "a run")
    sample = " ".join(Printed(text, "Sample").text.split())
    assert "reward = 0.99^0 * 1 + 0.99^1 * 1 + 0.99^2 * 1 = 2.9701" in sample
    stage = Printed(text, "Target")
    assert "target = reward + what the rule adds + discount * soft value" in stage.text
    assert "adds to the reward of every transition: values are not returns alone" in " ".join(stage.text.split())
    (reward, added, discount, value), (target,) = stage.after("target = reward")
    assert reward == pytest.approx(2.9701)
    assert -0.9 <= added < 0
    assert target == near(reward + added + discount * value, reward, value)


def test_error_and_loss_follow_from_prediction_and_target(texts: Iterator[tuple[str, int]]) -> None:
    for text, _ in texts:
        stage = Printed(text, "Loss")
        line = next(line for line in stage.text.splitlines() if "error = target" in line)
        target, prediction, error = numbers(line.replace(" - ", " "))
        assert prediction == numbers(re.findall(r"prediction = .*= (.*)", Printed(text, "Prediction").text)[0])[0]
        assert target == Printed(text, "Target").after("target = reward")[1][0]
        assert error == near(target - prediction, target, prediction)
        if "reward_scale" in stage.text:
            before, scale, error = numbers(next(line for line in stage.text.splitlines() if " / 4 = " in line))
            assert (before, scale, error) == (near(target - prediction, target, prediction), 4, near(before / 4))
        factors, (loss,) = stage.after("loss =")
        if "Huber" not in stage.text:
            assert factors == [error]
            assert loss == near(error**2)
        elif "|error| <=" in stage.text:
            assert factors == [error, 2.0]
            assert abs(error) <= 1
            assert loss == near(error**2 / 2)
        else:
            assert factors == [1, abs(error), 1, 2]
            assert abs(error) > 1
            assert loss == near(abs(error) - 0.5, error)


def test_the_mean_loss_is_that_of_all_rows(moment: Recorded) -> None:
    trace = trace_of(*moment)
    assert trace is not None
    total = 0.0
    for row in range(len(trace.rows.action)):
        text = as_text(trace, row, "a run")
        loss = Printed(text, "Loss").after("loss =")[1][0]
        total += loss * Printed(text, "Sample").one("weight @")
    printed = Printed(text, "Loss").one(r"rows = @")
    assert total / len(trace.rows.action) == near(printed)


def test_the_norm_is_that_of_its_layers_and_the_limit_is_kept(texts: Iterator[tuple[str, int]]) -> None:
    for text, _ in texts:
        stage = Printed(text, "Gradient")
        parts = [float(x) for x in re.findall(rf"norm in \S+ = ({NUMBER})", stage.text)]
        norm = stage.one("norm of the whole = @")
        assert norm == near(math.hypot(*parts), *parts)
        if "above the limit" in stage.text:
            most, scale = stage.one("above the limit @"), stage.one("scaled down to @")
            assert norm * scale == near(most)


def test_adam_multiplies_out(texts: Iterator[tuple[str, int]]) -> None:
    for text, _ in texts:
        stage = Printed(text, "Update")
        g, t = stage.one("gradient g = @"), stage.one(r"step t = @")
        (b1, m0, r1, g1), (m,) = stage.after("mean   m")[:2]
        assert g1 == g
        assert m == near(b1 * m0 + r1 * g, m0, g)
        (b2, v0, r2, g2), (v,) = stage.after("square v")[:2]
        assert abs(g2) == abs(g)
        assert v == near(b2 * v0 + r2 * g**2, v0)
        for name, beta, raw in (("m'", b1, m), ("v'", b2, v)):
            line = next(line for line in stage.text.splitlines() if f"corrected {name}" in line)
            over, under, result = numbers(line.rpartition("t) =")[2])
            assert over == raw
            assert under == near(1 - beta**t)
            assert result == near(over / under)
        lr, mean, square, eps = stage.after("step = -lr")[0]
        step = stage.after("step = -lr")[1][0]
        assert step == near(lr * mean / (math.sqrt(square) + eps))
        before, change, after = numbers(re.findall(r"   weight = (.*)", stage.text)[0])
        assert change == step
        assert after == near(before + step, before)


def test_the_target_network_moves_as_printed(texts: Iterator[tuple[str, int]]) -> None:
    for text, _ in texts:
        stage = Printed(text, "Sync")
        if "tau" not in stage.text:
            assert stage.one("online = @") == numbers(re.findall(r"weight = (.*)", Printed(text, "Update").text)[0])[-1]
            continue
        line, (after,) = stage.after("target weight")
        before, tau, online = line[:3]
        assert after == near(before + tau * (online - before), before, online)


def test_no_line_is_wider_than_a_hundred_columns(texts: Iterator[tuple[str, int]]) -> None:
    for text, row in texts:
        assert max(map(len, text.splitlines())) <= 100
        assert text.isascii()
        assert f"Row {row} of" in " ".join(text.split())


def test_a_row_that_there_is_not_is_refused(recorded: Callable[[str], Recorded]) -> None:
    trace = trace_of(*recorded("textbook"))
    assert trace is not None
    with pytest.raises(ConfigError, match=r"--row 32: the recorded batch has rows 0 to 31"):
        as_text(trace, 32, "a run")


@pytest.fixture
def folder(recorded: Callable[[str], Recorded]) -> Path:
    """A run folder with just enough in it."""
    from dqnlab.build import make_network
    from dqnlab.learn.weights import export_weights
    from dqnlab.run.keep import save_weights

    arrays, config, spec = recorded("textbook")
    place = Path("run")
    place.mkdir()
    write_start(place, replace(config, seed=3), spec, 1)
    save_weights(place / LAST, export_weights(make_network(config, spec)))
    save_file(arrays, place / BATCH)
    return place


def test_a_run_is_read_from_its_folder(folder: Path) -> None:
    assert "CartPole-v1, preset custom, seed 3." in step_text(folder, 1)


def test_a_run_that_recorded_nothing_says_so(folder: Path) -> None:
    save_file({}, folder / BATCH)
    assert step_text(folder) == "This run has recorded no batch: it ended before its update number 137.\n"


def test_a_recorded_batch_that_was_removed_is_said_to_be_missing(folder: Path) -> None:
    (folder / BATCH).unlink()
    assert "batch.safetensors' is missing: the run wrote it when its training ended" in step_text(folder)


def test_a_batch_is_not_called_removed_while_training_goes_on(folder: Path) -> None:
    (folder / BATCH).unlink()
    (folder / LAST).rename(folder / BEST)
    assert "batch.safetensors' does not exist yet: it is written when training ends" in step_text(folder)


def test_a_link_out_of_the_folder_or_a_damaged_file_is_one_error(folder: Path) -> None:
    (folder / BATCH).write_bytes(b"\xff" * 100)
    with pytest.raises(CheckpointError, match=r"batch\.safetensors"):
        step_text(folder)
    (folder / BATCH).unlink()
    save_file({"x": np.zeros(1, np.float32)}, "elsewhere")
    (folder / BATCH).symlink_to(Path("elsewhere").resolve())
    with pytest.raises(FolderError, match="is a link out of the run's folder"):
        step_text(folder)
