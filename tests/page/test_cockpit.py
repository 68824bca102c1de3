"""The first screen and the way around: it plays unasked, fits two screens, and its bars are the moment's values."""

from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from .conftest import Open, Opened
from .playing import balancing, classic, until
from .sample import episode, layers, network, sample

MOST_WORDS = 120
SIGHT = """() => {
  const walker = document.createTreeWalker(document.querySelector("#page"), NodeFilter.SHOW_TEXT);
  const said = [];
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const parent = node.parentElement;
    const chosen = parent.tagName !== "OPTION" || parent.selected;
    const range = document.createRange();
    range.selectNodeContents(parent.tagName === "OPTION" ? parent.parentElement : node);
    const box = range.getBoundingClientRect();
    const seen = parent.checkVisibility() && !parent.closest(".unseen, .skip") && box.height > 0;
    if (chosen && seen && box.top < innerHeight && box.bottom > 0) said.push(node.textContent);
  }
  return said.join(" ").split(/\\s+/).filter((word) => /[\\p{L}\\p{N}]/u.test(word));
}"""
BOXES = """(names) => names.map((name) => {
  const { top, bottom, left, right } = document.querySelector(name).getBoundingClientRect();
  return top >= 0 && left >= 0 && bottom <= innerHeight && right <= innerWidth && bottom > top;
})"""
PARTS = [".score-number", ".chips", "#world canvas", ".values", ".world-means", ".strip", ".world-play"]


def long() -> dict[str, Any]:
    """A page of a network that balances, so that there is something to play."""
    nets = {"best": balancing(), "online": network(1), "target": network(2)}
    return sample(
        episodes=[episode(nets, 0, steps=200)],
        labels={"longest": 0},
        networks={name: layers(net) for name, net in nets.items()},
        findings=[{"kind": "healthy", "severity": "good", "step": None, "foreseen": None, "numbers": {}, "causes": []}],
    )


def step(opened: Opened) -> int:
    return int(opened.page.get_attribute(".strip", "aria-valuenow"))


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_the_first_screen_holds_the_game_in_few_words(open_page: Open, width: int, height: int) -> None:
    page = open_page(long(), width=width, height=height).page
    assert page.evaluate(BOXES, PARTS) == [True] * len(PARTS)
    words = page.evaluate(SIGHT)
    assert 20 < len(words) <= MOST_WORDS, words


def test_a_low_world_begins_beside_the_first_bar(open_page: Open) -> None:
    low = sample(world={"kind": "none", "params": {}}, actions=["0", "1", "2"])
    for each in low["episodes"]:
        each["obs"] = each["obs"][:, :2]
        each["q"] = {name: np.tile(q, 3)[:, :3] for name, q in each["q"].items()}
    low |= {"inputs": low["inputs"][:2], "networks": dict.fromkeys(low["networks"]), "snapshots": []}
    low["obs"] = low["obs"] | {"shape": [2]}
    page = open_page(low, width=1280, height=800).page
    script = "(name) => document.querySelector(name).getBoundingClientRect()"
    header, seen, bar = (page.evaluate(script, name) for name in (".summary", ".readings", ".value"))
    assert abs(seen["top"] - bar["top"]) < 1
    assert bar["top"] - header["bottom"] >= 10


def test_a_tall_world_leaves_room_on_a_phone(open_page: Open) -> None:
    page = open_page(classic("acrobot")[0], width=390, height=844).page
    assert page.evaluate(BOXES, PARTS) == [True] * len(PARTS)


def test_it_plays_unasked_until_the_reader_goes_on_and_the_address_keeps_still(open_page: Open) -> None:
    opened = open_page(long(), motion="no-preference")
    until(opened, "Number(document.querySelector('.strip').ariaValueNow) > 2")
    assert opened.page.evaluate("location.hash") == ""
    opened.page.locator("#maps").scroll_into_view_if_needed()
    expect(opened.page.locator(".player-play")).to_have_text("▶")
    assert opened.page.is_visible(".player")
    assert 2 < step(opened) < 199
    opened.page.click("nav [data-at=world]")
    opened.page.click(".world-play")
    opened.page.click(".world-play")
    assert "t=" in opened.page.evaluate("location.hash")


def test_all_that_is_in_sight_shows_one_moment_while_it_plays_unasked(open_page: Open) -> None:
    opened = open_page(long(), motion="no-preference", height=2400)
    script = """() => new Promise((done) => {
      const strip = document.querySelector(".strip");
      const seen = [];
      new MutationObserver(() => requestAnimationFrame(() => {
        const when = document.querySelector("#decision").textContent.match(/Step (\\d+) of/)[1];
        seen.push([strip.ariaValueNow, when]);
        if (seen.length === 20) done(seen);
      })).observe(strip, { attributes: true, attributeFilter: ["aria-valuenow"] });
    })"""
    assert all(top == below for top, below in opened.page.evaluate(script))


def test_the_button_can_stop_what_began_again_by_itself(open_page: Open) -> None:
    opened = open_page(sample(), motion="no-preference")  # of two seconds or less
    script = """() => new Promise((done) => {
      const strip = document.querySelector(".strip");
      let [most, again] = [0, 0];
      new MutationObserver(() => {
        const at = Number(strip.ariaValueNow);
        if (at < most) again += 1;
        most = Math.max(most, at);
        if (again === 3) done(document.querySelector(".world-play").textContent);
      }).observe(strip, { attributes: true, attributeFilter: ["aria-valuenow"] });
    })"""
    assert opened.page.evaluate(script) == "Pause"


@pytest.mark.parametrize(("hash", "motion"), [("t=3", "no-preference"), ("", "reduce")])
def test_a_chosen_moment_and_wanted_rest_are_kept(open_page: Open, hash: str, motion: str) -> None:
    opened = open_page(long(), hash=hash, motion=motion)
    opened.page.wait_for_timeout(200)
    assert opened.page.inner_text(".world-play") == "Play"
    assert step(opened) == (3 if hash else 0)


def test_the_bars_are_the_values_of_the_moment_and_the_action_taken_is_marked(open_page: Open) -> None:
    data = sample()
    shown = data["episodes"][data["labels"]["longest"]]
    opened = open_page(data, hash="t=4")
    numbers = [float(text) for text in opened.page.locator(".value-number").all_inner_texts()]
    assert numbers == pytest.approx(shown["q"]["best"][4].tolist(), abs=0.006)
    assert opened.page.locator(".value.chosen").get_attribute("data-action") == str(shown["action"][4])
    assert "It presses the side it values more." in opened.page.inner_text(".world-means")
    opened.page.focus(".strip")
    opened.page.keyboard.press("End")
    assert float(opened.page.inner_text(".value-number >> nth=0")) == pytest.approx(
        shown["q"]["best"][-1][0], abs=0.006
    )


SCALE = """({ q, action }) => {
  const data = Float32Array.from(q.flat());
  const scale = m.scaleOf({ action: { data: action }, q: { best: { data, shape: [q.length, q[0].length] } } });
  const shares = q.map((values) => {
    const ends = m.endsOf(scale, scale.actions.map((a) => values[a]));
    return scale.actions.map((a) => m.shareOf(values[a], ends));
  });
  return { ...scale, shares };
}"""


def scale(opened: Opened, q: list[list[float]], action: list[int]) -> dict[str, Any]:
    return opened.module("world/scale.js", f"({SCALE})(argument)", {"q": q, "action": action})


def test_bars_begin_at_zero_unless_the_actions_hardly_differ(open_page: Open) -> None:
    opened = open_page(sample())
    plain = scale(opened, [[0.2, 0.4], [0.1, 0.5]], [1, 1])
    assert (plain["zoomed"], plain["actions"]) == (False, [0, 1])
    np.testing.assert_allclose(plain["shares"], [[0.4, 0.8], [0.2, 1]], atol=1e-6)
    close = scale(opened, [[99, 100], [98.5, 99.5]], [1, 1])
    assert (close["zoomed"], close["decimals"]) == (True, 2)
    np.testing.assert_allclose(close["shares"], [[0.29, 0.71]] * 2, atol=1e-6)
    below = scale(opened, [[-40, -20], [-30, -10]], [1, 1])
    assert not below["zoomed"]
    assert below["shares"][0][0] < below["shares"][0][1] < below["shares"][1][1] == 1


def test_what_lies_elsewhere_moves_the_scale_and_only_a_wider_spread_widens_it(open_page: Open) -> None:
    ways = """((scale) => [[1, 3], [-2, 0], [11, 13], [-5, 20]].map((q) => Object.values(m.endsOf(scale, q))))"""
    found = open_page(sample()).module("world/scale.js", f"{ways}({{ zoomed: false, base: 0, width: 10 }})")
    assert found == [[0, 10, None], [-2.5, 7.5, None], [3, 13, None], [-5.5, 20, None]]
    zoomed = open_page(sample()).module("world/scale.js", f"{ways}({{ zoomed: true, base: 0, width: 10 }})")
    assert zoomed == [[-3, 7, 2], [-6, 4, -1], [7, 17, 12], [-5, 20, 7.5]]
    both = "m.widened({ zoomed: true, base: 0, width: 10 }, [[1, 3], [-5, 20]]).width"
    assert open_page(sample()).module("world/scale.js", both) == 25  # side by side they have one


def test_the_ends_of_an_axis_are_told_apart(open_page: Open) -> None:
    script = """(() => {
      const axis = m.makeAxis((key) => key);
      return [[-153.01, -152.395], [0, 0.642], [-5, 20], [1.28e-8, 0.7]].map(([low, high]) => {
        axis.show({ low, high, mean: null });
        return [...axis.node.children].map((each) => each.textContent);
      });
    })()"""
    texts = open_page(sample()).module("world/scale.js", script)
    assert [[float(each[0]), float(each[-1])] for each in texts] == [[-153.01, -152.4], [0, 0.642], [-5, 20], [0, 0.7]]


def test_of_many_actions_those_that_were_taken_most_are_shown(open_page: Open) -> None:
    q = [[float(a) for a in range(9)] for _ in range(4)]
    assert scale(open_page(sample()), q, [8, 8, 2, 0])["actions"] == [0, 2, 5, 6, 7, 8]


def test_the_menu_marks_the_section_in_sight(open_page: Open) -> None:
    page = open_page(sample()).page
    expect(page.locator("nav [aria-current]")).to_have_attribute("data-at", "world")
    page.click("nav [data-at=health]")
    expect(page.locator("nav [aria-current]")).to_have_attribute("data-at", "health")
    assert page.locator("nav [aria-current]").count() == 1


def test_the_first_tab_stop_leads_past_the_menu(open_page: Open) -> None:
    page = open_page(sample()).page
    page.keyboard.press("Tab")
    assert page.inner_text(":focus") == "Skip to the sections"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "decision-title"


TABLE = """() => {
  const table = document.createElement("table");
  table.innerHTML = "<tr><td><button>a</button></td><td><button>b</button></td></tr>" +
    "<tr><td><button>c</button></td></tr>";
  document.querySelector("main").prepend(table);
}"""


def test_a_table_is_one_tab_stop_with_arrows_inside(open_page: Open) -> None:
    page = open_page(sample()).page
    page.evaluate(TABLE)
    expect(page.locator("main > table [tabindex='0']")).to_have_count(1)
    page.focus("main > table button")
    for key, text in [("ArrowRight", "b"), ("ArrowDown", "c"), ("ArrowDown", "c"), ("ArrowLeft", "b")]:
        page.keyboard.press(key)
        assert page.inner_text(":focus") == text
    assert page.locator("main > table [tabindex='0']").all_inner_texts() == ["b"]
