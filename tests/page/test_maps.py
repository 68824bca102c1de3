"""Maps of what a network would do and expect: what they show, their film, their clicks."""

import re
from typing import Any

import numpy as np
import pytest
import torch

from dqnlab.explain.seen import obs_data
from dqnlab.learn.networks import QNetwork
from dqnlab.learn.types import ObsSpec

from ..nets import mlp
from .conftest import Open, Opened
from .playing import at_numbers, balancing, until
from .sample import layers, network, sample

VIEW = "#maps > .view"
LAKE = ["SFFF", "FHFH", "FFFH", "HFFG"]
COLOURS = """([selector, points]) => {
  const canvas = document.querySelector(selector);
  const { data, width, height } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return points.map(([x, y]) => {
    const at = 4 * (Math.floor(y * height) * width + Math.floor(x * width));
    return [...data.slice(at, at + 3)];
  });
}"""
WATCH = """(selector) => {
  const node = document.querySelector(selector);
  window.shown = [];
  new MutationObserver(() => window.shown.push(node.textContent)).observe(node, { childList: true });
}"""


@pytest.fixture(name="open_page")
def open_at_numbers(open_page: Open) -> Open:
    return at_numbers(open_page)


def picture(opened: Opened, kind: str) -> str:
    return opened.page.evaluate(f"document.querySelector('{VIEW} [data-map={kind}] canvas').toDataURL()")


def build_lake_network(seed: int) -> QNetwork:
    spec = ObsSpec((), np.dtype(np.int64), 16)
    return mlp(spec, 4, (16,), seed).requires_grad_(False)


def lake(**changes: Any) -> dict[str, Any]:
    """The page of a run on FrozenLake, with two episodes made up."""
    nets = {name: build_lake_network(seed) for seed, name in enumerate(["best", "online", "target"])}
    paths = [[0, 4, 8, 9, 13, 14], [0, 1, 2, 6, 10, 9]]
    base = sample()["episodes"][0]
    episodes = [
        base
        | {
            "length": len(path),
            "obs": np.array(path, np.int32),
            "action": np.zeros(len(path), np.uint8),
            "reward": np.zeros(len(path), np.float32),
            "coin": np.full(len(path), 0.5, np.float32),
            "q": {name: net.q_values(torch.tensor(path)).numpy() for name, net in nets.items()},
            "state": None,
        }
        for path in paths
    ]
    return sample(
        obs=obs_data(ObsSpec((), np.dtype(np.int64), 16), []),
        inputs=[{"name": "inputs.state", "unit": "", "low": 0, "high": 15}],
        actions=["actions.left", "actions.down", "actions.right", "actions.up"],
        world={"kind": "frozenlake", "params": {"desc": LAKE, "is_slippery": True}},
        networks={name: layers(net) for name, net in nets.items()},
        snapshots=[],
        episodes=episodes,
        labels={"longest": 0, "worst": 0, "best": 0},
        baseline=np.full(16, 1 / 16, np.float32),
        **changes,
    )


# ── Maps of a plane ──────────────────────────────────────────────────────────────────────────────


def test_each_side_of_the_map_has_the_colour_of_its_action(open_page: Open) -> None:
    # Leaning and falling to the left is at the bottom left, to the right at the top right: one pushes under the pole.
    data = sample(networks={"best": layers(balancing()), "online": None, "target": None}, snapshots=[])
    angles, speeds = np.meshgrid(np.linspace(-0.2, 0.2, 30), np.linspace(-3, 3, 30))
    everywhere = np.stack([np.zeros(900), np.zeros(900), angles.ravel(), speeds.ravel()], 1).astype(np.float32)
    data["episodes"][0]["obs"][:] = everywhere[: len(data["episodes"][0]["obs"])]
    data["episodes"][1] = data["episodes"][0] | {"obs": everywhere}  # so that nothing is a guess
    page = open_page(data, hash="map.whole=1").page
    selector = f"{VIEW} [data-map=policy] canvas"
    left, right = page.evaluate(COLOURS, [selector, [[0.15, 0.8], [0.95, 0.05]]])
    assert left[2] > left[0] + 60  # the blue of action 0
    assert right[0] > right[2] + 60  # the orange of action 1
    shares = [int(each) for each in re.findall(r"(\d+) %", page.inner_text(f"{VIEW} [data-map=policy] .maps-legend"))]
    assert sum(shares) == pytest.approx(100, abs=1)
    assert shares == pytest.approx([50, 50], abs=4)  # the rule is symmetrical


def test_one_scale_of_colours_spans_what_all_snapshots_say_where_the_agent_went(open_page: Open) -> None:
    data = sample()
    seen = torch.from_numpy(np.concatenate([each["obs"] for each in data["episodes"]]))
    assert len(seen) <= 256  # of more only some are asked about
    film = [network(10 + i) for i in range(3)]
    for net in film:
        for linear in net.linears():  # snapshots travel as float16
            linear.weight.copy_(linear.weight.half().float())
            linear.bias.copy_(linear.bias.half().float())
    values = np.concatenate([net.q_values(seen).numpy().max(1) for net in (*film, network(0))])
    for snap in (0, 3):
        page = open_page(data, hash=f"map.snap={snap}").page
        written = page.locator(f"{VIEW} [data-map=value] .number").all_inner_texts()
        assert [float(each) for each in written] == pytest.approx([values.min(), values.max()], rel=1e-2)
    assert page.inner_text(f"{VIEW} .maps-held").startswith("The other inputs are held at this moment's values: cart")


def test_maps_show_where_the_agent_goes_and_fade_what_is_a_guess(open_page: Open) -> None:
    page = open_page(sample())
    known = """(() => {
      const all = Array.from(m.known([{ x: 0.5, y: 0.5 }], [0, 1], [0, 1], 50));
      return [all[25 * 50 + 25], all[0], all[25 * 50 + 30]];
    })()"""
    near, far, between = page.module("maps/reach.js", known)
    assert (near, far) == (1, 0)
    assert between == pytest.approx((0.12 - 0.1) / 0.08, abs=1e-6)
    ends = page.module(
        "maps/reach.js",
        """(() => {
          const data = modules["core/codec.js"].taken(JSON.parse(document.getElementById("data").textContent));
          return m.reached({ data }, 2);
        })()""",
    )
    angle = np.concatenate([each["obs"] for each in sample()["episodes"]])[:, 2]
    room = 0.3 * (angle.max() - angle.min())
    outer = min(-0.2095, angle.min()), max(0.2095, angle.max())
    assert ends == pytest.approx([max(angle.min() - room, outer[0]), min(angle.max() + room, outer[1])], rel=1e-5)


def test_the_axes_can_be_chosen_and_exchanged(open_page: Open) -> None:
    opened = open_page(sample())
    page = opened.page
    before = picture(opened, "value")
    page.select_option(f"{VIEW} [data-key='map.x']", "0")
    until(opened, f"document.querySelector('{VIEW} canvas').getAttribute('aria-label').length > 0")
    until(opened, f"document.querySelector('{VIEW} .maps-held').innerText.includes('pole angle =')")
    assert "map.x=0" in page.evaluate("location.hash")
    assert picture(opened, "value") != before
    page.select_option(f"{VIEW} [data-key='map.x']", "3")  # what stands upwards: both change places
    assert page.input_value(f"{VIEW} [data-key='map.y']") == "0"
    assert {"map.x=3", "map.y=0"} <= set(page.evaluate("location.hash.slice(1)").split("&"))


def grid_page(names: list[str]) -> dict[str, Any]:
    """A page whose inputs are named; all that was seen are whole numbers."""
    data = sample(
        inputs=[{"name": name, "unit": "", "low": 0, "high": 4} for name in names], world={"kind": "none", "params": {}}
    )
    for each in data["episodes"]:
        each["obs"] = np.tile(np.array([1, 3, 0, 2], np.float32), (each["length"], 1))
        each["obs"][0] = [0, 0, 4, 4]
        each["obs"][1] = [4, 4, 0, 0]
    return data


PLACE = "[...document.querySelector('#maps .maps-mark').style.cssText.matchAll(/([\\d.]+)px/g)].map(each => +each[1])"


@pytest.mark.parametrize("names", [["row", "col", "a", "b"], ["a", "b", "x", "y"], ["goal_col", "goal_row", "a", "b"]])
def test_rows_go_down_and_columns_across_as_in_the_picture_of_a_grid(open_page: Open, names: list[str]) -> None:
    first, last = (open_page(grid_page(names), hash=f"t={t}").page for t in (0, 1))
    (left, top), (right, bottom) = sorted(page.evaluate(PLACE) for page in (first, last))
    assert right > left + 100
    assert bottom > top + 100
    assert "≤" not in first.inner_text(VIEW)


def test_a_height_goes_up(open_page: Open) -> None:
    data = grid_page(["x", "y", "a", "b"])
    for each in data["episodes"]:
        each["obs"][2, 1] = 0.5
    (_, low), (_, high) = sorted(open_page(data, hash=f"t={t}").page.evaluate(PLACE) for t in (0, 1))
    assert high < low - 100


def test_few_extreme_values_of_early_networks_do_not_take_the_colours_of_all_others(open_page: Open) -> None:
    opened = open_page(sample())
    found = opened.module("maps/reach.js", "m.robust(argument)", [-1e6, *range(100)])
    assert (found["low"], found["high"], found["clipped"]) == (4, 99, [True, False])
    same = opened.module("maps/reach.js", "m.robust(argument)", list(range(100)))
    assert (same["low"], same["high"], same["clipped"]) == (0, 99, [False, False])


def test_visited_states_can_be_hidden(open_page: Open) -> None:
    opened = open_page(sample())
    before = picture(opened, "policy")
    opened.page.uncheck(f"{VIEW} [data-key='map.visited']")
    until(opened, f"document.querySelector('{VIEW} canvas').toDataURL() !== {before!r}")
    assert "map.visited=0" in opened.page.evaluate("location.hash")


@pytest.mark.parametrize("kind", ["policy", "value"])
def test_a_click_goes_to_the_nearest_recorded_moment(open_page: Open, kind: str) -> None:
    data = sample()
    opened = open_page(data, hash="ep=0")
    page = opened.page
    wanted = data["episodes"][2]["obs"][7]
    where = page.evaluate(
        """([x, y]) => {
          const { reached: limits } = modules["maps/reach.js"];
          const { taken } = modules["core/codec.js"];
          const data = taken(JSON.parse(document.getElementById("data").textContent));
          const canvas = document.querySelector("#maps canvas");
          const frame = modules["maps/paint.js"].frameOf(
            canvas.clientWidth, canvas.clientHeight, limits({ data }, 2), limits({ data }, 3));
          return [frame.x(x), frame.y(y)];
        }""",
        wanted[2:].tolist(),
    )
    page.click(f"{VIEW} [data-map={kind}] canvas", position={"x": where[0] + 0.5, "y": where[1] + 0.5})
    until(opened, "location.hash.includes('t=')")
    chosen = {"ep": data["labels"]["longest"], "t": 0}  # what an address leaves out
    chosen |= {name: int(value) for name, value in re.findall(r"(ep|t)=(\d+)", page.evaluate("location.hash"))}
    found = data["episodes"][chosen["ep"]]["obs"][chosen["t"]]
    assert np.abs(found[2:] - wanted[2:]).max() < 0.05  # a pixel away another moment may be as near
    mark = page.evaluate(
        f"(() => {{ const {{ left, top }} = document.querySelector('{VIEW} .maps-mark').style;"
        "return [parseFloat(left), parseFloat(top)]; })()"
    )
    assert mark == pytest.approx(where, abs=6)


def test_pointing_reads_the_map(open_page: Open) -> None:
    page = open_page(sample()).page
    page.hover(f"{VIEW} [data-map=value] canvas", position={"x": 200, "y": 100})
    said = page.inner_text(f"{VIEW} .maps-readout")
    assert re.fullmatch(r"pole angle \S+, pole angular velocity \S+: (left|right), worth \S+, gap \S+\.", said)


def test_arrow_keys_on_a_map_walk_through_the_episode(open_page: Open) -> None:
    page = open_page(sample(), hash="ep=1&t=1").page
    page.focus(f"{VIEW} [data-map=policy] canvas")
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
    assert "t=2" in page.evaluate("location.hash")


# ── The film ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.world
def test_every_snapshot_has_a_map_of_its_own(open_page: Open) -> None:
    opened = open_page(sample())
    slider = f"{VIEW} .maps-film input"
    seen = {opened.page.inner_text(f"{VIEW} .maps-when"): picture(opened, "value")}
    for snap in range(3):
        opened.page.fill(slider, str(snap))
        until(
            opened,
            f"document.querySelector('{VIEW} .maps-when').innerText === 'after {500 * snap} steps'".replace(
                "1000", "1,000"
            ),
        )
        seen[opened.page.inner_text(f"{VIEW} .maps-when")] = picture(opened, "value")
        assert f"map.snap={snap}" in opened.page.evaluate("location.hash")
    assert list(seen) == ["best network", "after 0 steps", "after 500 steps", "after 1,000 steps"]
    assert len(set(seen.values())) == 4
    assert opened.page.get_attribute(slider, "aria-valuetext") == "after 1,000 steps"


@pytest.mark.world
def test_the_film_plays_to_the_best_network_and_stops_there(open_page: Open) -> None:
    opened = open_page(sample())
    button = f"{VIEW} .maps-play"
    opened.page.evaluate(WATCH, f"{VIEW} .maps-when")
    opened.page.click(button)
    assert opened.page.inner_text(button) == "■ Stop"
    until(opened, "window.shown.at(-1) === 'best network'")
    assert opened.page.evaluate("window.shown") == [
        "after 0 steps",
        "after 500 steps",
        "after 1,000 steps",
        "best network",
    ]
    assert opened.page.inner_text(button) == "▶ Film"


# ── States, and what has no map ──────────────────────────────────────────────────────────────────


def test_the_map_of_a_lake_is_the_lake(open_page: Open) -> None:
    opened = open_page(lake())
    page = opened.page
    labels = page.eval_on_selector_all(
        f"{VIEW} canvas", "nodes => nodes.map((node) => node.getAttribute('aria-label'))"
    )
    assert all(action in labels[0] for action in ("left", "down", "right", "up"))
    assert page.locator(f"{VIEW} select").count() == 0
    decided = [s for s, letter in enumerate("".join(LAKE)) if letter in "SF"]  # elsewhere the episode is over
    q = build_lake_network(0).q_values(torch.tensor(decided)).numpy()
    low, high = (float(each) for each in page.locator(f"{VIEW} [data-map=value] .number").all_inner_texts())
    assert [low, high] == pytest.approx([q.max(1).min(), q.max(1).max()], rel=1e-2)
    shares = [int(each) for each in re.findall(r"(\d+) %", page.inner_text(f"{VIEW} [data-map=policy] .maps-legend"))]
    been = {int(state) for each in lake()["episodes"] for state in each["obs"].ravel()}
    taken = q.argmax(1)[[state in been for state in decided]]  # the others are faded, and not counted
    assert 0 < len(taken) < len(decided)
    assert shares == [round(100 * (taken == action).mean()) for action in range(4)]
    assert "Of the places it visits:" in page.inner_text(f"{VIEW} [data-map=policy] .maps-legend")
    ratio = page.evaluate(
        f"(() => {{ const c = document.querySelector('{VIEW} canvas'); return c.width / c.height; }})()"
    )
    assert ratio == pytest.approx(1, abs=0.01)
    page.click(f"{VIEW} [data-map=policy] canvas", position=square(page, 10))
    until(opened, "location.hash.includes('ep=1') && location.hash.includes('t=4')")
    page.hover(f"{VIEW} [data-map=value] canvas", position=square(page, 6))
    assert page.inner_text(f"{VIEW} .maps-readout").startswith("state 6: ")


def test_states_have_the_numbers_of_the_environment_everywhere(open_page: Open) -> None:
    data = lake()
    data["obs"]["start"] = -5
    page = open_page(data, hash="t=0").page
    page.hover(f"{VIEW} [data-map=value] canvas", position=square(page, 6))
    assert page.inner_text(f"{VIEW} .maps-readout").startswith("state 1: ")
    first = data["episodes"][0]["obs"][0] - 5
    assert f"State {first}, one of 16: -5 to 10." in page.inner_text("#decision > .view")
    assert page.inner_text("#whatif > .view output") == str(first)


def test_a_state_that_was_never_visited_is_no_moment(open_page: Open) -> None:
    page = open_page(lake(), hash="t=2").page
    page.click(f"{VIEW} [data-map=policy] canvas", position=square(page, 3))
    assert page.evaluate("location.hash") == "#level=numbers&t=2"


def square(page: Any, state: int) -> dict[str, float]:
    """The middle of a state's square on the canvas."""
    side = page.evaluate(f"document.querySelector('{VIEW} canvas').clientWidth") / 4
    return {"x": (state % 4 + 0.5) * side, "y": (state // 4 + 0.5) * side}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"networks": {"best": None, "online": None, "target": None}, "closed": "closed_large"}, "too large"),
        ({"episodes": []}, "No episode was recorded"),
    ],
)
def test_what_has_no_map_says_why(open_page: Open, changes: dict[str, Any], why: str) -> None:
    assert why in open_page(sample(**changes)).page.inner_text(VIEW)


def test_a_picture_has_no_map(open_page: Open) -> None:
    data = sample()
    data["obs"] |= {"image": True}
    assert "The observation is a picture" in open_page(data).page.inner_text(VIEW)


def test_without_snapshots_there_is_a_map_and_no_film(open_page: Open) -> None:
    page = open_page(sample(snapshots=[])).page
    assert page.locator(f"{VIEW} canvas").count() == 2
    assert page.locator(f"{VIEW} .maps-film").count() == 0


def test_an_address_made_by_hand_breaks_no_map(open_page: Open) -> None:
    page = open_page(sample(), hash="map.x=99&map.y=-4&map.snap=1e9&map.visited=x").page
    assert page.inner_text(f"{VIEW} .maps-when") == "best network"
    assert page.input_value(f"{VIEW} [data-key='map.x']") == "3"
