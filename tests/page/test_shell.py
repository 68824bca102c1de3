"""The page as a whole: it draws, stays silent, speaks two languages, and its address leads back to the same moment."""

import json
import re
import zlib
from pathlib import Path

import pytest

from dqnlab.explain import page as explain_page
from dqnlab.explain.dense import dense_text
from dqnlab.explain.page import words
from dqnlab.explain.words import LANGUAGES

from .conftest import Open, Opened
from .sample import sample

VIEWS = ["world", "decision", "whatif", "maps", "inside", "step", "health", "curve", "you"]
SOURCES = Path(explain_page.__file__).parent / "page"


@pytest.fixture
def shown(open_page: Open) -> Opened:
    return open_page(sample())


def test_every_section_is_there_with_its_heading(open_page: Open) -> None:
    page = open_page(sample()).page
    assert page.eval_on_selector_all("main > section", "nodes => nodes.map(n => n.id)") == VIEWS
    assert page.title() == "CartPole-v1 – dqnlab"
    assert page.inner_text(".summary .score") == "480.5 score"
    page.click(".summary summary")
    assert "480.5 (95 % interval 470 to 490) over 100" in page.inner_text(".summary")


@pytest.mark.parametrize("width", [360, 1100])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_has_to_be_scrolled_sideways(open_page: Open, width: int, scheme: str) -> None:
    page = open_page(sample(), width=width, scheme=scheme).page
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_language_is_switched_and_remembered_in_the_address(open_page: Open) -> None:
    opened = open_page(sample())
    opened.page.select_option("select.choose-lang", "zh-Hant")
    assert opened.page.inner_text("#decision h2") == words()["decision.title"]["zh-Hant"]
    assert opened.page.get_attribute("html", "lang") == "zh-Hant"
    assert "lang=zh-Hant" in opened.page.evaluate("location.hash")


HIDDEN = """() => ["story", "numbers"].map((level) => {
  const node = document.createElement("p");
  node.className = `${level}-only`;
  document.body.append(node);
  return getComputedStyle(node).display === "none";
})"""


def test_the_level_is_the_story_until_numbers_are_wanted_and_stands_in_the_address(open_page: Open) -> None:
    page = open_page(sample()).page
    assert page.get_attribute("html", "data-level") == "story"
    assert page.evaluate(HIDDEN) == [False, True]
    page.click(".levels [data-level=numbers]")
    assert page.evaluate("location.hash") == "#level=numbers"
    assert page.evaluate("document.activeElement.dataset.level") == "numbers"
    assert page.evaluate(HIDDEN) == [True, False]


def test_an_address_leads_to_its_moment_and_language(open_page: Open) -> None:
    opened = open_page(sample(), hash="lang=zh-Hant&ep=2&t=5")
    assert opened.page.inner_text("#world h2") == words()["world.title"]["zh-Hant"]
    assert opened.page.evaluate("location.hash") == "#lang=zh-Hant&ep=2&t=5"


@pytest.mark.parametrize("id", ["decision", "curve", "you"])
def test_the_way_to_where_one_is_is_marked_at_the_end_of_the_page_too(open_page: Open, id: str) -> None:
    page = open_page(sample()).page
    page.click(f"nav a[data-at={id}]")
    page.wait_for_selector(f"nav a[data-at={id}][aria-current]")
    page.mouse.wheel(0, 10**6)
    page.wait_for_selector("nav a[data-at=you][aria-current]")
    assert page.locator("nav a[aria-current]").count() == 1


def test_an_address_leads_to_the_section_that_was_chosen(open_page: Open) -> None:
    page = open_page(sample()).page
    page.click("nav a >> nth=6")
    fragment = page.evaluate("location.hash")
    assert fragment == "#at=health"
    again = open_page(sample(), hash=fragment[1:]).page
    assert again.evaluate("document.activeElement.id") == "health-title"
    top = again.evaluate("document.getElementById('health').getBoundingClientRect().top")
    assert 0 <= top < 300


def test_the_browsers_way_back_leads_to_the_section_before(open_page: Open) -> None:
    page = open_page(sample()).page
    for at in (2, 6):
        page.click(f"nav a >> nth={at}")
    page.go_back()
    page.wait_for_selector("nav a[data-at=whatif][aria-current]")
    assert page.evaluate("document.activeElement.id") == "whatif-title"
    assert page.evaluate("location.hash") == "#at=whatif"


def test_the_browsers_way_back_undoes_the_level_and_closes_the_story(open_page: Open) -> None:
    page = open_page(sample()).page
    page.click("nav a >> nth=6")
    page.click(".levels [data-level=numbers]")
    page.go_back()
    page.wait_for_selector(":root[data-level=story]")
    assert page.evaluate("location.hash") == "#at=health"
    page.click(".story-link")
    assert page.locator("dialog.story").is_visible()
    page.go_back()
    page.wait_for_selector("dialog.story", state="hidden")
    assert page.evaluate("location.hash") == "#at=health"
    page.go_forward()
    page.wait_for_selector("dialog.story", state="visible")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog.story", state="hidden")
    page.wait_for_url("**#at=health")


def test_a_choice_of_language_keeps_the_focus(open_page: Open) -> None:
    page = open_page(sample()).page
    page.focus(".choose-lang")
    page.select_option(".choose-lang", "zh-Hans")
    assert page.evaluate("document.activeElement.className") == "choose-lang"
    assert page.evaluate("document.documentElement.lang") == "zh-Hans"


def test_the_verdict_stands_on_top_and_leads_to_the_health_strip(open_page: Open) -> None:
    finding = {"kind": "forgetting", "severity": "bad", "step": 5, "foreseen": None, "numbers": {}, "causes": []}
    page = open_page(sample(findings=[finding])).page
    assert words()["health.kind.forgetting.name"]["en"] in page.inner_text(".summary")
    page.click(".summary a[href*=health]")
    assert page.evaluate("document.activeElement.id") == "health-title"


def test_an_address_made_by_hand_breaks_nothing(open_page: Open) -> None:
    page = open_page(sample(), hash="lang=__proto__&at=__proto__&ep=99999&t=-7&t=x&theme=%3Cb%3E&__proto__=1").page
    assert page.eval_on_selector_all("main > section", "nodes => nodes.length") == len(VIEWS)


def test_a_chosen_theme_outweighs_that_of_the_system(open_page: Open) -> None:
    page = open_page(sample(), scheme="light").page
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.select_option("select.choose-theme", "dark")
    assert page.evaluate(paper) != light


def test_paper_is_light_and_carries_no_buttons(open_page: Open) -> None:
    page = open_page(sample(), hash="theme=dark", scheme="dark").page
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    assert not page.is_visible("nav")
    assert not page.is_visible("#world button")
    assert page.is_visible("#decision .view")


def test_what_is_drawn_on_dark_is_drawn_anew_for_paper(open_page: Open) -> None:
    page = open_page(sample(), hash="t=3", scheme="dark").page
    brightness = """(() => {
      const canvas = document.querySelector("#world canvas");
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      const seen = Array.from({ length: data.length / 4 }, (_, i) => 4 * i).filter((i) => data[i + 3] > 128);
      return seen.reduce((sum, i) => sum + data[i] + data[i + 1] + data[i + 2], 0) / seen.length;
    })()"""
    page.wait_for_timeout(300)
    dark = page.evaluate(brightness)
    assert page.evaluate(f"dispatchEvent(new Event('beforeprint')) && {brightness}") > dark + 30
    assert "theme" not in page.evaluate("location.hash")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("document.documentElement.dataset.theme") == "auto"
    assert page.evaluate(brightness) == pytest.approx(dark, rel=0.01)


def test_every_text_is_there_in_every_language_with_the_same_blanks() -> None:
    for key, texts in words().items():
        assert set(texts) == set(LANGUAGES), key
        blanks = [set(re.findall(r"\{(\w+)[|}]", text)) for text in texts.values()]
        assert blanks[0] == blanks[1] == blanks[2], key


@pytest.mark.parametrize(
    ("languages", "lang"),
    [
        (["en-GB", "zh-TW"], "en"),
        (["de", "zh-CN", "en"], "zh-Hans"),
        (["zh-TW", "en"], "zh-Hant"),
        (["zh-Hant-HK"], "zh-Hant"),
        (["zh"], "zh-Hans"),
        (["fr"], "en"),
        ([], "en"),
    ],
)
def test_the_first_language_is_the_browsers(shown: Opened, languages: list[str], lang: str) -> None:
    assert shown.module("core/i18n.js", "m.preferred(argument)", languages) == lang


def test_words_go_by_the_pointer(shown: Opened) -> None:
    said = "m.makeWords({ a: ['{pointer|Point at|Tap} it, {n|time|times}'] }, 'en')('a', { n: 2 })"
    assert shown.module("core/i18n.js", said) == "Point at it, 2 times"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (999.5, "999.5"),
        (1000, "1,000"),
        (12_345, "12,345"),
        (-20_000, "-20,000"),
        (123_456.7, "123,456.7"),
        (2_500_000, "2.5e6"),
        (0.5, "0.5"),
    ],
)
def test_numbers_have_commas_from_a_thousand_on(open_page: Open, number: float, text: str) -> None:
    assert open_page(sample()).module("core/i18n.js", "m.num(argument, 7)", number) == text


def test_words_of_the_mouse_are_said_to_mice_only() -> None:
    mouse = re.compile(r"\b(hover|point at|click)", re.IGNORECASE)
    said = {key: re.sub(r"\{pointer\|[^}]*\}", "", texts["en"]) for key, texts in words().items()}
    assert {key for key, text in said.items() if mouse.search(text)} == set(), "write {pointer|point at|tap}"


def test_every_text_that_the_page_asks_for_exists() -> None:
    asked = {
        (path.name, key)
        for path in SOURCES.rglob("*.js")
        for key in re.findall(r'\bt\(\s*"([a-z]+\.[a-z_.0-9]+)"', path.read_text("utf-8"))
    }
    assert asked
    assert {(name, key) for name, key in asked if key not in words()} == set()


@pytest.mark.parametrize("path", sorted(SOURCES.rglob("*.[jc]s*")), ids=lambda path: path.name)
def test_sources_are_short_and_make_no_markup_from_text(path: Path) -> None:
    text = path.read_text("utf-8")
    if path.suffix == ".json":
        assert isinstance(json.loads(text), dict)
        return
    assert len(text.splitlines()) <= 300
    assert [line for line in text.splitlines() if line.count("`") % 2] == [], "indents are left out: no text over lines"
    for forbidden in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "Function(", "fetch("):
        assert forbidden not in text


@pytest.mark.parametrize("level", [0, 1, 9])
def test_what_zlib_packs_is_unpacked(shown: Opened, level: int) -> None:
    plain = "".join(text for texts in words().values() for text in texts.values()).encode() + bytes(range(256)) * 3
    packer = zlib.compressobj(level, wbits=-15)
    packed = dense_text(packer.compress(plain) + packer.flush())
    script = "m.inflate(modules['core/codec.js'].bytesOf(argument[0]), argument[1])"
    said = shown.module("core/inflate.js", f"Array.from({script})", [packed, len(plain)])
    assert bytes(said) == plain
    short = dense_text(zlib.compress(b"abcabcabc", wbits=-15))
    assert shown.module("core/inflate.js", f"String.fromCharCode(...{script})", [short, 9]) == "abcabcabc"
