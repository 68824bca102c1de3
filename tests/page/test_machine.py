"""The machine: one transition walks through an update, and every stop has the number that PyTorch computes."""

import re

import numpy as np
import pytest
import torch

from dqnlab.explain.moment import Moment, read_moment
from dqnlab.explain.page import pack_for_page
from dqnlab.learn.learner import HardSync
from dqnlab.run.held import End

from ..explain.recording import record
from .conftest import Open, Opened
from .sample import sample
from .test_step import traced

MOST_WORDS = 220
KINDS = [
    "textbook",
    "double, n = 3, Huber",
    "divided rewards",
    "prioritized",
    "polyak, clipped",
    "quantiles",
    "categorical, narrow",
    "munchausen, n = 3",
    "gru, n = 2, prioritized",
    "rollout",
    "offline, cql",
]
STOPS = """(argument) => {
  const { unpack } = modules["core/codec.js"];
  const m = modules["views/stops.js"];
  return argument.map((each) => {
    const step = modules["views/stepmath.js"].makeStep(unpack(each.moment), each.obs);
    return Array.from({ length: step.count }, (_, i) => (
      m.stopsOf(step, i, step.recompute(i, { ...step.own, ...each.switches })).map(
        ({ id, value, place }) => [id, value, place])));
  });
}"""


def computed(moment: Moment, td_lambda: float | None) -> dict[str, np.ndarray]:
    """Every number of every row by the learner's own networks, before and after an update."""
    learner, batch = moment.learner, moment.batch
    online, target, scale = learner.online, learner.target, learner.online.reward_scale
    rows = torch.arange(len(batch.action))
    with torch.no_grad():
        reward, next_row = learner.rule(online, target, batch)
        following = online.head.q_values(next_row[:, None])[:, 0]
        prediction = online.expected(online(batch.obs, batch.draws.online), batch.obs)[rows, batch.action]
        choice = online.q_values(batch.next_obs, batch.draws.choose).max(1).values
        wanted = online.head.loss(
            online(batch.obs, batch.draws.online)[rows, batch.action], next_row, reward, batch.discount
        )
    learner.update_with(batch)
    with torch.no_grad():
        after = online.expected(online(batch.obs, batch.draws.online), batch.obs)[rows, batch.action]
    found = {
        "sum": batch.reward,
        "prediction": prediction,
        "choose": choice,
        "next": following,
        "added": reward - batch.reward,
        "goal": wanted.target,
        "error": wanted.target - prediction,
        "after": after,
    }
    numbers = {name: (value * scale).numpy() for name, value in found.items()}
    return numbers | {"discount": batch.discount.numpy(), "weight": batch.weight.numpy()}


def test_every_stop_has_the_number_that_pytorch_computes(open_page: Open) -> None:
    opened = open_page(sample(moment=None))
    pages = [traced(way) for way in KINDS]
    shown = opened.page.evaluate(STOPS, [{"moment": pack_for_page(page), "obs": obs} for _, page, obs in pages])
    for way, (trace, _, _), rows in zip(KINDS, pages, shown, strict=True):
        arrays, config, spec = record(way)
        moment = read_moment(arrays, config, spec)
        assert moment is not None
        if moment.returns is not None:  # their values were computed before, and are in the record
            returns = moment.returns
            numbers = computed(moment, None) | {"next": returns.value[:, 0], "discount": returns.discount[:, 0]}
            numbers |= {"goal": returns.g[:, 0]}
            numbers["error"] = numbers["goal"] - numbers["prediction"]
        else:
            numbers = computed(moment, None)
        numbers["loss"] = trace.rows.loss
        for i, stops in enumerate(rows):
            for name, value, _ in stops:
                if name in numbers:
                    wanted = float(numbers[name][i])
                    assert value == pytest.approx(wanted, rel=2e-4, abs=2e-4), (way, i, name)
            values = {name: value for name, value, _ in stops}
            assert values["stored"] == trace.size
            assert values["drawn"] == config.batch_size
            assert values["update"] == trace.weights[-1].step
            assert ("choose" in values) == (trace.settings.chooser == "online" and values["discount"] != 0)
            assert ("weight" in values) == (trace.settings.chance == "by error")
            assert ("sync" in values) == (trace.returns is None)
            if isinstance(trace.settings.sync, HardSync) and "sync" in values:
                assert values["sync"] == trace.sync_in
            assert ("sum" in values) == (trace.rows.span[i] > 1)


def test_its_own_reward_comes_first_and_the_sum_of_several_is_a_stop_of_its_own(open_page: Open) -> None:
    trace, page, obs = traced("double, n = 3, Huber")
    opened = open_page(sample(moment=page, obs=obs))
    (rows,) = opened.page.evaluate(STOPS, [{"moment": pack_for_page(page), "obs": obs}])
    for i, stops in enumerate(rows):
        names = [name for name, _, _ in stops]
        assert stops[0][:2] == ["reward", 1]  # which is what CartPole pays
        if trace.rows.span[i] == 3:
            assert stops[names.index("sum")][1] == pytest.approx(1 + 0.99 + 0.99**2)


def test_with_n_1_every_row_has_a_target_value_of_its_own_reward_alone(open_page: Open) -> None:
    trace, page, obs = traced("double, n = 3, Huber")
    assert (trace.rows.end == End.GOES_ON).any()
    given = {"moment": pack_for_page(page), "obs": obs, "switches": {"n": 1}}
    (rows,) = open_page(sample(moment=None)).page.evaluate(STOPS, [given])
    for i, stops in enumerate(rows):
        values = {name: value for name, value, _ in stops}
        assert "sum" not in values
        best = int(trace.after.online[i, 0].argmax())
        ended = trace.after.length[i] == 1 and trace.after.end[i] == End.TERMINATED
        following = 0 if ended else 0.99 * float(trace.after.target[i, 0, best])
        assert values["goal"] == pytest.approx(1 + following, rel=1e-4)


def test_a_sum_whose_single_rewards_an_earlier_dqnlab_did_not_keep_says_so(open_page: Open) -> None:
    _, page, obs = traced("double, n = 3, Huber")
    after = page["after"] | {"length": 0 * page["after"]["length"]}
    row = int((page["rows"]["span"] == 3).argmax())
    opened = open_page(sample(moment=page | {"after": after}, obs=obs), hash=f"level=numbers&step.row={row}&step.n=1")
    assert "Only the sum of the rewards of 3 steps was kept: 2.9701" in opened.page.inner_text(".machine-said")
    assert "n = 1 would need steps that were not recorded" in opened.page.inner_text("#step .step-target")


def numbers_of(opened: Opened) -> dict[str, str]:
    """What each place of the machine shows."""
    return dict(
        opened.page.evaluate(
            """() => [...document.querySelectorAll("#step .machine-slot")].map((each, i) => (
              [`${i} ${each.querySelector("dt").textContent}`, each.querySelector("dd").textContent]))"""
        )
    )


def test_each_press_of_next_changes_one_number_and_the_transition_stays_the_same(open_page: Open) -> None:
    _, page, obs = traced("double, n = 3, Huber")
    opened = open_page(sample(moment=page, obs=obs))
    said, machine = opened.page.locator(".machine-said"), opened.page.locator("#step .machine")
    action = machine.locator(".machine-action").inner_text()
    seen = [numbers_of(opened)]
    sentences = [said.inner_text()]
    assert f"chose “{action}”, and the environment paid 1." in sentences[0]
    while opened.page.locator("#machine-next_stop").is_enabled():
        opened.page.locator("#machine-next_stop").click()
        seen.append(numbers_of(opened))
        sentences.append(said.inner_text())
        changed = [name for name in seen[-1] if seen[-1][name] != seen[-2][name]]
        assert len(changed) == 1, (changed, sentences[-1])
        assert machine.locator(".machine-slot.on").count() == 1
        assert machine.locator(".machine-box.on").count() == 1
        assert machine.locator(".machine-action").inner_text() == action
        assert len(opened.page.inner_text("#step").split()) <= MOST_WORDS
    assert len(set(sentences)) == len(sentences) == 14
    assert not re.search(r"step\.\w|undefined|NaN|\{", "\n".join(sentences))
    machine.press("ArrowLeft")
    assert numbers_of(opened) == seen[-2]
    assert "step.stop=after" in opened.page.url
    machine.press("Home")
    assert said.inner_text() == sentences[0]
    machine.press("ArrowRight")
    assert numbers_of(opened) == seen[1]


def test_the_story_has_three_digits_and_no_names_of_tensors_and_its_details_open_in_place(open_page: Open) -> None:
    _, page, obs = traced("prioritized")
    opened = open_page(sample(moment=page, obs=obs), hash="step.stop=sync")
    story = opened.page.inner_text("#step")
    assert not re.search(r"fc\.|slot|\d\.\d{4}", re.sub(r"[+-]?0\.0+\d{3}\b|e-\d", "", story)), story
    opened.page.locator(".step-every summary").click()
    opened.page.locator("#step .step-stages > li.step-sync").wait_for()
    shown = opened.page.locator("#step .step-stages > li:visible")
    assert shown.count() == 1
    opened.page.locator("#machine-back").click()
    assert "step-now" in (opened.page.locator("#step .step-update").get_attribute("class") or "")
    assert "step.every=1" in opened.page.url


@pytest.mark.parametrize(
    ("way", "says"),
    [("rollout", "This run learns without one."), ("offline, cql", "Recordings"), ("munchausen, n = 3", "rule adds")],
)
def test_a_machine_with_other_parts_says_so(way: str, says: str, open_page: Open) -> None:
    _, page, obs = traced(way)
    opened = open_page(sample(moment=page, obs=obs), hash="step.stop=sync", width=390)
    text = opened.page.inner_text("#step")
    assert says in text
    assert not re.search(r"step\.\w|undefined|NaN", text)
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_nothing_moves_for_who_wants_no_motion(open_page: Open) -> None:
    _, page, obs = traced("textbook")
    opened = open_page(sample(moment=page, obs=obs))
    moving = "getComputedStyle(document.querySelector('.machine-token')).transitionProperty"
    found = {}
    for motion in ("no-preference", "reduce"):
        opened.page.emulate_media(reduced_motion=motion)
        found[motion] = opened.page.evaluate(moving)
    assert found == {"no-preference": "transform", "reduce": "none"}


def test_story_and_numbers_both_say_that_the_batch_was_drawn_for_the_page(open_page: Open) -> None:
    _, page, obs = traced("textbook")
    for level, says in (
        ("story", "the run went on without this update"),
        ("numbers", "the run did not learn from this batch"),
    ):
        text = open_page(sample(moment=page, obs=obs), hash=f"level={level}").page.inner_text("#step")
        assert "drawn for this page" in text
        assert says in text
        assert "of this run walks" not in text


def test_a_step_that_cannot_be_drawn_is_shown_by_the_inputs_that_matter_most(open_page: Open) -> None:
    _, page, obs = traced("textbook")
    world = {"kind": "none", "params": {}}
    opened = open_page(sample(moment=page, obs=obs, world=world), hash="step.row=3")
    opened.page.locator(".machine-seen tr").nth(3).wait_for()
    lines = opened.page.locator(".machine-seen tr").all_inner_texts()
    assert [line.split("\t")[0] for line in lines] == [
        "cart position",
        "cart velocity",
        "pole angle",
        "pole angular velocity",
    ]
    for line, value in zip(lines, page["rows"]["obs"][3], strict=True):
        assert float(line.split("\t")[1]) == pytest.approx(float(value), rel=0.01)


@pytest.mark.parametrize(
    ("after", "says"), [(0.5, ""), (1.2, "past the target value"), (-0.3, "away from the target value")]
)
def test_a_prediction_that_does_not_come_nearer_its_target_says_why(after: float, says: str, open_page: Open) -> None:
    _, page, obs = traced("textbook")
    rows, row = page["rows"], 2
    moved = page["prediction_after"].copy()
    moved[row] = rows["prediction"][row] + after * (rows["target"][row] - rows["prediction"][row])
    opened = open_page(
        sample(moment=page | {"prediction_after": moved}, obs=obs), hash=f"step.row={row}&step.stop=after"
    )
    said = opened.page.inner_text(".machine-said")
    assert says in said
    assert ("one update serves the whole batch" in said) == bool(says)


def test_the_first_transition_is_one_that_came_nearer_to_its_target(open_page: Open) -> None:
    _, page, obs = traced("textbook")
    rows = page["rows"]
    wrong = np.where(
        np.arange(len(rows["action"])) == 3, 0.2, 1.5
    )  # of the way to the target value: all others go past
    moved = (rows["prediction"] + wrong * (rows["target"] - rows["prediction"])).astype(np.float32)
    opened = open_page(sample(moment=page | {"prediction_after": moved}, obs=obs), hash="step.stop=after")
    said = opened.page.inner_text(".machine-said")
    assert "Asked again" in said
    assert "target value" not in said


def test_after_the_update_the_mean_loss_of_the_batch_is_told(open_page: Open) -> None:
    _, page, obs = traced("textbook")
    changed = page | {"loss": 0.51, "loss_after": 0.509}
    said = open_page(sample(moment=changed, obs=obs), hash="step.stop=after").page.inner_text(".machine-said")
    assert said.endswith("0.51 → 0.509.")
    risen = page | {"loss": 0.51, "loss_after": 0.52}
    said = open_page(sample(moment=risen, obs=obs), hash="step.stop=after").page.inner_text(".machine-said")
    assert "0.51 → 0.52. It rose this time" in said


def test_who_subtracts_what_the_story_shows_gets_what_it_says(open_page: Open) -> None:
    _, page, obs = traced("textbook")
    weights = [dict(each) for each in page["weights"]]
    weights[-1] |= {"before": 0.35372, "after": 0.35352, "step": -0.0002}
    opened = open_page(sample(moment=page | {"weights": weights}, obs=obs))

    def said(row: int, stop: str) -> list[str]:
        opened.page.evaluate("hash => { location.hash = hash }", f"step.row={row}&step.stop={stop}")
        opened.page.wait_for_timeout(100)
        return re.findall(r"-?\d+(?:\.\d+)?", opened.page.inner_text(".machine-said"))

    for row in range(6):
        prediction, goal, error = (said(row, stop)[-1] for stop in ("prediction", "goal", "error"))
        assert f"{abs(float(goal) - float(prediction)):.{len(error.split('.')[1])}f}" == error
    before, after = map(float, said(0, "update"))
    assert before - after == pytest.approx(0.0002, rel=0.11)


def test_the_story_says_when_its_step_was_recorded_and_that_the_score_is_the_final_one(open_page: Open) -> None:
    _, page, obs = traced("textbook")
    run = sample()["run"] | {"env_steps": 48_030}
    opened = open_page(sample(moment=page | {"env_step": 30_676}, obs=obs, run=run), hash="step.stop=sync&step.every=1")
    assert opened.page.inner_text(".step-recorded") == "Recorded at step 30,676 of 48,030."
    assert "final score" in opened.page.inner_text(".machine-best")
    assert opened.page.inner_text("#step .step-sync h3") == "Sync"  # the stops are counted once, at the buttons


def test_values_of_the_story_have_as_many_decimals_as_each_other(open_page: Open) -> None:
    texts = open_page(sample(moment=None)).module(
        "views/ratings.js", "[-93.36, 84, 0.25].map(m.alike([-93.36, 84], 3))"
    )
    assert texts == ["-93.4", "84.0", "0.3"]


def test_on_a_phone_the_arrows_have_their_words_and_the_buttons_stay_where_they_are(open_page: Open) -> None:
    _, page, obs = traced("double, n = 3, Huber")
    opened = open_page(sample(moment=page, obs=obs), hash="at=step", width=390, height=844)
    assert opened.page.locator(".machine-wires text").all_text_contents() == ["acts", "sync", "gradient"]
    next_ = opened.page.locator("#machine-next_stop")
    said, board = (opened.page.locator(f".machine-{name}") for name in ("said", "board"))
    first = said.bounding_box()["height"]
    while next_.is_enabled():
        next_.click()
        assert said.bounding_box()["height"] == first
    room = 844 - 187 - 53  # between its bar above and the player below: all boxes are on one screen
    assert board.bounding_box()["height"] < room
    left, top = (opened.page.locator(f".machine-{name}").bounding_box() for name in ("step", "env"))
    assert left["y"] == top["y"]


def test_on_a_phone_the_buttons_leave_before_they_cover_the_last_boxes(open_page: Open) -> None:
    _, page, obs = traced("textbook")
    opened = open_page(sample(moment=page, obs=obs), hash="at=step", width=390, height=844)
    best = opened.page.locator(".machine-best")
    best.evaluate("(box) => window.scrollBy(0, box.getBoundingClientRect().top - 60)")
    bar = opened.page.locator(".machine-bar").bounding_box()
    assert bar["y"] + bar["height"] <= best.bounding_box()["y"]


def test_on_a_phone_the_batch_shows_that_it_scrolls_and_does_so_to_its_last_column(open_page: Open) -> None:
    _, page, obs = traced("textbook")
    opened = open_page(sample(moment=page, obs=obs), hash="level=numbers&at=step", width=390, height=844)
    table = opened.page.locator("#step .step-sample .scroll")
    table.evaluate("(box) => { box.scrollLeft = box.scrollWidth; }")
    edge = table.locator("th").last.bounding_box()
    assert edge["x"] + edge["width"] <= 390
    shades = "getComputedStyle(document.querySelector('#step .step-sample .scroll')).backgroundAttachment"
    assert opened.page.evaluate(shades) == "local, scroll"  # which tells that there is more


def test_every_number_of_a_stop_opens_in_sight(open_page: Open) -> None:
    _, page, obs = traced("textbook")
    opened = open_page(sample(moment=page, obs=obs), hash="at=step&step.stop=goal", width=1280, height=800)
    opened.page.locator(".step-every summary").click()
    box = opened.page.locator("#step .step-now").first.bounding_box()
    player = opened.page.locator(".player").bounding_box()
    assert box["y"] >= 52
    assert min(box["y"] + box["height"], box["y"] + 200) <= player["y"]
