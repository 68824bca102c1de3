"""Showing an agent at play: films as mp4 files, and a live window."""

import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count, islice
from pathlib import Path
from typing import Annotated

import gymnasium as gym

from ..checks import Between, Whole
from ..config import LONGEST_FILM, MOST_EPISODES, MOST_FILMS, Env, Seed
from ..errors import ResourceError
from ..typed import door
from .agent import Agent
from .envs import AnyEnv, close, make_one
from .folder import safe_name
from .rollout import rollout
from .saving.door import add, aside, make_folder, sweep_films
from .seeds import env_seeds
from .vector import SerialEnvs

DEFAULT_FPS = 30  # Gymnasium's own, for environments that name no speed


@door()
def record(
    agent: Agent,
    folder: Path,
    *,
    episodes: Annotated[int, Whole(1, MOST_FILMS)],
    max_seconds: Annotated[float, Between(0, LONGEST_FILM, open_low=True)],
    seed: Seed = 0,
    name: str = "episode",
) -> list[Path]:
    """Films greedy episodes; returns the mp4 files `name-1.mp4`, `name-2.mp4` …, one per episode.

    An episode longer than `max_seconds` of playing time is cut there. Files that exist are left alone:
    the numbers go on after them.

    Raises:
        ResourceError: moviepy is missing, the environment draws no images, or a file cannot be written.
    """
    _require_moviepy()
    where = agent.env_config()
    spec = agent.check_fits(where)
    try:
        sweep_films(folder)
        with quiet_pygame(), closing(_drawing(where)) as drawing, aside() as private:
            made = private / "episodes"  # which the recorder wants to make itself
            recorder = gym.wrappers.RecordVideo(
                drawing, str(made), episode_trigger=lambda _number: True, disable_logger=True
            )
            steps = max(1, int(max_seconds * recorder.frames_per_sec))
            envs = SerialEnvs([recorder], spec, where.label, autoreset=False)
            films: list[Path] = []
            try:
                for start in env_seeds(seed, "film", episodes):
                    for _ in islice(rollout(envs, agent.q_function, [start]), steps):
                        pass  # the recorder looks on
                    recorder.stop_recording()
                    make_folder(folder)
                    film = next(made.glob("*.mp4"))
                    films.append(add(film, folder, _names(name)))
                    film.unlink()
            finally:
                recorder.recorded_frames = []  # of an episode that failed; it would complain of them later
            return films
    except OSError as e:
        raise ResourceError(f"cannot write films to {str(folder)!r}: {e}") from e


@door()
def watch(agent: Agent, *, episodes: Annotated[int, Whole(1, MOST_EPISODES)], seed: Seed = 0) -> Iterator[float]:
    """Plays greedy episodes in a window; yields the return of each. Closing the window ends it.

    Raises:
        ResourceError: there is no display, or the environment draws no images.
    """
    _require_display()
    where = agent.env_config()
    spec = agent.check_fits(where)
    with quiet_pygame():
        envs = SerialEnvs([_on_screen(where)], spec, where.label, autoreset=False)

    def play() -> Iterator[float]:
        try:
            for start in env_seeds(seed, "film", episodes):
                ret = 0.0
                for step in rollout(envs, agent.q_function, [start]):
                    ret += float(step.reward[0])
                    if _window_closed():
                        return
                yield ret
        finally:
            envs.close()

    return play()


def _drawing(where: Env) -> AnyEnv:
    """The environment with images as frames."""
    modes = _render_modes(where)
    made = make_one(where, "rgb_array") if "rgb_array" in modes else make_one(where)
    if made.render_mode != "rgb_array":
        close(made, where.label)
        raise ResourceError(
            f"env {where.label!r} draws no images: its render modes are {modes or 'none'}; a film needs 'rgb_array', "
            "in metadata['render_modes'] and as the argument render_mode"
        )
    return made


def _on_screen(where: Env) -> AnyEnv:
    """The environment in a window of its own, or else its images in one."""
    if "human" in _render_modes(where):
        made = make_one(where, "human")
        if made.render_mode == "human":
            return made
        close(made, where.label)
    drawing = _drawing(where)
    drawing.metadata.setdefault("render_fps", DEFAULT_FPS)
    return gym.wrappers.HumanRendering(drawing)


def _render_modes(where: Env) -> list[str]:
    made = make_one(where)
    try:
        return list(made.metadata.get("render_modes", ()))
    finally:
        close(made, where.label)


def _names(name: str) -> Iterator[str]:
    return (f"{safe_name(name)}-{number}.mp4" for number in count(1))


def _require_moviepy() -> None:
    try:
        import moviepy  # noqa: F401
    except ImportError as e:
        raise ResourceError('films need the package moviepy: pip install "moviepy>=2.2"') from e


def _require_display() -> None:
    if not _has_display():
        raise ResourceError("no display to open a window on: use `dqn record RUN`, which makes a film")


@contextmanager
def quiet_pygame() -> Iterator[None]:
    """Keeps pygame from greeting, and SDL from complaining that there is no display to draw on."""
    wanted = {"PYGAME_HIDE_SUPPORT_PROMPT": "1"} | ({} if _has_display() else {"SDL_VIDEODRIVER": "dummy"})
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


def _has_display() -> bool:
    """Whether a window could be opened; only Linux can be without one."""
    names = ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")
    return not sys.platform.startswith("linux") or any(os.environ.get(name) for name in names)


def _window_closed() -> bool:
    """Whether somebody clicked the window away: environments pump pygame's events but leave that one lying."""
    pygame = sys.modules.get("pygame")
    return pygame is not None and pygame.display.get_init() and pygame.event.peek(pygame.QUIT)
