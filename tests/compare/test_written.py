"""The files of a comparison, and the table that a terminal shows."""

import io
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console

from dqnlab.comparing.assess import assessment_of
from dqnlab.comparing.comparison import Arm, Comparison
from dqnlab.comparing.markdown import markdown
from dqnlab.comparing.table import comparison_table
from dqnlab.comparing.write import DATA, FIGURES, TABLE, write_comparison
from dqnlab.errors import ConfigError

from .kit import cell, comparison

LOW = (100.0, 110.0, 120.0)
HIGH = (400.0, 420.0, 410.0)


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def printed(found: Comparison, width: int = 140) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(comparison_table(assessment_of(found)))
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_a_narrow_terminal_is_spared_columns_and_nothing_in_them_is_cut() -> None:
    found = comparison(dqn=LOW, double=HIGH)
    tables = {width: printed(found, width).partition("double is better")[0] for width in (140, 80, 60)}
    named = ("P(better)", "IQM", "seconds", "95 % interval")
    assert [name for name in named if name in tables[140]] == list(named)
    assert [name for name in named if name in tables[80]] == ["seconds", "95 % interval"]
    assert [name for name in named if name in tables[60]] == []
    for table in tables.values():
        words = ("dqn", "double", "410.0", "+300.0", "better (exploratory)")
        assert [word for word in words if word not in table] == []
        assert "…" not in table


def test_every_episode_and_every_number_stands_in_the_json(tmp_path: Path) -> None:
    write_comparison(comparison(dqn=LOW, double=[*HIGH, None]), tmp_path / "new" / "folder")
    data = json.loads((tmp_path / "new" / "folder" / DATA).read_text())
    assert data["schema"] == 1
    assert (data["baseline"], data["arms"], data["envs"]) == ("dqn", ["dqn", "double"], ["CartPole-v1"])
    first, second = data["cells"]
    assert first["seeds"][1]["score"]["returns"] == [100.0, 120.0, 100.0, 120.0]
    assert first["mean"]["mean"] == 110.0
    assert second["seeds"][3] == {
        "seed": 3,
        "folder": "runs/CartPole-v1/seed-3",
        "score": None,
        "error": "it fell",
        "env_steps": 1000,
        "updates": 500,
        "seconds": 10.0,
        "curve": [[500, 20.0], [1000, 40.0]],
        "fork": None,
    }
    (contrast,) = data["contrasts"]
    assert contrast["welch"]["difference"] == 300.0
    assert contrast["says"] == data["conclusion"]
    assert len(data["profiles"]["levels"]) == len(data["profiles"]["arms"][0]["share"])


def test_settings_that_json_has_no_word_for_are_text(tmp_path: Path) -> None:
    odd = {"env.kwargs": {"limit": float("inf"), "none": None}, "n": 1}
    arms = tuple(Arm(name=n, cells=(cell(LOW, settings=odd),)) for n in ("a", "b"))
    write_comparison(Comparison(arms=arms, envs=("CartPole-v1",)), tmp_path)
    written = json.loads((tmp_path / DATA).read_text())["cells"][0]["settings"]
    assert written == {"env.kwargs": {"limit": "inf", "none": "none"}, "n": 1}


def test_the_same_comparison_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_comparison(comparison(dqn=LOW, double=HIGH), tmp_path / name)
    assert files(tmp_path / "one") == files(tmp_path / "two")
    assert {DATA, TABLE} <= files(tmp_path / "one").keys()


def test_every_drawing_is_a_file_that_needs_nothing_else(tmp_path: Path) -> None:
    write_comparison(comparison(dqn=LOW, double=[*HIGH, None]), tmp_path)
    drawings = sorted((tmp_path / FIGURES).iterdir())
    assert [each.name for each in drawings] == [
        f"{name}.svg" for name in ("curves", "differences", "improvement", "profiles", "seeds")
    ]
    for each in drawings:
        text = each.read_text("utf-8")
        ElementTree.fromstring(text)
        assert "var(" not in text  # which not every program knows
        assert "double" in text


def test_arms_with_other_budgets_are_not_written_side_by_side(tmp_path: Path) -> None:
    cells = {n: cell(LOW, settings={"budget": "steps", "budget.num": steps}) for n, steps in (("a", 10), ("b", 20))}
    found = Comparison(arms=tuple(Arm(name=n, cells=(c,)) for n, c in cells.items()), envs=("CartPole-v1",))
    with pytest.raises(ConfigError, match="same budget"):
        write_comparison(found, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    write_comparison(found, tmp_path / "out", allow_unequal=True)
    assert "These arms had different budgets or judges: budget.num" in (tmp_path / "out" / TABLE).read_text()


def test_markdown_has_a_row_for_each_arm_and_says_why_seeds_failed() -> None:
    text = markdown(assessment_of(comparison(dqn=LOW, double=[*HIGH, None])))
    assert "| dqn | 110.0 | 85.2 to 134.8 | 110.0 | 3 seeds | 1,000 | 10.0 | baseline |  |  |  |" in text
    assert "| double | 410.0 | 385.2 to 434.8 | 410.0 | 3 of 4 seeds |" in text
    assert "- double on CartPole-v1, seed 3: it fell" in text
    assert "too narrow" in text


def test_names_cannot_bring_markup_with_them() -> None:
    text = markdown(assessment_of(comparison(**{"a|b": LOW, "[x](y)": HIGH})))
    assert "a\\|b" in text
    assert "\\[x\\](y)" in text
    shown = printed(comparison(**{"[red]a[/red]": LOW, "b\x1b[31m": HIGH}))
    assert "[red]a[/red]" in shown
    assert "\x1b" not in shown


def test_the_terminal_shows_every_arm_its_verdict_and_the_conclusion() -> None:
    shown = printed(comparison(dqn=LOW, double=[*HIGH, None], other=LOW[:2]))
    assert "double on CartPole-v1, seed 3: it fell" in shown
    rows = [" ".join(line.split()) for line in shown.splitlines()]
    assert any(row.startswith("dqn 110.0 85.2 to 134.8") and row.endswith("baseline") for row in rows)
    assert any(row.startswith("double 410.0") and "3 of 4 1,000 10.0 +300" in row for row in rows)
    assert any(row.startswith("other 105.0") and row.endswith("no verdict") for row in rows)
    assert "Against dqn:" in shown
