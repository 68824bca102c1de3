"""The built site: what its checker of links finds, and how a page leads to itself in the other languages."""

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

SITE = Path(__file__).resolve().parents[2] / "docs" / "site"


@pytest.fixture
def hooks(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("mkdocs")
    monkeypatch.syspath_prepend(str(SITE))
    import hooks

    yield hooks
    for name in ("hooks", "links"):
        sys.modules.pop(name, None)


def write(site: Path, name: str, text: str) -> None:
    (site / name).parent.mkdir(parents=True, exist_ok=True)
    (site / name).write_text(text, "utf-8")


def test_a_link_that_leads_nowhere_is_found_in_a_menu_as_in_the_text(hooks, tmp_path: Path) -> None:
    write(tmp_path, "index.html", '<a href="design/a.html#x">a</a> <img src="a%20b.png"> <a href="https://b">b</a>')
    write(tmp_path, "a b.png", "")
    write(tmp_path, "design/a.html", '<a href="../zh/design/a.html">a</a> <a hreflang="en" href="../a.html">a</a>')
    assert hooks.broken_links(tmp_path, ["zh"]) == ["design/a.html → ../a.html"]


@pytest.mark.parametrize("url", ["index.html", "design/0001-a.html", "files/tests/lab/a.py.html"])
def test_the_menu_of_languages_leads_to_the_same_page(hooks, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    page = SimpleNamespace(url=url, file=SimpleNamespace(src_uri=url))
    for own, folder in (("en", ""), ("zh-Hant", "zh-Hant/"), ("zh-Hans", "zh-Hans/")):
        monkeypatch.setenv("DQNLAB_DOCS_LANGUAGE", own)
        config = SimpleNamespace(extra={})
        hooks.on_page_context({}, page, config, None)
        menu = "".join(f'<a href="{each["link"]}">' for each in config.extra["alternate"])
        links = re.findall(r'href="([^"]*)"', hooks.on_post_page(menu, page, config))
        found = [Path("/site", folder, url).parent.joinpath(link).resolve() for link in links]
        assert found == [Path("/site", to, url) for to in ("", "zh-Hant", "zh-Hans")]
