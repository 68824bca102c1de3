"""docs/dqn.md and its Chinese twin: the numbers they print, computed anew by the library or from runs.json."""

import json
import math
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from dqnlab import presets
from dqnlab.build import make_descent, make_network, make_rule
from dqnlab.config import Double, Greedy
from dqnlab.envs.make import describe
from dqnlab.learn.learner import HardSync, Learner, loss
from dqnlab.learn.networks import QNetwork
from dqnlab.learn.nstep import NStep, StepResult
from dqnlab.learn.policy import q_function
from dqnlab.learn.types import Batch, ObsSpec
from dqnlab.store.interval import seeds_mean

from .. import nets
from ..nets import mlp

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "docs" / name for name in ("dqn.md", "dqn.zh-Hant.md")]
TEXTBOOK = presets.get("textbook")
OBS = [0.05, 0.2, -0.01, -0.15]
ONE = torch.ones(1)
EACH_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def show(value: float) -> str:
    """Five digits, without a tail of zeros."""
    return f"{value:.5g}"


def listed(values: Any) -> str:
    return "[" + ", ".join(show(v) if v % 1 else f"{v:.1f}" for v in map(float, values)) + "]"


@torch.no_grad()
def saying(*q: float, huber: float | None = None) -> QNetwork:
    """A network that says the same Q-values of every observation."""
    spec = ObsSpec((4,), np.dtype(np.float32))
    network = mlp(spec, len(q), (8, 8), huber=huber)
    for parameter in network.parameters():
        parameter.zero_()
    network.linears()[-1].bias.copy_(torch.tensor(q))
    return network


def learner(huber: float | None = None) -> Learner:
    """Of the worked example: a target network of its own, which is replaced at every third update."""
    online, target = saying(20.1, 22.5, huber=huber), saying(0, 0)
    made = nets.learner(
        online, target, make_rule(TEXTBOOK.rule), HardSync(3), make_descent(TEXTBOOK.optimizer, TEXTBOOK.lr_schedule)
    )
    made.target.load_state_dict(saying(23.0, 22.8).state_dict())
    return made


def batch(*, rewards: tuple[float, ...] = (1.0,), terminated: bool = False) -> Batch:
    """One transition that began at OBS, over as many steps as there are rewards, as the library folds it."""
    fold, transitions, no = NStep(len(rewards), TEXTBOOK.gamma, 1), [], np.zeros(1, bool)
    for step, reward in enumerate(rewards, 1):
        over = np.array([terminated and step == len(rewards)])
        transitions.append(fold(StepResult(np.ones(1, np.int64), np.array([reward]), over, no, ~no)))
    (folded,) = [one for one in transitions if len(one.env)]
    numbers = [torch.from_numpy(column) for column in (folded.action, folded.reward, folded.discount)]
    return Batch(torch.tensor([OBS]), *numbers, torch.zeros(1, 4), ONE)


# ── The blocks ───────────────────────────────────────────────────────────────────────────────────


def table() -> list[str]:
    return [f"{bins:3}^4 = {bins**4:11,}" for bins in (10, 20, 100)]


def weights() -> list[str]:
    network = make_network(TEXTBOOK, describe(TEXTBOOK.env))
    sizes = [(layer.in_features, layer.out_features) for layer in network.linears()]
    total = sum(parameter.numel() for parameter in network.parameters())
    return [" + ".join(f"{inputs}*{outputs} + {outputs}" for inputs, outputs in sizes) + f" = {total:,}"]


def returns() -> list[str]:
    gamma, limit = TEXTBOOK.gamma, describe(presets.get("cartpole").env).max_episode_steps
    sums = {steps: sum(gamma**t for t in range(steps)) for steps in (limit, 50)}
    lines = [f"1 / (1 - {gamma}) = {1 / (1 - gamma):.4g}"]
    return lines + [f"(1 - {gamma}^{steps}) / (1 - {gamma}) = {total:.2f}" for steps, total in sums.items()]


def choose() -> list[str]:
    q = q_function(learner().online)(np.array([OBS], np.float32))
    said = listed(q[0])
    return [f"obs = {listed(OBS)}", f"Q_online(obs) = {said}", f"action = argmax {said} = {q.argmax(1)[0]}"]


def store() -> list[str]:
    folded = batch()
    return [f"action = {folded.action[0]}   reward = {show(folded.reward[0])}   discount = {show(folded.discount[0])}"]


def predict() -> list[str]:
    example = learner()
    said, row = loss(example.online, example.target, batch(), example.rule)[1], batch()
    rated = example.target.q_values(row.next_obs)[0]
    prediction, target = said.q[0, row.action[0]], said.target[0]
    return [
        f"prediction = Q_online(obs)[{row.action[0]}] = {show(prediction)}",
        f"Q_target(next_obs) = {listed(rated)}",
        f"target = {show(row.reward[0])} + {show(row.discount[0])} * {rated.max():.1f} = {show(target)}",
        f"error = {show(target)} - {show(prediction)} = {show(said.error[0])}",
    ]


def descend() -> list[str]:
    example = learner()
    row, s = batch(), TEXTBOOK.optimizer
    update = example.update(row)
    error, (means, squares) = update.error[0], example.optimizer.memory
    index = int(means.abs().argmax())  # the bias of the taken action: nothing else moves
    mean, square = float(means[index]), float(squares[index])
    gradient, (c1, c2) = mean / (1 - s.beta1), (1 - s.beta1, 1 - s.beta2)
    moved = float(q_function(example.online)(np.array([OBS], np.float32))[0, 1])
    assert float(update.grad_norm) == pytest.approx(-gradient)
    return [
        f"loss = {show(error)}^2 = {show(update.loss)}",
        f"gradient = -2 * {show(error)} = {show(gradient)}",
        f"mean = {show(c1)} * {show(gradient)} = {show(mean)}",
        f"square = {show(c2)} * ({show(gradient)})^2 = {show(square)}",
        f"mean / (1 - {s.beta1}) = {show(mean)} / {show(c1)} = {show(mean / c1)}",
        f"square / (1 - {s.beta2}) = {show(square)} / {show(c2)} = {show(square / c2)}",
        f"step = -{s.lr} * {show(mean / c1)} / ({show(square / c2)}^0.5 + {s.eps:.8f}) = {moved - 22.5:.3f}",
        f"Q_online(obs)[1] = 22.5 + {moved - 22.5:.3f} = {show(moved)}",
    ]


def sync() -> list[str]:
    example, lines = learner(), []
    for count in range(1, 4):
        example.update(batch())
        said = q_function(example.target)(np.array([OBS], np.float32))[0]
        lines.append(f"update {count}:   Q_target(obs) = {listed(said)}")
    return lines


def variants() -> list[str]:
    online, target = saying(20.1, 22.5), saying(23.0, 22.8)

    def goal(row: Batch, rule: Any = Greedy()) -> str:  # noqa: B008  (frozen)
        return show(loss(online, target, row, make_rule(rule))[1].target[0])

    three = batch(rewards=(1, 1, 1))
    huber = learner(huber=1.0)
    return [
        f"plain         1 + 0.99 * 23 = {goal(batch())}",
        f"double        1 + 0.99 * 22.8 = {goal(batch(), Double())}",
        f"3 steps       {show(three.reward[0])} + {show(three.discount[0])} * 23 = {goal(three)}",
        f"truncated     1 + 0.99 * 23 = {goal(batch())}",
        f"terminated    1 + 0 * 23 = {goal(batch(terminated=True))}",
        f"Huber loss    1 * (1.27 - 1 / 2) = {show(huber.update(batch()).loss)}",
    ]


BLOCKS = [returns, table, weights, choose, store, predict, descend, sync, variants]


def text_blocks(page: Path) -> list[list[str]]:
    found = re.findall(r"^```text\n(.*?)^```$", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    return [block.splitlines() for block in found]


@EACH_PAGE
def test_every_number_of_the_worked_example_is_what_the_library_computes(page: Path) -> None:
    assert text_blocks(page) == [block() for block in BLOCKS]


def sums(line: str) -> Iterator[tuple[str, str]]:
    """Every `calculation = result` of a line."""
    parts = [part.strip().replace(",", "") for part in re.split(r" = |   ", line)]
    for left, right in pairwise(parts):
        if re.fullmatch(r"[\d.()*/+^ -]+", left) and re.fullmatch(r"-?[\d.]+", right):
            yield left.replace("^", "**"), right


@EACH_PAGE
def test_what_is_printed_multiplies_out(page: Path) -> None:
    checked = [pair for block in text_blocks(page) for line in block for pair in sums(line)]
    assert len(checked) >= 18
    for left, right in checked:
        half_a_digit = 0.5001 * 10.0 ** -len(right.partition(".")[2])
        assert math.isclose(eval(left), float(right), rel_tol=1e-5, abs_tol=half_a_digit), f"{left} = {right}"


# ── The figures of the runs ──────────────────────────────────────────────────────────────────────

RUNS = json.loads((ROOT / "docs" / "pictures" / "runs.json").read_text("utf-8"))
LATE = 5  # tests that count, the last ones of each seed
SETTINGS = {"0.99", "0.001", "0.01", "0.9801"}  # gamma, learning rate, tau; gamma squared
CHOSEN = {"5.0", "5.1"}  # angles, to speak of something


def late(run: str, column: str) -> list[float]:
    """The mean of the last tests, per seed."""
    return [float(np.mean(curve[column][-LATE:])) for curve in RUNS[run]]


def measured(run: str, column: str, digits: int) -> str:
    """Mean over seeds and its 95 % interval, as the tables print it."""
    mean = seeds_mean(late(run, column))
    assert mean.low is not None
    assert mean.high is not None
    return f"{mean.mean:.{digits}f} ({mean.low:.{digits}f} – {mean.high:.{digits}f})"


def figures() -> list[list[str]]:
    """The numbers of each row of the table about truncation."""
    rows = [("lake", column, 2) for column in ("return", "value", "earned")]
    rows += [("pole", column, 0) for column in ("return", "value", "earned")]
    return [[measured(f"{env}/{how}", column, d) for how in ("right", "mistaken")] for env, column, d in rows]


@EACH_PAGE
def test_the_table_of_both_learning_curves_is_what_the_runs_measured(page: Path) -> None:
    rows = re.findall(r"^\|[^|]*\| ([^|]* – [^|]*) \| ([^|]* – [^|]*) \|$", page.read_text("utf-8"), flags=re.MULTILINE)
    assert [list(row) for row in rows] == figures()


@EACH_PAGE
def test_every_other_decimal_of_the_pages_is_printed_above_or_a_setting(page: Path) -> None:
    text = page.read_text("utf-8")
    printed = [*(line for block in BLOCKS for line in block()), *(cell for row in figures() for cell in row)]
    known = {number for line in printed for number in decimals(line)}
    assert set(decimals(text)) - known - SETTINGS - CHOSEN == set()


def decimals(text: str) -> list[str]:
    return re.findall(r"\d+\.\d+", text)


@EACH_PAGE
def test_what_is_said_of_the_target_network_is_what_the_runs_measured(page: Path) -> None:
    without, copied = ([max(curve["value"]) for curve in RUNS[f"chase/{every}"]] for every in (1, 100))
    assert f"{max(without):.0f}" in page.read_text("utf-8")
    assert f"{min(without):.0f}" in page.read_text("utf-8")
    assert f"{max(copied):.0f}" in page.read_text("utf-8")


@EACH_PAGE
def test_metrics_that_the_story_names_are_explained(page: Path) -> None:
    named = set(re.findall(r"`((?:train|learn|replay|eval|confirm|time)/\w+)`", page.read_text("utf-8")))
    explained = (ROOT / "docs" / "metrics.md").read_text("utf-8")
    assert len(named) >= 8
    assert [name for name in named if f"| `{name}` |" not in explained] == []


@EACH_PAGE
def test_verdicts_that_the_story_names_are_those_of_the_health_strip(page: Path) -> None:
    words = json.loads((ROOT / "src/dqnlab/explain/page/words/health.json").read_text("utf-8"))
    language = "zh-Hant" if "zh-Hant" in page.name else "en"
    known = {text[language].lower() for name, text in words.items() if re.fullmatch(r"kind\..*\.name", name)}
    verdicts = re.findall(r"^\| ([^|]+) \|(?:[^|]+\|){3}$", page.read_text("utf-8"), flags=re.MULTILINE)
    assert len(verdicts) >= 6
    assert [name for name in verdicts[-6:] if name not in known] == []


def test_on_the_slippery_lake_most_arrivals_come_after_the_cut() -> None:
    """Said of the best policy; by value iteration on the environment's own table."""
    table: Any = gym.make("FrozenLake-v1").unwrapped
    value = np.zeros(16)
    for _ in range(500):
        q = np.array(
            [[sum(p * (r + 0.99 * value[to]) for p, to, r, _ in table.P[s][a]) for a in range(4)] for s in range(16)]
        )
        value = q.max(1)
    at, arrived = np.eye(16)[0], []
    for _ in range(100):
        after = np.zeros(16)
        for state, action in enumerate(q.argmax(1)):
            for p, to, _, _ in table.P[state][int(action)]:
                after[to] += at[state] * p
        at = after
        arrived.append(at[15])
    assert arrived[14] < 0.2 * arrived[-1]
