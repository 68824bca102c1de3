"""Whatever a run is called, and whatever it holds, none of it becomes markup, script or a request."""

import json
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote

import pytest

from dqnlab.explain.page import render

from .conftest import Open
from .sample import sample

HOSTILE = [
    "</script><img src=x onerror=alert(1)>",
    '"><script>alert(1)</script>',
    "<svg onload=alert(1)>",
    "<!--<script>",
    "]]></style><script>alert(1)</script>",
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "{{script}} {{data}} {t} {n} ${alert(1)} \\u003cscript\\u003e",
    "line\u2028separator\u2029and\x00zero\x1b[31m\r\n",
    "lone surrogate \ud800 \udfff",
    "__proto__",
    "constructor",
    "\u202eright to left",
    "長" * 500,
]
VIEWS = ["world", "decision", "whatif", "maps", "inside", "step", "health", "curve", "you"]
# What markup that was let in would leave behind.
TRACES = """() => ({
  scripts: document.scripts.length,
  images: [...document.images].filter((image) => !image.src.startsWith("data:")).length,
  inline: [...document.querySelectorAll("*")].flatMap((node) => [...node.attributes])
    .filter(({ name, value }) => name.startsWith("on") || name === "style" && /url|expression/.test(value)
      || ["href", "src", "action"].includes(name) && /^\\s*javascript:/i.test(value)).length,
  frames: document.querySelectorAll("iframe, object, embed, form, base, link, meta[http-equiv=refresh]").length,
  polluted: ({}).hostile !== undefined || Object.keys(Object.prototype).length > 0,
})"""


def everywhere(text: str) -> dict[str, Any]:
    """A page whose every text that a run or an environment chooses is this one."""
    data = sample()
    data["run"] |= {"name": text, "env": text, "preset": text, "created": text, "versions": {text: text}}
    data["config"] = [[text, text], ["env.id", text]]
    data["files"] = [[text, text], ["best network", f"../{text}"]]
    data["settings"]["sync"] = text
    data["actions"] = [text, text]
    data["inputs"] = [each | {"name": text, "unit": text} for each in data["inputs"]]
    data["series"] |= {text: data["series"]["learn/td_error"]}
    data["__proto__"] = {"hostile": text}
    data["run"]["__proto__"] = {"hostile": text}
    for each in data["episodes"]:
        each["ended"] = text
    return data


def assert_clean(opened: Any, scripts: int) -> None:
    """Nothing of the data has become more than text."""
    assert opened.page.evaluate(TRACES) == {
        "scripts": scripts, "images": 0, "inline": 0, "frames": 0, "polluted": False,
    }  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_names_are_shown_as_they_are_and_do_nothing(open_page: Open, text: str) -> None:
    opened = open_page(everywhere(text))
    assert_clean(opened, 4)
    assert opened.page.eval_on_selector_all("main > section", "nodes => nodes.map(n => n.id)") == VIEWS
    shown = opened.page.evaluate("document.querySelector('h1').textContent")
    assert shown == text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") or "\ud800" in text
    opened.page.select_option("select.choose-lang", "zh-Hant")
    assert_clean(opened, 4)


@pytest.mark.parametrize("text", HOSTILE[:4], ids=range(4))
def test_an_address_does_nothing_but_choose(open_page: Open, text: str) -> None:
    keys = ["lang", "theme", "ep", "t", "whatif.x", "whatif.net", "whatif.i", "you.speed", "__proto__", "constructor"]
    opened = open_page(sample(), hash="&".join(f"{key}={quote(text)}" for key in keys))
    assert_clean(opened, 4)


class Scripts(HTMLParser):
    """The script elements of a page: [(attributes, text)]."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[dict[str, str | None], str]] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag == "script"
        if self._inside:
            self.found.append((dict(attrs), ""))

    def handle_data(self, data: str) -> None:
        if self._inside:
            attributes, text = self.found[-1]
            self.found[-1] = (attributes, text + data)

    def handle_endtag(self, tag: str) -> None:
        self._inside = False


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_nothing_in_the_data_ends_the_element_that_holds_it(text: str) -> None:
    data = everywhere(text)
    scripts = Scripts()
    scripts.feed(render(data))
    assert [attributes.get("id") for attributes, _ in scripts.found] == ["words", "story", "data", None]
    held = json.loads(scripts.found[2][1])
    assert held["run"] == json.loads(json.dumps(data["run"]))
    assert "<" not in scripts.found[2][1]


def test_the_policy_forbids_what_could_be_let_in_by_mistake(open_page: Open) -> None:
    opened = open_page(sample())
    opened.page.evaluate(
        """() => {
          const bad = document.createElement("div");
          document.body.append(bad);
          bad.innerHTML = '<img src="data:x" onerror="window.hostile = 1">'
            + '<a id="bad" href="javascript:window.hostile=1">x</a>';
          const script = document.createElement("script");
          script.textContent = "window.hostile = 1";
          document.body.append(script);
          document.querySelector("#bad").click();
        }"""
    )
    opened.page.wait_for_timeout(100)
    assert opened.page.evaluate("window.hostile") is None
    assert any("Content Security Policy" in problem for problem in opened.problems)
    opened.problems.clear()
