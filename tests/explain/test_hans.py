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
        ("這行程式碼匯出預設的檔案，每個行程一個權重檔", "这行代码导出默认的文件，每个进程一个权重文件"),
        ("在命令列下指令，位元組逐位元相同", "在命令行下命令，字节逐位相同"),
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


TAIWANS = re.compile(
    "汇出|汇入|指令|档案|存档|资料|程式|网路|记忆体|执行绪|萤幕|游标|滑鼠|视窗|支援|品质|"
    "资讯|软体|硬体|专案|物件|类别|型别|介面|阵列|回圈|字串|变数|函式|伺服|位元|储存|载入|"
    "选单|设定|登入|列印|影片|影像|讯息|讯号|套件|模组|元件|呼叫|宣告|巢状|递回|杂凑|快取|"
    "侦错|位址|连结|栏位|终端机|命令列|工作阶段|行程(?!序)|磁碟|灰阶|字元|帐号|机率|常态|"
    "取样|杂讯|影格|座标|丛集|权杖|连接埠|映像|乱数|视觉化|最佳化|演算法|智慧|报酬|透过|即时|"
    "旗标|使用者|解析度|触控|录影|相容|硬碟|回馈|互动|建构|内建|非同步|协定|连线|公分|公尺"
)
"""words that Taiwan uses, in simple characters, where the mainland has others"""


def test_no_word_is_left_that_only_taiwan_uses() -> None:
    said = {key: texts["zh-Hans"] for key, texts in words().items()}
    said |= {path.name: simplified(path.read_text("utf-8")) for path in PAGES}
    found = {key: left for key, text in said.items() if (left := TAIWANS.findall(text))}
    assert found == {}, "add the word to TERMS in explain/hans.py"


def test_no_character_is_left_that_only_traditional_chinese_has() -> None:
    said = {key: texts["zh-Hans"] for key, texts in words().items()}
    said |= {path.name: simplified(path.read_text("utf-8")) for path in PAGES}
    said |= {term: simplified(term) for term in TERMS}
    found = {key: left for key, text in said.items() if (left := left_over(text))}
    assert found == {}, "add the pair to CHARACTERS in explain/hans.py, or the word to TERMS"
