"""What the last word of an unfinished command line may become: commands, flags, kinds, presets, environments, runs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Literal, get_args, get_origin

from ..config import presets
from ..config.fields import choices, tagged
from ..store.find import called, is_seed, run_folders
from ..store.label import LATEST
from .aliases import CHOOSING, FLAGS, SWITCHES
from .flags import Flag, dashed, flags_in, flags_of, takes_settings

_PLAIN = re.compile(r"[\w.:/@%+,=-]+")
"""what no shell takes for anything but text: a completion is typed, and run with what it holds"""
_CONTINUOUS = "gymnasium.envs.mujoco"
_EVERYWHERE = ("--help", "--debug")


def completions(kinds: dict[str, type], first: Iterable[str], words: Sequence[str]) -> list[str]:
    """What the last of the words that follow `dqn` may become; nothing where a file is wanted, or anything else.

    Args:
        kinds: the dataclass of each command.
        first: what the first word may be.
    """
    *before, last = words or ("",)
    kind = kinds.get(before[0]) if before else None
    if not before:
        found = iter(first)
    elif kind is None or "--" in before:
        found = iter(())
    elif (flag := _flag(kind, before[-1])) is not None and flag.hint is not bool:
        found = _values(flag, before)
    elif last.startswith("-") and "=" in last:
        name, _, _ = last.partition("=")
        flag = _flag(kind, name)
        found = (f"{name}={value}" for value in (_values(flag, before) if flag else ()))
    elif last.startswith("-"):
        found = _flags(kind)
    else:
        found = _bare(kind, before)
    return [each for each in dict.fromkeys(found) if each.startswith(last) and _PLAIN.fullmatch(each)]


def _flag(kind: type, word: str) -> Flag | None:
    """The flag that a word is, by any of its names; none if it is none, or has its value with it."""
    if not word.startswith("--") or "=" in word:
        return None
    name = word[2:].replace("-", "_")
    if takes_settings(kind):
        name = FLAGS.get(name, CHOOSING.get(name, ("", name))[1])
    return flags_of(kind).get(name)


def _flags(kind: type) -> Iterator[str]:
    """Every flag of a command, by every name."""
    flags = flags_of(kind)
    yield from map(dashed, flags)
    yield from _EVERYWHERE
    if takes_settings(kind):
        yield from (dashed(f"no_{flag.name}") for flag in flags.values() if flag.hint is bool and flag.is_setting)
        yield from (dashed(each) for each, meant in FLAGS.items() if meant in flags)
        yield from map(dashed, [*SWITCHES, *CHOOSING])


def _bare(kind: type, before: Sequence[str]) -> Iterator[str]:
    """What may stand by itself: a run, an environment, a choice of kind."""
    named = next((flag for flag in flags_in(kind, is_setting=False) if flag.is_bare), None)
    if named is not None:
        yield from _values(named, before)
    if takes_settings(kind):
        yield from (f"{name}:{each}" for name in tagged() for each in choices(name))


def _values(flag: Flag, before: Sequence[str]) -> Iterator[str]:
    """The values that a flag or bare word may have, as far as they can be listed."""
    if get_origin(flag.item) is Literal:
        yield from get_args(flag.item)
    elif flag.field in ("preset", "presets") or (flag.is_bare and flag.field == "name"):
        yield from presets.names()
    elif flag.name in ("env", "env.id"):
        yield from _environments()
    if flag.name in ("run", "init.source") or (flag.is_bare and flag.is_list and flag.name == "env"):
        yield from _runs(_folder(before))


def _folder(before: Sequence[str]) -> Path:
    """Where runs are looked up."""
    after = [word for flag, word in pairwise(before) if flag == "--runs"]
    inline = [word.removeprefix("--runs=") for word in before if word.startswith("--runs=")]
    return Path([*after, *inline, "runs"][0]).expanduser()


def _runs(folder: Path) -> Iterator[str]:
    """What runs and groups of seeds are called, and each seed behind its group."""
    yield LATEST
    seen = set[Path]()
    for run in run_folders(folder):
        for each in (run.parent, run) if is_seed(run) else (run,):
            if each not in seen:
                seen.add(each)
                yield called(each)
                yield called(each, is_folders=True)


def _environments() -> Iterator[str]:
    """The registered ids, of several versions the newest, without those that have no discrete actions."""
    import gymnasium

    newest: dict[str, tuple[int, str]] = {}
    for spec in gymnasium.registry.values():
        if not str(spec.entry_point).startswith(_CONTINUOUS):
            name = f"{spec.namespace}/{spec.name}"
            newest[name] = max(newest.get(name, (0, "")), (spec.version or 0, spec.id))
    yield from (one for _, one in newest.values())
