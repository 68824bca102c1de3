"""Observations with a mask, and of parts of several kinds: What if, Maps and Inside run the network on them."""

import re
from typing import Any

import numpy as np
import pytest
import torch

from dqnlab.explain.seen import obs_data
from dqnlab.learn.types import ObsPart, ObsSpec

from .conftest import Open
from .odd import BYTES, FLOAT, MASKED, MIXED, NUMBERED, STATE, networks_of, observations, page_of
from .playing import at_numbers
from .test_whatif import drag

LEFT_OUT = "Actions that are forbidden at this moment are left out."
NAMES = ["place[0]", "place[1]", "job", "codes[0, 0]", "codes[0, 1]", "codes[1, 0]", "codes[1, 1]", "night[0]"]
NAMES += ["night[1]", "shift"]
SPEC: dict[str, Any] = {
    "num_states": None,
    "mask": 6,
    "parts": [
        {"start": 0, "size": 2, "num_states": None, "lowest": 0, "scale": 1, "dtype": "float32"},
        {"start": 2, "size": 2, "num_states": 3, "lowest": 5, "scale": 1, "dtype": "int64"},
        {"start": 4, "size": 2, "num_states": None, "lowest": 0, "scale": 4, "dtype": "uint8"},
    ],
}


@pytest.fixture(name="open_page")
def open_at_numbers(open_page: Open) -> Open:
    return at_numbers(open_page)


def asked(spec: ObsSpec, shown: np.ndarray, name: str = "best") -> np.ndarray:
    """What a network of the page says to an observation as it is shown."""
    obs = spec.in_own_numbers(shown[None]).astype(np.float32)
    return networks_of(spec, 3)[name].q_values(torch.from_numpy(obs)).numpy()[0]


def said(texts: list[str]) -> list[float]:
    """Values of actions as they are written, -inf of those that are forbidden."""
    return [-np.inf if each == "forbidden" else float(each) for each in texts]


# ── How an observation becomes features ─────────────────────────────────────────────────────────


def test_parts_follow_one_another_states_one_hot_numbers_divided_and_the_mask_left_out(open_page: Open) -> None:
    opened = open_page(page_of(MASKED, 3))
    seen = [0.5, -2, 5, 7, 8, 2, 1, 0, 1]
    got = opened.module("net/features.js", "Array.from(m.features(...argument))", [SPEC, seen])
    assert got == [0.5, -2, 1, 0, 0, 0, 0, 1, 2, 0.5]
    assert opened.module("net/features.js", "m.maskOf(...argument)", [SPEC, seen]) == [1, 0, 1]
    assert opened.module("net/features.js", "m.masked([3, 9, 4], [1, 0, 1])") == [3, -np.inf, 4]


def test_every_feature_is_known_by_its_place_and_every_place_by_its_feature(open_page: Open) -> None:
    opened = open_page(page_of(MASKED, 3))
    origins = opened.module("net/features.js", "Array.from({ length: 10 }, (_, i) => m.originOf(argument, i))", SPEC)
    assert [each["place"] for each in origins] == [0, 1, 2, 2, 2, 3, 3, 3, 4, 5]
    assert [each["state"] for each in origins] == [None, None, 5, 6, 7, 5, 6, 7, None, None]
    places = "Array.from({ length: 6 }, (_, i) => m.featureOf(argument, i))"
    assert opened.module("net/features.js", places, SPEC) == [0, 1, 2, 5, 8, 9]


# ── The three sections ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("spec", [MASKED, MIXED], ids=["mask", "parts"])
def test_sliders_are_answered_as_pytorch_does_among_the_actions_that_are_allowed(
    open_page: Open, spec: ObsSpec
) -> None:
    data = page_of(spec, 3)
    opened = open_page(data, hash="t=3")
    values = opened.page.locator("#whatif .whatif-values .number")
    obs = data["episodes"][0]["obs"][3].copy()
    np.testing.assert_allclose(said(values.all_inner_texts()), asked(spec, obs), rtol=1e-3)
    assert values.all_inner_texts().count("forbidden") == 1
    assert LEFT_OUT in opened.page.inner_text("#whatif")
    assert opened.page.locator("#whatif input[type=range]").count() == spec.mask
    for place, value in {MASKED: [(2, 0.5)], MIXED: [(2, 7), (3, 4), (9, 1), (0, 0.25)]}[spec]:
        drag(opened, place, value)
        obs[place] = float(opened.page.locator(f"#whatif [data-input='{place}']").input_value())  # the nearest step
        assert obs[place] == pytest.approx(value, abs=0.03)
        np.testing.assert_allclose(said(values.all_inner_texts()), asked(spec, obs), rtol=2e-3)
    chosen = int(np.argmax(asked(spec, obs)))
    assert f"“a{chosen}”" in opened.page.inner_text("#whatif .whatif-said")
    assert opened.page.locator("#whatif .whatif-key").count() == 2  # lines of those that are allowed


def test_each_part_has_sliders_of_its_own_kind(open_page: Open) -> None:
    opened = open_page(page_of(MIXED, 3))
    sliders = opened.page.locator("#whatif input[type=range]")
    found = {
        each.get_attribute("aria-label"): tuple(each.get_attribute(name) for name in ("min", "max", "step"))
        for each in sliders.all()
    }
    assert sorted(found) == sorted(NAMES)
    assert (found["job"], found["shift"], found["night[1]"]) == (("5", "7", "1"), ("0", "3", "1"), ("0", "1", "1"))
    assert found["codes[0, 1]"][2] == "1"
    assert float(found["place[0]"][2] or 0) < 0.1
    drag(opened, 2, 6)
    curve = opened.page.locator("#whatif .whatif-curve")
    assert (curve.locator(".line").count(), curve.locator(".dot").count()) == (0, 2 * 3)  # nothing between two states


def test_a_range_that_happens_to_be_of_200_is_not_one_of_whole_numbers(open_page: Open) -> None:
    data = page_of(MASKED, 3)
    data["inputs"][0] |= {"low": 0.0, "high": 200.0}
    opened = open_page(data, hash="whatif.x=12.25,0,0,0&whatif.i=0")
    assert opened.page.locator("#whatif label:has([data-input='0']) output").inner_text() == "12.3"


@pytest.mark.parametrize("spec", [MASKED, MIXED], ids=["mask", "parts"])
def test_maps_hold_what_pytorch_says_of_numbers_among_the_actions_that_are_allowed(
    open_page: Open, spec: ObsSpec
) -> None:
    data = page_of(spec, 3)
    x, y = {MASKED: (3, 1), MIXED: (5, 0)}[spec]  # one of the parts' is divided by 9
    opened = open_page(data, hash=f"t=3&map.x={x}&map.y={y}")
    view = opened.page.locator("#maps > .view")
    numbers = {MASKED: [0, 1, 2, 3], MIXED: [0, 1, 3, 4, 5, 6, 7, 8]}[spec]
    options = view.locator("[data-key='map.x'] option")
    assert [int(each.get_attribute("value") or -1) for each in options.all()] == numbers
    assert LEFT_OUT in view.inner_text()
    assert view.locator("[data-map=policy] .maps-legend").inner_text().count("forbidden") == 1
    forbidden = int(np.argmin(data["episodes"][0]["obs"][3][-3:]))
    assert f"a{forbidden} forbidden" in view.locator("[data-map=policy] .maps-legend").inner_text()
    names = [data["inputs"][place]["name"] for place in (x, y)]
    for where in ({"x": 150, "y": 60}, {"x": 240, "y": 120}):
        opened.page.hover("#maps [data-map=value] canvas", position=where)
        text = view.locator(".maps-readout").inner_text()
        found = re.fullmatch(
            rf"{re.escape(names[0])} (\S+), {re.escape(names[1])} (\S+): a(\d), worth (\S+), gap .*", text
        )
        assert found, text
        obs = data["episodes"][0]["obs"][3].copy()
        obs[x], obs[y] = float(found[1]), float(found[2])
        q = asked(spec, obs)
        assert int(found[3]) == q.argmax() != forbidden
        assert float(found[4]) == pytest.approx(q.max(), abs=0.03)  # a point is as wide as the finest map
    if spec is MIXED:
        assert "job = " in view.locator(".maps-held").inner_text()
        assert "allowed" not in view.locator(".maps-held").inner_text()


@pytest.mark.parametrize("spec", [MASKED, MIXED], ids=["mask", "parts"])
def test_inside_says_what_pytorch_says_and_which_actions_are_forbidden(open_page: Open, spec: ObsSpec) -> None:
    data = page_of(spec, 3)
    opened = open_page(data, hash="t=3&inside.unit=0.2")
    view = opened.page.locator("#inside > .view")
    texts = [each.split()[1] for each in view.locator(".inside-output").all_inner_texts()]
    np.testing.assert_allclose(said(texts), data["episodes"][0]["q"]["best"][3], rtol=1e-3)
    assert LEFT_OUT in view.inner_text()
    width = networks_of(spec, 3)["best"].linears()[0].in_features
    titles = [
        each.get_attribute("title") or "" for each in view.locator(".inside-cells >> nth=0").locator("span").all()
    ]
    assert len(titles) == width
    if spec is MIXED:
        job = int(data["episodes"][0]["obs"][3][2])
        assert titles[2:5] == [f"job {'=' if state == job else '≠'} {state}" for state in (5, 6, 7)]
        assert "job = " in view.locator(".inside-detail").inner_text()
    first, second = np.argsort(-data["episodes"][0]["q"]["best"][3], kind="stable")[:2]
    assert f"Why is “a{first}” worth" in view.locator(".inside-mattered").inner_text()
    assert f"more than “a{second}”" in view.locator(".inside-mattered").inner_text()


def test_play_shows_no_mask_among_what_the_network_sees(open_page: Open) -> None:
    page = open_page(page_of(MASKED, 3)).page
    assert page.locator("#world .reading-name").all_inner_texts() == [f"obs[{i}]" for i in range(4)]
    assert page.locator("#world .readings-rest").count() == 0


def test_one_state_with_a_mask_has_the_map_of_all_states(open_page: Open) -> None:
    data = page_of(NUMBERED, 3)
    seen = data["episodes"][0]["obs"]
    opened = open_page(data, hash="t=3")
    view, page = opened.page.locator("#maps > .view"), opened.page
    assert view.locator("select").count() == 0
    assert LEFT_OUT in view.inner_text()
    side = page.evaluate("document.querySelector('#maps canvas').clientWidth") / 4

    def square(state: int) -> dict[str, float]:
        return {"x": ((state - 3) % 4 + 0.5) * side, "y": ((state - 3) // 4 + 0.5) * side}

    for state in (3, 9, 18):
        page.hover("#maps [data-map=value] canvas", position=square(state))
        q = asked(NUMBERED, np.array([state, *seen[3, 1:]], np.float32))
        text = view.locator(".maps-readout").inner_text()
        found = re.fullmatch(rf"state {state}: a(\d), worth (\S+), gap .*", text)
        assert found, text
        assert int(found[1]) == q.argmax()
        assert float(found[2]) == pytest.approx(q.max(), rel=1e-3)
    page.click("#maps [data-map=policy] canvas", position=square(int(seen[7, 0])))
    assert seen[int(re.findall(r"t=(\d+)", page.evaluate("location.hash"))[-1]), 0] == seen[7, 0]
    assert page.locator("#whatif input[type=range]").get_attribute("aria-label") == "state number"
    assert page.locator("#whatif input[type=range]").get_attribute("max") == "18"
    assert f"state {int(seen[7, 0])}" in page.inner_text("#inside .inside-mattered")


def test_where_one_action_is_allowed_nothing_is_compared(open_page: Open) -> None:
    data = page_of(MASKED, 3)
    obs = data["episodes"][0]["obs"]
    obs[:, 4:] = [0, 1, 0]
    data["episodes"][0]["action"][:] = 1
    data["episodes"][0]["q"] = {
        name: net.q_values(torch.from_numpy(obs)).numpy() for name, net in networks_of(MASKED, 3).items()
    }
    page = open_page(data, hash="t=3").page
    for view in ("#whatif .whatif-said", "#inside .inside-mattered"):
        assert "Only “a1” is allowed here." in page.inner_text(view)
    assert "a1 100 %" in page.inner_text("#maps .maps-legend >> nth=0")
    assert "∞" not in page.inner_text("main")
    assert "NaN" not in page.inner_text("main")


def test_the_sentence_stands_in_every_language_and_only_where_there_is_a_mask(open_page: Open) -> None:
    for language, text in {
        "zh-Hant": "這一刻不允許的動作不列入考慮。",
        "zh-Hans": "这一刻不允许的动作不列入考虑。",
    }.items():
        page = open_page(page_of(MASKED, 3), hash=f"lang={language}").page
        assert all(text in page.inner_text(f"#{view}") for view in ("whatif", "maps", "inside"))
    assert LEFT_OUT not in open_page(page_of(ObsSpec((4,), FLOAT), 3)).page.inner_text("main")


def test_what_has_no_two_numbers_has_no_map_and_says_so(open_page: Open) -> None:
    job, shift = ObsPart(("job",), 0, (), STATE, 3), ObsPart(("shift",), 1, (), STATE, 4)
    load = ObsPart(("load",), 2, (), FLOAT)
    texts = []
    for parts in ((job, shift), (job, shift, load)):
        spec = ObsSpec((len(parts) + 3,), FLOAT, parts=parts, mask=len(parts))
        page = open_page(page_of(spec, 3)).page
        texts.append(page.inner_text("#maps > .view"))
        assert page.locator("#whatif input[type=range]").count() == len(parts)
        assert page.locator("#inside .inside-output").count() == 3
    assert texts[0] == "An observation is several state numbers at once, which no plane can show."
    assert texts[1] == "Besides states, the network sees only one number; a map needs two."


def test_pixels_are_no_axes_where_two_other_numbers_are(open_page: Open) -> None:
    view, speed = ObsPart(("view",), 0, (12, 12), BYTES), ObsPart(("speed",), 144, (2,), FLOAT)
    spec = ObsSpec((146,), FLOAT, parts=(view, speed))
    data = page_of(spec, 3)
    data["obs"] |= obs_data(spec, [observations(spec, 5)])
    page = open_page(data).page
    options = page.locator("#maps [data-key='map.x'] option").all_inner_texts()
    assert options == ["speed[0]", "speed[1]"]
