"""The wrappers that the settings put around an environment."""

import sys
from collections.abc import Callable
from typing import Any

import gymnasium as gym

from ..config import Env
from ..config.fields import nearest
from ..config.typed import label
from ..errors import ConfigError, DqnlabError, EnvironmentFault
from ..trust import wrapper_module
from .modules import import_named
from .place import named_with_place


def in_wrappers(env: Env, made: gym.Env[Any, Any]) -> gym.Env[Any, Any]:
    """The environment in its wrappers, the innermost first.

    Raises:
        ConfigError: one is not known, or makes something else than an environment.
        EnvironmentFault: its module cannot be imported, or it raised an error.
    """
    for each in env.wrappers:
        wrapper = _found(each) if isinstance(each, str) else each
        name = each if isinstance(each, str) else label(each)
        made = _wrapped(env, wrapper, name, made)
        if not isinstance(made, gym.Env):
            raise ConfigError(
                f"env {env.label!r}: the wrapper {name!r} made {type(made).__name__}, which is not a gymnasium.Env: "
                "return one"
            )
    return made


def _wrapped(env: Env, wrapper: Callable[..., Any], name: str, made: gym.Env[Any, Any]) -> Any:
    try:
        return wrapper(made)
    except (DqnlabError, KeyboardInterrupt):
        raise
    except BaseException as e:  # as an environment it may end the program, or worse
        wants_more = isinstance(e, TypeError) and "required" in str(e) and "argument" in str(e)
        advice = ": it is given the environment alone; pass the rest in a function of your own" if wants_more else ""
        raise EnvironmentFault(
            f"env {env.label!r} could not be made: the wrapper {name!r} raised {named_with_place(e)}{advice}"
        ) from e


def _found(text: str) -> Callable[..., Any]:
    """What `module:Wrapper` names. Its module is imported; whoever read it from a file has asked `trust` before."""
    module = wrapper_module(text)
    if not module:
        name = text.lstrip(":") or "Wrapper"
        raise ConfigError(
            f"env.wrappers: {text!r} names no module: write it as module:{name}, or, if it was made in Python, pass "
            "env=Env(id=…, wrappers=…) again"
        )
    import_named(text, "wrapper")
    name = text.rpartition(":")[2]
    found = getattr(sys.modules[module], name, None)
    if not callable(found):
        own = [each for each, value in vars(sys.modules[module]).items() if isinstance(value, type)]
        hint = nearest(name, own)
        raise ConfigError(f"env.wrappers: {module} has no wrapper {name!r}" + (f"; {hint}" if hint else ""))
    return found
