"""Pages of runs that really happened, one for each kind of world: every view draws, and the page stays silent."""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

import dqnlab
from dqnlab.config import C51, Double, Dueling, Env, HlGauss, Iqn, Munchausen, Noisy, Polyak, Quantiles, Scalar
from dqnlab.explain.page import words
from dqnlab.explain.report import write_report
from dqnlab.explain.trace_text import step_text
from dqnlab.store.folder import REPORT, Run

from ..dots import Dots
from ..foreign import chain, policy, sb3_zip
from ..jobs import Jobs
from ..tiny import tiny
from .conftest import Opened
from .test_shell import VIEWS


class Toy(gym.Env[np.ndarray, int]):
    """Random observations for 30 steps; draws itself only if asked to and able."""

    action_space = spaces.Discrete(3)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.steps = 0
        return self._seen(), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        return self._seen(), float(action) - 1, self.steps >= 30, False, {}

    def _seen(self) -> np.ndarray:
        space = self.observation_space
        assert isinstance(space, spaces.Box)
        return (self.np_random.random(space.shape) * 200).astype(space.dtype)


class Twelve(Toy):
    observation_space = spaces.Box(-np.inf, np.inf, (12,), np.float32)


class Picture(Toy):
    observation_space = spaces.Box(0, 255, (12, 12), np.uint8)


class Film12(Twelve):
    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012, as Gymnasium has it

    def __init__(self, render_mode: str | None = None):
        self.render_mode = render_mode

    def render(self) -> np.ndarray:  # type: ignore[override]
        return np.full((30, 40, 3), 8 * self.steps, np.uint8)


ENVS: dict[str, Env] = {
    "cartpole": Env(max_episode_steps=60),
    "mountaincar": Env(id="MountainCar-v0", max_episode_steps=60),
    "acrobot": Env(id="Acrobot-v1", max_episode_steps=60),
    "frozenlake": Env(id="FrozenLake-v1"),
    "stacked cartpole": Env(frame_stack=3, max_episode_steps=60),
    "12 numbers": Env(id=Twelve),
    "picture": Env(id=Picture),
    "filmed": Env(id=Film12),
    "parts and a mask": Env(id=Jobs),
}


def train(folder: Path, env: Env, **changes: Any) -> Run:
    return dqnlab.train(tiny(update_every=1, env=env, **changes), out=folder, trackers=("none",))


@pytest.fixture
def open_report(browser: Any, tmp_path: Path) -> Any:
    """Opens the page of a run from its folder, and at the end wants it to have been silent."""
    opened: list[Opened] = []

    def open_(run: Run, env: Env, fragment: str = "") -> Opened:
        screen = {"viewport": {"width": 900, "height": 800}, "locale": "en-GB", "reduced_motion": "reduce"}
        context = browser.new_context(**screen, offline=True)
        opened.append(Opened(context.new_page()))
        opened[-1].page.goto(write_report(run, env).path.as_uri() + fragment)
        return opened[-1]

    yield open_
    problems = [problem for each in opened for problem in each.problems]
    for each in opened:
        each.page.context.close()
    assert problems == []


def texts_of(page: Any) -> dict[str, str]:
    """What each view says; there is no duel where nobody can play."""
    ids = page.eval_on_selector_all("main > section", "nodes => nodes.map((node) => node.id)")
    assert ids in (VIEWS, VIEWS[:-1])
    return {view: page.inner_text(f"#{view} .view") for view in ids}


@pytest.mark.world
@pytest.mark.parametrize("name", ENVS)
def test_every_view_of_a_real_run_draws_in_both_languages(
    name: str, open_report: Callable[..., Opened], tmp_path: Path
) -> None:
    env = ENVS[name]
    page = open_report(train(tmp_path / "run", env), env, "#t=7").page
    for language in ("zh-Hant", "en"):
        page.select_option("select.choose-lang", language)
        texts = texts_of(page)
        assert min(map(len, texts.values())) > 10, texts
        assert not [view for view, text in texts.items() if "undefined" in text or "NaN" in text]
        known = {key for key in words() if "." in key}
        assert not [word for text in texts.values() for word in text.split() if word in known], "a key without its text"


ASKED = """(() => {
  const data = modules["core/codec.js"].taken(JSON.parse(document.getElementById("data").textContent));
  const net = modules["net/network.js"].makeNetwork(data.networks.best);
  const { row } = modules["core/codec.js"];
  const moments = ({ obs, q }) => Array.from({ length: obs.shape[0] }, (_, t) => [row(obs, t), row(q.best, t)]);
  const all = data.episodes.flatMap(moments);
  const seen = all.map(([obs]) => m.features(data.obs, obs));
  const mean = (_, i) => seen.reduce((sum, x) => sum + x[i], 0) / seen.length;
  const { rows, networks } = data.moment;
  const target = modules["net/network.js"].makeNetwork(networks.target);
  const places = [...rows.action.data.keys()];
  return {
    followed: places.map((i) => Array.from(m.rate(target, data.obs, row(rows.next_obs, i)))),
    learned: places.map((i) => Array.from(row(rows.next_target, i))),
    asked: all.map(([obs]) => Array.from(m.rate(net, data.obs, obs))),
    recorded: all.map(([, q]) => Array.from(q)),
    baseline: Array.from(data.baseline.data),
    mean: Array.from(seen[0], mean),
  };
})()"""


@pytest.mark.world
def test_the_page_of_parts_and_a_mask_says_of_every_recorded_moment_what_the_run_said(
    open_report: Callable[..., Opened], tmp_path: Path
) -> None:
    env = ENVS["parts and a mask"]
    opened = open_report(train(tmp_path / "run", env), env)
    found = {name: np.array(each) for name, each in opened.module("net/features.js", ASKED).items()}
    assert len(found["asked"]) >= 10
    assert np.isinf(found["recorded"]).any()
    np.testing.assert_allclose(found["asked"], found["recorded"], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found["followed"], found["learned"], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found["baseline"], found["mean"], atol=1e-5)
    assert opened.page.locator(".closed").count() == 0


MOST_WORDS = 1_500
WORDS = """() => Object.fromEntries([...document.querySelectorAll("header, main > section, footer")].map((part) => [
  part.id || part.localName, part.innerText.split(/\\s+/).filter((word) => /\\p{L}/u.test(word)).length,
]))"""


@pytest.mark.world
def test_the_story_is_told_in_few_words(open_report: Callable[..., Opened], tmp_path: Path) -> None:
    env = ENVS["cartpole"]
    counted = open_report(train(tmp_path / "run", env, n=3, rule=Double()), env).page.evaluate(WORDS)
    assert sum(counted.values()) <= MOST_WORDS, counted


class Joint(Twelve):
    action_space: Any = spaces.MultiDiscrete([16, 16, 16])

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        return super().step(int(action[0]))


@pytest.mark.world
def test_a_page_of_thousands_of_actions_lists_the_best_and_stays_small(
    open_report: Callable[..., Opened], tmp_path: Path
) -> None:
    env = Env(id=Joint)
    run = train(tmp_path / "run", env)
    page = open_report(run, env, "#level=numbers&t=7").page
    assert (run.folder / REPORT).stat().st_size < 2_000_000
    assert page.evaluate("document.getElementsByTagName('*').length") < 5_000
    bars = page.locator("#decision .decision-network >> nth=0").locator(".bar")
    assert bars.count() == 12
    assert page.locator("#decision .decision-network .chosen").count() == 3
    assert "4,084 other actions are not" in page.inner_text("#decision")
    chosen = page.inner_text("#step .step-store .step-line >> nth=2")
    assert re.fullmatch(r"action\s*\[\d+, \d+, \d+\]", chosen)
    said = step_text(run.folder)
    assert len(said.splitlines()) < 200
    assert said.count("4,084 other actions not listed") == 3


@pytest.mark.world
def test_all_variants_of_learning_are_traced(open_report: Callable[..., Opened], tmp_path: Path) -> None:
    env = ENVS["cartpole"]
    run = train(tmp_path / "run", env, n=3, rule=Double(), head=Scalar(huber=1.0), sync=Polyak(tau=0.05))
    page = open_report(run, env, "#level=numbers").page
    assert page.is_checked("#step input[type=checkbox] >> nth=0")
    assert "τ = 0.05" in page.inner_text("#step")


@pytest.mark.world
@pytest.mark.parametrize(
    "kinds",
    [
        {"head": C51(num=11, v_max=20.0), "stream": Dueling(hidden=(8,))},
        {"head": Quantiles(num=5), "rule": Munchausen()},
        {"head": HlGauss(num=11, v_max=20.0), "rule": Double()},
        {"head": Iqn(num=4), "layers": Noisy()},
    ],
    ids=lambda kinds: kinds["head"].kind,
)
def test_heads_and_rules_of_every_kind_are_explained_by_their_own_formulas(
    kinds: dict[str, Any], open_report: Callable[..., Opened], tmp_path: Path
) -> None:
    env = ENVS["cartpole"]
    page = open_report(train(tmp_path / "run", env, **kinds), env, "#level=numbers").page
    texts = texts_of(page)
    assert not [view for view, text in texts.items() if "undefined" in text or "NaN" in text]
    assert "does not know" not in texts["step"]
    assert page.locator("#decision .decision-outlook svg").count() == 2
    assert "(target − prediction)²" not in texts["step"]
    assert ("Cross entropy" in texts["step"]) == (kinds["head"].kind in ("c51", "hl_gauss"))
    assert ("every target above" in texts["step"]) == (kinds["head"].kind in ("qr", "iqn"))
    known = words()["step.pull"]["en"].partition("{")[0]
    assert (known in texts["step"]) == (kinds["head"].kind in ("qr", "iqn"))


@pytest.mark.world
def test_a_page_of_convolutions_shows_how_they_look_and_stays_small(
    open_report: Callable[..., Opened], tmp_path: Path
) -> None:
    env = Env(id=partial(Dots, (84, 84)), frame_stack=4)
    run = train(tmp_path / "run", env, conv="nature")
    page = open_report(run, env, "#t=5").page
    assert (run.folder / REPORT).stat().st_size < 5_000_000
    assert page.locator("#inside img").count() == 2 + 3
    assert "Layer 3: 64 maps of 7 × 7" in page.inner_text("#inside")
    assert page.locator("#decision img, #decision canvas").count() == 1
    for language in ("zh-Hant", "en"):
        page.select_option("select.choose-lang", language)
        assert not re.search("undefined|NaN|looks\\.", page.inner_text("#inside"))


@pytest.mark.world
def test_a_notebook_shows_the_whole_page_in_a_frame(browser: Any, tmp_path: Path) -> None:
    run = train(tmp_path / "run", ENVS["cartpole"])
    (tmp_path / "notebook.html").write_text(f"<!doctype html>{dqnlab.report(run)._repr_html_()}", encoding="utf-8")
    context = browser.new_context(offline=True, reduced_motion="reduce")
    opened = Opened(context.new_page())
    opened.page.goto((tmp_path / "notebook.html").as_uri())
    frame = opened.page.frames[1]
    frame.wait_for_selector("#you .view > *")
    frame.select_option("select.choose-lang", "zh-Hant")
    assert frame.inner_text("#world h2") == words()["world.title"]["zh-Hant"]
    context.close()
    assert opened.problems == []


@pytest.mark.world
def test_a_run_that_was_interrupted_is_explained_as_far_as_it_went(
    open_report: Callable[..., Opened], tmp_path: Path
) -> None:
    env = ENVS["cartpole"]
    run = replace(train(tmp_path / "run", env), score=None, solved=None, interrupted=True)
    assert "interrupted" in open_report(run, env).page.text_content(".summary")


@pytest.mark.world
def test_an_imported_agent_is_explained_without_its_training(
    open_report: Callable[..., Opened], tmp_path: Path
) -> None:
    env, file = ENVS["cartpole"], sb3_zip(tmp_path / "a.zip", policy(chain(4, 8, 2)))
    run = dqnlab.import_agent(file, env, out=tmp_path / "run", score_episodes=2, film=0, explain=False)
    page = open_report(run, env, "#level=numbers").page
    said = "Another program trained this agent: a.zip, Stable-Baselines3 DQN 2.9.2. It was judged here with seed 3"
    assert said in page.text_content(".summary")
    for view in ("step", "health", "curve"):
        assert words()["main.elsewhere"]["en"] in page.inner_text(f"#{view} .view")
    page.fill("#curve input[type=search]", "optimizer.beta1")
    assert "unknown" in page.inner_text("#curve .facts")
    assert len(page.inner_text("#whatif .view")) > 10
