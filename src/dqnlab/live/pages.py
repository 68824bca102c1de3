"""The pages of the server, and the few files that they load: made once, by name, from dqnlab's own sources."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from starlette.responses import HTMLResponse

from ..explain.page import for_script, join_modules, join_styles, story, words_for_page

KINDS = ("list", "run", "group")
_TO_ROOT = {"list": "", "run": "../../", "group": "../../"}
_HERE = "live"


def page(kind: str, about: Mapping[str, Any]) -> HTMLResponse:
    """A page of a kind, with what it is about."""
    parts = {
        "root": _TO_ROOT[kind],
        "kind": kind,
        "about": for_script(about),
        "story": story(),
        "words": words_for_page(beside=_HERE),
    }
    return HTMLResponse(re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], _shell()))


@cache
def static() -> Mapping[str, tuple[bytes, str]]:
    """What pages load, by its name: content and type. Nothing else can be loaded."""
    scripts = {f"{kind}.js": f"(() => {{\n{join_modules(f'live/{kind}', _HERE)}\n}})();\n" for kind in KINDS}
    scripts["report.js"] = join_modules()
    found = {name: (text.encode(), "text/javascript; charset=utf-8") for name, text in scripts.items()}
    return found | {"style.css": (join_styles(beside=_HERE).encode(), "text/css; charset=utf-8")}


@cache
def _shell() -> str:
    return (files("dqnlab.live") / "page" / "shell.html").read_text("utf-8")
