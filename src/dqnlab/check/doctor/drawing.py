"""Whether what an environment draws can be filmed: a few pictures of random play, as a film would take them."""

import warnings
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from ...config import Env
from ...envs.contract import TakenAs
from ...envs.frames import Camera, frame_rate, render_modes
from ...envs.guard import Guarded, guarded
from ...envs.make import EnvSpec
from ...envs.vector import SerialEnvs
from ...errors import DqnlabError, EnvironmentFault
from ...run.film import DRAWING_MODES, check_draws, open_shown, quiet_pygame
from .closing import close_told
from .findings import Findings

T = TypeVar("T")

PICTURES = 12
EPISODES = 2  # at the most, for pictures may differ from one to the next


def check_drawing(env: Env, spec: EnvSpec, found: Findings, rng: np.random.Generator) -> None:
    """Looks at shape, type, size and rate; what is wrong there costs a run its film, and nothing else.

    An environment that fails to reset or to step meanwhile fails in training too: that is an error.
    """
    opened: list[Guarded] = []
    playing = _Playing(found)
    try:
        with quiet_pygame(), warnings.catch_warnings():
            warnings.simplefilter("ignore", TakenAs)  # which is among the findings
            opened.append(guarded(open_shown(env), env.label))
            _draw(opened[0], env, spec, playing, rng)
    except _Stopped:
        pass  # it is a finding already
    except EnvironmentFault as e:
        found.warning("drawing", f"it cannot be filmed: {e}", "a run ends without its film, and says so")
    except DqnlabError as e:
        found.note("drawing", f"it cannot be filmed: {e}")
    finally:
        close_told(opened, found)


class _Stopped(Exception):
    """The environment can be played no longer."""


class _Playing:
    """Calls that have nothing to do with drawing; what they raise is an error of its own."""

    def __init__(self, found: Findings):
        self.found = found

    def __call__(self, check: str, call: Callable[[], T]) -> T:
        """What `call`, a "reset" or a "step", gives. Raises _Stopped after an error is told."""
        try:
            return call()
        except EnvironmentFault as e:
            self.found.error(check, str(e), "reproduce it with the environment alone, then fix it")
            raise _Stopped from e


def _draw(drawing: Guarded, env: Env, spec: EnvSpec, playing: _Playing, rng: np.random.Generator) -> None:
    """A few pictures of random play. Raises EnvironmentFault and others for what cannot be shown, and _Stopped."""
    if not set(render_modes(drawing)) & set(DRAWING_MODES):
        return  # which the render modes, told among the facts, say
    check_draws(drawing, env)
    rate, camera = frame_rate(drawing, env.label), Camera(drawing, env.label)
    envs = SerialEnvs([drawing], spec, env.label, autoreset=False)
    height = width = 0  # the same of all
    for episode in range(EPISODES):
        obs = playing("reset", lambda seed=episode: envs.reset([seed]))
        height, width = camera().shape[:2]
        for _ in range(PICTURES // EPISODES - 1):
            action = spec.any_actions(obs, rng)
            step = playing("step", lambda action=action: envs.step(action))
            camera()
            obs = step.next_obs
            if step.terminated[0] or step.truncated[0]:
                break
    playing.found.ok("drawing", f"pictures of {width} x {height} pixels, {rate:g} a second")
