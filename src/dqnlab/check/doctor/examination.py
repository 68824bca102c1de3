"""Examines an environment before anyone trains on it, and says what training would be like."""

import time
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any

import numpy as np

from ...config import MOST_PROBED, Config, Env, Film
from ...config.checks import Between, Whole
from ...config.presets import Planned, plan
from ...config.typed import door
from ...envs.contract import TakenAs
from ...envs.copying import unstacked
from ...envs.frames import render_modes
from ...envs.guard import Guarded
from ...envs.make import AnyEnv, EnvSpec, close_all, described, make_one, tried
from ...envs.place import named_with_place
from ...envs.state import saves_itself
from ...envs.watchdog import watched
from ...errors import ConfigError, DqnlabError, ResourceError, SpaceError, counted, one_line
from ...settle import settle_env
from .closing import close_told
from .diagnosis import add_conclusions
from .drawing import check_drawing
from .findings import EnvFacts, EnvFinding, Findings
from .forecast import Forecast, describe_training, measure, with_times
from .random_play import Play, RunningRange, Timed, play_at_random
from .repeat import check_repeats

Notify = Callable[[str], None]
SHOWN = 16  # dimensions of an observation that are told one by one


@dataclass(frozen=True)
class Examination:
    """All that an examination came to."""

    env: str
    findings: tuple[EnvFinding, ...]
    """the most important first"""
    facts: EnvFacts | None
    """none if the environment cannot be made or used at all"""
    forecast: Forecast | None
    exit_code: int
    """of the first error: 2 if dqnlab does not support it, 3 if it is broken, 5 if memory is short; 0 if none"""

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers and words, for JSON."""
        return asdict(self)


@door
def examine(
    what: Planned,
    *,
    steps: Annotated[int, Whole(1, MOST_PROBED)] = 2_000,
    seconds: Annotated[float, Between(0, 3600, open_low=True)] = 5.0,
    notify: Notify = lambda line: None,
) -> Examination:
    """Plays an environment at random and looks at everything that it does. Whatever it raises is a finding.

    Args:
        what: the run that is planned, or only its environment, which then gets the preset that suits it.
        steps, seconds: how long to play at random, whichever is over first.
        notify: told what is being done.

    Raises:
        ConfigError: there is no such environment, or it does not take these arguments.
    """
    config = plan(what)
    with watched(config.env.timeout):
        return _examine(config, (steps, seconds), notify)


def _examine(config: Config, most: tuple[int, float], notify: Notify) -> Examination:
    found, label = Findings(), config.env.label
    opened: list[Guarded] = []
    with ExitStack() as stack:
        stack.enter_context(watched(config.env.timeout))
        stack.callback(close_all, opened, label)
        notify(f"making {label}")
        told = _open(config.env, found, opened)
        if told is None:
            return Examination(label, found.sorted(), None, None, found.exit_code)
        spec, seconds = told
        config = replace(config, env=settle_env(config.env, spec))
        frames = spec  # single ones are looked at, for a stack would hide what becomes of them
        if config.env.frame_stack > 1:
            frames = described(replace(config.env, frame_stack=1), unstacked(opened[0]))
        facts = _facts(spec, frames, opened[0], seconds)
        play = _examine_play(config, frames, opened, found, most, notify)
        facts = _with_play(facts, play)
        close_told(opened, found)
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore", TakenAs)  # it is among the findings by now
        if found.exit_code == 0:
            notify("drawing a few pictures")
            check_drawing(config.env, spec, found, np.random.default_rng(config.seed))
        add_conclusions(facts, play, frames, config, found)
        forecast = _forecast(config, spec, facts, found, notify)
        return Examination(label, found.sorted(), facts, forecast, found.exit_code)


def _open(env: Env, found: Findings, opened: list[Guarded]) -> tuple[EnvSpec, float] | None:
    """Puts two copies of the environment into `opened`, one if there may be no more, and describes it.

    Returns also how many seconds it takes to make one; None if that fails or its spaces are not supported.
    """
    try:
        seconds = [_open_one(env, opened)]
        spec = tried(env, opened[0])
        if saves_itself(opened[0]):  # which was tried, so that it is not as new any more
            close_told([opened.pop()], found)
            seconds.append(_open_one(env, opened))
        if env.copies != 1:
            seconds.append(_open_one(env, opened))
    except ConfigError as e:
        if not opened and not isinstance(e, SpaceError):
            raise
        found.error("spaces", str(e), code=e.exit_code)
        return None
    except (Exception, SystemExit) as e:  # games with a window of their own may end the program
        advice = "a run has several copies at a time: for acting, for judging and for films" if opened else ""
        found.error("make", str(e) if isinstance(e, DqnlabError) else f"making it raised {named_with_place(e)}", advice)
        return None
    found.ok("spaces", f"{_line(opened[0].action_space)} and {_line(opened[0].observation_space)}")
    if spec.joint is not None:
        first, last = spec.action_text(0), spec.action_text(spec.num_actions - 1)
        found.ok("actions", f"{counted(spec.num_actions, 'joint action')}, from {first} to {last}")
    return spec, min(seconds)  # the first may have imported what it needs


def _open_one(env: Env, opened: list[Guarded]) -> float:
    """Puts a copy into `opened`; returns how many seconds it took to make it."""
    begun = time.perf_counter()
    opened.append(make_one(env))
    return time.perf_counter() - begun


def _facts(spec: EnvSpec, frames: EnvSpec, made: AnyEnv, seconds: float) -> EnvFacts:
    return EnvFacts(
        observation_space=_line(made.observation_space),
        whole=np.dtype(made.observation_space.dtype).kind in "iu",
        action_space=_line(made.action_space),
        step_limit=spec.max_episode_steps,
        own_limit=not spec.own_limit,
        render_modes=render_modes(made),
        numbers=_called(frames),
        unknown_layer=spec.unsaved,
        seconds_to_make=seconds,
    )


def _called(frames: EnvSpec) -> tuple[str, ...]:
    """What the numbers of an observation are called by its metadata, else by its parts; () if by neither."""
    parts, given = tuple(name for part in frames.obs.parts for name in part.numbers), frames.names.obs
    places = parts or tuple(f"obs[{i}]" for i in range(len(given)))
    return (*(name or place for name, place in zip(given, places, strict=False)), *places[len(given) :])


def _examine_play(
    config: Config, frames: EnvSpec, opened: list[Guarded], found: Findings, most: tuple[int, float], notify: Notify
) -> Play:
    """Plays, then repeats."""
    pair = [unstacked(each) for each in opened]
    contract = Timed(frames, pair[0].observation_space, found)
    rng = np.random.default_rng(config.seed)
    notify(f"playing at random, {counted(most[0], 'step')} or {most[1]:g} s")
    play = play_at_random(pair[0], contract, rng, *most)
    if found.exit_code == 0:
        notify("playing the same episodes again")
        check_repeats(pair, contract, found, rng)
    return play


def _forecast(config: Config, spec: EnvSpec, facts: EnvFacts, found: Findings, notify: Notify) -> Forecast | None:
    """What training would be like; without times if the environment is broken."""
    try:
        forecast = describe_training(config, spec)
        if found.exit_code:
            return forecast
        notify("timing a few steps and updates")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # all that training says of the environment is among the findings
            costs = measure(config)
    except (ResourceError, ConfigError) as e:
        found.error("memory" if isinstance(e, ResourceError) else "settings", str(e), code=e.exit_code)
        return None
    except (Exception, SystemExit) as e:  # the environment's doing: it has been stepped for a while
        found.error("step", str(e) if isinstance(e, DqnlabError) else f"in training it raised {named_with_place(e)}")
        return None
    length = facts.lengths.get("mean", float(facts.step_limit))
    costs = costs._replace(make=facts.seconds_to_make, cuts=facts.unknown_layer is not None)
    shown = config if facts.draws else replace(config, film=Film(episodes=0))
    return with_times(forecast, shown, costs, length, facts.longest)


# ── Numbers as they are told ─────────────────────────────────────────────────────────────────────


def _with_play(facts: EnvFacts, play: Play) -> EnvFacts:
    return replace(
        facts,
        steps=play.steps,
        episodes=len(play.returns),
        terminated=play.terminated,
        truncated=play.truncated,
        returns=_spread(play.returns),
        lengths=_spread(play.lengths),
        rewards=next(iter(_ranges(play.rewards)), {}),
        observations=_ranges(play.observations),
        microseconds_per_step=play.microseconds_per_step,
        microseconds_per_reset=play.microseconds_per_reset,
    )


def _line(space: object) -> str:
    """A space as one line."""
    return one_line(str(space))


def _spread(values: list[float] | list[int]) -> dict[str, float]:
    if not values:
        return {}
    return {"mean": float(np.mean(values)), "low": float(min(values)), "high": float(max(values))}


def _ranges(seen: RunningRange) -> tuple[dict[str, float], ...]:
    """Of each dimension; one for all where there are many."""
    if seen.count == 0:
        return ()
    low = seen.low
    high = seen.high
    mean = seen.mean
    std = seen.std
    if len(low) > SHOWN:
        std = np.sqrt([np.mean(std**2 + (mean - mean.mean()) ** 2)])
        low = low.min(keepdims=True)
        high = high.max(keepdims=True)
        mean = mean.mean(keepdims=True)
    rows = zip(low, high, mean, std, strict=True)
    return tuple(dict(zip(("low", "high", "mean", "std"), map(float, row), strict=True)) for row in rows)
