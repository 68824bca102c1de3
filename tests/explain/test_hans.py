"""Simplified Chinese by tables: no character is left that only Traditional has, and terms are the mainland's."""

import re
from pathlib import Path

import pytest

from dqnlab.explain.hans import CHARACTERS, TERMS, simplified
from dqnlab.explain.page import words

HAN = re.compile("[\u3400-\u9fff]")
ROOT = Path(__file__).resolve().parents[2]
PAGES = [*ROOT.glob("*.zh-Hant.md"), *ROOT.glob("docs/*.zh-Hant.md")]  # of which the site is made, the story among them


def left_over(text: str) -> set[str]:
    """Characters that the mainland's own set of 1980 does not have, or that the table would have changed."""
    known = set("".join(CHARACTERS[i] for i in range(0, len(CHARACTERS), 2) if CHARACTERS[i] != CHARACTERS[i + 1]))
    return {each for each in HAN.findall(text) if each in known or not each.encode("gb2312", "ignore")}


@pytest.mark.parametrize(
    ("traditional", "simple"),
    [
        ("網路、獎勵、程式、預設、記憶體", "网络、奖励、程序、默认、内存"),
        ("線上網路的報酬", "在线网络的回报"),
        ("在橘線上，這一列的權重", "在橘线上，这一行的权重"),
        ("只列出這麼多列", "只列出这么多行"),
        ("智慧體看到「左」", "智能体看到“左”"),
    ],
)
def test_terms_come_before_characters(traditional: str, simple: str) -> None:
    assert simplified(traditional) == simple


def test_the_table_has_pairs_whose_second_is_simple() -> None:
    pairs = list(zip(CHARACTERS[::2], CHARACTERS[1::2], strict=True))
    assert {pair for pair in pairs if not pair[1].encode("gb2312", "ignore")} == set()
    changed = {a: b for a, b in pairs if a != b}
    assert {a for a, b in pairs if changed.get(a, b) != b} == set(), "two simple forms for one"
    assert {b for b in changed.values() if b in changed} == set()


def test_no_character_is_left_that_only_traditional_chinese_has() -> None:
    said = {key: texts["zh-Hans"] for key, texts in words().items()}
    said |= {path.name: simplified(path.read_text("utf-8")) for path in PAGES}
    said |= {term: simplified(term) for term in TERMS}
    found = {key: left for key, text in said.items() if (left := left_over(text))}
    assert found == {}, "add the pair to CHARACTERS in explain/hans.py, or the word to TERMS"
