"""Reading the files of a run's folder, which may come from anyone: nothing is trusted before it has been checked."""

from __future__ import annotations

import json
import math
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, TypeGuard

from ..encoding import decoded
from ..errors import FolderError, counted

SCHEMA = 1
MOST_NAMES = 4_096  # of inputs, or of actions
MOST_BYTES = 1 << 26  # of a text file; our own are far smaller
_LARGEST = 2**63
_DTYPES = {"float32", "uint8", "bool", "int64"}  # of stored observations
_ACTION_DTYPES = {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}


def seconds_taken(seconds: Mapping[str, float]) -> float:
    """All that a run took, by its seconds by phase: since it was taken up the last time, and before."""
    return seconds.get("total", 0.0) + seconds.get("earlier", 0.0)


def oddity(path: Path) -> str | None:
    """What is in the place of a plain file of a run's folder, as it follows the file's name; none if nothing odd is."""
    if path.is_symlink() and not path.exists():
        return "is a broken link: remove it"
    if path.is_symlink() and not path.resolve().is_relative_to(path.parent.resolve()):
        return "is a link out of the run's folder: copy the file it leads to if you trust it"
    if path.is_dir():
        return "is a folder where a file belongs: move it elsewhere"
    return "is a pipe or a device, not a file: remove it" if path.exists() and not path.is_file() else None


def open_plain(path: Path) -> BinaryIO:
    """Opens a file of a run's folder to read. Raises FolderError for a link out of it, and for whatever is no file.

    Nobody waits for a pipe, even if it took the file's place a moment ago.
    """
    if odd := oddity(path):
        raise FolderError(f"{str(path)!r} {odd}")
    try:
        file = os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)), "rb")
    except FileNotFoundError as e:
        raise FolderError(f"{str(path.parent)!r} is not a run: it has no {path.name}") from e
    except OSError as e:
        raise FolderError(f"{str(path)!r} cannot be read: {e.strerror or e}") from e
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise FolderError(f"{str(path)!r} is no longer a file: look at the folder")
    return file


def read_text(path: Path) -> str:
    """A text file of a run's folder. Raises FolderError."""
    with open_plain(path) as file:
        if (size := os.fstat(file.fileno()).st_size) > MOST_BYTES:
            raise FolderError(f"{str(path)!r} has {counted(size, 'byte')}: no file of a run is that large")
        try:
            return decoded(file.read())
        except OSError as e:
            raise FolderError(f"{str(path)!r} cannot be read: {e.strerror or e}") from e
        except ValueError as e:
            raise FolderError(f"{str(path)!r} {e}") from e


def read_json(path: Path) -> dict[str, Any]:
    """Reads a JSON file of a run. Raises FolderError if it is missing, damaged or of a newer schema."""
    text = read_text(path)
    try:
        content = json.loads(text)
    except ValueError as e:
        raise FolderError(f"{str(path)!r} cannot be read: {e}") from e
    except RecursionError as e:
        raise FolderError(f"{str(path)!r} is not a file of a dqnlab run: it is nested too deeply; move it away") from e
    if not isinstance(content, dict) or not is_count(content.get("schema")):
        raise FolderError(f"{str(path)!r} is not a file of a dqnlab run")
    if content["schema"] > SCHEMA:
        raise FolderError(f"{str(path)!r} has schema {content['schema']}; this dqnlab reads up to {SCHEMA}: update it")
    return content


def is_count(value: object) -> TypeGuard[int]:
    """Whether a value from a file is a whole number from 0 on, of a size that can be counted to."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LARGEST


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value from a file is a finite number of ordinary size."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) if isinstance(value, float) else abs(value) < _LARGEST


def check_result(result: Mapping[str, Any], path: Path) -> None:
    """Raises FolderError if what a table shows of a result.json has not the types that it should have."""
    score, seconds = result.get("score"), result.get("seconds")
    sound = {
        "env": isinstance(result.get("env"), str),
        "seed": is_count(result.get("seed")),
        "score": score is None or _is_score(score),
        "score_registered": result.get("score_registered") is None or _is_score(result["score_registered"]),
        "solved": result.get("solved") in (None, True, False),
        "env_steps": is_count(result.get("env_steps")),
        "updates": is_count(result.get("updates")),
        "seconds": _numbers(seconds, "total") and _are_numbers(seconds),
        "threshold": result.get("threshold") is None or is_number(result["threshold"]),
        "threshold_says": isinstance(result.get("threshold_says", ""), str),
        "notes": _texts(result.get("notes", [])),
        "inexact": isinstance(result.get("inexact", ""), str),
        "error": result.get("error") is None or isinstance(result["error"], str),
        "failed_steps": _texts(result.get("failed_steps", {})),  # unknown to earlier versions
        "unfinished": _texts(result.get("unfinished", [])),
        "imported": isinstance(result.get("imported", ""), str),
        "unknown": _texts(result.get("unknown", [])) and not isinstance(result.get("unknown"), dict),
    }
    _refuse(path, result, sound)


def read_env(path: Path) -> Mapping[str, Any]:
    """What a meta.json says of the environment. Raises FolderError if that cannot be."""
    about = read_json(path).get("env")
    if not isinstance(about, dict):
        raise FolderError(f"{str(path)!r} is damaged: it says nothing about the environment")
    shape, threshold = about.get("obs_shape"), about.get("reward_threshold")
    sound = {
        "obs_shape": isinstance(shape, list) and len(shape) <= 8 and all(map(is_count, shape)),
        "obs_dtype": isinstance(about.get("obs_dtype"), str) and about["obs_dtype"] in _DTYPES,
        "num_states": "num_states" in about and (about["num_states"] is None or is_count(about["num_states"])),
        "obs_scale": "obs_scale" not in about or (is_number(about["obs_scale"]) and about["obs_scale"] > 0),
        "obs_start": is_number(about.get("obs_start")),
        **dict.fromkeys(_wrong_of_row(about), False),
        "num_actions": is_count(about.get("num_actions")) and about["num_actions"] > 0,
        "action_start": is_number(about.get("action_start")),
        "action_dtype": str(about.get("action_dtype", "int64")) in _ACTION_DTYPES,  # unknown to earlier versions
        "picture": about.get("picture") is None or _is_picture(about["picture"]),
        "joint": about.get("joint") is None or _is_joint(about["joint"], about.get("num_actions")),
        "names": _are_names(about.get("names", {}), about),  # unknown to earlier versions
        "reward_threshold": threshold is None or is_number(threshold),
        "max_episode_steps": _is_limit(about.get("max_episode_steps")),
        "callable": isinstance(about.get("callable"), bool),
    }
    _refuse(path, about, sound)
    return about


def _wrong_of_row(about: Mapping[str, Any]) -> list[str]:
    """What of parts and a mask does not fill a row of the observation's shape, by name; nothing if there are none."""
    parts = about.get("obs_parts", [])
    mask = about.get("mask")
    num = about.get("num_actions")
    if (parts == [] and mask is None) or not is_count(num):
        return []
    if not isinstance(parts, list) or not all(isinstance(part, dict) and _is_part(part) for part in parts):
        return ["obs_parts"]
    ends = [0]
    for part in parts:
        ends.append(ends[-1] + math.prod(part["shape"]))
    if [part["start"] for part in parts] != ends[:-1]:
        return ["obs_parts"]
    if mask is not None and (isinstance(mask, bool) or mask != ends[-1]):
        return ["mask"]
    return [] if about.get("obs_shape") == [ends[-1] + (0 if mask is None else num)] else ["obs_shape"]


def _are_names(names: object, about: Mapping[str, Any]) -> bool:
    """Whether these are what an environment calls its actions and the numbers of a frame."""
    if not isinstance(names, dict) or not set(names) <= {"obs", "units", "actions"}:
        return False
    if not all(isinstance(each, list) and _texts(each) and len(each) <= MOST_NAMES for each in names.values()):
        return False
    return "actions" not in names or len(names["actions"]) == about.get("num_actions")


def _is_picture(shape: object) -> bool:
    return isinstance(shape, list) and len(shape) in (2, 3) and all(is_count(side) and side > 0 for side in shape)


def _is_joint(joint: object, num_actions: object) -> bool:
    """Whether these are the components of so many joint actions."""
    if not isinstance(joint, dict) or set(joint) != {"sizes", "starts", "shape"}:
        return False
    sizes, starts = joint["sizes"], joint["starts"]
    shape = joint["shape"]
    if not all(isinstance(each, list) and len(each) <= 2**16 for each in (sizes, starts, shape)):
        return False
    sound = all(is_count(each) for each in (*sizes, *shape)) and all(is_number(each) for each in starts)
    return (
        sound
        and all(isinstance(each, int) for each in starts)
        and len(sizes) == len(starts) == math.prod(shape)
        and math.prod(sizes) == num_actions
    )


def _is_part(part: Mapping[str, Any]) -> bool:
    path = part.get("path")
    shape = part.get("shape")
    states = part.get("num_states")
    sound = (
        isinstance(path, list) and all(isinstance(name, str) or is_count(name) for name in path),
        isinstance(shape, list) and len(shape) <= 8 and all(map(is_count, shape)),
        isinstance(part.get("dtype"), str) and part["dtype"] in _DTYPES,
        states is None or (is_count(states) and states > 0),
        is_number(part.get("lowest")) and is_number(part.get("scale")) and part["scale"] > 0,
        set(part) == {"path", "start", "shape", "dtype", "num_states", "lowest", "scale"},
    )
    return all(sound)


def read_trackers(path: Path) -> list[str]:
    """What a meta.json says of the run's trackers. Raises FolderError if that cannot be."""
    names = read_json(path).get("trackers")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise FolderError(f"{str(path)!r} is damaged: its trackers are {str(names)[:60]}")
    return names


def _is_limit(value: object) -> bool:
    """Whether it can be a step limit, which is stored in no array: whatever is registered, "never" included."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _numbers(table: object, *names: str) -> bool:
    return isinstance(table, dict) and all(is_number(table.get(name)) for name in names)


def _is_score(score: object) -> bool:
    if not isinstance(score, dict) or not _numbers(score, "mean") or not _interval(score):
        return False
    returns = score.get("returns")
    has_returns = isinstance(returns, list) and bool(returns) and all(map(is_number, returns))
    return has_returns and _are_numbers(score.get("info", {}))


def _are_numbers(table: object) -> bool:
    return isinstance(table, dict) and all(map(is_number, table.values()))


def _texts(values: object) -> bool:
    """Whether it is a list of texts, or a table of them."""
    if isinstance(values, dict):
        values = list(values.values())
    return isinstance(values, list) and all(isinstance(each, str) for each in values)


def _interval(score: Mapping[str, Any]) -> bool:
    """Whether there are both ends, or none."""
    return _numbers(score, "low", "high") or score.get("low", 0) is score.get("high", 0) is None


def _refuse(path: Path, values: Mapping[str, Any], sound: Mapping[str, bool]) -> None:
    wrong = next((name for name, ok in sound.items() if not ok), None)
    if wrong is not None:
        raise FolderError(f"{str(path)!r} is damaged: {wrong} cannot be {str(values.get(wrong))[:60]!r}")
