"""Joins the page's modules, styles, words and a run's data into one html file.

The sources lie in `page/` as plain ES modules. In a file opened from disk a browser loads no other file, so they are
joined: each becomes a function that returns what it exports. Nothing that comes from a run is code or markup: it
travels as JSON, and the page's own policy lets only this very script and this very style in (by their hashes).
"""

import base64
import hashlib
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import numpy as np

from .dense import dense_module, dense_script, dense_style, dense_text
from .hans import simplified

_IMPORT = re.compile(r'^import \{ ([^}]+) \} from "(\.{1,2}/[\w./-]+\.js)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (function\*?|async function|const|class) (\w+)", re.MULTILINE)
_KINDS = {"f": "f", "i": "i", "u": "u", "b": "u"}  # bool travels as u8
LARGE = 4_000  # numbers: weights that are worth packing closer
APART = ("beside",)  # pages beside that of a run: each begins with a module, and has words and styles, of its name
LANGUAGES = ("en", "zh-Hant", "zh-Hans")


def render(data: Mapping[str, Any], page: str = "main") -> str:
    """A whole page, that of a run or one of APART. Arrays in `data` are packed; whatever is not finite becomes null."""
    script, style = join_modules(page), join_styles(page)
    parts = {
        "policy": content_policy(style, script),
        "style": style,
        "words": words_for_page(page),
        "data": for_script(pack_for_page(_once(data))),
        "story": "" if page in APART else story(),
        "script": script,
    }
    shell = (_sources() / "page.html").read_text("utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], shell)


def content_policy(style: str, script: str | None = None) -> str:
    """A policy that lets only this very style in, and this very script if there is one: nothing else, from nowhere."""
    scripts = "" if script is None else f"script-src 'sha256-{_hash(script)}'; "
    return (
        f"default-src 'none'; {scripts}style-src 'sha256-{_hash(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def shell_style() -> str:
    """The style sheet of the page's shell: its colours, tables, cards and charts."""
    return (_sources() / "style.css").read_text("utf-8")


def pack_for_page(value: Any) -> Any:
    """The value with arrays as {"$": type, "shape", "data": as `dense_text`}, and plain numbers for numpy's.

    Bytes are little-endian.

    An array of small whole numbers travels as such: {…, "as": their type}. Of a large one in single precision, weights,
    the first bytes of all numbers stand together, then the second ones, and so on, and are deflated: {…, "planes": 4}.
    Signs and exponents, which are much alike, then take less than half; fractions are random, and take what they took.
    """
    if isinstance(value, np.ndarray):
        kind = f"{_KINDS[value.dtype.kind]}{value.dtype.itemsize * 8}"
        small = _small(value)
        little = np.ascontiguousarray(small.astype(small.dtype.newbyteorder("<"), copy=False))
        sent: dict[str, Any] = {} if small is value else {"as": f"u{small.dtype.itemsize * 8}"}
        raw = little.tobytes()
        if kind == "f32" and small is value and value.size >= LARGE:
            raw, sent = _deflated(np.frombuffer(raw, np.uint8).reshape(-1, 4).T.tobytes()), {"planes": 4}
        return {"$": kind, "shape": list(value.shape), "data": dense_text(raw), **sent}
    if isinstance(value, np.generic):
        return pack_for_page(value.item())
    if isinstance(value, Mapping):
        return {str(name): pack_for_page(each) for name, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [pack_for_page(each) for each in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


def _once(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """The data in which an episode's observations are `state` where they are its states in single precision."""
    if not data.get("episodes"):
        return data
    return {**data, "episodes": [_without_copies(episode) for episode in data["episodes"]]}


def _without_copies(episode: Mapping[str, Any]) -> Mapping[str, Any]:
    obs, state = episode.get("obs"), episode.get("state")
    if not isinstance(obs, np.ndarray) or not isinstance(state, np.ndarray) or obs.dtype != np.float32:
        return episode
    return {**episode, "obs": "state"} if np.array_equal(obs, state.astype(np.float32)) else episode


def _small(value: np.ndarray) -> np.ndarray:
    """The same numbers in one or two bytes each where that holds them; else the array itself."""
    if value.dtype.itemsize <= 2 or value.size == 0 or not np.isfinite(value).all():
        return value
    if value.min() < 0 or value.max() > 65_535 or (value != np.trunc(value)).any() or np.signbit(value).any():
        return value
    least = np.uint8 if value.max() <= 255 else np.uint16
    return value.astype(least)


@cache
def words(beside: str | None = None) -> dict[str, dict[str, str]]:
    """Every text of the page: `<file>.<name>` -> language -> text. Simplified Chinese is made of Traditional.

    Args:
        beside: as in `join_modules`.
    """
    found: dict[str, dict[str, str]] = {}
    for path in _both(".json", beside).values():
        for name, texts in json.loads(path.read_text("utf-8")).items():
            found[f"{path.name.removesuffix('.json')}.{name}"] = {**texts, "zh-Hans": _hans(texts)}
    return found


def words_for_page(page: str = "main", beside: str | None = None) -> str:
    """Those of a page as it reads them, deflated: of each key its texts, in the order of LANGUAGES."""
    spoken = {key: texts for key, texts in words(beside).items() if _is_of(key.partition(".")[0], page)}
    return deflated({key: [texts[language] for language in LANGUAGES] for key, texts in spoken.items()})


def _hans(texts: Mapping[str, str]) -> str:
    """The text in Simplified Chinese, by the tables unless it stands there itself."""
    return texts.get("zh-Hans") or simplified(texts["zh-Hant"])


@cache
def story() -> str:
    """The story of DQN in every language with its pictures, deflated. `docs/pack_story.py` made it."""
    packed = json.loads((files("dqnlab.explain") / "story.json").read_text("utf-8"))
    texts = packed["texts"] | {"zh-Hans": _hans_blocks(packed["texts"]["zh-Hant"])}
    pictures = {name: picture["svg"] for name, picture in packed["pictures"].items()}
    return deflated({"texts": texts, "pictures": pictures})


def _hans_blocks(part: Any) -> Any:
    """Every text in it in Simplified Chinese; words of the page's own, as `table`, stay as they are."""
    return simplified(part) if isinstance(part, str) else [_hans_blocks(each) for each in part]


@cache
def join_modules(page: str = "main", beside: str | None = None) -> str:
    """All modules of a page as one script, each after those that it imports, without what a browser does not see.

    Args:
        beside: a folder of dqnlab's whose `page/` has more of them, under its own name.
    """
    sources = {name: dense_module(path.read_text("utf-8")) for name, path in _both(".js", beside).items()}
    done: list[str] = []
    parts = [_module(name, sources[name]) for name in _in_order(f"{page}.js", sources, done, ())]
    return dense_script('"use strict";\nconst modules = {};\n' + "\n".join(parts))


@cache
def join_styles(page: str = "main", beside: str | None = None) -> str:
    """All style sheets of a page, that of the shell first and its own last; `beside` as in `join_modules`."""
    found = {name: path for name, path in _both(".css", beside).items() if _is_of(name.removesuffix(".css"), page)}
    order = sorted(found, key=lambda name: (name != "style.css", name == f"{page}.css"))
    return dense_style("\n".join(found[name].read_text("utf-8") for name in order))


def _is_of(name: str, page: str) -> bool:
    """Whether words or styles of a name belong to a page: all but those of another one that is apart."""
    return name == page or name not in APART


def _in_order(name: str, sources: Mapping[str, str], done: list[str], above: tuple[str, ...]) -> list[str]:
    """The modules that `name` needs and then itself, each once."""
    assert name in sources, f"no module {name}, wanted by {above[-1:]}"
    assert name not in above, f"modules import each other in a circle: {(*above, name)}"
    if name not in done:
        for _, wanted in _IMPORT.findall(sources[name]):
            _in_order(_resolve(name, wanted), sources, done, (*above, name))
        done.append(name)
    return done


def _module(name: str, source: str) -> str:
    """One module as a function, called at once, that returns what it exports."""
    exports = [export for _, export in _EXPORT.findall(source)]
    body = _IMPORT.sub(lambda m: f'const {{ {m[1]} }} = modules["{_resolve(name, m[2])}"];', source)
    body = _EXPORT.sub(r"\1 \2", body)
    assert not re.search(r"^(import|export)\b", body, re.MULTILINE), (
        f"{name}: a form of import or export not known here"
    )
    return f'modules["{name}"] = (() => {{\n{body}return {{ {", ".join(exports)} }};\n}})();\n'


def _resolve(importer: str, wanted: str) -> str:
    """`views/x.js`, `../dom.js` -> `dom.js`."""
    folder = importer.split("/")[:-1]
    for step in wanted.split("/"):
        if step == "..":
            folder.pop()
        elif step != ".":
            folder.append(step)
    return "/".join(folder)


def _both(suffix: str, beside: str | None) -> dict[str, Traversable]:
    more = {} if beside is None else _listed(suffix, files(f"dqnlab.{beside}") / "page", f"{beside}/")
    return _listed(suffix) | more


def _listed(suffix: str, place: Traversable | None = None, name: str = "") -> dict[str, Traversable]:
    """The sources by their names below `page/`: those of a folder in order, then those of the folders in it."""
    entries = sorted((place or _sources()).iterdir(), key=lambda path: (path.is_dir(), path.name))
    found: dict[str, Traversable] = {}
    for path in entries:
        if path.is_dir():
            found |= _listed(suffix, path, f"{name}{path.name}/")
        elif path.name.endswith(suffix):
            found[name + path.name] = path
    return found


def _sources() -> Traversable:
    return files("dqnlab.explain") / "page"


def deflated(value: Any) -> str:
    """JSON as its length in bytes and, behind a colon, what zlib makes of it without its head, as `dense_text`."""
    plain = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return f"{len(plain)}:{dense_text(_deflated(plain))}"


def _deflated(raw: bytes) -> bytes:
    """What zlib makes of bytes, without its head (RFC 1951)."""
    packer = zlib.compressobj(9, wbits=-15)
    return packer.compress(raw) + packer.flush()


def for_script(value: Any) -> str:
    """JSON that can stand inside a script element: no `<`, so that nothing in it can end the element."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    # Half a character, which a run's names may hold, cannot be written but by its number.
    return re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", text)


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
