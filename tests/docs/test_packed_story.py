"""The drawer's story is the story of docs/dqn.md: the same text and pictures, in little room."""

import base64
import importlib.util
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dqnlab.explain.hans import simplified
from dqnlab.explain.page import LANGUAGES, story

DOCS = Path(__file__).resolve().parents[2] / "docs"
MOST = 120_000  # bytes in the page


@pytest.fixture(scope="module")
def pack() -> Any:
    spec = importlib.util.spec_from_file_location("pack_story", DOCS / "pack_story.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def texts(part: Any) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    else:
        for each in part:
            yield from texts(each)


def test_the_pack_is_that_of_the_present_text_and_pictures(pack: Any) -> None:
    packed = json.loads(pack.PACKED.read_text("utf-8"))
    for language, path in pack.STORIES.items():
        assert packed["texts"][language] == pack.blocks(path.read_text("utf-8")), "run docs/pack_story.py"
    shown = {block[1] for block in packed["texts"]["en"] if block[0] == "img"}
    found = {name: picture["of"] for name, picture in packed["pictures"].items()}
    assert found == {name: pack.digest(name) for name in shown}, "run docs/pack_story.py"


def test_the_drawer_holds_every_language_in_little_room() -> None:
    assert len(story()) <= MOST
    held = json.loads(
        zlib.decompress(base64.b85decode(story().partition(":")[2].translate({44: "<", 39: "`"})), wbits=-15)
    )
    assert tuple(sorted(held["texts"])) == tuple(sorted(LANGUAGES))
    hant, hans = ([*texts(held["texts"][language])] for language in ("zh-Hant", "zh-Hans"))
    assert [simplified(text) for text in hant] == hans
    assert {block[1] for block in held["texts"]["en"] if block[0] == "img"} == set(held["pictures"])


def test_marks_of_a_line_are_found(pack: Any) -> None:
    assert pack.inline("a **b `c`** and [*d*](x.md), `*e*`") == [
        *("a ", ["b", ["b ", ["code", ["c"]]]], " and ", ["i", ["d"]], ", ", ["code", ["*e*"]])
    ]
    assert pack.blocks(
        "# T\n\nEnglish · x\n\nOne.\n\n1. [a](#a)\n\n## A\n\n```text\na\n\nb\n```\n\n| a |\n|---|\n| b |"
    ) == [
        ["p", ["One."]],
        ["h3", ["A"]],
        ["pre", "a\n\nb"],
        ["table", [[["a"]], [["b"]]]],
    ]
