"""The printed losses of heads and targets of rules: literal numbers, and sums that are what the learner computed."""

import math
import re
from collections.abc import Callable
from dataclasses import replace
from typing import get_args, get_type_hints

import numpy as np
import pytest
import torch

from dqnlab.build import make_head, make_rule
from dqnlab.config import C51, Config, Custom, HlGauss, Iqn, Munchausen, Quantiles
from dqnlab.explain import kinds, trace_text
from dqnlab.explain.kinds import chooser_of, loss_of, soft_of
from dqnlab.explain.parts import QuantileParts, Shares, parts_of
from dqnlab.explain.stages import PolicyRows, Trace
from dqnlab.explain.trace import as_page, trace_of
from dqnlab.explain.trace_text import as_text
from dqnlab.learn.heads import Head, ScalarHead

from .recording import HEADS, RULES, Recorded
from .test_trace_text import NUMBER, Printed, near, numbers


def traced(recorded: Callable[[str], Recorded], way: str) -> Trace:
    trace = trace_of(*recorded(way))
    assert trace is not None
    return trace


def with_row(trace: Trace, head: Head, row: list[float], next_row: list[float], **changes: float) -> str:
    """The text of row 0 as it would be of another head and other numbers; reward 1, discount 0.5."""
    now, then, reward, discount = (torch.tensor([x]) for x in (row, next_row, 1.0, 0.5))
    made = head.loss(now, then, reward, discount)
    numbers = {
        "reward": 1.0,
        "discount": 0.5,
        "span": 1,
        "loss": made.value.item(),
        "head_loss": made.value.item(),
        "target": made.target.item(),
        "prediction": head.q_values(now[:, None]).item(),
        "next_value": head.q_values(then[:, None]).item(),
        **changes,
    }
    columns = {name: np.full_like(getattr(trace.rows, name), number) for name, number in numbers.items()}
    parts = parts_of(head, now, then, reward, discount, 1.0)
    rows = replace(trace.rows, parts=parts, **columns)
    return as_text(replace(trace, rows=rows, settings=replace(trace.settings, loss=loss_of(head, 1.0))), 0, "a run")


LN2, LN8 = math.log(2), math.log(8)


def test_c51_prints_where_each_probability_goes_and_the_cross_entropy(recorded: Callable[[str], Recorded]) -> None:
    head = make_head(C51(num=3, v_min=0.0, v_max=2.0))
    text = with_row(traced(recorded, "textbook"), head, [0.0, LN2, 0.0], [0.0, 0.0, LN2])
    target = Printed(text, "Target").text
    assert "probabilities of 3 returns, 0 to 2, 1 apart" in target
    # 0, 1 and 2 with 1/4, 1/4 and 1/2 become 1, 1.5 and 2
    assert "              0         0.25            1   0.25 to 1" in target
    assert "              1         0.25          1.5   0.125 to 1, 0.125 to 2" in target
    assert "              2          0.5            2   0.5 to 2" in target
    assert "mean of what is wanted = target = 1.625" in target
    loss = Printed(text, "Loss").text
    assert "              0            0         0.25                        0" in loss
    assert "              1        0.375          0.5                  0.25993" in loss  # 3/8 ln 2
    assert "              2        0.625         0.25                 0.866434" in loss  # 5/8 ln 4
    assert "        = 1.12636" in loss
    assert "error = target - prediction = 1.625 - 1 = 0.625 (of the means)" in loss


def test_hl_gauss_prints_the_histogram_of_its_target(recorded: Callable[[str], Recorded]) -> None:
    head = make_head(HlGauss(num=2, v_min=0.0, v_max=4.0, sigma=0.5))
    text = with_row(traced(recorded, "textbook"), head, [0.0, 0.0], [0.0, 0.0])
    assert "= 1 + 0.5 * 2\n          = 2" in Printed(text, "Target").text  # the middle of both bins
    loss = " ".join(Printed(text, "Loss").text.split())
    assert "probabilities of 2 bins of returns, each 2 wide, from 0 to 4" in loss
    assert "the normal distribution around 2 with a deviation of 0.5 bins = 1, of which" in loss
    assert "1 0.5 0.5 0.346574 3 0.5 0.5 0.346574 = 0.693147" in loss
    beyond = " ".join(
        Printed(with_row(traced(recorded, "textbook"), head, [0.0] * 2, [0.0] * 2, target=9.0), "Loss").text.split()
    )
    assert "around 4 (the end of the range, for 9 lies beyond it)" in beyond


def test_qr_prints_levels_differences_and_kappa(recorded: Callable[[str], Recorded]) -> None:
    head = make_head(Quantiles(num=2, kappa=1.0))
    text = with_row(traced(recorded, "textbook"), head, [0.0, 2.0], [1.0, 5.0])
    target = Printed(text, "Target").text
    assert "1 + 0.5 * 1 = 1.5" in target
    assert "1 + 0.5 * 5 = 3.5" in target
    loss = Printed(text, "Loss").text
    # 0 against 1.5 and 3.5 is below both: 1/4 (1 + 3) / 2; 2 lies between: (1/4 1/8 + 3/4 1) / 2
    assert "           0.25            0                  0          0.5" in loss
    assert "           0.75            2                  1     0.390625" in loss
    assert "        = 0.890625" in loss
    assert "u = 3.5 - 0 = 3.5, huber(u) = 1 * (3.5 - 1 / 2) = 3" in loss
    assert "0.25 * 3 / 1 = 0.75" in loss


def test_iqn_prints_the_levels_that_chance_chose(recorded: Callable[[str], Recorded]) -> None:
    head = make_head(Iqn(num=2, cosines=1, kappa=2.0))
    text = with_row(traced(recorded, "textbook"), head, [2.0, 0.0, 0.9, 0.1], [1.0, 5.0, 0.3, 0.4])
    loss = Printed(text, "Loss").text
    assert "at levels that chance chose for this" in loss
    # at 0.1: 0 is below 1.5 and 3.5; at 0.9: 2 is above 1.5 and below 3.5
    assert f"            0.1            0                  0 {0.1 * (1.125 + 5) / 4:>12.6g}" in loss
    assert f"            0.9            2                  1 {(0.1 * 0.125 + 0.9 * 1.125) / 4:>12.6g}" in loss


def test_munchausen_prints_its_policy_the_bonus_and_the_soft_value(recorded: Callable[[str], Recorded]) -> None:
    trace = traced(recorded, "munchausen, n = 3")
    policy = PolicyRows(
        q=np.array([[0, LN2]]).repeat(32, 0),
        log=np.array([[-math.log(3), math.log(2 / 3)]]).repeat(32, 0),
        next_log=np.array([[-LN2, -LN2]]).repeat(32, 0),
    )
    columns = {
        "action": np.zeros(32, np.int64),
        "next_target": np.full((32, 2), 5.0),
        "next_value": np.full(32, 5 + LN2),
    }
    added = {"added": np.full(32, -0.9), "reward": np.ones(32), "discount": np.full(32, 0.5)}
    rows = replace(trace.rows, policy=policy, target=np.full(32, 0.1 + (5 + LN2) / 2), **columns, **added)
    target = Printed(as_text(replace(trace, rows=rows), 0, "a run"), "Target").text
    assert "        0             0      0.333333      -1.09861   <- the action taken" in target
    assert "        1      0.693147      0.666667     -0.405465" in target
    assert "= 0.9 * clip(-1.09861, -1, 0)\n         = -0.9" in target
    assert "= 0.5 * (5 - -0.693147) + 0.5 * (5 - -0.693147)\n              = 5.69315" in target
    assert "= 1 + -0.9 + 0.5 * 5.69315\n          = 2.94657" in target


@pytest.mark.parametrize("way", HEADS)
def test_the_printed_parts_of_every_row_add_up_to_the_loss_that_was_computed(
    way: str, recorded: Callable[[str], Recorded]
) -> None:
    trace = traced(recorded, way)
    for row in range(len(trace.rows.action)):
        stage = Printed(as_text(trace, row, "a run"), "Loss")
        lines = [line for line in stage.text.splitlines() if re.match(rf"^ +({NUMBER}|others) [ \d.e+-]*$", line)]
        parts = [float(line.split()[-1]) for line in lines]
        (loss,) = [float(line.split()[-1]) for line in stage.text.splitlines() if re.match(r"^ {8}= ", line)]
        assert sum(parts) == pytest.approx(loss, rel=1e-5, abs=1e-5)
        assert loss == pytest.approx(float(trace.rows.loss[row]), rel=1e-5, abs=1e-9)
        assert len(parts) == len(lines) > 2


@pytest.mark.parametrize("way", ["quantiles", "quantiles, divided rewards", "implicit quantiles"])
def test_the_printed_pair_multiplies_out(way: str, recorded: Callable[[str], Recorded]) -> None:
    trace, signs = traced(recorded, way), set[bool]()
    for row in range(32):
        stage = Printed(as_text(trace, row, "a run"), "Loss").text
        weight, huber, kappa, made = numbers(next(x for x in stage.splitlines() if re.match(rf"^   {NUMBER} \* ", x)))
        assert made == near(weight * huber / kappa, weight * huber)
        parts = trace.rows.parts
        assert isinstance(parts, QuantileParts)
        i = int(parts.terms[row].argmax())
        level, apart = float(parts.level[row, i]), numbers(next(x for x in stage.splitlines() if "   u = " in x))
        u = float(re.findall(rf"= ({NUMBER}), huber", stage)[0])
        assert weight == pytest.approx(1 - level if u < 0 else level, rel=1e-5)
        assert huber == near(u**2 / 2 if abs(u) <= kappa else kappa * (abs(u) - kappa / 2), *apart)
        signs.add(u < 0)
    assert signs == {False, True} or way == "implicit quantiles"


@pytest.mark.parametrize("way", HEADS)
def test_what_a_head_is_pulled_towards_has_the_mean_that_is_called_the_target(
    way: str, recorded: Callable[[str], Recorded]
) -> None:
    trace = traced(recorded, way)
    rows, parts = trace.rows, trace.rows.parts
    if isinstance(parts, Shares):
        np.testing.assert_allclose(parts.predicted @ parts.at, rows.prediction, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(parts.following @ parts.at, rows.next_value, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(parts.wanted.sum(1), 1, rtol=1e-5)
        if "histogram" not in way:
            np.testing.assert_allclose(parts.wanted @ parts.at, rows.target, rtol=1e-4, atol=1e-4)
    else:
        assert isinstance(parts, QuantileParts)
        np.testing.assert_allclose(parts.predicted.mean(1), rows.prediction, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(parts.wanted.mean(1), rows.target, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(parts.following.mean(1), rows.next_value, rtol=1e-5, atol=1e-5)
        assert (np.diff(parts.level) >= 0).all()


@pytest.mark.parametrize("way", RULES)
def test_the_soft_policy_that_is_printed_is_the_one_that_was_paid_and_bootstrapped(
    way: str, recorded: Callable[[str], Recorded]
) -> None:
    trace = traced(recorded, way)
    rows, soft = trace.rows, trace.settings.soft
    assert soft is not None
    assert rows.policy is not None
    each = np.arange(len(rows.action))
    share = np.exp(rows.policy.next_log / soft.tau)
    np.testing.assert_allclose(share.sum(1), 1, rtol=1e-5)
    bonus = soft.alpha * rows.policy.log[each, rows.action].clip(soft.least, 0)
    np.testing.assert_allclose(bonus, rows.added, rtol=1e-5, atol=1e-5)
    some = share > 0
    q, log = (np.where(some, each, 0) for each in (rows.next_target, rows.policy.next_log))  # -inf where forbidden
    soft_value = (share * (q - log)).sum(1)
    np.testing.assert_allclose(soft_value, rows.next_value, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(rows.reward + rows.added + rows.discount * soft_value, rows.target, rtol=1e-5, atol=1e-5)
    for row in range(4):
        stage = Printed(as_text(trace, row, "a run"), "Target")
        printed = " ".join(stage.text.split()).partition("of pi * (Q - tau * ln pi) = ")[2]
        terms, value = (numbers(each) for each in printed.split(" = ")[:2])
        assert value[0] == pytest.approx(float(rows.next_value[row]), rel=1e-5)
        assert len(terms) == 3 * some[row].sum()
        assert ("forbidden" in stage.text) == ("masked" in way)


@pytest.mark.parametrize("way", [*HEADS, *RULES])
def test_no_line_is_wider_than_a_hundred_columns_and_no_kind_is_unknown(
    way: str, recorded: Callable[[str], Recorded]
) -> None:
    text = as_text(traced(recorded, way), 1, "a run")
    assert max(map(len, text.splitlines())) <= 100
    assert text.isascii()
    assert "not shown here" not in text


def test_every_head_and_every_rule_has_an_entry() -> None:
    """Whoever adds a kind to the configuration adds what can be said of it, or says here why nothing can."""
    hints = get_type_hints(Config)
    named = {field: set(get_args(hints[field])) - {Custom} for field in ("head", "rule")}  # one's own shows numbers
    ranges = {"v_min": -1.0, "v_max": 1.0}
    for kind in named["head"]:
        made = make_head(kind(**{name: end for name, end in ranges.items() if name in kind.__dataclass_fields__}))
        assert loss_of(made, 1.0) is not None, kind
        values = torch.zeros(3, made.width)
        parts = parts_of(made, values, values, torch.zeros(3), torch.zeros(3), 1.0)
        assert (parts is None) == isinstance(made, ScalarHead), kind
    for kind in named["rule"]:
        rule = make_rule(kind())
        assert (chooser_of(rule) is None) != (soft_of(rule, 1.0) is None), kind


def test_a_head_or_rule_without_an_entry_shows_its_numbers_and_says_so(
    recorded: Callable[[str], Recorded], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kinds, "LOSSES", {})
    monkeypatch.setattr(kinds, "SOFT", {})
    text = " ".join(as_text(traced(recorded, "munchausen, quantiles, divided rewards"), 0, "a run").split())
    assert "How this run's rule finds that out is not shown here" in text
    assert "How this run measures it is not shown here" in text
    assert "huber" not in text
    assert trace_text._CHOOSERS[None]


def test_the_page_gets_the_parts_of_as_many_rows_as_there_is_room_for(
    recorded: Callable[[str], Recorded], monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = traced(recorded, "categorical, narrow")
    whole = as_page(trace)
    assert whole is not None
    assert whole["rows"]["parts"]["wanted"].shape == (32, 5)
    assert whole["rows"]["parts"]["at"].tolist() == [-2, -1, 0, 1, 2]
    monkeypatch.setattr("dqnlab.explain.trace.MOST_PARTS", 5 * 3 * 10)
    few = as_page(trace)
    assert few is not None
    assert few["rows"]["parts"]["wanted"].shape == (10, 5)


def test_munchausen_is_settled_in_the_units_of_the_environment() -> None:
    soft = soft_of(make_rule(Munchausen(alpha=0.5, tau=0.1, least=-1.0)), 4.0)
    assert soft == kinds.Soft(alpha=0.5, tau=0.4, least=-4.0)


def test_an_agent_that_explores_by_noise_is_not_said_to_toss_a_coin(recorded: Callable[[str], Recorded]) -> None:
    trace = traced(recorded, "quantiles, noisy")
    said = " ".join(Printed(as_text(trace, 0, "a run"), "Choose").text.split())
    assert "Noise on its weights, drawn anew at every step" in said
    assert "probability epsilon" not in said
    both = replace(trace, epsilon=0.1)
    assert "With probability epsilon it is a random one" in " ".join(as_text(both, 0, "a run").split())
    plain = Printed(as_text(traced(recorded, "textbook"), 0, "a run"), "Choose").text
    assert "with probability epsilon a random one" in " ".join(plain.split())


def test_actions_that_are_drawn_by_their_values_are_said_to_be(recorded: Callable[[str], Recorded]) -> None:
    trace = traced(recorded, "boltzmann, divided rewards")
    assert trace.settings.temperature == 2.0
    said = " ".join(Printed(as_text(trace, 0, "a run"), "Choose").text.split())
    assert "Its action is drawn, with probability softmax(Q / 2): better ones are likelier." in said
    assert "takes the best one" not in said
