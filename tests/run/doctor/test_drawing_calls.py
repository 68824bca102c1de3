"""What fails while the doctor draws is filed under the call that failed."""

from typing import Any

import numpy as np
import pytest

from dqnlab.check.doctor.drawing import check_drawing
from dqnlab.check.doctor.findings import Findings
from dqnlab.config import Env
from dqnlab.envs.make import describe

from .patients import Sound


def check_draws_of(make: type) -> Findings:
    found = Findings()
    check_drawing(Env(id=make), describe(Env(id=make)), found, np.random.default_rng(0))
    return found


@pytest.mark.parametrize(
    ("call", "expected", "exit_code"),
    [
        ("reset", {"error reset"}, 3),
        ("step", {"error step"}, 3),
        ("render", {"warning drawing"}, 0),
        ("close", {"ok drawing", "warning close"}, 0),
    ],
)
@pytest.mark.filterwarnings("ignore:env 'Late':UserWarning")
def test_what_fails_while_pictures_are_drawn_is_filed_under_what_it_is(
    call: str, expected: set[str], exit_code: int
) -> None:
    def fail(self: Sound, *args: Any, **kwargs: Any) -> Any:
        if self.render_mode is None:  # in play all is well
            return getattr(super(late, self), call)(*args, **kwargs)
        raise KeyError("x")

    def draw(self: Sound) -> Any:
        return np.zeros((64, 64, 3), np.uint8)

    def init(self: Sound, render_mode: str | None = None) -> None:
        Sound.__init__(self)
        self.render_mode = render_mode

    late = type("Late", (Sound,), {"__init__": init, "render": draw, call: fail})
    found = check_draws_of(late)
    assert {f"{each.level} {each.check}" for each in found.sorted()} == expected
    assert found.exit_code == exit_code
