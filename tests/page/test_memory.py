"""What a network that remembers carries through an episode, drawn and told."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

import dqnlab
from dqnlab.config import Env, Gru, Lstm
from dqnlab.explain.evidence import gather_evidence
from dqnlab.explain.report import page_data
from dqnlab.learn.policy import make_actor
from dqnlab.store.folder import Run

from ..cue import Cue
from ..tiny import tiny
from .conftest import Opened
from .test_real import open_report  # noqa: F401, a fixture

ENV = Env(id=Cue)


def train(folder: Path, torso: Gru | Lstm) -> Run:
    return dqnlab.train(tiny(env=ENV, torso=torso, update_every=1), out=folder, trackers=("none",))


@pytest.mark.parametrize("torso", [Gru(hidden=(), units=70, unroll=8), Lstm(hidden=(8,), units=5, unroll=8)])
def test_what_was_remembered_is_recorded_step_by_step(torso: Gru | Lstm, tmp_path: Path) -> None:
    evidence = gather_evidence(train(tmp_path / "run", torso), ENV)
    data = page_data(evidence, ())
    assert data["units"] == torso.units
    for episode in data["episodes"]:
        actor, memory = make_actor(evidence.best.network), episode["memory"]
        assert memory.shape == (episode["length"], min(torso.units, 64))
        for step, obs in enumerate(episode["obs"]):
            actor(obs[None], np.array([step == 0]))
            assert actor.state is not None
            told = actor.state[0, : memory.shape[1]]
            np.testing.assert_allclose(memory[step] / 127, told, atol=0.5 / 127 + 1e-6)
            assert episode["q"]["best"][step].shape == (2,)
    assert data["closed"] == "closed_memory"
    assert data["moment"]["sequences"]["burn_in"] == 8


@pytest.mark.world
def test_the_page_draws_it_and_leads_to_a_step(
    open_report: Callable[..., Opened],  # noqa: F811
    tmp_path: Path,
) -> None:
    page = open_report(train(tmp_path / "run", Gru(hidden=(), units=70, unroll=8)), ENV, "#level=numbers&t=0").page
    inside = page.locator("#inside")
    assert "because it goes by what it saw before, too" in inside.inner_text()
    assert "Step 0: the episode began with an empty memory. Unit" in inside.inner_text()
    assert "The first 64 of 70 are drawn." in inside.inner_text()
    assert "learns from sequences of successive steps" in page.inner_text("#step .view")
    picture = page.locator(".memory-picture")
    assert picture.evaluate("(canvas) => [canvas.width, canvas.height]") == [7, 64]
    colours = picture.evaluate("(canvas) => new Set(canvas.getContext('2d').getImageData(0, 0, 7, 64).data).size")
    assert colours > 20
    box = picture.bounding_box()
    page.locator(".memory-plane").click(position={"x": box["width"] * 4.5 / 7, "y": 20})
    assert "t=4" in page.url
    expect(page.locator("#inside")).to_contain_text("Step 4 changed unit")
    page.select_option("select.choose-lang", "zh-Hant")
    assert "第 4 步改變最多的是單元" in inside.inner_text()
