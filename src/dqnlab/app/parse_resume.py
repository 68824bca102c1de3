"""The words of `dqn resume` read: a setting among them is answered with the branch that changes it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from ..config.custom import MAKES
from ..config.fields import tagged
from ..errors import ConfigError
from ..lab.overrides import check_no_preset
from .aliases import FLAGS, SWITCHES
from .arguments import Resume
from .arguments_branch import BranchOff
from .flags import flags_of
from .parse import names_of_settings, parse_args
from .words import is_flag


def parse_resume(words: Sequence[str]) -> Resume:
    """Arguments of `dqn resume`. Raises ConfigError, also for a setting; SystemExit after the help text."""
    own, settings = _parted(words)
    args = parse_args(Resume, "resume", own)
    if not settings:
        return args
    check_no_preset([each.partition("=")[0] for each in settings])
    as_typed = [word for each in settings for word in ([each] if is_flag(each) else ["--set", each])]
    raise ConfigError(
        f"a run is resumed with the settings that it had, and {_named(settings[0])} is one of them: to begin a new run "
        f"from its state with another, use {shlex.join(['dqn', 'branch', args.run, *as_typed])} (in Python "
        f"dqnlab.branch({args.run!r}, …))"
    )


def _named(setting: str) -> str:
    return setting.removeprefix("--").partition("=")[0]


def _parted(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The words that are not about settings; and each setting, as `dqn branch --set` takes it or as a switch."""
    end = words.index("--") if "--" in words else len(words)  # whatever follows is no flag
    rest = list(words[:end])
    own, settings = list[str](), list[str]()
    while rest:
        word = rest.pop(0)
        if word == "--set" or word.startswith("--set="):
            settings += [word.removeprefix("--set=")] if "=" in word else [rest.pop(0)] if rest else []
        elif is_flag(word) and _is_setting(word):
            settings.append(_with_value(word, rest))
        elif not is_flag(word) and word.partition(":")[0].replace("-", "_") in tagged():
            settings.append(word)
        else:
            own.append(word)
    return own + list(words[end:]), settings


def _is_setting(word: str) -> bool:
    name = _name(word)
    if name in flags_of(Resume):
        return False
    if FLAGS.get(name) == "steps" or name.startswith("budget."):
        raise ConfigError(f"{word.partition('=')[0]}: of a run that is resumed, say the end with --steps or --episodes")
    return bool({name, name.removeprefix("no_")} & names_of_settings()) or (
        name.partition(".")[0] in MAKES and "." in name
    )


def _name(word: str) -> str:
    return word.removeprefix("--").partition("=")[0].replace("-", "_")


def _with_value(word: str, rest: list[str]) -> str:
    """`gamma=0.9` of a flag and what follows it; the flag itself where nothing is to follow."""
    shown, equals, value = word.removeprefix("--").partition("=")
    if equals:
        return f"{shown}={value}"
    name = _name(word)
    flag = flags_of(BranchOff).get(FLAGS.get(name, name))
    is_switch = name in SWITCHES or name not in names_of_settings() or (flag is not None and flag.hint is bool)
    if is_switch or not rest or is_flag(rest[0]):
        return word
    values = [rest.pop(0)]
    while flag is not None and flag.is_list and rest and rest[0].isdecimal():
        values.append(rest.pop(0))
    return f"{shown}={','.join(values)}"
