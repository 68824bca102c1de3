"""Text from elsewhere: what of it is shown, kept or allowed to import code."""

from __future__ import annotations

import os
import re
import shlex
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from .errors import ConfigError

# ── What is shown ────────────────────────────────────────────────────────────────────────────────


def clean(text: str) -> str:
    """The text as one line without control, format and surrogate characters, which could steer a terminal."""
    return "".join(each for each in text.replace("\n", " ") if unicodedata.category(each) not in {"Cc", "Cf", "Cs"})


def shown(path: Path) -> str:
    """A path as one would type it here: relative where it lies below the working folder."""
    return clean(str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path))


# A drive's letter begins a path; of two slashes a path keeps one.
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/{1,2}(?=[^/])")


def not_fetched(name: str | Path) -> str:
    """What to say where a URL is named in place of a file; nothing if it is none."""
    if not (found := _URL.match(str(name))):
        return ""
    url = f"{found[1]}://{str(name)[found.end() :]}"
    return f"{clean(url)[:200]!r} is a URL, and dqnlab fetches nothing: download it, and name the file here"


# ── What is imported ─────────────────────────────────────────────────────────────────────────────

# Shimmy's environments for older interfaces make a second one, whose id is among their arguments.
_OF_OLD_GYM = re.compile(r"GymV\d+Environment")


def imported_by(env_id: object) -> str | None:
    """The module that making an environment of this id imports because the id says so; none if it says nothing."""
    if not isinstance(env_id, str):
        return None
    if ":" in env_id:
        return env_id.rpartition(":")[0]
    if env_id.endswith(".py"):  # a file, which is imported to say what could have been meant
        return env_id.removesuffix(".py").replace(os.sep, ".").replace("/", ".").strip(".")
    return "gym" if _OF_OLD_GYM.search(env_id) else None


def wrapper_module(wrapper: object) -> str | None:
    """The module that a wrapper such as `module:Wrapper` is imported from; none if it says nothing."""
    return wrapper.rpartition(":")[0] if isinstance(wrapper, str) and ":" in wrapper else None


def modules_of(env_id: object, wrappers: object = ()) -> list[str]:
    """The modules that making an environment imports because its id and wrappers, as a file has them, say so."""
    listed: Sequence[object] = [wrappers]
    if isinstance(wrappers, Sequence) and not isinstance(wrappers, str):
        listed = wrappers
    found = [imported_by(env_id), *map(wrapper_module, listed)]
    return list(dict.fromkeys(module for module in found if module is not None))


def named_by_caller(modules: Collection[str], env_id: object, wrappers: object = ()) -> set[str]:
    """The modules that the caller of a command or function trusts: those listed, and those of what is given in person.

    That is an environment's id, and wrappers.
    """
    listed = {modules} if isinstance(modules, str) else set(modules)
    return listed | set(modules_of(env_id, wrappers))


def check_env_id(env_id: object, trusted: Collection[str], source: str) -> None:
    """Raises ConfigError if an id that came with a file would import a module that the caller has not named."""
    module = imported_by(env_id)
    if module is not None and module not in trusted:
        raise _untrusted(f"{source}: env.id = {env_id!r}", module)


def check_wrappers(wrappers: object, trusted: Collection[str], source: str) -> None:
    """Raises ConfigError if wrappers that came with a file would import a module that the caller has not named."""
    for module in modules_of(None, wrappers):
        if module not in trusted:
            raise _untrusted(f"{source}: env.wrappers = {str(wrappers)[:200]}", module)


def check_part(part: str, module: str, trusted: Collection[str], source: str = "") -> None:
    """Raises ConfigError if a part of one's own that came with a file is of a module that the caller has not named.

    Args:
        part: what the file says, such as `head = 'mine:Head'`.
        source: the file, if nobody else says it.
    """
    if module not in trusted:
        raise _untrusted(f"{source}: {part}" if source else part, module)


def _untrusted(what: str, module: str) -> ConfigError:
    return ConfigError(
        f"{what} would import the Python module {module!r}, which no file may decide. "
        f"If you trust it, add --trust-env-module {shlex.quote(module)} (in Python trust_env_modules=[{module!r}])"
    )


# ── What is kept ─────────────────────────────────────────────────────────────────────────────────

HIDDEN = "***"
_SECRET_WORDS = {"token", "secret", "password", "passwd", "passphrase", "credential", "credentials", "apikey"}
_SECRET = re.compile(r"key|token|secret|passw|passphrase|credential", re.IGNORECASE)
_USER_INFO = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s/?#@]+@", re.IGNORECASE)
# A name that looks secret with its value: `--api-key=x`, `"token": "x"`, `TOKEN=x`.
_ASSIGNED = re.compile(
    r"""([\w.-]*(?:key|token|secret|passw|passphrase|credential)[\w.-]*["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,;}"']+)""",
    re.IGNORECASE,
)
_SHORTEST = 8  # letters of a value that is looked for everywhere; a shorter one could be any word


def is_secret(name: str) -> bool:
    """Whether a setting of this name is likely to hold a secret: `api_key`, `authToken`; not `max_tokens`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    parts = [part for part in re.split(r"[^a-z0-9]+", words) if part]
    return bool(parts) and (parts[-1] == "key" or not _SECRET_WORDS.isdisjoint(parts))


def secret_in(value: object, name: str) -> str | None:
    """The dotted name of the first text in nested values that looks like a secret; none if there is none."""
    if isinstance(value, Mapping):
        found = (secret_in(inner, f"{name}.{key}") for key, inner in value.items())
        return next((each for each in found if each is not None), None)
    if isinstance(value, str):
        return name if is_secret(name.rpartition(".")[2]) or _USER_INFO.search(value) else None
    if isinstance(value, Sequence):
        return next((each for each in (secret_in(inner, name) for inner in value) if each is not None), None)
    return None


def redacted(text: str) -> str:
    """The text without values of secret-looking names, passwords in addresses and secrets of this environment."""
    for name, value in os.environ.items():
        if len(value) >= _SHORTEST and _SECRET.search(name):
            text = text.replace(value, HIDDEN)
    return _ASSIGNED.sub(rf"\1{HIDDEN}", _USER_INFO.sub(rf"\1{HIDDEN}@", text))


def redacted_command(words: Sequence[str]) -> list[str]:
    """The words of a command as they may be kept: also the word after `--api-key` is hidden."""
    kept: list[str] = []
    hide = False
    for word in words:
        flag = word.startswith("-")
        kept.append(HIDDEN if hide and not flag else redacted(word))
        hide = flag and "=" not in word and _SECRET.search(word) is not None
    return kept
