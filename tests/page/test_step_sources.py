"""A step of sequences, of a rollout, and of recorded episodes in a browser: every number explains itself."""

import numpy as np
import pytest

from ..explain.recording import RECORDED, REMEMBERING, ROLLOUTS
from .conftest import Open
from .sample import sample
from .test_step import check_every_number_explains_itself, recompute, traced
from .test_step_parts import as_script

ALL = [*REMEMBERING, *ROLLOUTS, *RECORDED]


@pytest.mark.parametrize("way", ALL)
def test_as_in_the_run_the_page_computes_what_was_recorded(way: str, open_page: Open) -> None:
    trace, page, obs = traced(way)
    rows = recompute(open_page(sample(moment=page, obs=obs)))
    np.testing.assert_allclose([row["target"] for row in rows], trace.rows.target, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose([row["loss"] for row in rows], trace.rows.loss, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("way", ALL)
@pytest.mark.parametrize("lang", ["en", "zh-Hant"])
def test_every_number_of_every_memory_explains_itself(way: str, lang: str, open_page: Open) -> None:
    trace, page, obs = traced(way)
    opened = open_page(sample(moment=page, obs=obs), hash=f"level=numbers&lang={lang}&step.row=3", width=360)
    stages = 9 - 2 * (trace.epsilon is None) - (trace.returns is not None)
    assert opened.page.locator("#step .step-stages > li").count() == stages
    check_every_number_explains_itself(opened, width=360)


@pytest.mark.parametrize("way", ROLLOUTS)
def test_each_return_of_the_page_is_what_its_formula_gives(way: str, open_page: Open) -> None:
    trace, page, obs = traced(way)
    returns = trace.returns
    assert returns is not None
    opened = open_page(sample(moment=page, obs=obs), hash="level=numbers&step.row=3")
    found = opened.page.evaluate(
        """() => [...document.querySelectorAll("#step [id^=step-target-return-]")].map((node) => {
          node.focus();
          return [node.id.split("-").pop(), node.closest("li").querySelector(".step-formula").textContent];
        })"""
    )
    assert [int(k) for k, _ in found] == list(reversed(range(int(returns.length[3]))))
    for k, text in found:
        if "=" not in text:
            continue
        made = opened.page.evaluate(as_script(text.partition(" =")[0]))
        assert made == pytest.approx(float(returns.g[3, int(k)]), rel=1e-4), text


@pytest.mark.parametrize("way", REMEMBERING)
def test_the_sequence_of_the_chosen_row_is_shown_moment_by_moment(way: str, open_page: Open) -> None:
    trace, page, obs = traced(way)
    sequences = trace.sequences
    assert sequences is not None
    opened = open_page(sample(moment=page, obs=obs), hash="level=numbers&step.row=9")
    table = opened.page.locator("#step-sequence tbody tr")
    assert table.count() == sequences.first.shape[1]
    which, k = sequences.of(9)
    assert f"Row 9 is in sequence {which} of" in opened.page.inner_text("#step-sequence")
    parts = [table.nth(i).locator("td").nth(1).inner_text() for i in range(table.count())]
    assert sum("burn-in" in each for each in parts) == sequences.burn_in
    assert sum("learned from" in each for each in parts) == int(sequences.counts[which].sum())
    assert ["(a new episode)" in each for each in parts] == sequences.first[which].tolist()
    chosen = opened.page.locator("#step-sequence .step-chosen td")
    if sequences.counts[which, k]:
        assert chosen.nth(0).inner_text() == str(sequences.start[which, k])


@pytest.mark.parametrize("way", ["offline, cql", "demonstrations, margin"])
def test_what_is_added_to_the_loss_is_computed_in_the_page_as_by_the_learner(way: str, open_page: Open) -> None:
    trace, page, obs = traced(way)
    row = 0 if trace.rows.demonstrated is None else int(trace.rows.demonstrated.argmax())
    opened = open_page(sample(moment=page, obs=obs), hash=f"level=numbers&step.row={row}")
    shown = dict(
        opened.page.evaluate(
            """() => ["head", "term", "row"].map((key) => (
              [key, document.getElementById(`step-loss-${key}`).textContent]))"""
        )
    )
    number = {key: float(text.replace("−", "-")) for key, text in shown.items()}
    assert number["head"] == pytest.approx(float(trace.rows.head_loss[row]), rel=1e-4)
    assert number["row"] == pytest.approx(float(trace.rows.loss[row]), rel=1e-4)
    assert number["head"] + number["term"] == pytest.approx(number["row"], rel=1e-4)


def test_recorded_rows_are_ticked_and_offline_nothing_is_chosen(open_page: Open) -> None:
    trace, page, obs = traced("demonstrations, n = 3")
    assert trace.rows.demonstrated is not None
    text = open_page(sample(moment=page, obs=obs), hash="level=numbers").page.inner_text("#step .step-sample")
    assert text.count("✓") == int(trace.rows.demonstrated.sum())
    offline = open_page(sample(moment=traced("offline, cql")[1]), hash="level=numbers").page.inner_text(
        "#step .step-stages"
    )
    assert "Choose\n" not in offline
