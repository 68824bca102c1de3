"""The decision card: three networks side by side, in numbers and in words."""

import re
from typing import Any

import numpy as np
import pytest

from .conftest import Open
from .playing import at_numbers
from .sample import sample

CARD = "#decision > .view"
LEFT, RIGHT = [7.0, 5.0], [5.0, 7.0]


@pytest.fixture(name="open_page")
def open_at_numbers(open_page: Open) -> Open:
    return at_numbers(open_page)


def fixed(best: list[float], online: list[float], target: list[float], coin: float = 0.5) -> dict[str, Any]:
    """A page on which the three networks say the same at every moment."""
    data = sample()
    for episode in data["episodes"]:
        shape = (episode["length"], 1)
        said = {"best": best, "online": online, "target": target}
        episode["q"] = {name: np.tile(np.array(q, np.float32), shape) for name, q in said.items()}
        episode["coin"] = np.full(episode["length"], coin, np.float32)
    return data


def numbers(text: str) -> list[float]:
    return [float(each) for each in re.findall(r"-?\d+(?:\.\d+)?", text)]


@pytest.mark.parametrize("moment", [0, 3])
def test_every_action_is_rated_by_all_three_networks(open_page: Open, moment: int) -> None:
    data = sample()
    page = open_page(data, hash=f"ep=1&t={moment}").page
    for name, q in data["episodes"][1]["q"].items():
        written = page.locator(f"{CARD} [data-network={name}] .bar .number").all_inner_texts()
        assert [float(each) for each in written] == pytest.approx(q[moment].tolist(), rel=1e-3)


def test_the_card_follows_the_moment(open_page: Open) -> None:
    data = sample()
    page = open_page(data, hash="ep=2&t=0").page
    before = page.inner_text(f"{CARD} table")
    page.evaluate("location.hash = 'level=numbers&ep=2&t=4'")
    page.wait_for_selector(f"{CARD} >> text=Step 4 of")
    after = page.inner_text(f"{CARD} table")
    assert after != before
    inputs = page.locator(f"{CARD} td.number").all_inner_texts()
    assert [float(each) for each in inputs] == pytest.approx(data["episodes"][2]["obs"][4].tolist(), rel=1e-3)
    assert page.locator(f"{CARD} table tr").nth(2).inner_text().split("\t")[0] == "pole angle"


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        (LEFT, "All networks agree: left."),
        (RIGHT, "The best network acts: left. The target network would choose differently: right."),
    ],
)
def test_one_sentence_says_who_agrees(open_page: Open, target: list[float], sentence: str) -> None:
    page = open_page(fixed(LEFT, LEFT, target)).page
    said = page.inner_text(f"{CARD} .decision-verdict")
    assert said == f"{sentence} To the best network, “left” is worth 2 more than “right”."
    preferred = page.locator(f"{CARD} .chosen .bar-label").all_inner_texts()
    assert preferred == ["▸ left", "▸ left", "▸ left" if target == LEFT else "▸ right"]


def test_a_run_without_a_target_network_shows_two(open_page: Open) -> None:
    data = fixed(LEFT, RIGHT, LEFT)
    for episode in data["episodes"]:
        episode["q"]["target"] = None
    page = open_page(data).page
    assert page.locator(f"{CARD} .decision-network").count() == 2
    assert "The online network would choose differently: right." in page.inner_text(f"{CARD} .decision-verdict")


def test_why_a_value_is_not_the_score_is_said_from_the_runs_own_gamma(open_page: Open) -> None:
    data = fixed(LEFT, LEFT, LEFT)
    data["settings"] |= {"gamma": 0.98}

    def said() -> str:
        return open_page(data).page.inner_text(f"{CARD} .decision-counting")

    assert said().endswith("0.98 times as much. So a reward of 1 at every step, for ever, is worth 50.")
    for episode in data["episodes"]:
        episode["q"]["best"] = episode["q"]["best"] + 60
    assert said().endswith("is worth 50. A value of 67 is beyond that, and cannot be right.")
    data["episodes"][0]["reward"][3] = 0  # now nobody knows what could come
    assert said().endswith("every step later counts 0.98 times as much.")
    data["settings"] |= {"gamma": 1.0}
    assert open_page(data).page.locator(f"{CARD} .decision-counting").count() == 0


def test_equal_values_are_called_a_tie(open_page: Open) -> None:
    page = open_page(fixed([3, 3], LEFT, LEFT)).page
    assert "are worth the same; it takes the first" in page.inner_text(f"{CARD} .decision-verdict")


def test_noise_that_explored_too_is_told_beside_epsilon(open_page: Open) -> None:
    data = fixed(LEFT, LEFT, LEFT, 0.5)
    assert "noise on the weights" not in open_page(data).page.inner_text(CARD)
    data["settings"] |= {"noisy": True}
    assert "In training, noise on the weights explored too" in open_page(data).page.inner_text(CARD)


@pytest.mark.parametrize(("coin", "answer"), [(0.03125, "Yes."), (0.0625, "No."), (0.9, "No.")])
def test_exploration_would_have_overruled_below_epsilon_only(open_page: Open, coin: float, answer: str) -> None:
    data = fixed(LEFT, LEFT, LEFT, coin)
    data["settings"] |= {"epsilon": 0.0625}
    page = open_page(data).page
    said = page.locator(f"{CARD} .card").nth(2).inner_text().split("\n\n")[1]
    assert said.startswith(answer)
    assert numbers(said)[:2] == [pytest.approx(coin, rel=1e-2), 0.0625]


def test_bars_of_large_values_show_small_gaps(open_page: Open) -> None:
    page = open_page(fixed([100, 100.01], [100, 100.01], [90, 90.02])).page
    for name in ("best", "online", "target"):
        widths = page.eval_on_selector_all(
            f"{CARD} [data-network={name}] .fill", "nodes => nodes.map((node) => node.getBoundingClientRect().width)"
        )
        assert widths[1] > 1.5 * widths[0] > 0
    axes = [page.locator(f"{name} .axis").all_inner_texts()[0] for name in ("#world", CARD)]
    assert axes[0].split() == ["-0.0119", "mean", "of", "all", "+0.0119"]
    assert axes[0] == axes[1]  # one scale in both views
    # Twice the gap is twice as wide.
    grown = page.eval_on_selector_all(
        f"{CARD} .fill[class*=action]", "nodes => nodes.map((n) => parseFloat(n.style.width))"
    )
    assert grown[5] - grown[4] == pytest.approx(2 * (grown[1] - grown[0]), rel=1e-2)


def test_far_below_zero_the_longer_bar_is_still_the_better_action(open_page: Open) -> None:
    page = open_page(fixed([-50, -49], [-50, -49], [-50, -49])).page
    widths = page.eval_on_selector_all(
        f"{CARD} .fill[class*=action]", "nodes => nodes.map((n) => parseFloat(n.style.width))"
    )
    assert widths[1] > 1.5 * widths[0] > 0


def test_zero_is_marked_where_it_is_in_sight(open_page: Open) -> None:
    page = open_page(fixed([-1, 2], [0.5, 2], [-30, -28])).page
    for name, lines in {"best": 2, "online": 2, "target": 0}.items():
        assert page.locator(f"{CARD} [data-network={name}] .decision-zero").count() == lines
        said = page.inner_text(f"{CARD} [data-network={name}]")
        assert ("The thin line is zero" in said) == (lines == 2)


def test_what_then_came_stands_beside_what_was_expected(open_page: Open) -> None:
    data = fixed(LEFT, LEFT, LEFT)
    for each in data["episodes"]:
        each["ended"], each["reward"] = "terminated", np.ones(each["length"], np.float32)
        each["action"] = np.zeros_like(each["action"])
    data["settings"] |= {"gamma": 0.5}
    page = open_page(data, hash=f"t={data['episodes'][data['labels']['longest']]['length'] - 2}").page
    assert "It expected 7. What then came adds up to 1.5, counted the same way." in page.inner_text(CARD)
    assert "what came: 1.5" in page.inner_text(".lane-value")
    for changed in ({"reward_clip": 1.0}, {"raises": 2.0}, {"gamma": None}):
        told = open_page(data | {"settings": data["settings"] | changed}).page.inner_text(CARD)
        assert "what then came" not in told


def test_without_an_episode_one_sentence_says_so(open_page: Open) -> None:
    page = open_page(sample(episodes=[])).page
    assert page.inner_text(CARD) == "No episode was recorded, so there is no moment to look at."


def test_the_card_speaks_chinese(open_page: Open) -> None:
    page = open_page(fixed(LEFT, LEFT, RIGHT), hash="lang=zh-Hant").page
    said = page.inner_text(f"{CARD} .decision-verdict")
    assert said == "最佳網路選擇：向左。目標網路則會選：向右。對最佳網路來說，「向左」比「向右」多值 2。"
    assert "{" not in page.inner_text(CARD)


def with_outlook(form: str, every: int = 1) -> dict[str, Any]:
    """A page whose best network gives three numbers per action."""
    data = sample()
    for episode in data["episodes"]:
        steps = -(-episode["length"] // every)
        low, high = np.zeros((steps, 2), np.float32), np.full((steps, 2), 0.5, np.float32)
        packed = np.tile(np.array([[51, 255, 204], [255, 255, 0]], np.uint8), (steps, 1, 1))
        at = np.array([0.0, 1.0, 2.0] if form == "shares" else [1 / 6, 0.5, 5 / 6], np.float32)
        shown = {"form": form, "every": every, "at": at, "kept": None, "low": low, "high": high, "packed": packed}
        episode["outlook"] = shown
    return data


DRAWN = f"{CARD} .decision-outlook"


@pytest.mark.parametrize("form", ["shares", "quantiles"])
def test_what_returns_are_expected_of_each_action_is_drawn_with_its_mean(open_page: Open, form: str) -> None:
    data = with_outlook(form)
    page = open_page(data, hash="t=4").page
    q = data["episodes"][data["labels"]["longest"]]["q"]["best"][4]
    said = page.locator(f"{DRAWN} figcaption").all_inner_texts()
    assert [numbers(each)[0] for each in said] == pytest.approx(q.tolist(), rel=1e-3)
    assert said[int(q.argmax())].startswith("▸ ")
    assert page.locator(f"{DRAWN} .spread-mean").count() == 2
    if form == "shares":  # 0.1, 0.5 and 0.4 of the first action
        heights = attributes(page, "rect", "height")
        assert [each / max(heights) for each in heights] == pytest.approx([0.2, 1, 0.8], abs=1e-3)
    else:
        x, y = (attributes(page, "circle", name) for name in ("cx", "cy"))
        assert x[1] > x[2] > x[0]
        assert y[0] - y[1] == pytest.approx(y[1] - y[2])


def attributes(page: Any, tag: str, name: str) -> list[float]:
    """Of the first action's picture."""
    script = f"all => all.map((each) => Number(each.getAttribute('{name}')))"
    return page.eval_on_selector_all(f"{DRAWN}[data-action='0'] {tag}", script)


def test_steps_between_those_that_were_kept_show_the_last_one_and_say_so(open_page: Open) -> None:
    page = open_page(with_outlook("shares", every=4), hash="t=6").page
    assert "As of step 4: to keep the page small, one in every 4 steps came along." in page.inner_text(CARD)
    said = page.locator(f"{DRAWN} figcaption").all_inner_texts()
    assert [numbers(each)[0] for each in said] == pytest.approx([1.3, 0.5])
    assert not [each for each in said if "▸" in each]
    assert "As of step" not in open_page(with_outlook("shares", every=4), hash="t=4").page.inner_text(CARD)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("lang", ["en", "zh-Hant"])
def test_distributions_fit_on_a_phone_in_both_languages(open_page: Open, lang: str, scheme: str) -> None:
    page = open_page(with_outlook("quantiles", 3), hash=f"lang={lang}&t=5", width=360, scheme=scheme).page
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.locator(f"{DRAWN} svg").count() == 2
    assert "{" not in page.inner_text(CARD)
    assert "decision." not in page.inner_text(CARD)


def test_a_head_of_one_number_has_no_distributions(open_page: Open) -> None:
    page = open_page(sample()).page
    assert page.locator(DRAWN).count() == 0
    assert "What returns" not in page.inner_text(CARD)


def test_an_agent_without_epsilon_is_asked_for_no_coin(open_page: Open) -> None:
    data = fixed(LEFT, LEFT, LEFT, 0.5)
    data["settings"] |= {"noisy": True, "soft": True, "epsilon": 0.0}
    said = open_page(data).page.locator(f"{CARD} .decision-wide").inner_text()
    assert "noise on the weights explored, and not random actions" in said
    assert "actions were drawn by their values" in said
    assert "epsilon" not in said


def test_soft_values_are_not_called_returns(open_page: Open) -> None:
    data = fixed(LEFT, LEFT, LEFT)
    assert "They are no returns." not in open_page(data).page.inner_text(CARD)
    data["settings"] |= {"lowers": 0.9, "raises": 0.02}
    assert "They are no returns." in open_page(data).page.inner_text(CARD)


def test_a_best_network_that_is_the_last_one_says_so(open_page: Open) -> None:
    data = sample()
    role = f"{CARD} [data-network=best] .muted"
    assert "scored highest" in open_page(data).page.locator(role).first.inner_text()
    for each in data["episodes"]:
        each["q"]["online"] = each["q"]["best"]
    assert "the same as the online one" in open_page(data).page.locator(role).first.inner_text()
