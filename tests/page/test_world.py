"""The world and its timeline in a browser: pictures that show the moment, and every way to move through an episode."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dqnlab.config import Env
from dqnlab.envs.make import describe
from dqnlab.explain.episodes import Limits, Networks, record_episodes
from dqnlab.explain.seen import obs_data
from dqnlab.explain.world import Scene, look
from dqnlab.learn.policy import Reactive, q_function

from .conftest import Open, Opened
from .sample import layers, network, sample

INK = """canvas => {
  const copy = document.createElement("canvas");
  [copy.width, copy.height] = [canvas.width, canvas.height];
  const context = copy.getContext("2d", { willReadFrequently: true });
  context.drawImage(canvas, 0, 0);
  const { data } = context.getImageData(0, 0, copy.width, copy.height);
  let count = 0;
  for (let i = 3; i < data.length; i += 4) count += data[i] > 0;
  return count / (data.length / 4);
}"""
LOOK = "canvas => canvas.toDataURL()"
CANVAS, STRIP, SCRUB = "#world canvas", "#world .strip", ".player input"
SLIDE = "(scrub, to) => { scrub.value = to; scrub.dispatchEvent(new Event('input')); }"


def moment(opened: Opened) -> int:
    """The shared step, as the address and the strip have it."""
    return int(opened.page.get_attribute(STRIP, "aria-valuenow"))


def until(true: Callable[[], bool]) -> None:
    """Waits for something that comes; the page's policy keeps the browser from waiting for a text of code."""
    for _ in range(200):
        if true():
            return
        time.sleep(0.02)
    assert true()


def in_address(opened: Opened) -> dict[str, str]:
    return opened.page.evaluate("Object.fromEntries(new URLSearchParams(location.hash.slice(1)))")


def played(env: Env) -> dict[str, Any]:
    """The parts of a page's data that come from an environment, played by networks with random weights."""
    spec = describe(env)
    world = look(env, spec)
    inputs = spec.obs.num_states or int(np.prod(spec.obs.shape))
    nets = {name: network(i, inputs, spec.num_actions) for i, name in enumerate(("best", "online", "target"))}
    eye = np.eye(inputs, dtype=np.float32)
    see = (lambda obs: eye[obs]) if spec.obs.num_states else (lambda obs: obs.reshape(len(obs), -1).astype(np.float32))

    def asked(name: str) -> Any:
        return Reactive(lambda obs: q_function(nets[name])(see(obs)))

    recording = record_episodes(Networks(*map(asked, nets)), Scene(env, spec, world), 0, Limits(steps=60))
    small = inputs < 10_000
    return {
        "episodes": [each.data() for each in recording.episodes],
        "labels": recording.labels,
        "world": {"kind": world.kind, "params": world.params},
        "inputs": [each._asdict() for each in world.inputs],
        "actions": list(world.actions),
        "networks": {name: layers(net) if small else None for name, net in nets.items()},
        "snapshots": [],
        "obs": obs_data(spec.obs, []) | {"image": not world.inputs, "pictures": []},
    }


WORLDS = {
    "cartpole": Env(),
    "stacked": Env(frame_stack=2),
    "mountaincar": Env(id="MountainCar-v0"),
    "acrobot": Env(id="Acrobot-v1"),
    "frozenlake": Env(id="FrozenLake-v1", kwargs={"map_name": "8x8"}),
    "frames": Env(id="CliffWalking-v1"),
}


@pytest.mark.world
@pytest.mark.parametrize("name", WORLDS)
def test_every_world_is_drawn_and_moves(open_page: Open, name: str) -> None:
    opened = open_page(sample(**played(WORLDS[name])), hash="t=1")
    canvas = opened.page.locator(CANVAS)
    until(lambda: canvas.evaluate(INK) > 0.005)
    before = canvas.evaluate(LOOK)
    opened.page.focus(STRIP)
    opened.page.keyboard.press("End")
    assert canvas.evaluate(LOOK) != before
    assert "of" in canvas.get_attribute("aria-label")


def test_keys_step_and_jump_and_all_that_shows_the_moment_agrees(open_page: Open) -> None:
    opened = open_page(sample(), hash="t=3")
    page, last = opened.page, int(open_last(opened))
    for where in (STRIP, CANVAS):
        page.focus(where)
        for key, t in [("Home", 0), ("ArrowRight", 1), ("ArrowLeft", 0), ("ArrowLeft", 0), ("End", last)]:
            page.keyboard.press(key)
            assert moment(opened) == t
            assert page.input_value(SCRUB) == str(t)
            assert in_address(opened).get("t", "0") == str(t)
    assert page.get_attribute(SCRUB, "aria-valuetext") == f"Step {last} of {last}"
    assert f"Step {last} of {last}, counted from 0:" in page.get_attribute(STRIP, "aria-valuetext")


def open_last(opened: Opened) -> str:
    return opened.page.get_attribute(STRIP, "aria-valuemax")


def test_the_numbers_are_those_of_the_recording(open_page: Open) -> None:
    data = sample()
    episode = data["episodes"][data["labels"]["longest"]]
    opened = open_page(data, hash="t=4&level=numbers")
    q = np.sort(episode["q"]["best"][4])
    shown = {name: opened.page.inner_text(f"#world dd.world-{name}") for name in ("value", "gap", "reward", "earned")}
    assert float(shown["value"]) == pytest.approx(q[-1], rel=1e-3)
    assert float(shown["gap"]) == pytest.approx(q[-1] - q[-2], rel=1e-2)
    assert (shown["reward"], shown["earned"]) == ("1", "5")
    assert opened.page.inner_text("#world dd.world-action") == ["left", "right"][episode["action"][4]]


def test_scrub_and_strip_go_where_one_points(open_page: Open) -> None:
    opened = open_page(sample())
    page, last = opened.page, int(open_last(opened))
    box = page.locator(STRIP).bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + 20)
    assert moment(opened) == pytest.approx((last + 1) / 2, abs=1)
    page.locator(SCRUB).evaluate(SLIDE, 2)
    assert moment(opened) == 2
    assert in_address(opened)["t"] == "2"


CLICK = "button => { button.click(); return button.textContent; }"


def test_play_moves_on_and_begins_again_from_the_end(open_page: Open) -> None:
    opened = open_page(sample(), hash="world.speed=4")
    play, last = opened.page.locator("#world .world-play"), open_last(opened)
    assert play.evaluate(CLICK) == "Pause"
    opened.page.wait_for_selector(f"{STRIP}[aria-valuenow='{last}']")
    until(lambda: play.text_content() == "Play")
    assert in_address(opened)["t"] == last
    again = f"button => {{ button.click(); return document.querySelector('{STRIP}').getAttribute('aria-valuenow'); }}"
    assert play.evaluate(again) == "0"


def test_pause_stays_where_it_was_and_shares_it(open_page: Open) -> None:
    data = sample()
    data["world"]["params"]["fps"] = 20
    opened = open_page(data, hash="world.speed=0.1")
    play = opened.page.locator("#world .world-play")
    play.evaluate(CLICK)
    until(lambda: moment(opened) > 0)
    assert play.evaluate(CLICK) == "Play"
    assert in_address(opened)["t"] == str(moment(opened))


def test_space_plays_and_a_key_stops(open_page: Open) -> None:
    opened = open_page(sample(), hash="world.speed=0.1")
    opened.page.focus(STRIP)
    opened.page.keyboard.press("Space")
    assert opened.page.inner_text("#world .world-play") == "Pause"
    opened.page.keyboard.press("Home")
    assert opened.page.inner_text("#world .world-play") == "Play"
    assert moment(opened) == 0


def test_episodes_are_chosen_by_list_and_label(open_page: Open) -> None:
    data = sample(labels={"longest": 0, "worst": 1, "best": 2})
    opened = open_page(data, hash="t=5&level=numbers")
    page = opened.page
    page.click("#world button:text('Worst')")
    assert in_address(opened) == {"ep": "1", "level": "numbers"}
    assert moment(opened) == 0
    assert page.get_attribute("#world button:text('Worst')", "aria-pressed") == "true"
    assert int(open_last(opened)) == data["episodes"][1]["length"] - 1
    page.select_option("#world .world-chooser select", "2")
    assert in_address(opened)["ep"] == "2"
    assert page.get_attribute("#world button:text('Best')", "aria-pressed") == "true"


def test_an_address_opens_its_episode_step_and_speed(open_page: Open) -> None:
    opened = open_page(sample(), hash="ep=1&t=6&world.speed=0.5")
    page = opened.page
    assert page.input_value("#world .world-chooser select") == "1"
    assert moment(opened) == 6
    assert page.input_value("#world .world-speed") == "0.5"
    page.select_option("#world .world-speed", "2")
    assert in_address(opened) == {"ep": "1", "t": "6", "world.speed": "2"}


def test_how_an_episode_ended_is_said_at_its_end(open_page: Open) -> None:
    opened = open_page(sample())
    note = "#world .world-note"
    assert opened.page.inner_text(note) == ""
    opened.page.focus(STRIP)
    opened.page.keyboard.press("End")
    assert "terminal state" in opened.page.inner_text(note)
    data = sample()
    for each in data["episodes"]:
        each["ended"] = "truncated"
    stopped = open_page(data, hash="t=999").page.inner_text(note)
    assert stopped.startswith("Here the step limit stopped it.")
    assert "would" not in stopped.replace("what would come next was not played", "")


def test_an_unknown_world_without_images_says_so_and_keeps_its_time_line(open_page: Open) -> None:
    data = sample(world={"kind": "none", "params": {}})
    opened = open_page(data, hash="t=2")
    first, second, *_ = data["episodes"][data["labels"]["longest"]]["obs"][2]
    rows = opened.page.locator("#world .reading")
    assert rows.count() == 4
    assert "m/s" in rows.nth(1).inner_text()
    assert [float(text.split()[0]) for text in rows.locator(".number").all_inner_texts()[:2]] == pytest.approx(
        [first, second], rel=0.01
    )
    for each in data["episodes"]:
        each["obs"] = None
    unseen = open_page(data, hash="t=2")
    assert "draws no images" in unseen.page.inner_text("#world .world-picture")
    assert moment(unseen) == 2


def test_an_episode_that_was_cut_says_at_every_step_that_its_return_is_no_score(open_page: Open) -> None:
    data = sample()
    for each in data["episodes"]:
        each["ended"] = "cut"
    length = data["episodes"][data["labels"]["longest"]]["length"]
    page = open_page(data, hash="t=2&level=numbers").page
    said = f"Only its first {length} steps were recorded: the {length} earned in them is not its score."
    assert said in page.inner_text("#world .world-note")
    assert "return" not in page.locator("#world .world-chooser option").first.text_content()


def test_a_run_without_episodes_says_so(open_page: Open) -> None:
    opened = open_page(sample(episodes=[], labels={}))
    assert "No episode was recorded" in opened.page.inner_text("#world")


MANY = """scrub => {
  const write = history.replaceState;
  const start = performance.now();
  let writes = 0;
  history.replaceState = function (...all) { writes++; write.apply(history, all); };
  for (let i = 0; i < 300; i++) {
    scrub.value = i % 9;
    scrub.dispatchEvent(new Event("input"));
  }
  return [writes, performance.now() - start];
}"""


def test_many_moves_are_written_to_the_address_a_few_times_and_the_last_one_always(open_page: Open) -> None:
    opened = open_page(sample())
    writes, passed = opened.page.locator(SCRUB).evaluate(MANY)
    assert writes <= 21 + passed / 400  # browsers refuse more than 100 in half a minute
    until(lambda: in_address(opened).get("t") == str(299 % 9))
