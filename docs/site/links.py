"""Whether every link of a built site leads somewhere, from disk: menus, pictures and scripts as well as the text."""

import posixpath
import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote

LINK = re.compile(r'<(?:a|link|img|script|iframe|source)\b[^>]*?\b(?:href|src)="([^"]*)"')
ELSEWHERE = re.compile(r"[a-z]+:")


def broken_links(site: Path, others: Iterable[str]) -> list[str]:
    """The links of the pages under `site` that lead nowhere, each as `page → link`.

    Args:
        others: where the site in the other languages lies, or will, seen from `site`: each has the same pages.
    """
    twins, broken = sorted(others, key=len, reverse=True), []
    for page in sorted(site.rglob("*.html")):
        at = page.relative_to(site).as_posix()
        for link in sorted(set(LINK.findall(page.read_text("utf-8")))):
            if ELSEWHERE.match(link) or link.startswith("#"):
                continue
            place = unquote(link.partition("#")[0].partition("?")[0])
            to = posixpath.normpath(posixpath.join(posixpath.dirname(at), place))
            found = (site / to).is_file() or any(to == posixpath.normpath(f"{twin}/{at}") for twin in twins)
            if not found:
                broken.append(f"{at} → {link}")
    return broken
