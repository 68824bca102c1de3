"""Showing an agent playing: films as mp4 files, and a live window."""

import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import count, islice
from pathlib import Path
from typing import Annotated, Self

import gymnasium as gym
import numpy as np

from ..config import LONGEST_FILM, MOST_EPISODES, MOST_FILMS, Env, Seed
from ..config.checks import Between, Whole
from ..config.typed import door
from ..envs.display import has_display
from ..envs.frames import DEFAULT_FPS, Camera, announced, frame_rate, reduced, render_modes
from ..envs.make import AnyEnv, close, make_one
from ..envs.rollout import Watched, rollout
from ..envs.seeds import env_seeds
from ..envs.vector import SerialEnvs
from ..envs.watchdog import watched
from ..errors import ConfigError, EnvironmentFault, ResourceError
from ..store.agent import Agent
from ..store.door import add, aside, make_folder, sweep_films
from ..store.folder import safe_name

DRAWING_MODES = ("rgb_array", "rgb_array_list")
LARGEST = 1_920  # pixels of the longer side of a film; larger pictures are made smaller
SMOOTH = 30  # pictures per second that a film needs at most; drawing and encoding take longer than playing
SMALLEST = 64  # pixels of the shorter side; smaller pictures are made larger, each pixel a square


class NoDisplay(ResourceError):
    """There is nowhere to open a window."""

    def __init__(self, instead: str):
        super().__init__(f"no display to open a window on: use `{instead}`, which makes a film")


@door
def record(
    agent: Agent,
    folder: Path,
    *,
    episodes: Annotated[int, Whole(1, MOST_FILMS)],
    max_seconds: Annotated[float, Between(0, LONGEST_FILM, open_low=True)],
    seed: Seed = 0,
    name: str = "episode",
    begins: Callable[[], None] = lambda: None,
) -> list[Path]:
    """Films greedy episodes; returns the mp4 files `name-1.mp4`, `name-2.mp4` …, one per episode.

    An episode longer than `max_seconds` of playing time is cut there. Where a second has more than SMOOTH steps every
    second or third is shown, and the last. Files that exist are left alone: the numbers go on after them.

    Args:
        begins: called once, when the first picture is there: until then nobody knows whether one can be drawn.

    Raises:
        ResourceError: moviepy is missing, the environment draws no images, or a file cannot be written.
        EnvironmentFault: what it draws is no picture, or not one size, or its rate cannot be shown.
    """
    _require_moviepy()
    where = agent.env_config()
    try:
        sweep_films(folder)
        with watched(where.timeout), quiet_pygame(), closing(open_drawing(where)) as drawing, aside() as private:
            spec = agent.check_made(where, drawing)
            fps, camera = frame_rate(drawing, where.label), Camera(drawing, where.label)
            stride = max(1, math.ceil(fps / SMOOTH))
            steps = max(1, int(max_seconds * fps))
            envs = SerialEnvs([drawing], spec, where.label, autoreset=False)
            films: list[Path] = []
            for episode, start in enumerate(env_seeds(seed, "film", episodes), 1):
                with Reel(private / "film.mp4", fps / stride) as reel, envs.playing("filming", episode):
                    moments = count()

                    def look(reel: Reel = reel, moments: Iterator[int] = moments) -> None:  # all stands as `obs` says
                        if next(moments) % stride:
                            return
                        shot = camera()
                        if camera.taken == 1:
                            begins()
                        reel.add(shot)

                    for _ in islice(rollout(envs, Watched(agent.actor(), look), [start]), steps):
                        pass  # the reel holds what is to be seen
                    reel.add(camera())
                make_folder(folder)
                films.append(add(reel.path, folder, _names(name)))
                reel.path.unlink()
            return films
    except OSError as e:
        raise ResourceError(f"cannot write films to {str(folder)!r}: {e}") from e


class Reel:
    """An mp4 file that is written picture by picture; closed when left."""

    def __init__(self, path: Path, fps: float):
        from moviepy.video.io.ffmpeg_writer import FFMPEG_VideoWriter

        self.path = path
        self._fps = fps
        self._make = FFMPEG_VideoWriter
        self._writer: FFMPEG_VideoWriter | None = None  # once the size is known

    def __enter__(self) -> Self:
        return self

    def add(self, picture: np.ndarray) -> None:
        """One more picture [H, W, 3] uint8, of the size of the first. Raises OSError."""
        picture = playable(picture)
        if self._writer is None:
            self._writer = self._make(str(self.path), picture.shape[1::-1], self._fps, preset="veryfast")
        self._writer.write_frame(picture)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Raises OSError if the file has not become whole."""
        if self._writer is None:
            return
        process = self._writer.proc
        self._writer.close()
        if kind is None and process.returncode != 0:
            raise OSError(f"the encoder ended with code {process.returncode}: is the disk full?")


def playable(picture: np.ndarray) -> np.ndarray:
    """A picture [H, W, 3] in a size that players can show: even, and neither tiny nor huge."""
    height, width = picture.shape[:2]
    picture = reduced(picture, -(-max(height, width) // LARGEST))
    height, width = picture.shape[:2]
    factor = max(1, min(-(-SMALLEST // min(height, width)), LARGEST // max(height, width)))
    if factor > 1:
        picture = picture.repeat(factor, 0).repeat(factor, 1)
    height, width = picture.shape[:2]
    return np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


@door
def watch(agent: Agent, *, episodes: Annotated[int, Whole(1, MOST_EPISODES)], seed: Seed = 0) -> Iterator[float]:
    """Plays greedy episodes in a window; yields the return of each. Closing the window ends it.

    Raises:
        ResourceError: there is no display, or the environment draws no images.
    """
    where = agent.env_config()
    if not has_display():
        with watched(where.timeout), quiet_pygame():
            close(open_drawing(where), where.label)  # of one that draws nothing no film can be made instead
        raise NoDisplay("dqn record RUN")
    with watched(where.timeout), quiet_pygame():
        spec = agent.check_fits(where)  # which makes one, and closes it
        envs = SerialEnvs([_on_screen(where)], spec, where.label, autoreset=False)

    def play() -> Iterator[float]:
        with watched(where.timeout), closing(envs):
            for episode, start in enumerate(env_seeds(seed, "film", episodes), 1):
                ret = 0.0
                with envs.playing("showing", episode):
                    for step in rollout(envs, agent.actor(), [start]):
                        ret += float(step.reward[0])
                        if _window_closed():
                            return
                yield ret

    return play()


def open_drawing(where: Env) -> AnyEnv:
    """The environment with images as frames.

    Raises:
        ResourceError: it draws none.
        EnvironmentFault: it promises to, but cannot be made so.
    """
    made = open_shown(where)
    try:
        check_draws(made, where)
        return made
    except BaseException:
        close(made, where.label)
        raise


def check_draws(made: AnyEnv, where: Env) -> None:
    """Raises ResourceError if an environment gives no images as frames."""
    if made.render_mode not in DRAWING_MODES:
        raise ResourceError(
            f"env {where.label!r} draws no images: its render modes are {list(render_modes(made)) or 'none'}; a film "
            "needs 'rgb_array', in metadata['render_modes'] and as the argument render_mode"
        )


def open_shown(where: Env, modes: Sequence[str] = DRAWING_MODES) -> AnyEnv:
    """The environment with images as frames, in the first of these modes that it promises; else as in training.

    Where its class promises one, it is made only once.

    Raises:
        EnvironmentFault: it promises to draw, but cannot be made so.
    """
    promised = announced(where)
    mode = next((mode for mode in modes if mode in promised), None)
    if mode is None:
        made = make_one(where)
        promised = render_modes(made)
        mode = next((mode for mode in modes if mode in promised), None)
        if mode is None:
            return made
        close(made, where.label)
        del made
    try:
        return make_one(where, mode)
    except ConfigError as e:
        raise EnvironmentFault(
            f"env {where.label!r} announces the render mode {mode!r}, but cannot be made with it: {e}"
        ) from e


def _on_screen(where: Env) -> AnyEnv:
    """The environment in a window of its own, or else its images in one."""
    made = open_shown(where, ("human",))
    if made.render_mode == "human":
        return made
    close(made, where.label)
    del made
    drawing = open_drawing(where)
    drawing.metadata.setdefault("render_fps", DEFAULT_FPS)
    return gym.wrappers.HumanRendering(drawing)


def _names(name: str) -> Iterator[str]:
    return (f"{safe_name(name)}-{number}.mp4" for number in count(1))


def _require_moviepy() -> None:
    try:
        import moviepy  # noqa: F401
    except ImportError as e:
        raise ResourceError('films need the package moviepy: pip install "moviepy>=2.2"') from e


@contextmanager
def quiet_pygame() -> Iterator[None]:
    """Keeps pygame from greeting, and SDL from taking the signals or complaining that there is no display."""
    wanted = {"PYGAME_HIDE_SUPPORT_PROMPT": "1", "SDL_NO_SIGNAL_HANDLERS": "1"}
    wanted |= {} if has_display() else {"SDL_VIDEODRIVER": "dummy"}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _window_closed() -> bool:
    """Whether somebody clicked the window away: environments pump pygame's events but leave that one lying."""
    pygame = sys.modules.get("pygame")
    return pygame is not None and pygame.display.get_init() and pygame.event.peek(pygame.QUIT)
