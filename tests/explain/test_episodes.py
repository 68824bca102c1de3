"""What is recorded of episodes: what truly happened, the telling ones, within bounds."""

import base64
import io
import time
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from PIL import Image

from dqnlab.config import Env
from dqnlab.envs.make import describe, make_one
from dqnlab.envs.seeds import STREAMS
from dqnlab.explain.episodes import Limits, Networks, Recording, record_episodes
from dqnlab.explain.frames import FrameLimits, Strip, brightness, encode_strip, picture
from dqnlab.explain.world import Scene, look
from dqnlab.learn.policy import Reactive


class Counting(gym.Env[Any, Any]):
    """Shows [step, steps to come]; pays the action; the seed says how long it lasts. Drawn as bright as the step."""

    metadata = {"render_modes": ["rgb_array"]}  # noqa: RUF012
    action_space = spaces.Discrete(2)
    observation_space = spaces.Box(0, 1e6, (2,), np.float32)

    def __init__(self, length: int = 0, render_mode: str | None = None, broken: bool = False):
        self.length, self.render_mode, self.broken = length, render_mode, broken

    def look(self) -> Any:
        return np.array([self.now, self.last - self.now], np.float32)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.now, self.last = 0, self.length or 1 + (seed or 0) % 9
        return self.look(), {}

    def step(self, action: int) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.now += 1
        return self.look(), float(action), self.now == self.last, False, {}

    def render(self) -> Any:
        if self.broken:
            raise RuntimeError("no screen")
        return np.full((40, 600, 3), min(self.now, 255), np.uint8)


class Pixels(Counting):
    """The same as a picture of 30 × 20, which nobody else draws."""

    metadata = {"render_modes": []}  # noqa: RUF012
    observation_space = spaces.Box(0, 255, (30, 20), np.uint8)

    def look(self) -> Any:
        image = np.arange(600).reshape(30, 20) % 7 * 30
        image[0, 0] = self.now
        return image.astype(np.uint8)


def constant(*values: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda obs: np.tile(np.array(values, np.float32), (len(obs), 1))


def by_step(obs: np.ndarray) -> np.ndarray:
    """Prefers action 1 at odd steps; values tell the observation."""
    step = obs[:, 0]
    return np.stack([step % 2 * 0 + step, step + step % 2 - 0.5], 1).astype(np.float32)


def recorded(
    env: Env, best: Any = by_step, limits: Limits | None = None, seed: int = 0, middle: float | None = None
) -> Recording:
    spec = describe(env)
    networks = Networks(Reactive(best), Reactive(constant(3, 4)), None)
    return record_episodes(networks, Scene(env, spec, look(env, spec)), seed, limits or Limits(), middle)


COUNTING = Env(id=Counting, max_episode_steps=10**6)


def long(length: int, kind: type = Counting, **kwargs: Any) -> Env:
    return Env(id=kind, kwargs={"length": length, **kwargs}, max_episode_steps=10**6)


def test_each_row_is_the_moment_before_its_action() -> None:
    episode = recorded(long(5)).episodes[0]
    assert episode.obs is not None
    assert episode.obs[:, 0].tolist() == [0, 1, 2, 3, 4]
    assert episode.action.tolist() == [0, 1, 0, 1, 0]
    assert episode.reward.tolist() == [0, 1, 0, 1, 0]
    assert (episode.ret, episode.length, episode.ended) == (2.0, 5, "terminated")
    best, online = episode.q["best"], episode.q["online"]
    assert best is not None
    assert online is not None
    assert best[:, 0].tolist() == [0, 1, 2, 3, 4]
    assert online.tolist() == [[3, 4]] * 5
    assert episode.q["target"] is None


def test_the_usual_the_longest_the_worst_and_the_best_are_labelled_and_few_others_kept() -> None:
    rec = recorded(COUNTING, by_step)
    assert [e.length for e in rec.episodes] == [1 + e.seed % 9 for e in rec.episodes]
    assert len({e.seed for e in rec.episodes}) == 3 <= len(rec.episodes) <= 4
    lengths, returns = [e.length for e in rec.episodes], [e.ret for e in rec.episodes]
    assert lengths[rec.labels["longest"]] == max(lengths)
    assert returns[rec.labels["worst"]] == min(returns)
    assert returns[rec.labels["best"]] == max(returns)
    played = sorted(e.ret for e in recorded(COUNTING, by_step, Limits(kept=8)).episodes)
    assert returns[rec.labels["usual"]] == played[len(played) // 2]
    few = recorded(COUNTING, by_step, Limits(kept=0))
    assert len(few.episodes) == len(set(few.labels.values()))


def test_the_usual_episode_is_one_with_the_return_in_the_middle_of_the_score() -> None:
    returns = sorted({e.ret for e in recorded(COUNTING, by_step, Limits(kept=8)).episodes})
    for middle in (returns[0] - 5, returns[0], returns[1] + 0.1, returns[-1] + 5):
        rec = recorded(COUNTING, by_step, middle=middle)
        assert rec.episodes[rec.labels["usual"]].ret == min(returns, key=lambda each: abs(each - middle))


def test_others_go_when_the_bytes_are_short_and_the_labelled_stay() -> None:
    rec = recorded(COUNTING, by_step, Limits(size=1))
    assert len(rec.episodes) == len(set(rec.labels.values()))
    assert all(e.obs is not None for e in rec.episodes)


def test_observations_that_are_too_large_are_left_out_after_the_networks_saw_them() -> None:
    episode = recorded(long(5), limits=Limits(obs_size=10)).episodes[0]
    assert episode.obs is None
    assert episode.q["online"] is not None


def test_seeds_are_of_a_stream_of_their_own_and_play_the_same_episode_again() -> None:
    env = Env(max_episode_steps=20)
    one, again = recorded(env, constant(1, 0)), recorded(env, constant(1, 0))
    for a, b in zip(one.episodes, again.episodes, strict=True):
        np.testing.assert_array_equal(a.obs, b.obs)
        np.testing.assert_array_equal(a.coin, b.coin)
    assert {e.seed // 2**28 for e in one.episodes} == {STREAMS.index("explain")}
    assert {e.seed for e in one.episodes}.isdisjoint(e.seed for e in recorded(env, constant(1, 0), seed=1).episodes)
    first, _ = make_one(env).reset(seed=one.episodes[0].seed)
    assert one.episodes[0].obs is not None
    np.testing.assert_array_equal(one.episodes[0].obs[0], first)


def test_coins_are_fair_draws() -> None:
    coins = np.concatenate([e.coin for e in recorded(long(300)).episodes])
    assert coins.dtype == np.float32
    assert 0 <= coins.min() < 0.02 < 0.98 < coins.max() < 1


def test_the_state_of_the_physics_is_that_of_the_same_moment() -> None:
    episode = recorded(Env(max_episode_steps=8), constant(0, 1)).episodes[0]
    assert episode.state is not None
    assert episode.state.dtype == np.float64
    np.testing.assert_allclose(episode.state, episode.obs, rtol=1e-6)
    assert len(episode.state) == episode.length
    assert (episode.state.astype(np.float32) != episode.state).any()
    assert recorded(COUNTING).episodes[0].state is None


def test_an_episode_too_long_is_cut_and_says_so() -> None:
    episode = recorded(long(50), limits=Limits(steps=7)).episodes[0]
    assert (episode.length, episode.ended) == (7, "cut")
    assert recorded(Env(id=Counting, kwargs={"length": 9}, max_episode_steps=4)).episodes[0].ended == "truncated"


class Late(Counting):
    """The same after a pause, as on a busy machine."""

    def step(self, action: int) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        time.sleep(1.1 if self.now == 1 else 0)
        return super().step(action)


def test_how_much_is_recorded_does_not_depend_on_the_time_that_it_takes() -> None:
    rec = recorded(long(50, Late), limits=Limits(drawn=1))
    assert {(e.length, e.ended) for e in rec.episodes} == {(50, "terminated")}


def test_an_episode_of_the_usual_length_is_recorded_whole() -> None:
    episode = recorded(long(500), limits=Limits(drawn=1)).episodes[0]
    assert (episode.length, episode.ended) == (500, "terminated")


def test_large_observations_bound_the_steps() -> None:
    env = long(50, Pixels)
    rec = recorded(env, constant(0, 1), Limits(memory=4 * 600 * 10))
    assert {e.length for e in rec.episodes} == {10}


def opened(image: str) -> Any:
    assert image.startswith("data:image/webp;base64,")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(image.partition(",")[2]))))


def test_what_the_environment_draws_is_kept_evenly_in_few_small_images() -> None:
    limits = Limits(frames=FrameLimits(images=24, width=240))
    frames = recorded(long(100), limits=limits).episodes[0].frames
    assert frames is not None
    assert (frames.every, len(frames.images)) == (32, 4)  # at most 6 each of 4 episodes, halved until they fit
    assert (frames.width, frames.height) == (200, 14)
    for i, image in enumerate(frames.images):
        assert abs(float(opened(image).mean()) - i * frames.every) < 2


def test_an_observation_that_is_a_picture_is_the_image() -> None:
    frames = recorded(long(40, Pixels), constant(0, 1)).episodes[0].frames
    assert frames is not None
    assert (frames.every, frames.width, frames.height, len(frames.images)) == (1, 20, 30, 40)
    assert [int(opened(image)[0, 0, 0]) for image in frames.images[5:8]] == [5, 6, 7]  # exactly, for it is small


def test_images_go_until_the_bytes_fit() -> None:
    strip = Strip(FrameLimits(), 1)
    for level in range(8):
        strip.add(np.full((4, 4, 3), level, np.uint8))
    whole = encode_strip(strip, 10**6)
    assert whole is not None
    half = encode_strip(strip, sum(map(len, whole.images)) - 1)
    assert half is not None
    assert (half.every, half.images) == (2, whole.images[::2])
    assert encode_strip(strip, 10) is None


def test_an_environment_that_fails_to_draw_is_recorded_without_images() -> None:
    rec = recorded(long(5, broken=True))
    assert [e.frames for e in rec.episodes] == [None] * len(rec.episodes)


@pytest.mark.parametrize("image", [None, np.zeros((5, 4, 3), np.uint8)])
def test_without_one_picture_or_with_one_of_another_size_there_is_no_strip(image: Any) -> None:
    strip = Strip(FrameLimits(), 1)
    strip.add(np.zeros((4, 4, 3), np.uint8))
    strip.add(image)
    assert not strip.wants(0)
    assert encode_strip(strip, 10**6) is None


def test_pictures_come_with_channels_first_last_or_none() -> None:
    colours = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    np.testing.assert_array_equal(picture(colours, 0, 255), colours)
    np.testing.assert_array_equal(picture(np.ascontiguousarray(np.moveaxis(colours, -1, 0)), 0, 255), colours)
    gray = np.arange(8, dtype=np.uint8).reshape(2, 4)
    for frame in (gray, gray[None], gray[..., None]):
        np.testing.assert_array_equal(picture(frame, 0, 255), np.stack([gray] * 3, -1))


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8])
def test_channels_that_are_things_light_up_where_any_is(dtype: Any) -> None:
    things = np.zeros((5, 5, 4), dtype)
    things[1, 2, 3] = 1
    shown = picture(things, 0, 1)
    assert shown[1, 2].tolist() == [255, 255, 255]
    assert shown.sum() == 3 * 255


def test_boards_of_codes_are_shown_on_the_range_of_their_codes() -> None:
    seen = [np.array([[[0, 3], [3, 5]], [[0, 0], [0, 1]]], np.uint8), np.array([[[0, 2], [0, 0]]], np.uint8)]
    bright = brightness(seen, scale=1)
    assert picture(seen[0][0], *bright)[..., 0].tolist() == [[0, 153], [153, 255]]
    assert picture(seen[0][1], *bright)[..., 0].tolist() == [[0, 0], [0, 51]]  # a code looks the same in every picture
    assert brightness(seen, scale=255) == (0, 255)  # a dark picture stays dark
    assert brightness([*seen, np.full((1, 2, 2), 200, np.uint8)], scale=1) == (0, 255)


def test_data_are_named_as_the_page_reads_them() -> None:
    data = recorded(long(3)).episodes[0].data()
    assert {"seed", "return", "length", "ended", "obs", "action", "reward", "q", "coin", "state", "frames"} <= set(data)
    assert set(data["frames"]) == {"every", "width", "height", "images"}


def test_states_that_are_numbers_are_recorded_as_numbers() -> None:
    rec = recorded(Env(id="FrozenLake-v1", kwargs={"is_slippery": False}), constant(0, 0, 1, 0))
    obs = rec.episodes[0].obs
    assert obs is not None
    assert obs.dtype == np.int32
    assert obs[:3].tolist() == [0, 1, 2]
