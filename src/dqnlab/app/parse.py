"""The arguments of a command: its words and, if it takes settings, preset, file, choices and flags in layers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import MISSING, replace
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from ..config import Config, presets
from ..config.custom import MAKES, modules_in
from ..config.fields import choice, hints, maybe_absent, nearest, owners, tagged
from ..config.toml import made_in_python, override, parse, without_foreign_env
from ..encoding import decoded
from ..errors import ConfigError
from ..lab.overrides import Changes, check_no_preset
from ..store.folder import CONFIG
from ..store.imported import origin_of
from ..store.own import with_own
from ..track.tracker import Swanlab
from ..trust import modules_of, named_by_caller, not_fetched, shown
from .aliases import CHOOSING, FLAGS, SWITCHES
from .arguments import Doctor, Selftest, Train, Tune
from .arguments_branch import BranchOff
from .flags import AS_FLAGS, Naming, Untyped, dashed, flags_in, flags_of, value_of
from .help import help_of, help_with_settings
from .words import Given, own_flag, read_words

Args = TypeVar("Args")


def parse_args(kind: type[Args], command: str, words: Sequence[str]) -> Args:
    """The command's arguments. Raises ConfigError; SystemExit after the help text."""
    given = read_words(kind, words)
    if given.help:
        show_help(help_of(kind, command))
    bare = [flag for flag in flags_in(kind, is_setting=False) if flag.is_bare]
    if len(given.bare) > len(bare) and not any(flag.is_list for flag in bare):
        what = f"one {bare[0].shown}, please: got" if bare else f"`dqn {command}` takes no"
        raise ConfigError(f"{what} {' and '.join(map(repr, given.bare))}")
    for flag in bare:
        if given.bare:
            given.own[flag.field] = value_of(flag, given.bare)
        elif flag.default is MISSING:
            raise ConfigError(f"{flag.shown} is missing: {flag.says}")
    return kind(**given.own)


def parse_train(words: Sequence[str]) -> tuple[Train, str]:
    """Arguments of `dqn train` with all layers resolved, and a line to say, or none. Raises as `parse_args` does."""
    given = read_words(Train, words)
    budget_from_steps(given)
    config, remark = _resolve(Train, "train", given)
    swanlab = Swanlab(**given.own.pop("swanlab", {}))
    return Train(config=config, swanlab=swanlab, **given.own), remark


def parse_doctor(words: Sequence[str]) -> Doctor:
    """Arguments of `dqn doctor`, whose settings are those of `dqn train`. Raises as `parse_args` does."""
    given = read_words(Doctor, words)
    budget_from_steps(given)
    config, _ = _resolve(Doctor, "doctor", given)
    return Doctor(config=config, **given.own)


def parse_selftest(words: Sequence[str]) -> Selftest:
    """Arguments of `dqn selftest`, whose settings are those of `dqn train`. Raises as `parse_args` does."""
    given = read_words(Selftest, words)
    names = tuple(given.bare)
    given.bare.clear()
    config, _ = _resolve(Selftest, "selftest", given, "default")
    given.own.pop("env")
    return Selftest(probe=names, config=config, **given.own)


def parse_branch(words: Sequence[str]) -> BranchOff:
    """Arguments of `dqn branch`; its settings are those that differ. Raises as `parse_args` does."""
    given = read_words(BranchOff, list(_unset(words)))
    if given.help:
        show_help(help_of(BranchOff, "branch"))
    budget_from_steps(given)
    if len(given.bare) != 1:
        what = f"one RUN, please: got {' and '.join(map(repr, given.bare))}" if given.bare else "RUN is missing"
        raise ConfigError(f"{what}; `dqn runs` lists what there is")
    check_no_preset(given.settings)
    return BranchOff(run=given.bare[0], config=read_changes(BranchOff, given.settings), **given.own)


def read_changes(kind: type, settings: dict[str, Any]) -> Changes:
    """Settings that differ, with an environment by its whole id; whoever names modules there trusts them."""
    read_own(kind, settings, Config())
    env = settings.get("env", {})
    if "id" in env:
        env["id"] = presets.full_id(env["id"])
    return Changes(settings, {*named_by_caller((), env.get("id"), env.get("wrappers", ())), *modules_in(settings)})


def _unset(words: Sequence[str]) -> Iterator[str]:
    """The words with each `--set NAME=VALUE` as the flag that it means, and `--set FIELD:KIND` as that choice."""
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--set":
            if not rest:
                raise ConfigError("Missing value: --set must be a setting such as lr=1e-4, got ''")
            word = f"--set={rest.pop(0)}"
        yield _flag_of(word.removeprefix("--set=")) if word.startswith("--set=") else word


def _flag_of(text: str) -> str:
    """What `NAME=VALUE` or `FIELD:KIND` is as a word of `dqn train`. Raises ConfigError if it is no setting."""
    shown, equals, _ = text.partition("=")
    name, colon, _ = (shown, "", "") if equals else shown.partition(":")
    if not name or not (equals or colon):
        raise ConfigError(f"--set must be a setting such as lr=1e-4 or rule:double, got {text!r}")
    known, flags = name.replace("-", "_"), flags_of(BranchOff)
    settings = names_of_settings()
    if colon and known not in tagged():
        raise ConfigError(f"unknown choice {text!r}; {nearest(known, tagged())}")
    if known not in settings and known.partition(".")[0] not in MAKES:
        if known in flags or known in FLAGS:
            raise ConfigError(
                f"{name!r} is no setting of a run: give it by itself, as {dashed(FLAGS.get(known, known))}"
            )
        hint = nearest(known, sorted(settings)) or "`dqn train --help` lists them all"
        raise ConfigError(f"unknown setting {name!r}; {hint}")
    return f"--{text}" if equals else text


def names_of_settings() -> set[str]:
    """Every name that `--set` takes: of a setting, of a choice, or another name of one."""
    flags = flags_of(BranchOff)
    names = {*tagged(), *SWITCHES, *CHOOSING, *FLAGS, *(each.name for each in flags.values() if each.is_setting)}
    names -= {each for each, meant in FLAGS.items() if meant in flags and not flags[meant].is_setting}
    return names | {"steps", *(each for each, meant in FLAGS.items() if meant == "steps")}  # a budget


def parse_tune(words: Sequence[str]) -> tuple[Tune, str]:
    """Arguments of `dqn tune`, whose settings are those of `dqn train`, and a line to say, or none."""
    given = read_words(Tune, words)
    budget_from_steps(given)
    config, remark = _resolve(Tune, "tune", given)
    return Tune(config=config, **given.own), remark


def show_help(text: str) -> NoReturn:
    print(text)
    raise SystemExit(0)


# ── Layers ───────────────────────────────────────────────────────────────────────────────────────


def _resolve(kind: type, command: str, given: Given, otherwise: str = "cartpole") -> tuple[Config, str]:
    """Preset, then file, then choices of kind and flags; and a line to say, or none. Raises ConfigError.

    `otherwise` is the preset where neither that nor an environment is named.
    """
    env = given.own["env"] = _environment(given)
    text = text_of("--config", given.own.get("file"))
    path = Path(given.own.get("file") or "")
    data = parse(text, str(path))
    name, remark = _preset(given.settings.get("preset", data.get("preset")), env, data.get("env"), otherwise)
    remark = "; ".join(filter(None, (remark, _unknown(path))))
    config = presets.known_as(name, complete=all(each in data for each in hints(Config) if each not in maybe_absent()))
    typed = given.settings.get("env", {}).get("wrappers", ())
    config = replace(config, env=replace(config.env, **_sheet(env, data.get("env"), typed)))
    own = {*modules_of(None, typed), *modules_in(given.settings)}
    trusted = named_by_caller(given.own.get("trust_env_module", ()), env, typed) | own
    if env is not None:
        data = without_foreign_env(data, trusted)
    elif path.name == CONFIG:  # of a run, perhaps one's own
        trusted = with_own(trusted, path.parent, text)
    if env is None and made_in_python(text):
        raise ConfigError(
            f"{str(path)!r} is from a run in Python, whose environment {data.get('env', {}).get('id')!r} no file can "
            "hold: name one with --env module:Id, or train in Python with env="
        )
    config = override(config, _of_other_kinds(data, given.settings, config), str(path), trusted)
    named = config.env.id if env is None else env
    config = replace(config, env=replace(config.env, id=presets.full_id(named) if isinstance(named, str) else named))
    if given.help:
        show_help(help_with_settings(kind, command, config, given.settings))
    return with_settings(kind, config, given.settings, own), remark


def _unknown(path: Path) -> str:
    """What to say of a file of settings, most of which nobody knows: that of an imported agent; else nothing."""
    came = origin_of(path.parent) if path.name == CONFIG else None
    if came is None:
        return ""
    return (
        f"{shown(path)} is of an agent that was imported ({came.says}): what nobody knows of its training is, where it "
        "is not given here, dqnlab's default"
    )


def with_settings(
    kind: type, config: Config, settings: dict[str, Any], trusted: Collection[str], naming: Naming = AS_FLAGS
) -> Config:
    """A configuration with the settings that were given to a command of this dataclass. Raises ConfigError.

    Args:
        trusted: modules that parts of one's own may be imported from.
        naming: how whoever gave them names them.
    """
    read_own(kind, settings, config)
    _check_owners(settings, config, naming)
    resolved = override(config, settings, trusted=trusted)
    _check_apply(settings, resolved, naming)
    return resolved


def _sheet(env: str | None, table: object, typed: object) -> dict[str, Any]:
    """What is set for the environment, named or the file's, whatever the preset: nothing if wrappers change it."""
    table = table if isinstance(table, Mapping) else {}
    return {} if typed or table.get("wrappers") else presets.sheet(table.get("id") if env is None else env)


def _environment(given: Given) -> str | None:
    """The environment that is named, by itself or as `--env.id`; none if none is. Raises ConfigError."""
    flagged = given.settings.get("env", {}).pop("id", None)
    named = [*map(repr, given.bare), *([] if flagged in (None, *given.bare) else [f"--env.id {flagged!r}"])]
    if len(named) > 1:
        raise ConfigError(f"one environment, please: got {' and '.join(named)}")
    env = given.bare[0] if given.bare else flagged
    if env in presets.names():
        raise ConfigError(f"{env!r} is a preset, not an environment: use --preset {env}")
    return env


def text_of(flag: str, name: str | None) -> str:
    """The text of the file that was named with a flag; empty if none was. Raises ConfigError."""
    if name is None:
        return ""
    if not name:
        raise ConfigError(f"{flag} must be the name of a file, got ''")
    try:
        data = Path(name).read_bytes()
    except (OSError, ValueError) as error:
        if said := not_fetched(name):
            raise ConfigError(f"{flag}: {said}") from error
        raise ConfigError(f"{flag} {name} cannot be read: {error}") from error
    try:
        return decoded(data)
    except ValueError as error:
        raise ConfigError(f"{flag} {name} {error}") from error


def _preset(asked: object, env: str | None, table: object, otherwise: str) -> tuple[str, str]:
    """The preset's name: asked for, or the one that suits the environment, named or the file's; and a line to say."""
    if asked is not None:
        return str(asked), ""
    env = env or (table.get("id") if isinstance(table, Mapping) else None)
    if env is None or (name := presets.suited(env)) != "default":
        return name if env else otherwise, ""
    return name, f"{env} has no preset of its own: using `default` (see `dqn presets`)"


def _of_other_kinds(data: Mapping[str, Any], settings: dict[str, Any], config: Config) -> Mapping[str, Any]:
    """The file's tables without what belongs to a kind that only the flags choose, to whose `settings` it is added.

    So `[sampler] alpha = 0.7` in a file goes with `--sampler prioritized`. A table that names its kind is for that one.
    """
    left = dict(data)
    for name in tagged():
        table, flags = data.get(name), settings.get(name, {})
        chosen = flags.get("kind", getattr(config, name).kind)
        if isinstance(table, Mapping) and "kind" not in table and chosen != getattr(config, name).kind:
            known = hints(choice(name, chosen))
            settings[name] = {key: value for key, value in table.items() if key in known} | flags
            left[name] = {key: value for key, value in table.items() if key not in known}
    return left


def read_own(kind: type, settings: Mapping[str, Any], config: Config) -> None:
    """What the flags of parts of one's own stand for, now that it is known which these are. Raises ConfigError."""
    for place, table in settings.items():
        for key, value in table.items() if isinstance(table, dict) else ():
            if isinstance(value, Untyped):
                cls = choice(place, table.get("kind", getattr(config, place).kind))
                table[key] = own_flag(kind, cls, f"{place}.{key}", value)


def _check_owners(settings: Mapping[str, Any], config: Config, naming: Naming) -> None:
    """Refuses a setting of a kind that was not chosen, and says what would choose it."""
    for field in [each for each in settings if each in tagged()]:
        kind = settings[field].get("kind", getattr(config, field).kind)
        for key in settings[field]:
            others = owners(f"{field}.{key}")  # of one that no kind has the configuration itself says so
            if key != "kind" and key not in hints(choice(field, kind)) and others:
                name, other = f"{field}.{key}", f"{field}:{others[0]}"
                raise ConfigError(f"{naming.of(name)} belongs to {other}, and {field} is {kind} here: add {other}")


def _check_apply(settings: Mapping[str, Any], config: Config, naming: Naming) -> None:
    """Refuses a setting that could change nothing, where what was recorded is all that is learned from."""
    odd = [naming.of(name) for name in settings if config.is_offline and name in config.absent]
    if odd:
        raise ConfigError(f"{', '.join(odd)} cannot apply offline, where nothing is played to learn from; leave it out")


def budget_from_steps(given: Given) -> None:
    """`--steps N` is a short way to say `budget:steps --budget.num N`."""
    if "steps" not in given.own:
        return
    budget = given.settings.setdefault("budget", {})
    if "num" in budget or budget.get("kind", "steps") != "steps":
        raise ConfigError(f"{given.naming.of('steps')} is a budget too: leave out one of the two")
    budget |= {"kind": "steps", "num": given.own["steps"]}
