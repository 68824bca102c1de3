"""The drawings of known worlds, and the clock that plays an episode."""

from typing import Any

import numpy as np

from .conftest import Open, Opened
from .sample import sample

LANDER = {
    "kind": "lunarlander",
    "params": {
        **{"VIEWPORT_W": 600, "VIEWPORT_H": 400, "SCALE": 30, "LEG_DOWN": 18, "fps": 50},
        "outline": [[-14, 17], [-17, 0], [-17, -10], [17, -10], [17, 0], [14, 17]],
    },
}
PAINTED = """([world, state, options]) => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [300, 200];
  m.draw(canvas.getContext("2d"), world, state, { width: 300, height: 200, ...options });
  return canvas.toDataURL();
}"""


def painted(opened: Opened, world: Any, state: list[float], **options: Any) -> str:
    return opened.module("world/drawings.js", f"({PAINTED})(argument)", [world, state, options])


def test_the_lander_shows_its_flame_its_feet_and_its_ground(open_page: Open) -> None:
    opened = open_page(sample())
    high = [0.1, 0.5, 0, 0, 0.1, 0, 0, 0]
    pictures = [
        painted(opened, LANDER, high),
        *(painted(opened, LANDER, high, action=action) for action in (1, 2, 3)),
        painted(opened, LANDER, [*high[:6], 1, 0]),
        painted(opened, LANDER, high, terrain=[[0, 5], [10, 1], [20, 5]]),
    ]
    assert len(set(pictures)) == len(pictures)
    assert painted(opened, LANDER, high, action=0) == pictures[0]


def test_a_drawing_takes_states_observations_and_stacks_alike(open_page: Open) -> None:
    opened = open_page(sample())
    angles, speeds = [0.4, -2.0], [0.5, -1.5]
    shown = [np.cos(0.4), np.sin(0.4), np.cos(-2.0), np.sin(-2.0), *speeds]

    def pose(kind: str, state: list[float]) -> list[float]:
        return opened.module("world/drawings.js", "m.pose(argument[0], argument[1])", [kind, state])

    assert pose("acrobot", [*angles, *speeds]) == [*angles, *speeds]
    np.testing.assert_allclose(pose("acrobot", [float(x) for x in [*shown, *shown]]), [*angles, *speeds])
    assert pose("cartpole", [9, 9, 9, 9, 1, 2, 3, 4]) == [1, 2, 3, 4]
    assert pose("mountaincar", [9, 9, 1, 2]) == [1, 2]


CART = """([world, state]) => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [288, 200];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  m.draw(context, world, state, { width: 288, height: 200 });
  return [-2, -1, 0, 1, 2].map((x) => context.getImageData(144 + 50 * x, 143, 1, 1).data[3] > 0);
}"""


def test_the_cart_stands_where_the_state_says(open_page: Open) -> None:
    opened, world = open_page(sample()), sample()["world"]  # 50 pixels are a metre, 143 the height of the cart
    for x in (-2, -1, 0, 1, 2):
        shown = opened.module("world/drawings.js", f"({CART})(argument)", [world, [x, 0, 0, 0]])
        assert shown == [x == each for each in (-2, -1, 0, 1, 2)]


def test_the_pole_leans_and_the_push_is_shown(open_page: Open) -> None:
    opened, world = open_page(sample()), sample()["world"]
    still, leaning = painted(opened, world, [1.0, 0, 0, 0]), painted(opened, world, [1.0, 0, 0.1, 0])
    left, right = (painted(opened, world, [1.0, 0, 0, 0], action=action) for action in (0, 1))
    assert len({still, leaning, left, right}) == 4


CLOCK = """(calm) => {
  const shown = [], shared = [];
  const player = new m.Player((t) => shown.push(t), (t) => shared.push(t));
  [player.last, player.pace, player.calm] = [100, 50, calm];
  player.play();
  for (let now = 0; now <= 1000; now += 20) player.tick(now);
  player.pause();
  return { shown, shared, t: player.t };
}"""


def test_the_clock_takes_as_many_steps_as_the_pace_says_and_shares_each(open_page: Open) -> None:
    opened = open_page(sample())
    ran = opened.module("world/player.js", f"({CLOCK})(argument)", False)
    assert ran["t"] == 50
    assert ran["shown"] == list(range(1, 51))
    assert ran["shared"] == [*ran["shown"], 50]


def test_less_motion_means_few_pictures_but_the_same_pace(open_page: Open) -> None:
    ran = open_page(sample()).module("world/player.js", f"({CLOCK})(argument)", True)
    assert ran["shown"] == [25, 50]
