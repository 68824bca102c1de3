"""One learning step in a browser: recomputed as in the run it is what the run recorded; each switch changes its own."""

import re
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
import torch

from dqnlab.explain.seen import obs_data
from dqnlab.explain.stages import Trace
from dqnlab.explain.trace import as_page, trace_of
from dqnlab.learn.losses import td_loss
from dqnlab.run.moment import End

from ..explain.recording import WAYS, record
from .conftest import Open, Opened
from .sample import sample

RECOMPUTE = """(() => {
  const step = m.makeStep(argument.moment, argument.obs);
  const switches = { ...step.own, ...argument.switches };
  return Array.from({ length: step.count }, (_, i) => {
    const now = step.recompute(i, switches);
    return now && { target: now.target, loss: now.loss, action: now.action, end: now.end, k: now.k };
  });
})()"""


def traced(way: str) -> tuple[Trace, dict[str, Any], dict[str, Any]]:
    """The trace, and it and the form of observations as the page has them."""
    arrays, config, spec = record(way)
    trace = trace_of(arrays, config, spec)
    assert trace is not None
    page = as_page(trace)
    assert page is not None
    return trace, page, obs_data(spec.obs, [])


def recompute(opened: Opened, **switches: Any) -> list[Any]:
    """Each row under other rules, by the page's own data."""
    script = f"""(switches) => {{
      const data = modules["core/codec.js"].unpack(JSON.parse(document.getElementById("data").textContent));
      const argument = {{ moment: data.moment, obs: data.obs, switches }};
      const m = modules["views/stepmath.js"];
      return {RECOMPUTE};
    }}"""
    return opened.page.evaluate(script, switches)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("networks", [True, False])
def test_with_all_switches_as_in_the_run_the_page_computes_what_was_recorded(
    way: str, networks: bool, open_page: Open
) -> None:
    trace, page, obs = traced(way)
    if not networks:
        page["networks"] = None
    rows = recompute(open_page(sample(moment=page, obs=obs)))
    np.testing.assert_allclose([row["target"] for row in rows], trace.rows.target, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose([row["loss"] for row in rows], trace.rows.loss, rtol=1e-3, atol=1e-4)
    assert [row["action"] for row in rows] == trace.rows.next_action.tolist()
    assert [row["k"] for row in rows] == trace.rows.span.tolist()


@pytest.mark.parametrize("way", ["textbook", "double, n = 3, Huber"])
def test_truncation_as_termination_changes_exactly_the_truncated_rows(way: str, open_page: Open) -> None:
    trace, page, obs = traced(way)
    opened = open_page(sample(moment=page, obs=obs))
    before, after = recompute(opened), recompute(opened, trunc=True)
    changed = [i for i, (a, b) in enumerate(zip(before, after, strict=True)) if a["target"] != b["target"]]
    assert changed == (trace.rows.end == End.TRUNCATED).nonzero()[0].tolist()
    assert changed
    for i in changed:
        assert after[i]["target"] == pytest.approx(float(trace.rows.reward[i]), rel=1e-6)


def test_double_lets_the_other_network_choose(open_page: Open) -> None:
    trace, page, obs = traced("textbook")
    rows, made = trace.rows, recompute(open_page(sample(moment=page, obs=obs)), double=True)
    best = rows.next_online.argmax(1)
    assert (best != rows.next_action).any()
    assert [row["action"] for row in made] == best.tolist()
    target = rows.reward + rows.discount * rows.next_target[np.arange(len(best)), best]
    np.testing.assert_allclose([row["target"] for row in made], target, rtol=1e-5, atol=1e-5)


def test_huber_is_the_loss_that_the_learner_has(open_page: Open) -> None:
    trace, page, obs = traced("textbook")
    made = recompute(open_page(sample(moment=page, obs=obs)), huber=True)
    q, target = (torch.from_numpy(column) for column in (trace.rows.prediction, trace.rows.target))
    wanted = td_loss(q, torch.zeros_like(q), target, torch.ones_like(q), 1.0).value
    np.testing.assert_allclose([row["loss"] for row in made], wanted.numpy(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("way", "n"), [("textbook", 3), ("textbook", 10), ("double, n = 3, Huber", 1)])
def test_another_n_is_the_target_of_that_many_single_steps(way: str, n: int, open_page: Open) -> None:
    trace, page, obs = traced(way)
    rows, after, gamma = trace.rows, trace.after, trace.settings.gamma
    made = recompute(open_page(sample(moment=page, obs=obs)), n=n)
    checked = 0
    for i, row in enumerate(made):
        length, end = int(after.length[i]), End(int(after.end[i]))
        known = length >= n or (length > 0 and end in {End.TERMINATED, End.TRUNCATED})
        assert (row is not None) == known
        if row is None:
            continue
        k = min(n, length)
        ended = end if k == length else End.GOES_ON
        online, target = after.online[i, k - 1], after.target[i, k - 1]
        value = target[(online if trace.settings.chooser == "online" else target).argmax()]
        reward = sum(gamma**j * after.reward[i, j] for j in range(k))
        wanted = reward + (0 if ended is End.TERMINATED else gamma**k * value)
        assert row["target"] == pytest.approx(float(wanted), rel=1e-5, abs=1e-5)
        assert row["k"] == k
        checked += 1
    assert checked > len(rows.span) / 2


def focus_texts(opened: Opened) -> list[tuple[str, str]]:
    """Every explained number, and the formula that it shows when it has the focus."""
    return opened.page.evaluate(
        """() => [...document.querySelectorAll("#step .step-number")].map((node) => {
          node.focus();
          return [node.textContent, node.closest("li").querySelector(".step-formula").textContent];
        })"""
    )


def check_every_number_explains_itself(opened: Opened, width: int) -> None:
    """Each by a formula that holds it, no text is missing, and nothing is wider than the page."""
    for number, formula in focus_texts(opened):
        assert formula
        assert "NaN" not in formula + number
        assert not re.search(r"step\.\w|undefined", formula)
        if "=" in formula:
            assert number in formula, (number, formula)
    text = opened.page.inner_text("#step")
    assert not re.search(r"step\.\w|undefined|NaN", text)
    assert "does not know" not in text
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("way", WAYS)
def test_every_number_explains_itself_to_the_keyboard(way: str, open_page: Open) -> None:
    _, page, obs = traced(way)
    opened = open_page(sample(moment=page, obs=obs), hash="level=numbers")
    assert opened.page.locator("#step .step-stages > li").count() == 9
    found = focus_texts(opened)
    assert len(found) > 40
    for number, formula in found:
        assert formula
        assert "Hover" not in formula
        assert not re.search(r"step\.\w", formula)
        assert "NaN" not in formula + number
        if "=" in formula:
            assert number in formula, (number, formula)
    text = opened.page.locator("#step").inner_text()
    assert not re.search(r"step\.\w", text)
    assert "undefined" not in text


def test_a_row_and_the_switches_stand_in_the_address_and_come_back(open_page: Open) -> None:
    trace, page, obs = traced("textbook")
    opened = open_page(sample(moment=page, obs=obs), hash="level=numbers")
    opened.page.locator("#step-row-5").focus()
    opened.page.keyboard.press("Enter")
    opened.page.locator("#step-switch-double").check()
    opened.page.locator("#step-switch-n").select_option("3")
    assert opened.page.evaluate("document.activeElement.id") != ""
    hash_ = opened.page.evaluate("location.hash.slice(1)")
    assert {"step.row=5", "step.double=1", "step.n=3"} <= set(hash_.split("&"))
    again = open_page(sample(moment=page, obs=obs), hash=hash_)
    assert again.page.locator("#step").inner_text() == opened.page.locator("#step").inner_text()
    again.page.locator("#step-reset").click()
    assert again.page.locator("#step-switch-double").is_checked() is False
    assert again.page.evaluate("location.hash.slice(1)") == "level=numbers&step.row=5"
    assert trace.settings.n == 1


@pytest.mark.parametrize("hash_", ["step.row=999&step.n=77", "step.row=-3&step.double=x", "step.row=1.5"])
def test_an_address_beyond_what_there_is_still_draws(hash_: str, open_page: Open) -> None:
    _, page, obs = traced("textbook")
    opened = open_page(sample(moment=page, obs=obs), hash=f"level=numbers&{hash_}")
    assert opened.page.locator("#step .step-chosen").count() == 1


@pytest.mark.parametrize("lang", ["en", "zh-Hant"])
def test_on_a_phone_nothing_scrolls_sideways(lang: str, open_page: Open) -> None:
    _, page, obs = traced("double, n = 3, Huber")
    opened = open_page(sample(moment=page, obs=obs), width=360, hash=f"lang={lang}&level=numbers")
    focus_texts(opened)
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 360


def test_where_nothing_was_recorded_one_sentence_says_so(open_page: Open) -> None:
    opened = open_page(sample(moment=None))
    assert "recorded no batch" in opened.page.locator("#step").inner_text()


def test_the_page_knows_every_setting_of_the_step(open_page: Open) -> None:
    trace, page, _ = traced("polyak, clipped")
    assert page["settings"] == asdict(trace.settings)
    opened = open_page(sample(moment=page), hash="level=numbers")
    text = opened.page.locator("#step").inner_text()
    assert "Above the limit 0.5" in text
    assert "τ = 0.1" in text


def test_what_a_rule_adds_to_the_reward_is_told_apart_from_it(open_page: Open) -> None:
    _, page, obs = traced("munchausen, n = 3")
    rows = page["rows"]
    row = int((rows["added"] < -0.1).argmax())
    opened = open_page(sample(moment=page, obs=obs), hash=f"level=numbers&step.row={row}")
    text = opened.page.locator("#step").inner_text()
    assert "This run's rule adds to the reward of every transition: values are not returns alone." in text
    target = opened.page.locator("#step .step-stages > li").nth(4).inner_text()
    assert re.search(r"what the rule adds\s+.0\.\d+", target), target
    plain = open_page(sample(moment=traced("textbook")[1]), hash="level=numbers").page.locator("#step").inner_text()
    assert "rule adds" not in plain
