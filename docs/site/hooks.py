"""What MkDocs is told beyond mkdocs.yml: one language at a time, links that leave docs/, decisions, the gallery.

The documents are written to be read where they lie, in the repository: they link to `../README.md`, to examples and
tests, and to their twins in another language (`dqn.zh-Hant.md`). Here each such link gets a page of the site.
"""

import os
import posixpath
import re
import tomllib
from pathlib import Path
from typing import Any

from links import broken_links  # beside this file, where MkDocs looks first
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

from dqnlab.app.calls import KINDS
from dqnlab.app.cli import COMMANDS
from dqnlab.app.help import help_of
from dqnlab.explain.hans import simplified

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
GALLERY = ROOT / "build" / "gallery"
LANGUAGES = {"en": "English", "zh-Hant": "繁體中文", "zh-Hans": "简体中文"}
THEMES = {"zh-Hans": "zh"}
"""what the theme calls a language, where that is something else"""
TITLES = {
    "Start": "開始",
    "The story of DQN": "DQN 的故事",
    "How to": "怎麼做",
    "Own environment": "自己的環境",
    "Own network": "自己的網路",
    "Forbidden actions": "被禁止的動作",
    "Pictures": "圖像",
    "Many seeds": "很多種子",
    "Compare": "比較",
    "Many machines": "多台機器",
    "Export": "匯出",
    "Import": "匯入",
    "Read the page": "讀懂報告頁",
    "Watch a run live": "邊訓練邊看",
    "Gallery": "陳列室",
    "Look up": "查閱",
    "Everything on one page": "一頁看完",
    "Commands": "指令",
    "Python": "Python",
    "Variants": "變體",
    "Metrics": "指標",
    "Runs and their folders": "訓練與資料夾",
    "Comparisons, number by number": "比較的每個數字",
    "Changes": "變更",
    "Results": "結果",
    "Measured": "量測",
    "Protocol of the benchmarks": "基準測試的規則",
    "Many machines, measured": "多台機器的量測",
    "Log": "紀錄",
    "Design": "設計",
    "Contributing": "參與",
}
ENGLISH_ONLY = "這一頁只有英文。"
OUTSIDE = {"README.md": "readme.md", "CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}
"""pages that lie above docs/"""
TWIN = re.compile(r"\.zh-Hant(?=\.md$)")
LINK = re.compile(r"(?<=\]\()(?!https?:|#|mailto:)([^)#\s]+)(#[^)\s]+)?")
SWITCH = re.compile(r"^(English · \[繁體中文\]|\[English\]).*\n", re.MULTILINE)
"""the line by which a document names its twins: the site has a menu for it"""
TASKS = {"index.md", "masks.md", "images.md", "many-seeds.md", "compare.md", "clusters.md", "export.md", "import.md"}
TASKS |= {"own-environment.md", "own-network.md", "reading-the-page.md", "live.md"}
"""pages that a search lists first"""
SELDOM = re.compile(r"design/|files/|log\.md|changelog\.md|contributing\.md")
"""pages that it lists last"""
ASKS = re.compile(r'<(script|img|iframe|source|link)\b[^>]*\b(src|href)="(https?:)?//[^"]*"')
"""what would fetch from another host as soon as a page is opened"""
MAPS = re.compile(r'<link rel="alternate"[^>]*>')
"""of which the theme's script asks for a map of the site beside each"""
CODE = {".py": "python", ".toml": "toml", ".c": "c", ".html": "html", ".js": "js"}

sources: dict[str, Path] = {}
"""where each page of this language was written"""


def language() -> str:
    return os.environ.get("DQNLAB_DOCS_LANGUAGE", "en")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """The titles, folder and theme of the language, and every decision in the navigation."""
    chosen = language()
    if chosen != "en":
        config.site_dir = str(Path(config.site_dir) / chosen)
    config.theme.static_templates.discard("404.html")  # it looks for its style in the root of a host
    config.theme["language"] = THEMES.get(chosen, chosen)
    config.nav = [entry for each in config.nav or [] for entry in _entries(each)]
    return config


def _entries(entry: Any) -> list[Any]:
    """A line of the navigation in the language, and a line for each decision where it says so."""
    if entry == "design/*":
        return [path.relative_to(DOCS).as_posix() for path in sorted((DOCS / "design").glob("[0-9]*.md"))]
    if isinstance(entry, str):
        return [entry]
    ((title, below),) = entry.items()
    shown = _said(TITLES.get(title, title)) if language() != "en" else title
    return [{shown: [each for line in below for each in _entries(line)] if isinstance(below, list) else below}]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The pages of the language, each under its English name; those that lie elsewhere; the runs of the gallery."""
    sources.clear()
    for file in [each for each in files if each.src_uri.endswith(".md")]:
        path = DOCS / file.src_uri
        twin = path.with_suffix(".zh-Hant.md")
        if TWIN.search(file.src_uri):
            files.remove(file)
        elif language() != "en" and twin.exists():
            files.remove(file)
            _write(files, config, file.src_uri, twin)
        else:
            sources[file.src_uri] = path
    files.append(File.generated(config, "commands.md", content=_commands()))
    for name, page in OUTSIDE.items():
        twin = (ROOT / name).with_suffix(".zh-Hant.md")
        _write(files, config, page, twin if language() != "en" and twin.exists() else ROOT / name)
    for path in sorted({path for page in sources.values() for path in _left(page)}):
        made = File.generated(config, _file_page(path), content=_shown(path), inclusion=InclusionLevel.NOT_IN_NAV)
        files.append(made)
    for path in sorted(GALLERY.glob("*.html")) if language() == "en" else ():
        files.append(File.generated(config, f"gallery/{path.name}", abs_src_path=str(path)))
    return files


def _write(files: Files, config: MkDocsConfig, uri: str, source: Path) -> None:
    sources[uri] = source
    files.append(File.generated(config, uri, content=_said(source.read_text("utf-8"))))


def _said(text: str) -> str:
    """What was written in traditional characters, in those of the language."""
    return simplified(text) if language() == "zh-Hans" else text


# ── Links ────────────────────────────────────────────────────────────────────────────────────────


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """The text with links to pages of the site."""
    uri = page.file.src_uri
    page.meta["search"] = {"boost": 0.3 if SELDOM.match(uri) else 2 if uri in TASKS else 1}
    if uri == "decisions.md":
        markdown += "\n" + "".join(
            f"- [{_title(path)}](design/{path.name})\n" for path in sorted((DOCS / "design").glob("[0-9]*.md"))
        )
    if uri == "gallery.md":
        markdown = markdown.replace("<!-- runs -->", _gallery())
    if uri not in sources:
        return markdown
    if language() != "en" and not TWIN.search(sources[uri].name):
        markdown = re.sub(r"^(# .*\n)", rf"\1\n*{_said(ENGLISH_ONLY)}*\n", markdown, count=1)
    return LINK.sub(
        lambda found: _target(found[1], uri) + _anchor(found[1], found[2] or "", uri), SWITCH.sub("", markdown, count=1)
    )


def _target(link: str, uri: str) -> str:
    """Where a link of a document leads in the site, from its page."""
    path = (sources[uri].parent / link).resolve()
    if not path.is_relative_to(ROOT) or not path.exists():
        return link
    inside = path.relative_to(ROOT).as_posix()
    name = TWIN.sub("", inside)
    if name in OUTSIDE:
        to = OUTSIDE[name]
    elif path.is_relative_to(DOCS) and path.suffix in (".md", ".svg", ".png", ".html"):
        to = TWIN.sub("", path.relative_to(DOCS).as_posix())
    else:
        to = _file_page(path)
    return posixpath.relpath(to, posixpath.dirname(uri) or ".")


def _anchor(link: str, anchor: str, uri: str) -> str:
    """The anchor that a link names, or of a page that is read in another language here the same heading's there."""
    path = (sources[uri].parent / link).resolve()
    twin = path.with_suffix(".zh-Hant.md")
    if not anchor or language() == "en" or not twin.exists():
        return _said(anchor)
    ours, theirs = _headings(path), _headings(twin)
    return "#" + _said(theirs[ours.index(anchor[1:])]) if anchor[1:] in ours and len(ours) == len(theirs) else ""


def _headings(page: Path) -> list[str]:
    """The anchors of a document, by the rule that GitHub has."""
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in found]


def _left(page: Path) -> list[Path]:
    """The files that a document links to and that are no documents."""
    found = [(page.parent / link).resolve() for link, _ in LINK.findall(page.read_text("utf-8"))]
    kept = [path for path in found if path.is_relative_to(ROOT) and path.exists()]
    return [path for path in kept if TWIN.sub("", path.relative_to(ROOT).as_posix()) not in OUTSIDE and _is_file(path)]


def _is_file(path: Path) -> bool:
    return not (path.is_relative_to(DOCS) and path.suffix in (".md", ".svg", ".png", ".html"))


def _file_page(path: Path) -> str:
    return f"files/{path.relative_to(ROOT).as_posix()}.md"


def _shown(path: Path) -> str:
    """A file, or those of a folder, as a page."""
    inside = [path] if path.is_file() else sorted(each for each in path.iterdir() if each.is_file())
    blocks = [
        f'`````{CODE.get(each.suffix, "text")} title="{each.name}"\n{each.read_text("utf-8")}\n`````\n'
        for each in inside
    ]
    return f"# {path.relative_to(ROOT).as_posix()}\n\n" + "\n".join(blocks)


# ── Pages that are made ──────────────────────────────────────────────────────────────────────────


def _commands() -> str:
    """Each command of the program in a line, then its help text."""
    lines = [f"- [`dqn {name}`](#dqn-{name}): {about.partition(': dqn ')[0]}" for name, about in COMMANDS.items()]
    helps = [f"## dqn {name}\n\n```text\n{help_of(KINDS[name], name)}\n```\n" for name in COMMANDS]
    language_line = f"*{_said(ENGLISH_ONLY)}*\n\n" if language() != "en" else ""
    told = "`dqn train --help` and `dqn tune --help` list every setting beside these, with its default."
    return f"# Commands\n\n{language_line}{told}\n\n" + "\n".join([*lines, "", *helps])


def _title(path: Path) -> str:
    return path.read_text("utf-8").splitlines()[0].removeprefix("# ")


def _gallery() -> str:
    """Each run: its command, what to look at, and its page if it was made."""
    chosen, rows = "en" if language() == "en" else "zh-Hant", []
    for run in tomllib.loads((DOCS / "site" / "gallery.toml").read_text("utf-8"))["run"]:
        page = f"{run['name']}.html"
        up = "" if chosen == "en" else "../"
        title = run["title"][chosen]
        shown = f'<a href="{up}gallery/{page}">{title}</a>' if (GALLERY / page).exists() else title
        rows.append(f"### {shown}\n\n{run['look'][chosen]}\n\n```sh\n{run['command']}\n```\n")
    return _said("\n".join(rows))


def on_page_context(context: dict[str, Any], page: Page, config: MkDocsConfig, nav: Any) -> dict[str, Any]:
    """The languages, for the menu. Where each leads `on_post_page` fills in: the theme shortens a path that begins
    with `..` wrongly in a page below a folder, and leaves alone one that begins with #."""
    config.extra["alternate"] = [
        {"name": name, "lang": THEMES.get(code, code), "link": f"#language-{code}"} for code, name in LANGUAGES.items()
    ]
    return context


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """The page, its menu of languages leading to itself in the others. Raises PluginError if it would ask a host."""
    if asks := ASKS.search(output):
        raise PluginError(f"{page.file.src_uri} asks another host: {asks[0]}")
    output = MAPS.sub("", output)
    for code in LANGUAGES:
        to = posixpath.join(_across(code), page.url)
        output = output.replace(f'"#language-{code}"', f'"{posixpath.relpath(to, posixpath.dirname(page.url) or ".")}"')
    return output


def _across(code: str) -> str:
    """Where the site in a language lies, from that in this one."""
    return posixpath.relpath("." if code == "en" else code, "." if language() == "en" else language())


def on_post_build(config: MkDocsConfig) -> None:
    """The index of the search as a script too, which a page on disk may read. Raises PluginError of broken links."""
    site = Path(config.site_dir)
    index = site / "search" / "search_index.json"
    index.with_suffix(".js").write_text(f"var __index = {index.read_text('utf-8')}", "utf-8")
    if broken := broken_links(site, [_across(code) for code in LANGUAGES if code != language()]):
        raise PluginError("links that lead nowhere:\n" + "\n".join(broken))
