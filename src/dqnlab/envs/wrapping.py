"""The wrappers that the settings put around an environment."""

import sys
from collections.abc import Callable
from typing import Any

import gymnasium as gym

from ..config import Env
from ..config.fields import nearest
from ..config.typed import label
from ..errors import ConfigError
from ..trust import wrapper_module
from .modules import import_named


def in_wrappers(env: Env, made: gym.Env[Any, Any]) -> gym.Env[Any, Any]:
    """The environment in its wrappers, the innermost first.

    Raises:
        ConfigError: one is not known, or makes something else than an environment.
        EnvironmentFault: its module cannot be imported.
    """
    for each in env.wrappers:
        wrapper = _found(each) if isinstance(each, str) else each
        made = wrapper(made)
        if not isinstance(made, gym.Env):
            name = each if isinstance(each, str) else label(each)
            raise ConfigError(
                f"env {env.label!r}: the wrapper {name!r} made {type(made).__name__}, which is not a gymnasium.Env: "
                "return one"
            )
    return made


def _found(text: str) -> Callable[..., Any]:
    """What `module:Wrapper` names. Its module is imported; whoever read it from a file has asked `trust` before."""
    module = wrapper_module(text)
    if not module:
        raise ConfigError(
            f"env.wrappers: {text!r} names no module: write it as module:{text}, or, if it was made in Python, pass "
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
