"""What if: sliders ask the network, and letting go plays the episode on."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from dqnlab.explain.seen import obs_data
from dqnlab.learn.types import ObsSpec

from .conftest import Open, Opened
from .playing import at_numbers, balancing, classic, until
from .sample import layers, network, sample

RESULTS = "#whatif .whatif-results li"


@pytest.fixture(name="open_page")
def open_at_numbers(open_page: Open) -> Open:
    return at_numbers(open_page)


def drag(opened: Opened, i: int, value: float) -> None:
    """Moves slider i, as a hand would."""
    opened.page.evaluate(
        """([i, value]) => {
          const slider = document.querySelector(`#whatif input[data-input="${i}"]`);
          slider.value = value;
          slider.dispatchEvent(new Event("input", { bubbles: true }));
        }""",
        [i, value],
    )
    frames = "new Promise(requestAnimationFrame).then(() => new Promise(requestAnimationFrame))"
    opened.page.evaluate(frames)


def shown(opened: Opened) -> list[float]:
    """The values of the actions that the bars say."""
    return [float(x) for x in opened.page.locator("#whatif .whatif-values .number").all_inner_texts()]


def start(t: int = 0) -> list[float]:
    """The observation of the moment that the page begins with, or of step t of its episode."""
    data = sample()
    return data["episodes"][data["labels"]["longest"]]["obs"][t].tolist()


def asked(obs: list[float]) -> Any:
    """What the best network of the sample says to an observation."""
    return network(0).q_values(torch.tensor([obs])).numpy()[0]


def test_a_dragged_input_is_answered_at_once_by_the_network(open_page: Open) -> None:
    opened = open_page(sample())
    obs = start()
    drag(opened, 0, 1.2)
    assert opened.page.locator("#whatif label:has([data-input='0']) output").inner_text() == "1.2 m"
    obs[0] = 1.2
    np.testing.assert_allclose(shown(opened), asked(obs), rtol=1e-3)
    labels = opened.page.locator("#whatif .whatif-values .bar-label").all_inner_texts()
    assert f"It chooses “{labels[int(asked(obs).argmax())]}”:" in opened.page.inner_text("#whatif .whatif-said")


def test_a_moment_that_nobody_changed_has_the_values_that_were_recorded(open_page: Open) -> None:
    data = sample()
    for episode in data["episodes"]:
        episode["q"]["best"] = episode["q"]["best"] + np.float32([0, 5])
    opened = at_numbers(open_page)(data)
    recorded = data["episodes"][data["labels"]["usual"]]["q"]["best"][0]
    np.testing.assert_allclose(shown(opened), recorded, rtol=1e-3)


def test_a_choice_where_no_recorded_episode_was_is_called_a_guess(open_page: Open) -> None:
    opened = open_page(sample())
    said = opened.page.locator("#whatif .whatif-said")
    assert "guess" not in said.inner_text()
    drag(opened, 3, start()[3])
    assert "guess" not in said.inner_text()
    drag(opened, 0, 2.3)
    assert said.inner_text().endswith("This is a guess: in no recorded episode did it have to act here.")


def test_what_was_let_go_can_be_taken_back_to_the_recorded_moment(open_page: Open) -> None:
    opened = open_page(sample())
    back = opened.page.locator("#whatif >> text=Back to the recorded moment")
    before = shown(opened)
    assert back.is_disabled()
    opened.page.click("#whatif >> text=Let go")
    opened.page.locator(RESULTS).wait_for()
    assert shown(opened) != before
    back.click()
    expect(back).to_be_disabled()
    assert shown(opened) == before


def test_a_slider_can_be_moved_by_keys(open_page: Open) -> None:
    opened = open_page(sample())
    before = shown(opened)
    opened.page.focus("#whatif [data-input='3']")
    for _ in range(20):
        opened.page.keyboard.press("ArrowRight")
    until(opened, "location.hash.includes('whatif.x')")
    drag(opened, 0, 1.0)
    assert shown(opened) != before


def test_the_question_stands_in_the_address_and_comes_back_from_it(open_page: Open) -> None:
    opened = open_page(sample())
    drag(opened, 0, 1.2)
    drag(opened, 2, -0.1)
    hash_ = opened.page.evaluate("location.hash.slice(1)")
    again = open_page(sample(), hash=hash_)
    assert shown(again) == shown(opened)
    again.page.click("#whatif >> text=Back to the recorded moment")
    until(again, "location.hash === '' || !location.hash.includes('whatif.x')")
    assert "whatif.x" not in again.page.evaluate("location.hash")


@pytest.mark.parametrize("text", ["1,2", "a,b,c,d", "1e999,0,0,0", "1,2,3,4,5", "%3Cimg%3E", ",,,"])
def test_a_question_that_cannot_be_read_is_the_recorded_moment(open_page: Open, text: str) -> None:
    opened = open_page(sample(), hash=f"whatif.x={text}&whatif.net=__proto__&whatif.i=99")
    np.testing.assert_allclose(shown(opened), asked(start()), rtol=1e-3)


def test_the_question_follows_the_shared_moment_until_an_input_is_dragged(open_page: Open) -> None:
    opened = open_page(sample(), hash="t=5")
    np.testing.assert_allclose(shown(opened), asked(start(5)), rtol=1e-3)
    before = opened.page.inner_text("#whatif .whatif-values")
    opened.page.goto(opened.page.url.replace("t=5", "t=6"))
    until(opened, f"document.querySelector('#whatif .whatif-values').innerText !== {before!r}")
    np.testing.assert_allclose(shown(opened), asked(start(6)), rtol=1e-3)
    drag(opened, 1, 0.5)
    before = shown(opened)
    opened.page.goto(opened.page.url.replace("t=6", "t=1"))
    opened.page.wait_for_timeout(100)
    assert shown(opened) == before


def test_another_network_gives_its_own_answer(open_page: Open) -> None:
    opened = open_page(sample())
    before = opened.page.inner_text("#whatif .whatif-values")
    opened.page.select_option("#whatif select", "online")
    until(opened, f"document.querySelector('#whatif .whatif-values').innerText !== {before!r}")
    until(opened, "location.hash.includes('whatif.net=online')")
    obs = start()
    np.testing.assert_allclose(shown(opened), network(1).q_values(torch.tensor([obs])).numpy()[0], rtol=1e-3)


def test_let_go_ends_as_gymnasium_does_from_there(open_page: Open) -> None:
    opened = open_page(sample())
    episode = sample()["episodes"][sample()["labels"]["longest"]]
    env: Any = gym.make("CartPole-v1")
    env.reset()
    env.unwrapped.state = episode["state"][0]
    obs, steps, over = episode["obs"][0], 0, False
    while not over:
        obs, _, terminated, truncated, _ = env.step(int(network(0).q_values(torch.from_numpy(obs)[None]).argmax()))
        steps, over = steps + 1, terminated or truncated
    opened.page.click("#whatif >> text=Let go")
    opened.page.wait_for_selector(RESULTS, timeout=20_000)
    assert f"terminated after {steps} steps, return {steps}." in opened.page.inner_text(RESULTS)


def test_let_go_can_be_stopped_and_taken_to_the_end_at_once(open_page: Open) -> None:
    names = ("best", "online", "target")
    still = {"hash": "level=numbers&t=0", "motion": "no-preference"}  # where a moment is named nothing plays unasked
    opened = open_page(sample(networks={name: layers(balancing()) for name in names}), **still)
    opened.page.click("#whatif >> text=Let go")
    opened.page.click("#whatif >> text=Stop")
    assert opened.page.locator(RESULTS).count() == 0
    opened.page.click("#whatif >> text=Let go")
    opened.page.click("#whatif >> text=To the end")
    assert opened.page.locator(RESULTS).count() == 1
    assert "limit of 500 steps (truncated), return 500." in opened.page.inner_text(RESULTS)
    opened.page.select_option("#whatif select", "target")
    opened.page.click("#whatif >> text=Let go")
    opened.page.click("#whatif >> text=To the end")
    assert "target network" in opened.page.locator(RESULTS).nth(1).inner_text()
    drag(opened, 0, 0.0)
    assert opened.page.locator(RESULTS).count() == 0


def lake() -> dict[str, Any]:
    """A page of an environment with numbered states, of which the page has no physics."""
    data = sample()
    states = np.arange(5, dtype=np.int32)
    episode = data["episodes"][0] | {"obs": states, "action": np.zeros(5, np.uint8), "state": None}
    episode |= {name: np.zeros(5, np.float32) for name in ("reward", "coin")}
    episode["q"] = {name: np.zeros((5, 2), np.float32) for name in ("best", "online", "target")}
    spec = obs_data(ObsSpec((), np.dtype(np.int64), 16), [])
    nets = {name: layers(network(seed, inputs=16)) for seed, name in enumerate(("best", "online", "target"))}
    return data | {
        "obs": spec,
        "inputs": [{"name": "inputs.state", "unit": "", "low": 0, "high": 15}],
        "world": {"kind": "none", "params": {}},
        "networks": nets,
        "snapshots": [],
        "episodes": [episode],
        "labels": {"longest": 0, "worst": 0, "best": 0},
        "baseline": np.zeros(16, np.float32),
    }


def test_numbered_states_have_one_slider_points_apart_and_no_letting_go(open_page: Open) -> None:
    opened = open_page(lake())
    drag(opened, 0, 7)
    one_hot = np.eye(16, dtype=np.float32)[7].tolist()
    expected = network(0, inputs=16).q_values(torch.tensor([one_hot])).numpy()[0]
    np.testing.assert_allclose(shown(opened), expected, rtol=1e-3)
    assert opened.page.locator("#whatif input[type=range]").count() == 1
    assert opened.page.locator("#whatif button.primary").count() == 0
    assert "cannot be let go" in opened.page.inner_text("#whatif")
    curve = opened.page.locator("#whatif .whatif-curve")
    assert curve.locator(".line").count() == 0  # nothing lies between two states
    assert curve.locator(".dot").count() == 2 * 16
    assert curve.locator(".band.guess").count() == 16 - 5  # it was in five
    assert "This is a guess" in opened.page.inner_text("#whatif .whatif-said")
    drag(opened, 0, 3)
    assert "This is a guess" not in opened.page.inner_text("#whatif .whatif-said")


def test_without_networks_or_inputs_one_sentence_says_why(open_page: Open) -> None:
    none = {"best": None, "online": None, "target": None}
    closed = sample(networks=none, snapshots=[], closed="closed_large")
    assert "too large" in open_page(closed).page.inner_text("#whatif .view")
    assert "pictures" in open_page(sample(inputs=[])).page.inner_text("#whatif .view")


def test_an_angles_sine_follows_its_cosine_on_the_circle(open_page: Open) -> None:
    change = "m.changed(argument, 0, 0.6, modules['world/systems.js'].systems.acrobot)"
    settled = open_page(sample()).module("views/question.js", change, [1, -0.1, 1, 0, 2, 3])
    np.testing.assert_allclose(settled, [0.6, -0.8, 1, 0, 2, 3])


def test_an_unknown_range_is_that_of_the_recorded_episodes(open_page: Open) -> None:
    data = sample()
    for each in data["inputs"]:
        each["low"] = each["high"] = None
    opened = open_page(data)
    seen = np.concatenate([episode["obs"] for episode in data["episodes"]])[:, 1]
    room = (seen.max() - seen.min()) / 10
    slider = opened.page.locator("#whatif [data-input='1']")
    assert float(slider.get_attribute("min")) == pytest.approx(seen.min() - room, rel=1e-5)
    assert float(slider.get_attribute("max")) == pytest.approx(seen.max() + room, rel=1e-5)


@pytest.mark.parametrize("kind", ["mountaincar", "acrobot"])
def test_every_physics_can_be_let_go_until_the_limit(open_page: Open, kind: str) -> None:
    opened = open_page(classic(kind)[0])  # where less motion is wanted it goes to the end at once
    opened.page.click("#whatif button.primary")
    assert "limit of 200 steps (truncated), return -200." in opened.page.inner_text(RESULTS)
    assert opened.page.locator("#you .you-side").count() == 2


def test_the_curve_of_the_dragged_input_passes_through_the_present_values(open_page: Open) -> None:
    opened = open_page(sample())
    drag(opened, 2, 0.0)
    until(opened, "document.querySelector('#whatif .whatif-curve').textContent.includes('angle')")
    curve = opened.module(
        "views/question.js",
        """(() => {
          const data = modules["core/codec.js"].unpack(JSON.parse(document.getElementById("data").textContent));
          const network = modules["net/network.js"].makeNetwork(data.networks.best);
          const obs = Float32Array.from(argument);
          const about = { obsSpec: data.obs, inputs: m.draggable(data), system: null };
          return m.along(2, { network, obs, values: argument, ...about });
        })()""",
        start(),
    )
    here = start()
    for x, left, right in zip(curve["x"][::20], *(y[::20] for y in curve["y"]), strict=True):
        here[2] = x
        np.testing.assert_allclose([left, right], asked(here), rtol=1e-4, atol=1e-6)
    assert [curve["x"][0], curve["x"][-1]] == pytest.approx([-0.2095, 0.2095])


def test_the_curve_goes_along_with_what_was_let_go_and_greys_what_was_never_recorded(open_page: Open) -> None:
    opened = open_page(sample(), hash="whatif.x=0,0,0,0&whatif.i=1")
    chart = opened.page.locator("#whatif .whatif-curve svg")
    before = chart.locator(".mark.here").get_attribute("x1")
    assert chart.locator(".band.guess").count() == 2
    assert "this is a guess" in opened.page.inner_text("#whatif .whatif-curve")
    opened.page.locator("#whatif .whatif-go button.primary").click()
    opened.page.locator("#whatif .whatif-results li").wait_for()
    speed = float(opened.page.locator("#whatif label:has([data-input='1']) output").inner_text().split()[0])
    assert speed != 0
    moved = chart.locator(f".mark.here:not([x1='{before}'])")
    moved.wait_for(state="attached")
    left, right = (float(chart.locator(".grid").first.get_attribute(end) or "nan") for end in ("x1", "x2"))
    at = left + (speed + 3) / 6 * (right - left) if abs(speed) <= 3 else right if speed > 0 else left
    assert float(moved.get_attribute("x1") or "nan") == pytest.approx(at, abs=3)
