"""The exported script in a browser: alone, and beside the page's own network."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dqnlab.explain.page import pack_for_page
from dqnlab.explain.weights import layers
from dqnlab.exporting.export import WRITERS
from dqnlab.exporting.verify import verify

from ..exported import KINDS, balancing_agent, make_agent, states_for, write_all
from .conftest import Open
from .sample import sample

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "exported"
JS = {"js": WRITERS["js"]}


def test_an_exported_agent_balances_a_pole_in_a_page_of_its_own(pages: Callable[[int], Any], tmp_path: Path) -> None:
    write_all(balancing_agent(), tmp_path, JS)
    (tmp_path / "js" / "cartpole.html").write_text((EXAMPLES / "cartpole.html").read_text("utf-8"), "utf-8")
    page = pages(0)
    page.goto((tmp_path / "js" / "cartpole.html").as_uri())
    assert page.inner_text("p") == "balanced for 500 of 500 steps"
    page.goto("about:blank")


def test_exported_scripts_say_in_a_browser_what_networks_say(pages: Callable[[int], Any], tmp_path: Path) -> None:
    page = pages(0)
    page.goto("about:blank")
    for kind in ("noisy dueling qr", "small conv"):
        agent = make_agent(*KINDS[kind])
        states = states_for(agent, 10)
        write_all(agent, tmp_path / kind, JS)
        page.evaluate((tmp_path / kind / "js" / "agent.js").read_text("utf-8"))
        found = page.evaluate("(rows) => rows.map((row) => [agent.values(row), agent.act(row)])", states.obs.tolist())
        np.testing.assert_allclose([values for values, _ in found], states.values, atol=1e-6)
        assert [action for _, action in found] == states.values.argmax(1).tolist()


def test_the_exported_script_and_the_page_have_one_network(open_page: Open, tmp_path: Path) -> None:
    agent = balancing_agent()
    states = states_for(agent, 10)
    write_all(agent, tmp_path, JS)
    opened = open_page(sample())
    opened.page.evaluate((tmp_path / "js" / "agent.js").read_text("utf-8"))
    network = json.dumps(pack_for_page(layers(agent.network)))
    opened.page.evaluate(f"globalThis.net = modules['core/codec.js'].unpack({network})")
    own = "rows => rows.map((row) => Array.from(modules['net/network.js'].makeNetwork(net).qValues(row)))"
    exported = "rows => rows.map((row) => agent.values(row))"
    rows = states.obs.tolist()
    np.testing.assert_allclose(opened.page.evaluate(exported, rows), opened.page.evaluate(own, rows), atol=1e-12)


def test_without_node_a_page_compares(browser: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "node" else found(name))
    agent = make_agent(*KINDS["gru of parts"])
    about = write_all(agent, tmp_path, JS)
    (tmp_path / "aside").mkdir()
    equality = verify("js", tmp_path / "js", about, states_for(agent), tmp_path / "aside")
    assert equality.by == "chromium"
    assert (equality.equal, equality.missing, equality.difference < 1e-6) == (24, "", True)
