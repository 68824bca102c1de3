"""Pictures that the doctor takes, as a film would."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dqnlab.check.doctor.drawing import check_drawing
from dqnlab.check.doctor.findings import EnvFinding, Findings
from dqnlab.config import Env
from dqnlab.envs.make import describe

ZOO = Path(__file__).resolve().parents[2] / "zoo"


@pytest.fixture(autouse=True)
def zoo(monkeypatch: pytest.MonkeyPatch, no_display: None) -> None:
    monkeypatch.syspath_prepend(str(ZOO))


def found(name: str, **kwargs: Any) -> tuple[EnvFinding, ...]:
    env, findings = Env(id=f"zoo:{name}-v0", kwargs=kwargs), Findings()
    check_drawing(env, describe(env), findings, np.random.default_rng(0))
    assert findings.exit_code == 0  # a run can be trained without a film
    return findings.sorted()


@pytest.mark.parametrize("name", ["Lane", "GrayFrames", "OldFrames"])
def test_pictures_that_can_be_filmed_are_told_with_size_and_rate(name: str) -> None:
    (finding,) = found(name)
    assert (finding.level, finding.what) == ("ok", "pictures of 64 x 64 pixels, 10 a second")


@pytest.mark.parametrize(
    ("name", "kwargs", "words"),
    [
        ("GrowingFrames", {}, "pixels after 64 x"),
        ("TextRender", {}, "render returned None"),
        ("QuitsDrawing", {}, "SystemExit"),
        ("NoRenderMode", {}, "cannot be made with it"),
        ("Paced", {"fps": 0}, "metadata['render_fps'] is 0"),
        ("Paced", {"fps": "fast"}, "metadata['render_fps'] is 'fast'"),
    ],
)
def test_what_cannot_be_filmed_is_a_warning_with_the_film_s_own_words(
    name: str, kwargs: dict[str, Any], words: str
) -> None:
    (finding,) = found(name, **kwargs)
    assert finding.level == "warning"
    assert words in finding.what


def test_an_environment_that_promises_no_pictures_is_not_asked_for_any() -> None:
    assert found("Codes") == ()
