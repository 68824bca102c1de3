"""Values of many actions: which of them a page holds."""

import numpy as np
import pytest

from dqnlab.explain.few import LISTED, MOST, few, telling
from dqnlab.explain.page import pack_for_page


def test_up_to_so_many_actions_are_all_kept() -> None:
    values = {"best": np.arange(MOST)[None].astype(np.float32), "online": None}
    assert telling(values) is None
    assert few(values) == values


def test_of_more_each_network_has_its_best_in_the_order_of_the_actions() -> None:
    rising = np.arange(100, dtype=np.float32)
    kept = telling({"best": rising, "online": None, "target": -rising})
    assert kept is not None
    assert kept.tolist() == [0, 1, 2, 3, 4, 5, 94, 95, 96, 97, 98, 99]


def test_the_best_is_kept_where_several_are_alike_and_where_some_are_forbidden() -> None:
    for q in (np.zeros(1_000), np.where(np.arange(1_000) == 700, 1.0, -np.inf), np.full(1_000, np.nan)):
        kept = telling({"q": q[None]})
        assert kept is not None
        assert q.argmax() in kept[0]


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_what_is_asked_for_is_kept_and_values_stay_beside_their_actions(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    q = rng.normal(size=(*shape, 50)).astype(np.float32)
    worst = q.argmin(-1)
    found = few({"q": q}, worst)["q"]
    assert (found["$"], found["of"], found["kept"].shape) == ("few", 50, (*shape, LISTED))
    assert (found["kept"] == worst[..., None]).any(-1).all()
    assert (found["kept"] == q.argmax(-1)[..., None]).any(-1).all()
    np.testing.assert_array_equal(found["values"], np.take_along_axis(q, found["kept"].astype(int), -1))
    assert pack_for_page(found)["values"]["$"] == "f32"
