"""The pages about tasks: their commands are understood, their code runs, and both languages show the same."""

import importlib
import json
import re
import runpy
import shlex
import sys
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import dqnlab
from dqnlab._version import __version__
from dqnlab.app.calls import KINDS
from dqnlab.app.parse import parse_args, parse_branch, parse_doctor, parse_train, parse_tune
from dqnlab.app.parse_compare import parse_compare
from dqnlab.app.parse_import import parse_import
from dqnlab.config import Config

from ..test_docs import anchors, blocks, tiny

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
TWINS = sorted(path.with_name(path.name.replace(".zh-Hant", "")) for path in DOCS.glob("*.zh-Hant.md"))
TASKS = [
    *("index", "own-environment", "own-network", "masks", "images", "many-seeds", "compare", "clusters", "export"),
    *("import", "gallery", "reading-the-page", "live"),
]
RUN = ("own-environment", "own-network", "masks")
"""pages whose code is run; that of the others is the README's"""
FILES = {"own-environment": "rail.py", "own-network": "shortcuts.py", "masks": "hall.py"}
"""what each page's first block of Python is saved as"""
PARSERS: dict[str, Callable[[list[str]], Any]] = {
    "train": parse_train,
    "tune": parse_tune,
    "doctor": parse_doctor,
    "branch": parse_branch,
    "import": parse_import,
    "compare": parse_compare,
}


def text(page: str) -> str:
    return (DOCS / f"{page}.md").read_text("utf-8")


def save_file(page: str) -> None:
    """The file that a page tells its reader to save, in the working folder."""
    if page in FILES:
        Path(FILES[page]).write_text(blocks("python", text(page))[0], "utf-8")


@pytest.mark.parametrize("page", TASKS)
def test_every_command_of_a_page_is_understood(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    save_file(page)
    monkeypatch.syspath_prepend(str(Path.cwd()))
    commands = [re.findall(r"^ *(dqn .*)$", block, re.MULTILINE) for block in blocks("sh", text(page))]
    lines = [
        shlex.split(line.partition(" && ")[0].rstrip("\\"), comments=True)[1:] for block in commands for line in block
    ]
    assert lines or page == "gallery"
    for command, *words in lines:
        if command == "explain" or "--help" in words or {"GROUP", "-c"} & set(words):
            continue
        PARSERS.get(command, lambda words, command=command: parse_args(KINDS[command], command, words))(words)


@pytest.mark.world
@pytest.mark.parametrize("page", RUN)
def test_the_code_of_a_page_runs(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    save_file(page)
    monkeypatch.syspath_prepend(str(Path.cwd()))
    train = dqnlab.train
    made: list[Config] = []

    def train_a_little(config: Config, **settings: Any) -> Any:
        made.append(config)
        return train(replace(tiny(config), compile="off"), **settings)

    monkeypatch.setattr(dqnlab, "train", train_a_little)
    importlib.import_module(Path(FILES[page]).stem)
    for number, block in enumerate(blocks("python", text(page))[1:], 2):
        exec(compile(block, f"{page}.md, python block {number}", "exec"), {"__name__": "__main__"})
    assert len(made) == 1


def test_the_code_of_the_other_pages_compiles() -> None:
    for page in set(TASKS) - set(RUN):
        for block in blocks("python", text(page)):
            compile(block, page, "exec")


@pytest.mark.parametrize("page", TWINS, ids=lambda path: path.stem)
def test_both_languages_of_a_page_show_the_same_code_under_as_many_headings(page: Path) -> None:
    english, chinese = (path.read_text("utf-8") for path in (page, page.with_suffix(".zh-Hant.md")))
    for language in ("sh", "python", "toml", "yaml"):
        ours, twin = (
            [[line.split("#")[0].split() for line in block.splitlines()] for block in blocks(language, each)]
            for each in (english, chinese)
        )
        assert ours == twin
    for mark in ("## ", "### ", *(("| ", "![") if page.stem in TASKS else ())):
        ours, twin = (len(re.findall(rf"^{re.escape(mark)}", each, re.MULTILINE)) for each in (english, chinese))
        assert ours == twin, mark


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda path: path.relative_to(DOCS).as_posix())
def test_links_of_every_document_lead_somewhere(page: Path) -> None:
    found = re.findall(
        r"\]\((?!https?:|#)([^)\s]+)\)", re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.M | re.S)
    )
    broken = []
    for link in found:
        file, _, heading = link.partition("#")
        target = page.parent / file
        if not target.exists() or (heading and target.name != "api.md" and heading not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", ["api", "api.zh-Hant"])
def test_the_reference_of_python_has_every_public_name(page: str) -> None:
    told = re.findall(r"^::: dqnlab\.(\w+)$", text(page), re.MULTILINE)
    assert set(told) - {"errors"} == set(dqnlab.__all__) - {"__version__"}


def test_every_run_of_the_gallery_is_a_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["gallery.py", "--dry-run"])
    runpy.run_path(str(DOCS / "site" / "gallery.py"), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    for line in lines:
        args, _ = parse_train(shlex.split(line)[2:])
        assert args.out == DOCS.parent / "build" / "gallery" / "runs" / args.out.name


def test_the_page_about_the_page_names_its_sections_in_the_order_of_its_menu() -> None:
    words = json.loads((ROOT / "src/dqnlab/explain/page/words/main.json").read_text("utf-8"))
    for language, page in (("en", "reading-the-page"), ("zh-Hant", "reading-the-page.zh-Hant")):
        sections = [said[language] for name, said in words.items() if name.startswith("go_")]
        assert re.findall(r"^\| \*([^*]+)\*", text(page), re.MULTILINE) == sections


def test_every_title_of_the_site_is_there_in_chinese() -> None:
    titles = re.findall(r"^ +- ([A-Z][^:]*):", (ROOT / "mkdocs.yml").read_text("utf-8"), re.MULTILINE)
    table = re.findall(r'^    "([^"]+)": "[^"]+",$', (DOCS / "site" / "hooks.py").read_text("utf-8"), re.MULTILINE)
    assert len(titles) > 20
    assert sorted(titles) == sorted(table)


def test_pictures_are_small() -> None:
    """Those of the story, with their maps, are older and may be larger."""
    found = [path for path in (DOCS / "pictures").iterdir() if path.suffix in (".svg", ".png")]
    large = {path.name for path in found if path.stat().st_size > 60_000}
    assert large <= {"chase.svg", "truncation.svg", "value-map.svg"}


def test_the_citation_is_that_of_the_package() -> None:
    """CFF 1.2.0: these four keys are required, and every key stands on a line of its own."""
    lines = (ROOT / "CITATION.cff").read_text("utf-8").splitlines()
    said = dict(line.split(": ", 1) for line in lines if re.match(r"[a-z-]+: ", line))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert {"cff-version", "message", "title"} <= said.keys()
    assert "authors:" in lines
    assert (said["version"], said["title"], said["license"]) == (__version__, project["name"], project["license"])
    assert said["abstract"] == project["description"]
    assert [f"  - name: {each['name']}" in lines for each in project["authors"]] == [True]
