"""How the page's parts become one file: modules joined, arrays packed, nothing from a run able to become markup."""

import base64
import hashlib
import json
import re
from typing import Any

import numpy as np
import pytest

from dqnlab.explain import page
from dqnlab.explain.dense import dense_module, dense_script, dense_style, dense_text
from dqnlab.explain.page import _in_order, _module, join_modules, join_styles, pack_for_page, render


def test_a_module_becomes_a_function_of_what_it_imports_and_exports() -> None:
    source = 'import { a, b } from "../x.js";\n\nexport function f() { return a + b; }\nexport const g = 1;\n'
    assert _module("views/y.js", source) == (
        'modules["views/y.js"] = (() => {\n'
        'const { a, b } = modules["x.js"];\n\n'
        "function f() { return a + b; }\nconst g = 1;\n"
        "return { f, g };\n})();\n"
    )


@pytest.mark.parametrize(
    "line", ['import x from "./x.js";', "export default 1;", 'import * as x from "./x.js";', "export { a };"]
)
def test_a_form_that_the_joiner_does_not_know_is_refused(line: str) -> None:
    with pytest.raises(AssertionError, match="not known here"):
        _module("a.js", f"{line}\n")


def test_modules_come_after_what_they_need_and_each_once() -> None:
    sources = {
        "main.js": 'import { a } from "./a.js";\nimport { b } from "./b.js";\n',
        "a.js": 'import { b } from "./b.js";\nexport const a = b;\n',
        "b.js": "export const b = 1;\n",
    }
    assert _in_order("main.js", sources, [], ()) == ["b.js", "a.js", "main.js"]


def test_modules_that_need_each_other_are_refused() -> None:
    sources = {
        "main.js": 'import { a } from "./a.js";\n',
        "a.js": 'import { m } from "./main.js";\nexport const a = m;\n',
    }
    with pytest.raises(AssertionError, match="circle"):
        _in_order("main.js", sources, [], ())


def test_every_module_is_part_of_a_page() -> None:
    script = "".join(map(join_modules, ("main", *page.APART)))
    names = set(page._listed(".js"))
    assert set(re.findall(r'^modules\["([^"]+)"\]', script, re.MULTILINE)) == names


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (np.array([[1.5, -2.0]], np.float32), "f32"),
        (np.array([1.5], np.float16), "f16"),
        (np.array([True, False]), "u8"),
        (np.array([-3], ">i4"), "i32"),
        (np.zeros((0, 4)), "f64"),
    ],
)
def test_an_array_is_packed_with_its_type_and_shape(value: np.ndarray, kind: str) -> None:
    packed = pack_for_page({"x": value})["x"]
    assert (packed["$"], packed["shape"]) == (kind, list(value.shape))
    little = bytes_of(packed["data"])
    assert np.array_equal(np.frombuffer(little, value.dtype.newbyteorder("<")).reshape(value.shape), value)


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (np.array([0, 1, 1], np.float32), "u8"),
        (np.array([0, 300], np.int32), "u16"),
        (np.array([0, 70_000], np.int32), None),
        (np.array([0, -1], np.float32), None),
        (np.array([-0.0, 1], np.float32), None),
        (np.array([np.nan, 1], np.float32), None),
        (np.array([0.5], np.float64), None),
        (np.zeros(0, np.float32), None),
    ],
)
def test_small_whole_numbers_travel_as_such(value: np.ndarray, sent: str | None) -> None:
    packed = pack_for_page(value)
    assert packed["$"] == f"{value.dtype.kind}{8 * value.dtype.itemsize}"
    assert packed.get("as") == sent
    if sent is not None:
        little = np.frombuffer(bytes_of(packed["data"]), sent.replace("u8", "<u1").replace("u16", "<u2"))
        assert (little == value).all()


def test_observations_that_are_the_states_travel_once() -> None:
    state = np.array([[0.1, 2.0]])
    episode = {"obs": state.astype(np.float32), "state": state}
    sent = element(render({"episodes": [episode, {**episode, "obs": episode["obs"] + 1}]}), "data")["episodes"]
    assert sent[0]["obs"] == "state"
    assert sent[1]["obs"]["$"] == "f32"


def test_comments_and_indents_stay_at_home() -> None:
    source = "/** What\n * it is. */\nconst a = 1; // a unit\n\n  // why\n  /* one */ const b = 2;\n"
    assert dense_module(source) == "const a = 1; // a unit\n/* one */ const b = 2;\n"


def test_spaces_around_signs_stay_at_home_but_not_in_texts() -> None:
    assert dense_script('const a = [1, -2]; // a = b\nf(a ? "x = y" : - 3);') == 'const a=[1,-2];\nf(a?"x = y":- 3);'
    for line in ("const a = `${b} = c`;", "const a = /x , y/;", "const a = b / c;"):
        assert dense_script(line) == line
    assert (
        dense_style(".a > .b:hover { margin: 0 -2px; width: calc(1px + 2%); }")
        == ".a > .b:hover{margin:0 -2px;width:calc(1px + 2%);}"
    )


@pytest.mark.parametrize("raw", [b"", b"a", b"ab", b"abc", b"abcd", bytes(range(256)) + b"\xff" * 9])
def test_bytes_are_written_in_85_digits_none_of_which_can_begin_an_element(raw: bytes) -> None:
    assert dense_text(raw) == base64.b85encode(raw).decode().translate({60: ",", 96: "'"})


def test_plain_values_stay_and_what_is_not_finite_becomes_null() -> None:
    value = {"a": [1, 2.5, "x", None, True], "b": (float("nan"), np.float32(2), np.inf, np.int64(3)), 4: "four"}
    assert pack_for_page(value) == {"a": [1, 2.5, "x", None, True], "b": [None, 2.0, None, 3], "4": "four"}


def test_what_every_page_carries_leaves_room_for_the_run() -> None:
    assert len(render({}).encode()) <= 420_000  # of the 800,000 bytes that a page of CartPole may have


def bytes_of(text: str) -> bytes:
    """What `dense_text` wrote."""
    return base64.b85decode(text.translate({44: "<", 39: "`"}))


def element(html: str, name: str) -> Any:
    match = re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', html, re.DOTALL)
    assert match
    return json.loads(match[1])


def test_no_text_of_a_run_can_end_the_element_that_it_stands_in() -> None:
    hostile = "</script><script>alert(1)</script><!-- {{script}} {{style}} \u2028"
    html = render({"name": hostile})
    assert html.count("<script") == 4  # words, the story, data, the page's own
    assert "alert(1)</script>" not in html
    assert element(html, "data") == {"name": hostile}


def test_the_policy_lets_in_this_script_and_this_style_only() -> None:
    html = render({})
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy
    hashes = {
        name: base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for name, text in (("script", join_modules()), ("style", join_styles()))
    }
    assert policy[1] == (
        f"default-src 'none'; script-src 'sha256-{hashes['script']}'; style-src 'sha256-{hashes['style']}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    assert f"<script>{join_modules()}</script>" in html
