"""The module of an id such as `zoo:Lane-v0`: found, imported, and blamed by name if it does not register the id."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import sys
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType

import gymnasium as gym

from ..errors import ConfigError, DqnlabError, EnvironmentFault, named
from ..importing import import_here, path_of
from ..trust import imported_by
from .nearby import ids_of, nearby
from .place import named_with_place, place_of

# Packages that register environments when they are imported: how their ids begin, the module, what pip installs.
_PACKAGES = [
    (r"ALE/|\w+(NoFrameskip|Deterministic)-v\d|(Pong|Breakout|SpaceInvaders|Seaquest|Qbert)-v\d", "ale_py", "ale-py"),
    (r"MiniGrid-|BabyAI-", "minigrid", "minigrid"),
    (r"MinAtar/", "minatar.gym", "MinAtar"),
    (r"envpool:", "envpool", '"dqnlab[envpool]"'),
    (r"MiniWorld-", "miniworld", "miniworld"),
    (r"(highway|merge|roundabout|parking|intersection|racetrack|exit|u-turn)(-\w+)?-v\d", "highway_env", "highway-env"),
    (r"popgym-", "popgym", "popgym"),
    (r"procgen-", "procgen", "procgen"),
    (r"FlappyBird-", "flappy_bird_gymnasium", "flappy-bird-gymnasium"),
    (r"SuperMarioBros", "gym_super_mario_bros", "gym-super-mario-bros"),
    (r"Vizdoom", "vizdoom.gymnasium_wrapper", "vizdoom"),
    (r"PyFlyt/", "PyFlyt.gym_envs", "PyFlyt"),
    (r"(stocks|forex)-v\d", "gym_anytrading", "gym-anytrading"),
    (r"(minecart|deep-sea-treasure|four-room|resource-gathering)\w*-v\d", "mo_gymnasium", "mo-gymnasium"),
]  # fmt: skip
# What is missing, as a message names it, and dqnlab's own extra that brings it.
_EXTRAS = {"box2d": 'pip install "dqnlab[box2d]"', "tensorboard": 'pip install "dqnlab[tensorboard]"'}


# ── Importing ────────────────────────────────────────────────────────────────────────────────────


def import_named(env_id: str, what: str = "env") -> None:
    """Imports the module that an id names, if any. Callers that read the id from a file have asked `trust` before.

    A module that registers nothing by itself, but has a function `register_envs` for it (MinAtar's), has it called. One
    that is not installed is looked for in the current folder (`import_here`).

    Args:
        what: it is, in messages: an env, or a wrapper, which is named in the same way.

    Raises:
        ConfigError: what stands before the colon is not a module's name.
        EnvironmentFault: there is no such module, or importing it failed.
    """
    name = imported_by(env_id) if ":" in env_id else None
    is_env = what == "env"
    if name is None or (name in sys.modules and (not is_env or _is_registered(env_id))):
        return
    who = f"{what} {env_id!r}"
    _check_name(who, name, env_id)
    try:
        module = import_here(name)
        if is_env and hasattr(module, "register_envs") and not _is_registered(env_id):
            module.register_envs()
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise EnvironmentFault(_no_module(who, name)) from error
        raise EnvironmentFault(_failed(who, name, error)) from error
    except (Exception, SystemExit) as error:  # a module may raise anything, and may even end the program
        raise EnvironmentFault(_failed(who, name, error)) from error


def _is_registered(env_id: str) -> bool:
    return env_id.rpartition(":")[2] in gym.registry


def _check_name(who: str, name: str, env_id: str) -> None:
    if all(part.isidentifier() for part in name.split(".")) and not name.endswith(".py"):
        return
    stem = name.replace(os.sep, ".").replace("/", ".").removesuffix(".py").strip(".")
    better = all(part.isidentifier() for part in stem.split("."))
    hint = f": write {stem}:{env_id.rpartition(':')[2]}" if better else ""
    raise ConfigError(f"unknown {who}: {name!r} is not a module's name{hint}")


def _no_module(who: str, name: str) -> str:
    top = name.partition(".")[0]
    known = next((pip for _, module, pip in _PACKAGES if module.partition(".")[0] == top), None)
    if known is not None:
        return f"{who} needs a package that is not installed: pip install {known}"
    if (path := path_of(top)) is not None:
        return f"{who}: there is no module {name!r}; {top!r} is {path}"
    here = sorted({path.stem for path in Path().glob("*.py")} | {path.parent.name for path in Path().glob("*/*.py")})
    close = get_close_matches(top, here, n=1)
    hint = f"did you mean {close[0]}?" if close else "run dqn in the folder that holds it, or install it"
    return f"{who}: there is no module {name!r}, neither installed nor in {os.getcwd()!r}: {hint}"


def _failed(who: str, name: str, error: BaseException) -> str:
    """What a module says when it fails to import, with the line of its own that failed."""
    said = named(error)
    if isinstance(error, SyntaxError):
        return f"{who}: importing {name!r} failed at {error.filename}:{error.lineno}: SyntaxError: {error.msg}"
    where = place_of(error)
    place = "" if where is None else f" at {where[0]}:{where[1]}"
    hint = f": pip install {error.name}" if isinstance(error, ModuleNotFoundError) and error.name else ""
    return f"{who}: importing {name!r} failed{place}: {said}{hint}"


def missing(label: str, error: Exception) -> EnvironmentFault:
    """The error for an environment that failed to import a package while it was made."""
    extra = next((pip for name, pip in _EXTRAS.items() if name in str(error).lower()), None)
    if extra is not None:
        return EnvironmentFault(f"env {label!r} needs a package that is not installed: {extra}")
    if isinstance(error, gym.error.DependencyNotInstalled):
        return EnvironmentFault(f"env {label!r} needs a package that is not installed: {error}")
    hint = f": pip install {error.name}" if isinstance(error, ModuleNotFoundError) and error.name else ""
    return EnvironmentFault(f"env {label!r} could not be made: {named_with_place(error)}{hint}")


# ── What was not found ───────────────────────────────────────────────────────────────────────────


def not_registered(env_id: str, error: Exception) -> DqnlabError:
    """The error for an id that Gymnasium does not know: what its module registers, or the module that may register it.

    A package that is missing is an EnvironmentFault, a wrong id a ConfigError.
    """
    if env_id.endswith(".py") and ":" not in env_id:
        return _file_named(env_id)
    module = sys.modules.get(imported_by(env_id) or "") if ":" in env_id else None
    if module is not None:
        return ConfigError(f"unknown env {env_id!r}: {_not_by(module, env_id.rpartition(':')[2], error)}")
    if (near := nearby(env_id)) is not None:
        return ConfigError(f"unknown env {env_id!r}: {near}")
    found = [(module, pip) for pattern, module, pip in _PACKAGES if re.match(pattern, env_id)]
    if found:
        name, pip = found[0]
        if importlib.util.find_spec(name.partition(".")[0]) is None:
            return EnvironmentFault(f"unknown env {env_id!r}: pip install {pip}, then name its module: {name}:{env_id}")
        return ConfigError(f"unknown env {env_id!r}: name the module that registers it: {name}:{env_id}")
    if isinstance(error, gym.error.NamespaceNotFound):
        return EnvironmentFault(
            f"env {env_id!r}: {error} Install the package that registers it, and name its module before the id, "
            f"as in module:{env_id}"
        )
    if isinstance(error, gym.error.NameNotFound) and "Did you mean" not in str(error):
        return ConfigError(
            f"unknown env {env_id!r}: {error} If a module or package registers it, name that before the id, "
            f"as in module:{env_id}"
        )
    return ConfigError(f"unknown env {env_id!r}: {error}")


def _file_named(file: str) -> DqnlabError:
    """The error for a file that was named where an environment belongs: whoever names it has it imported."""
    module, path = imported_by(file) or "", Path(file)
    what = f"unknown env {file!r}: it is a file"
    if not path.is_file():
        return ConfigError(f"{what} that does not exist: name an environment's id, as in module:Id")
    if path.is_absolute() or not all(part.isidentifier() for part in module.split(".")):
        return ConfigError(f"{what}: run dqn in the folder that holds it, and name {path.stem}:Id")
    import_named(f"{module}:Id")
    top = module.partition(".")[0]  # a package registers what its modules define
    ids = [f"{name}:{each}" for name in dict.fromkeys((module, top)) for each in ids_of(name)]
    if not ids:
        line = f'gymnasium.register("Name-v0", entry_point="{module}:Name")'
        return ConfigError(f"{what} that registers no environment: add {line} at its end, then name {module}:Name-v0")
    return ConfigError(f"{what}: name what it registers, {' or '.join(ids[:12])}")


def _not_by(module: ModuleType, wanted: str, error: Exception) -> str:
    """What a module that was imported does instead of registering an id."""
    name, file = module.__name__, getattr(module, "__file__", None)
    if own := ids_of(name):
        close = get_close_matches(wanted, own, n=1, cutoff=0.5)
        return f"{name} registers {', '.join(sorted(own)[:12])}" + (f"; did you mean {close[0]}?" if close else "")
    here = Path(f"{name.partition('.')[0]}.py")
    if here.is_file() and (file is None or not here.samefile(file)):
        return f"Python's {name!r} is {file or 'built in'}, not the {here} in this folder: rename yours"
    base = wanted.rpartition("-v")[0] or wanted
    if isinstance(getattr(module, base, None), type):
        line = f'gymnasium.register("{base}-v0", entry_point="{name}:{base}")'
        return f"{name} has a class {base}, but does not register it: add {line} at its end"
    where = f" ({file})" if file else ""
    return f"{name} was imported{where}, but does not register it: {error}"
