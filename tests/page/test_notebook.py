"""A real notebook: training shows one display, and a run at the end of a cell its page, drawn without a network."""

from pathlib import Path
from typing import Any

import pytest

CELLS = (
    "import dqnlab, sys\nsys.path.insert(0, TESTS)\nfrom tiny import tiny\nfrom dqnlab.config import Linear\n"
    "config = tiny(update_every=1, explain=True, threads=1, epsilon=Linear(steps=100))",
    "run = dqnlab.train(config, trackers=('none',), out='run')\nprint('ended')",
    "run",
    "print(run)\nsorted(name for name in sys.modules if name.startswith('ipywidgets'))",
)


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> list[list[Any]]:
    """The outputs of the cells of a notebook that really ran."""
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    home = tmp_path_factory.mktemp("notebook")
    tests = str(Path(__file__).resolve().parents[1])
    cells = [nbformat.v4.new_code_cell(source.replace("TESTS", repr(tests))) for source in CELLS]
    book = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(book, timeout=110, resources={"metadata": {"path": str(home)}}).execute()
    return [cell.outputs for cell in book.cells]


@pytest.mark.world
def test_training_shows_one_display_that_ends_with_the_score(outputs: list[list[Any]]) -> None:
    card, printed = outputs[1]
    assert (card.output_type, printed.text) == ("display_data", "ended\n")
    assert "300 of 300 steps" in card.data["text/html"]
    assert "score " in card.data["text/html"]
    assert card.data["text/plain"].splitlines()[0] == "CartPole-v1, seed 0"


@pytest.mark.world
def test_a_run_at_the_end_of_a_cell_is_its_page_and_in_print_one_line(outputs: list[list[Any]]) -> None:
    ((shown,), (printed, widgets)) = outputs[2:]
    assert shown.data["text/html"].count("<iframe") == 1
    assert shown.data["text/plain"].startswith("Run('CartPole-v1', 'tiny', seed=0, score=")
    assert len(shown.data["text/html"]) < 2_500_000
    assert printed.text.count("\n") == 1
    assert widgets.data["text/plain"] == "[]"


def test_the_page_in_a_notebook_is_drawn_without_a_network(
    outputs: list[list[Any]], browser: Any, tmp_path: Path
) -> None:
    file = tmp_path / "notebook.html"
    file.write_text(f"<!doctype html><meta charset=utf-8>{outputs[2][0].data['text/html']}", encoding="utf-8")
    context = browser.new_context(offline=True, viewport={"width": 1000, "height": 900})
    page = context.new_page()
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.goto(file.as_uri())
    frame = page.frames[1]
    frame.wait_for_selector("#curve .view > *")
    assert frame.locator("canvas").first.is_visible()
    context.close()
    assert heard == []
