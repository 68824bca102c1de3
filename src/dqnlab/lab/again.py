"""What the command line calls a run's environment and settings, so that a printed command makes it as it was made."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..config import Config
from ..config.presets import get, names, sheet, suited
from ..config.toml import as_dict, parse
from ..errors import DqnlabError, FolderError
from ..store.folder import CONFIG, META, Run
from ..store.reading import read_env, read_json, read_text
from ..trust import clean, shown

# Settings of the environment that make it another one, and so belong to its name.
_OWN = (
    "copies",
    "gray",
    "resize",
    "keys",
    "wrappers",
    "max_episode_steps",
    "frame_stack",
    "scale",
    "reward_threshold",
    "timeout",
)


def env_words(run: Run) -> str | None:
    """The id, with the settings without which it would be another; none if only Python knows the environment."""
    try:
        known = read_env(run.folder / META)
    except FolderError:  # somebody has changed it; nothing is said rather than something wrong
        return None
    if known["callable"]:
        return None
    env, words = _settings(run).get("env", {}), [run.env]
    if kwargs := env.get("kwargs"):
        words += ["--env.kwargs", kwargs if isinstance(kwargs, str) else json.dumps(kwargs, default=str)]
    plain = _env_of(run.preset, {} if env.get("wrappers") else sheet(run.env))
    for name in _OWN:
        if name in env and env[name] != plain[name]:
            value = env[name]
            if value is True:
                words.append(f"--env.{name}")
                continue
            text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
            words += [f"--env.{name.replace('_', '-')}", text]
    return shlex.join(words)


def textbook_words(run: Run) -> str:
    """What of a run belongs to the problem and not to its preset: seed, discount, sizes, and how long to train.

    With a space before it. The preset that is tuned for the environment has the length that suits it; else the
    textbook's 600 episodes could take any number of steps.
    """
    config, words = _settings(run), list[str]()
    usual = as_dict(get(run.preset)) if run.preset in names() else {}
    if run.seed:
        words += ["--seed", str(run.seed)]
    if "gamma" in config and config["gamma"] != usual.get("gamma"):
        words += ["--gamma", str(config["gamma"])]
    if run.env != get("textbook").env.id and config.get("env", {}).get("max_episode_steps") == "none":
        words += ["--env.max-episode-steps", "none"]  # the textbook's limit is that of its own environment
    if config.get("normalize_obs"):
        words += ["--normalize-obs"]
    if isinstance(clip := config.get("reward_clip"), int | float):
        words += ["--reward-clip", str(clip)]
    budget = config.get("budget", {})
    if budget.get("kind") in ("steps", "episodes") and not _has_tuned_length(run, budget):
        words += [f"--{budget['kind']}", str(budget.get("num"))]
    words += _trackers(run)
    return "".join(f" {shlex.quote(word)}" for word in words)


def _has_tuned_length(run: Run, budget: Mapping[str, Any]) -> bool:
    """Whether a run is as long as the preset that is tuned for its environment makes it."""
    usual = as_dict(get(run.preset)) if run.preset in names() else {}
    return budget == usual.get("budget") and suited(run.env) == run.preset != "default"


def train_further(run: Run) -> str | None:
    """The command that begins a run with an imported agent's weights; none if only Python knows its environment."""
    env = env_words(run)
    if env is None:
        return None
    words = ["--init", shown(run.folder), *_network(_settings(run))]
    return f"dqn train {clean(env)} {shlex.join(map(clean, words))}"


def _network(settings: Mapping[str, Any]) -> list[str]:
    """The words that make a network like it, whatever the preset, as far as settings say, which may be anyone's."""
    torso, head = settings.get("torso"), settings.get("head")
    if not isinstance(torso, Mapping) or not isinstance(head, Mapping) or not isinstance(torso.get("hidden"), list):
        return []
    words = ["--torso.hidden", ",".join(map(str, torso["hidden"])), f"head:{head.get('kind')}"]
    words += [f"--head.{name.replace('_', '-')}={head[name]}" for name in ("num", "v_min", "v_max") if name in head]
    conv = settings.get("conv", "none")
    return words if conv == "none" else [*words, "--conv", str(conv)]


def unlike_textbook(run: Run) -> list[str]:
    """The settings in which a run of a preset differs from the textbook, but for those that `textbook_words` keeps."""
    if run.preset not in names() or run.preset == "textbook":
        return []
    theirs = _leaves(as_dict(get("textbook")))
    own = _leaves(_settings(run))
    if "preset" not in own:  # a file that was changed since
        own = {**_leaves(as_dict(get(run.preset))), **own}
    odd = [name for name, value in own.items() if value != theirs.get(name) and theirs.get(name) != "auto"]
    differing = [name for name in odd if not name.startswith(_KEPT)]
    return [*differing, "budget"] if _has_tuned_length(run, _settings(run).get("budget", {})) else differing


_KEPT = ("preset", "seed", "gamma", "normalize_obs", "reward_clip", "budget", "env.", "init", "experience")


def _leaves(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Every setting by its dotted name; a table names the kind of its choice."""
    found: dict[str, Any] = {}
    for name, value in table.items():
        inner = name == "kwargs" or not isinstance(value, Mapping)
        found |= {f"{prefix}{name}": value} if inner else _leaves(value, f"{prefix}{name}.")
    return found


def _trackers(run: Run) -> list[str]:
    """Where the run reported, if not as usual."""
    try:
        told = read_json(run.folder / META).get("trackers")
    except DqnlabError:
        return []
    if told == []:
        return ["--tracker", "none"]
    some = isinstance(told, list) and told != ["swanlab"]
    return [word for each in told for word in ("--tracker", str(each))] if some else []


def _env_of(preset: str, sheet: Mapping[str, Any]) -> Mapping[str, Any]:
    """The environment's settings that a preset makes anyway, on an environment that has this sheet."""
    config = get(preset) if preset in names() else Config()
    return as_dict(replace(config, env=replace(config.env, **sheet)))["env"]


def _settings(run: Run) -> Mapping[str, Any]:
    """What a run's configuration says; nothing if it cannot be read."""
    try:
        return parse(read_text(run.folder / CONFIG), CONFIG)
    except DqnlabError:
        return {}
