"""Every head and rule in a browser: what the page computes of the recorded parts is what the learner computed."""

import re
from typing import Any

import numpy as np
import pytest

from dqnlab.explain.parts import Shares

from ..explain.recording import HEADS, OPTIMIZERS, RULES
from .conftest import Open, Opened
from .sample import sample
from .test_step import check_every_number_explains_itself, traced

COMPUTED = """(argument) => {
  const { unpack } = modules["core/codec.js"];
  const m = modules["views/stepparts.js"];
  const { moment } = unpack(JSON.parse(document.getElementById("data").textContent));
  const { rows, settings } = moment;
  return Array.from({ length: rows.action.data.length }, (_, i) => {
    const [parts, policy] = [m.partsOf(moment, i), m.policyOf(moment, i)];
    const reward = rows.reward.data[i] + rows.added.data[i];
    const discount = rows.discount.data[i];
    const loss = settings.loss;
    return {
      wanted: loss.kind === "categories" ? Array.from(m.projected(parts, loss, reward, discount)) : null,
      terms: !parts ? null : parts.kind === "shares" ? Array.from(m.entropyTerms(parts))
        : Array.from(parts.level, (_, k) => m.quantileTerm(parts, loss, settings.reward_scale, k)),
      share: policy && Array.from(policy.nextShare),
    };
  });
}"""


def shown(page: dict[str, Any], obs: dict[str, Any]) -> dict[str, Any]:
    """The page of a learning step; without the sample's own networks where it has a mask, which they do not know."""
    masked = {"networks": dict.fromkeys(("best", "online", "target")), "snapshots": []}
    return sample(moment=page, obs=obs, **({} if obs["mask"] is None else masked))


def computed(opened: Opened) -> list[dict[str, Any]]:
    return opened.page.evaluate(COMPUTED)


@pytest.mark.parametrize("way", HEADS)
def test_the_parts_of_a_loss_add_up_to_it_in_the_page(way: str, open_page: Open) -> None:
    trace, page, obs = traced(way)
    rows = computed(open_page(shown(page, obs)))
    np.testing.assert_allclose([sum(row["terms"]) for row in rows], trace.rows.loss, rtol=1e-5, atol=1e-5)
    if "categorical" in way:
        assert isinstance(trace.rows.parts, Shares)
        np.testing.assert_allclose([row["wanted"] for row in rows], trace.rows.parts.wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("way", RULES)
def test_the_soft_policy_of_the_page_is_the_rule_s_own(way: str, open_page: Open) -> None:
    trace, page, obs = traced(way)
    rows = computed(open_page(shown(page, obs)))
    assert trace.rows.policy is not None
    share = np.array([row["share"] for row in rows])
    np.testing.assert_allclose(share.sum(1), 1, rtol=1e-5)
    given = (trace.rows.next_target, trace.rows.policy.next_log)
    q, log = (np.where(share > 0, each, 0) for each in given)  # -inf where forbidden
    value = (share * (q - log)).sum(1)
    np.testing.assert_allclose(value, trace.rows.next_value, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("way", OPTIMIZERS)
def test_every_optimiser_s_numbers_explain_themselves(way: str, open_page: Open) -> None:
    trace, page, obs = traced(way)
    opened = open_page(shown(page, obs), hash="level=numbers")
    formulas = dict(opened.page.evaluate(STEPS))
    for i, weight in enumerate(trace.weights):
        text = formulas[f"step-update-step-{i}"].partition(" =")[0]
        made = opened.page.evaluate(as_script(text))
        assert made == pytest.approx(weight.step, rel=1e-3, abs=1e-9), text
    assert "does not know" not in opened.page.inner_text("#step")


STEPS = """() => [...document.querySelectorAll("#step .step-update .step-number")].map((node) => {
  node.focus();
  return [node.id, node.closest("li").querySelector(".step-formula").textContent];
})"""


def as_script(text: str) -> str:
    """A formula of the page as JavaScript."""
    for shown, meant in {"−": "-", "×": "*", "²": "**2"}.items():
        text = text.replace(shown, meant)
    text = re.sub(r"√([\d.e-]+)", r"Math.sqrt(\1)", text).replace("√(", "Math.sqrt(")
    return re.sub(r"(?<![\w)])-([\d.e]+(?:e-\d+)?)", r"(-\1)", text)


@pytest.mark.parametrize("way", [*HEADS, *RULES])
@pytest.mark.parametrize("lang", ["en", "zh-Hant"])
def test_every_number_of_every_kind_explains_itself(way: str, lang: str, open_page: Open) -> None:
    _, page, obs = traced(way)
    opened = open_page(shown(page, obs), hash=f"level=numbers&lang={lang}&step.row=3", width=360)
    check_every_number_explains_itself(opened, width=360)
    assert opened.page.locator("#step-switch-double").count() == 0


@pytest.mark.parametrize(
    ("way", "says"),
    [
        ("categorical, divided rewards", ["51 returns from -100 to 100, 4 apart", "Cross entropy"]),
        ("histogram, narrow", ["9 bins, each 0.222222 wide", "Cross entropy"]),
        ("quantiles, divided rewards", ["51 quantiles, at the middles", "κ = 0.1"]),
        ("quantiles, noisy", ["Noise on the weights, drawn anew at every step", "the values without noise"]),
        ("boltzmann, divided rewards", ["drawn, with probability softmax(Q / 2): better ones"]),
        ("implicit quantiles", ["8 quantiles, at levels τ that chance chose"]),
        (
            "munchausen, n = 3",
            ["softmax(Q / τ) with τ = 1", "soft value of what follows", "values are not returns alone"],
        ),
    ],
)
def test_each_kind_speaks_of_what_it_is(way: str, says: list[str], open_page: Open) -> None:
    _, page, obs = traced(way)
    text = open_page(shown(page, obs), hash="level=numbers").page.inner_text("#step")
    assert not [each for each in says if each not in text]
    plain = open_page(sample(moment=traced("textbook")[1]), hash="level=numbers").page.inner_text("#step")
    assert not [each for each in says if each in plain]


def test_rows_whose_parts_were_left_out_say_how_to_see_them(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dqnlab.explain.trace.MOST_PARTS", 5 * 3 * 10)
    _, page, obs = traced("categorical, narrow")
    assert "The distributions of row 12 are not in this page" in open_page(
        shown(page, obs), hash="level=numbers&step.row=12"
    ).page.inner_text("#step")
    assert "are not in this page" not in open_page(shown(page, obs), hash="level=numbers&step.row=9").page.inner_text(
        "#step"
    )
