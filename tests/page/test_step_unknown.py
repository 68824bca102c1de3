"""One learning step of kinds that the page has no formulas for: every number, no claim, no error."""

from typing import Any

import pytest

from dqnlab import build
from dqnlab.explain.seen import obs_data
from dqnlab.explain.trace import as_page, trace_of

from ..explain.recording import record
from ..seams.variants import VARIANTS
from .conftest import Open
from .sample import sample

CLAIMS = {
    "a rule without an entry": "chooses the action",
    "two numbers per action": "target − prediction =",
    "one state tensor": "Adam keeps",
    "a sync without an entry": "becomes a copy",
}
"""Of each variant what may not be said."""


def shown(open_page: Open, page: dict[str, Any], obs: dict[str, Any]) -> str:
    """All that the section says, the formula of every number included."""
    opened = open_page(sample(moment=page, obs=obs), hash="level=numbers")
    formulas = opened.page.evaluate(
        """() => [...document.querySelectorAll("#step .step-number")].map((node) => {
          node.focus();
          return node.closest("li").querySelector(".step-formula").textContent;
        })"""
    )
    return "\n".join([opened.page.inner_text("#step"), *formulas])


@pytest.mark.parametrize("name", CLAIMS)
def test_a_kind_without_an_entry_shows_its_numbers_and_claims_nothing(
    name: str, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrays, config, spec = record("textbook")
    obs = obs_data(spec.obs, [])
    known = as_page(trace_of(arrays, config, spec))
    assert known is not None
    assert CLAIMS[name] in shown(open_page, known, obs)
    for part, make in VARIANTS[name].items():
        monkeypatch.setattr(build, part, make)
    arrays, config, spec = record.__wrapped__("textbook")
    page = as_page(trace_of(arrays, config, spec))
    assert page is not None
    text = shown(open_page, page, obs)
    assert CLAIMS[name] not in text
    assert "does not know" in text
