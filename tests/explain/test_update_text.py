"""The printed step of every optimiser multiplies out, and is the one that the learner made."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import get_args, get_type_hints

import pytest
import torch

from dqnlab.build import make_descent
from dqnlab.config import Config, ConstantRate, Custom
from dqnlab.explain.kinds import formula_of
from dqnlab.explain.trace import trace_of
from dqnlab.explain.trace_text import as_text
from dqnlab.learn.formulas import RAdam

from .recording import OPTIMIZERS, Recorded
from .test_trace_text import Printed, near


@pytest.fixture(params=OPTIMIZERS)
def stage(request: pytest.FixtureRequest, recorded: Callable[[str], Recorded]) -> tuple[str, Printed]:
    trace = trace_of(*recorded(request.param))
    assert trace is not None
    return request.param, Printed(as_text(trace, 0, "a run"), "Update")


def test_the_running_means_and_the_step_multiply_out(stage: tuple[str, Printed]) -> None:
    name, printed = stage
    gradient = printed.one("gradient g = @")
    (b1, m0, r1, g), (m,) = printed.after("mean   m")[:2]
    assert m == near(b1 * m0 + r1 * g, m0, gradient)
    (b2, v0, r2, _), (v,) = printed.after("square v")[:2]
    assert v == near(b2 * v0 + r2 * gradient**2, v0)
    factors, (step,) = printed.after("step = -lr")[:2]
    lr, *given = (abs(factors[0]), *factors[1:])
    match name:
        case "adamw":
            mean, square, eps, lr_again, decay, weight = given
            made = -lr * mean / (math.sqrt(square) + eps) - abs(lr_again) * decay * weight
            assert decay == 0.1
            assert " - 0.001 * 0.1 * " in printed.text
        case "radam":
            trust, mean, second, square, eps = given
            made = -lr * trust * mean * math.sqrt(second) / (math.sqrt(square) + eps)
            assert 0 < trust < 1
            assert trust == printed.one(r"rho\)\) = @")
        case _:
            slope, variance, eps = given
            made = -lr * slope / math.sqrt(variance + eps)
            assert variance == near(v - m * m, v)
    assert step == near(made)
    before, change, after = printed.after_weight()
    assert change == step
    assert after == near(before + step, before)


def test_radam_goes_by_the_mean_alone_at_first(recorded: Callable[[str], Recorded]) -> None:
    trace = trace_of(*recorded("radam"))
    assert trace is not None
    radam = RAdam(0.9, 0.999, 1e-8)
    memory = [torch.tensor([0.5]), torch.tensor([2.0])]
    step = radam(torch.zeros(1), torch.tensor([1.5]), memory, radam.factors(4, 0.01)).item()
    assert step == pytest.approx(-0.01 * 0.6 / (1 - 0.9**4))
    moved = [each.item() for each in memory]
    weight = replace(trace.weights[-1], clipped=1.5, memory_before=[0.5, 2.0], memory=moved, step=step)
    lr = replace(trace.settings, lr=0.01)
    early = replace(trace, optimizer_steps=4, weights=[weight], settings=lr)
    text = Printed(as_text(early, 0, "a run"), "Update").text
    assert "= 1999 - 2 * 4 * 249.375 = 3.9975" in text
    assert "   step = -lr * m', for rho <= 5\n        = -0.01 * 1.74469\n        = -0.0174469" in text


def test_every_optimiser_has_an_entry() -> None:
    """Whoever adds one adds what can be said of it."""
    kinds = set(get_args(get_type_hints(Config)["optimizer"])) - {Custom}
    assert len(kinds) >= 4
    for kind in kinds:
        found = formula_of(make_descent(kind(), ConstantRate()).formula)
        assert found is not None, kind
        assert found.kind == kind.kind
