"""Films and the live window, on CartPole and on small environments that draw single-coloured frames."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import imageio_ffmpeg
import numpy as np
import pytest
from gymnasium import spaces

from dqnlab.config import Config, Env
from dqnlab.envs.make import describe
from dqnlab.errors import ResourceError
from dqnlab.run.film import record, watch
from dqnlab.store.agent import Agent

from ..nets import mlp

FPS = 25
BRIGHTNESS = 5  # of a frame, per env step


class Lamp(gym.Env[Any, Any]):
    """Gets brighter with every step and burns out after 30; frame k has brightness 5 k."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": FPS}  # noqa: RUF012
    observation_space = spaces.Box(0, 1, (2,), np.float32)
    action_space = spaces.Discrete(2, start=1)
    open = 0  # lamps that are lit now, over all instances

    def __init__(self, render_mode: str | None = None):
        self.render_mode, self.steps = render_mode, 0
        Lamp.open += 1

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.steps = 0
        return np.zeros(2, np.float32), {}

    def step(self, action: int) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert action in (1, 2)
        self.steps += 1
        return np.zeros(2, np.float32), 1.0, self.steps == 30, False, {}

    def render(self) -> Any:
        return np.full((64, 64, 3), BRIGHTNESS * self.steps, np.uint8)

    def close(self) -> None:
        Lamp.open -= 1


class Breaking(Lamp):
    def step(self, action: int) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        raise RuntimeError("the wire is broken")


class Dark(Lamp):
    metadata = {"render_modes": []}  # noqa: RUF012


@pytest.fixture(autouse=True)
def no_lamp_burns_yet() -> None:
    Lamp.open = 0


def agent_on(env: str | Callable[..., Any], **settings: Any) -> Agent:
    config = Config(env=Env(id=env, **settings))
    spec = describe(config.env)
    network = mlp(spec.obs, spec.num_actions, (4, 4))
    return Agent(config, spec, network, config.env)


def length(film: Path) -> int:
    """How many env steps a film shows: a frame each, after the first state. rounding may cost the last one."""
    frames, _seconds = imageio_ffmpeg.count_frames_and_secs(str(film))
    return frames - 1


def pictures(film: Path, height: int, width: int) -> np.ndarray[Any, Any]:
    """Every frame, [N, height, width, 3]. Not by moviepy's reader, which leaves pipes open."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", str(film), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)


def test_each_episode_becomes_a_film_from_first_to_last_state(tmp_path: Path) -> None:
    films = record(agent_on(Lamp), tmp_path / "videos", episodes=2, max_seconds=30)
    assert [film.name for film in films] == ["episode-1.mp4", "episode-2.mp4"]
    assert sorted((tmp_path / "videos").iterdir()) == films
    for film in films:
        assert length(film) in (29, 30)
        shown = pictures(film, 64, 64)
        assert float(shown[0].mean()) < BRIGHTNESS
        assert float(shown[-1].mean()) > 27 * BRIGHTNESS


def test_film_is_cut_at_its_own_playing_time(tmp_path: Path) -> None:
    (film,) = record(agent_on(Lamp), tmp_path, episodes=1, max_seconds=0.6)
    frames, seconds = imageio_ffmpeg.count_frames_and_secs(str(film))
    assert frames / seconds == pytest.approx(FPS, rel=0.1)  # the film plays as fast as the environment says
    assert length(film) in (14, 15)


@pytest.mark.parametrize(("rate", "shown"), [(30, 31), (31, 16), (60, 16), (100, 9)])
def test_of_a_fast_environment_not_every_step_is_drawn_but_first_and_last_are(
    rate: int, shown: int, tmp_path: Path
) -> None:
    class Fast(Lamp):
        metadata = {"render_modes": ["rgb_array"], "render_fps": rate}  # noqa: RUF012
        drawn = 0

        def render(self) -> Any:
            Fast.drawn += 1
            return super().render()

    (film,) = record(agent_on(Fast), tmp_path, episodes=1, max_seconds=30)
    assert Fast.drawn == shown  # so slow drawing is spared too
    frames, seconds = imageio_ffmpeg.count_frames_and_secs(str(film))
    assert frames in (shown - 1, shown)
    assert seconds == pytest.approx(30 / rate, abs=2 / 25)  # it plays as fast as the environment says
    seen = pictures(film, 64, 64)
    assert float(seen[0].mean()) < BRIGHTNESS
    assert float(seen[-1].mean()) > 25 * BRIGHTNESS


def test_stacked_observations_reach_the_network_as_in_training(tmp_path: Path) -> None:
    (film,) = record(agent_on(Lamp, frame_stack=3), tmp_path, episodes=1, max_seconds=0.4)
    assert length(film) in (9, 10)


def test_cartpole_is_filmed_without_a_display(tmp_path: Path, no_display: None) -> None:
    (film,) = record(agent_on("CartPole-v1"), tmp_path, episodes=1, max_seconds=0.1)
    picture = pictures(film, 400, 600)[0]
    assert (picture > 240).mean() > 0.8  # white all around
    assert (picture[270:320].max(axis=2) < 40).sum() > 500  # a black cart


def test_films_that_exist_are_left_alone(tmp_path: Path) -> None:
    (first,) = record(agent_on(Lamp), tmp_path, episodes=1, max_seconds=0.1)
    before = first.read_bytes()
    (second,) = record(agent_on(Lamp), tmp_path, episodes=1, max_seconds=0.2)
    assert second.name == "episode-2.mp4"
    assert first.read_bytes() == before


def test_name_cannot_leave_the_folder(tmp_path: Path) -> None:
    (film,) = record(agent_on(Lamp), tmp_path / "videos", episodes=1, max_seconds=0.1, name="../a b:c")
    assert film == tmp_path / "videos" / "a-b-c-1.mp4"
    assert film.exists()


def test_broken_environment_is_closed_and_leaves_no_film(tmp_path: Path) -> None:
    agent = agent_on(Breaking)
    with pytest.raises(Exception, match="the wire is broken"):
        record(agent, tmp_path, episodes=1, max_seconds=1)
    assert list(tmp_path.glob("**/*.mp4")) == []
    assert Lamp.open == 0


def test_films_close_every_environment_they_make(tmp_path: Path) -> None:
    record(agent_on(Lamp), tmp_path, episodes=2, max_seconds=0.1)
    assert Lamp.open == 0


def test_nothing_is_printed_while_filming(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    record(agent_on(Lamp), tmp_path, episodes=1, max_seconds=0.1)
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("env", [Dark, "Dark", lambda: Lamp()], ids=["no such mode", "registered", "no argument"])
def test_environment_without_images_is_refused(env: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if env == "Dark":
        monkeypatch.setattr(gym.envs.registration, "registry", dict(gym.envs.registration.registry))
        gym.register("Dark", Dark)
    with pytest.raises(ResourceError, match="rgb_array"):
        record(agent_on(env), tmp_path / "videos", episodes=1, max_seconds=1)
    assert not (tmp_path / "videos").exists()


def test_missing_moviepy_names_the_command_that_installs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "moviepy", None)
    with pytest.raises(ResourceError, match="pip install"):
        record(agent_on(Lamp), tmp_path / "videos", episodes=1, max_seconds=1)
    assert not (tmp_path / "videos").exists()


def test_unwritable_film_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("moviepy.video.io.ffmpeg_writer.FFMPEG_VideoWriter.write_frame", full)
    with pytest.raises(ResourceError, match="No space left"):
        record(agent_on(Lamp), tmp_path / "videos", episodes=1, max_seconds=0.1)
    assert not (tmp_path / "videos").exists()  # a folder without a film would be listed as one with films
    assert Lamp.open == 0


# ── The window ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there is always a display")
def test_without_a_display_watching_points_to_recording(no_display: None) -> None:
    with pytest.raises(ResourceError, match=r"no display .* `dqn record RUN`"):
        watch(agent_on("CartPole-v1"), episodes=1)


def test_watching_yields_each_return(dummy_display: None) -> None:
    assert list(watch(agent_on("CartPole-v1", max_episode_steps=5), episodes=2)) == [5.0, 5.0]


def test_environment_that_only_draws_images_gets_a_window(dummy_display: None) -> None:
    import pygame

    playing = watch(agent_on(Lamp), episodes=2)
    assert next(playing) == 30.0
    assert pygame.display.get_surface().get_size() == (64, 64)
    playing.close()
    assert Lamp.open == 0


def test_closing_the_window_ends_watching(dummy_display: None) -> None:
    import pygame

    returns = []
    for ret in watch(agent_on(Lamp), episodes=100):
        returns.append(ret)
        pygame.event.post(pygame.event.Event(pygame.QUIT))
    assert returns == [30.0]
    assert Lamp.open == 0


def test_film_and_window_show_the_same_episode(tmp_path: Path, dummy_display: None) -> None:
    agent = agent_on("CartPole-v1")
    (ret,) = watch(agent, episodes=1, seed=7)
    (film,) = record(agent, tmp_path, episodes=1, max_seconds=30, seed=7)
    half = -(-ret // 2)  # a point per step, of which every second is drawn, and the last
    assert length(film) in (half - 1, half)
