"""Whether what an environment draws can be filmed: a few pictures of random play, as a film would take them."""

import warnings
from contextlib import closing

import numpy as np

from ...config import Env
from ...envs.contract import TakenAs
from ...envs.frames import Camera, frame_rate, render_modes
from ...envs.make import EnvSpec
from ...envs.vector import SerialEnvs
from ...errors import DqnlabError, EnvironmentFault
from ...run.film import DRAWING_MODES, check_draws, open_shown, quiet_pygame
from .findings import Findings

PICTURES = 12
EPISODES = 2  # at the most, for pictures may differ from one to the next


def check_drawing(env: Env, spec: EnvSpec, found: Findings, rng: np.random.Generator) -> None:
    """Looks at shape, type, size and rate; what is wrong costs a run its film, and nothing else."""
    try:
        with quiet_pygame(), warnings.catch_warnings(), closing(open_shown(env)) as drawing:
            warnings.simplefilter("ignore", TakenAs)  # which is among the findings
            if not set(render_modes(drawing)) & set(DRAWING_MODES):
                return  # which the render modes, told among the facts, say
            check_draws(drawing, env)
            rate, camera = frame_rate(drawing, env.label), Camera(drawing, env.label)
            envs = SerialEnvs([drawing], spec, env.label, autoreset=False)
            height = width = 0  # the same of all
            for episode in range(EPISODES):
                envs.reset([episode])
                height, width = camera().shape[:2]
                for _ in range(PICTURES // EPISODES - 1):
                    step = envs.step(rng.integers(spec.num_actions, size=1))
                    camera()
                    if step.terminated[0] or step.truncated[0]:
                        break
        found.ok("drawing", f"pictures of {width} x {height} pixels, {rate:g} a second")
    except EnvironmentFault as e:
        found.warning("drawing", f"it cannot be filmed: {e}", "a run ends without its film, and says so")
    except DqnlabError as e:
        found.note("drawing", f"it cannot be filmed: {e}")
