"""Inside the network: attributions as Python has them, sums that add up, dead units, keys."""

import re
from typing import Any

import numpy as np
import pytest
import torch

from dqnlab.explain.page import pack_for_page
from dqnlab.explain.seen import obs_data
from dqnlab.learn.types import NOTHING, ObsSpec

from ..nets import mlp
from .attribution import attribution
from .conftest import Open
from .odd import MASKED, MIXED, observations
from .playing import at_numbers, until
from .sample import layers, network, sample

VIEW = "#inside > .view"
ATTRIBUTE = """(() => {
  const { unpack, row } = modules["core/codec.js"];
  const { makeNetwork } = modules["net/network.js"];
  const { features, maskOf } = modules["net/features.js"];
  const net = makeNetwork(unpack(argument.net));
  const [obs, baseline] = [unpack(argument.obs), unpack(argument.baseline).data];
  return Array.from({ length: obs.shape[0] }, (_, i) => {
    const seen = row(obs, i);
    const found = m.attribute(net, features(argument.spec, seen), baseline, maskOf(argument.spec, seen));
    return { ...found, parts: Array.from(found.parts) };
  });
})()"""


@pytest.fixture(name="open_page")
def open_at_numbers(open_page: Open) -> Open:
    return at_numbers(open_page)


def shown(text: str) -> list[float]:
    return [float(each) for each in re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", text)]


@pytest.mark.parametrize(
    ("spec", "hidden"),
    [
        (ObsSpec((4,), np.dtype(np.float32)), (64, 64)),
        (ObsSpec((12,), np.dtype(np.float32)), (32,)),
        (ObsSpec((), np.dtype(np.int64), 16), (16, 16)),
        (ObsSpec((3, 3), np.dtype(np.uint8)), (16,)),
        (MASKED, (16,)),
        (MIXED, (32, 16)),
    ],
)
def test_attributions_in_the_page_are_pythons(open_page: Open, spec: ObsSpec, hidden: tuple[int, ...]) -> None:
    net = mlp(spec, 3, hidden, 3).requires_grad_(False)
    for linear in net.linears():
        linear.weight.mul_(2)
    obs = observations(spec, 20, 16)
    size = net.linears()[0].in_features
    baseline = np.random.default_rng(0).random(size).astype(np.float32)
    expected = attribution(net, obs, baseline)
    seen = obs.astype(np.int32) if spec.num_states else spec.in_env_numbers(obs)
    argument: dict[str, Any] = {
        "net": pack_for_page(layers(net)),
        "obs": pack_for_page(seen.reshape(20, -1)),
        "baseline": pack_for_page(baseline),
        "spec": obs_data(spec, []),
    }
    found = open_page(sample()).module("net/attribution.js", ATTRIBUTE, argument)
    assert np.abs(expected.parts).max() > 0.1
    assert np.abs(np.array([each["parts"] for each in found]) - expected.parts).max() <= 1e-4
    for name, theirs in {"gap": "gap", "baseline_gap": "baselineGap", "residual": "residual"}.items():
        assert [each[theirs] for each in found] == pytest.approx(getattr(expected, name).tolist(), abs=1e-4)
    assert [[each["best"], each["second"]] for each in found] == np.stack([expected.best, expected.second], 1).tolist()


def test_the_bars_say_which_inputs_mattered_and_that_nothing_is_missing(open_page: Open) -> None:
    data = sample()
    expected = attribution(network(0), data["episodes"][1]["obs"][5:6], data["baseline"])
    page = open_page(data, hash="ep=1&t=5").page
    written = page.locator(f"{VIEW} .inside-mattered .bar .number").all_inner_texts()
    assert [float(each) for each in written] == pytest.approx(expected.parts[0].tolist(), rel=1e-2, abs=1e-6)
    complete = shown(page.locator(f"{VIEW} .inside-mattered p").nth(2).inner_text())
    change = float(expected.gap[0] - expected.baseline_gap[0])
    assert complete[:3] == [
        pytest.approx(float(expected.parts.sum()), rel=1e-3),
        pytest.approx(change, rel=1e-3),
        256,
    ]
    assert complete[0] - complete[1] == pytest.approx(complete[3], abs=2e-4 * abs(change))


def test_of_many_inputs_those_that_hardly_matter_are_folded_away(open_page: Open) -> None:
    opened = open_page(sample())
    given = [[0.01] * 4, [-4.0, 0.01, 3.0, *[0.01] * 8, 2.0], [1.0] * 14, [0.0] * 9]
    fold = "argument.map((parts) => Object.values(m.folded(Float64Array.from(parts))))"
    few, one_hot, equal, nothing = opened.module("net/attribution.js", fold, given)
    assert few == [[0, 1, 2, 3], [], 0]
    assert one_hot == [[0, 2, 11], [1, *range(3, 11)], pytest.approx(0.09 / 9.09)]
    assert equal == [[*range(12)], [12, 13], pytest.approx(2 / 14)]
    assert nothing[2] == 0


@pytest.mark.parametrize(("layer", "unit"), [(0, 5), (1, 3), (2, 1)])
def test_a_units_sum_adds_up_to_what_pytorch_computes(open_page: Open, layer: int, unit: int) -> None:
    data = sample()
    page = open_page(data, hash=f"ep=0&t=2&inside.unit={layer}.{unit}").page
    rows = page.locator(f"{VIEW} .inside-detail tbody tr")
    numbers = [[float(each) for each in rows.nth(i).locator("td").all_inner_texts()] for i in range(rows.count())]
    terms, sums = [row for row in numbers if len(row) == 3], [row[0] for row in numbers if len(row) == 1]
    assert [x * w for x, w, _ in terms] == pytest.approx([product for _, _, product in terms], rel=1e-3, abs=1e-6)
    assert [abs(product) for *_, product in terms] == sorted((abs(product) for *_, product in terms), reverse=True)
    x = torch.from_numpy(data["episodes"][0]["obs"][2])
    for linear in network(0).linears()[:layer]:
        x = linear(x).relu()
    linear = network(0).linears()[layer]
    expected = linear(x)[unit].item()
    beside = len(linear.weight[unit]) > 8  # eight terms are written out, the rest is summed up
    assert len(terms) == min(len(linear.weight[unit]), 8)
    assert sum(product for *_, product in terms) + sum(sums[: 1 + beside]) == pytest.approx(expected, abs=1e-4)
    assert sums[1 + beside] == pytest.approx(expected, abs=1e-4)
    assert sums[2 + beside :] == ([pytest.approx(max(expected, 0), abs=1e-4)] if layer < 2 else [])


def test_a_dead_unit_is_marked_and_counted(open_page: Open) -> None:
    net = network(0)
    for linear, dead in zip(net.linears(), (2, 1), strict=False):
        linear.bias[:dead] = -100
    page = open_page(
        sample(networks={"best": layers(net), "online": None, "target": None}), hash="inside.unit=0.1"
    ).page
    marked = page.eval_on_selector_all(f"{VIEW} .dead", "nodes => nodes.map((node) => node.dataset.unit)")
    assert {"0.0", "0.1", "1.0"} <= set(marked)
    notes = page.locator(f"{VIEW} .inside-layer p").all_inner_texts()
    for layer in (0, 1):
        count = sum(unit.startswith(f"{layer}.") for unit in marked)
        assert f"Silent: {count} of 16" in notes[layer]
    assert "This unit is silent" in page.inner_text(f"{VIEW} .inside-detail")
    assert page.get_attribute(f"{VIEW} [data-unit='0.1']", "aria-label") == "unit 1 = 0 (silent)"


def test_dead_means_zero_on_all_recorded_observations(open_page: Open) -> None:
    data = sample()
    obs = torch.from_numpy(np.concatenate([each["obs"] for each in data["episodes"]]))
    expected = []
    for layer, out in enumerate(network(0).torso.activations(obs, NOTHING)):
        expected += [f"{layer}.{unit}" for unit in torch.nonzero((out == 0).all(0)).flatten().tolist()]
    page = open_page(data).page
    assert page.eval_on_selector_all(f"{VIEW} .dead", "nodes => nodes.map((node) => node.dataset.unit)") == expected
    assert (
        f"zero at all {len(obs)} recorded steps looked at" in page.locator(f"{VIEW} .inside-layer p").first.inner_text()
    )


def test_arrow_keys_walk_among_the_units_and_the_address_remembers_the_last(open_page: Open) -> None:
    page = open_page(sample()).page
    assert page.locator(f"{VIEW} [data-unit][tabindex='0']").count() == 1  # Tab enters once
    page.focus(f"{VIEW} [data-unit][tabindex='0']")
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft"):
        page.keyboard.press(key)
    assert page.evaluate("document.activeElement.dataset.unit") == "1.1"
    assert "inside.unit=1.1" in page.evaluate("location.hash")
    assert "“unit 1” (Layer 2)" in page.inner_text(f"{VIEW} .inside-detail")
    for _ in range(3):
        page.keyboard.press("ArrowUp")
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    assert page.evaluate("document.activeElement.dataset.unit") == "0.0"  # the edges hold


def test_pointing_at_a_unit_shows_it_and_leaves_the_address_alone(open_page: Open) -> None:
    page = open_page(sample(), hash="t=1").page
    page.hover(f"{VIEW} [data-unit='0.7']")
    assert "“unit 7” (Layer 1)" in page.inner_text(f"{VIEW} .inside-detail")
    assert page.evaluate("location.hash") == "#level=numbers&t=1"


def test_units_follow_the_moment(open_page: Open) -> None:
    opened = open_page(sample(), hash="ep=0&t=0&inside.unit=2.0")
    before = opened.page.inner_text(f"{VIEW} .inside-detail"), opened.page.inner_text(f"{VIEW} .inside-mattered")
    opened.page.evaluate("location.hash = 'level=numbers&ep=0&t=6&inside.unit=2.0'")
    for part, text in zip(("inside-detail", "inside-mattered"), before, strict=True):
        until(opened, f"document.querySelector('{VIEW} .{part}').innerText !== {text!r}")


def test_a_hostile_address_chooses_no_unit(open_page: Open) -> None:
    for unit in ("9.0", "0.9999", "__proto__", "1.-1"):
        page = open_page(sample(), hash=f"inside.unit={unit}").page
        assert page.locator(f"{VIEW} .chosen").count() == 0
        assert "(Q-values)" in page.inner_text(f"{VIEW} .inside-detail")


def test_what_cannot_be_opened_says_why(open_page: Open) -> None:
    none = {"best": None, "online": None, "target": None}
    assert "too large" in open_page(sample(networks=none, closed="closed_large")).page.inner_text(VIEW)
    assert "No episode" in open_page(sample(episodes=[])).page.inner_text(VIEW)
